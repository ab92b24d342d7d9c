/**
 * Transactions on their way. What is signed is on disk, with its nonce, before it is sent; after a restart the same
 * bytes are sent again. A job has at most one nonce at a time, a nonce one job; a second signature for them is a fee
 * bump and nothing else. A job leaves when its transaction is `confirmations` deep.
 */
import { bumpedFees, type Fees, gasLimit, initialFees, MedNexusError, RevertError } from "@mednexus/sdk";
import type { Log } from "./events.ts";
import type { Head } from "./snapshot.ts";

export interface Call {
  readonly to: string;
  readonly data: string;
}

export interface Job {
  /** Names the effect: one job per key is on its way. */
  readonly key: string;
  readonly call: Call;
  /** Remembered for good once done, since the chain does not show it cheaply. */
  readonly once?: boolean;
}

export interface Receipt {
  readonly blockNumber: number;
  readonly succeeded: boolean;
  readonly gasUsed: bigint;
}

/** The chain as the outbox sees it. Every method may throw a retryable MedNexusError. */
export interface Chain {
  /** Next nonce by blocks ("latest") or with what waits ("pending"). */
  nonce(tag: "latest" | "pending"): Promise<number>;
  /** Gas, by simulation. Throws RevertError. */
  estimate(call: Call): Promise<bigint>;
  /** Wei a gas that includes soon. */
  tip(): Promise<bigint>;
  send(raw: string): Promise<void>;
  receipt(hash: string): Promise<Receipt | undefined>;
  /** Whether the node still has the transaction, waiting or mined. */
  knows(hash: string): Promise<boolean>;
}

export interface TxRequest extends Call, Fees {
  readonly nonce: number;
  readonly gasLimit: bigint;
}

export interface TxSigner {
  readonly address: string;
  sign(request: TxRequest): Promise<{ raw: string; hash: string }>;
}

export interface StateStore {
  read<T>(key: string): T | undefined;
  /** Durable when it returns. */
  write(key: string, value: unknown): void;
}

export interface OutboxPolicy {
  /** Blocks on top of a transaction, its own included, before it counts as final. */
  readonly confirmations: number;
  /** Wei a gas; nothing is signed above it. */
  readonly maxFeePerGas: bigint;
  /** Blocks that a transaction waits before its fee is raised. */
  readonly bumpAfter: number;
  /** Failures after which a job is put aside for good. */
  readonly maxFailures: number;
  /** Transactions that reverted in a row, after which nothing is sent for `breakerBlocks`. */
  readonly breakerLosses: number;
  readonly breakerBlocks: number;
}

interface Signed extends Fees {
  readonly raw: string;
  readonly hash: string;
}

interface Entry {
  readonly job: Job;
  readonly nonce: number;
  readonly gasLimit: bigint;
  /** Oldest first; later ones replace earlier ones. */
  readonly signed: readonly Signed[];
  /** Block at which the newest was signed. */
  readonly since: number;
}

interface State {
  readonly version: 1;
  /** Account and deployment that the file belongs to. */
  readonly owner: string;
  readonly entries: readonly Entry[];
  readonly done: readonly string[];
  readonly failures: Readonly<
    Record<string, { readonly count: number; readonly notBefore: number; readonly reason: string }>
  >;
  readonly losses: number;
  readonly closedUntil: number;
}

/** What became of a job that was asked for. */
export type Outcome =
  | { readonly kind: "sent" | "waiting" | "done" | "later" | "held" }
  | { readonly kind: "refused"; readonly error: RevertError };

/** Somebody did it already: as good as done. */
const DONE = new Set([
  "WrongState",
  "IllegalTransition",
  "RoundLive",
  "NoRoundsLeft",
  "CampaignNotLive",
  "AlreadyVerified",
  "AlreadySettled",
  "NoComplaint",
  "NotDemanded",
  "NothingToClaim",
]);

/** Not yet, or not for a reason that others can mend: asked again with the next block. */
const LATER = new Set([
  "TooEarly",
  "DrawNotReady",
  "SumsNotFinal",
  "StillAlive",
  "ComplaintsOpen",
  "DemandsOpen",
  "NothingDue",
  "WrongWindow",
  "TooFewEnrolled",
  "PoolTooSmall",
  "NotPairAgreed",
  "EntriesPaused",
]);

