/** Everything that decisions are made from: plain values, all read at one block. */
import type { FrozenSet, Hash, RoundKindName, RoundView, SubmittedUpdate, Windows } from "@mednexus/sdk";

export interface Head {
  readonly number: number;
  readonly hash: Hash;
  /** Unix seconds: the only clock that deadlines are compared with. */
  readonly timestamp: number;
  /** Wei. */
  readonly baseFee: bigint;
}

export interface CampaignView {
  readonly id: bigint;
  readonly live: boolean;
  readonly liveRound: bigint;
  readonly roundsLeft: number;
  readonly kind: RoundKindName;
  readonly members: number;
  readonly minParticipants: number;
  readonly pool: number;
  readonly nodes: number;
  /** True where no pair is needed. */
  readonly pairAgreed: boolean;
  /** Both verifier ids are live. */
  readonly verifiersLive: boolean;
  /** Unix seconds until which no round can be opened; 0: not paused. */
  readonly entriesPausedUntil: number;
}

/** Complaint stages, in the contract's order. */
export const STAGES = ["None", "Claimed", "Answered", "Revealed", "Evaluated", "Settled"] as const;
export type Stage = (typeof STAGES)[number];

export interface ComplaintView {
  readonly memberKey: Hash;
  readonly nodeIndex: number;
  readonly missing: Stage;
  readonly bad: Stage;
}

export interface DemandView {
  readonly nodeIndex: number;
  readonly answerUntil: number;
}

export interface RoundSnapshot {
  readonly view: RoundView;
  readonly windows: Windows;
  /** Blocks between opening and the draw block; 0: the committee is named. */
  readonly drawDelay: number;
  /** Members enrolled in the campaign. */
  readonly members: number;
  /** "" while the round can still go on. */
  readonly deadReason: string;
  /** In submission order. */
  readonly updates: readonly (SubmittedUpdate & { readonly verified: boolean; readonly excluded: boolean })[];
  /** Those not settled. */
  readonly complaints: readonly ComplaintView[];
  /** Those open. */
  readonly demands: readonly DemandView[];
  readonly openDemands: number;
  /** Present from the freeze on. */
  readonly frozen?: FrozenSet;
  readonly sums: { readonly standing: number; readonly summedAt: number; readonly final: boolean };
  readonly aggregateLive: boolean;
  /** Token units; 0 unless a proof is wanted. */
  readonly proverFee: bigint;
  readonly tip: bigint;
  readonly claimed: {
    readonly members: readonly boolean[];
    readonly nodes: readonly boolean[];
    readonly fees: boolean;
  };
}

export interface Snapshot {
  readonly head: Head;
  readonly campaigns: readonly CampaignView[];
  readonly rounds: readonly RoundSnapshot[];
}
