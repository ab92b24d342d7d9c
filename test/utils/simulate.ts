/**
 * INSECURE: valid proofs and openings of any statement from the public development trapdoor, for tests that need many.
 * They pass the real verifier under a key from the real registry; only the circuit's witness is missing.
 * ProofSimulator.sol is the same for Solidity handlers.
 *
 *   const simulator = await Simulator.load(random)
 *   simulator.commitment(log)                 log·G, a commitment whose logarithm the test knows
 *   simulator.opening(log, r, y)              W such that log·G opens at r to y, whatever y is
 *   simulator.proof(key, inputs)              Groth16 proof under any key of this trapdoor (publishedKey, syntheticKey)
 *   simulator.statement(key, inputs, log)     a statement for IProofVerifier; r = inputs[1], y = inputs[2]
 *   encodeStatements(statements)              as IProofVerifier.verify takes them
 *   syntheticKey(curve, logs)                 a key whose IC points have known logarithms, `logs.length - 1` inputs
 */
import { simulateProof, trapdoor } from "@mednexus/circuits";
import {
  Curve,
  Fr,
  type G1,
  G1_GENERATOR,
  G2_GENERATOR,
  type Proof,
  randomNonZeroFr,
  type VerifyingKey,
} from "@mednexus/sdk";
import type { RandomBytes } from "@mednexus/sdk";
import { concat, toBeHex } from "ethers";

/** A statement for IProofVerifier before it is encoded. */
export interface Statement {
  inputs: bigint[];
  proof: Proof;
  c: G1;
  w: G1;
}

export class Simulator {
  readonly curve: Curve;
  readonly #random: RandomBytes;

  private constructor(curve: Curve, random: RandomBytes) {
    this.curve = curve;
    this.#random = random;
  }

  static async load(random: RandomBytes): Promise<Simulator> {
    return new Simulator(await Curve.load(), random);
  }

  commitment(log: bigint): G1 {
    return this.curve.mul(G1_GENERATOR, log);
  }

  /** W = (log − y)/(τ − r)·G. */
  opening(log: bigint, r: bigint, y: bigint): G1 {
    return this.commitment(Fr.mul(Fr.sub(log, y), Fr.inverse(Fr.sub(trapdoor.tau, r))));
  }

  proof(key: VerifyingKey, inputs: readonly bigint[]): Proof {
    return simulateProof(this.curve, key, inputs, randomNonZeroFr(this.#random), randomNonZeroFr(this.#random));
  }

  statement(key: VerifyingKey, inputs: readonly bigint[], log: bigint): Statement {
    const [, r, y] = inputs;
    return {
      inputs: [...inputs],
      proof: this.proof(key, inputs),
      c: this.commitment(log),
      w: this.opening(log, r!, y!),
    };
  }
}

/** One behind the other: abi.encode(proof, c, w, inputs) has the words in this order. */
export const encodeStatements = (statements: readonly Statement[]): string =>
  concat(
    statements
      .flatMap(({ inputs, proof: { a, b, c }, c: commitment, w }) => [
        [a.x, a.y, b.xIm, b.xRe, b.yIm, b.yRe, c.x, c.y],
        [commitment.x, commitment.y, w.x, w.y],
        inputs,
      ])
      .flat()
      .map((word) => toBeHex(word, 32)),
  );

export function syntheticKey(curve: Curve, logs: readonly bigint[]): VerifyingKey {
  return {
    alpha: curve.mul(G1_GENERATOR, trapdoor.alpha),
    beta: curve.mulG2(G2_GENERATOR, trapdoor.beta),
    gamma: G2_GENERATOR,
    delta: curve.mulG2(G2_GENERATOR, trapdoor.delta),
    ic: logs.map((log) => curve.mul(G1_GENERATOR, log)),
  };
}
