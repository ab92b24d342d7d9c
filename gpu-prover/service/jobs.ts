import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { MedNexusError } from "@mednexus/sdk";
import { FileStore } from "@mednexus/sdk/node";

export type JobState = "queued" | "proving" | "done" | "failed" | "expired" | "interrupted";

/** What is kept of a job; the proof and its public inputs are as in snarkjs's files. Never a witness. */
export interface Job {
  readonly id: string;
  readonly key: string;
  /** higher goes first; −1000 … 1000 */
  readonly priority: number;
  /** unix ms; a job not begun by then is not begun */
  readonly deadline?: number;
  readonly submittedAt: number;
  /** its witness is on disk, by its sender's wish, until it ends */
  readonly durable: boolean;
  readonly state: JobState;
  readonly error?: { readonly code: string; readonly message: string };
  readonly proof?: object;
  readonly publicSignals?: readonly string[];
  readonly finishedAt?: number;
}

export class ServiceError extends MedNexusError {}

const ID = /^[a-z0-9-]{1,64}$/;
const ENDED: readonly JobState[] = ["done", "failed", "expired"];
export const hasEnded = (job: Job): boolean => ENDED.includes(job.state);

/**
 * Jobs and keys of the proving service, on disk. A job's record survives a restart; its witness only where its sender asked for that (`durable`), in a file
 * that nobody but this user may read, removed when the job ends. A job whose witness went down with the process is `interrupted`: sent again under the same
 * id it takes its place.
 */
export class Jobs {
  readonly #store: FileStore;
  readonly #folder: string;
  readonly #jobs = new Map<string, Job>();
  readonly #witnesses = new Map<string, Uint8Array<ArrayBuffer>>();
  /** the key read last: most jobs are for the same one, and an engine knows it again */
  #lastKey: { readonly hash: string; readonly zkey: Uint8Array } | undefined;

  /** @throws MedNexusError STATE_IN_USE, STATE_CORRUPT */
  constructor(folder: string) {
    this.#folder = folder;
    this.#store = new FileStore(join(folder, "jobs"));
    this.#store.lock();
    for (const name of ["keys", "witnesses"]) mkdirSync(join(folder, name), { recursive: true, mode: 0o700 });
    for (const id of this.#store.keys()) {
      const job = this.#store.read<Job>(id);
      if (job === undefined) continue;
      if (hasEnded(job)) this.#jobs.set(id, job);
      else if (job.durable && existsSync(this.#witnessPath(id))) this.#put({ ...job, state: "queued" });
      else this.#put({ ...job, state: "interrupted" });
    }
    // witnesses without a live job are nobody's
    for (const name of readdirSync(join(folder, "witnesses")))
      if (this.#jobs.get(name)?.state !== "queued") rmSync(join(folder, "witnesses", name), { force: true });
  }

  close(): void {
    this.#store.unlock();
  }

  get(id: string): Job | undefined {
    return this.#jobs.get(id);
  }

  all(): readonly Job[] {
    return [...this.#jobs.values()];
  }

  /** Highest priority first, then the earlier deadline, then the earlier submission. */
  next(): Job | undefined {
    const before = (a: Job, b: Job): boolean =>
      a.priority !== b.priority
        ? a.priority > b.priority
        : (a.deadline ?? Infinity) !== (b.deadline ?? Infinity)
          ? (a.deadline ?? Infinity) < (b.deadline ?? Infinity)
          : a.submittedAt < b.submittedAt;
    let best: Job | undefined;
    for (const job of this.#jobs.values())
      if (job.state === "queued" && (best === undefined || before(job, best))) best = job;
    return best;
  }

  /** @throws ServiceError BAD_JOB, JOB_EXISTS (the same id with another key or witness is another job) */
  add(job: Job, witness: Uint8Array<ArrayBuffer>): Job {
    if (!ID.test(job.id)) throw new ServiceError("BAD_JOB", "a job id is 1 to 64 lower-case letters, digits and -");
    const known = this.#jobs.get(job.id);
    if (known !== undefined && known.state !== "interrupted") {
      if (known.key !== job.key) throw new ServiceError("JOB_EXISTS", `job ${job.id} is for another key`);
      return known;
    }
    if (job.durable) {
      const path = this.#witnessPath(job.id);
      writeFileSync(`${path}.part`, witness, { mode: 0o600, flush: true });
      chmodSync(`${path}.part`, 0o600);
      renameSync(`${path}.part`, path);
    }
    this.#witnesses.set(job.id, witness);
    return this.#put(job);
  }

  witness(id: string): Uint8Array<ArrayBuffer> | undefined {
    const held = this.#witnesses.get(id);
    if (held !== undefined || !existsSync(this.#witnessPath(id))) return held;
    return new Uint8Array(readFileSync(this.#witnessPath(id)));
  }

  update(id: string, change: Partial<Job>): Job {
    const job = this.#put({ ...this.#jobs.get(id)!, ...change });
    if (hasEnded(job)) this.#forget(id);
    return job;
  }

  remove(id: string): void {
    this.#forget(id);
    this.#jobs.delete(id);
    this.#store.remove(id);
  }

  /** A proving key, kept under the SHA-256 of its bytes. */
  addKey(zkey: Uint8Array): string {
    const hash = createHash("sha256").update(zkey).digest("hex");
    const path = this.#keyPath(hash);
    if (!existsSync(path)) {
      writeFileSync(`${path}.part`, zkey, { flush: true });
      renameSync(`${path}.part`, path);
    }
    return hash;
  }

  hasKey(hash: string): boolean {
    return /^[0-9a-f]{64}$/.test(hash) && existsSync(this.#keyPath(hash));
  }

  /** @throws ServiceError KEY_DAMAGED when the file is not what its name says */
  key(hash: string): Uint8Array {
    if (this.#lastKey?.hash === hash) return this.#lastKey.zkey;
    const path = this.#keyPath(hash);
    const zkey = new Uint8Array(readFileSync(path));
    if (createHash("sha256").update(zkey).digest("hex") !== hash) {
      rmSync(path); // an upload would leave it where it lies
      throw new ServiceError("KEY_DAMAGED", `the stored key ${hash} is damaged: upload it again`);
    }
    this.#lastKey = { hash, zkey };
    return zkey;
  }

  #put(job: Job): Job {
    this.#store.write(job.id, job);
    this.#jobs.set(job.id, job);
    return job;
  }

  #forget(id: string): void {
    this.#witnesses.get(id)?.fill(0);
    this.#witnesses.delete(id);
    rmSync(this.#witnessPath(id), { force: true });
  }

  #witnessPath = (id: string): string => join(this.#folder, "witnesses", id);
  #keyPath = (hash: string): string => join(this.#folder, "keys", `${hash}.zkey`);
}
