import { type Curve, type G1, G1_GENERATOR, type G2, G2_GENERATOR, type PackedPoints } from "./curve.ts";
import { Domain } from "./domain.ts";
import { assertLength, BLINDERS } from "./encoding.ts";
import { Fr } from "./field.ts";
import type { Srs } from "./srs.ts";

/** A KZG opening: the value y = p(z) and the witness W = [(p(X) - y)/(X - z)]_1. */
export interface Opening {
  readonly y: bigint;
  readonly w: G1;
}

/** Throws EncodingError unless `vector` is n + 4 canonical field elements: n values, then four blinders. */
function assertVector(vector: readonly bigint[], n: number): void {
  assertLength(vector, n + BLINDERS, "committed vector");
  vector.forEach((v, i) => Fr.assertCanonical(v, `element ${i}`));
}

/**
 * p(z) for p(X) = Σ v_j L_j(X) + (ρ_0 + ρ_1 X + ρ_2 X² + ρ_3 X³)(X^n - 1), barycentric on the values.
 * `vector` is the n values, then the four blinders, canonical.
 */
export function evaluate(vector: readonly bigint[], z: bigint): bigint {
  const n = vector.length - BLINDERS;
  const domain = Domain.of(n);
  assertVector(vector, n);
  Fr.assertCanonical(z, "evaluation point");
  const lagrange = domain.lagrangeAt(z);
  let sum = 0n;
  for (let j = 0; j < n; j++) sum += vector[j]! * lagrange[j]!;
  const blinding = vector.slice(n).reduceRight((total, rho) => total * z + rho, 0n);
  return Fr.from(sum + Fr.from(blinding) * domain.vanishingAt(z));
}

/** The n + 4 coefficients of the same polynomial, low degree first. */
export function coefficients(vector: readonly bigint[]): bigint[] {
  const n = vector.length - BLINDERS;
  const domain = Domain.of(n);
  assertVector(vector, n);
  const out = [...domain.interpolate(vector.slice(0, n)), ...vector.slice(n)];
  // ρ(X)·(X^n - 1): ρ_i stands at X^(n+i) already and is taken off X^i
  for (let i = 0; i < BLINDERS; i++) out[i] = Fr.sub(out[i]!, out[n + i]!);
  return out;
}

/**
 * Commits to and opens vectors of n values and four blinders. Additively homomorphic: the commitment of a sum is the
 * sum of commitments. Hiding for one opening of one commitment when the blinders are uniform and never reused.
 */
export class CommitKey {
  readonly n: number;
  readonly curve: Curve;
  readonly tauG1: G1;
  readonly tauG2: G2;
  readonly #powers: PackedPoints;
  readonly #lagrange: PackedPoints;
  readonly #vanishing: PackedPoints;

  private constructor(curve: Curve, srs: Srs, powers: PackedPoints, lagrange: PackedPoints, vanishing: PackedPoints) {
    this.curve = curve;
    this.n = srs.n;
    this.tauG1 = srs.powers[1]!;
    this.tauG2 = srs.tauG2;
    this.#powers = powers;
    this.#lagrange = lagrange;
    this.#vanishing = vanishing;
  }

  /** Derives the bases from a reference string that its reader has verified. Throws CurveError on a point off G1. */
  static async create(curve: Curve, srs: Srs): Promise<CommitKey> {
    const { n, powers, lagrange } = srs;
    Domain.of(n);
    assertLength(powers, n + BLINDERS, "powers");
    assertLength(lagrange, n, "Lagrange points");
    const vanishing = powers.slice(n).map((high, i) => curve.sub(high, powers[i]!));
    return new CommitKey(
      curve,
      srs,
      // the quotient of an opening has degree n + 2
      await curve.pack(powers.slice(0, n + BLINDERS - 1)),
      await curve.pack(lagrange),
      await curve.pack(vanishing),
    );
  }

  /** [p(τ)]_1 of n + 4 canonical words; small centred values take the short-scalar path. */
  async commit(vector: readonly bigint[]): Promise<G1> {
    assertVector(vector, this.n);
    const values = await this.curve.msm(this.#lagrange, vector.slice(0, this.n));
    return this.curve.add(values, await this.curve.msm(this.#vanishing, vector.slice(this.n)));
  }

  /** Opens the vector's polynomial at any canonical z, in H or outside. */
  async open(vector: readonly bigint[], z: bigint): Promise<Opening> {
    Fr.assertCanonical(z, "evaluation point");
    assertVector(vector, this.n);
    const p = coefficients(vector);
    const quotient = p.slice(1);
    let carry = 0n;
    for (let i = p.length - 1; i > 0; i--) {
      carry = Fr.from(carry * z + p[i]!);
      quotient[i - 1] = carry;
    }
    return { y: Fr.from(carry * z + p[0]!), w: await this.curve.msm(this.#powers, quotient) };
  }

  /** Whether `opening` proves that the polynomial behind `commitment` takes the value y at z. */
  verifyOpening(commitment: G1, z: bigint, opening: Opening): Promise<boolean> {
    return verifyOpening(this.curve, this.tauG2, commitment, z, opening);
  }
}

/**
 * e(C - yG + zW, [1]_2) = e(W, [τ]_2). Throws on malformed input (EncodingError, CurveError), false if it does not hold.
 * Source: Kate, Zaverucha, Goldberg, ASIACRYPT 2010.
 */
export async function verifyOpening(
  curve: Curve,
  tauG2: G2,
  commitment: G1,
  z: bigint,
  opening: Opening,
): Promise<boolean> {
  const { y, w } = opening;
  const left = curve.sum([commitment, curve.neg(curve.mul(G1_GENERATOR, y)), curve.mul(w, z)]);
  return curve.pairingCheck([
    [left, G2_GENERATOR],
    [curve.neg(w), tauG2],
  ]);
}
