/** The aggregate prover: from node sums to a finalization that names this keeper as payee. */
import { toUtf8Bytes } from "ethers";
import {
  aggregateChallenge,
  aggregateContextHash,
  aggregateHash,
  type Address,
  type FrozenSet,
  type G1,
  type Hash,
  MedNexusError,
  type ModelReader,
  modelVector,
  nextModel,
  type Proof,
  type ProverBackend,
  publishModel,
  roundSum,
  type RoundView,
} from "@mednexus/sdk";

/** Argument of RoundSettlement.finalize. */
export interface Finalization {
  readonly round: bigint;
  readonly h: bigint;
  readonly y: bigint;
  readonly w: G1;
  readonly proof: Proof;
  readonly storageRoot: Hash;
  readonly artefactRoot: Hash;
  readonly payee: Address;
}

/** A finalization and the frozen set it is for. */
export interface Proved {
  readonly setHash: Hash;
  readonly finalization: Finalization;
}

interface Job {
  readonly setHash: Hash;
  readonly running: boolean;
  readonly proved?: Proved;
  /** Attempts that failed, and when the next may begin (monotonic ms). */
  readonly failures: number;
  readonly notBefore: number;
}

const MAX_FAILURES = 8;
const storeKey = (round: bigint): string => `proof-${round}`;

/**
 * Proves in the background, one round at a time; a finished proof is on disk, so that a restart does not prove again.
 * Waiting for sums is not a failure. A round whose model cannot be rebuilt is put aside and holds up no other.
 */
export class AggregateProver {
  readonly #reader: ModelReader;
  readonly #backend: ProverBackend;
  readonly #payee: Address;
  readonly #monotonic: () => number;
  readonly #jobs = new Map<bigint, Job>();
  #queue: Promise<void> = Promise.resolve();

  constructor(reader: ModelReader, backend: ProverBackend, payee: Address, monotonic: () => number) {
    this.#reader = reader;
    this.#backend = backend;
    this.#payee = payee;
    this.#monotonic = monotonic;
  }

  /** The proof for this round and set, if there is one. */
  proved(round: bigint, setHash: Hash): Proved | undefined {
    const found = this.#jobs.get(round)?.proved ?? this.#reader.store.read<Proved>(storeKey(round));
    return found?.setHash === setHash && found.finalization.payee === this.#payee ? found : undefined;
  }

  get busy(): boolean {
    return [...this.#jobs.values()].some(({ running }) => running);
  }

  /** Begins proving unless it is under way, done, or put aside. Returns at once. */
  start(round: RoundView, frozen: FrozenSet): void {
    const before = this.#jobs.get(round.id);
    const same = before?.setHash === frozen.setHash ? before : undefined;
    if (before?.running === true || same?.proved !== undefined) return;
    if (same !== undefined && (same.failures >= MAX_FAILURES || this.#monotonic() < same.notBefore)) return;
    const failures = same?.failures ?? 0;
    this.#jobs.set(round.id, { setHash: frozen.setHash, running: true, failures, notBefore: 0 });
    this.#queue = this.#queue.then(() => this.#run(round, frozen, failures));
  }

  /** Forgets a round that is over. */
  forget(round: bigint): void {
    if (this.#jobs.get(round)?.running === true) return;
    this.#jobs.delete(round);
    this.#reader.store.remove(storeKey(round));
  }

  /** Waits for what is under way. */
  async close(): Promise<void> {
    await this.#queue;
  }

  async #run(round: RoundView, frozen: FrozenSet, failures: number): Promise<void> {
    const { setHash } = frozen;
    const idle = { setHash, running: false };
    try {
      const proved = await this.#prove(round, frozen);
      this.#reader.store.write(storeKey(round.id), proved);
      this.#jobs.set(round.id, { ...idle, proved, failures: 0, notBefore: 0 });
    } catch (error) {
      const waiting = error instanceof MedNexusError && error.retryable;
      const count = waiting ? failures : failures + 1;
      const pause = waiting ? 50 : 1000 * 2 ** count;
      this.#jobs.set(round.id, { ...idle, failures: count, notBefore: this.#monotonic() + pause });
      if (waiting) return;
      this.#reader.log({
        event: count >= MAX_FAILURES ? "proof-quarantined" : "proof-failed",
        round: round.id,
        reason: error instanceof MedNexusError ? error.code : "UNEXPECTED",
      });
    }
  }

  async #prove(round: RoundView, frozen: FrozenSet): Promise<Proved> {
    const reader = this.#reader;
    const started = this.#monotonic();
    const { sum } = await roundSum(reader, round.id);
    const base = await modelVector(reader, round.model, round.baseVersion, round.n);
    const key = await reader.commitKey(round.n);
    const { vector, commitment } = await nextModel(key, base, frozen, sum, round.base);
    const collected = this.#monotonic();
    const storageRoot = await publishModel(reader, vector);
    const artefactRoot = await this.#publishArtefact(round, frozen, storageRoot);
    const ctxM = aggregateContextHash({
      chainId: BigInt(reader.deployment.chainId),
      roundSettlement: reader.deployment.addresses.settlement,
      campaign: round.campaign,
      round: round.id,
      model: round.model,
      base: round.base,
      setHash: frozen.setHash,
      lambda: frozen.lambda,
      keyHash: round.aggregateKeyHash,
      srsHash: round.srsHash,
      n: round.n,
      payee: this.#payee,
      storageRoot,
      artefactRoot,
    });
    const h = aggregateHash(vector);
    const r = aggregateChallenge(ctxM, commitment, h);
    const { y, w } = await key.open(vector, r);
    const values = vector.slice(0, round.n);
    const { proof } = await this.#backend.prove("aggregate", round.n, {
      h,
      r,
      y,
      values,
      blinders: vector.slice(round.n),
    });
    reader.log({
      event: "proved",
      round: round.id,
      collectMs: Math.round(collected - started),
      proveMs: Math.round(this.#monotonic() - collected),
    });
    const finalization = { round: round.id, h, y, w, proof, storageRoot, artefactRoot, payee: this.#payee };
    return { setHash: frozen.setHash, finalization };
  }

  /** A small public description of the artefact, so that a reader of the chain knows what the storage root holds. */
  #publishArtefact(round: RoundView, frozen: FrozenSet, storageRoot: Hash): Promise<Hash> {
    const description = {
      format: "mednexus.model.v1",
      model: String(round.model),
      version: round.baseVersion + 1,
      round: String(round.id),
      n: round.n,
      members: frozen.count,
      records: String(frozen.totalRecords),
      vector: storageRoot,
    };
    return this.#reader.transport.putBlob(toUtf8Bytes(JSON.stringify(description)));
  }
}
