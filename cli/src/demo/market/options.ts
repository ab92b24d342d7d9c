import { integerOption, type Option } from "../../arguments.ts";

export const marketOptions: Readonly<Record<string, Option>> = {
  seed: {
    type: "string",
    value: "S",
    help: "seed of the split of the data and of the records that are looked at",
    default: "1",
  },
  json: { type: "string", value: "FILE", help: "write the result as JSON; - for stdout" },
  keep: { type: "boolean", help: "leave the chain running at the end, until Ctrl-C" },
};

export interface MarketOptions {
  readonly seed: number;
  readonly json?: string;
  readonly keep: boolean;
}

/** Throws UsageError naming the option. */
export function readMarketOptions(values: Readonly<Record<string, string | boolean | undefined>>): MarketOptions {
  const json = values["json"];
  return {
    seed: integerOption("seed", String(values["seed"] ?? "1"), 0, 2 ** 31 - 1),
    keep: values["keep"] === true,
    ...(json === undefined ? {} : { json: String(json) }),
  };
}
