import { MedNexusError } from "@mednexus/sdk";
import { DeviceError } from "./device/errors.ts";
import { ProverError } from "./groth16/errors.ts";

export type ProverChoice = "auto" | "gpu" | "cpu";

interface Closable {
  close(): Promise<void>;
}

/** A way to prove: how it is named in the log, and how it is opened. */
export interface Rung<T extends Closable> {
  readonly name: string;
  open(): Promise<T>;
}

/** The ways that there are. `gpu` throws DeviceError where there is no device; `cpu` is this package's own kernels; `last` needs nothing of this machine. */
export interface Openers<T extends Closable> {
  gpu(): Promise<T>;
  cpu?(): Promise<T>;
  last(): Promise<T>;
}

/**
 * The prover that was chosen. `gpu` is what it says. `auto` takes hardware where Dawn finds it, else the CPU, `cpu` the CPU; below both is snarkjs, and every
 * step down is in the log: a proof that there is no room for is made one step lower, and so is one that came out wrong; what is lost or at fault is given
 * up, and the proofs after it are made below too.
 */
export class Chosen<T extends Closable> {
  readonly #log: (line: string) => void;
  readonly #rungs: Rung<T>[];
  /** opened so far; undefined: could not be */
  readonly #open = new Map<Rung<T>, Promise<T | undefined>>();
  readonly #lost = new Set<Rung<T>>();
  readonly #given: Promise<void>[] = [];
  #closed = false;

  constructor(choice: ProverChoice, { gpu, cpu, last }: Openers<T>, log: (line: string) => void = () => {}) {
    this.#log = log;
    const below = [
      ...(cpu === undefined ? [] : [{ name: "own kernels on the CPU", open: cpu }]),
      { name: "snarkjs on the CPU", open: last },
    ];
    const device = { name: "the GPU", open: gpu };
    this.#rungs = { auto: [device, ...below], gpu: [device], cpu: below }[choice];
  }

  /** What proves now; opens it if nothing did so far. @throws DeviceError with `gpu` where there is none */
  now(): Promise<T> {
    return this.#highest(0).then(({ prover }) => prover);
  }

  /** `work` with what proves now, and one step lower for each that fails it. */
  async use<R>(work: (prover: T) => Promise<R>): Promise<R> {
    return this.#use(work, 0);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const opened of this.#open.values()) await (await opened.catch(() => undefined))?.close();
    await Promise.all(this.#given);
  }

  async #use<R>(work: (prover: T) => Promise<R>, from: number): Promise<R> {
    const { prover, rung, next } = await this.#highest(from);
    try {
      return await work(prover);
    } catch (error) {
      if (next === undefined || this.#closed || !isFault(error)) throw error;
      this.#log(`${next.name}, this once: ${error.message}`);
      if (LOST.includes(error.code)) this.#giveUp(rung, next, prover, error);
      const made = await this.#use(work, this.#rungs.indexOf(next));
      // the witness was good after all
      if (error.code === "PROOF_REJECTED") this.#giveUp(rung, next, prover, error);
      return made;
    }
  }

  /** The first from `from` on that opens, and what is below it. */
  async #highest(from: number): Promise<{ prover: T; rung: Rung<T>; next: Rung<T> | undefined }> {
    for (let k = from; ; k++) {
      if (this.#closed) throw new ProverError("BACKEND_CLOSED", "the prover was closed");
      const [rung, next] = [this.#rungs[k]!, this.#rungs[k + 1]];
      let opened = this.#open.get(rung);
      if (opened === undefined) {
        opened = this.#opened(rung, next);
        this.#open.set(rung, opened);
      }
      const prover = await opened;
      if (prover !== undefined) return { prover, rung, next };
    }
  }

  async #opened({ open }: Rung<T>, next: Rung<T> | undefined): Promise<T | undefined> {
    try {
      return await open();
    } catch (error) {
      if (next === undefined || !isFault(error)) throw error;
      this.#log(`${next.name}: ${error.message}`);
      return undefined;
    }
  }

  #giveUp(rung: Rung<T>, next: Rung<T>, prover: T, { message }: Error): void {
    if (this.#lost.has(rung)) return;
    this.#lost.add(rung);
    this.#log(`${next.name} from now on: ${message}`);
    this.#open.set(rung, Promise.resolve(undefined));
    this.#given.push(prover.close().catch(() => {}));
  }
}

/** What is the machine's fault, not the caller's. */
const isFault = (error: unknown): error is MedNexusError =>
  error instanceof DeviceError || (error instanceof MedNexusError && FAULTS.includes(error.code));

const LOST = ["DEVICE_LOST", "KERNEL_INVALID", "THREAD_FAILED"];
const FAULTS = ["PROOF_REJECTED", "THREAD_FAILED", "KEY_TOO_LARGE"];
