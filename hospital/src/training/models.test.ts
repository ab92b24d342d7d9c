import { expect } from "chai";
import { BadInputError } from "../data/errors.ts";
import { createRandom } from "../data/random.ts";
import { concatRows, type Rows } from "../data/split.ts";
import { createModel, type ModelKind } from "./models.ts";
import { minimize } from "./minimize.ts";
import { localTrainer, objective, TRAINING_DEFAULTS, trainToConvergence } from "./trainer.ts";

/** `count` rows of `features` normal numbers, labelled by a noisy direction; `shift` moves a hospital's rows and its labels' odds. */
function noisyRows(count: number, features: number, seed: number, shift = 0): Rows {
  const random = createRandom(seed, "rows");
  const X = Array.from({ length: count }, () => Array.from({ length: features }, () => random.normal() + shift));
  const y = X.map((row): 0 | 1 =>
    row.reduce((sum, x, j) => sum + (j % 2 ? -x : x), 0) + random.normal() > shift ? 1 : 0,
  );
  return { X, y };
}

const kinds: ModelKind[] = ["logistic", "mlp"];

describe("models", () => {
  for (const kind of kinds) {
    it(`${kind}: gradients agree with differences of the loss, proximal and correction terms included (seeds 1-5)`, () => {
      for (let seed = 1; seed <= 5; seed++) {
        const model = createModel(kind, 4, 128);
        const random = createRandom(seed, "point");
        const draw = (): Float64Array => Float64Array.from({ length: model.parameterCount }, () => random.normal());
        const f = objective(model, noisyRows(20, 4, seed), 0.3, { base: draw(), weight: 0.7, correction: draw() });
        const point = draw();
        const gradient = new Float64Array(model.parameterCount).fill(123); // what was in it must not matter
        f(point, gradient);
        const at = (j: number, step: number): number =>
          f(
            point.map((w, i) => (i === j ? w + step : w)),
            new Float64Array(model.parameterCount),
          );
        for (let j = 0; j < model.parameterCount; j++) {
          const slope = (at(j, 1e-5) - at(j, -1e-5)) / 2e-5;
          expect(gradient[j], `parameter ${j}, seed ${seed}`).to.be.closeTo(slope, 1e-6);
        }
      }
    });

    it(`${kind}: training is deterministic and leaves its arguments alone`, async () => {
      const model = createModel(kind, 3, 128);
      const rows = noisyRows(40, 3, 1);
      const base = model.init(9);
      const copy = [structuredClone(rows), base.slice()];
      const first = await localTrainer(model).train(base, rows);
      const again = await localTrainer(createModel(kind, 3, 128)).train(
        model.init(9),
        structuredClone(rows),
        undefined,
      );
      expect(again).to.deep.equal(first);
      expect([rows, base]).to.deep.equal(copy);
      const second = await localTrainer(model).train(base, rows, first.memory);
      expect(second.delta).to.not.deep.equal(first.delta);
    });

    it(`${kind}: huge and constant features give finite updates`, async () => {
      const model = createModel(kind, 3, 128);
      const rows: Rows = {
        X: [
          [10, 0, -10],
          [10, 0, 10],
          [-10, 0, 10],
        ],
        y: [1, 0, 1],
      };
      const { delta } = await localTrainer(model).train(
        model.init(1).map((w) => w + 1e6),
        rows,
      );
      expect(delta.every(Number.isFinite)).to.equal(true);
    });
  }

  it("a model that does not fit is refused, naming --size", () => {
    expect(createModel("logistic", 127, 128).parameterCount).to.equal(128);
    expect(() => createModel("logistic", 128, 128)).to.throw(BadInputError, "choose a larger --size (128, 1024, 4096)");
    expect(createModel("mlp", 30, 128).parameterCount).to.equal(97); // 3 units
    expect(() => createModel("mlp", 127, 128)).to.throw(BadInputError, "--size 128");
  });

  it("minimize finds the minimum of an ill-conditioned quadratic and never goes up", () => {
    const weights = [1, 1e3, 1e-3];
    let last = Number.POSITIVE_INFINITY;
    const x = minimize(
      (point, gradient) => {
        weights.forEach((w, j) => (gradient[j] = w * (point[j]! - 1)));
        return weights.reduce((sum, w, j) => sum + 0.5 * w * (point[j]! - 1) ** 2, 0);
      },
      Float64Array.of(5, -3, 40),
      { maxSteps: 200, tolerance: 1e-9 },
    );
    for (const value of x) expect(value).to.be.closeTo(1, 1e-4);
    for (let steps = 1; steps < 20; steps++) {
      const at = minimize((p, g) => ((g[0] = 4 * p[0]! ** 3), p[0]! ** 4), Float64Array.of(3), {
        maxSteps: steps,
        tolerance: 0,
      });
      expect(at[0]! ** 4).to.be.at.most(last);
      last = at[0]! ** 4;
    }
  });

  it("hospitals that disagree still reach the pooled optimum: drift is cancelled, and without memory it is not (seeds 1-5)", async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const model = createModel("logistic", 5, 128);
      const parts = [noisyRows(40, 5, seed, -1), noisyRows(40, 5, seed + 100, 0.5), noisyRows(40, 5, seed + 200, 1)];
      const pooled = concatRows(parts);
      const loss = objective(model, pooled, TRAINING_DEFAULTS.l2);
      const optimum = loss(trainToConvergence(model, pooled, 1), new Float64Array(6));
      const excess = async (remember: boolean): Promise<number> => {
        const trainer = localTrainer(model);
        let w = model.init(1);
        let memories = parts.map((): Awaited<ReturnType<typeof trainer.train>>["memory"] => undefined);
        for (let round = 0; round < 20; round++) {
          const results = await Promise.all(parts.map((rows, i) => trainer.train(w, rows, memories[i])));
          w = w.map((value, j) => value + results.reduce((sum, { delta }) => sum + delta[j]! / 3, 0));
          if (remember) memories = results.map(({ memory }) => memory);
        }
        return loss(w, new Float64Array(6)) - optimum;
      };
      const corrected = await excess(true);
      expect(corrected, `seed ${seed}`).to.be.within(-1e-12, 1e-3);
      expect(await excess(false), `seed ${seed}`).to.be.above(10 * corrected);
    }
  });
});
