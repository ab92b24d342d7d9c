import { expect } from "chai";
import { Curve, FR_MODULUS, type G1, G1_GENERATOR, G2_GENERATOR } from "@mednexus/sdk";
import { G1 as GROUP1, G2 as GROUP2 } from "../curve/formulas.ts";
import type { Device } from "../device/device.ts";
import { FQ, pack, toMontgomery } from "../field/prime.ts";
import { onDevice, seeded, values } from "../test/device.ts";
import { type Affine, joinWindows, msm, plan, SortedDigits, windowSums } from "./msm.ts";

const SEED = Number(process.env.SEED ?? 20261120);
const RANDOM = Number(process.env.MSMS ?? 100);
const ZERO = { x: 0n, y: 0n };

describe(`multi-scalar multiplication (seed ${SEED})`, () => {
  const next = seeded(SEED);
  let curve: Curve;
  let pool: G1[];
  before(async () => {
    curve = await Curve.load();
    pool = await curve.multiples(G1_GENERATOR, values(next, FR_MODULUS, 400));
    pool[0] = ZERO;
    pool[1] = G1_GENERATOR;
    pool[2] = curve.neg(G1_GENERATOR);
    pool[3] = G1_GENERATOR;
  });

  const upload = (device: Device, points: readonly G1[]): GPUBuffer =>
    device.upload(pack(points.flatMap(({ x, y }) => [toMontgomery(FQ, x), toMontgomery(FQ, y)])));

  async function check(
    device: Device,
    points: readonly G1[],
    scalars: readonly bigint[],
    bits = plan(points.length, 254).bits,
  ): Promise<void> {
    const [bases, input] = [upload(device, points), device.upload(pack(scalars))];
    const got = await msm(
      device,
      GROUP1,
      { scalars: input, bases, count: points.length, words: 8, bits: 254 },
      { bits, windows: Math.ceil(255 / bits) },
    );
    device.free(bases, input);
    const want = await curve.msm(await curve.pack(points), scalars);
    expect(asPoint(got)).to.deep.equal(want);
  }

  onDevice(`${RANDOM} random small sums: repeated points, inverses and the identity among them`, async (device) => {
    for (let k = 0; k < RANDOM; k++) {
      const count = 1 + (next() % 12);
      const points = Array.from({ length: count }, () => pool[next() % (k % 3 === 0 ? 4 : pool.length)]!);
      await check(device, points, values(next, FR_MODULUS, count), 8 + (k % 2));
    }
  });

  onDevice("all zero, all one, all equal, all p − 1, one bit each, a single point", async (device) => {
    const points = pool.slice(0, 200);
    const all = (value: bigint): bigint[] => points.map(() => value);
    for (const scalars of [
      all(0n),
      all(1n),
      all(123456789123456789n),
      all(FR_MODULUS - 1n),
      points.map((_, k) => 1n << BigInt(k)),
      points.map((_, k) => (1n << BigInt(k)) - 1n),
    ])
      await check(device, points, scalars, 8);
    await check(
      device,
      points.map(() => G1_GENERATOR),
      values(next, FR_MODULUS, 200),
      8,
    );
    await check(
      device,
      points.map((_, k) => pool[1 + (k % 2)]!),
      all(7n),
      8,
    ); // G − G + G − …
    await check(device, [pool[9]!], [FR_MODULUS - 1n], 16);
  });

  onDevice("a skewed vector of 3,000: most scalars one, some large", async (device) => {
    const points = Array.from({ length: 3000 }, () => pool[next() % pool.length]!);
    await check(
      device,
      points,
      points.map((_, k) => (k % 10 === 0 ? values(next, FR_MODULUS, 1)[0]! : BigInt(k % 2))),
    );
  });

  onDevice("sixteen-bit signed values take their short path", async (device) => {
    const list = Int32Array.from([
      32767,
      -32768,
      0,
      1,
      -1,
      ...Array.from({ length: 395 }, () => (next() % 65536) - 32768),
    ]);
    const [bases, input] = [upload(device, pool), device.upload(new Uint32Array(list.buffer))];
    const got = await msm(device, GROUP1, { scalars: input, bases, count: 400, words: 1, bits: 17 });
    device.free(bases, input);
    expect(plan(400, 17).windows).to.be.below(5);
    const lifted = [...list].map((value) => (BigInt(value) + FR_MODULUS) % FR_MODULUS);
    expect(asPoint(got)).to.deep.equal(await curve.msm(await curve.pack(pool), lifted));
  });

  onDevice("windows a few at a time and in G2, from digits sorted once", async (device) => {
    const scalars = values(next, FR_MODULUS, 40);
    const multiples = values(next, FR_MODULUS, 40).map((value, k) => (k === 7 ? 0n : value));
    const points = multiples.map((k) => (k === 0n ? undefined : curve.mulG2(G2_GENERATOR, k)));
    const bases = device.upload(
      pack(
        points.flatMap((p) =>
          (p === undefined ? [0n, 0n, 0n, 0n] : [p.xRe, p.xIm, p.yRe, p.yIm]).map((value) => toMontgomery(FQ, value)),
        ),
      ),
    );
    const input = device.upload(pack(scalars));
    const bits = 6;
    const windows = Math.ceil(255 / bits);
    const sums: bigint[][] = [];
    for (let first = 0; first < windows; first += 20) {
      const range = { count: 40, from: 0, words: 8 as const, first, windows: Math.min(20, windows - first) };
      const sorted = await SortedDigits.sort(device, { bits, windows }, range, input);
      sums.push(...(await windowSums(device, GROUP2, sorted, bases)));
      sorted.free(device);
    }
    device.free(bases, input);
    const exponent = scalars.reduce((sum, scalar, k) => (sum + scalar * multiples[k]!) % FR_MODULUS, 0n);
    const want = curve.mulG2(G2_GENERATOR, exponent);
    expect(joinWindows(GROUP2, bits, sums)).to.deep.equal([want.xRe, want.xIm, want.yRe, want.yIm]);
    expect(device.allocated).to.equal(0);
  });
});

const asPoint = (point: Affine): G1 => (point === undefined ? ZERO : { x: point[0]!, y: point[1]! });
