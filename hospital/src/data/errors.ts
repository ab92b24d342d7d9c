import { MedNexusError } from "@mednexus/sdk";

/** The user's input is wrong: one line that says where and what to do. Maps to exit code 2. */
export class BadInputError extends MedNexusError {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super("BAD_INPUT", message, options);
  }
}

/** `value` in quotes, control characters escaped, shortened: safe to print in one line whatever a file holds. */
export function quote(value: string, limit = 40): string {
  return JSON.stringify(value.length > limit ? `${value.slice(0, limit)}…` : value);
}
