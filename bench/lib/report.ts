/** What every measurement is printed with: tables, medians, and the machine that made the numbers. */
import { availableParallelism, cpus, loadavg } from "node:os";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
  readonly platform: string;
  readonly date: string;
  /** Processes that ran or waited, averaged over a minute: above `cores`, times are too long and only ratios mean something. */
  readonly load: number;
}

export const machine = (): Machine => ({
  cpu: cpus()[0]?.model.trim() ?? "unknown",
  cores: availableParallelism(),
  node: process.version,
  platform: `${process.platform}-${process.arch}`,
  date: new Date().toISOString().slice(0, 10),
  load: Math.round(loadavg()[0]! * 100) / 100,
});

export const machineLine = ({ cpu, cores, node, platform, date, load }: Machine): string =>
  `${date}, ${platform}, ${cpu}, ${cores} cores, node ${node}, load ${load}`;

/** Of a list that is not empty; the mean of the middle two where their number is even. */
export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
}

export type Cell = string | number;

/** A Markdown table: what is printed can be pasted into the README as it is. Numbers to the right, with thousands apart. */
export function table(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const text = (cell: Cell): string => (typeof cell === "number" ? cell.toLocaleString("en-US") : cell);
  const cells = rows.map((row) => row.map(text));
  const numeric = header.map((_, column) => rows.some((row) => typeof row[column] === "number"));
  const width = header.map((name, column) => Math.max(3, name.length, ...cells.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, i) => (numeric[i] ? cell.padStart(width[i]!) : cell.padEnd(width[i]!))).join(" | ")} |`;
  const rule = `| ${width.map((size, i) => (numeric[i] ? `${"-".repeat(size - 1)}:` : "-".repeat(size))).join(" | ")} |`;
  return [line(header), rule, ...cells.map(line)].join("\n");
}

/** A measured number and what it must not pass. */
export interface Target {
  readonly what: string;
  readonly measured: number;
  readonly limit: number;
}

export const met = ({ measured, limit }: Target): boolean => measured <= limit;

export const targetTable = (targets: readonly Target[]): string =>
  table(
    ["target", "measured", "at most", ""],
    targets.map((target) => [target.what, target.measured, target.limit, met(target) ? "met" : "MISSED"]),
  );
