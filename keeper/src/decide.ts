/** What is due, and nothing else: a pure function of the snapshot and of what this keeper already knows. */
import type { Hash } from "@mednexus/sdk";
import type { CampaignView, ComplaintView, RoundSnapshot, Snapshot } from "./snapshot.ts";

export interface Roles {
  /** Moves campaigns and rounds on. */
  readonly keeper: boolean;
  /** Proves models for the fee. */
  readonly prover: boolean;
  /** Claims for members, nodes and payees, at this keeper's cost. */
  readonly claims: boolean;
}

/** Actions that need to know the round only. */
export type RoundActionKind =
  | "draw"
  | "endCommit"
  | "freeze"
  | "fail"
  | "completeStatistics"
  | "closeUnproven"
  | "prove"
  | "finalize"
  | "claimFees";

/** `key` names the effect: the same key is the same effect, wanted once. */
export type Action = { readonly key: string } & (
  | { readonly kind: "openRound" | "endCampaign"; readonly campaign: bigint }
  | { readonly kind: RoundActionKind; readonly round: bigint }
  | { readonly kind: "verifyBatch"; readonly round: bigint; readonly members: readonly Hash[] }
  | { readonly kind: "settleComplaint"; readonly round: bigint; readonly memberKey: Hash; readonly nodeIndex: number }
  | { readonly kind: "faultSum" | "claimNode"; readonly round: bigint; readonly nodeIndex: number }
  | { readonly kind: "claimMember"; readonly round: bigint; readonly memberKey: Hash }
);

/** What the keeper remembers beyond the chain. */
export interface Knowledge {
  /** Keys of claims that need no repeating. */
  readonly done: ReadonlySet<string>;
  /** Sets of memberKeys of which at least one proof is bad. */
  readonly rejected: readonly ReadonlySet<Hash>[];
  /** Rounds with a proof at hand, and whether submitting it pays now. */
  readonly proofs: ReadonlyMap<bigint, { readonly setHash: Hash; readonly pays: boolean }>;
  /** Rounds are opened only from so many enrolled members on (0: the campaign's own minimum). */
  readonly openFrom: number;
}

/** Updates that one verifyBatch takes: about 103,000 gas each (bench/README.md), so 3.3 M a call: far below the 16.7 M that a transaction may use. */
export const MAX_BATCH = 32;

const ENDED = new Set(["Finalized", "Closed", "FailedEarly", "FailedSums"]);
export const isEnded = (round: RoundSnapshot): boolean => ENDED.has(round.view.state);

/** Due actions, those that move rounds on before claims. */
export function decide(snapshot: Snapshot, roles: Roles, known: Knowledge): Action[] {
  const now = snapshot.head.timestamp;
  const actions: Action[] = [];
  if (roles.keeper) {
    for (const campaign of snapshot.campaigns) actions.push(...campaignActions(campaign, now, known));
    for (const round of snapshot.rounds) actions.push(...roundActions(round, snapshot, known));
  }
  if (roles.prover) for (const round of snapshot.rounds) actions.push(...proverActions(round, known));
  if (roles.keeper)
    for (const round of snapshot.rounds) if (closes(round, now, known, roles)) actions.push(of(round, "closeUnproven"));
  if (roles.claims) for (const round of snapshot.rounds) actions.push(...claimActions(round));
  return actions.filter(({ key }) => !known.done.has(key));
}

/** True once nothing can ever be due in this round again. */
export function isOver(round: RoundSnapshot, roles: Roles, known: Knowledge): boolean {
  if (!isEnded(round) || round.openDemands > 0) return false;
  if (!roles.claims) return true;
  const nodesCanClaim = round.view.state.startsWith("Failed") || round.sums.final;
  return nodesCanClaim && claimActions(round).every(({ key }) => known.done.has(key));
}

function campaignActions(c: CampaignView, now: number, known: Knowledge): Action[] {
  if (!c.live || c.liveRound !== 0n) return [];
  if (c.roundsLeft === 0) return [{ kind: "endCampaign", key: `c${c.id}/end`, campaign: c.id }];
  const ready =
    c.members >= Math.max(c.minParticipants, known.openFrom) &&
    c.pool >= c.nodes &&
    c.pairAgreed &&
    c.verifiersLive &&
    now >= c.entriesPausedUntil;
  return ready ? [{ kind: "openRound", key: `c${c.id}/open/${c.roundsLeft}`, campaign: c.id }] : [];
}

const of = (round: RoundSnapshot, kind: RoundActionKind, detail = ""): Action => ({
  kind,
  key: `r${round.view.id}/${kind}${detail}`,
  round: round.view.id,
});

