import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { MedNexusError, type Witnesses } from "@mednexus/sdk";

export type Circuit = keyof Witnesses;

export interface CircuitEntry {
  /** path of the template's file, relative to this package */
  readonly source: string;
  readonly template: string;
  /** signal names, in the order the verifier takes them */
  readonly publicInputs: readonly string[];
  /** vector lengths for which keys are published; [1] for a circuit without vectors */
  readonly sizes: readonly number[];
}

export class CircuitError extends MedNexusError {}

export const packageRoot = fileURLToPath(new URL(".", import.meta.url));

/** circuits.json, the only list of circuits. */
export const manifest: Readonly<Record<Circuit, CircuitEntry>> = JSON.parse(
  readFileSync(new URL("./circuits.json", import.meta.url), "utf8"),
);

/** Every published (circuit, n). */
export const published: readonly { readonly circuit: Circuit; readonly n: number }[] = (
  Object.entries(manifest) as [Circuit, CircuitEntry][]
).flatMap(([circuit, { sizes }]) => sizes.map((n) => ({ circuit, n })));

/** Whether a circuit can be of size n: any power of two in [16, 4,096], or 1 for a circuit without vectors. */
export function isSize(circuit: Circuit, n: number): boolean {
  if (manifest[circuit].sizes[0] === 1) return n === 1;
  return Number.isInteger(n) && n >= 16 && n <= 4096 && (n & (n - 1)) === 0;
}
