/** What an audit says: a line for each check, and never a silence. What could not be checked is named, and is not a yes. */
import { MedNexusError } from "../errors.ts";

export type Outcome = "ok" | "failed" | "unchecked";

export interface AuditCheck {
  readonly name: string;
  readonly outcome: Outcome;
  /** What was compared, what differs, or why nothing could be said. */
  readonly detail: string;
}

export interface AuditReport {
  readonly subject: string;
  readonly checks: readonly AuditCheck[];
  /** Nothing that was checked is false. Look at `unchecked` before believing more. */
  readonly ok: boolean;
  readonly unchecked: number;
}

/** Thrown inside a check that has nothing to check with. */
export class CannotCheck extends MedNexusError {
  constructor(why: string) {
    super("CANNOT_CHECK", why);
  }
}

export class Audit {
  readonly #checks: AuditCheck[] = [];

  /** `detail` of a true check; false or thrown otherwise. Errors of the line (retryable) and CannotCheck leave it unchecked; all others fail it. */
  async check(name: string, run: () => Promise<string> | string): Promise<void> {
    try {
      this.#checks.push({ name, outcome: "ok", detail: await run() });
    } catch (error) {
      const cannot = error instanceof CannotCheck || (error instanceof MedNexusError && error.retryable);
      const detail = error instanceof Error ? error.message : String(error);
      this.#checks.push({ name, outcome: cannot ? "unchecked" : "failed", detail });
    }
  }

  report(subject: string): AuditReport {
    const checks = [...this.#checks];
    const count = (outcome: Outcome): number => checks.filter((check) => check.outcome === outcome).length;
    // An audit that checked nothing has found nothing right.
    return { subject, checks, ok: count("failed") === 0 && count("ok") > 0, unchecked: count("unchecked") };
  }
}

/** Throws `AUDIT_FALSE` naming both sides unless they are equal. Values as their decimal or hex text. */
export function same(what: string, recorded: unknown, computed: unknown): void {
  if (String(recorded).toLowerCase() !== String(computed).toLowerCase())
    throw new MedNexusError("AUDIT_FALSE", `${what}: recorded ${String(recorded)}, computed ${String(computed)}`);
}

/** Throws `AUDIT_FALSE`. */
export function must(what: string, holds: boolean): void {
  if (!holds) throw new MedNexusError("AUDIT_FALSE", what);
}
