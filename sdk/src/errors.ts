/**
 * Base of every error this project throws on purpose.
 * `code` is stable (scripts may match on it), `retryable` says whether the same call can succeed later unchanged.
 */
export class MedNexusError extends Error {
  readonly code: string;
  readonly retryable: boolean;

  constructor(code: string, message: string, options: { cause?: unknown; retryable?: boolean } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}
