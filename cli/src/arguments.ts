import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { UsageError } from "./exit.ts";

/** One option of a command, as --help shows it. */
export interface Option {
  readonly type: "string" | "boolean";
  readonly value?: string;
  readonly help: string;
  readonly default?: string;
}

/** A command's options as given. */
export type Values = Readonly<Record<string, string | boolean | undefined>>;

export interface Command {
  readonly summary: string;
  /** Positional arguments, as --help shows them. */
  readonly positionals?: string;
  readonly options: Readonly<Record<string, Option>>;
  run(values: Values, positionals: readonly string[]): Promise<number>;
}

/** Parses a command's own arguments. Throws UsageError naming the argument. */
export function parseCommand(
  name: string,
  command: Command,
  args: readonly string[],
): { values: Record<string, string | boolean | undefined>; positionals: string[] } | "help" {
  const options: ParseArgsOptionsConfig = { help: { type: "boolean", short: "h" } };
  for (const [key, { type }] of Object.entries(command.options)) options[key] = { type };
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options,
      allowPositionals: command.positionals !== undefined,
      strict: true,
    });
    if (values["help"] === true) return "help";
    return { values: values as Record<string, string | boolean | undefined>, positionals };
  } catch (error) {
    throw new UsageError(
      `${error instanceof Error ? error.message.split("\n")[0] : String(error)} (see \`mednexus ${name} --help\`)`,
    );
  }
}

export function commandHelp(name: string, command: Command): string {
  const rows = Object.entries(command.options).map(([key, option]) => {
    const left = `  --${key}${option.type === "string" ? ` ${option.value ?? "VALUE"}` : ""}`;
    return `${left.padEnd(34)}${option.help}${option.default === undefined ? "" : ` (default ${option.default})`}`;
  });
  return [
    `mednexus ${name}${command.positionals === undefined ? "" : ` ${command.positionals}`} [options]`,
    "",
    command.summary,
    "",
    ...rows,
    "  --help".padEnd(34) + "show this",
  ].join("\n");
}

/** An option's text; undefined where it is absent or empty. */
export function option(values: Values, name: string): string | undefined {
  const value = values[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Throws UsageError naming the option. */
export function required(values: Values, name: string): string {
  const value = option(values, name);
  if (value === undefined) throw new UsageError(`give --${name}`);
  return value;
}

/** A whole number within bounds. Throws UsageError naming the option. */
export function integerOption(name: string, value: string, min: number, max: number): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < min || number > max)
    throw new UsageError(`--${name} ${value}: give a whole number from ${min} to ${max}`);
  return number;
}

/** One of a few words. Throws UsageError naming the option. */
export function choiceOption<T extends string>(name: string, value: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === value);
  if (found === undefined) throw new UsageError(`--${name} ${value}: give one of ${choices.join(", ")}`);
  return found;
}

/** The option of every command that can answer programs. */
export const JSON_OPTION = { json: { type: "boolean", help: "print JSON" } } as const;

/** The option of every command that proves: overrides what its configuration says. */
export const PROVER_OPTION = {
  prover: { type: "string", value: "auto|gpu|cpu", help: "what makes proofs; auto takes a GPU where there is one" },
} as const;

export function proverOption(values: Values): "auto" | "gpu" | "cpu" | undefined {
  const given = values["prover"];
  return given === undefined
    ? undefined
    : choiceOption<"auto" | "gpu" | "cpu">("prover", String(given), ["auto", "gpu", "cpu"]);
}
