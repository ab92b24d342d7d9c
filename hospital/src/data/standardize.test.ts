import { expect } from "chai";
import { assertUpdate, quantize } from "@mednexus/sdk";
import { BadInputError } from "./errors.ts";
import { createRandom } from "./random.ts";
import {
  checkRanges,
  coarseRanges,
  decodeStatistics,
  encodeStatistics,
  exactStandardizer,
  mergeRanges,
  rangeStandardizer,
  standardize,
  STATISTICS_FRACTION_BITS,
  STATISTICS_NORM_BOUND2,
  statisticsSpec,
  type Standardizer,
} from "./standardize.ts";

/** Columns of very different size, offset and shape, as an unseen table may have. */
function strangeRows(count: number, seed: number): number[][] {
  const random = createRandom(seed, "strange");
  return Array.from({ length: count }, () => [
    1e-7 * Math.exp(random.normal()),
    36.6 + 0.5 * random.normal(),
    -2e9 + 1e9 * random.normal(),
    random.below(2),
    1e12 * Math.exp(2 * random.normal()),
    random.normal(),
    36.6,
  ]);
}
const names = (d: number): string[] => Array.from({ length: d }, (_, j) => `f${j}`);

/** The whole statistics round: encode, quantize as the protocol does, add, decode. */
function round(parts: readonly (readonly (readonly number[])[])[], n: number): Standardizer {
  const features = names(parts[0]![0]!.length);
  const spec = statisticsSpec(mergeRanges(parts.map((X) => coarseRanges(features, X))), n);
  const cap = Math.max(...parts.map((X) => X.length));
  const sum = new Float64Array(n);
  for (const X of parts) {
    const encoded = encodeStatistics(X, X.length / cap, spec);
    const u = quantize(encoded, { n, updateBits: STATISTICS_FRACTION_BITS, records: 1n, cap: 1n });
    u.forEach((value, j) => {
      expect(Number(value) / 2 ** STATISTICS_FRACTION_BITS, "encoding is exact").to.equal(encoded[j]! + 0);
      sum[j]! += Number(value) / 2 ** STATISTICS_FRACTION_BITS;
    });
    assertUpdate(u, (STATISTICS_NORM_BOUND2 * BigInt(X.length) ** 2n) / BigInt(cap) ** 2n);
  }
  return decodeStatistics(
    sum,
    parts.reduce((total, X) => total + X.length / cap, 0),
    parts.length,
    spec,
  );
}

describe("standardize", () => {
  it("finds mean and deviation of all rows from the sum of 16-bit contributions, whatever the features' scale", () => {
    for (let seed = 1; seed <= 10; seed++) {
      const rows = strangeRows(400, seed);
      const got = round([rows.slice(0, 20 + seed), rows.slice(20 + seed, 150), rows.slice(150)], 128);
      const exact = exactStandardizer(rows);
      for (const j of [0, 1, 2, 3, 4, 5]) {
        expect(got.scale[j]! / exact.scale[j]!, `deviation ${j}, seed ${seed}`).to.be.closeTo(1, 0.02);
        expect((got.center[j]! - exact.center[j]!) / exact.scale[j]!, `mean ${j}, seed ${seed}`).to.be.closeTo(0, 0.02);
      }
      expect(Math.abs(standardize(got, rows)[0]![6]!), "a constant feature stays near zero").to.be.below(0.5);
    }
  });

  it("with one digit a feature far narrower than its range shrinks, and never blows up", () => {
    const rows = strangeRows(300, 3);
    const got = round([rows.slice(0, 100), rows.slice(100, 200), rows.slice(200)], 14);
    const exact = exactStandardizer(rows);
    for (const j of [0, 1, 2, 3, 4, 5]) expect(got.scale[j]! / exact.scale[j]!, `deviation ${j}`).to.be.above(0.7);
    expect(Math.max(...standardize(got, rows).flat().map(Math.abs))).to.be.at.most(10);
  });

  it("coarse ranges tell the power of ten and the sign, not the values under it", () => {
    expect(coarseRanges(["a"], [[11], [12]])).to.deep.equal(coarseRanges(["a"], [[99], [0.1], [57]]));
    expect(coarseRanges(["a", "b", "c", "d"], [[1000, 1001, -3, 0]])).to.deep.equal([
      { name: "a", min: 0, max: 1000 },
      { name: "b", min: 0, max: 10_000 },
      { name: "c", min: -10, max: 10 },
      { name: "d", min: 0, max: 1 },
    ]);
    for (let k = -300; k <= 300; k++)
      expect(coarseRanges(["a"], [[Number(`1e${k}`)]])[0]!.max).to.equal(Number(`1e${k}`));
  });

  it("a value beyond any power of ten that a double holds, and the smallest, still give a usable range", () => {
    expect(coarseRanges(["a"], [[5e-324]])[0]!.max).to.be.above(0);
    expect(() => checkRanges(coarseRanges(["a"], [[1.7e308]]))).to.throw(BadInputError, "finite");
  });

  it("merging schemas covers all, and refuses other columns", () => {
    const range = (name: string, min: number, max: number) => ({ name, min, max });
    expect(mergeRanges([[range("a", 0, 10)], [range("a", -1, 1)]])).to.deep.equal([range("a", -1, 10)]);
    expect(() => mergeRanges([[range("a", 0, 1)], [range("b", 0, 1)]])).to.throw(BadInputError, "differs");
    expect(() => mergeRanges([[range("a", 0, 1)], [range("a", 0, 1), range("b", 0, 1)]])).to.throw(BadInputError);
  });

  it("by public ranges: centred on the typical value, clipped at ten deviations", () => {
    const standardizer = rangeStandardizer([
      { name: "a", min: 0, max: Math.sqrt(12) },
      { name: "b", min: 0, max: Math.sqrt(12), typical: 1 },
    ]);
    expect(
      standardize(standardizer, [
        [Math.sqrt(3), 1],
        [1e9, -1e9],
      ]),
    ).to.deep.equal([
      [0, 0],
      [10, -10],
    ]);
    for (const bad of [
      { min: 1, max: 1 },
      { min: 0, max: Infinity },
      { min: 0, max: 1, typical: 2 },
    ])
      expect(() => rangeStandardizer([{ name: "a", ...bad }])).to.throw(BadInputError);
  });

  it("says how many features fit: 2d <= n, two digits when 4d <= n", () => {
    const ranges = (d: number) => names(d).map((name) => ({ name, min: 0, max: 1 }));
    expect([32, 33, 64].map((d) => statisticsSpec(ranges(d), 128).digits)).to.deep.equal([2, 1, 1]);
    expect(() => statisticsSpec(ranges(65), 128)).to.throw(BadInputError, "--size 128");
  });
});
