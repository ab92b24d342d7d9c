import { expect } from "chai";
import { join } from "node:path";
import { readCsv } from "../data/csv.ts";
import { namedScenario, tableScenario, type Scenario } from "../scenarios/scenario.ts";
import { baselines, simulate } from "./compare.ts";
import { createModel } from "./models.ts";

const root = join(import.meta.dirname, "../../..");
const seeds = Array.from({ length: 20 }, (_, i) => i + 1);
const median = (values: number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[9]! + sorted[10]!) / 2;
};

async function runs(load: (seed: number) => Scenario) {
  const out = [];
  for (const seed of seeds) {
    const scenario = load(seed);
    const model = createModel("logistic", scenario.ranges.length, 128);
    const federated = await simulate(scenario, model, { rounds: 10, seed, size: 128 });
    const { pooled, alone } = await baselines(scenario, model, seed);
    out.push({
      federated: federated.at(-1)!,
      pooled,
      alone,
      mean: alone.reduce((sum, a) => sum + a, 0) / alone.length,
    });
  }
  return out;
}

describe("accuracy in the protocol's integers, seeds 1-20", () => {
  const options = { hospitals: 4, split: "skewed" } as const;
  const tables: [string, (seed: number) => Scenario][] = [
    ["wdbc", (seed) => namedScenario("wdbc", join(root, "cli/data"), { ...options, seed })],
    ...["wine", "digits-3-8"].map((name): [string, (seed: number) => Scenario] => {
      const table = readCsv(join(root, `test/data/${name}.csv`), { label: "class" });
      return [name, (seed) => tableScenario(name, table, { ...options, seed })];
    }),
  ];
  for (const [name, load] of tables)
    it(`${name}, 4 skewed hospitals: within 1 point of pooled training and above the hospitals' mean, each seed`, async () => {
      for (const [i, run] of (await runs(load)).entries()) {
        expect(run.federated, `seed ${seeds[i]}`).to.be.at.least(run.pooled - 0.01);
        expect(run.federated, `seed ${seeds[i]}`).to.be.above(run.mean);
      }
    });

  it("npc1: median at least 89 %, the hospitals' mean 4 points below pooled, pooled below 98 %, each seed", async () => {
    const all = await runs((seed) => namedScenario("npc1", root, { ...options, seed }));
    expect(median(all.map((run) => run.federated))).to.be.at.least(0.89);
    for (const [i, run] of all.entries()) {
      expect(run.mean, `seed ${seeds[i]}`).to.be.at.most(run.pooled - 0.04);
      expect(run.pooled, `seed ${seeds[i]}`).to.be.below(0.98);
    }
    expect(median(all.map((run) => run.pooled - Math.max(...run.alone)))).to.be.at.least(0.04);
  });
});