/** Blocks until the n-th retry of a failing job. */
const backoff = (failures: number): number => 2 ** Math.min(failures, 10);

const FILE = "outbox";

export class Outbox {
  readonly #chain: Chain;
  readonly #signer: TxSigner;
  readonly #store: StateStore;
  readonly #policy: OutboxPolicy;
  readonly #log: Log;
  #state: State;
  /** Block in which an entry's transaction was last seen; by nonce. A restart forgets it and looks again. */
  readonly #mined = new Map<number, number>();
  /** Block at which an entry's nonce was first seen used by another transaction. */
  readonly #taken = new Map<number, number>();
  readonly #said = new Set<string>();
  #keyTaken = false;

  /** `owner` names chain, deployment and account. Errors: `STATE_OTHER` when the file belongs to another. */
  constructor(deps: {
    chain: Chain;
    signer: TxSigner;
    store: StateStore;
    policy: OutboxPolicy;
    log: Log;
    owner: string;
  }) {
    this.#chain = deps.chain;
    this.#signer = deps.signer;
    this.#store = deps.store;
    this.#policy = deps.policy;
    this.#log = deps.log;
    this.#state = deps.store.read<State>(FILE) ?? {
      version: 1,
      owner: deps.owner,
      entries: [],
      done: [],
      failures: {},
      losses: 0,
      closedUntil: 0,
    };
    if (this.#state.owner !== deps.owner)
      throw new MedNexusError(
        "STATE_OTHER",
        `the outbox belongs to ${this.#state.owner}, not to ${deps.owner}: use another dataDir`,
      );
  }

  get pending(): number {
    return this.#state.entries.length;
  }

