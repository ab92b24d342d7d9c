import { expect } from "chai";
import { createRandom } from "./random.ts";

describe("random", () => {
  it("repeats for a seed and purpose, and differs otherwise", () => {
    const draw = (seed: number, purpose: string) => {
      const random = createRandom(seed, purpose);
      return Array.from({ length: 5 }, () => random.uniform());
    };
    expect(draw(1, "a")).to.deep.equal(draw(1, "a"));
    const streams = [draw(1, "a"), draw(2, "a"), draw(1, "b"), draw(2 ** 40, "a")].map((numbers) => numbers.join());
    expect(new Set(streams).size).to.equal(4);
  });

  it("draws from the laws it names (means and variances within five standard errors, seed 7)", () => {
    const random = createRandom(7, "laws");
    const count = 40_000;
    const check = (draw: () => number, mean: number, variance: number): void => {
      const values = Array.from({ length: count }, draw);
      const average = values.reduce((sum, value) => sum + value, 0) / count;
      const spread = values.reduce((sum, value) => sum + (value - average) ** 2, 0) / count;
      expect(average).to.be.closeTo(mean, 5 * Math.sqrt(variance / count));
      expect(spread / variance).to.be.closeTo(1, 0.08);
    };
    check(random.uniform, 0.5, 1 / 12);
    check(random.normal, 0, 1);
    check(() => random.below(7), 3, 4);
    check(() => random.gamma(0.3), 0.3, 0.3);
    check(() => random.gamma(4), 4, 4);
  });

  it("shuffles to a permutation and leaves its input alone", () => {
    const items = [...Array(100).keys()];
    const shuffled = createRandom(3, "shuffle").shuffle(items);
    expect(items).to.deep.equal([...Array(100).keys()]);
    expect(shuffled).to.not.deep.equal(items);
    expect(shuffled.toSorted((a, b) => a - b)).to.deep.equal(items);
  });

  it("refuses seeds and bounds outside its range", () => {
    for (const seed of [-1, 0.5, Number.NaN, 2 ** 53]) expect(() => createRandom(seed, "x")).to.throw(RangeError);
    for (const bound of [0, 1.5, 2 ** 33]) expect(() => createRandom(1, "x").below(bound)).to.throw(RangeError);
    expect(() => createRandom(1, "x").gamma(0)).to.throw(RangeError);
  });
});
