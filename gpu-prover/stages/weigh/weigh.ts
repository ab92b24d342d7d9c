import type { Group } from "../../curve/formulas.ts";
import type { Kernel, Launch } from "../../device/device.ts";
import { elementAccess, points } from "../segments/monoid.ts";

/**
 * Weighted bucket sums: a thread takes `each` consecutive buckets of one window, from weight w + 1 on (w the first one's place in its window), and leaves
 * Σ (w + 1 + k)·B_k = Σ (k + 1)·B_k + w·Σ B_k, by running sums from the top and a double-and-add of the short w. Empty buckets (no entries between
 * `counts[k−1]` and `counts[k]`) were never written and are passed over. Dispatch: one thread `each` buckets. Bounds: as segmented sums.
 */
export const weighKernel = (group: Group): Kernel => {
  const monoid = points(group);
  return {
    name: `weigh_${group.name}`,
    workgroup: 64,
    buffers: [
      { name: "counts", access: "read" },
      { name: "sums", access: "read_write" },
    ],
    source: (shape) => `${monoid.source(shape, false)}
${elementAccess(monoid)}
fn run(id: u32) {
  let each = param(0u); let out = param(1u); let half = param(2u); let bits = param(3u);
  let start = id * each;
  let weight = start % half;
  var running = identity();
  var sum = identity();
  // one addition site: steps alternate between the running sum and the sum of running sums, then go through the weight's bits
  let steps = 2u * each + 2u * bits + 1u;
  var multiple = identity();
  for (var step = 0u; step < steps; step++) {
    var a = sum; var b = running;
    var to = 1u;
    if (step < 2u * each) {
      if ((step & 1u) == 0u) {
        let bucket = start + each - 1u - (step >> 1u);
        var before = 0u;
        if (bucket > 0u) { before = counts[bucket - 1u]; }
        if (counts[bucket] == before) { continue; }
        a = running; b = load_sum(bucket); to = 0u;
      }
    } else if (step < steps - 1u) {
      let k = step - 2u * each;
      let bit = (weight >> (bits - 1u - (k >> 1u))) & 1u;
      a = multiple; to = 2u;
      if ((k & 1u) == 0u) { b = multiple; } else if (bit == 0u) { continue; }
    } else { b = multiple; }
    let c = plus(a, b);
    if (to == 0u) { running = c; } else if (to == 1u) { sum = c; } else { multiple = c; }
  }
  store_sum(out + id, sum);
}`,
  };
};

/** `buckets` = windows·half buckets at the start of `sums`; results from element `out` on. `each` divides half = 2^(c−1). */
export const weigh = (
  group: Group,
  buckets: number,
  half: number,
  each: number,
  out: number,
  counts: GPUBuffer,
  sums: GPUBuffer,
): Launch => ({
  kernel: weighKernel(group),
  threads: buckets / each,
  params: [each, out, half, Math.log2(half)],
  buffers: [counts, sums],
});
