/**
 * A logistic model applied to one input, exactly as the circuit `inference` does: integers, no rounding after
 * `quantizeInput`. The model is M̃ ‖ P̃, the words whose hash is a version's root; an input is features, then one unit
 * (the bias's input), then zeros.
 */
import { aggregateHash, assertLength, assertValues, BLINDERS, inputHash, lift, lower } from "./encoding.ts";
import { BoundError } from "./errors.ts";
import { Fr } from "./field.ts";
import type { InferenceWitness } from "./prover.ts";
import { MODEL_BOUND, type Scale, WEIGHT_FRACTION_BITS } from "./update.ts";

/** Fractional bits of an input coordinate: real = x / 2^11, so [-16, 16). Standardized features are clipped to [-10, 10]. */
export const INPUT_FRACTION_BITS = 11;

/** What an inference shows. */
export interface Inference {
  /** true: the score is above 0, so the probability is above one half */
  readonly decision: boolean;
  /** Σ M̃_j x_j, bias included; |score| <= n·2^75 */
  readonly score: bigint;
}

/**
 * Standardized features as n signed 16-bit integers: round(z·2^11), then one unit for the bias, then zeros. Halves round
 * away from zero. A value outside [-16, 16) is refused, not clipped.
 * @throws BoundError NOT_FINITE; EncodingError VALUE_RANGE, LENGTH, by index only
 */
export function quantizeInput(features: ArrayLike<number>, n: number): bigint[] {
  if (features.length >= n) assertLength(Array.from(features), n - 1, "features");
  const unit = 2 ** INPUT_FRACTION_BITS;
  const values = Array.from({ length: n }, (_, j) => {
    const scaled = j < features.length ? features[j]! * unit : j === features.length ? unit : 0;
    if (!Number.isFinite(scaled)) throw new BoundError("NOT_FINITE", `feature ${j} is not a finite number`);
    return BigInt(Math.sign(scaled) * Math.round(Math.abs(scaled)));
  });
  assertValues(values);
  return values;
}

/**
 * The decision and the exact score.
 * @param vector n + 4 canonical words, M̃ then P̃, |M̃_j| < 2^60
 * @param input n integers in [-2^15, 2^15)
 * @throws BoundError MODEL_BOUND; EncodingError LENGTH, VALUE_RANGE, NON_CANONICAL
 */
export function infer(vector: readonly bigint[], input: readonly bigint[]): Inference {
  assertLength(vector, input.length + BLINDERS, "model");
  assertValues(input);
  const model = lift(vector.slice(0, input.length));
  const score = model.reduce((sum, m, j) => {
    if (m >= MODEL_BOUND || m <= -MODEL_BOUND) throw new BoundError("MODEL_BOUND", `parameter ${j} is out of bounds`);
    return sum + m * input[j]!;
  }, 0n);
  return { decision: score > 0n, score };
}

/** What to prove with `inference`. `salt` is uniform and secret, and the same that the input was committed with. */
export function inferenceWitness(vector: readonly bigint[], input: readonly bigint[], salt: bigint): InferenceWitness {
  const { decision, score } = infer(vector, input);
  return {
    modelRoot: aggregateHash(vector),
    inputCommitment: inputHash(input, salt),
    decision: decision ? 1n : 0n,
    score: Fr.from(score),
    values: vector.slice(0, input.length),
    blinders: vector.slice(input.length),
    input: lower(input),
    salt,
  };
}

/** The logit that a score stands for in a lineage: score / 2^(f + q + ℓ + 11). For display: rounded to a double. */
export function logitOf(score: bigint, { updateBits, stepBits }: Scale): number {
  const bits = WEIGHT_FRACTION_BITS + updateBits + stepBits + INPUT_FRACTION_BITS;
  return Number(score) / 2 ** bits;
}

/** sigmoid(logit), in [0, 1]. For display; the decision is the score's sign. */
export const probabilityOf = (score: bigint, scale: Scale): number => 1 / (1 + Math.exp(-logitOf(score, scale)));
