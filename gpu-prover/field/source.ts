import { allocate, bound, type Program } from "../curve/program.ts";
import { FQ, FR, type PrimeField, WORDS } from "./prime.ts";
import { fieldSource, interpreterSource, programSource, type Shape } from "./wgsl.ts";

/** The least state bound that every program of this package keeps (multiples of p); proved for each by `programs`. */
export const STATE_BOUND = 4;

/** Field functions with the given programs, each with its inputs' bounds; every output is proved to stay within STATE_BOUND. */
export function arithmetic(
  field: PrimeField,
  shape: Shape,
  programs: readonly { readonly program: Program; readonly inputs: readonly number[] }[],
  lifts: readonly number[] = [],
): string {
  const parts: string[] = [];
  const used = new Set(lifts);
  for (const { program, inputs } of programs) {
    const bounds = bound(field, program, inputs);
    if (Math.max(...bounds.outputs) > STATE_BOUND)
      throw new RangeError(`${program.name} leaves its state above ${STATE_BOUND} p`);
    for (const lift of bounds.lifts.values()) used.add(lift);
    parts.push(
      shape === "interpreted"
        ? interpreterSource(field, program, allocate(program, bounds))
        : programSource(field, program, bounds),
    );
  }
  return [fieldSource(field, shape, used), ...parts].join("\n\n");
}

/** `fn {name}(at: u32) -> Limbs`: the element at word `at` of a buffer. */
export function loader(field: PrimeField, name: string, buffer: string): string {
  const words = Array.from({ length: WORDS }, (_, k) => `${buffer}[at + ${k}u]`);
  return `fn ${name}(at: u32) -> array<u32, ${field.limbs}> { return ${field.name}_unpack(${words.join(", ")}); }`;
}

/** `fn {name}(at: u32, v: Limbs)`: writes the canonical words. */
export function storer(field: PrimeField, name: string, buffer: string): string {
  const lines = Array.from({ length: WORDS }, (_, k) => `${buffer}[at + ${k}u] = w[${k}];`);
  return `fn ${name}(at: u32, v: array<u32, ${field.limbs}>) { let w = ${field.name}_pack(v); ${lines.join(" ")} }`;
}

export const fieldOf = (name: "fr" | "fq"): PrimeField => (name === "fr" ? FR : FQ);
