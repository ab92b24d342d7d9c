import { Fq } from "@mednexus/sdk";
import { evaluate } from "../curve/program.ts";
import type { Group } from "../curve/formulas.ts";
import type { Device, Launch } from "../device/device.ts";
import { FQ, fromMontgomery, unpack } from "../field/prime.ts";
import { countDigits, scatterDigits, type Windows } from "../stages/digits/digits.ts";
import { scan } from "../stages/scan/scan.ts";
import { points, wordsOf } from "../stages/segments/monoid.ts";
import { accumulateKernel, combineKernel, scratchSize, segmentedSum } from "../stages/segments/segments.ts";
import { weigh } from "../stages/weigh/weigh.ts";

/** Affine coordinates, flat (x, y; each re, im in G2); undefined: the identity. */
export type Affine = readonly bigint[] | undefined;

const CHUNK = 32;
const WEIGH = 16;

/** How scalars are cut: `bits` a window, windows until the scalar and the last carry are used up. */
export interface Plan {
  readonly bits: number;
  readonly windows: number;
}

/**
 * Window size with the least additions: windows·(points + 2.5·buckets), the buckets' share being what weighing them costs beside one mixed addition a point.
 */
export function plan(count: number, scalarBits: number): Plan {
  let best: Plan & { cost: number } = { bits: 0, windows: 0, cost: Infinity };
  for (let bits = 4; bits <= 16; bits++) {
    // one bit more for the carry out of the last full window
    const windows = Math.ceil((scalarBits + 1) / bits);
    const cost = windows * (count + 2.5 * 2 ** (bits - 1));
    if (cost < best.cost) best = { bits, windows, cost };
  }
  return { bits: best.bits, windows: best.windows };
}

/** Bytes of device memory that `Msm` needs at a time for one window of a plan, without bases and scalars. Formula of the README. */
export function bytesPerWindow(group: Group, count: number, bits: number): number {
  const buckets = 2 ** (bits - 1);
  const element = 4 * wordsOf(points(group));
  const scratch = scratchSize(count, CHUNK);
  return 4 * buckets + 8 * count + 4 * scratch + element * (buckets + scratch + buckets / WEIGH);
}

/** The digits of a vector of scalars, sorted by window and bucket; several MSMs over the same scalars share it. */
export class SortedDigits {
  readonly plan: Plan;
  readonly first: number;
  readonly windows: number;
  readonly count: number;
  /** after the sort: each bucket's end, then (last word) the number of entries */
  readonly positions: GPUBuffer;
  readonly entries: GPUBuffer;
  readonly keys: GPUBuffer;
  /** first word of `keys` free for later levels */
  readonly keyScratch: number;

  private constructor(
    device: Device,
    plan_: Plan,
    { count, first, windows }: { count: number; first: number; windows: number },
  ) {
    this.plan = plan_;
    this.first = first;
    this.windows = windows;
    this.count = count;
    const most = count * windows;
    this.keyScratch = most;
    this.positions = device.buffer(4 * (this.buckets + 1), "positions");
    this.entries = device.buffer(4 * most, "entries");
    this.keys = device.buffer(4 * (most + scratchSize(most, CHUNK)), "keys");
  }

  get buckets(): number {
    return this.windows * 2 ** (this.plan.bits - 1);
  }

  static async sort(
    device: Device,
    plan_: Plan,
    range: { count: number; from: number; words: 1 | 8; first: number; windows: number },
    scalars: GPUBuffer,
  ): Promise<SortedDigits> {
    const sorted = new SortedDigits(device, plan_, range);
    const digits: Windows = { ...range, bits: plan_.bits };
    const { launches, scratch } = scan(device, sorted.positions, sorted.buckets + 1);
    try {
      await device.submit([
        countDigits(digits, scalars, sorted.positions),
        ...launches,
        scatterDigits(digits, scalars, sorted.positions, sorted.entries, sorted.keys),
      ]);
    } catch (error) {
      sorted.free(device);
      throw error;
    } finally {
      device.free(...scratch);
    }
    return sorted;
  }

  free(device: Device): void {
    device.free(this.positions, this.entries, this.keys);
  }
}

/**
 * One point a window: Σ_digits digit·base. `bases`: affine Montgomery words; entry k of the sorted digits belongs to base `from + k`.
 */
