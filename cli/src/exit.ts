import { MedNexusError } from "@mednexus/sdk";

/** Exit codes of every command. */
export const EXIT = { ok: 0, failed: 1, badInput: 2, interrupted: 130 } as const;

/** Wrong arguments, data or configuration: one line, exit code 2. */
export class UsageError extends MedNexusError {
  constructor(message: string) {
    super("USAGE", message);
  }
}

/** Ctrl-C: everything was cleaned up. */
export class Interrupted extends MedNexusError {
  constructor() {
    super("INTERRUPTED", "interrupted");
  }
}

const BAD_INPUT = new Set([
  "USAGE",
  "BAD_INPUT",
  "BAD_CONFIG",
  "BAD_DEPLOYMENT",
  "BAD_KEY_FILE",
  "KEY_EXISTS",
  "WEAK_PASSWORD",
  "BAD_BACKUP",
  "KEY_MALFORMED",
  "WITNESS_MALFORMED",
  "WITNESS_MISMATCH",
  "WEAK_TOKEN",
  "BAD_DATA_USE",
  "BAD_KIT",
  "WRONG_CHAIN",
  "WRONG_KEY",
  "BAD_READER_KEY",
  "BAD_ROOT",
  "BAD_THRESHOLD",
  "FILE_EXISTS",
  "NO_DATASET",
  "NO_SOURCE",
  "NO_VERSION",
  "WRONG_WEIGHTS",
  "ZERO_G_KEY",
  "ZERO_G_MISSING",
]);

export function exitCode(error: unknown): number {
  if (error instanceof Interrupted || (error instanceof MedNexusError && error.code === "INTERRUPTED"))
    return EXIT.interrupted;
  if (error instanceof MedNexusError && BAD_INPUT.has(error.code)) return EXIT.badInput;
  return EXIT.failed;
}

/** One line a person can act on; the stack only for what nobody foresaw. */
export function describe(error: unknown): string {
  if (error instanceof MedNexusError) return `${error.code}: ${error.message}`;
  if (error instanceof Error) return error.stack ?? error.message;
  return String(error);
}
