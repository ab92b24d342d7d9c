/** Which jobs are worth a lock, and what is due for those that are locked: a pure function of the snapshot and of what this prover has in hand. */
import type { Address } from "@mednexus/sdk";
import { profit } from "../profit.ts";
import type { ProverConfig } from "./config.ts";
import type { JobSnapshot, JobView } from "./snapshot.ts";

/** What this prover has in hand for a job. */
export type Work =
  /** weights, and the input unless it is private, are here and are what the terms name */
  | { readonly kind: "held" }
  /** a receipt with its proof, for the lock of that second */
  | { readonly kind: "proved"; readonly lockedAt: number }
  /** can never be delivered */
  | { readonly kind: "bad"; readonly reason: string };

export interface Knowledge {
  readonly work: ReadonlyMap<bigint, Work>;
  /** Keys of transactions that are not final, and of those put aside after failures. */
  readonly onTheirWay: ReadonlySet<string>;
  readonly quarantined: ReadonlySet<string>;
  /** Seconds that a proof takes at size n, as measured, or as assumed before. */
  readonly provingSeconds: (n: number) => number;
}

export type Policy = Pick<ProverConfig, "limits" | "economics" | "timing" | "collectFrom" | "fees">;

/** `key` names the effect: the same key is the same effect, wanted once. */
export type JobAction =
  /** Work off the chain: idempotent, no key. */
  | { readonly kind: "prepare" | "prove"; readonly job: bigint }
  | { readonly kind: "lock" | "acknowledge" | "abandon"; readonly key: string; readonly job: bigint }
  | { readonly kind: "settle"; readonly key: string; readonly jobs: readonly bigint[] }
  | { readonly kind: "collect"; readonly key: string; readonly amount: bigint };

/** Token units. */
export interface Estimate {
  readonly fee: bigint;
  readonly collected: bigint;
  readonly gas: bigint;
  readonly risk: bigint;
  readonly profit: bigint;
  /** Seconds from the lock to the delivery, with margins. */
  readonly seconds: number;
}

/** Why an open job is taken (no reasons) or left. */
export interface Verdict {
  readonly job: bigint;
  readonly take: boolean;
  readonly reasons: readonly string[];
  readonly estimate: Estimate;
}

export interface Decision {
  readonly actions: readonly JobAction[];
  readonly verdicts: readonly Verdict[];
  /** Block until which nothing is locked; undefined: the breaker is closed. */
  readonly breakerUntil?: number;
}

/** Receipts that one transaction settles. Eight of them and the gas that settleBatch wants left before each fit into 16.7 M. */
export const MAX_BATCH = 8;

const COLLECT = "collect";
const keyOf = (job: JobView, what: string): string =>
  `j${job.id}/${what}/${job.state === "Open" ? job.rampStart : job.lockedAt}`;
/** Names one lock of one job: a receipt is for one lock. */
const lockName = (job: JobView): string => `${job.id}.${job.lockedAt}`;

