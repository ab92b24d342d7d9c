/** Looks at the market: every job that is not over, and this prover's own standing, as of one block. Reads only. */
import type { Result } from "ethers";
import {
  type Address,
  type Contracts,
  decodeFailure,
  feeAt,
  type Hash,
  JOB_STATES,
  jobTerms,
  type JobTerms,
  RevertError,
} from "@mednexus/sdk";
import type { Head } from "../snapshot.ts";
import { type Endpoint, Tail } from "../tail.ts";
import type { JobSnapshot, JobView, ProverView } from "./snapshot.ts";

export interface JobWatchOptions extends Endpoint {
  readonly self: Address;
}

interface Requested {
  readonly terms: JobTerms;
  readonly termsHash: Hash;
  readonly inputUri: string;
}

/** Ends of a lock that cost this prover something; kept when the job is long over. */
const LOSSES = new Set(["LockExpired", "ReceiptRefuted", "LockAbandoned"]);

export class JobWatch {
  readonly #o: JobWatchOptions;
  readonly #tail: Tail;
  /** Jobs whose end is final. */
  readonly #over = new Set<bigint>();
  readonly #sizes = new Map<number, number>();

  constructor(options: JobWatchOptions) {
    this.#o = options;
    const { deployment, self } = options;
    this.#tail = new Tail({
      ...options,
      addresses: [deployment.addresses.compute, deployment.addresses.receipts],
      keep: ({ name, args }) => !this.#over.has(args["job"] as bigint) || (LOSSES.has(name) && args["prover"] === self),
    });
  }

  /** See Tail.head. */
  head(): Promise<Head> {
    return this.#tail.head();
  }

  async snapshot(head: Head): Promise<JobSnapshot> {
    try {
      await this.#tail.follow(head);
      const requested = this.#requested(head);
      const [self, ...jobs] = await Promise.all([
        readProver(this.#tail.contracts, this.#o.self),
        ...[...requested].map(([id, request]) => this.#job(id, request, head)),
      ]);
      return { head, self, jobs: jobs.filter((job) => job !== undefined), ...this.#lost() };
    } catch (error) {
      throw decodeFailure(error);
    }
  }

  /** Jobs without an end; those whose end is final are forgotten on the way. */
  #requested(head: Head): Map<bigint, Requested> {
    const open = new Map<bigint, Requested>();
    for (const { block, event } of this.#tail.logs) {
      const { name, args } = event;
      const job = args["job"] as bigint;
      if (name === "JobRequested")
        open.set(job, {
          terms: jobTerms(args["terms"] as Result),
          termsHash: args["termsHash"] as Hash,
          inputUri: args["inputUri"] as string,
        });
      else if (name === "JobSettled" || name === "JobEnded") {
        open.delete(job);
        if (head.number - block >= this.#o.depth) this.#over.add(job);
      }
    }
    this.#tail.prune();
    return open;
  }

  /** Undefined for what this prover has no part in: attested by somebody, or held by another within its time. */
  async #job(id: bigint, { terms, termsHash, inputUri }: Requested, head: Head): Promise<JobView | undefined> {
    const { self } = this.#o;
    const raw = await this.#tail.contracts.compute.jobOf(id);
    const [state, until, lockedAt] = [JOB_STATES[Number(raw.state)]!, Number(raw.until), Number(raw.lockedAt)];
    const lapsed = state === "Locked" && raw.acknowledged && head.timestamp > until;
    const mine = state === "Locked" && raw.prover === self && !lapsed;
    if (!mine && state !== "Open" && !lapsed) return undefined;
    const rampStart = Number(raw.rampStart);
    // IComputeMarket.feeOf: an expired lock's time does not count.
    const elapsed = lapsed ? lockedAt - rampStart + head.timestamp - until : head.timestamp - rampStart;
    const [n, refusal] = await Promise.all([this.#size(terms.verifier), mine ? undefined : this.#refusal(id, terms)]);
    return {
      id,
      terms,
      termsHash,
      inputUri,
      n,
      state,
      prover: raw.prover,
      acknowledged: raw.acknowledged,
      lockedAt,
      until,
      rampStart,
      fee: mine ? raw.fee : feeAt(terms, BigInt(elapsed)),
      collected: raw.collected,
      consentEpoch: raw.consentEpoch,
      ...(refusal === undefined ? {} : { refusal }),
      refused: mine ? this.#refused(id) : 0,
    };
  }

  /** Licence, authorisation, consent, list, pause, stake: asked as one, by the lock itself. */
  async #refusal(id: bigint, terms: JobTerms): Promise<string | undefined> {
    const call = { ...terms, provers: [...terms.provers], attesters: [...terms.attesters] };
    try {
      await this.#tail.contracts.compute.lock.staticCall(id, call, { from: this.#o.self });
      return undefined;
    } catch (error) {
      const failure = decodeFailure(error);
      if (failure instanceof RevertError) return failure.errorName;
      throw failure;
    }
  }

  /** Refusals by a batch since the standing lock was taken. */
  #refused(id: bigint): number {
    let count = 0;
    for (const { event } of this.#tail.logs) {
      if (event.args["job"] !== id) continue;
      if (event.name === "JobLocked") count = 0;
      else if (event.name === "ReceiptRefused") count++;
    }
    return count;
  }

  async #size(verifier: number): Promise<number> {
    const known = this.#sizes.get(verifier) ?? Number((await this.#tail.contracts.verifiers.infoOf(verifier)).n);
    this.#sizes.set(verifier, known);
    return known;
  }

  #lost(): Pick<JobSnapshot, "losses" | "withheld"> {
    const losses: number[] = [];
    const withheld = new Map<string, number[]>();
    const sponsors = this.#sponsors;
    for (const { block, event } of this.#tail.logs) {
      const { name, args } = event;
      if (name === "JobRequested") sponsors.set(args["job"] as bigint, String(args["sponsor"]).toLowerCase());
      if (!LOSSES.has(name) || args["prover"] !== this.#o.self) continue;
      if (name !== "LockAbandoned") losses.push(block);
      else {
        const sponsor = sponsors.get(args["job"] as bigint) ?? "";
        withheld.set(sponsor, [...(withheld.get(sponsor) ?? []), block]);
      }
    }
    return { losses, withheld };
  }

  /** Outlives the events of jobs that are over. */
  readonly #sponsors = new Map<bigint, Address>();
}

/** An account's standing as a prover. */
export async function readProver(contracts: Contracts, address: Address): Promise<ProverView> {
  const { stake, vault } = contracts;
  const token = await stake.token();
  const [free, locked, unbonding, misses, suspended, credit] = await Promise.all([
    stake.freeOf(address),
    stake.lockedOf(address),
    stake.unbondingOf(address),
    stake.missesOf(address),
    stake.isSuspended(address),
    vault.creditOf(token, address),
  ]);
  return { address, free, locked, unbonding, misses: Number(misses), suspended, credit };
}
