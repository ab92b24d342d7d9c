import {
  type Curve,
  Fr,
  type G1,
  G1_GENERATOR,
  G2_GENERATOR,
  isG1,
  type Proof,
  type VerifyingKey,
} from "@mednexus/sdk";
import { CircuitError } from "./manifest.ts";
import { trapdoor } from "./setup/trapdoor.ts";

/**
 * Groth16 verification with the contracts' strictness: one input for each IC point, all canonical; points canonical,
 * in their groups. False for anything else.
 * Source: Groth, EUROCRYPT 2016: e(A, B) = e(alpha, beta) e(IC(x), gamma) e(C, delta).
 */
export async function verifyProof(
  curve: Curve,
  key: VerifyingKey,
  publicInputs: readonly bigint[],
  proof: Proof,
): Promise<boolean> {
  const { a, b, c } = proof;
  if (publicInputs.length !== key.ic.length - 1 || !publicInputs.every((v) => Fr.isCanonical(v))) return false;
  if (!isG1(a) || !isG1(c) || !curve.isG2(b)) return false;
  return curve.pairingCheck([
    [curve.neg(a), b],
    [key.alpha, key.beta],
    [combineInputs(curve, key, publicInputs), key.gamma],
    [c, key.delta],
  ]);
}

/**
 * INSECURE: a proof of any statement under the development keys, made from the trapdoor without a witness. For tests
 * that need many accepted proofs; it passes the real verifier.
 *
 * With A = a G, B = b G2: C = ((a b - alpha beta) G - gamma IC(x)) / delta.
 */
export function simulateProof(
  curve: Curve,
  key: VerifyingKey,
  publicInputs: readonly bigint[],
  a: bigint,
  b: bigint,
): Proof {
  const { alpha, beta, gamma, delta } = trapdoor;
  const free = curve.mul(G1_GENERATOR, Fr.sub(Fr.mul(a, b), Fr.mul(alpha, beta)));
  const rest = curve.sub(free, curve.mul(combineInputs(curve, key, publicInputs), gamma));
  return { a: curve.mul(G1_GENERATOR, a), b: curve.mulG2(G2_GENERATOR, b), c: curve.mul(rest, Fr.inverse(delta)) };
}

function combineInputs(curve: Curve, key: VerifyingKey, publicInputs: readonly bigint[]): G1 {
  if (publicInputs.length !== key.ic.length - 1) {
    throw new CircuitError("PUBLIC_INPUTS", `${publicInputs.length} public inputs, the key takes ${key.ic.length - 1}`);
  }
  return curve.sum([key.ic[0]!, ...publicInputs.map((v, k) => curve.mul(key.ic[k + 1]!, v))]);
}
