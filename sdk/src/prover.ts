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

export interface Witnesses {
  readonly update: UpdateWitness;
  readonly aggregate: AggregateWitness;
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
