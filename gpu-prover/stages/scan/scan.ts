import type { Device, Kernel, Launch } from "../../device/device.ts";

const WORKGROUP = 256;
const EACH = 4;
const BLOCK = WORKGROUP * EACH;

/**
 * Exclusive prefix sums in place, by blocks of 1,024: each block scans itself in workgroup memory (Hillis–Steele over the threads' own sums) and leaves its total; the totals are scanned the same way and added back. Sums stay below 2^32 as they count entries.
 */
export const scanKernel: Kernel = {
  name: "scan_blocks",
  workgroup: WORKGROUP,
  buffers: [
    { name: "values", access: "read_write" },
    { name: "totals", access: "read_write" },
  ],
  workgroupMemory: `var<workgroup> sums: array<u32, ${2 * WORKGROUP}>;`,
  source: () => `fn run(id: u32, local: u32, group: u32) {
  let count = param(0u);
  let start = id * ${EACH}u;
  var own: array<u32, ${EACH}>;
  var total = 0u;
  for (var k = 0u; k < ${EACH}u; k++) {
    own[k] = total;
    if (start + k < count) { total += values[start + k]; }
  }
  var at = 0u;
  sums[local] = total;
  for (var step = 1u; step < ${WORKGROUP}u; step *= 2u) {
    workgroupBarrier();
    var sum = sums[at + local];
    if (local >= step) { sum += sums[at + local - step]; }
    at = ${WORKGROUP}u - at;
    sums[at + local] = sum;
  }
  workgroupBarrier();
  let before = sums[at + local] - total;
  for (var k = 0u; k < ${EACH}u; k++) {
    if (start + k < count) { values[start + k] = before + own[k]; }
  }
  if (local == ${WORKGROUP - 1}u && group < param(1u)) { totals[group] = before + total; }
}`,
};

export const addKernel: Kernel = {
  name: "scan_add",
  workgroup: WORKGROUP,
  buffers: [
    { name: "values", access: "read_write" },
    { name: "totals", access: "read" },
  ],
  source: () => `fn run(id: u32) { values[id] += totals[id / ${BLOCK}u]; }`,
};

/** Scans `count` words in place. Scratch buffers are returned for the caller to free after the submit. */
export function scan(device: Device, values: GPUBuffer, count: number): { launches: Launch[]; scratch: GPUBuffer[] } {
  const blocks = Math.ceil(count / BLOCK);
  const totals = device.buffer(4 * blocks, "scan totals");
  const own: Launch = {
    kernel: scanKernel,
    threads: blocks * WORKGROUP,
    params: [count, blocks],
    buffers: [values, totals],
  };
  if (blocks === 1) return { launches: [own], scratch: [totals] };
  const above = scan(device, totals, blocks);
  return {
    launches: [own, ...above.launches, { kernel: addKernel, threads: count, params: [], buffers: [values, totals] }],
    scratch: [totals, ...above.scratch],
  };
}
