/** Integers of a federated model: pre-weighted updates, their bounds, exact accumulation. No rounding after `quantize`. */
import type { Curve, G1 } from "./curve.ts";
import { assertLength, assertValues, BLINDERS, lift, lower, VALUE_OFFSET } from "./encoding.ts";
import { BoundError } from "./errors.ts";
import { Fr } from "./field.ts";

/** f: fractional bits of the weight λ_t. */
export const WEIGHT_FRACTION_BITS = 16;
/** A model coordinate's magnitude, and bound(t), stay below this. */
export const MODEL_BOUND = 1n << 60n;
/** B² and Σu² are 64-bit values in the circuit. */
const NORM_LIMIT = 1n << 64n;

/** Fixed-point format of a lineage: real = M̃ / 2^(f + q + ℓ). */
export interface Scale {
  /** q: fractional bits of an update coordinate. */
  readonly updateBits: number;
  /** ℓ: fractional bits of the learning weight λ. */
  readonly stepBits: number;
}

/** n̂ = min(audited record count, campaign cap). Throws BoundError RECORDS if either is not positive. */
export function effectiveRecords(audited: bigint, cap: bigint): bigint {
  if (audited <= 0n || cap <= 0n) throw new BoundError("RECORDS", "record counts must be positive");
  return audited < cap ? audited : cap;
}

/** B_i² = ⌊B²·n̂²/cap²⌋ in squared integer units. Throws BoundError RECORDS, NORM_BOUND. */
export function memberNormBound2(normBound2: bigint, records: bigint, cap: bigint): bigint {
  if (normBound2 <= 0n || normBound2 >= NORM_LIMIT) throw new BoundError("NORM_BOUND", "B² must be in (0, 2^64)");
  if (records <= 0n || records > cap) throw new BoundError("RECORDS", `${records} records are outside [1, ${cap}]`);
  return (normBound2 * records * records) / (cap * cap);
}

/** Σ u². */
export const squaredNorm = (values: readonly bigint[]): bigint => values.reduce((sum, v) => sum + v * v, 0n);

/** Throws EncodingError VALUE_RANGE or BoundError NORM unless the update is what the circuit accepts. */
export function assertUpdate(values: readonly bigint[], memberBound2: bigint): void {
  assertValues(values);
  if (squaredNorm(values) > memberBound2) throw new BoundError("NORM", "the update's norm exceeds the member's bound");
}

/**
 * u = round(Δ·2^q·n̂/cap), zero-padded to n: weighted before it leaves, because public distinct weights applied later
 * would let small updates be decoded from the sum. Halves round away from zero.
 * @throws BoundError NOT_FINITE; EncodingError VALUE_RANGE, LENGTH, by index only
 */
export function quantize(
  delta: ArrayLike<number>,
  options: { n: number; updateBits: number; records: bigint; cap: bigint },
): bigint[] {
  const { n, updateBits, records, cap } = options;
  if (records <= 0n || records > cap) throw new BoundError("RECORDS", `${records} records are outside [1, ${cap}]`);
  if (delta.length > n) assertLength(Array.from(delta), n, "update");
  const factor = (2 ** updateBits * Number(records)) / Number(cap);
  const values = Array.from({ length: n }, (_, j) => {
    const scaled = (delta[j] ?? 0) * factor;
    if (!Number.isFinite(scaled)) throw new BoundError("NOT_FINITE", `coordinate ${j} is not a finite number`);
    return BigInt(Math.sign(scaled) * Math.round(Math.abs(scaled)));
  });
  assertValues(values);
  return values;
}

/** The n + 4 canonical words that are committed: signed values, then uniform blinders (already canonical). */
export function updateVector(values: readonly bigint[], blinders: readonly bigint[]): bigint[] {
  assertLength(blinders, BLINDERS, "blinders");
  assertValues(values);
  blinders.forEach((rho, i) => Fr.assertCanonical(rho, `blinder ${i}`));
  return [...lower(values), ...blinders];
}

