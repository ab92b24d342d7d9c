/** Small transforms on a device against their twins. */
import { expect } from "chai";
import { Fr, rootOfUnity } from "@mednexus/sdk";
import type { Device, Launch } from "../device/device.ts";
import { FR, pack, toMontgomery, unpack } from "../field/prime.ts";
import { forwardTransform, inverseTransform } from "../stages/ntt/ntt.ts";
import { difCpu, ditCpu } from "../stages/ntt/ntt.cpu.ts";
import { powers } from "../stages/powers/powers.ts";
import { values } from "./device.ts";

/** log2 of the elements that one workgroup holds: a transform up to this size is one pass */
const TILE_BITS = 9;
const TOGETHER = 50;

/** A one-pass transform over `count` vectors that lie behind each other: the kernel takes any number of tiles, and here each is a transform of its own. */
const tiles = (launch: Launch, count: number): Launch => ({
  ...launch,
  threads: count * launch.threads,
  params: launch.params.with(-1, count),
});

/** Inverse, with an own random scale for every value, and forward transforms of vectors of 2^bits elements. */
export async function checkTransforms(
  device: Device,
  bits: number,
  vectors: readonly (readonly bigint[])[],
  scale: readonly bigint[],
): Promise<void> {
  const size = 2 ** bits;
  const count = vectors.length;
  const root = rootOfUnity(bits);
  const back = Fr.inverse(root);
  const upload = (list: readonly bigint[]): GPUBuffer => device.upload(pack(list));
  const [roots, backs] = [device.buffer(16 * size), device.buffer(16 * size)];
  const [natural, reversed] = [upload(vectors.flat()), upload(vectors.flat())];
  const scales = upload(scale.map((value) => toMontgomery(FR, value)));
  try {
    await device.submit([
      powers(FR, bits - 1, root, 1n, false, roots),
      powers(FR, bits - 1, back, 1n, false, backs),
      ...inverseTransform(bits, natural, backs, scales).map((launch) => tiles(launch, count)),
      ...forwardTransform(bits, reversed, roots).map((launch) => tiles(launch, count)),
    ]);
    const [down, up] = [unpack(await device.download(natural)), unpack(await device.download(reversed))];
    vectors.forEach((vector, k) => {
      const at = k * size;
      const want = difCpu(FR.modulus, vector, back).map((value, j) => (value * scale[at + j]!) % FR.modulus);
      expect(down.slice(at, at + size), `inverse ${k} of 2^${bits}`).to.deep.equal(want);
      expect(up.slice(at, at + size), `forward ${k} of 2^${bits}`).to.deep.equal(ditCpu(FR.modulus, vector, root));
    });
  } finally {
    device.free(roots, backs, natural, reversed, scales);
  }
}

/** `count` random transforms, half of them inverse, of sizes up to a tile. */
export async function randomTransforms(device: Device, next: () => number, count: number): Promise<void> {
  const before = device.allocated;
  for (let done = 0; done < count;) {
    const vectors = Math.ceil(Math.min(2 * TOGETHER, count - done) / 2);
    const bits = 1 + (next() % TILE_BITS);
    const elements = vectors * 2 ** bits;
    const all = values(next, FR.modulus, elements);
    await checkTransforms(
      device,
      bits,
      Array.from({ length: vectors }, (_, k) => all.slice(k * 2 ** bits, (k + 1) * 2 ** bits)),
      values(next, FR.modulus, elements),
    );
    done += 2 * vectors;
  }
  expect(device.allocated).to.equal(before);
}

/** The vectors on which a kernel is most likely to be wrong, in every size up to a tile. */
export async function awkwardTransforms(device: Device, next: () => number): Promise<void> {
  const before = device.allocated;
  const p = FR.modulus;
  for (let bits = 1; bits <= TILE_BITS; bits++) {
    const size = 2 ** bits;
    const of = (value: (k: number) => bigint): bigint[] => Array.from({ length: size }, (_, k) => value(k) % p);
    const vectors = [
      of(() => 0n),
      of(() => 1n),
      of(() => p - 1n),
      of(() => 0x1234567890abcdefn ** 3n),
      of((k) => (k === 0 ? 1n : 0n)),
      of((k) => (k === size - 1 ? p - 1n : 0n)),
      ...[-1n, 0n, 1n].map((offset) => of((k) => (1n << BigInt(k % 254)) + offset + p)),
      of((k) => (k % 2 === 0 ? 1n : p - 1n)),
    ];
    await checkTransforms(device, bits, vectors, values(next, p, vectors.length * size));
  }
  expect(device.allocated).to.equal(before);
}
