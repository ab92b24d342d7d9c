import { MedNexusError } from "@mednexus/sdk";
import { DeviceError } from "./device/errors.ts";
import { ProverError } from "./groth16/errors.ts";

export type ProverChoice = "auto" | "gpu" | "cpu";

interface Closable {
  close(): Promise<void>;
}

/** How a kind of prover is opened. `gpu` throws DeviceError where there is none; `cpu` is snarkjs. */
export interface Openers<T extends Closable> {
  gpu(): Promise<T>;
  cpu(): T;
}

/**
 * The prover that was chosen. `gpu` and `cpu` are what they say. `auto` takes hardware where Dawn finds it, else snarkjs, and every step down is in the log:
 * a proof that the device has no room for is made by snarkjs, and so is one that it got wrong; when the device is lost or at fault, it is given up and the
 * proofs after it are made by snarkjs too.
 */
export class Chosen<T extends Closable> {
  readonly #choice: ProverChoice;
  readonly #openers: Openers<T>;
  readonly #log: (line: string) => void;
  #gpu: Promise<T | undefined> | undefined;
  #cpu: T | undefined;
  #given: Promise<void> | undefined;
  #closed = false;

  constructor(choice: ProverChoice, openers: Openers<T>, log: (line: string) => void = () => {}) {
    this.#choice = choice;
    this.#openers = openers;
    this.#log = log;
  }

  /** What proves now; looks for a device if nothing did so far. @throws DeviceError with `gpu` where there is none */
  async now(): Promise<T> {
    if (this.#closed) throw new ProverError("BACKEND_CLOSED", "the prover was closed");
    this.#gpu ??= this.#open();
    return (await this.#gpu) ?? (this.#cpu ??= this.#openers.cpu());
  }

  /** `work` with what proves now, and with snarkjs if the device fails it. */
  async use<R>(work: (prover: T) => Promise<R>): Promise<R> {
    const prover = await this.now();
    try {
      return await work(prover);
    } catch (error) {
      const fault = error instanceof DeviceError || (error instanceof MedNexusError && error.code === "PROOF_REJECTED");
      if (this.#choice !== "auto" || prover === this.#cpu || !fault || this.#closed) throw error;
      this.#log(`snarkjs on the CPU, this once: ${error.message}`);
      if (LOST.includes(error.code)) this.#giveUp(prover, error);
      const made = await work((this.#cpu ??= this.#openers.cpu()));
      // the witness was good after all
      if (error.code === "PROOF_REJECTED") this.#giveUp(prover, error);
      return made;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await (await this.#gpu?.catch(() => undefined))?.close();
    await this.#cpu?.close();
    await this.#given;
  }

  async #open(): Promise<T | undefined> {
    if (this.#choice === "cpu") return undefined;
    try {
      return await this.#openers.gpu();
    } catch (error) {
      if (this.#choice === "gpu" || !(error instanceof DeviceError)) throw error;
      this.#log(`snarkjs on the CPU: ${error.message}`);
      return undefined;
    }
  }

  #giveUp(gpu: T, { message }: Error): void {
    if (this.#given !== undefined) return;
    this.#log(`snarkjs on the CPU from now on: ${message}`);
    this.#gpu = Promise.resolve(undefined);
    this.#given = gpu.close().catch(() => {});
  }
}

/** After these a device makes no proof any more; the other codes are about one proof or key. */
const LOST = ["DEVICE_LOST", "KERNEL_INVALID"];
