/**
 * Makes an update fit the circuit: after weighting and rounding, u_j = round(Δ_j·2^q·n̂/cap) lies in [-2^15, 2^15) and Σu² <= B_i².
 */
export interface UpdateLimits {
  /** q: fraction bits of an update. */
  readonly fractionBits: number;
  /** n̂/cap, in (0, 1]. */
  readonly weight: number;
  /** B_i², the member's bound on Σu². */
  readonly normBound2: bigint;
}

const MOST = 2 ** 15 - 1;

/**
 * Clips coordinates, then scales the whole vector down if its rounded form is longer than the bound; a vector that fits is returned
 * unchanged. Deterministic. Rounding adds at most √length / 2 to the norm, hence the margin. Errors: RangeError on a number that is not finite.
 */
export function clip(delta: Float64Array, limits: UpdateLimits): Float64Array {
  const unit = 2 ** limits.fractionBits * limits.weight;
  const most = MOST / unit;
  const bounded = delta.map((value, j) => {
    if (!Number.isFinite(value)) throw new RangeError(`coordinate ${j} of the update is ${value}`);
    return Math.min(most, Math.max(-most, value));
  });
  let rounded2 = 0n;
  let norm2 = 0;
  for (const value of bounded) {
    rounded2 += BigInt(Math.round(value * unit)) ** 2n;
    norm2 += (value * unit) ** 2;
  }
  if (rounded2 <= limits.normBound2) return bounded;
  const target = Math.sqrt(Number(limits.normBound2)) * (1 - 1e-12) - Math.sqrt(delta.length) / 2;
  const factor = Math.max(0, target) / Math.sqrt(norm2);
  return bounded.map((value) => value * factor);
}