export function decide(snapshot: JobSnapshot, known: Knowledge, policy: Policy): Decision {
  const { self, jobs } = snapshot;
  const own = jobs.filter((job) => job.state === "Locked" && job.prover === self.address && !lapsed(job, snapshot));
  const breakerUntil = breaker(snapshot, policy);
  const verdicts: Verdict[] = [];
  const actions: JobAction[] = [...own.flatMap((job) => ownActions(job, snapshot, known)), ...settlements(own, known)];

  // What locks on their way will hold back, besides what the chain shows.
  const sent = jobs.filter((job) => !own.includes(job) && known.onTheirWay.has(keyOf(job, "lock")));
  let slots = policy.limits.locks - own.length - sent.length;
  const spoken = sum(sent.map(({ terms }) => terms.collateral));
  const risked = sum(own.map(({ terms }) => terms.collateral)) + spoken;
  let stake = self.free - spoken;
  let room = (policy.limits.collateral ?? 2n ** 128n) - risked;
  let ahead = own.filter(({ id }) => known.work.get(id)?.kind !== "proved").length + sent.length;

  const open = jobs
    .filter((job) => (job.state === "Open" || lapsed(job, snapshot)) && !sent.includes(job))
    .map((job) => ({ job, profit: estimate(job, snapshot, known, policy, 0).profit }))
    .sort((a, b) => (a.profit === b.profit ? Number(a.job.id - b.job.id) : a.profit > b.profit ? -1 : 1));
  for (const { job } of open) {
    const { terms } = job;
    const guess = estimate(job, snapshot, known, policy, ahead);
    const reasons = reasonsToLeave(job, snapshot, known, policy, guess);
    if (breakerUntil !== undefined) reasons.push(`circuit breaker open until block ${breakerUntil}`);
    if (slots <= 0) reasons.push(`${policy.limits.locks} locks at a time`);
    if (terms.collateral > stake)
      reasons.push(`needs ${terms.collateral} of free stake, ${stake > 0n ? stake : 0n} are free`);
    else if (terms.collateral > room) reasons.push("more collateral at risk than the limit allows");
    const work = known.work.get(job.id);
    if (work?.kind === "bad") reasons.push(work.reason);
    if (reasons.length === 0 && work === undefined) {
      // A lock may start a clock that slashes: whatever can be had before it is here before it.
      actions.push({ kind: "prepare", job: job.id });
      reasons.push("waits for its input and weights");
    }
    verdicts.push({ job: job.id, take: reasons.length === 0, reasons, estimate: guess });
    if (reasons.length > 0) continue;
    actions.push({ kind: "lock", key: keyOf(job, "lock"), job: job.id });
    slots--;
    ahead++;
    stake -= terms.collateral;
    room -= terms.collateral;
  }
  if (policy.collectFrom > 0n && self.credit >= policy.collectFrom && !known.onTheirWay.has(COLLECT))
    actions.push({ kind: "collect", key: COLLECT, amount: self.credit });
  return { actions, verdicts, ...(breakerUntil === undefined ? {} : { breakerUntil }) };
}

const sum = (amounts: readonly bigint[]): bigint => amounts.reduce((a, b) => a + b, 0n);

/** A lock whose time has run out: the next one that comes ends it. */
const lapsed = (job: JobView, { head }: JobSnapshot): boolean =>
  job.state === "Locked" && job.acknowledged && head.timestamp > job.until;

/** Until `breakerBlocks` after the loss that makes them too many. */
function breaker({ head, losses }: JobSnapshot, { limits }: Policy): number | undefined {
  const recent = losses.filter((block) => head.number - block < limits.breakerBlocks);
  return recent.length >= limits.breakerLosses
    ? recent.toSorted((a, b) => a - b).at(-limits.breakerLosses)! + limits.breakerBlocks
    : undefined;
}

/** Gas at the price of this block with its margin; the fee is at least what it is now, for it only rises. */
function estimate(job: JobView, { head }: JobSnapshot, known: Knowledge, policy: Policy, ahead: number): Estimate {
  const { economics, timing } = policy;
  const gasUsed = economics.lockGas + economics.settleGas + (job.terms.ackWindow > 0 ? economics.acknowledgeGas : 0n);
  const price = (head.baseFee * BigInt(economics.gasMargin) + 99n) / 100n;
  const gas = -profit(0n, gasUsed, price, economics.tokenPerEther);
  const risk = (job.terms.collateral * BigInt(economics.riskBps) + 9_999n) / 10_000n;
  const seconds = Math.ceil((ahead + 1) * known.provingSeconds(job.n) * timing.margin + timing.deliverySeconds);
  const { fee, collected } = job;
  return { fee, collected, gas, risk, profit: fee + collected - gas - risk, seconds };
}

/** Names of the protocol's refusals, as a person reads them. */
const REFUSALS: Readonly<Record<string, string>> = {
  ProverNotAccepted: "the sponsor accepts other provers only",
  ProverNotAuthorised: "sealed weights, and the model does not admit this prover",
  PartySuspended: "this prover is suspended",
  EntriesPaused: "locks are paused",
  VerifierNotLive: "the job's verifier is retired",
  TooLate: "too late for a lock",
  InsufficientFreeStake: "too little free stake",
};

