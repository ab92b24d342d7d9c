/** What surrounds a turn of any service's loop. */
import { MedNexusError } from "@mednexus/sdk";
import type { Log } from "./events.ts";
import type { Health, Metrics } from "./metrics.ts";
import type { Outbox } from "./outbox.ts";

/** After these nothing that the service does would be right. */
const FATAL = new Set(["WRONG_CHAIN", "KEY_IN_USE", "BREAKER_OPEN"]);

/**
 * Takes one turn and tells how it went; returns how many transactions are on their way. Trouble with the line, a stale endpoint or a
 * full disk is logged and left to the next turn, before which `forget` drops what was known; nothing is sent meanwhile. Errors:
 * `WRONG_CHAIN`, `KEY_IN_USE`, `BREAKER_OPEN`, which end the run.
 */
export async function takeTurn(
  { metrics, outbox, log }: { readonly metrics: Metrics; readonly outbox: Outbox; readonly log: Log },
  turn: () => Promise<Health>,
  forget: () => void,
): Promise<number> {
  try {
    metrics.health = await turn();
  } catch (error) {
    const code = error instanceof MedNexusError ? error.code : "UNEXPECTED";
    metrics.health = { healthy: false, reason: code };
    if (FATAL.has(code)) throw error;
    forget();
    log({ event: "trouble", code, message: error instanceof Error ? error.message : String(error) });
  }
  metrics.gauge("pending_transactions", outbox.pending);
  metrics.gauge("quarantined_jobs", outbox.quarantined.length);
  return outbox.pending;
}
