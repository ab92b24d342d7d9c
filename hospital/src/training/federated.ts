import type { Rows } from "../data/split.ts";
import {
  decodeStatistics,
  encodeStatistics,
  STATISTICS_FRACTION_BITS,
  statisticsSpec,
  type FeatureRange,
  type Standardizer,
} from "../data/standardize.ts";
import { clip } from "./clip.ts";
import type { DriftMemory, Trainer } from "./trainer.ts";

/**
 * The protocol's arithmetic in one process, to the bit, without commitments, proofs and shares: for accuracy studies and tests.
 * M̃(t+1) = M̃(t) + λ_t·Σ u_i with λ_t = ⌊λ·2^f·cap/Σn̂⌋; the real model is M̃ / 2^(f+q+ℓ). Here λ = 1 and ℓ = 0.
 */
export interface Arithmetic {
  /** f: fraction bits of λ_t. */
  readonly scaleBits: number;
  /** q: fraction bits of an update. */
  readonly fractionBits: number;
  /** B: bound on the norm of an unweighted update, in units of 2^-q. */
  readonly normBound: bigint;
  /** n: coordinates of the circuit. */
  readonly size: number;
}

/** B = 2^15 - 1 keeps every coordinate in 16 bits by itself; in reals an update moves the model by less than 8 a round. */
export const ARITHMETIC_DEFAULTS: Arithmetic = { scaleBits: 16, fractionBits: 12, normBound: 32_767n, size: 128 };

/** A hospital's pre-weighted integers, zero-padded to n. `records` is n̂ <= cap. */
export function quantizeUpdate(delta: Float64Array, records: number, cap: number, arithmetic: Arithmetic): bigint[] {
  const limits = {
    fractionBits: arithmetic.fractionBits,
    weight: records / cap,
    normBound2: (arithmetic.normBound ** 2n * BigInt(records) ** 2n) / BigInt(cap) ** 2n,
  };
  const clipped = clip(delta, limits);
  const unit = 2 ** limits.fractionBits * limits.weight;
  return Array.from({ length: arithmetic.size }, (_, j) => BigInt(Math.round((clipped[j] ?? 0) * unit)));
}

/** Adds one round's sum to the integer model. */
export function applyRound(
  model: readonly bigint[],
  updates: readonly bigint[][],
  records: readonly number[],
  cap: number,
  arithmetic: Arithmetic,
): bigint[] {
  const total = records.reduce((sum, count) => sum + count, 0);
  const lambda = ((1n << BigInt(arithmetic.scaleBits)) * BigInt(cap)) / BigInt(total);
  return model.map((value, j) => value + lambda * updates.reduce((sum, update) => sum + update[j]!, 0n));
}

/** The real parameters that an integer model stands for. */
export function toReal(model: readonly bigint[], parameterCount: number, arithmetic: Arithmetic): Float64Array {
  const unit = 2 ** (arithmetic.scaleBits + arithmetic.fractionBits);
  return Float64Array.from({ length: parameterCount }, (_, j) => Number(model[j]!) / unit);
}

/** Mean and deviation over all hospitals' rows by the statistics round: every contribution quantized, only their sum decoded. */
export function federatedStatistics(
  hospitals: readonly Rows[],
  ranges: readonly FeatureRange[],
  size: number,
): Standardizer {
  const spec = statisticsSpec(ranges, size);
  const cap = Math.max(...hospitals.map((rows) => rows.X.length));
  const unit = 2 ** STATISTICS_FRACTION_BITS;
  const sum = new Float64Array(size);
  let totalWeight = 0;
  for (const { X } of hospitals) {
    const weight = X.length / cap;
    totalWeight += weight;
    encodeStatistics(X, weight, spec).forEach((value, j) => (sum[j]! += Math.round(value * unit)));
  }
  return decodeStatistics(
    sum.map((value) => value / unit),
    totalWeight,
    hospitals.length,
    spec,
  );
}

/** Trains for `rounds` rounds from zero plus the trainer's start; calls `onRound` with the model after each. Rows are standardized. */
export async function trainFederated(
  trainer: Trainer,
  hospitals: readonly Rows[],
  rounds: number,
  seed: number,
  arithmetic: Arithmetic = ARITHMETIC_DEFAULTS,
  onRound: (round: number, parameters: Float64Array) => void = () => {},
): Promise<Float64Array> {
  const records = hospitals.map((rows) => rows.X.length);
  const cap = Math.max(...records);
  let model = quantizeUpdate(trainer.init(seed), 1, 1, arithmetic).map(
    (value) => value << BigInt(arithmetic.scaleBits),
  );
  const memories: (DriftMemory | undefined)[] = hospitals.map(() => undefined);
  for (let round = 1; round <= rounds; round++) {
    const base = toReal(model, trainer.parameterCount, arithmetic);
    const updates: bigint[][] = [];
    for (const [i, rows] of hospitals.entries()) {
      const { delta, memory } = await trainer.train(base, rows, memories[i]);
      memories[i] = memory;
      updates.push(quantizeUpdate(delta, records[i]!, cap, arithmetic));
    }
    model = applyRound(model, updates, records, cap, arithmetic);
    onRound(round, toReal(model, trainer.parameterCount, arithmetic));
  }
  return toReal(model, trainer.parameterCount, arithmetic);
}
