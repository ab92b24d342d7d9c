import { concatRows, type Rows } from "../data/split.ts";
import { exactStandardizer, rangeStandardizer, standardize, type Standardizer } from "../data/standardize.ts";
import type { Scenario } from "../scenarios/scenario.ts";
import { ARITHMETIC_DEFAULTS, federatedStatistics, trainFederated } from "./federated.ts";
import { localTrainer, trainToConvergence, type Model } from "./trainer.ts";

export const standardizeRows = (standardizer: Standardizer, rows: Rows): Rows => ({
  X: standardize(standardizer, rows.X),
  y: rows.y,
});

/**
 * What federated training is measured against, on the scenario's held-out rows: the same model trained to convergence on all rows in
 * one place (`pooled`), and by each hospital on its own (`alone`). Each standardizes as well as it can: by the public ranges where the
 * scenario does, else by the exact mean and deviation of the rows it has. Accuracies are 0-1.
 */
export async function baselines(
  scenario: Scenario,
  model: Model,
  seed: number,
): Promise<{ pooled: number; alone: number[] }> {
  const trainer = localTrainer(model);
  const accuracyOn = async (rows: Rows): Promise<number> => {
    const standardizer =
      scenario.standardization === "ranges" ? rangeStandardizer(scenario.ranges) : exactStandardizer(rows.X);
    const parameters = trainToConvergence(model, standardizeRows(standardizer, rows), seed);
    return (await trainer.evaluate(parameters, standardizeRows(standardizer, scenario.evaluation))).accuracy;
  };
  const parts = scenario.hospitals.map(({ rows }) => rows);
  return { pooled: await accuracyOn(concatRows(parts)), alone: await Promise.all(parts.map(accuracyOn)) };
}

/** Accuracy on held-out rows after each round of federated training in the protocol's own integers, statistics round included. */
export async function simulate(
  scenario: Scenario,
  model: Model,
  options: { rounds: number; seed: number; size: number },
): Promise<number[]> {
  const parts = scenario.hospitals.map(({ rows }) => rows);
  const standardizer =
    scenario.standardization === "ranges"
      ? rangeStandardizer(scenario.ranges)
      : federatedStatistics(parts, scenario.ranges, options.size);
  const trainer = localTrainer(model);
  const models: Float64Array[] = [];
  await trainFederated(
    trainer,
    parts.map((rows) => standardizeRows(standardizer, rows)),
    { rounds: options.rounds, seed: options.seed, arithmetic: { n: options.size, ...ARITHMETIC_DEFAULTS } },
    (_, parameters) => models.push(parameters),
  );
  const evaluation = standardizeRows(standardizer, scenario.evaluation);
  return Promise.all(models.map(async (parameters) => (await trainer.evaluate(parameters, evaluation)).accuracy));
}
