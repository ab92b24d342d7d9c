/** Tells the story step by step: what happened, what was checked, what it cost. */
import type { JsonRpcProvider } from "ethers";
import { decodeFailure, RevertError } from "@mednexus/sdk";
import { describe, Interrupted } from "../../exit.ts";

export interface StepResult {
  readonly name: string;
  readonly ok: boolean;
  /** Of all transactions of the step: nobody else uses this chain. */
  readonly gas: number;
}

/** Notes that something held, or says which check failed. */
export type Check = (what: string, held: boolean) => void;

export class Teller {
  readonly steps: StepResult[] = [];
  readonly say: (line: string) => void;
  readonly #provider: JsonRpcProvider;
  readonly #signal: AbortSignal;
  readonly #interrupted: Promise<never>;
  /** Set by the first step that did not end: what follows would stand on nothing. */
  #stopped = false;

  constructor(provider: JsonRpcProvider, signal: AbortSignal, say: (line: string) => void) {
    [this.#provider, this.#signal, this.say] = [provider, signal, say];
    this.#interrupted = new Promise((_, stop) =>
      signal.addEventListener("abort", () => stop(new Interrupted()), { once: true }),
    );
    this.#interrupted.catch(() => {});
  }

  /** Whether every step so far ended with all its checks held. */
  get ok(): boolean {
    return this.steps.length > 0 && this.steps.every(({ ok }) => ok);
  }

  /** One step; left out once one before it broke off. Only an interruption is thrown. */
  async step(name: string, title: string, act: (check: Check) => Promise<void>): Promise<void> {
    if (this.#stopped) return;
    this.guard();
    const from = await this.#provider.getBlockNumber();
    this.say(`\n${this.steps.length + 1}. ${title}`);
    let [ok, checks] = [true, 0];
    try {
      const told = act((what, held) => {
        checks++;
        if (held) return;
        ok = false;
        this.say(`   CHECK FAILED: ${what}`);
      });
      // Whatever is under way loses the chain when the ground is taken away: nobody waits for it then.
      told.catch(() => {});
      await Promise.race([told, this.#interrupted]);
    } catch (error) {
      this.guard();
      [ok, this.#stopped] = [false, true];
      this.say(`   BROKE OFF: ${describe(error)}`);
    }
    const gas = await this.#gasSince(from);
    this.steps.push({ name, ok, gas });
    if (ok) this.say(`   ${checks} checks held, ${gas.toLocaleString("en-US")} gas`);
  }

  /** A line of the step under way. */
  readonly tell = (line: string): void => this.say(`   ${line}`);

  /** Errors: Interrupted. */
  guard(): void {
    if (this.#signal.aborted) throw new Interrupted();
  }

  async #gasSince(block: number): Promise<number> {
    const head = await this.#provider.getBlockNumber();
    let gas = 0;
    for (let number = block + 1; number <= head; number++)
      gas += Number((await this.#provider.getBlock(number))?.gasUsed ?? 0n);
    return gas;
  }
}

/** The name of the error by which a contract, or a reader, refuses; undefined where it does not. Errors: what is no refusal. */
export async function refusal(attempt: Promise<unknown>): Promise<string | undefined> {
  try {
    await attempt;
    return undefined;
  } catch (cause) {
    const error = decodeFailure(cause);
    if (error.retryable) throw error;
    return error instanceof RevertError ? error.errorName : error.code;
  }
}
