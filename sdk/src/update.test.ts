import { expect } from "chai";
import { codeThrown } from "../../test/utils/codeOf.ts";
import { seededInt, seededRandom, testSeed } from "../../test/vectors/seeded.ts";
import { CommitKey } from "./commitment.ts";
import { Curve } from "./curve.ts";
import { lower, VALUE_OFFSET } from "./encoding.ts";
import { BoundError, EncodingError } from "./errors.ts";
import { randomFrVector } from "./random.ts";
import { insecureSrs } from "./srs.ts";
import {
  accumulate,
  accumulateCommitment,
  assertUpdate,
  boundAfter,
  ceilSqrt,
  effectiveRecords,
  importBound,
  importFactor,
  memberNormBound2,
  MODEL_BOUND,
  modelValues,
  quantize,
  realValues,
  roundWeight,
  squaredNorm,
  sumValues,
  updateVector,
} from "./update.ts";

describe("updates and models as integers", () => {
  const seed = testSeed();
  const random = seededRandom(seed);
  before(() => console.log(`      seed ${seed}`));

  it("quantize weights, rounds halves away from zero, pads to n", () => {
    const options = { n: 8, updateBits: 4, records: 1n, cap: 2n };
    expect(quantize([1, -1, 0.0625, -0.0625, 0.0624], options)).to.deep.equal([8n, -8n, 1n, -1n, 0n, 0n, 0n, 0n]);
    expect(quantize(new Float64Array(8), options)).to.deep.equal(Array.from({ length: 8 }, () => 0n));
  });

  it("quantize refuses NaN, infinity, overflow, too many coordinates and impossible counts, without showing values", () => {
    const options = { n: 2, updateBits: 15, records: 5n, cap: 5n };
    expect(codeThrown(() => quantize([0, Number.NaN], options))).to.equal("NOT_FINITE");
    expect(codeThrown(() => quantize([Infinity], options))).to.equal("NOT_FINITE");
    expect(codeThrown(() => quantize([1], options))).to.equal("VALUE_RANGE");
    expect(quantize([-1], options)[0]).to.equal(-VALUE_OFFSET);
    expect(codeThrown(() => quantize([0, 0, 0], options))).to.equal("LENGTH");
    for (const records of [0n, -1n, 6n])
      expect(codeThrown(() => quantize([0], { ...options, records }))).to.equal("RECORDS");
    expect(() => quantize([0, 1.2345], options)).to.throw(EncodingError, /^coordinate 1 is outside/);
  });

  it("[attack 37] [attack 38] counts are capped, positive, and bounds and weights derive from them alone", () => {
    expect(effectiveRecords(700n, 500n)).to.equal(500n);
    expect(effectiveRecords(20n, 500n)).to.equal(20n);
    for (const audited of [0n, -1n]) expect(codeThrown(() => effectiveRecords(audited, 500n))).to.equal("RECORDS");
    expect(memberNormBound2(1000n, 1n, 3n)).to.equal(111n);
    expect(codeThrown(() => memberNormBound2(1000n, 4n, 3n))).to.equal("RECORDS");
    expect(
      codeThrown(() => memberNormBound2(1n << 64n, 1n, 1n)),
      "[attack 6]",
    ).to.equal("NORM_BOUND");
    expect(roundWeight(3n, 500n, 1200n)).to.equal((3n * 65536n * 500n) / 1200n);
    expect(codeThrown(() => roundWeight(3n, 500n, 0n))).to.equal("RECORDS");
  });

  it("[attack 4] a norm of B_i² is accepted, B_i² + 1 is not", () => {
    const u = [3n, -4n, 0n];
    expect(squaredNorm(u)).to.equal(25n);
    assertUpdate(u, 25n);
    expect(codeThrown(() => assertUpdate(u, 24n))).to.equal("NORM");
    expect(codeThrown(() => assertUpdate([32768n], 1n << 62n))).to.equal("VALUE_RANGE");
  });

  it("[attack 40] the bound of a whole campaign stays below 2^60, and no coordinate passes it unseen", () => {
    const b2 = 1n << 40n;
    expect(boundAfter(5n, 2n, b2, 3n)).to.equal(5n + 3n * 2n * 65536n * (1n << 20n));
    expect(boundAfter(MODEL_BOUND - 65537n, 1n, 1n)).to.equal(MODEL_BOUND - 1n);
    expect(codeThrown(() => boundAfter(MODEL_BOUND - 65536n, 1n, 1n))).to.equal("MODEL_BOUND");
    const vector = (v: bigint): bigint[] => [...lower([v, 0n]), 0n, 0n, 0n, 0n];
    expect(modelValues(vector(1n - MODEL_BOUND))).to.deep.equal([1n - MODEL_BOUND, 0n]);
    for (const v of [MODEL_BOUND, -MODEL_BOUND])
      expect(codeThrown(() => modelValues(vector(v)))).to.equal("MODEL_BOUND");
    expect(codeThrown(() => accumulate(vector(MODEL_BOUND - 1n), 1n, vector(1n)))).to.equal("MODEL_BOUND");
  });

  it("the derived bound is never below what members can reach together", () => {
    for (let i = 0; i < 300; i++) {
      const cap = seededInt(random, 1n, 1000n);
      const counts = Array.from({ length: 4 }, () => seededInt(random, 1n, cap));
      const b2 = seededInt(random, 1n, 1n << 34n);
      const step = seededInt(random, 1n, 64n);
      const lambda = roundWeight(
        step,
        cap,
        counts.reduce((a, b) => a + b, 0n),
      );
      // each member puts its whole norm into one coordinate
      const largest = counts.reduce((sum, n) => {
        const bound2 = memberNormBound2(b2, n, cap);
        const root = ceilSqrt(bound2);
        return sum + (root * root > bound2 ? root - 1n : root);
      }, 0n);
      expect(lambda * largest <= boundAfter(0n, step, b2), `seed ${seed} case ${i}`).to.equal(true);
    }
  });

  it("ceilSqrt is exact around squares", () => {
    for (const root of [1n, 2n, 3n, 1000n, (1n << 32n) - 1n, 1n << 59n]) {
      expect(ceilSqrt(root * root)).to.equal(root);
      expect(ceilSqrt(root * root + 1n)).to.equal(root + 1n);
      if (root > 1n) expect(ceilSqrt(root * root - 1n)).to.equal(root);
    }
    expect(ceilSqrt(0n)).to.equal(0n);
  });

  it("an import is the update times 2^(f + ℓ), within bound(0), and reads back as the same real numbers", () => {
    const scale = { updateBits: 12, stepBits: 4 };
    const u = [-32768n, 32767n, 1n, 0n];
    const model = [...lower(u.map((v) => v * importFactor(scale))), 1n, 2n, 3n, 4n];
    expect(modelValues(model).every((v) => (v < 0n ? -v : v) <= importBound(scale))).to.equal(true);
    expect([...realValues(model, scale)]).to.deep.equal([-8, 32767 / 4096, 1 / 4096, 0]);
  });

  it("sums larger than their members allow are refused", () => {
    const sum = [...lower([3n * -32768n, 3n * 32767n]), 1n, 2n, 3n, 4n];
    expect(sumValues(sum, 3)).to.deep.equal([3n * -32768n, 3n * 32767n]);
    expect(codeThrown(() => sumValues(sum, 2))).to.equal("SUM_RANGE");
    expect(() => sumValues(sum, 2)).to.throw(BoundError);
    for (const v of [65537n, -65537n])
      expect(codeThrown(() => sumValues([...lower([v]), 0n, 0n, 0n, 0n], 2))).to.equal("SUM_RANGE");
  });

  it("[attack 39] C_M follows M̃ ‖ P̃: any altered word, or a stale base, is another commitment", async () => {
    const curve = await Curve.load();
    const key = await CommitKey.create(curve, await insecureSrs(curve, 16));
    const values = (): bigint[] => Array.from({ length: 16 }, () => seededInt(random, -32768n, 32767n));
    const base = updateVector(values(), randomFrVector(4, random));
    const sum = updateVector(values(), randomFrVector(4, random));
    const [cBase, cSum] = [await key.commit(base), await key.commit(sum)];
    const model = accumulate(base, 1234567n, sum);
    const c = accumulateCommitment(curve, cBase, 1234567n, [cSum]);
    expect(await key.commit(model)).to.deep.equal(c);
    for (const j of [0, 15, 16, 19]) {
      expect(await key.commit(model.with(j, model[j]! + 1n)), `word ${j}`).to.not.deep.equal(c);
    }
    expect(accumulateCommitment(curve, curve.add(cBase, cBase), 1234567n, [cSum])).to.not.deep.equal(c);
  });

  it("[attack 155] weights applied to the sum let small updates be decoded from it; pre-weighted ones stay hidden", () => {
    const counts = [1n, 1000n, 1_000_000n];
    const cap = 1_000_000n;
    const small = (): bigint => seededInt(random, -400n, 400n);
    const updates = counts.map(small);

    // Public weights outside: U = Σ n_i·u_i is a number in base 1000 whose digits are the updates.
    const decode = (sum: bigint): bigint[] => {
      const digits: bigint[] = [];
      let rest = sum;
      for (let i = 0; i < 3; i++) {
        const digit = ((((rest % 1000n) + 1500n) % 1000n) - 500n) as bigint;
        digits.push(digit);
        rest = (rest - digit) / 1000n;
      }
      return digits;
    };
    expect(decode(updates.reduce((sum, u, i) => sum + counts[i]! * u, 0n))).to.deep.equal(updates);

    // Weighted before they leave: the weights are gone from the sum, which every split of it explains equally well.
    const real = [0.04, -0.02, 0.03];
    const sent = counts.map((records, i) => quantize([real[i]!], { n: 1, updateBits: 15, records, cap })[0]!);
    const total = sent.reduce((a, b) => a + b, 0n);
    expect(decode(total)).to.not.deep.equal(sent);
    const bound2 = counts.map((records) => memberNormBound2(1n << 30n, records, cap));
    const explanations = [-20n, -1n, 0n, 1n, 20n].map((shift) => [sent[0]!, sent[1]! + shift, sent[2]! - shift]);
    for (const other of explanations) {
      expect(other.reduce((a, b) => a + b, 0n)).to.equal(total);
      other.forEach((u, i) => assertUpdate([u], bound2[i]!));
    }
  });
});