  /** Keys of jobs with a transaction that is not final yet. */
  get onTheirWay(): ReadonlySet<string> {
    return new Set(this.#state.entries.map(({ job }) => job.key));
  }

  get done(): ReadonlySet<string> {
    return new Set(this.#state.done);
  }

  get quarantined(): string[] {
    return Object.entries(this.#state.failures)
      .filter(([, { count }]) => count >= this.#policy.maxFailures)
      .map(([key]) => key);
  }

  /** Whether a transaction of this account was seen that is not from here. */
  get keyTaken(): boolean {
    return this.#keyTaken;
  }

  /** True while the circuit breaker keeps everything from being sent. */
  isOpen(head: Head): boolean {
    return head.number < this.#state.closedUntil;
  }

  /** Forgets what is remembered under keys that begin so: their round is over. */
  forget(prefix: string): void {
    const mine = (key: string): boolean => key.startsWith(prefix);
    const done = this.#state.done.filter((key) => !mine(key));
    const failures = Object.fromEntries(Object.entries(this.#state.failures).filter(([key]) => !mine(key)));
    if (
      done.length < this.#state.done.length ||
      Object.keys(failures).length < Object.keys(this.#state.failures).length
    )
      this.#save({ done, failures });
  }

  /** Looks after what is on its way: receipts, reorganisations, lost transactions, fees. */
  async settle(head: Head): Promise<void> {
    if (this.pending === 0) return;
    const used = await this.#chain.nonce("latest");
    for (const entry of [...this.#state.entries].sort((a, b) => a.nonce - b.nonce))
      await this.#attend(entry, used, head);
  }

  /** Simulates, signs, stores, then sends every job that is neither on its way nor put aside. */
  async submit(jobs: readonly Job[], head: Head): Promise<Map<string, Outcome>> {
    const outcomes = new Map<string, Outcome>();
    const wanted: Job[] = [];
    const onTheirWay = new Set(this.#state.entries.map(({ job }) => job.key));
    for (const job of jobs) {
      if (onTheirWay.has(job.key)) outcomes.set(job.key, { kind: "waiting" });
      else if (this.#isHeld(job.key, head)) outcomes.set(job.key, { kind: "held" });
      else wanted.push(job);
    }
    const estimated = await Promise.all(wanted.map((job) => this.#estimate(job)));
    const ready: { job: Job; gas: bigint }[] = [];
    const done: string[] = [];
    const failed: [string, string][] = [];
    wanted.forEach((job, i) => {
      const result = estimated[i]!;
      if (typeof result === "bigint") ready.push({ job, gas: result });
      else {
        outcomes.set(job.key, result);
        if (result.kind === "done" && job.once === true) done.push(job.key);
        if (result.kind === "refused") failed.push([job.key, result.error.code]);
      }
    });
    if (done.length > 0) this.#save({ done: [...this.#state.done, ...done] });
    for (const [key, reason] of failed) this.#fail(key, reason, head);
    const signed = await this.#sign(ready, head);
    for (const { job } of ready) outcomes.set(job.key, { kind: signed.length > 0 ? "sent" : "held" });
    for (const entry of signed) await this.#send(entry);
    return outcomes;
  }

  #isHeld(key: string, head: Head): boolean {
    const failure = this.#state.failures[key];
    return (
      this.isOpen(head) ||
      (failure !== undefined && (failure.count >= this.#policy.maxFailures || head.number < failure.notBefore))
    );
  }

  async #estimate(job: Job): Promise<bigint | Outcome> {
    try {
      return await this.#chain.estimate(job.call);
    } catch (error) {
      if (!(error instanceof RevertError)) {
        // The line's fault, or the node's with this one call: others go on.
        this.#log({ event: "simulation-failed", job: job.key.slice(0, 80), reason: reasonOf(error) });
        return { kind: "later" };
      }
      if (DONE.has(error.errorName)) return { kind: "done" };
      if (LATER.has(error.errorName)) return { kind: "later" };
      return { kind: "refused", error };
    }
  }

  /** New entries, on disk. Empty when the market is above the cap. Throws `STATE_WRITE`: then nothing may be sent. */
  async #sign(ready: readonly { job: Job; gas: bigint }[], head: Head): Promise<Entry[]> {
    const occupied = new Set(this.#state.entries.map(({ nonce }) => nonce));
    if (ready.length === 0 && occupied.size === 0) return [];
    let next = await this.#chain.nonce("pending");
    const highest = Math.max(-1, ...occupied);
    const jobs: { job: Job; gas: bigint }[] = [...ready];
    const nonces: number[] = [];
    for (; nonces.length < jobs.length || next < highest; next++) {
      if (occupied.has(next)) continue;
      // Nothing behind a missing nonce is ever mined: with no job to take it, an empty transfer to itself does.
      if (nonces.length === jobs.length)
        jobs.push({ job: { key: `gap/${next}`, call: { to: this.#signer.address, data: "0x" } }, gas: 21_000n });
      nonces.push(next);
    }
    if (jobs.length === 0) return [];
    const fees = initialFees({ baseFee: head.baseFee, tip: await this.#chain.tip() }, this.#policy.maxFeePerGas);
    if (fees === undefined) {
      this.#once(`capped-${head.number}`, { event: "fee-capped", baseFee: head.baseFee, block: head.number });
      return [];
    }
    const entries: Entry[] = [];
    for (const [i, { job, gas }] of jobs.entries()) {
      const request = { ...job.call, ...fees, nonce: nonces[i]!, gasLimit: gasLimit(gas) };
      const signed = { ...(await this.#signer.sign(request)), ...fees };
      entries.push({ job, nonce: request.nonce, gasLimit: request.gasLimit, signed: [signed], since: head.number });
    }
    this.#save({ entries: [...this.#state.entries, ...entries] });
    return entries;
  }

  /** A failure to send says nothing about acceptance: the next look at the chain does. */
  async #send(entry: Entry): Promise<void> {
    const { raw, hash } = entry.signed.at(-1)!;
    try {
      await this.#chain.send(raw);
      this.#log({ event: "sent", job: entry.job.key, nonce: entry.nonce, hash });
    } catch (error) {
      this.#log({ event: "send-unclear", job: entry.job.key, nonce: entry.nonce, hash, reason: reasonOf(error) });
    }
  }

  async #attend(entry: Entry, used: number, head: Head): Promise<void> {
    const { job, nonce, signed } = entry;
    for (const { hash } of signed.toReversed()) {
      const receipt = await this.#chain.receipt(hash);
      if (receipt === undefined) continue;
      this.#mined.set(nonce, receipt.blockNumber);
      this.#taken.delete(nonce);
      if (head.number - receipt.blockNumber + 1 >= this.#policy.confirmations) this.#finish(entry, hash, receipt, head);
      return;
    }
    if (this.#mined.delete(nonce)) {
      this.#log({ event: "reorged-out", job: job.key, nonce });
      if (nonce >= used) return this.#send(entry);
    }
    if (nonce < used) {
      // Mined but not yet indexed, or another transaction took the nonce: time tells them apart.
      const since = this.#taken.get(nonce) ?? head.number;
      this.#taken.set(nonce, since);
      if (head.number - since < this.#policy.confirmations) return;
      this.#drop(entry);
      this.#keyTaken = true;
      this.#log({ event: "nonce-taken", job: job.key, nonce });
      return;
    }
    this.#taken.delete(nonce);
    // Also when the node does not have it: it may have refused it as underpriced.
    if (head.number - entry.since >= this.#policy.bumpAfter && (await this.#bump(entry, head))) return;
    if (!(await this.#chain.knows(signed.at(-1)!.hash))) await this.#send(entry);
  }

  /** False when the cap forbids it. */
  async #bump(entry: Entry, head: Head): Promise<boolean> {
    const market = { baseFee: head.baseFee, tip: await this.#chain.tip() };
    const fees = bumpedFees(entry.signed.at(-1)!, market, this.#policy.maxFeePerGas);
    if (fees === undefined) {
      this.#once(`capped-${entry.nonce}`, { event: "fee-capped", job: entry.job.key, baseFee: head.baseFee });
      return false;
    }
    const { job, nonce, gasLimit } = entry;
    const signed = { ...(await this.#signer.sign({ ...job.call, ...fees, nonce, gasLimit })), ...fees };
    const bumped = { ...entry, signed: [...entry.signed, signed], since: head.number };
    this.#save({ entries: this.#state.entries.map((one) => (one.nonce === nonce ? bumped : one)) });
    this.#log({ event: "fee-bumped", job: job.key, nonce, maxFeePerGas: fees.maxFeePerGas });
    await this.#send(bumped);
    return true;
  }

  #finish(entry: Entry, hash: string, receipt: Receipt, head: Head): void {
    const { job, nonce } = entry;
    this.#mined.delete(nonce);
    const entries = this.#state.entries.filter((one) => one.nonce !== nonce);
    const event = { job: job.key, nonce, hash, block: receipt.blockNumber, gas: receipt.gasUsed };
    if (receipt.succeeded) {
      const { [job.key]: _, ...failures } = this.#state.failures;
      const done = job.once === true ? [...this.#state.done, job.key] : this.#state.done;
      this.#save({ entries, done, failures, losses: 0 });
      this.#log({ event: "confirmed", ...event });
      return;
    }
    const losses = this.#state.losses + 1;
    const trips = losses >= this.#policy.breakerLosses;
    this.#save({
      entries,
      losses: trips ? 0 : losses,
      ...(trips ? { closedUntil: head.number + this.#policy.breakerBlocks } : {}),
    });
    this.#log({ event: "reverted", ...event });
    if (trips) this.#log({ event: "breaker-open", losses, until: this.#state.closedUntil });
    this.#fail(job.key, "reverted", head);
  }

  #drop(entry: Entry): void {
    this.#taken.delete(entry.nonce);
    this.#save({ entries: this.#state.entries.filter(({ nonce }) => nonce !== entry.nonce) });
  }

  #fail(key: string, reason: string, head: Head): void {
    const count = (this.#state.failures[key]?.count ?? 0) + 1;
    this.#save({
      failures: { ...this.#state.failures, [key]: { count, notBefore: head.number + backoff(count), reason } },
    });
    this.#log({ event: count >= this.#policy.maxFailures ? "quarantined" : "failed", job: key, count, reason });
  }

  #once(key: string, event: Parameters<Log>[0]): void {
    if (this.#said.has(key)) return;
    this.#said.add(key);
    this.#log(event);
  }

  /** Disk first: memory never knows more than a restart would. */
  #save(change: Partial<State>): void {
    const next = { ...this.#state, ...change };
    this.#store.write(FILE, next);
    this.#state = next;
  }
}

const reasonOf = (error: unknown): string =>
  error instanceof MedNexusError ? error.code : error instanceof Error ? error.message : String(error);
