import type { SealedKey, SealPublicKey } from "./sealed.ts";
import type { Proof } from "./transcript.ts";

/** What is proved of one update of n coordinates; public inputs [h, r, y, normBound2]. */
export interface UpdateWitness {
  readonly h: bigint;
  readonly r: bigint;
  readonly y: bigint;
  /** B_i², derived by the contract, < 2^64 */
  readonly normBound2: bigint;
  /** n integers in [-2^15, 2^15), as field elements (negatives r - |x|); secret */
  readonly values: readonly bigint[];
  /** four field elements; secret */
  readonly blinders: readonly bigint[];
}

/** What is proved of one model of n parameters; public inputs [h, r, y]. */
export interface AggregateWitness {
  readonly h: bigint;
  readonly r: bigint;
  readonly y: bigint;
  /** n field elements (negatives r - |x|) */
  readonly values: readonly bigint[];
  /** four field elements */
  readonly blinders: readonly bigint[];
}

/** What is proved of a linear model of n parameters and one input; public inputs [modelRoot, inputCommitment, decision, score]. */
export interface InferenceWitness {
  /** h_M, aggregateHash of values and blinders */
  readonly modelRoot: bigint;
  /** inputHash of input and salt */
  readonly inputCommitment: bigint;
  /** 1 if the score is above 0, else 0 */
  readonly decision: bigint;
  /** Σ M̃_j x_j as a field element (negatives r - |x|) */
  readonly score: bigint;
  /** n integers in [-2^60, 2^60), as field elements; the model */
  readonly values: readonly bigint[];
  /** four field elements; the model's */
  readonly blinders: readonly bigint[];
  /** n integers in [-2^15, 2^15), as field elements; secret */
  readonly input: readonly bigint[];
  /** uniform field element; secret */
  readonly salt: bigint;
}

/**
 * What is proved when a model's key is sealed anew; public inputs [current.ex, current.ey, current.c, holder.x, holder.y,
 * currentBinding, next.ex, next.ey, next.c, receiver.x, receiver.y, nextBinding, keyHash]. Made by `rekey`.
 */
export interface RekeyWitness {
  readonly current: SealedKey;
  readonly holder: SealPublicKey;
  readonly currentBinding: bigint;
  readonly next: SealedKey;
  readonly receiver: SealPublicKey;
  readonly nextBinding: bigint;
  readonly keyHash: bigint;
  /** the holder's secret key */
  readonly secret: bigint;
  /** an eighth of current's E */
  readonly currentRoot: SealPublicKey;
  /** e of `next`; secret */
  readonly ephemeral: bigint;
  /** an eighth of the receiver's key */
  readonly receiverRoot: SealPublicKey;
}

/** Circuit to witness. `rekey` has no vectors: its size is 1. */
export interface Witnesses {
  readonly update: UpdateWitness;
  readonly aggregate: AggregateWitness;
  readonly inference: InferenceWitness;
  readonly rekey: RekeyWitness;
}

export interface Proved {
  readonly proof: Proof;
  /** canonical, in the verifier's order */
  readonly publicInputs: readonly bigint[];
}

/**
 * Makes proofs. An implementation verifies every proof against the verifying key before handing it out, keeps the
 * witness inside its own process, and names it in no error.
 */
export interface ProverBackend {
  /**
   * Proves `circuit` of size n (one of the published sizes).
   * @throws MedNexusError WITNESS_INVALID when no proof exists for these values
   */
  prove<C extends keyof Witnesses>(circuit: C, n: number, witness: Witnesses[C]): Promise<Proved>;
  /** Ends worker threads; the backend cannot be used afterwards. Idempotent. */
  close(): Promise<void>;
}
