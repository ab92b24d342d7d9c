import type { Kernel, Launch } from "../../device/device.ts";
import { pack, type PrimeField } from "../../field/prime.ts";
import { arithmetic, loader, storer } from "../../field/source.ts";

/**
 * Multiplies every element by one constant in Montgomery form: out[i] = in[i]·c/R. With c = R² a canonical residue enters Montgomery form, with c = 1 it
 * leaves it, with c = R²/2^256·… files' own radix becomes ours.
 * Layout: 8 words an element; one thread an element. Bounds: both operands below p, product below 1.02 p, stored canonical.
 */
export const convertKernel = (field: PrimeField): Kernel => ({
  name: `convert_${field.name}`,
  workgroup: 64,
  buffers: [
    { name: "input", access: "read" },
    { name: "output", access: "read_write" },
  ],
  source: (shape) => `${arithmetic(field, shape, [])}
${loader(field, "load", "input")}
${storer(field, "store", "output")}
fn run(id: u32) {
  let c = ${field.name}_unpack(${Array.from({ length: 8 }, (_, k) => `param(${k}u)`).join(", ")});
  store(id * 8u, ${field.name}_mul(load(id * 8u), c));
}`,
});

/** `factor` canonical: what is multiplied in, over R. */
export const convert = (
  field: PrimeField,
  count: number,
  factor: bigint,
  input: GPUBuffer,
  output: GPUBuffer,
): Launch => ({ kernel: convertKernel(field), threads: count, params: [...pack([factor])], buffers: [input, output] });
