import { expect } from "chai";
import { assertUpdate, memberNormBound2, quantize } from "@mednexus/sdk";
import { createRandom } from "../data/random.ts";
import type { Rows } from "../data/split.ts";
import { clip } from "./clip.ts";
import { ARITHMETIC_DEFAULTS, trainFederated } from "./federated.ts";
import type { Trainer } from "./trainer.ts";

describe("clip", () => {
  it("3,000 random updates fit after it, and those that fitted are unchanged (seed 5)", () => {
    const random = createRandom(5, "clip");
    let changed = 0;
    for (let i = 0; i < 3_000; i++) {
      const cap = BigInt(1 + random.below(1_000));
      const limits = {
        n: 1 + random.below(128),
        updateBits: random.below(15),
        records: 1n + BigInt(random.below(Number(cap))),
        cap,
        normBound2: BigInt(1 + random.below(2 ** 31)),
      };
      const size = 10 ** (6 * random.uniform() - 4);
      const delta = Float64Array.from({ length: limits.n }, () => size * random.normal());
      const bound2 = memberNormBound2(limits.normBound2, limits.records, limits.cap);
      const fits = (update: Float64Array): boolean => {
        try {
          assertUpdate(quantize(update, limits), bound2);
          return true;
        } catch {
          return false;
        }
      };
      const clipped = clip(delta, limits);
      expect(fits(clipped), `update ${i}`).to.equal(true);
      if (fits(delta)) expect(clipped).to.deep.equal(delta);
      else changed++;
    }
    expect(changed).to.be.within(300, 2_700);
  });

  it("keeps the direction of a vector that is only too long", () => {
    const limits = { n: 4, updateBits: 12, records: 1n, cap: 1n, normBound2: 4096n ** 2n };
    const clipped = clip(Float64Array.of(3, -4, 0, 0), limits);
    expect(clipped[0]! / clipped[1]!).to.be.closeTo(-3 / 4, 1e-12);
    expect(Math.hypot(...clipped)).to.be.within(0.999, 1);
  });

  it("refuses NaN and infinity", () => {
    const limits = { n: 2, updateBits: 12, records: 1n, cap: 1n, normBound2: 1n };
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => clip(Float64Array.of(0, bad), limits)).to.throw(RangeError);
  });
});

describe("federated", () => {
  /** Says the same update every time: the integers can be worked out by hand. */
  const fixed = (deltas: readonly number[][]): Trainer => ({
    parameterCount: 2,
    init: () => Float64Array.of(0.5, 0),
    train: async (_base, rows) => ({ delta: Float64Array.from(deltas[rows.X[0]![0]!]!) }),
    evaluate: async () => ({ loss: 0, accuracy: 0 }),
    predict: async () => [],
  });
  const hospital = (index: number, records: number): Rows => ({
    X: Array(records).fill([index]),
    y: Array(records).fill(0),
  });

  it("adds λ_t·Σ round(Δ·2^q·n̂/cap), counted from the public start, to the bit", async () => {
    const options = { rounds: 2, seed: 1, arithmetic: { n: 4, ...ARITHMETIC_DEFAULTS } };
    const rounds: number[][] = [];
    await trainFederated(
      fixed([
        [0.1, -0.2],
        [0.3, 1e-5],
      ]),
      [hospital(0, 30), hospital(1, 70)],
      options,
      (_, w) => rounds.push([...w]),
    );
    // cap 70: u_0 = round(0.1·4096·30/70) = 176, round(-0.2·4096·30/70) = -351; u_1 = round(1228.8) = 1229, round(0.04) = 0
    const lambda = Math.floor((2 ** 16 * 70) / 100);
    const step = [(lambda * (176 + 1229)) / 2 ** 28, (lambda * -351) / 2 ** 28];
    expect(rounds).to.deep.equal([
      [0.5 + step[0]!, step[1]!],
      [0.5 + 2 * step[0]!, 2 * step[1]!],
    ]);
  });

  it("an update over the bound counts as the bound allows", async () => {
    const options = { rounds: 1, seed: 1, arithmetic: { n: 4, ...ARITHMETIC_DEFAULTS } };
    const w = await trainFederated(fixed([[1e9, 0]]), [hospital(0, 10)], options);
    expect(w[0]! - 0.5).to.be.within(7.9, 8);
  });
});