/** At most one action that changes the round's state; settlements and faults besides, which only bring it nearer. */
function roundActions(round: RoundSnapshot, { head }: Snapshot, known: Knowledge): Action[] {
  const { view, windows } = round;
  const now = head.timestamp;
  const faults = round.demands
    .filter(({ answerUntil }) => now > answerUntil)
    .map(({ nodeIndex }): Action => ({
      kind: "faultSum",
      key: `r${view.id}/fault/${nodeIndex}`,
      round: view.id,
      nodeIndex,
    }));
  switch (view.state) {
    case "Open":
      if (round.deadReason !== "") return [of(round, "fail")];
      // The next block is the first that can draw. A re-armed draw is another draw.
      return round.drawDelay === 0 || head.number >= view.drawBlock ? [of(round, "draw", `/${view.drawBlock}`)] : [];
    case "Commit": {
      if (round.deadReason !== "") return [of(round, "fail")];
      const over = now > view.commitUntil;
      const complete = view.submitted === round.members;
      const toVerify = over || complete ? batches(round, known) : [];
      // The last update, verified, ended the phase by itself. Ending the phase needs no verification; verifying goes on in the next one.
      return over ? [...toVerify, of(round, "endCommit")] : toVerify;
    }
    case "Share": {
      const settle = round.complaints.filter((complaint) => isDue(complaint, deadlines(round), now));
      const settlements = settle.map(({ memberKey, nodeIndex, missing, bad }): Action => ({
        kind: "settleComplaint",
        key: `r${view.id}/settle/${memberKey}/${nodeIndex}/${missing}/${bad}`,
        round: view.id,
        memberKey,
        nodeIndex,
      }));
      if (view.openComplaints > 0) return [...settlements, ...batches(round, known)];
      if (round.deadReason !== "") return [of(round, "fail")];
      const toVerify = batches(round, known);
      if (toVerify.length > 0) return toVerify;
      const agreed = view.acks === view.nodes && view.verified === view.submitted;
      return agreed || now > deadlines(round).complaint ? [of(round, "freeze")] : [];
    }
    case "Frozen":
      if (round.openDemands > 0 || now <= view.frozenAt + windows.sums) return faults;
      return [...faults, of(round, "fail")];
    case "Summed":
      if (view.kind === "statistics" && round.sums.final) return [...faults, of(round, "completeStatistics")];
      return faults;
    case "Finalized":
      return faults;
    default:
      return [];
  }
}

function proverActions(round: RoundSnapshot, known: Knowledge): Action[] {
  const { view, frozen } = round;
  if (view.kind !== "training" || !round.aggregateLive || frozen === undefined) return [];
  if (view.state !== "Frozen" && view.state !== "Summed") return [];
  const proof = known.proofs.get(view.id);
  if (proof?.setHash !== frozen.setHash) return [of(round, "prove", `/${frozen.setHash}`)];
  return view.state === "Summed" && proof.pays ? [of(round, "finalize", `/${frozen.setHash}`)] : [];
}

function closes(round: RoundSnapshot, now: number, known: Knowledge, roles: Roles): boolean {
  const { view, sums, windows } = round;
  if (view.state !== "Summed" || view.kind !== "training" || !sums.final) return false;
  const proof = known.proofs.get(view.id);
  if (roles.prover && round.aggregateLive && proof?.pays === true && proof.setHash === round.frozen?.setHash)
    return false;
  return !round.aggregateLive || now > sums.summedAt + windows.close;
}

function claimActions(round: RoundSnapshot): Action[] {
  const { view, claimed } = round;
  const failed = view.state.startsWith("Failed");
  const final = view.state === "Summed" && round.sums.final;
  if (!isEnded(round) && !final) return [];
  const actions: Action[] = [];
  for (const { memberKey, index } of round.updates)
    if (!claimed.members[index])
      actions.push({ kind: "claimMember", key: `r${view.id}/claimMember/${memberKey}`, round: view.id, memberKey });
  if (failed || round.sums.final)
    for (let nodeIndex = 0; nodeIndex < claimed.nodes.length; nodeIndex++)
      if (!claimed.nodes[nodeIndex])
        actions.push({ kind: "claimNode", key: `r${view.id}/claimNode/${nodeIndex}`, round: view.id, nodeIndex });
  if ((view.state === "Finalized" || view.state === "Closed") && !claimed.fees) actions.push(of(round, "claimFees"));
  return actions;
}

/**
 * Unverified updates in batches that may all be good. A batch known to hold a bad proof is halved, down to single
 * updates: a bad one is left out for good and holds up nobody.
 */
function batches(round: RoundSnapshot, known: Knowledge): Action[] {
  if (round.view.eager) return [];
  const isBad = (batch: readonly Hash[]): boolean =>
    known.rejected.some((set) => set.size <= batch.length && [...set].every((key) => batch.includes(key)));
  // Cut by place, not by what is left: a batch on its way stays the same batch while others are verified.
  const split = (part: RoundSnapshot["updates"]): (readonly Hash[])[] => {
    const open = part.filter(({ verified, excluded }) => !verified && !excluded).map(({ memberKey }) => memberKey);
    if (open.length === 0) return [];
    if (open.length <= MAX_BATCH && !isBad(open)) return [open];
    if (part.length === 1) return [];
    const middle = part.length >> 1;
    return [...split(part.slice(0, middle)), ...split(part.slice(middle))];
  };
  return split(round.updates).map((members) => ({
    kind: "verifyBatch",
    key: `r${round.view.id}/verify/${members.join(",")}`,
    round: round.view.id,
    members,
  }));
}

function deadlines({ view, windows }: RoundSnapshot) {
  const complaint = view.shareFrom + windows.complaint;
  const ciphertext = complaint + windows.ciphertext;
  const reveal = ciphertext + windows.reveal;
  return { complaint, ciphertext, reveal, opening: reveal + windows.opening };
}

/** Mirrors ShareDisputes.settleComplaint for a caller who is nobody in particular. */
function isDue({ missing, bad }: ComplaintView, until: ReturnType<typeof deadlines>, now: number): boolean {
  return (
    (missing === "Claimed" && now > until.ciphertext) ||
    (missing === "Answered" && now > until.reveal) ||
    ((bad === "Claimed" || bad === "Revealed") && now > until.reveal) ||
    (bad === "Evaluated" && now > until.opening)
  );
}
