/**
 * Base of every error this project throws on purpose.
 * `code` is stable (scripts may match on it), `retryable` says whether the same call can succeed later unchanged.
 * Messages carry positions, lengths and public values only: never a coordinate, a blinder, a share or a key.
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

/** A value is not the one canonical encoding of itself, or a vector has the wrong length. */
export class EncodingError extends MedNexusError {}

/** A point is off the curve, outside the prime-order subgroup, or at infinity where that is refused. */
export class CurveError extends MedNexusError {}

/** A structured reference string is malformed, inconsistent with itself, or too short. */
export class SrsError extends MedNexusError {}

/** A share, a set of shares or a reconstruction contradicts what was committed. */
export class ShareError extends MedNexusError {}

/** A ciphertext, a key reveal or one of their proofs does not hold. */
export class CipherError extends MedNexusError {}

/** A model update or a campaign's parameters leave the ranges that the protocol proves. */
export class BoundError extends MedNexusError {}

/** A stored ciphertext, manifest, envelope or key share is missing, damaged, of another dataset or version, or in a format that is not accepted. */
export class StorageError extends MedNexusError {}
