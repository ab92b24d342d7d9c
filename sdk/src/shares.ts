import type { CommitKey } from "./commitment.ts";
import { type Curve, equalG1, type G1 } from "./curve.ts";
import { assertLength } from "./encoding.ts";
import { EncodingError, ShareError } from "./errors.ts";
import { Fr } from "./field.ts";
import { randomFrVector, type RandomBytes } from "./random.ts";

/** Most seats in a committee (contracts store node counts in a uint8). */
const MAX_NODES = 255;

/** A vector as one node holds it: x^(s) of one member, or X^(s) of a frozen set; n + 4 canonical words. */
export interface Share {
  /** Node index + 1, never 0: the secret itself is the value at 0. */
  readonly s: number;
  readonly words: readonly bigint[];
}

/** Throws ShareError NODE_INDEX unless s is an integer in [1, 255]. */
export function assertNode(s: number): bigint {
  if (!Number.isInteger(s) || s < 1 || s > MAX_NODES) {
    throw new ShareError("NODE_INDEX", `node position ${s} is not in [1, ${MAX_NODES}]`);
  }
  return BigInt(s);
}

/** Uniform a_1..a_t, each as long as the secret; t = privacy threshold >= 1. Fresh for every context. */
export function shareCoefficients(length: number, threshold: number, random?: RandomBytes): bigint[][] {
  assertNode(threshold);
  return Array.from({ length: threshold }, () => randomFrVector(length, random));
}

/** A_k = Commit(a_k) for k = 1..t. */
export async function commitCoefficients(key: CommitKey, coefficients: readonly (readonly bigint[])[]): Promise<G1[]> {
  const out: G1[] = [];
  for (const a of coefficients) out.push(await key.commit(a));
  return out;
}

/** x^(s) = secret + Σ_{k=1..t} s^k a_k (Shamir, coordinate by coordinate). */
export function shareFor(secret: readonly bigint[], coefficients: readonly (readonly bigint[])[], s: number): Share {
  const at = assertNode(s);
  coefficients.forEach((a, k) => assertLength(a, secret.length, `coefficient ${k + 1}`));
  const words = secret.map((value, i) =>
    Fr.from(coefficients.reduceRight((sum, a) => Fr.from((sum + a[i]!) * at), 0n) + value),
  );
  return { s, words };
}

/** C + Σ_k s^k A_k: what an honest share of node s commits to. */
export function shareCommitment(curve: Curve, commitment: G1, coefficients: readonly G1[], s: number): G1 {
  return curve.evaluatePolynomial(commitment, coefficients, assertNode(s));
}

/** A node's whole acceptance test: Commit(x^(s)) = C + Σ_k s^k A_k. Throws EncodingError on a non-canonical share. */
export async function checkShare(
  key: CommitKey,
  share: Share,
  commitment: G1,
  coefficients: readonly G1[],
): Promise<boolean> {
  const expected = shareCommitment(key.curve, commitment, coefficients, share.s);
  return equalG1(await key.commit(share.words), expected);
}

/** X^(s) = Σ x_i^(s) over the shares of one node. Throws ShareError EMPTY_SET, NODE_MIX. */
export function sumShares(shares: readonly Share[]): Share {
  const first = shares[0];
  if (first === undefined) throw new ShareError("EMPTY_SET", "no shares to sum");
  for (const share of shares) {
    if (share.s !== first.s) throw new ShareError("NODE_MIX", `shares of nodes ${first.s} and ${share.s} in one sum`);
    assertLength(share.words, first.words.length, `share of node ${share.s}`);
  }
  const words = first.words.map((_, i) => {
    let total = 0n;
    for (const share of shares) total += share.words[i]!;
    return Fr.from(total);
  });
  return { s: first.s, words };
}

/**
 * The secret behind t + 1 or more shares of distinct nodes, by Lagrange interpolation at 0. Shares beyond t + 1 must
 * lie on the same polynomial. This alone proves nothing about who lied: check each share's commitment first.
 * @throws ShareError TOO_FEW_SHARES, DUPLICATE_NODE, INCONSISTENT_SHARES; EncodingError
 */
export function reconstruct(shares: readonly Share[], threshold: number): bigint[] {
  const needed = threshold + 1;
  if (shares.length < needed) {
    throw new ShareError("TOO_FEW_SHARES", `${shares.length} shares, ${needed} are needed`);
  }
  if (new Set(shares.map((share) => share.s)).size !== shares.length) {
    throw new ShareError("DUPLICATE_NODE", "two shares of one node");
  }
  const length = shares[0]!.words.length;
  for (const share of shares) {
    assertLength(share.words, length, `share of node ${share.s}`);
    share.words.forEach((w, i) => Fr.assertCanonical(w, `word ${i} of node ${share.s}`));
  }
  const basis = shares.slice(0, needed);
  for (const extra of shares.slice(needed)) {
    const expected = interpolateAt(basis, assertNode(extra.s));
    if (expected.some((w, i) => w !== extra.words[i])) {
      throw new ShareError(
        "INCONSISTENT_SHARES",
        `the share of node ${extra.s} is not on the polynomial of the others`,
      );
    }
  }
  return interpolateAt(basis, 0n);
}

function interpolateAt(shares: readonly Share[], x: bigint): bigint[] {
  const weights = lagrangeWeights(
    shares.map((share) => share.s),
    x,
  );
  return shares[0]!.words.map((_, i) => {
    let total = 0n;
    shares.forEach((share, j) => (total += share.words[i]! * weights[j]!));
    return Fr.from(total);
  });
}

/** Lagrange coefficients at `x` of the distinct nodes `positions`. */
export function lagrangeWeights(positions: readonly number[], x: bigint): bigint[] {
  const points = positions.map(assertNode);
  return points.map((xi, i) => {
    let [top, bottom] = [1n, 1n];
    points.forEach((xj, j) => {
      if (i === j) return;
      if (xi === xj) throw new EncodingError("DUPLICATE_NODE", "interpolation points repeat");
      top = Fr.from(top * (x - xj));
      bottom = Fr.from(bottom * (xi - xj));
    });
    return Fr.mul(top, Fr.inverse(bottom));
  });
}
