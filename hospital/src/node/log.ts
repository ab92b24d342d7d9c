import { MedNexusError } from "@mednexus/sdk";

/** Longest message a log line carries. */
const LIMIT = 300;

/**
 * What of an error may be written down. Our own errors name positions and public values only, by convention, but may
 * quote an RPC client: addresses of endpoints (they hold access keys) and long data are cut out. Of any other error
 * the message is not shown at all, for JavaScript's own quote the value they stumbled over, and that may be a record
 * or a secret; where it was thrown is enough to find it.
 */
export function explain(error: unknown): { code: string; message: string; retryable: boolean } {
  if (error instanceof MedNexusError)
    return { code: error.code, message: redact(error.message), retryable: error.retryable };
  const frame =
    error instanceof Error ? /\bat (?:async )?([\w.#<>]+) .*?([\w.-]+:\d+):\d+\)/.exec(error.stack ?? "") : null;
  const where = frame === null ? "" : ` in ${frame[1]} (${frame[2]})`;
  return {
    code: "UNEXPECTED",
    message: `${error instanceof Error ? error.name : typeof error}${where}`,
    retryable: false,
  };
}

const redact = (text: string): string =>
  text
    .replaceAll(/\b(?:https?|wss?):\/\/[^\s"'<>,)]+/gi, "<url>")
    .replaceAll(/0x[0-9a-f]{67,}/gi, (hex) => `<${(hex.length - 2) >> 1} bytes>`)
    .replaceAll(/\s+/g, " ")
    .slice(0, LIMIT);
