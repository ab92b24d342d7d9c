/** Sums of points on a device against their twin, ffjavascript's on the CPU. */
import { expect } from "chai";
import { Curve, FR_MODULUS, type G1, G1_GENERATOR, G1_INFINITY, type G2, G2_GENERATOR } from "@mednexus/sdk";
import { G1 as GROUP1, G2 as GROUP2, type Group } from "../curve/formulas.ts";
import type { Device } from "../device/device.ts";
import { FQ, pack, toMontgomery } from "../field/prime.ts";
import { type Affine, msm, plan } from "../msm/msm.ts";
import { values } from "./device.ts";

export class Sums {
  readonly #device: Device;
  readonly #curve: Curve;
  readonly #next: () => number;
  /** random points of G1 behind infinity, G, −G and G again */
  readonly pool: readonly G1[];
  /** small multiples of the generator of G2 with their factors, infinity first */
  readonly #pool2: readonly { readonly point: G2 | undefined; readonly factor: bigint }[];

  private constructor(device: Device, curve: Curve, next: () => number, pool: readonly G1[]) {
    [this.#device, this.#curve, this.#next, this.pool] = [device, curve, next, pool];
    this.#pool2 = Array.from({ length: 20 }, (_, k) => {
      const factor = k < 2 ? BigInt(k) : values(next, FR_MODULUS, 1)[0]!;
      return { factor, point: factor === 0n ? undefined : curve.mulG2(G2_GENERATOR, factor) };
    });
  }

  static async over(device: Device, next: () => number, points = 400): Promise<Sums> {
    const curve = await Curve.load();
    const random = await curve.multiples(G1_GENERATOR, values(next, FR_MODULUS, points - 4));
    return new Sums(device, curve, next, [G1_INFINITY, G1_GENERATOR, curve.neg(G1_GENERATOR), G1_GENERATOR, ...random]);
  }

  /** Full scalars, canonical. */
  async check(points: readonly G1[], scalars: readonly bigint[], bits = plan(points.length, 254).bits): Promise<void> {
    const got = await this.#run(GROUP1, coordinates(points), pack(scalars), points.length, 254, bits);
    expect(asPoint(got)).to.deep.equal(await this.#curve.msm(await this.#curve.pack(points), scalars));
  }

  /** Signed values of 16 bits, by their short path. */
  async checkShort(
    points: readonly G1[],
    list: Int32Array<ArrayBuffer>,
    bits = plan(points.length, 17).bits,
  ): Promise<void> {
    const words = new Uint32Array(list.buffer);
    const got = await this.#run(GROUP1, coordinates(points), words, points.length, 17, bits);
    const lifted = Array.from(list, (value) => (BigInt(value) + FR_MODULUS) % FR_MODULUS);
    expect(asPoint(got)).to.deep.equal(await this.#curve.msm(await this.#curve.pack(points), lifted));
  }

  /** Full scalars over points of G2 whose logarithms are known. */
  async checkG2(scalars: readonly bigint[]): Promise<void> {
    const picked = scalars.map(() => this.#pool2[this.#next() % this.#pool2.length]!);
    const flat = picked.flatMap(({ point: p }) => (p === undefined ? [0n, 0n, 0n, 0n] : [p.xRe, p.xIm, p.yRe, p.yIm]));
    const got = await this.#run(GROUP2, flat, pack(scalars), scalars.length, 254, plan(scalars.length, 254).bits);
    const log = scalars.reduce((sum, scalar, k) => (sum + scalar * picked[k]!.factor) % FR_MODULUS, 0n);
    const want = this.#curve.mulG2(G2_GENERATOR, log);
    expect(got).to.deep.equal(log === 0n ? undefined : [want.xRe, want.xIm, want.yRe, want.yIm]);
  }

  /**
   * `count` sums of up to a dozen points: full scalars and short ones, every third over four points only, so that repetitions, inverses and the identity
   * meet; windows as planned for the size and wider; every thirtieth in G2.
   */
  async random(count: number): Promise<void> {
    const next = this.#next;
    for (let k = 0; k < count; k++) {
      const size = 1 + (next() % 12);
      const points = Array.from({ length: size }, () => this.pool[next() % (k % 3 === 0 ? 4 : this.pool.length)]!);
      const bits = 4 + (k % 50 === 0 ? next() % 6 : next() % 2);
      if (k % 30 === 29) await this.checkG2(values(next, FR_MODULUS, size));
      else if (k % 2 === 0) await this.check(points, values(next, FR_MODULUS, size), bits);
      else await this.checkShort(points, shorts(next, size), bits);
    }
    expect(this.#device.allocated).to.equal(0);
  }

  async #run(
    group: Group,
    flat: readonly bigint[],
    scalars: Uint32Array<ArrayBuffer>,
    count: number,
    scalarBits: number,
    bits: number,
  ): Promise<Affine> {
    const bases = this.#device.upload(pack(flat.map((value) => toMontgomery(FQ, value))));
    const input = this.#device.upload(scalars);
    try {
      return await msm(
        this.#device,
        group,
        { scalars: input, bases, count, words: scalarBits === 254 ? 8 : 1, bits: scalarBits },
        // one bit more for the carry out of the last full window
        { bits, windows: Math.ceil((scalarBits + 1) / bits) },
      );
    } finally {
      this.#device.free(bases, input);
    }
  }
}

/** Signed values of 16 bits, the ends of their range and zero among them. */
export const shorts = (next: () => number, count: number): Int32Array<ArrayBuffer> =>
  Int32Array.from({ length: count }, () =>
    next() % 4 === 0 ? [32767, -32768, 0, 1, -1][next() % 5]! : (next() % 65536) - 32768,
  );

const coordinates = (points: readonly G1[]): bigint[] => points.flatMap(({ x, y }) => [x, y]);

const asPoint = (point: Affine): G1 => (point === undefined ? G1_INFINITY : { x: point[0]!, y: point[1]! });
