/** Sums of points, on a device or by the CPU's kernels, against their twin, ffjavascript's. */
import { expect } from "chai";
import { Curve, FR_MODULUS, type G1, G1_GENERATOR, G1_INFINITY, type G2, G2_GENERATOR } from "@mednexus/sdk";
import { G1 as GROUP1, G2 as GROUP2, type Group } from "../curve/formulas.ts";
import type { Device } from "../device/device.ts";
import { FQ, pack, toMontgomery } from "../field/prime.ts";
import { type Affine, msm, plan } from "../msm/msm.ts";
import { values } from "./device.ts";

/** What is tested: Σ scalars[k]·bases[k] over flat affine coordinates (all zero: the identity), in windows of `bits`. */
export interface Summer {
  sum(
    group: Group,
    flat: readonly bigint[],
    scalars: readonly bigint[] | Int32Array<ArrayBuffer>,
    bits: number,
  ): Promise<Affine>;
  /** @throws if something is left over */
  end(): void;
}

export class Sums {
  readonly #summer: Summer;
  readonly #curve: Curve;
  readonly #next: () => number;
  /** random points of G1 behind infinity, G, −G and G again */
  readonly pool: readonly G1[];
  /** small multiples of the generator of G2 with their factors, infinity first */
  readonly #pool2: readonly { readonly point: G2 | undefined; readonly factor: bigint }[];

  private constructor(summer: Summer, curve: Curve, next: () => number, pool: readonly G1[]) {
    [this.#summer, this.#curve, this.#next, this.pool] = [summer, curve, next, pool];
    this.#pool2 = Array.from({ length: 20 }, (_, k) => {
      const factor = k < 2 ? BigInt(k) : values(next, FR_MODULUS, 1)[0]!;
      return { factor, point: factor === 0n ? undefined : curve.mulG2(G2_GENERATOR, factor) };
    });
  }

  static over(device: Device, next: () => number, points?: number): Promise<Sums> {
    return Sums.by(deviceSummer(device), next, points);
  }

  static async by(summer: Summer, next: () => number, points = 400): Promise<Sums> {
    const curve = await Curve.load();
    const random = await curve.multiples(G1_GENERATOR, values(next, FR_MODULUS, points - 4));
    return new Sums(summer, curve, next, [G1_INFINITY, G1_GENERATOR, curve.neg(G1_GENERATOR), G1_GENERATOR, ...random]);
  }

  /** Full scalars, canonical. */
  async check(points: readonly G1[], scalars: readonly bigint[], bits = plan(points.length, 254).bits): Promise<void> {
    const got = await this.#summer.sum(GROUP1, coordinates(points), scalars, bits);
    expect(asPoint(got)).to.deep.equal(await this.#curve.msm(await this.#curve.pack(points), scalars));
  }

  /** Signed values of 16 bits, by their short path. */
  async checkShort(
    points: readonly G1[],
    list: Int32Array<ArrayBuffer>,
    bits = plan(points.length, 17).bits,
  ): Promise<void> {
    const got = await this.#summer.sum(GROUP1, coordinates(points), list, bits);
    const lifted = Array.from(list, (value) => (BigInt(value) + FR_MODULUS) % FR_MODULUS);
    expect(asPoint(got)).to.deep.equal(await this.#curve.msm(await this.#curve.pack(points), lifted));
  }

  /** Full scalars over points of G2 whose logarithms are known. */
  async checkG2(scalars: readonly bigint[]): Promise<void> {
    const picked = scalars.map(() => this.#pool2[this.#next() % this.#pool2.length]!);
    const flat = picked.flatMap(({ point: p }) => (p === undefined ? [0n, 0n, 0n, 0n] : [p.xRe, p.xIm, p.yRe, p.yIm]));
    const got = await this.#summer.sum(GROUP2, flat, scalars, plan(scalars.length, 254).bits);
    const log = scalars.reduce((sum, scalar, k) => (sum + scalar * picked[k]!.factor) % FR_MODULUS, 0n);
    const want = this.#curve.mulG2(G2_GENERATOR, log);
    expect(got).to.deep.equal(log === 0n ? undefined : [want.xRe, want.xIm, want.yRe, want.yIm]);
  }

  /** All zero, all one, all equal, all p − 1, powers of two and their neighbours, a single point; over 254 points. */
  async awkwardScalars(): Promise<void> {
    const points = this.pool.slice(0, 254);
    const all = (value: bigint): bigint[] => points.map(() => value);
    for (const scalars of [
      all(0n),
      all(1n),
      all(123456789123456789n),
      all(FR_MODULUS - 1n),
      ...[-1n, 0n, 1n].map((offset) => points.map((_, k) => ((1n << BigInt(k)) + offset) % FR_MODULUS)),
    ])
      await this.check(points, scalars);
    await this.check([points[9]!], [FR_MODULUS - 1n]);
  }

  /** One point only, G − G + G − …, infinity only, infinity among others. */
  async awkwardPoints(): Promise<void> {
    const [infinity, generator, negated] = this.pool as [G1, G1, G1];
    const scalars = values(this.#next, FR_MODULUS, 200);
    const sevens = scalars.map(() => 7n);
    const each = (pick: (k: number) => G1): G1[] => scalars.map((_, k) => pick(k));
    for (const [points, by] of [
      [each(() => generator), scalars],
      [each((k) => (k % 2 === 0 ? generator : negated)), sevens],
      [each(() => infinity), scalars],
      [each((k) => (k % 2 === 0 ? infinity : this.pool[k]!)), scalars],
    ] as const)
      await this.check(points, by);
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
    this.#summer.end();
  }
}

const deviceSummer = (device: Device): Summer => ({
  async sum(group, flat, scalars, bits) {
    const short = scalars instanceof Int32Array;
    const scalarBits = short ? 17 : 254;
    const bases = device.upload(pack(flat.map((value) => toMontgomery(FQ, value))));
    const input = device.upload(short ? new Uint32Array(scalars.buffer) : pack(scalars));
    try {
      return await msm(
        device,
        group,
        { scalars: input, bases, count: scalars.length, words: short ? 1 : 8, bits: scalarBits },
        // one bit more for the carry out of the last full window
        { bits, windows: Math.ceil((scalarBits + 1) / bits) },
      );
    } finally {
      device.free(bases, input);
    }
  },
  end: () => void expect(device.allocated).to.equal(0),
});

/** Signed values of 16 bits, the ends of their range and zero among them. */
export const shorts = (next: () => number, count: number): Int32Array<ArrayBuffer> =>
  Int32Array.from({ length: count }, () =>
    next() % 4 === 0 ? [32767, -32768, 0, 1, -1][next() % 5]! : (next() % 65536) - 32768,
  );

const coordinates = (points: readonly G1[]): bigint[] => points.flatMap(({ x, y }) => [x, y]);

const asPoint = (point: Affine): G1 => (point === undefined ? G1_INFINITY : { x: point[0]!, y: point[1]! });
