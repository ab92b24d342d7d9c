import { publishedKey, trapdoor } from "@mednexus/circuits";
import {
  CommitKey,
  Curve,
  evaluate,
  Fr,
  FQ_MODULUS,
  FR_MODULUS,
  G1_GENERATOR,
  G1_INFINITY,
  G2_GENERATOR,
  insecureSrs,
  type Proof,
  tag,
  randomFr,
  randomFrVector,
  type VerifyingKey,
} from "@mednexus/sdk";
import { bn254 } from "@noble/curves/bn254.js";
import { expect } from "chai";
import { concat, dataSlice, keccak256, toBeHex } from "ethers";
import { encodeStatements, Simulator, type Statement, syntheticKey } from "../../utils/simulate.ts";
import { seededRandom, testSeed } from "../../vectors/seeded.ts";
import { deployVerification, registerDevSrs, registerKey, type Verification } from "./deploy.ts";
import { addG2, negG2, twistPointOutsideG2 } from "./points.ts";
import { expectStarvedReverts } from "./starved.ts";

const seed = testSeed();
const random = seededRandom(seed);
const N = 128;

describe(`ProofVerifier (MEDNEXUS_SEED=${seed})`, () => {
  let v: Verification;
  let harness: any;
  let unweighted: any;
  let curve: Curve;
  let simulator: Simulator;
  let update: bigint;
  let aggregate: bigint;
  let srs: bigint;
  const key = publishedKey("update", N);

  const inputsOf = () => Array.from({ length: 4 }, () => randomFr(random));
  const honest = () => simulator.statement(key, inputsOf(), randomFr(random));
  const verify = (statements: Statement[], id = update): Promise<boolean> =>
    v.verifier.verify!(id, encodeStatements(statements));
  const unweightedVerify = (
    { alpha, beta, gamma, delta, ic }: VerifyingKey,
    statements: Statement[],
    tauG2 = TAU_G2,
  ): Promise<boolean> => unweighted.verify({ alpha, beta, gamma, delta, ic }, tauG2, statements);
  let TAU_G2: any;

  before(async () => {
    v = await deployVerification();
    harness = await v.ethers.deployContract("CryptoHarness");
    unweighted = await v.ethers.deployContract("UnweightedVerifier");
    simulator = await Simulator.load(random);
    curve = simulator.curve;
    srs = await registerDevSrs(v);
    update = await registerKey(v, "update", srs);
    aggregate = await registerKey(v, "aggregate", srs);
    TAU_G2 = (await v.registry.srsOf!(srs)).tauG2.toObject();
  });

  it("accepts valid statements, alone and in batches, under both published keys", async () => {
    expect(await verify([honest()])).to.equal(true);
    expect(await verify(Array.from({ length: 8 }, honest))).to.equal(true);
    const ofAggregate = simulator.statement(publishedKey("aggregate", N), inputsOf().slice(0, 3), randomFr(random));
    expect(await verify([ofAggregate], aggregate)).to.equal(true);
  });

  it("refuses each single change of a valid statement", async () => {
    const changes: Record<string, (s: Statement) => void> = {
      "[attack 9] y + 1": (s) => void (s.inputs[2] = Fr.add(s.inputs[2]!, 1n)),
      "[attack 7] another h": (s) => void (s.inputs[0] = Fr.add(s.inputs[0]!, 1n)),
      "[attack 5] another B²": (s) => void (s.inputs[3] = Fr.add(s.inputs[3]!, 1n)),
      "[attack 12] another r": (s) => void (s.inputs[1] = Fr.add(s.inputs[1]!, 1n)),
      "[attack 14] C + [δ]": (s) => void (s.c = curve.add(s.c, G1_GENERATOR)),
      "[attack 15] −C": (s) => void (s.c = curve.neg(s.c)),
      "another W": (s) => void (s.w = curve.add(s.w, G1_GENERATOR)),
      "W at infinity": (s) => void (s.w = G1_INFINITY),
      "another A": (s) => void (s.proof = { ...s.proof, a: curve.add(s.proof.a, G1_GENERATOR) }),
      "another B": (s) => void (s.proof = { ...s.proof, b: G2_GENERATOR }),
      "another proof C": (s) => void (s.proof = { ...s.proof, c: curve.add(s.proof.c, G1_GENERATOR) }),
    };
    for (const [what, change] of Object.entries(changes)) {
      const s = honest();
      change(s);
      expect(await verify([s]), what).to.equal(false);
      expect(await verify([honest(), s, honest()]), `${what} in a batch`).to.equal(false);
    }
  });

  it("[attack 10] [attack 11] y, h, r and B² plus the field's order are refused, not reduced", async () => {
    for (let i = 0; i < 4; i++) {
      const s = honest();
      // 2^256 > 2r, so an alias of every value fits a word
      s.inputs[i] = s.inputs[i]! + FR_MODULUS;
      await expect(verify([s]))
        .to.be.revertedWithCustomError(v.verifier, "NonCanonicalScalar")
        .withArgs(s.inputs[i]);
    }
  });

  it("[attack 19] [attack 20] [attack 21] points off the curve, above q, at infinity are refused", async () => {
    const at: Record<string, (s: Statement, p: any) => void> = {
      c: (s, p) => void (s.c = p),
      w: (s, p) => void (s.w = p),
      a: (s, p) => void (s.proof = { ...s.proof, a: p }),
      proofC: (s, p) => void (s.proof = { ...s.proof, c: p }),
    };
    for (const [what, put] of Object.entries(at)) {
      for (const bad of [
        { x: 1n, y: 3n },
        { x: FQ_MODULUS + 1n, y: 2n },
        { x: 1n, y: FQ_MODULUS + 2n },
        { x: FQ_MODULUS, y: 0n },
      ]) {
        const s = honest();
        put(s, bad);
        await expect(verify([s]), what)
          .to.be.revertedWithCustomError(v.verifier, "PointNotOnCurve")
          .withArgs(bad.x, bad.y);
      }
      if (what === "w") continue; // a constant polynomial's opening
      const s = honest();
      put(s, G1_INFINITY);
      await expect(verify([s]), what).to.be.revertedWithCustomError(v.verifier, "PointAtInfinity");
    }
  });

  it("[attack 22] a B on the twist outside the subgroup, off the twist or not canonical makes the precompile fail (EIP-197)", async () => {
    const outside = twistPointOutsideG2();
    expect(await harness.isOnTwist(outside)).to.equal(true);
    expect(await harness.isInG2(outside)).to.equal(false);
    for (const b of [
      outside,
      { ...G2_GENERATOR, xIm: G2_GENERATOR.xIm + 1n },
      { ...G2_GENERATOR, xRe: G2_GENERATOR.xRe + FQ_MODULUS },
    ]) {
      const s = honest();
      s.proof = { ...s.proof, b };
      await expect(verify([s])).to.be.revertedWithCustomError(v.verifier, "PrecompileFailed");
    }
  });

  it("[attack 23] another circuit's id, a stale key and a retired id verify nothing", async () => {
    await expect(verify([honest()], aggregate))
      .to.be.revertedWithCustomError(v.verifier, "WrongLength")
      .withArgs(512, 480);
    const other = syntheticKey(curve, randomFrVector(5, random));
    const otherId = await registerKey(v, "update", srs, N, other);
    expect(await verify([honest()], otherId)).to.equal(false);
    expect(await verify([simulator.statement(other, inputsOf(), 7n)], otherId)).to.equal(true);
    await v.registry.retire!(otherId);
    await expect(verify([simulator.statement(other, inputsOf(), 7n)], otherId)).to.be.revertedWithCustomError(
      v.registry,
      "VerifierIsRetired",
    );
    await expect(verify([honest()], 999n)).to.be.revertedWithCustomError(v.registry, "UnknownVerifier");
    const whole = encodeStatements([honest(), honest()]);
    for (const bytes of ["0x", dataSlice(whole, 0, 511), dataSlice(whole, 0, 992), `${whole}00`])
      await expect(v.verifier.verify!(update, bytes), `${bytes.length} characters`).to.be.revertedWithCustomError(
        v.verifier,
        "WrongLength",
      );
  });

  it("[attack 25] [attack 27] openings of another polynomial or at another point are refused", async () => {
    const commitKey = await CommitKey.create(curve, await insecureSrs(curve, 16));
    const vector = randomFrVector(20, random);
    const r = randomFr(random);
    const state = (c: any, y: bigint, w: any): Statement => {
      const inputs = [5n, r, y, 9n];
      return { inputs, proof: simulator.proof(key, inputs), c, w };
    };
    const c = await commitKey.commit(vector);
    const { y, w } = await commitKey.open(vector, r);
    expect(y).to.equal(evaluate(vector, r));
    expect(await verify([state(c, y, w)])).to.equal(true);
    const elsewhere = await commitKey.open(vector, Fr.add(r, 1n));
    expect(await verify([state(c, elsewhere.y, elsewhere.w)]), "another point").to.equal(false);
    expect(await verify([state(c, y, elsewhere.w)]), "another point's witness").to.equal(false);
    // p + X^5·(X^n − 1): the same values on H, degree n + 5; the circuit computes y of p, whoever opens the higher polynomial gets another y
    const { powers } = await insecureSrs(curve, 32);
    const higher = curve.add(c, curve.sub(powers[21]!, powers[5]!));
    const extra = Fr.mul(Fr.pow(r, 5n), Fr.sub(Fr.pow(r, 16n), 1n));
    // witness of the added part: (X^21 − X^5 − extra)/(X − r) by synthetic division
    let quotient = G1_INFINITY;
    let carry = 0n;
    const added = Array.from({ length: 22 }, (_, i) => (i === 21 ? 1n : i === 5 ? FR_MODULUS - 1n : 0n));
    for (let i = 21; i > 0; i--) {
      carry = Fr.add(Fr.mul(carry, r), added[i]!);
      quotient = curve.add(quotient, curve.mul(powers[i - 1]!, carry));
    }
    const higherW = curve.add(w, quotient);
    expect(await verify([state(higher, Fr.add(y, extra), higherW)]), "its own value opens").to.equal(true);
    expect(await verify([state(higher, y, higherW)]), "the circuit's y does not").to.equal(false);
    expect(await verify([state(higher, y, w)]), "nor with p's witness").to.equal(false);
  });

  it("[attack 28] errors that cancel when coefficients are 1 are refused, as is one bad statement in a batch", async () => {
    const [one, two] = [honest(), honest()];
    one.proof = { ...one.proof, c: curve.add(one.proof.c, G1_GENERATOR) };
    two.proof = { ...two.proof, c: curve.sub(two.proof.c, G1_GENERATOR) };
    expect(await unweightedVerify(key, [one, two]), "an unweighted checker accepts").to.equal(true);
    expect(await verify([one, two])).to.equal(false);
    const [three, four] = [honest(), honest()];
    three.c = curve.add(three.c, G1_GENERATOR);
    four.c = curve.sub(four.c, G1_GENERATOR);
    expect(await unweightedVerify(key, [three, four])).to.equal(true);
    expect(await verify([three, four])).to.equal(false);
    const batch = Array.from({ length: 32 }, honest);
    expect(await verify(batch)).to.equal(true);
    batch[17]!.inputs[3] = Fr.add(batch[17]!.inputs[3]!, 1n);
    expect(await verify(batch)).to.equal(false);
  });

  it("[attack 154] Groth16 and KZG errors that cancel: forged with no secret against an unweighted checker, refused here", async () => {
    // IC_i = [β b_i + α a_i + c_i]_1: the shape of every Groth16 key, here with constant QAP polynomials that the prover knows (they are public).
    // For any C = [p(τ)]_1 and inputs x, with a = Σ x_i a_i and so on, A = α + b, B = β + a, W the honest quotient of p at r:
    //   A·B = αβ + IC(x) + p(r) − y   as soon as   ab = c + p(r) − y.
    // y solves that, so a C of anything is accepted with an y that it does not open to, and there is no witness at all.
    const m = 5;
    const [a, b, c] = [randomFrVector(m, random), randomFrVector(m, random), randomFrVector(m, random)];
    a[3] = b[3] = 0n; // y enters linearly
    const [alpha1, beta1] = [key.alpha, curve.mul(G1_GENERATOR, BETA_FOR_KEY_MAKER)];
    const ic = a.map((_, i) =>
      curve.sum([curve.mul(beta1, b[i]!), curve.mul(alpha1, a[i]!), curve.mul(G1_GENERATOR, c[i]!)]),
    );
    const forgedKey: VerifyingKey = { alpha: key.alpha, beta: key.beta, gamma: key.gamma, delta: key.delta, ic };
    const id = await registerKey(v, "update", srs, N, forgedKey);
    expect(await verify([simulator.statement(forgedKey, inputsOf(), 3n)], id), "an ordinary key").to.equal(true);

    const commitKey = await CommitKey.create(curve, await insecureSrs(curve, 16));
    const vector = randomFrVector(20, random); // nothing like a bounded update
    const [h, r, normBound2] = [randomFr(random), randomFr(random), 1n];
    const commitment = await commitKey.commit(vector);
    const opened = await commitKey.open(vector, r);
    const dot = (weights: bigint[], y: bigint) =>
      [1n, h, r, y, normBound2].reduce((sum, x, i) => Fr.add(sum, Fr.mul(x, weights[i]!)), 0n);
    const [sa, sb] = [dot(a, 0n), dot(b, 0n)];
    // sa·sb = dot(c, 0) + c_3 y + p(r) − y
    const y = Fr.mul(Fr.sub(Fr.sub(Fr.mul(sa, sb), dot(c, 0n)), opened.y), Fr.inverse(Fr.sub(c[3]!, 1n)));
    expect(y).to.not.equal(opened.y);
    // e·δ in A, so that the proof's C is not infinity: e·δ·(β + a) = δ·[e(β + a)]_1
    const e = randomFr(random);
    const betaShifted = addG2(key.beta, curve.mulG2(G2_GENERATOR, sa));
    const proof: Proof = {
      a: curve.sum([alpha1, curve.mul(G1_GENERATOR, sb), curve.mul(DELTA_1(), e)]),
      b: betaShifted,
      c: curve.mul(curve.add(beta1, curve.mul(G1_GENERATOR, sa)), e),
    };
    const forged: Statement = { inputs: [h, r, y, normBound2], proof, c: commitment, w: opened.w };
    expect(await unweightedVerify(forgedKey, [forged]), "accepted without coefficients").to.equal(true);
    expect(await verify([forged], id), "refused with them").to.equal(false);
  });

  it("[attack 28] coefficients come from a hash of the id and of every word of every statement", async () => {
    const statements = [honest(), honest()];
    const words = (...values: bigint[]) => concat(values.map((value) => toBeHex(value, 32)));
    const preimage = concat([words(BigInt(tag("batch")), update), encodeStatements(statements)]);
    const transcript = BigInt(keccak256(preimage));
    const data = v.verifier.interface.encodeFunctionData("verify", [update, encodeStatements(statements)]);
    const tx = await v.signers[0]!.sendTransaction({ to: await v.verifier.getAddress(), data });
    const trace: any = await v.connection.provider.request({
      method: "debug_traceTransaction",
      params: [tx.hash, { disableStorage: true, enableMemory: true }],
    });
    const hashed: string[] = trace.structLogs
      .filter((step: { op: string }) => step.op === "KECCAK256")
      .map(({ stack, memory }: { stack: string[]; memory: string[] }) => {
        const [offset, size] = [Number(BigInt(hex(stack.at(-1)!))), Number(BigInt(hex(stack.at(-2)!)))];
        return `0x${memory
          .map((word) => hex(word).slice(2))
          .join("")
          .slice(2 * offset, 2 * (offset + size))}`;
      });
    expect(hashed).to.include(preimage);
    // g_0 is fixed at 1: k_0, g_1 and k_1 move everything else at random against it.
    for (const i of [1n, 2n, 3n])
      expect(hashed.filter((h) => h === words(transcript, i)).length, `coefficient ${i}`).to.equal(1);
  });

  it("[attack 30] (−A, −B, C) and other re-randomisations prove the same statement and no other", async () => {
    const s = honest();
    const { a, b, c } = s.proof;
    const again: Statement = { ...s, proof: { a: curve.neg(a), b: negG2(b), c } };
    expect(await verify([again]), "malleable: a proof is no identifier").to.equal(true);
    expect(await verify([{ ...s, proof: { a: curve.neg(a), b, c } }])).to.equal(false);
    for (let i = 0; i < 4; i++) {
      const inputs = [...s.inputs];
      inputs[i] = Fr.add(inputs[i]!, 1n);
      expect(await verify([{ ...again, inputs }]), `input ${i}`).to.equal(false);
    }
  });

  it("[attack 29] a starved precompile is a revert, never an acceptance", async () => {
    const s = honest();
    const data = v.verifier.interface.encodeFunctionData("verify", [update, encodeStatements([s])]);
    await expectStarvedReverts(v, data);
  });

  it("[attack 159] [τ]_2 and keys come from the registry alone", async () => {
    const [log, r, y, tau] = [randomFr(random), randomFr(random), randomFr(random), 12345n];
    const wrongY = Fr.add(y, 1n);
    // under a τ of one's own, anything opens to anything
    const w = curve.mul(G1_GENERATOR, Fr.mul(Fr.sub(log, wrongY), Fr.inverse(Fr.sub(tau, r))));
    const c = simulator.commitment(log);
    const inputs = [1n, r, wrongY, 2n];
    const s: Statement = { inputs, proof: simulator.proof(key, inputs), c, w };
    expect(await unweightedVerify(key, [s], curve.mulG2(G2_GENERATOR, tau)), "where the caller supplies it").to.equal(
      true,
    );
    expect(await verify([s])).to.equal(false);
    expect(await v.verifier.verifyOpening!(srs, c, r, wrongY, w)).to.equal(false);
    expect(await v.verifier.verifyOpening!(srs, c, r, y, simulator.opening(log, r, y))).to.equal(true);
    await expect(v.verifier.verifyOpening!(99, c, r, y, w)).to.be.revertedWithCustomError(v.registry, "UnknownSrs");
  });

  it("verifyOpening checks scalars and points, and takes infinity", async () => {
    const open = (c: any, r: bigint, y: bigint, w: any) => v.verifier.verifyOpening!(srs, c, r, y, w);
    expect(await open(G1_INFINITY, 5n, 0n, G1_INFINITY)).to.equal(true);
    expect(await open(G1_INFINITY, 5n, 1n, G1_INFINITY)).to.equal(false);
    expect(await open(G1_GENERATOR, 5n, 1n, G1_INFINITY)).to.equal(true); // the constant 1
    await expect(open(G1_GENERATOR, FR_MODULUS, 1n, G1_INFINITY)).to.be.revertedWithCustomError(
      v.verifier,
      "NonCanonicalScalar",
    );
    await expect(open(G1_GENERATOR, 5n, FR_MODULUS + 1n, G1_INFINITY)).to.be.revertedWithCustomError(
      v.verifier,
      "NonCanonicalScalar",
    );
    await expect(open({ x: 1, y: 1 }, 5n, 1n, G1_INFINITY)).to.be.revertedWithCustomError(
      v.verifier,
      "PointNotOnCurve",
    );
    await expect(open(G1_GENERATOR, 5n, 1n, { x: FQ_MODULUS, y: 0n })).to.be.revertedWithCustomError(
      v.verifier,
      "PointNotOnCurve",
    );
  });

  it("gas: one statement at most 340k, 32 at most 82k each, calldata and transaction not counted", async () => {
    const used = async (count: number): Promise<number> => {
      const statements = Array.from({ length: count }, honest);
      const data = v.verifier.interface.encodeFunctionData("verify", [update, encodeStatements(statements)]);
      const { used, answer } = await harness.gasOf(await v.verifier.getAddress(), data);
      expect(BigInt(answer)).to.equal(1n);
      return Number(used);
    };
    const [one, many] = [await used(1), await used(32)];
    console.log(`      verify(1) ${one}, verify(32) ${Math.round(many / 32)} a statement`);
    expect(one).to.be.at.most(340_000);
    expect(many / 32).to.be.at.most(82_000);
  });
});

const hex = (word: string) => (word.startsWith("0x") ? word : `0x${word}`);

/** β of the key's maker: [β]_1 is part of every proving key, so the forger of attack 154 has it without knowing β. */
const BETA_FOR_KEY_MAKER = trapdoor.beta;
/** [δ]_1, part of every proving key too. */
const DELTA_1 = () => {
  const p = bn254.G1.Point.BASE.multiply(trapdoor.delta).toAffine();
  return { x: p.x, y: p.y };
};
