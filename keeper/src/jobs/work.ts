/**
 * Off-chain work for jobs, one at a time in the background: fetch and check what a job is computed from, prove, write the receipt.
 * A finished receipt is on disk, so that a restart submits the same bytes. Attempts are counted on disk before they begin: a job that
 * brings the process down is not retried for ever. Inputs are kept in memory only.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { keccak256, toUtf8Bytes } from "ethers";
import {
  type Address,
  blobOf,
  type Contracts,
  decodeJobInput,
  decodeJobWeights,
  type Deployment,
  type Hash,
  infer,
  type InferenceWitness,
  inferenceWitness,
  type JobInput,
  jobReceipt,
  MedNexusError,
  type ProvenReceipt,
  type ProverBackend,
  type ReaderKeys,
  receiveParcel,
  type Transport,
} from "@mednexus/sdk";
import type { Log } from "../events.ts";
import type { Head } from "../snapshot.ts";
import type { Work } from "./decide.ts";
import type { JobView } from "./snapshot.ts";

export interface WorkerParts {
  readonly deployment: Deployment;
  readonly contracts: Contracts;
  readonly transport: Transport;
  readonly backend: ProverBackend;
  readonly store: {
    read<T>(key: string): T | undefined;
    write(key: string, value: unknown): void;
    remove(key: string): void;
  };
  readonly self: Address;
  /** Opens private inputs. */
  readonly keys: ReaderKeys;
  readonly modelsDir?: string;
  /** Attempts at one job's proof. */
  readonly attempts: number;
  readonly monotonic: () => number;
  /** The newest block's time: receipts carry the chain's clock, not this machine's. */
  readonly head: () => Promise<Head>;
  readonly log: Log;
}

/** What of a job outlives a restart. */
interface Kept {
  readonly lockedAt: number;
  readonly attempts: number;
  readonly item?: ProvenReceipt;
  /** What executionHash is the hash of. */
  readonly trace?: string;
}

interface Material {
  readonly vector?: readonly bigint[];
  readonly input?: JobInput;
}

const fileOf = (job: bigint): string => `job-${job}`;
/** Failures to fetch that are nobody's delay, after which a job is left. */
const FETCHES = 3;
const RETRY_MS = 500;
/** Proofs that the measured time is the slowest of. */
const MEASURED = 8;

export class Worker {
  readonly #p: WorkerParts;
  readonly #work = new Map<bigint, Work>();
  readonly #material = new Map<bigint, Material>();
  readonly #busy = new Set<bigint>();
  readonly #failed = new Map<bigint, { readonly count: number; readonly notBefore: number }>();
  #queue: Promise<void> = Promise.resolve();

  constructor(parts: WorkerParts) {
    this.#p = parts;
  }

