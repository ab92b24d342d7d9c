import {
  evaluate,
  Fq,
  Fr,
  FQ_MODULUS,
  FR_MODULUS,
  G1_GENERATOR,
  G1_INFINITY,
  G2_GENERATOR,
  G2_INFINITY,
  randomFr,
  randomFrVector,
} from "@mednexus/sdk";
import { expect } from "chai";
import { concat, dataSlice, getAddress, hexlify, toBeHex } from "ethers";
import hre from "hardhat";
import { Simulator } from "../../utils/simulate.ts";
import { seededInt, seededRandom, testSeed } from "../../vectors/seeded.ts";
import { pairWords } from "./deploy.ts";

const seed = testSeed();
const random = seededRandom(seed);
const words = (values: readonly bigint[]) => concat(values.map((value) => toBeHex(value, 32)));

describe(`Bn254, Kzg and CodeData (MEDNEXUS_SEED=${seed})`, () => {
  let harness: any;
  let ethers: any;
  let simulator: Simulator;

  before(async () => {
    ({ ethers } = await hre.network.create());
    harness = await ethers.deployContract("CryptoHarness");
    simulator = await Simulator.load(random);
  });

  it("group operations equal the SDK's, infinity included", async () => {
    const { curve } = simulator;
    const [p, q, s] = [
      simulator.commitment(randomFr(random)),
      simulator.commitment(randomFr(random)),
      randomFr(random),
    ];
    const same = async (answer: Promise<any>, expected: { x: bigint; y: bigint }) =>
      expect((await answer).toObject()).to.deep.equal({ x: expected.x, y: expected.y });
    await same(harness.add(p, q), curve.add(p, q));
    await same(harness.add(p, curve.neg(p)), G1_INFINITY);
    await same(harness.mul(p, s), curve.mul(p, s));
    await same(harness.mul(p, FR_MODULUS), G1_INFINITY);
    await same(harness.mulAddTo(p, q, s), curve.add(p, curve.mul(q, s)));
    await same(harness.mulAddTo(G1_INFINITY, q, 1n), q);
    await same(harness.neg(p), curve.neg(p));
    await same(harness.neg(G1_INFINITY), G1_INFINITY);
    expect(await harness.inverse(s)).to.equal(Fr.inverse(s));
    await expect(harness.inverse(0)).to.be.revertedWithCustomError(harness, "NonCanonicalScalar");
    await expect(harness.inverse(FR_MODULUS)).to.be.revertedWithCustomError(harness, "NonCanonicalScalar");
  });

  it("[attack 19] [attack 20] points: on the curve, canonical; on the twist, in the subgroup", async () => {
    const p = simulator.commitment(randomFr(random));
    expect(await harness.isG1(p.x, p.y)).to.equal(true);
    expect(await harness.isG1(0, 0)).to.equal(true);
    expect(await harness.isG1(p.x, Fq.add(p.y, 1n))).to.equal(false);
    expect(await harness.isG1(p.x + FQ_MODULUS, p.y)).to.equal(false);
    expect(await harness.isG1(p.x, p.y + FQ_MODULUS)).to.equal(false);
    expect(await harness.isG1(0, FQ_MODULUS)).to.equal(false);
    const g = simulator.curve.mulG2(G2_GENERATOR, randomFr(random));
    expect(await harness.isInG2(g)).to.equal(true);
    expect(await harness.isOnTwist(G2_INFINITY)).to.equal(false);
    for (const coordinate of ["xIm", "xRe", "yIm", "yRe"] as const) {
      expect(await harness.isOnTwist({ ...g, [coordinate]: Fq.add(g[coordinate], 1n) }), coordinate).to.equal(false);
      expect(await harness.isInG2({ ...g, [coordinate]: g[coordinate] + FQ_MODULUS }), `${coordinate} + q`).to.equal(
        false,
      );
    }
  });

  it("[attack 29] failure, and success with an answer of the wrong size, are PrecompileFailed", async () => {
    const refused = (call: Promise<unknown>, precompile: string) =>
      expect(call).to.be.revertedWithCustomError(harness, "PrecompileFailed").withArgs(precompile);
    const at = (n: number) => toBeHex(n, 20);
    await refused(harness.mul({ x: 1, y: 1 }, 5), at(7));
    await refused(harness.add({ x: 1, y: 1 }, G1_GENERATOR), at(6));
    await refused(harness.mulAddTo(G1_GENERATOR, { x: 1, y: 1 }, 5), at(7));
    await refused(harness.mulAddTo({ x: 1, y: 1 }, G1_GENERATOR, 5), at(6));
    await refused(harness.pairing(pairWords({ x: 1n, y: 1n }, G2_GENERATOR)), at(8));
    await refused(harness.pairing([]), at(8));
    await refused(harness.pairing([1, 2, 3]), at(8));
    // an address without code succeeds and returns nothing: a chain without the precompile
    const nobody = getAddress(at(0xfffff));
    await refused(harness.callInto(nobody), nobody);
    // the identity precompile echoes 32 bytes: the right size passes
    expect(await harness.callInto(at(4))).to.equal(0n);
    // ecMul answers 64: too many
    await refused(harness.callInto(at(7)), at(7));
  });

  it("pairing: true only for products that are 1", async () => {
    const { curve } = simulator;
    const s = randomFr(random);
    const [sG, sH] = [simulator.commitment(s), curve.mulG2(G2_GENERATOR, s)];
    expect(await harness.pairing([...pairWords(sG, G2_GENERATOR), ...pairWords(curve.neg(G1_GENERATOR), sH)])).to.equal(
      true,
    );
    expect(await harness.pairing([...pairWords(sG, G2_GENERATOR), ...pairWords(G1_GENERATOR, sH)])).to.equal(false);
    expect(await harness.pairing(pairWords(G1_INFINITY, G2_GENERATOR))).to.equal(true);
  });

  it("chunks of any cut sum to the SDK's evaluation", async () => {
    for (const n of [2, 16, 128]) {
      const vector = randomFrVector(n + 4, random);
      const z = randomFr(random);
      const expected = evaluate(vector, z);
      for (let attempt = 0; attempt < 4; attempt++) {
        let sum = 0n;
        for (let at = 0; at < vector.length;) {
          const take = Number(seededInt(random, 1n, BigInt(vector.length - at)));
          sum = Fr.add(sum, await harness.partialEvaluation(words(vector.slice(at, at + take)), at, n, z));
          at += take;
        }
        expect(sum, `n ${n}`).to.equal(expected);
      }
    }
  });

  it("a point of H takes the coordinate itself, and words outside the vector are refused", async () => {
    const n = 16;
    const vector = randomFrVector(n + 4, random);
    const omega = await harness.rootOfUnity(n);
    for (const j of [0, 1, 15]) {
      const z = Fr.pow(omega, BigInt(j));
      let sum = 0n;
      for (const [from, to] of [
        [0, 7],
        [7, 18],
        [18, 20],
      ] as const) {
        sum = Fr.add(sum, await harness.partialEvaluation(words(vector.slice(from, to)), from, n, z));
      }
      expect(sum).to.equal(vector[j]);
    }
    await expect(harness.partialEvaluation(words(vector), 1, n, 5))
      .to.be.revertedWithCustomError(harness, "OutsideVector")
      .withArgs(21, 20);
    await expect(harness.partialEvaluation("0x", 21, n, 5)).to.be.revertedWithCustomError(harness, "OutsideVector");
    expect(await harness.partialEvaluation("0x", 20, n, 5)).to.equal(0n);
    await expect(harness.partialEvaluation(words(vector), 0, 17, 5)).to.be.revertedWithCustomError(
      harness,
      "BadDomain",
    );
  });

  it("readWords names the first word that is not canonical and refuses cut words", async () => {
    const all = 2n ** 256n - 1n;
    expect((await harness.readWords("0x")).firstBad).to.equal(all);
    expect((await harness.readWords(words([0n, FR_MODULUS - 1n]))).firstBad).to.equal(all);
    const read = await harness.readWords(words([1n, FR_MODULUS, 2n, all]));
    expect(read.firstBad).to.equal(1n);
    expect(read.words.map(BigInt)).to.deep.equal([1n, FR_MODULUS, 2n, all]);
    await expect(harness.readWords(dataSlice(words([1n]), 1)))
      .to.be.revertedWithCustomError(harness, "TruncatedWords")
      .withArgs(31);
  });

  it("a chunk of 2,000 words evaluates and unmasks within 2M gas", async () => {
    const chunk = words(randomFrVector(2000, random));
    const target = await harness.getAddress();
    const evaluation = harness.interface.encodeFunctionData("partialEvaluation", [chunk, 2000, 4096, randomFr(random)]);
    const unmasking = harness.interface.encodeFunctionData("unmask", [chunk, 2000, G1_GENERATOR, toBeHex(7, 32)]);
    const gas = [];
    for (const data of [evaluation, unmasking]) gas.push(Number((await harness.gasOf(target, data)).used));
    console.log(`      2,000 words: evaluate ${gas[0]}, unmask ${gas[1]} gas`);
    expect(gas[0]! + gas[1]!).to.be.at.most(2_000_000);
  });

  it("code data comes back word for word, and cannot be executed", async () => {
    const values = randomFrVector(30, random);
    const [at, read] = await harness.storeAndLoad.staticCall(words(values));
    expect(read.map(BigInt)).to.deep.equal(values);
    await harness.storeAndLoad(words(values));
    expect(await ethers.provider.getCode(at)).to.equal(concat(["0x00", words(values)]));
    await expect(harness.storeAndLoad(hexlify(new Uint8Array(24_576)))).to.be.revertedWithCustomError(
      harness,
      "DataCreationFailed",
    );
  });
});
