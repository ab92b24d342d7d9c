import { Fr, type SealedKey, type SealPublicKey, type Witnesses } from "@mednexus/sdk";
import { type Circuit, CircuitError, manifest } from "./manifest.ts";
import type { CircuitInputs } from "./witness.ts";

/** A circuit's signals from a witness: the public ones first, in the verifier's order. */
const signals: { readonly [C in Circuit]: (witness: Witnesses[C]) => CircuitInputs } = {
  update: ({ h, r, y, normBound2, values, blinders }) => ({ h, r, y, B2: normBound2, u: values, rho: blinders }),
  aggregate: ({ h, r, y, values, blinders }) => ({ h, r, y, m: values, rho: blinders }),
  inference: ({ modelRoot, inputCommitment, decision, score, values, blinders, input, salt }) => ({
    modelRoot,
    inputCommitment,
    decision,
    score,
    m: values,
    rho: blinders,
    x: input,
    salt,
  }),
  rekey: (w) => ({
    current: sealed(w.current),
    holder: point(w.holder),
    currentBinding: w.currentBinding,
    next: sealed(w.next),
    receiver: point(w.receiver),
    nextBinding: w.nextBinding,
    keyHash: w.keyHash,
    secret: w.secret,
    currentRoot: point(w.currentRoot),
    ephemeral: w.ephemeral,
    receiverRoot: point(w.receiverRoot),
  }),
};

/** Signals of one element a model's parameter. */
const VECTORS = ["u", "m", "x"];

/** The statement's public inputs in the verifier's order. */
export function publicInputsOf<C extends Circuit>(circuit: C, witness: Witnesses[C]): bigint[] {
  const inputs = signals[circuit](witness);
  return manifest[circuit].publicInputs.flatMap((name) => inputs[name]!);
}

/**
 * Inputs by the circuit's signal names.
 * @throws CircuitError WITNESS_INVALID for a wrong length or a value that is not a canonical field element
 */
export function circuitInputs<C extends Circuit>(circuit: C, n: number, witness: Witnesses[C]): CircuitInputs {
  const inputs = signals[circuit](witness);
  for (const [name, value] of Object.entries(inputs)) {
    const size = VECTORS.includes(name) ? n : name === "rho" ? 4 : undefined;
    if (size !== undefined && (value as readonly bigint[]).length !== size)
      throw new CircuitError("WITNESS_INVALID", `${circuit}(${n}): a vector is not of ${size} values`);
  }
  // circom would reduce these silently
  if (
    !Object.values(inputs)
      .flat()
      .every((v) => typeof v === "bigint" && Fr.isCanonical(v))
  )
    throw new CircuitError("WITNESS_INVALID", `${circuit}(${n}): a value is not a canonical field element`);
  return inputs;
}

const point = ({ x, y }: SealPublicKey): bigint[] => [x, y];
const sealed = ({ ex, ey, c }: SealedKey): bigint[] => [ex, ey, c];
