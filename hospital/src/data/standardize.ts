import { BadInputError, quote } from "./errors.ts";

/**
 * Bringing features to one scale without a hospital's own mean leaving it.
 *
 * What is public about a feature is a range that holds every value. Where the data dictionary gives one (a reportable range, 0/1)
 * that is it. For a table nobody has described, `coarseRanges` takes the smallest power of ten that bounds the magnitude, and 0 as
 * the lower end where nothing is negative: that tells the order of magnitude of the largest value and its sign, as a unit would,
 * and nothing about where the rows lie below it. A data-independent curve (logarithm, asinh) would need no range but bends the
 * features themselves, and spends the 16 bits of a coordinate on thirty orders of magnitude of which a feature uses one.
 *
 * With good ranges, `rangeStandardizer` is enough. With coarse ones the statistics round finds mean and deviation of all rows
 * together: each hospital's contribution travels as an update does (16-bit coordinates, commitment, proof, shares), so only the sum
 * over hospitals is learned.
 */
export interface FeatureRange {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** A value usual in a published reference population; the middle of the range if absent. Only rangeStandardizer looks at it. */
  readonly typical?: number;
}

/** z = (x - center) / scale, then clipped to [-CLIP, CLIP]. Arrays have one entry a feature; every scale is > 0. */
export interface Standardizer {
  readonly center: readonly number[];
  readonly scale: readonly number[];
}

/** Standard deviations beyond which a value counts no more: bounds the influence of one mistyped record. */
const CLIP = 10;

/** Fraction bits of one coordinate of a statistics vector: |digit| <= 2^14 after weighting by n̂/cap <= 1, so 16 bits suffice. */
export const STATISTICS_FRACTION_BITS = 14;
/** B² that a statistics round must run under: the low digits do not shrink with a member's weight, the 16-bit range proof bounds them. */
export const STATISTICS_NORM_BOUND2: bigint = 2n ** 64n - 1n;
const DIGIT = 2 ** STATISTICS_FRACTION_BITS;

/** Layout of a statistics vector over `features` features in `size` coordinates. */
export interface StatisticsSpec {
  readonly ranges: readonly FeatureRange[];
  /** n, the circuit's number of coordinates. */
  readonly size: number;
  /** Digits a moment is written in: 2 (28 fraction bits) where 4d <= n, else 1 (14 bits). */
  readonly digits: 1 | 2;
}

/** The smallest public ranges of the form [-10^k, 10^k] or [0, 10^k] that hold every value. Needs at least one row. */
export function coarseRanges(features: readonly string[], X: readonly (readonly number[])[]): FeatureRange[] {
  return features.map((name, j) => {
    let largest = 0;
    let negative = false;
    for (const row of X) {
      largest = Math.max(largest, Math.abs(row[j]!));
      negative ||= row[j]! < 0;
    }
    const max = largest === 0 ? 1 : powerOfTenFrom(largest);
    return { name, min: negative ? -max : 0, max };
  });
}

/** The smallest ranges that hold several hospitals' public ranges. Errors: BadInputError when they describe other features. */
export function mergeRanges(schemas: readonly (readonly FeatureRange[])[]): FeatureRange[] {
  const [first, ...others] = schemas;
  if (first === undefined) throw new RangeError("no schema to merge");
  return first.map(({ name, min, max }, j) => {
    const same = others.map((schema) => schema[j]);
    if (others.some((schema) => schema.length !== first.length) || same.some((range) => range?.name !== name))
      throw new BadInputError(
        `feature ${j + 1}, ${quote(name)}, differs between the hospitals' schemas: use the same columns in the same order`,
      );
    return {
      name,
      min: same.reduce((least, range) => Math.min(least, range!.min), min),
      max: same.reduce((most, range) => Math.max(most, range!.max), max),
    };
  });
}

/** Errors: BadInputError unless every range is finite with min < max. */
export function checkRanges(ranges: readonly FeatureRange[]): void {
  for (const { name, min, max, typical = min } of ranges) {
    if (!(Number.isFinite(min) && Number.isFinite(max) && min < max && Number.isFinite(max - min)))
      throw new BadInputError(
        `feature ${quote(name)} has the public range [${min}, ${max}]: give finite numbers with min < max`,
      );
    if (!(typical >= min && typical <= max))
      throw new BadInputError(
        `feature ${quote(name)}: the typical value ${typical} lies outside its range [${min}, ${max}]`,
      );
  }
}

/** Standardizes by public ranges alone: centred on the typical value, deviation as if spread evenly over the range (width / √12). */
export function rangeStandardizer(ranges: readonly FeatureRange[]): Standardizer {
  checkRanges(ranges);
  return {
    center: ranges.map(({ min, max, typical }) => typical ?? min + (max - min) / 2),
    scale: ranges.map(({ min, max }) => (max - min) / Math.sqrt(12)),
  };
}

