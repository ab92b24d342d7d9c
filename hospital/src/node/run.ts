import { MedNexusError } from "@mednexus/sdk";
import { pause } from "@mednexus/sdk/node";
import { compose, type Composed } from "./compose.ts";
import type { Config } from "./config.ts";
import type { NodeEvent } from "./context.ts";
import { explain } from "./log.ts";
import { HospitalNode } from "./node.ts";

export interface RunOptions {
  /** Ends the node: the step under way is finished, nothing new is begun. */
  readonly signal: AbortSignal;
  readonly log: (event: NodeEvent) => void;
}

/**
 * Runs a hospital's node until `signal` aborts. An endpoint that does not answer yet is waited for; whatever else is
 * wrong with the configuration is thrown (errors of `compose`).
 */
export async function runHospital(config: Config, { signal, log }: RunOptions): Promise<void> {
  const composed = await composeWhenUp(config, { signal, log });
  if (composed === undefined) return;
  const { context, close } = composed;
  const node = new HospitalNode(context, config.campaigns);
  log({ event: "node-up", address: context.address });
  try {
    while (!signal.aborted) {
      // Only the store can throw here, and a full disk may be emptied.
      await node.tick(signal).catch((error: unknown) => log({ event: "trouble", what: "tick", ...explain(error) }));
      await pause(config.pollMs, signal);
    }
  } finally {
    await close();
    log({ event: "node-down", address: context.address });
  }
}

async function composeWhenUp(config: Config, { signal, log }: RunOptions): Promise<Composed | undefined> {
  for (let said = false; !signal.aborted; said = true) {
    try {
      return await compose(config, log);
    } catch (error) {
      if (!(error instanceof MedNexusError && error.retryable)) throw error;
      if (!said) log({ event: "trouble", what: "start", ...explain(error) });
      await pause(config.pollMs, signal);
    }
  }
  return undefined;
}
