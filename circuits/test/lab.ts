import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Fr } from "@mednexus/sdk";
import { type Circuit, compile, manifest } from "../index.ts";
import { isSize, packageRoot } from "../manifest.ts";
import { brokenRows, type Combination, type R1cs, readR1cs, type Row } from "../setup/r1cs.ts";
import { calculateWitness, type CircuitInputs } from "../witness.ts";

/** Forged witnesses are made and judged at this size: one full limb and one of a single coordinate. */
export const LAB_SIZE = 16;

export const labSize = (circuit: Circuit): number => (isSize(circuit, LAB_SIZE) ? LAB_SIZE : 1);

/** Signal name (as in circom's symbol table) to value: an assignment of every wire of a circuit compiled at O0. */
export type Assignment = Map<string, bigint>;

/** One circuit compiled three ways. */
export interface Lab {
  /** every constraint as it stands in the source */
  readonly constraints: System;
  /** what keys are made of */
  readonly optimized: System;
  /** the O2 circuit's own witness generator */
  prove(inputs: CircuitInputs): Promise<Assignment>;
  /** the generator with every `===` taken out: computes what an attacker's generator would, for any inputs */
  forge(inputs: CircuitInputs): Promise<Assignment>;
}

export class System {
  readonly r1cs: R1cs;
  /** by wire */
  readonly names: readonly string[];

  constructor(r1cs: Uint8Array, symbols: string) {
    this.r1cs = readR1cs(r1cs);
    this.names = wireNames(symbols);
  }

  /** Constraints that an assignment breaks. */
  broken(assignment: Assignment): Row[] {
    return brokenRows(this.r1cs, this.wires(assignment));
  }

  wires(assignment: Assignment): bigint[] {
    return this.names.map((name) => {
      const value = assignment.get(name);
      if (value === undefined) throw new Error(`no value for ${name}`);
      return value;
    });
  }

  /** A constraint by the signals in it, indices and coefficients left out: the class that one line of source makes. */
  shape({ a, b, c }: Row): string {
    const side = ({ wires }: Combination): string =>
      [...new Set(wires.map((wire) => this.names[wire]!.replace(/^main\./, "").replace(/\[\d+\]/g, "[]")))]
        .sort()
        .join("+");
    const product = a.wires.length === 0 || b.wires.length === 0 ? "" : `${side(a)} * ${side(b)}`;
    return `${product} = ${side(c)}`;
  }
}

export async function openLab(circuit: Circuit): Promise<Lab> {
  const entry = manifest[circuit];
  const [strict, optimized, loose] = await Promise.all([
    inScratch((scratch) => compile(entry, labSize(circuit), scratch, { optimization: "O0" })),
    compiled(circuit, labSize(circuit)),
    compilePatched(circuit, (source) => source.replaceAll(/^.*===.*$/gm, "")),
  ]);
  const generators = { prove: await WebAssembly.compile(optimized.wasm), forge: await WebAssembly.compile(loose.wasm) };
  const looseNames = wireNames(loose.symbols);
  const system = new System(optimized.r1cs, optimized.symbols);
  return {
    constraints: new System(strict.r1cs, strict.symbols),
    optimized: system,
    prove: async (inputs) => named(system.names, await calculateWitness(generators.prove, inputs)),
    forge: async (inputs) => named(looseNames, await calculateWitness(generators.forge, inputs)),
  };
}

const once = new Map<string, ReturnType<typeof compile>>();

/** A circuit as keys are made of it, compiled once for all tests of a process. */
export function compiled(circuit: Circuit, n: number): ReturnType<typeof compile> {
  const name = `${circuit}-${n}`;
  const known = once.get(name) ?? inScratch((scratch) => compile(manifest[circuit], n, scratch));
  once.set(name, known);
  return known;
}

/** Compiles a copy of the circuits, every file rewritten by `patch`, at O0. */
export function compilePatched(
  circuit: Circuit,
  patch: (source: string, file: string) => string,
): ReturnType<typeof compile> {
  return inScratch(async (scratch) => {
    await cp(join(packageRoot, "src"), join(scratch, "src"), { recursive: true });
    for (const file of SOURCES) {
      const path = join(scratch, "src", file);
      await writeFile(path, patch(await readFile(path, "utf8"), file));
    }
    return compile(manifest[circuit], labSize(circuit), join(scratch, "out"), { optimization: "O0", root: scratch });
  });
}

export const SOURCES = [
  "update.circom",
  "aggregate.circom",
  "inference.circom",
  "rekey.circom",
  "lib/limb.circom",
  "lib/range.circom",
  "lib/chain.circom",
  "lib/evaluate.circom",
  "lib/dot.circom",
  "lib/agreement.circom",
];

/** Runs one Poseidon(16) alone: its inner signals by their names under a `Poseidon` component. */
export async function poseidonLab(): Promise<(inputs: readonly bigint[]) => Promise<Assignment>> {
  const entry = { source: "circomlib/circuits/poseidon.circom", template: "Poseidon", publicInputs: [], sizes: [] };
  const root = join(packageRoot, "../node_modules");
  const { wasm, symbols } = await inScratch((scratch) => compile(entry, 16, scratch, { optimization: "O0", root }));
  const generator = await WebAssembly.compile(wasm);
  const names = wireNames(symbols);
  return async (inputs) => named(names, await calculateWitness(generator, { inputs }));
}

export async function inScratch<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "mednexus-circuits-"));
  return use(folder).finally(() => rm(folder, { recursive: true, force: true }));
}

/** `base` with the signals under each prefix (without `main.`) taken from `donor`. */
export function splice(base: Assignment, donor: Assignment, ...prefixes: string[]): Assignment {
  const taken = (name: string): boolean =>
    prefixes.some(
      (prefix) => name === `main.${prefix}` || name.startsWith(`main.${prefix}.`) || name.startsWith(`main.${prefix}[`),
    );
  return new Map([...base].map(([name, value]) => [name, taken(name) ? donor.get(name)! : value]));
}

/** `base` with single signals replaced (names without `main.`). */
export function override(base: Assignment, values: Record<string, bigint>): Assignment {
  const out = new Map(base);
  for (const [name, value] of Object.entries(values)) {
    if (!out.has(`main.${name}`)) throw new Error(`no signal ${name}`);
    out.set(`main.${name}`, Fr.from(value));
  }
  return out;
}

function wireNames(symbols: string): string[] {
  const names = ["1"];
  for (const line of symbols.trim().split("\n")) {
    const [, wire, , name] = line.split(",");
    // several signals may share a wire after optimisation; any of their names will do
    if (Number(wire) >= 0) names[Number(wire)] = name!;
  }
  return names;
}

function named(names: readonly string[], words: Uint8Array): Assignment {
  const view = new DataView(words.buffer);
  return new Map(
    names.map((name, wire) => {
      let value = 0n;
      for (let k = 3; k >= 0; k--) value = (value << 64n) | view.getBigUint64(32 * wire + 8 * k, true);
      return [name, value];
    }),
  );
}
