/**
 * Accuracy of federated training against the same model trained on pooled rows and by each hospital alone, over seeds.
 *   node bench/accuracy.ts [--scenario wdbc|npc1 | --data FILE.csv --label COLUMN] [--seeds 1-20] [--hospitals 4]
 *     [--split skewed|iid] [--rounds 10] [--size 128|1024|4096] [--model logistic|mlp] [--json]
 * Training runs through the protocol's exact integers (statistics round, weighting, clipping, quantization, sums); proofs do not change them.
 */
import { parseArgs } from "node:util";
import { join } from "node:path";
import { readCsv } from "../hospital/src/data/csv.ts";
import { BadInputError } from "../hospital/src/data/errors.ts";
import { namedScenario, tableScenario, type Scenario } from "../hospital/src/scenarios/scenario.ts";
import { baselines, simulate } from "../hospital/src/training/compare.ts";
import { createModel } from "../hospital/src/training/models.ts";

/** Errors: BadInputError for an option that does not exist. */
function readOptions() {
  try {
    return parseArgs({
      options: {
        scenario: { type: "string", default: "wdbc" },
        data: { type: "string" },
        label: { type: "string" },
        seeds: { type: "string", default: "1-20" },
        hospitals: { type: "string", default: "4" },
        split: { type: "string", default: "skewed" },
        rounds: { type: "string", default: "10" },
        size: { type: "string", default: "128" },
        model: { type: "string", default: "logistic" },
        json: { type: "boolean", default: false },
      },
    }).values;
  } catch (cause) {
    throw new BadInputError((cause as Error).message.split("\n")[0]!, { cause });
  }
}

type Options = ReturnType<typeof readOptions>;

function whole(values: Options, name: "hospitals" | "rounds" | "size"): number {
  if (!/^[1-9]\d{0,5}$/.test(values[name]))
    throw new BadInputError(`--${name} ${values[name]}: give a whole number from 1`);
  return Number(values[name]);
}

function choice<T extends string>(values: Options, name: "split" | "model", allowed: readonly T[]): T {
  const found = allowed.find((value) => value === values[name]);
  if (found === undefined) throw new BadInputError(`--${name} ${values[name]}: choose ${allowed.join(" or ")}`);
  return found;
}

function seedRange(values: Options): number[] {
  const match = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(values.seeds);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? first);
  if (!(first <= last && last - first < 1_000))
    throw new BadInputError(`--seeds ${values.seeds}: give one seed or a range like 1-20`);
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

function summary(numbers: readonly number[]): { median: number; least: number; most: number } {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return {
    median: (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2,
    least: sorted[0]!,
    most: sorted.at(-1)!,
  };
}

async function main(): Promise<void> {
  const values = readOptions();
  const rounds = whole(values, "rounds");
  const size = whole(values, "size");
  const split = choice(values, "split", ["skewed", "iid"]);
  const kind = choice(values, "model", ["logistic", "mlp"]);
  const hospitals = whole(values, "hospitals");
  const { data, label } = values;
  if ((data === undefined) !== (label === undefined)) throw new BadInputError("give --data and --label together");
  const table = data === undefined ? undefined : readCsv(data, { label: label! });
  const load = (seed: number): Scenario =>
    table === undefined
      ? namedScenario(values.scenario, join(import.meta.dirname, "../cli/data"), { seed, hospitals, split })
      : tableScenario(data!, table, { seed, hospitals, split });

  const runs = [];
  for (const seed of seedRange(values)) {
    const scenario = load(seed);
    const model = createModel(kind, scenario.ranges.length, size);
    const federated = (await simulate(scenario, model, { rounds, seed, size })).at(-1)!;
    const { pooled, alone } = await baselines(scenario, model, seed);
    runs.push({ seed, federated, pooled, alone, aloneMean: alone.reduce((sum, a) => sum + a, 0) / alone.length });
  }
  const columns = {
    federated: summary(runs.map((run) => run.federated)),
    pooled: summary(runs.map((run) => run.pooled)),
    "alone, mean": summary(runs.map((run) => run.aloneMean)),
    "alone, best": summary(runs.map((run) => Math.max(...run.alone))),
    "federated - pooled": summary(runs.map((run) => run.federated - run.pooled)),
    "federated - alone, mean": summary(runs.map((run) => run.federated - run.aloneMean)),
    "pooled - alone, mean": summary(runs.map((run) => run.pooled - run.aloneMean)),
    "pooled - alone, best": summary(runs.map((run) => run.pooled - Math.max(...run.alone))),
  };
  if (values.json) {
    console.log(JSON.stringify({ options: values, runs, summary: columns }, null, 2));
    return;
  }
  const percent = (value: number): string => (100 * value).toFixed(2).padStart(8);
  console.log(
    `${load(runs[0]!.seed).name}: ${runs.length} seeds (${values.seeds}), ${rounds} rounds, ${kind}, n = ${size}; accuracy on held-out rows, %`,
  );
  console.log(`${"".padEnd(24)}${["median", "least", "most"].map((name) => name.padStart(8)).join("")}`);
  for (const [name, { median, least, most }] of Object.entries(columns))
    console.log(`${name.padEnd(24)}${percent(median)}${percent(least)}${percent(most)}`);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof BadInputError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