/** Exact mean and deviation of rows that lie in one place; a constant feature keeps scale 1. */
export function exactStandardizer(X: readonly (readonly number[])[]): Standardizer {
  const center: number[] = [];
  const scale: number[] = [];
  for (let j = 0; j < (X[0]?.length ?? 0); j++) {
    const mean = X.reduce((sum, row) => sum + row[j]! / X.length, 0);
    const deviation = Math.sqrt(X.reduce((sum, row) => sum + (row[j]! - mean) ** 2 / X.length, 0));
    center.push(mean);
    scale.push(deviation > 1e-12 * Math.abs(mean) && deviation > 0 ? deviation : 1);
  }
  return { center, scale };
}

/** Rows x features, standardized; every value is finite and in [-CLIP, CLIP]. */
export function standardize(standardizer: Standardizer, X: readonly (readonly number[])[]): number[][] {
  const { center, scale } = standardizer;
  return X.map((row) => row.map((x, j) => Math.min(CLIP, Math.max(-CLIP, (x - center[j]!) / scale[j]!))));
}

/** Errors: BadInputError when 2d coordinates do not fit in `size`, naming --size. */
export function statisticsSpec(ranges: readonly FeatureRange[], size: number): StatisticsSpec {
  checkRanges(ranges);
  const needed = 2 * ranges.length;
  if (needed > size)
    throw new BadInputError(
      `the statistics of ${ranges.length} features need ${needed} coordinates, --size ${size} has ${size}: choose a larger --size, drop columns, or give public ranges`,
    );
  return { ranges, size, digits: 2 * needed <= size ? 2 : 1 };
}

/**
 * One hospital's contribution, pre-weighted: `size` reals in [-1, 1], each a multiple of 2^-14, so that quantizing with
 * q = STATISTICS_FRACTION_BITS (and, being weighted already, records = cap) is exact. Written are the means over the hospital's rows of φ and of φ² (φ: the feature mapped from
 * its public range to [-1, 1], clipped), each times `weight` = n̂/cap; a moment m is hi + lo·2^-14 with hi rounded to 14 bits. Order: hi of all φ,
 * hi of all φ², then the same for lo. Digits add up like anything linear, so the sum decodes without carries being known.
 */
export function encodeStatistics(
  X: readonly (readonly number[])[],
  weight: number,
  spec: StatisticsSpec,
): Float64Array {
  if (!(weight > 0 && weight <= 1)) throw new RangeError(`weight ${weight} is not in (0, 1]`);
  if (X.length === 0) throw new BadInputError("there are no rows to take statistics of: add rows");
  const d = spec.ranges.length;
  const out = new Float64Array(spec.size);
  for (const [j, { min, max }] of spec.ranges.entries()) {
    const { center, half } = middle(min, max);
    let first = 0;
    let second = 0;
    for (const row of X) {
      const phi = Math.min(1, Math.max(-1, (row[j]! - center) / half));
      first += phi;
      second += phi * phi;
    }
    for (const [k, sum] of [first, second].entries()) {
      const moment = (sum / X.length) * weight;
      const high = Math.round(moment * DIGIT) / DIGIT;
      out[k * d + j] = high;
      if (spec.digits === 2) out[(2 + k) * d + j] = Math.round((moment - high) * DIGIT * DIGIT) / DIGIT;
    }
  }
  return out;
}

/**
 * Mean and deviation of all hospitals' rows from the sum of their contributions (reals, i.e. U / 2^14) and the sum of their weights.
 * `contributors` bounds the rounding error: a deviation that rounding could have produced is replaced by that bound, so that a
 * feature too narrow for its range shrinks instead of being blown up. A constant feature becomes zero that way.
 */
export function decodeStatistics(
  sum: Float64Array,
  totalWeight: number,
  contributors: number,
  spec: StatisticsSpec,
): Standardizer {
  if (sum.length !== spec.size) throw new RangeError(`${sum.length} coordinates, not ${spec.size}`);
  if (!(totalWeight > 0)) throw new RangeError(`total weight ${totalWeight}`);
  const d = spec.ranges.length;
  const moment = (k: number, j: number): number =>
    (sum[k * d + j]! + (spec.digits === 2 ? sum[(2 + k) * d + j]! / DIGIT : 0)) / totalWeight;
  // Each contribution is off by at most half a unit of its last digit, in both moments; the variance feels at most three times that.
  const noise = (3 * contributors * 0.5) / (DIGIT ** spec.digits * totalWeight);
  const center: number[] = [];
  const scale: number[] = [];
  for (const [j, { min, max }] of spec.ranges.entries()) {
    const range = middle(min, max);
    const mean = Math.min(1, Math.max(-1, moment(0, j)));
    const variance = Math.max(moment(1, j) - mean * mean, noise);
    center.push(range.center + mean * range.half);
    scale.push(Math.sqrt(variance) * range.half);
  }
  return { center, scale };
}

const middle = (min: number, max: number): { center: number; half: number } => ({
  center: min + (max - min) / 2,
  half: (max - min) / 2,
});

function powerOfTenFrom(value: number): number {
  // Decimal text, not Math.log10, so that 1000 gives 1000 on every machine.
  for (let k = Math.floor(Math.log10(value)) - 1; ; k++) if (Number(`1e${k}`) >= value) return Number(`1e${k}`);
}
