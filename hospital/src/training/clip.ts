import { memberNormBound2, quantize, squaredNorm } from "@mednexus/sdk";

/** What an update must fit: the campaign's format and bound, the member's weight. */
export interface UpdateLimits {
  /** Coordinates of the circuit. */
  readonly n: number;
  /** q: fraction bits of an update. */
  readonly updateBits: number;
  /** n̂, at most `cap`. */
  readonly records: bigint;
  /** The campaign's cap on records. */
  readonly cap: bigint;
  /** B², of an update of full weight, in squared units of 2^-q. */
  readonly normBound2: bigint;
}

const LARGEST = 2 ** 15 - 1;

/**
 * Makes an update fit: after it, `quantize` with the same limits gives coordinates in [-2^15, 2^15) and Σu² <= B_i². Coordinates are
 * clipped, then the whole vector is scaled down if its rounded form is too long; one that fits, and stays within
 * ±(2^15 - 1), is returned unchanged. Deterministic.
 * Rounding lengthens a vector by at most √length / 2, hence the margin. Errors: RangeError on a coordinate that is not finite.
 */
export function clip(delta: Float64Array, limits: UpdateLimits): Float64Array {
  const unit = (2 ** limits.updateBits * Number(limits.records)) / Number(limits.cap);
  const most = LARGEST / unit;
  const bounded = delta.map((value, j) => {
    if (!Number.isFinite(value)) throw new RangeError(`coordinate ${j} of the update is ${value}`);
    return Math.min(most, Math.max(-most, value));
  });
  const bound2 = memberNormBound2(limits.normBound2, limits.records, limits.cap);
  if (squaredNorm(quantize(bounded, limits)) <= bound2) return bounded;
  const norm = unit * Math.sqrt(bounded.reduce((sum, value) => sum + value * value, 0));
  const target = Math.sqrt(Number(bound2)) * (1 - 1e-9) - Math.sqrt(delta.length) / 2;
  return bounded.map((value) => (value * Math.max(0, target)) / norm);
}
