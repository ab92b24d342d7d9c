import type { ContractName } from "@mednexus/sdk";

/**
 * How history is described: entities (rows) and rules (what an event writes). Three readers interpret one description, so that they
 * cannot drift: Ponder (src/), the subgraph's generated mappings (subgraph/), and the replay that the comparison with the chain uses (apply.ts).
 */

/**
 * A field's kind. `uint`: any integer, unbounded, decimal string in JSON. `hex`: lower-case 0x bytes. `ref`: id of another row (indexed).
 * Nothing is ever null: a field not written yet is "", 0, false or 0x.
 */
export type Kind = "text" | "hex" | "bool" | "uint" | "ref";

export interface Entity {
  readonly about: string;
  readonly fields: Readonly<Record<string, Kind>>;
}

export const entity = (about: string, fields: Record<string, Kind>): Entity => ({ about, fields });

/** Fields that every row has beside its own: when it was first and last written. Unix seconds. */
export const COMMON_FIELDS: Readonly<Record<string, Kind>> = {
  createdBlock: "uint",
  createdAt: "uint",
  updatedAt: "uint",
};

/**
 * A path names an event argument ("terms.purpose.user", "keys[i].x"), or one of: "@time", "@block", "@log" (block-logIndex, unique),
 * "@i" (index inside `each` or `bits`).
 */
export type Path = string;

export type Value =
  | Path
  | { readonly is: boolean | bigint | string }
  | { readonly id: readonly Path[] }
  | { readonly choice: Path; readonly of: readonly string[] }
  | { readonly length: Path }
  /** keccak256(abi.encode(address institution, G1 c)): the protocol's member key. */
  | { readonly memberKey: readonly [institution: Path, c: Path] };

/** Writes one row, created with empty fields if it is not there: sets, then adds, then subtracts. */
export interface Write {
  readonly entity: string;
  readonly id: readonly Path[];
  readonly set: Readonly<Record<string, Value>>;
  readonly add: Readonly<Record<string, Value>>;
  readonly sub: Readonly<Record<string, Value>>;
  /** Once for each element of this array argument. */
  readonly each?: Path;
  /** Once for each set bit of this uint256 argument, lowest first. */
  readonly bits?: Path;
}

/** Contract (by its name in a deployment) → event name → writes, in order. */
export type Rules = Readonly<Partial<Record<ContractName, Readonly<Record<string, readonly Write[]>>>>>;

const words = (s: string): string[] => s.split(" ").filter((w) => w !== "");

export interface More {
  readonly set?: Readonly<Record<string, Value>>;
  readonly add?: Readonly<Record<string, Value>>;
  readonly sub?: Readonly<Record<string, Value>>;
  readonly each?: Path;
  readonly bits?: Path;
}

/** `same`: fields set from the argument of their own name. */
export function write(entity: string, id: string, same = "", more: More = {}): Write {
  const set = { ...Object.fromEntries(words(same).map((f) => [f, f])), ...more.set };
  const { each, bits } = more;
  const loop = each !== undefined ? { each } : bits !== undefined ? { bits } : {};
  return { entity, id: words(id), set, add: more.add ?? {}, sub: more.sub ?? {}, ...loop };
}

/** Fields set from a struct argument's members of the same name. */
export const from = (struct: string, fields: string): Record<string, Value> =>
  Object.fromEntries(words(fields).map((f) => [f, `${struct}.${f}`]));

export const is = (value: boolean | bigint | string): Value => ({ is: value });
export const yes = is(true);
export const no = is(false);
export const one = is(1n);