  /** What is in hand for a job as it stands. */
  of(job: JobView): Work | undefined {
    const kept = this.#p.store.read<Kept>(fileOf(job.id));
    if (this.item(job) !== undefined) return { kind: "proved", lockedAt: job.lockedAt };
    if (kept !== undefined && kept.item === undefined && kept.attempts >= this.#p.attempts && !this.#busy.has(job.id))
      return { kind: "bad", reason: `${kept.attempts} attempts at its proof failed` };
    return this.#work.get(job.id);
  }

  /** The receipt with its proof for the standing lock. */
  item(job: JobView): ProvenReceipt | undefined {
    const kept = this.#p.store.read<Kept>(fileOf(job.id));
    return job.state === "Locked" && kept?.lockedAt === job.lockedAt ? kept.item : undefined;
  }

  provingSeconds(n: number, assumed: number): number {
    const measured = this.#p.store.read<number[]>(`timing-${n}`) ?? [];
    return measured.length === 0 ? assumed : Math.max(...measured);
  }

  /** Fetches and checks what can be had before a lock. Returns at once. */
  prepare(job: JobView): void {
    this.#start(job, async () => {
      await this.#collect(job, false);
      this.#work.set(job.id, { kind: "held" });
    });
  }

  /** Makes the receipt for a standing lock. Returns at once. */
  prove(job: JobView): void {
    this.#start(job, async () => {
      const before = this.#p.store.read<Kept>(fileOf(job.id));
      // Of an earlier lock: the proof is as good, only the receipt is another.
      if (before?.item !== undefined) return this.#keep(job, before, before.item.output);
      const { vector, input } = await this.#collect(job, true);
      const attempts = (before?.attempts ?? 0) + 1;
      this.#p.store.write(fileOf(job.id), { lockedAt: job.lockedAt, attempts } satisfies Kept);
      await this.#prove(job, inferenceWitness(vector!, input!.input, input!.salt), attempts);
    });
  }

  /** Forgets a job that is over, but for the receipt and its trace: they are what the prover answers for. */
  forget(job: bigint): void {
    this.#work.delete(job);
    this.#material.delete(job);
    this.#failed.delete(job);
  }

  /** Waits for what is under way. */
  async close(): Promise<void> {
    await this.#queue;
  }

  #start(job: JobView, run: () => Promise<void>): void {
    const { monotonic, log } = this.#p;
    if (this.#busy.has(job.id) || monotonic() < (this.#failed.get(job.id)?.notBefore ?? 0)) return;
    this.#busy.add(job.id);
    this.#queue = this.#queue.then(async () => {
      try {
        await run();
        this.#failed.delete(job.id);
      } catch (error) {
        const waiting = error instanceof MedNexusError && error.retryable;
        const reason = error instanceof MedNexusError ? error.code : "UNEXPECTED";
        const count = (this.#failed.get(job.id)?.count ?? 0) + (waiting ? 0 : 1);
        this.#failed.set(job.id, { count, notBefore: monotonic() + RETRY_MS * 2 ** Math.min(count, 6) });
        if (waiting) return;
        // Never the message: it may tell of a private input.
        log({ event: "work-failed", job: job.id, reason });
        if (FATAL.has(reason) || count >= FETCHES)
          this.#work.set(job.id, { kind: "bad", reason: `unusable: ${reason}` });
      } finally {
        this.#busy.delete(job.id);
      }
    });
  }

  /** Everything that is there to be had, checked; after a lock all of it. Errors: retryable `WAITING` for what has yet to come. */
  async #collect(job: JobView, locked: boolean): Promise<Material> {
    const { id, terms, n } = job;
    const known = this.#material.get(id) ?? {};
    const vector = known.vector ?? (terms.sealedWeights ? await this.#sealed(job, locked) : await this.#weights(job));
    const input = known.input ?? (await this.#input(job, locked));
    // Refuses a poisoned pair here, before anything is at stake.
    if (vector !== undefined && input !== undefined) infer(vector, input.input);
    const material = { ...(vector && { vector }), ...(input && { input }) };
    this.#material.set(id, material);
    if (locked && (vector === undefined || input === undefined))
      throw new MedNexusError("WAITING", `job ${id} at n = ${n} waits for its parcels`, { retryable: true });
    return material;
  }

  async #input({ id, terms, inputUri, n }: JobView, locked: boolean): Promise<JobInput | undefined> {
    let content: Uint8Array | undefined;
    if (terms.privateInput) content = locked ? await this.#parcel(id, "input", terms.sponsor) : undefined;
    else {
      const hash = blobOf(inputUri);
      if (hash === undefined)
        throw new MedNexusError("UNKNOWN_URI", "its input lies where this prover cannot fetch it");
      content = await this.#p.transport.getBlob(hash);
      if (content === undefined) throw new MedNexusError("NO_INPUT", "the relay does not have its input");
    }
    return content && decodeJobInput(content, n, terms.inputCommitment);
  }

  async #sealed({ id, terms, n }: JobView, locked: boolean): Promise<readonly bigint[] | undefined> {
    if (!locked) return undefined;
    const content = await this.#parcel(id, "weights", await this.#p.contracts.inft.ownerOfModel(terms.model));
    return content && decodeJobWeights(content, n, terms.modelRoot);
  }

  #parcel(job: bigint, kind: "input" | "weights", from: Address): Promise<Uint8Array | undefined> {
    const { keys, self } = this.#p;
    return receiveParcel(this.#p, keys, self, from, job, kind);
  }

  /** From the published version, else from the folder of models; whichever has the root that the terms name. */
  async #weights({ terms, n }: JobView): Promise<readonly bigint[]> {
    const { contracts, deployment, transport, modelsDir } = this.#p;
    const { versions } = contracts;
    const [log] = await versions.queryFilter(
      versions.filters.VersionAppended(terms.model, terms.modelVersion),
      deployment.startBlock,
    );
    const root = log?.args.storageRoot;
    const published = root === undefined || BigInt(root) === 0n ? undefined : await transport.getBlob(root);
    const wanted = 32 * (n + 4);
    const files = (modelsDir === undefined ? [] : readdirSync(modelsDir))
      .map((name) => join(modelsDir!, name))
      .filter((path) => statSync(path).isFile() && statSync(path).size === wanted)
      .map((path) => () => new Uint8Array(readFileSync(path)));
    for (const read of [...(published === undefined ? [] : [() => published]), ...files]) {
      try {
        return decodeJobWeights(read(), n, terms.modelRoot);
      } catch {
        // Another model, or a false claim of where this one is.
      }
    }
    throw new MedNexusError("NO_WEIGHTS", `no weights with the root of model ${terms.model} are to be found`);
  }

  async #prove(job: JobView, witness: InferenceWitness, attempts: number): Promise<void> {
    const { backend, store, log, monotonic, head } = this.#p;
    const { id, n } = job;
    const startedAt = (await head()).timestamp;
    const from = monotonic();
    const { proof } = await backend.prove("inference", n, witness);
    const seconds = (monotonic() - from) / 1000;
    const { decision, score } = witness;
    const trace = JSON.stringify({
      circuit: "inference",
      n,
      modelRoot: String(witness.modelRoot),
      inputCommitment: String(witness.inputCommitment),
      startedAt,
      endedAt: (await head()).timestamp,
      milliseconds: Math.round(seconds * 1000),
    });
    store.write(`timing-${n}`, [...(store.read<number[]>(`timing-${n}`) ?? []), seconds].slice(-MEASURED));
    await this.#keep(job, { attempts, trace }, { decision, score, proof });
    this.#material.delete(id);
    log({ event: "proved", job: id, seconds: Math.round(seconds * 10) / 10 });
  }

  /** Writes the receipt for the standing lock. */
  async #keep(job: JobView, { attempts, trace = "{}" }: Omit<Kept, "lockedAt">, output: ProvenReceipt["output"]) {
    const { self, store, deployment } = this.#p;
    const { startedAt, endedAt } = JSON.parse(trace) as { startedAt: number; endedAt: number };
    const receipt = await jobReceipt(this.#p, job, self, output, {
      executionHash: hashOf(trace),
      // The output is in the settlement's own data.
      resultUriHash: hashOf(`receipt:${deployment.chainId}/${deployment.addresses.receipts}/${job.id}`),
      startedAt: BigInt(startedAt),
      endedAt: BigInt(endedAt),
    });
    const item: ProvenReceipt = { terms: job.terms, receipt, signature: "0x", output };
    store.write(fileOf(job.id), { lockedAt: job.lockedAt, attempts, item, trace } satisfies Kept);
  }
}

/** Trying again cannot help. */
const FATAL = new Set([
  "WRONG_INPUT",
  "WRONG_WEIGHTS",
  "BAD_PARCEL",
  "UNKNOWN_URI",
  "MODEL_BOUND",
  "VALUE_RANGE",
  "WITNESS_INVALID",
]);

const hashOf = (text: string): Hash => keccak256(toUtf8Bytes(text));