export async function windowSums(
  device: Device,
  group: Group,
  sorted: SortedDigits,
  bases: GPUBuffer,
  from = 0,
): Promise<bigint[][]> {
  const monoid = points(group);
  const words = wordsOf(monoid);
  const half = 2 ** (sorted.plan.bits - 1);
  const { buckets, windows } = sorted;
  const most = sorted.count * windows;
  const each = Math.min(WEIGH, half);
  const weighed = buckets / each;
  // regions of `sums`, in elements: buckets, scratch, weighed buckets; the windows' sums reuse the buckets' place
  const scratch = Math.max(scratchSize(most, CHUNK), scratchSize(weighed, CHUNK));
  const sums = device.buffer(4 * words * (buckets + scratch + weighed), `${group.name} buckets`);
  const windowKeys = new Uint32Array(weighed + scratchSize(weighed, CHUNK));
  for (let k = 0; k < weighed; k++) windowKeys[k] = Math.floor((k * each) / half);
  const keys = device.upload(windowKeys, "window keys");
  const counts = device.upload(Uint32Array.of(weighed), "weighed");
  try {
    const accumulate: Launch[] = segmentedSum(
      monoid,
      { kernel: accumulateKernel(group), buffers: [sorted.entries, bases], param: from },
      {
        counts: sorted.positions,
        count: buckets,
        most,
        chunk: CHUNK,
        keys: sorted.keys,
        sums,
        keyBase: 0,
        keyScratch: sorted.keyScratch,
        out: 0,
        scratch: buckets,
      },
    );
    const reduce: Launch[] = segmentedSum(
      monoid,
      { kernel: combineKernel(monoid), buffers: [], param: buckets + scratch },
      {
        counts,
        count: 0,
        most: weighed,
        chunk: CHUNK,
        keys,
        sums,
        keyBase: 0,
        keyScratch: weighed,
        out: 0,
        scratch: buckets,
      },
    );
    await device.submit([
      ...accumulate,
      weigh(group, buckets, half, each, buckets + scratch, sorted.positions, sums),
      ...reduce,
    ]);
    const flat = unpack(await device.download(sums, 4 * words * windows)).map((value) => fromMontgomery(FQ, value));
    return Array.from({ length: windows }, (_, w) => flat.slice(w * monoid.coordinates, (w + 1) * monoid.coordinates));
  } finally {
    device.free(sums, keys, counts);
  }
}

/** Σ 2^(bits·w)·windows[w], then affine: 250 doublings of one point, on the CPU. */
export function joinWindows(group: Group, bits: number, windows: readonly (readonly bigint[])[]): Affine {
  const identity = [...Array<bigint>(group.degree).fill(0n), 1n, ...Array<bigint>(2 * group.degree - 1).fill(0n)];
  let sum: readonly bigint[] = identity;
  for (const window of [...windows].reverse()) {
    for (let k = 0; k < bits; k++) sum = evaluate(FQ, group.add, [...sum, ...sum]);
    sum = evaluate(FQ, group.add, [...sum, ...(isUnwritten(window) ? identity : window)]);
  }
  return toAffine(group, sum);
}

const isUnwritten = (point: readonly bigint[]): boolean => point.every((value) => value === 0n);

export function toAffine(group: Group, point: readonly bigint[]): Affine {
  const p = FQ.modulus;
  if (group.degree === 1) {
    const [x, y, z] = point as [bigint, bigint, bigint];
    if (z === 0n) return undefined;
    const over = Fq.inverse(z);
    return [(x * over) % p, (y * over) % p];
  }
  const [xr, xi, yr, yi, zr, zi] = point as [bigint, bigint, bigint, bigint, bigint, bigint];
  if (zr === 0n && zi === 0n) return undefined;
  const norm = Fq.inverse((zr * zr + zi * zi) % p);
  const [r, i] = [(zr * norm) % p, ((p - zi) * norm) % p];
  const times = (a: bigint, b: bigint): bigint[] => [(a * r + (p - b) * i) % p, (a * i + b * r) % p];
  return [...times(xr, xi), ...times(yr, yi)];
}

/** Σ scalars[k]·bases[k] over all windows, as many at a time as memory and bindings allow. `words` 8: unsigned canonical scalars; 1: signed 32-bit. */
export async function msm(
  device: Device,
  group: Group,
  input: {
    readonly scalars: GPUBuffer;
    readonly bases: GPUBuffer;
    readonly count: number;
    readonly words: 1 | 8;
    readonly bits: number;
  },
  plan_: Plan = plan(input.count, input.bits),
): Promise<Affine> {
  if (input.count === 0) return undefined;
  const element = 4 * wordsOf(points(group));
  const fits = (windows: number): boolean => {
    const scratch = scratchSize(input.count * windows, CHUNK);
    const buckets = windows * 2 ** (plan_.bits - 1);
    return (
      element * (buckets + scratch + buckets / WEIGH) <= device.maxBinding &&
      4 * (input.count * windows + scratch) <= device.maxBinding
    );
  };
  let together = plan_.windows;
  while (together > 1 && !fits(together)) together = Math.ceil(together / 2);
  const sums: bigint[][] = [];
  for (let first = 0; first < plan_.windows; first += together) {
    const windows = Math.min(together, plan_.windows - first);
    const sorted = await SortedDigits.sort(
      device,
      plan_,
      { count: input.count, from: 0, words: input.words, first, windows },
      input.scalars,
    );
    try {
      sums.push(...(await windowSums(device, group, sorted, input.bases)));
    } finally {
      sorted.free(device);
    }
  }
  return joinWindows(group, plan_.bits, sums);
}
