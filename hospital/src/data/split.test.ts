import { expect } from "chai";
import { BadInputError } from "./errors.ts";
import { concatRows, MIN_ROWS_PER_CLASS, splitHospitals, splitTrainTest, type Rows } from "./split.ts";

/** Rows whose one feature is their index, every third of class 1. */
const numbered = (count: number): Rows => ({
  X: Array.from({ length: count }, (_, i) => [i]),
  y: Array.from({ length: count }, (_, i) => (i % 3 === 0 ? 1 : 0)),
});
const ids = (rows: Rows): number[] => rows.X.map((row) => row[0]!).toSorted((a, b) => a - b);
const sick = (rows: Rows): number => rows.y.filter((label) => label === 1).length;

describe("split", () => {
  it("holds out a stratified part, each row once, the same for a seed", () => {
    const rows = numbered(300);
    const { train, test } = splitTrainTest(rows, 0.3, 5);
    expect([test.X.length, sick(test)]).to.deep.equal([90, 30]);
    expect(ids(concatRows([train, test]))).to.deep.equal(ids(rows));
    expect(test.X.every((row, i) => (row[0]! % 3 === 0 ? 1 : 0) === test.y[i])).to.equal(true);
    expect(splitTrainTest(rows, 0.3, 5)).to.deep.equal({ train, test });
    expect(ids(splitTrainTest(rows, 0.3, 6).test)).to.not.deep.equal(ids(test));
  });

  for (const kind of ["iid", "skewed"] as const)
    it(`${kind}: every row in one hospital, both classes everywhere, seeds 1-50`, () => {
      const rows = numbered(200);
      for (let seed = 1; seed <= 50; seed++) {
        const parts = splitHospitals(rows, 5, kind, seed);
        expect(ids(concatRows(parts))).to.deep.equal(ids(rows));
        for (const part of parts) {
          expect(sick(part)).to.be.at.least(MIN_ROWS_PER_CLASS);
          expect(part.y.length - sick(part)).to.be.at.least(MIN_ROWS_PER_CLASS);
        }
        expect(splitHospitals(rows, 5, kind, seed)).to.deep.equal(parts);
      }
    });

  it("iid is even, skewed is skewed in size and in classes", () => {
    const rows = numbered(600);
    const even = splitHospitals(rows, 4, "iid", 1);
    expect(even.map((part) => part.y.length)).to.deep.equal([150, 150, 150, 150]);
    expect(even.map(sick)).to.deep.equal([50, 50, 50, 50]);
    let sizeRatio = 0;
    let shareGap = 0;
    for (let seed = 1; seed <= 20; seed++) {
      const parts = splitHospitals(rows, 4, "skewed", seed);
      const sizes = parts.map((part) => part.y.length);
      const shares = parts.map((part) => sick(part) / part.y.length);
      sizeRatio += Math.max(...sizes) / Math.min(...sizes) / 20;
      shareGap += (Math.max(...shares) - Math.min(...shares)) / 20;
    }
    expect(sizeRatio).to.be.above(2);
    expect(shareGap).to.be.above(0.2);
  });

  it("refuses more hospitals than the smaller class can serve, in one line", () => {
    expect(() => splitHospitals(numbered(30), 4, "skewed", 1)).to.throw(BadInputError, "lower --hospitals");
    expect(() => splitHospitals(numbered(30), 0, "iid", 1)).to.throw(BadInputError, "--hospitals 0");
  });
});
