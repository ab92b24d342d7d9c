import { type ContractName, type G1, memberKey } from "@mednexus/sdk";
import { type EntityName, entities } from "./entities.ts";
import { COMMON_FIELDS, type Kind, type Path, type Value, type Write } from "./language.ts";
import { rules } from "./rules.ts";

export type Cell = string | bigint | boolean;
export type Row = Record<string, Cell>;

/** One decoded log. `args`: as viem decodes them (integers as number or bigint). */
export interface DecodedLog {
  readonly contract: ContractName;
  readonly event: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly blockNumber: bigint;
  readonly timestamp: bigint;
  readonly logIndex: number;
}

/** What one write does to one row. */
export interface Patch {
  readonly entity: EntityName;
  readonly id: string;
  readonly set: Row;
  readonly add: Readonly<Record<string, bigint>>;
}

export const fieldsOf = (entity: EntityName): Readonly<Record<string, Kind>> => ({
  ...entities[entity].fields,
  ...COMMON_FIELDS,
});

const EMPTY: Readonly<Record<Kind, Cell>> = { text: "", ref: "", hex: "0x", bool: false, uint: 0n };
const emptyRow = (entity: EntityName): Row =>
  Object.fromEntries(Object.entries(fieldsOf(entity)).map(([field, kind]) => [field, EMPTY[kind]]));

function argument(log: DecodedLog, path: Path, i: number): unknown {
  switch (path) {
    case "@time":
      return log.timestamp;
    case "@block":
      return log.blockNumber;
    case "@log":
      return `${log.blockNumber}-${log.logIndex}`;
    case "@i":
      return BigInt(i);
    default: {
      let value: unknown = log.args;
      for (const step of path.split(".")) {
        const name = step.endsWith("[i]") ? step.slice(0, -3) : step;
        value = (value as Record<string, unknown>)[name];
        if (step.endsWith("[i]")) value = (value as readonly unknown[])[i];
      }
      if (value === undefined) throw new Error(`${log.contract}.${log.event} has no argument ${path}`);
      return value;
    }
  }
}

/** Ids and references: numbers in decimal, bytes and addresses in lower case. */
const idPart = (value: unknown): string => String(value).toLowerCase();

/** Postgres stores no NUL, and anybody may put one into a string argument: it is left out everywhere alike. */
const text = (value: unknown): string => String(value).replaceAll("\0", "");

function cell(kind: Kind, value: unknown): Cell {
  switch (kind) {
    case "uint":
      return BigInt(value as number | bigint);
    case "bool":
      return Boolean(value);
    case "text":
      return text(value);
    case "hex":
    case "ref":
      return idPart(value);
  }
}

function evaluate(log: DecodedLog, value: Value, kind: Kind, i: number): Cell {
  if (typeof value === "string") return cell(kind, argument(log, value, i));
  if ("is" in value) return cell(kind, value.is);
  if ("id" in value) return value.id.map((p) => idPart(argument(log, p, i))).join("-");
  if ("choice" in value) {
    const index = Number(argument(log, value.choice, i));
    return value.of[index] ?? String(index);
  }
  if ("length" in value) return BigInt((argument(log, value.length, i) as readonly unknown[]).length);
  const [institution, c] = value.memberKey.map((p) => argument(log, p, i));
  return memberKey(institution as string, c as G1);
}

function indices(log: DecodedLog, w: Write): number[] {
  if (w.each !== undefined) return [...(argument(log, w.each, 0) as readonly unknown[]).keys()];
  if (w.bits === undefined) return [0];
  const bits = BigInt(argument(log, w.bits, 0) as bigint);
  return Array.from({ length: 256 }, (_, i) => i).filter((i) => ((bits >> BigInt(i)) & 1n) === 1n);
}

/** The patches of one log, in order. A log without rules has none. */
export function patchesOf(log: DecodedLog): Patch[] {
  const patches: Patch[] = [];
  for (const w of rules[log.contract]?.[log.event] ?? []) {
    const entity = w.entity as EntityName;
    const kinds = fieldsOf(entity);
    for (const i of indices(log, w)) {
      const id = w.id.map((p) => idPart(argument(log, p, i))).join("-");
      const set: Row = {};
      for (const [f, v] of Object.entries(w.set)) set[f] = evaluate(log, v, kinds[f] ?? "text", i);
      const add: Record<string, bigint> = {};
      for (const [f, v] of Object.entries(w.add)) add[f] = evaluate(log, v, "uint", i) as bigint;
      for (const [f, v] of Object.entries(w.sub)) add[f] = (add[f] ?? 0n) - (evaluate(log, v, "uint", i) as bigint);
      set["updatedAt"] = log.timestamp;
      patches.push({ entity, id, set, add });
    }
  }
  return patches;
}

/** A new row for a patch. */
export const created = (patch: Patch, log: DecodedLog): Row => ({
  ...emptyRow(patch.entity),
  createdBlock: log.blockNumber,
  createdAt: log.timestamp,
  ...patch.set,
  ...patch.add,
});

/** What a patch changes in a row that is there. */
export function changed(patch: Patch, row: Readonly<Record<string, unknown>>): Row {
  const sums = Object.entries(patch.add).map(([f, by]) => [f, (row[f] as bigint) + by] as const);
  return { ...patch.set, ...Object.fromEntries(sums) };
}

/** Entity → id → row. */
export type Tables = Map<EntityName, Map<string, Row>>;

/** Rows after these logs, in memory. Logs must be in chain order. */
export function replay(logs: Iterable<DecodedLog>): Tables {
  const tables: Tables = new Map();
  for (const log of logs) {
    for (const patch of patchesOf(log)) {
      const table = tables.get(patch.entity) ?? new Map<string, Row>();
      tables.set(patch.entity, table);
      const row = table.get(patch.id);
      table.set(patch.id, row === undefined ? created(patch, log) : { ...row, ...changed(patch, row) });
    }
  }
  return tables;
}
