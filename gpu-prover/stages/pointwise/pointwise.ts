import type { Kernel, Launch } from "../../device/device.ts";
import { FR } from "../../field/prime.ts";
import { arithmetic, loader, storer } from "../../field/source.ts";

/**
 * out = a·b, in Montgomery form; or, with `quotient`, the values a·b − c as canonical residues outside Montgomery form, which is what an MSM takes.
 * One thread an element. Bounds: a·b below 1.02 p, + 2p − c below 3.1 p, times one below 1.1 p, stored canonical.
 */
export const pointwiseKernel: Kernel = {
  name: "pointwise",
  workgroup: 64,
  buffers: [
    { name: "left", access: "read" },
    { name: "right", access: "read" },
    { name: "result", access: "read_write" },
  ],
  source: (shape) => `${arithmetic(FR, shape, [], [2])}
${loader(FR, "a", "left")}
${loader(FR, "b", "right")}
${loader(FR, "c", "result")}
${storer(FR, "store", "result")}
fn run(id: u32) {
  let at = 8u * id;
  let product = fr_mul(a(at), b(at));
  if (param(0u) == 0u) { store(at, product); return; }
  let one = fr_unpack(1u, 0u, 0u, 0u, 0u, 0u, 0u, 0u);
  store(at, fr_mul(fr_sub_2(product, c(at)), one));
}`,
};

/** result ← left·right */
export const multiply = (count: number, left: GPUBuffer, right: GPUBuffer, result: GPUBuffer): Launch => ({
  kernel: pointwiseKernel,
  threads: count,
  params: [0],
  buffers: [left, right, result],
});

/** result ← left·right − result, out of Montgomery form */
export const quotient = (count: number, left: GPUBuffer, right: GPUBuffer, result: GPUBuffer): Launch => ({
  kernel: pointwiseKernel,
  threads: count,
  params: [1],
  buffers: [left, right, result],
});
