/** What a prover of jobs decides from: plain values, all read at one block. */
import type { Address, Hash, JobState, JobTerms } from "@mednexus/sdk";
import type { Head } from "../snapshot.ts";

export interface JobView {
  readonly id: bigint;
  readonly terms: JobTerms;
  readonly termsHash: Hash;
  readonly inputUri: string;
  /** Size of the terms' verifier. */
  readonly n: number;
  readonly state: JobState;
  /** Of the standing or last lock. */
  readonly prover: Address;
  readonly acknowledged: boolean;
  /** Unix seconds. */
  readonly lockedAt: number;
  readonly until: number;
  readonly rampStart: number;
  /** Token units: what a lock at this block would fix, or the standing lock has. */
  readonly fee: bigint;
  /** On top of it, from locks of others that expired. */
  readonly collected: bigint;
  /** Of the standing lock. */
  readonly consentEpoch: bigint;
  /** Name of the error with which a lock by this prover would be refused now; undefined: it would be taken, or was not asked. */
  readonly refusal?: string;
  /** Receipts for the standing lock that a batch has refused. */
  readonly refused: number;
}

export interface ProverView {
  readonly address: Address;
  /** Token units. */
  readonly free: bigint;
  readonly locked: bigint;
  readonly unbonding: bigint;
  readonly misses: number;
  readonly suspended: boolean;
  readonly credit: bigint;
}

export interface JobSnapshot {
  readonly head: Head;
  readonly self: ProverView;
  /** Those that are not over, by id. */
  readonly jobs: readonly JobView[];
  /** Blocks at which locks of this prover were lost: expired, or their receipt refuted. */
  readonly losses: readonly number[];
  /** Blocks at which a lock of this prover was given up for want of an input, by sponsor in lower case. */
  readonly withheld: ReadonlyMap<Address, readonly number[]>;
}