/** λ_t = ⌊λ·2^f·cap/Σn̂⌋; λ is an integer in units of 2^-ℓ. Throws BoundError RECORDS, STEP. */
export function roundWeight(step: bigint, cap: bigint, totalRecords: bigint): bigint {
  if (totalRecords <= 0n || cap <= 0n) throw new BoundError("RECORDS", "record counts must be positive");
  if (step <= 0n) throw new BoundError("STEP", "the learning weight must be positive");
  return ((step << BigInt(WEIGHT_FRACTION_BITS)) * cap) / totalRecords;
}

/** ⌈√value⌉ of a non-negative integer. */
export function ceilSqrt(value: bigint): bigint {
  if (value < 2n) return value;
  let x = 1n << BigInt((value.toString(2).length + 1) >> 1);
  for (;;) {
    const next = (x + value / x) >> 1n;
    if (next >= x) break;
    x = next;
  }
  return x * x === value ? x : x + 1n;
}

/** bound after `rounds` rounds: bound + rounds·λ·2^f·⌈B⌉, which must stay below 2^60. Throws BoundError MODEL_BOUND. */
export function boundAfter(bound: bigint, step: bigint, normBound2: bigint, rounds: bigint = 1n): bigint {
  const next = bound + rounds * (step << BigInt(WEIGHT_FRACTION_BITS)) * ceilSqrt(normBound2);
  if (next >= MODEL_BOUND) throw new BoundError("MODEL_BOUND", "the campaign could outgrow 2^60");
  return next;
}

/** bound(0) of an imported base: 2^(f + ℓ + 15). */
export const importBound = (scale: Scale): bigint => 1n << BigInt(WEIGHT_FRACTION_BITS + scale.stepBits + 15);

/** B² under which a 16-bit import of size n is proved: n·2^30. */
export const importNormBound2 = (n: number): bigint => BigInt(n) << 30n;

/** The factor 2^(f + ℓ) between an imported 16-bit vector and the model it becomes. */
export const importFactor = (scale: Scale): bigint => 1n << BigInt(WEIGHT_FRACTION_BITS + scale.stepBits);

/** U centred from a reconstructed vector: each |U_j| must be at most members·2^15. Throws BoundError SUM_RANGE. */
export function sumValues(vector: readonly bigint[], members: number): bigint[] {
  const limit = BigInt(members) * VALUE_OFFSET;
  return lift(vector.slice(0, vector.length - BLINDERS)).map((v, j) => {
    if (v > limit || v < -limit) throw new BoundError("SUM_RANGE", `sum ${j} is larger than ${members} updates allow`);
    return v;
  });
}

/**
 * M̃(t+1) ‖ P̃(t+1) = M̃(t) ‖ P̃(t) + weight·(U ‖ P), word by word in F_r; the centred model stays below 2^60.
 * Base and sum have n + 4 canonical words; the zero model is all zero. Throws BoundError MODEL_BOUND.
 */
export function accumulate(base: readonly bigint[], weight: bigint, sum: readonly bigint[]): bigint[] {
  assertLength(sum, base.length, "sum");
  const next = base.map((m, j) => Fr.from(m + weight * Fr.assertCanonical(sum[j]!, `sum word ${j}`)));
  modelValues(next);
  return next;
}

/** The centred integers M̃ of a model vector. Throws BoundError MODEL_BOUND if one reaches 2^60. */
export function modelValues(vector: readonly bigint[]): bigint[] {
  return lift(vector.slice(0, vector.length - BLINDERS)).map((v, j) => {
    if (v >= MODEL_BOUND || v <= -MODEL_BOUND)
      throw new BoundError("MODEL_BOUND", `model coordinate ${j} reaches 2^60`);
    return v;
  });
}

/** Real parameters M̃ / 2^(f + q + ℓ), as doubles. */
export function realValues(vector: readonly bigint[], scale: Scale): Float64Array {
  const unit = 2 ** -(WEIGHT_FRACTION_BITS + scale.updateBits + scale.stepBits);
  return Float64Array.from(modelValues(vector), (v) => Number(v) * unit);
}

/** C_M(t+1) = C_M(t) + weight·Σ C_i. */
export const accumulateCommitment = (curve: Curve, base: G1, weight: bigint, commitments: readonly G1[]): G1 =>
  curve.add(base, curve.mul(curve.sum(commitments), weight));
