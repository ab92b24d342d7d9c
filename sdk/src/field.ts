import { EncodingError } from "./errors.ts";

/** Order of BN254's G1, hence of the scalar field F_r. Source: EIP-197. */
export const FR_MODULUS = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;
/** Characteristic of BN254's base field F_q. Source: EIP-197. */
export const FQ_MODULUS = 21888242871839275222246405745257275088696311157297823662689037894645226208583n;

/** Inverse of 0 < value modulo any coprime modulus, by the extended Euclidean algorithm. */
export function inverseModulo(value: bigint, modulus: bigint): bigint {
  let [r0, r1, t0, t1] = [modulus, value, 0n, 1n];
  while (r1 !== 0n) {
    const quotient = r0 / r1;
    [r0, r1] = [r1, r0 - quotient * r1];
    [t0, t1] = [t1, t0 - quotient * t1];
  }
  return t0 < 0n ? t0 + modulus : t0;
}

/** Residues modulo a prime as bigints in [0, modulus). Every result is canonical; operands must be. */
export class PrimeField {
  readonly modulus: bigint;
  readonly name: string;

  constructor(name: string, modulus: bigint) {
    this.name = name;
    this.modulus = modulus;
  }

  /** The canonical representative of any integer: negatives map to modulus - |x|. */
  from(value: bigint): bigint {
    const rest = value % this.modulus;
    return rest < 0n ? rest + this.modulus : rest;
  }

  isCanonical(value: bigint): boolean {
    return value >= 0n && value < this.modulus;
  }

  /** Returns `value`, or throws EncodingError NON_CANONICAL naming `what` but not the value, which may be secret. */
  assertCanonical(value: bigint, what: string): bigint {
    if (typeof value !== "bigint" || !this.isCanonical(value)) {
      throw new EncodingError("NON_CANONICAL", `${what} is not a canonical element of ${this.name}`);
    }
    return value;
  }

  add(a: bigint, b: bigint): bigint {
    const sum = a + b;
    return sum >= this.modulus ? sum - this.modulus : sum;
  }

  sub(a: bigint, b: bigint): bigint {
    return a >= b ? a - b : a - b + this.modulus;
  }

  neg(a: bigint): bigint {
    return a === 0n ? 0n : this.modulus - a;
  }

  mul(a: bigint, b: bigint): bigint {
    return (a * b) % this.modulus;
  }

  pow(base: bigint, exponent: bigint): bigint {
    let result = 1n;
    for (let square = base, e = exponent; e > 0n; e >>= 1n, square = this.mul(square, square)) {
      if (e & 1n) result = this.mul(result, square);
    }
    return result;
  }

  /** Multiplicative inverse (not constant time). Throws EncodingError on zero. */
  inverse(a: bigint): bigint {
    if (a === 0n) throw new EncodingError("ZERO_INVERSE", `zero has no inverse in ${this.name}`);
    return inverseModulo(a, this.modulus);
  }

  /** Inverses of non-zero elements with a single inversion (Montgomery's trick). */
  inverses(values: readonly bigint[]): bigint[] {
    const prefix: bigint[] = [];
    let product = 1n;
    for (const value of values) {
      prefix.push(product);
      product = this.mul(product, value);
    }
    let suffix = this.inverse(product);
    const result = values.slice();
    for (let i = values.length - 1; i >= 0; i--) {
      result[i] = this.mul(suffix, prefix[i]!);
      suffix = this.mul(suffix, values[i]!);
    }
    return result;
  }
}

/** BN254's scalar field: scalars, coordinates of updates, blinders, challenges. */
export const Fr = new PrimeField("F_r", FR_MODULUS);
/** BN254's base field: coordinates of points. */
export const Fq = new PrimeField("F_q", FQ_MODULUS);