function reasonsToLeave(
  job: JobView,
  { head, self, withheld }: JobSnapshot,
  known: Knowledge,
  { limits, economics, fees }: Policy,
  guess: Estimate,
): string[] {
  const { terms } = job;
  const reasons: string[] = [];
  if (self.suspended) reasons.push(REFUSALS["PartySuspended"]!);
  if (terms.provers.length > 0 && !terms.provers.some((one) => same(one, self.address)))
    reasons.push(REFUSALS["ProverNotAccepted"]!);
  else if (job.refusal !== undefined) {
    const said = REFUSALS[job.refusal] ?? `a lock would be refused: ${job.refusal}`;
    if (!reasons.includes(said)) reasons.push(said);
  }
  if (head.timestamp > Number(terms.deadline) - terms.ackWindow - terms.lockWindow && job.refusal === undefined)
    reasons.push(REFUSALS["TooLate"]!);
  // The proof is made before the acknowledgement: it has to fit into either window.
  const window = terms.ackWindow > 0 ? Math.min(terms.ackWindow, terms.lockWindow) : terms.lockWindow;
  if (guess.seconds > window) reasons.push(`too slow: about ${guess.seconds} s of the ${window} s that a lock has`);
  if (head.baseFee > fees.max) reasons.push(`gas costs ${head.baseFee} wei, more than the cap of ${fees.max}`);
  if (guess.profit < economics.minProfit)
    reasons.push(`unprofitable: ${guess.profit} expected, ${economics.minProfit} wanted`);
  const failed = (withheld.get(terms.sponsor.toLowerCase()) ?? []).filter(
    (b) => head.number - b < limits.breakerBlocks,
  );
  if (failed.length >= limits.withheldInputs) reasons.push(`its sponsor brought no input for ${failed.length} locks`);
  if (known.quarantined.has(keyOf(job, "lock"))) reasons.push("its lock failed too often");
  return reasons;
}

const same = (a: Address, b: Address): boolean => a.toLowerCase() === b.toLowerCase();

/** A lock of ours: proved first, acknowledged only then; given up, without blame, where it cannot be delivered and nothing is at stake yet. */
function ownActions(job: JobView, { head }: JobSnapshot, known: Knowledge): JobAction[] {
  const work = known.work.get(job.id);
  const proved = work?.kind === "proved" && work.lockedAt === job.lockedAt;
  if (!job.acknowledged && (work?.kind === "bad" || head.timestamp > job.until))
    return [{ kind: "abandon", key: keyOf(job, "abandon"), job: job.id }];
  if (!proved) return work?.kind === "bad" ? [] : [{ kind: "prove", job: job.id }];
  return job.acknowledged ? [] : [{ kind: "acknowledge", key: keyOf(job, "acknowledge"), job: job.id }];
}

/** Proved and acknowledged locks in batches; one that a batch has refused goes alone, where its simulation says why and nothing is spent. */
function settlements(own: readonly JobView[], known: Knowledge): JobAction[] {
  const sent = new Set(
    [...known.onTheirWay].flatMap((key) => (key.startsWith("settle/") ? key.slice("settle/".length).split("/") : [])),
  );
  const ready = own.filter((job) => {
    const work = known.work.get(job.id);
    const proved = work?.kind === "proved" && work.lockedAt === job.lockedAt;
    return proved && job.acknowledged && !sent.has(lockName(job));
  });
  const alone = ready.filter(({ refused }) => refused > 0);
  const together = ready.filter(({ refused }) => refused === 0);
  const batches = alone.map((job) => [job]);
  for (let i = 0; i < together.length; i += MAX_BATCH) batches.push(together.slice(i, i + MAX_BATCH));
  return batches.map((batch) => ({
    kind: "settle",
    key: `settle/${batch.map(lockName).join("/")}`,
    jobs: batch.map(({ id }) => id),
  }));
}
