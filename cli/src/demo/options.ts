import { choiceOption, integerOption, type Option } from "../arguments.ts";
import { UsageError } from "../exit.ts";

export const SIZES = [128, 1024, 4096] as const;

export const demoOptions: Readonly<Record<string, Option>> = {
  scenario: { type: "string", value: "NAME", help: "wdbc or npc1", default: "wdbc" },
  data: {
    type: "string",
    value: "FILE.csv",
    help: "train on this table instead: numeric columns and a label column of two classes",
  },
  label: { type: "string", value: "COLUMN", help: "the label column of --data" },
  hospitals: { type: "string", value: "K", help: "hospitals, 2 to 16", default: "4; npc1: 2" },
  rounds: { type: "string", value: "R", help: "training rounds, 1 to 100", default: "10" },
  size: { type: "string", value: "N", help: "parameters of the circuit: 128, 1024 or 4096", default: "128" },
  split: { type: "string", value: "KIND", help: "how rows are divided: iid or skewed", default: "skewed" },
  seed: { type: "string", value: "S", help: "seed of splits and generated patients", default: "1" },
  model: { type: "string", value: "KIND", help: "logistic or mlp", default: "logistic" },
  rpc: { type: "string", value: "URL", help: "use this development chain instead of an embedded one" },
  json: { type: "string", value: "FILE", help: "write the result as JSON; - for stdout" },
  keep: { type: "boolean", help: "leave chain and indexer running at the end, until Ctrl-C" },
};

export interface DemoOptions {
  readonly source:
    | { readonly kind: "named"; readonly name: string }
    | { readonly kind: "table"; readonly file: string; readonly label: string };
  readonly hospitals: number;
  readonly rounds: number;
  readonly size: (typeof SIZES)[number];
  readonly split: "iid" | "skewed";
  readonly seed: number;
  readonly model: "logistic" | "mlp";
  readonly rpc?: string;
  readonly json?: string;
  readonly keep: boolean;
}

/** Throws UsageError naming the option. */
export function readDemoOptions(values: Readonly<Record<string, string | boolean | undefined>>): DemoOptions {
  const text = (name: string, fallback: string): string => String(values[name] ?? fallback);
  const given = (name: string): string | undefined => (values[name] === undefined ? undefined : String(values[name]));
  const data = given("data");
  const label = given("label");
  const scenario = text("scenario", "wdbc");
  if ((data === undefined) !== (label === undefined))
    throw new UsageError("--data and --label belong together: give both");
  if (data !== undefined && given("scenario") !== undefined)
    throw new UsageError("give either --scenario or --data, not both");
  const generated = data === undefined && scenario === "npc1";
  const hospitals = integerOption("hospitals", text("hospitals", generated ? "2" : "4"), 2, 16);
  if (generated && hospitals !== 2) throw new UsageError("scenario npc1 has two hospitals: leave --hospitals out");
  if (generated && given("split") !== undefined)
    throw new UsageError("scenario npc1 makes its own hospitals: leave --split out");
  const size = Number(choiceOption("size", text("size", "128"), ["128", "1024", "4096"])) as DemoOptions["size"];
  const rpc = given("rpc");
  const json = given("json");
  return {
    source:
      data !== undefined && label !== undefined
        ? { kind: "table", file: data, label }
        : { kind: "named", name: scenario },
    hospitals,
    rounds: integerOption("rounds", text("rounds", "10"), 1, 100),
    size,
    split: choiceOption("split", text("split", "skewed"), ["iid", "skewed"]),
    seed: integerOption("seed", text("seed", "1"), 0, Number.MAX_SAFE_INTEGER),
    model: choiceOption("model", text("model", "logistic"), ["logistic", "mlp"]),
    keep: values["keep"] === true,
    ...(rpc === undefined ? {} : { rpc }),
    ...(json === undefined ? {} : { json }),
  };
}
