import {
  type Curve,
  Fr,
  FQ_MODULUS,
  FR_MODULUS,
  G1_GENERATOR,
  G1_INFINITY,
  G2_GENERATOR,
  type Proof,
  randomFr,
  randomFrVector,
  type VerifyingKey,
} from "@mednexus/sdk";
import { expect } from "chai";
import { Simulator, syntheticKey } from "../../utils/simulate.ts";
import { seededRandom, testSeed } from "../../vectors/seeded.ts";
import { deployVerification, registerDevSrs, registerKey, type Verification } from "./deploy.ts";
import { negG2, twistPointOutsideG2 } from "./points.ts";
import { expectStarvedReverts } from "./starved.ts";

const seed = testSeed();
const random = seededRandom(seed);

describe(`ProofVerifier.verifyProof (MEDNEXUS_SEED=${seed})`, () => {
  let v: Verification;
  let curve: Curve;
  let simulator: Simulator;
  let srs: bigint;
  let key: VerifyingKey;
  let inference: bigint;

  const COUNT = 4;
  const inputsOf = (count = COUNT): bigint[] => Array.from({ length: count }, () => randomFr(random));
  const verify = (inputs: readonly bigint[], proof: Proof, id = inference): Promise<boolean> =>
    v.verifier.verifyProof!(id, inputs, proof);
  function honest(): { inputs: bigint[]; proof: Proof } {
    const inputs = inputsOf();
    return { inputs, proof: simulator.proof(key, inputs) };
  }

  before(async () => {
    v = await deployVerification();
    simulator = await Simulator.load(random);
    curve = simulator.curve;
    srs = await registerDevSrs(v);
    key = syntheticKey(curve, randomFrVector(COUNT + 1, random));
    inference = await registerKey(v, "inference", srs, 128, key);
  });

  it("accepts a valid proof, with zero inputs too, and one of thirteen inputs", async () => {
    const { inputs, proof } = honest();
    expect(await verify(inputs, proof)).to.equal(true);
    const zeros = [0n, 0n, 0n, 0n];
    expect(await verify(zeros, simulator.proof(key, zeros))).to.equal(true);
    const wide = syntheticKey(curve, randomFrVector(14, random));
    const rekey = await registerKey(v, "rekey", srs, 1, wide);
    const many = inputsOf(13);
    expect(await verify(many, simulator.proof(wide, many), rekey)).to.equal(true);
    for (const i of many.keys())
      expect(await verify(many.with(i, Fr.add(many[i]!, 1n)), simulator.proof(wide, many), rekey), `${i}`).to.equal(
        false,
      );
  });

  it("refuses each single change of a valid proof and of its inputs", async () => {
    const { inputs, proof } = honest();
    for (let i = 0; i < COUNT; i++)
      expect(await verify(inputs.with(i, Fr.add(inputs[i]!, 1n)), proof), `input ${i}`).to.equal(false);
    expect(await verify(inputs, { ...proof, a: curve.add(proof.a, G1_GENERATOR) })).to.equal(false);
    expect(await verify(inputs, { ...proof, b: G2_GENERATOR })).to.equal(false);
    expect(await verify(inputs, { ...proof, c: curve.add(proof.c, G1_GENERATOR) })).to.equal(false);
    expect(await verify(inputs, { ...proof, a: proof.c, c: proof.a })).to.equal(false);
  });

  it("[attack 10] [attack 11] an input of the field's order or above is refused, not reduced; so is a missing or extra one", async () => {
    const { inputs, proof } = honest();
    for (let i = 0; i < COUNT; i++) {
      const alias = inputs[i]! + FR_MODULUS;
      await expect(verify(inputs.with(i, alias), proof))
        .to.be.revertedWithCustomError(v.verifier, "NonCanonicalScalar")
        .withArgs(alias);
    }
    for (const given of [[], inputs.slice(1), [...inputs, 0n]])
      await expect(verify(given, proof))
        .to.be.revertedWithCustomError(v.verifier, "WrongInputCount")
        .withArgs(given.length, COUNT);
  });

  it("[attack 19] [attack 20] [attack 21] [attack 22] A, B and C off the curve, aliased, at infinity, outside the subgroup are refused", async () => {
    for (const part of ["a", "c"] as const) {
      const { inputs, proof } = honest();
      const point = proof[part];
      for (const bad of [
        { x: 1n, y: 3n },
        { x: point.x + FQ_MODULUS, y: point.y },
        { x: point.x, y: point.y + FQ_MODULUS },
        { x: FQ_MODULUS, y: 0n },
      ])
        await expect(verify(inputs, { ...proof, [part]: bad }), part)
          .to.be.revertedWithCustomError(v.verifier, "PointNotOnCurve")
          .withArgs(bad.x, bad.y);
      await expect(verify(inputs, { ...proof, [part]: G1_INFINITY }), part).to.be.revertedWithCustomError(
        v.verifier,
        "PointAtInfinity",
      );
    }
    const { inputs, proof } = honest();
    for (const b of [
      twistPointOutsideG2(),
      { ...proof.b, xIm: proof.b.xIm + FQ_MODULUS },
      { ...proof.b, xRe: Fr.add(proof.b.xRe, 1n) },
    ])
      await expect(verify(inputs, { ...proof, b })).to.be.revertedWithCustomError(v.verifier, "PrecompileFailed");
  });

  it("[attack 30] a proof is never an identifier: anybody re-randomises it, and it proves the same statement and no other", async () => {
    const { inputs, proof } = honest();
    const { a, b, c } = proof;
    expect(await verify(inputs, { a: curve.neg(a), b: negG2(b), c })).to.equal(true);
    expect(await verify(inputs, { a: curve.neg(a), b, c })).to.equal(false);
    expect(await verify(inputs.with(2, 1n), { a: curve.neg(a), b: negG2(b), c })).to.equal(false);
  });

  it("[attack 23] another key's, a retired and an unknown id verify nothing", async () => {
    const { inputs, proof } = honest();
    const other = await registerKey(v, "inference", srs, 1024, syntheticKey(curve, randomFrVector(COUNT + 1, random)));
    expect(await verify(inputs, proof, other)).to.equal(false);
    await v.registry.retire!(other);
    await expect(verify(inputs, proof, other)).to.be.revertedWithCustomError(v.registry, "VerifierIsRetired");
    await expect(verify(inputs, proof, 999n)).to.be.revertedWithCustomError(v.registry, "UnknownVerifier");
  });

  it("[attack 29] a starved precompile is a revert, never an acceptance", async () => {
    const { inputs, proof } = honest();
    const data = v.verifier.interface.encodeFunctionData("verifyProof", [inference, inputs, proof]);
    await expectStarvedReverts(v, data);
  });
});
