import { accumulate, BLINDERS, lower, quantize, realValues, roundWeight, type Scale } from "@mednexus/sdk";
import type { Rows } from "../data/split.ts";
import {
  decodeStatistics,
  encodeStatistics,
  STATISTICS_FRACTION_BITS,
  statisticsSpec,
  type FeatureRange,
  type Standardizer,
} from "../data/standardize.ts";
import { clip, type UpdateLimits } from "./clip.ts";
import type { DriftMemory, Trainer } from "./trainer.ts";

/**
 * The protocol's arithmetic in one process, to the bit, by the functions the parties themselves use; only commitments, proofs and
 * shares are left out. For accuracy studies and tests.
 */
export interface Arithmetic {
  /** n: coordinates of the circuit. */
  readonly n: number;
  readonly scale: Scale;
  /** B², in squared units of 2^-q. */
  readonly normBound2: bigint;
}

/** B = 2^15 - 1 keeps every coordinate in 16 bits by itself; with q = 12 a round moves the real model by less than 8. */
export const ARITHMETIC_DEFAULTS: Omit<Arithmetic, "n"> = {
  scale: { updateBits: 12, stepBits: 0 },
  normBound2: (2n ** 15n - 1n) ** 2n,
};

/** Mean and deviation over all hospitals' rows by the statistics round: every contribution quantized, only their sum decoded. */
export function federatedStatistics(
  hospitals: readonly Rows[],
  ranges: readonly FeatureRange[],
  n: number,
): Standardizer {
  const spec = statisticsSpec(ranges, n);
  const cap = Math.max(...hospitals.map((rows) => rows.X.length));
  let sum = Array.from({ length: n }, () => 0n);
  for (const { X } of hospitals) {
    // Already weighted, hence records = cap.
    const options = { n, updateBits: STATISTICS_FRACTION_BITS, records: 1n, cap: 1n };
    const contribution = quantize(encodeStatistics(X, X.length / cap, spec), options);
    sum = sum.map((value, j) => value + contribution[j]!);
  }
  const totalWeight = hospitals.reduce((total, { X }) => total + X.length / cap, 0);
  const reals = Float64Array.from(sum, (value) => Number(value) / 2 ** STATISTICS_FRACTION_BITS);
  return decodeStatistics(reals, totalWeight, hospitals.length, spec);
}

/**
 * Trains for `rounds` rounds, each hospital weighted by its rows; calls `onRound` with the model after each. Rows are standardized.
 * The committed model starts at zero and counts from the trainer's public start.
 */
export async function trainFederated(
  trainer: Trainer,
  hospitals: readonly Rows[],
  options: { rounds: number; seed: number; arithmetic: Arithmetic },
  onRound: (round: number, parameters: Float64Array) => void = () => {},
): Promise<Float64Array> {
  const { n, scale, normBound2 } = options.arithmetic;
  const cap = BigInt(Math.max(...hospitals.map((rows) => rows.X.length)));
  const records = hospitals.map((rows) => BigInt(rows.X.length));
  const totalRecords = records.reduce((sum, count) => sum + count, 0n);
  const weight = roundWeight(1n << BigInt(scale.stepBits), cap, totalRecords);
  const zero = Array.from({ length: n }, () => 0n);
  const toVector = (values: readonly bigint[]): bigint[] => [...lower(values), ...zero.slice(0, BLINDERS)];
  const start = trainer.init(options.seed);
  const real = (model: readonly bigint[]): Float64Array => {
    const values = realValues(model, scale);
    return start.map((w, j) => w + values[j]!);
  };

  let model = toVector(zero);
  const memories: (DriftMemory | undefined)[] = hospitals.map(() => undefined);
  for (let round = 1; round <= options.rounds; round++) {
    const base = real(model);
    let sum = zero;
    for (const [i, rows] of hospitals.entries()) {
      const limits: UpdateLimits = {
        n,
        updateBits: scale.updateBits,
        records: records[i]!,
        cap,
        normBound2,
      };
      const { delta, memory } = await trainer.train(base, rows, memories[i]);
      memories[i] = memory;
      const update = quantize(clip(delta, limits), limits);
      sum = sum.map((value, j) => value + update[j]!);
    }
    model = accumulate(model, weight, toVector(sum));
    onRound(round, real(model));
  }
  return real(model);
}
