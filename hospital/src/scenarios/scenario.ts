import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { readCsv, type Table } from "../data/csv.ts";
import { BadInputError, quote } from "../data/errors.ts";
import { splitHospitals, splitTrainTest, type Rows, type SplitKind } from "../data/split.ts";
import { coarseRanges, mergeRanges, type FeatureRange } from "../data/standardize.ts";
import { NPC1_HOSPITALS, NPC1_RANGES, npc1Evaluation, npc1Hospitals } from "./npc1.ts";

/** Everything a run needs to know about its data. Rows are raw; standardize before training. */
export interface Scenario {
  readonly name: string;
  readonly hospitals: readonly { readonly name: string; readonly rows: Rows }[];
  /** Held-out rows, no hospital's. */
  readonly evaluation: Rows;
  /** Public schema: one range a feature, in column order. */
  readonly ranges: readonly FeatureRange[];
  readonly classes: readonly [string, string];
  /** How features come to one scale: by the ranges alone, or by a statistics round (which needs three hospitals). */
  readonly standardization: "ranges" | "statistics";
}

export interface ScenarioOptions {
  readonly seed: number;
  readonly hospitals: number;
  readonly split: SplitKind;
}

/** Share of a table that is held out. */
const TEST_FRACTION = 0.3;

/** A generator makes its own hospitals, so it takes the seed alone. */
const GENERATORS: Readonly<Record<string, (seed: number) => Scenario>> = {
  npc1: (seed) => ({
    name: "npc1",
    hospitals: npc1Hospitals(seed).map((rows, i) => ({ name: NPC1_HOSPITALS[i]!, rows })),
    evaluation: npc1Evaluation(seed),
    ranges: NPC1_RANGES,
    classes: ["look-alike", "NPC1"],
    standardization: "ranges",
  }),
};

/** A table divided among hospitals; each hospital's schema gives coarse ranges of its own rows, the campaign's are their union. */
export function tableScenario(name: string, table: Table, options: ScenarioOptions): Scenario {
  const { train, test } = splitTrainTest(table, TEST_FRACTION, options.seed);
  const parts = splitHospitals(train, options.hospitals, options.split, options.seed);
  return {
    name,
    hospitals: parts.map((rows, i) => ({ name: `hospital ${i + 1}`, rows })),
    evaluation: test,
    ranges: mergeRanges(parts.map(({ X }) => coarseRanges(table.features, X))),
    classes: table.classes,
    // The sum of two contributions would tell each hospital the other's mean.
    standardization: options.hospitals >= 3 ? "statistics" : "ranges",
  };
}

const definition = z.strictObject({ data: z.string().regex(/^[\w.-]+$/), label: z.string().min(1) });

/**
 * The scenario called `name`: a generator of this package, or `folder`/name.json, which names a CSV file beside it and its label
 * column. Errors: BadInputError.
 */
export function namedScenario(name: string, folder: string, options: ScenarioOptions): Scenario {
  const generator = Object.hasOwn(GENERATORS, name) ? GENERATORS[name] : undefined;
  if (generator !== undefined) return generator(options.seed);
  const unknown = `there is no scenario ${quote(name)}: choose another --scenario, or give --data and --label`;
  if (!/^[a-z0-9-]+$/.test(name)) throw new BadInputError(unknown);
  let text: string;
  try {
    text = readFileSync(join(folder, `${name}.json`), "utf8");
  } catch (cause) {
    throw new BadInputError(unknown, { cause });
  }
  const { data, label } = definition.parse(JSON.parse(text));
  return tableScenario(name, readCsv(join(folder, data), { label }), options);
}
