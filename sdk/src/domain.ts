import { EncodingError } from "./errors.ts";
import { Fr, FR_MODULUS } from "./field.ts";

const TWO_ADICITY = 28;
/** Twice the 2^20 rows of the largest benchmarked proof; the circuits' vectors stop at 4,096. */
const MAX_LOG_SIZE = 21;

/** H = ⟨ω⟩ of order n = 2^k in F_r, ω = 5^((r-1)/2^k), natural order ω^0, ω^1, …; with its Lagrange basis. */
export class Domain {
  readonly n: number;
  readonly k: number;
  readonly omega: bigint;
  /** ω^j for j = 0..n-1. */
  readonly elements: readonly bigint[];
  readonly nInverse: bigint;

  private constructor(n: number, k: number) {
    this.n = n;
    this.k = k;
    this.omega = rootOfUnity(k);
    this.nInverse = Fr.inverse(BigInt(n));
    const elements = [1n];
    for (let j = 1; j < n; j++) elements.push(Fr.mul(elements[j - 1]!, this.omega));
    this.elements = elements;
  }

  static readonly #cache = new Map<number, Domain>();

  /** The domain of size `n`, a power of two in [2, 2^21]. Throws EncodingError DOMAIN_SIZE. */
  static of(n: number): Domain {
    const k = Math.log2(n);
    if (!Number.isInteger(k) || k < 1 || k > MAX_LOG_SIZE) {
      throw new EncodingError("DOMAIN_SIZE", `domain size ${n} is not a power of two in [2, 2^${MAX_LOG_SIZE}]`);
    }
    const known = Domain.#cache.get(n) ?? new Domain(n, k);
    Domain.#cache.set(n, known);
    return known;
  }

  /** Z(z) = z^n - 1, zero exactly on H. */
  vanishingAt(z: bigint): bigint {
    return Fr.sub(Fr.pow(z, BigInt(this.n)), 1n);
  }

  /** L_j(z) for all j: (z^n - 1)/n · ω^j/(z - ω^j) outside H, a unit vector on H. */
  lagrangeAt(z: bigint): bigint[] {
    const onDomain = this.elements.indexOf(z);
    if (onDomain >= 0) return this.elements.map((_, j) => (j === onDomain ? 1n : 0n));
    const scale = Fr.mul(this.vanishingAt(z), this.nInverse);
    const inverses = Fr.inverses(this.elements.map((w) => Fr.sub(z, w)));
    return this.elements.map((w, j) => Fr.mul(Fr.mul(scale, w), inverses[j]!));
  }

  /** Coefficients (low degree first) of the polynomial of degree < n with the given values on H. */
  interpolate(values: readonly bigint[]): bigint[] {
    const out = this.#transform(values, Fr.inverse(this.omega));
    return out.map((c) => Fr.mul(c, this.nInverse));
  }

  /** Values on H of the polynomial with the given n coefficients. */
  evaluateOnDomain(coefficients: readonly bigint[]): bigint[] {
    return this.#transform(coefficients, this.omega);
  }

  /** Radix-2 Cooley–Tukey after a bit reversal. */
  #transform(input: readonly bigint[], root: bigint): bigint[] {
    const { n, k } = this;
    if (input.length !== n) throw new EncodingError("LENGTH", `${input.length} values for a domain of ${n}`);
    const a = input.slice();
    for (let i = 0; i < n; i++) {
      let reversed = 0;
      for (let bit = 0; bit < k; bit++) reversed |= ((i >> bit) & 1) << (k - 1 - bit);
      a[reversed] = input[i]!;
    }
    for (let half = 1; half < n; half *= 2) {
      const step = Fr.pow(root, BigInt(n / (2 * half)));
      let twiddle = 1n;
      for (let j = 0; j < half; j++, twiddle = Fr.mul(twiddle, step)) {
        for (let i = j; i < n; i += 2 * half) {
          const odd = Fr.mul(a[i + half]!, twiddle);
          a[i + half] = Fr.sub(a[i]!, odd);
          a[i] = Fr.add(a[i]!, odd);
        }
      }
    }
    return a;
  }
}

/** The primitive 2^k-th root of unity 5^((r-1)/2^k), 0 <= k <= 28. */
export function rootOfUnity(k: number): bigint {
  if (!Number.isInteger(k) || k < 0 || k > TWO_ADICITY) {
    throw new EncodingError("DOMAIN_SIZE", `F_r has no root of unity of order 2^${k}`);
  }
  return Fr.pow(5n, (FR_MODULUS - 1n) >> BigInt(k));
}
