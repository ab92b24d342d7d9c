import { type Group } from "../../curve/formulas.ts";
import type { Kernel, Launch } from "../../device/device.ts";
import { loader } from "../../field/source.ts";
import { elementAccess, type Monoid, points, SCALARS } from "./monoid.ts";

/**
 * Segmented sums: entries sorted by key, one sum a key. Every thread adds up a chunk of `chunk` consecutive entries, however the keys are distributed, so a
 * bucket that holds half of all points costs no more than many small ones. A run of equal keys that lies inside a chunk is written to its key's place at
 * once; a chunk's first and last runs may go on in its neighbours and become two entries of the next level (the last one with the identity where the chunk
 * is one run), again sorted. Levels shrink by chunk/2 until one thread writes all that is left.
 *
 * Buffers: `counts[param]` holds the number of entries of level 0; `keys` and `sums` hold every level's keys and elements in regions given by parameters.
 * At level 0 elements come from the leaf: affine points picked by `entries` (bit 31 negates), products of a sparse matrix, or `sums` itself.
 * Bounds: elements in registers stay below 4 p (proved for each program), stored canonical.
 */
const body = (leaf: string, add: string, extra = ""): string => `
fn level_count(level: u32) -> u32 {
  var n = counts[param(2u)];
  for (var k = 0u; k < level; k++) {
    if (n <= param(0u)) { return 0u; } // an earlier level was the last: launches are made for the most entries there can be
    n = 2u * ((n + param(0u) - 1u) / param(0u));
  }
  return n;
}
${extra}
fn run(id: u32) {
  let chunk = param(0u);
  let n = level_count(param(1u));
  let key_base = param(3u); let next_keys = param(4u); let out = param(5u); let next = param(6u);
  let start = id * chunk;
  if (start >= n) { return; }
  let end = min(start + chunk, n);
  let last_level = n <= chunk;
  var key = keys[key_base + start];
  var sum = identity();
  var first = true;
  for (var i = start; i <= end; i++) {
    var k = 0xffffffffu;
    if (i < end) { k = keys[key_base + i]; }
    if (k != key) {
      let carried = !last_level && (first || i == end);
      var to = out + key;
      if (carried) {
        let slot = 2u * id + select(1u, 0u, first);
        keys[next_keys + slot] = key;
        to = next + slot;
        if (first && i == end) {
          keys[next_keys + slot + 1u] = key;
          store_sum(next + slot + 1u, identity());
        }
      }
      store_sum(to, sum);
      if (i == end) { break; }
      key = k;
      sum = identity();
      first = false;
    }
    ${leaf}
    ${add}
  }
}`;

const COUNTS = { name: "counts", access: "read" } as const;
const KEYS = { name: "keys", access: "read_write" } as const;
const SUMS = { name: "sums", access: "read_write" } as const;

/** Elements of every level but a leaf's: `sums` at param(7). */
export const combineKernel = (monoid: Monoid): Kernel => ({
  name: `segments_${monoid.name}`,
  workgroup: 64,
  buffers: [COUNTS, KEYS, SUMS],
  source: (shape) => `${monoid.source(shape, false)}
${elementAccess(monoid)}
${body("", "sum = plus(sum, load_sum(param(7u) + i));")}`,
});

/** Leaf of an MSM: `entries` name affine points of `bases` (Montgomery words, the identity all zero: skipped). */
export const accumulateKernel = (group: Group): Kernel => {
  const monoid = points(group);
  const d = group.degree;
  const coordinates = Array.from({ length: 2 * d }, (_, k) => k);
  return {
    name: `accumulate_${group.name}`,
    workgroup: 64,
    buffers: [COUNTS, KEYS, SUMS, { name: "entries", access: "read" }, { name: "bases", access: "read" }],
    source: (shape) => `${monoid.source(shape, true)}
${elementAccess(monoid)}
${loader(monoid.field, "load_base", "bases")}
${body(
  `let entry = entries[i];
    let at = ((entry & 0x7fffffffu) + param(7u)) * ${16 * d}u;
    var any = 0u;
    for (var w = ${8 * d}u; w < ${16 * d}u; w++) { any |= bases[at + w]; }
    if (any == 0u) { continue; }
    var p: array<array<u32, ${monoid.field.limbs}>, ${2 * d}>;
    ${coordinates.map((k) => `p[${k}] = load_base(at + ${8 * k}u);`).join("\n    ")}
    if ((entry >> 31u) == 1u) {
      ${coordinates
        .slice(d)
        // 0 − y + p may be p itself where an extension's part is zero: still within the bound of 1
        .map((k) => `p[${k}] = fq_sub_1(array<u32, ${monoid.field.limbs}>(), p[${k}]);`)
        .join("\n      ")}
    }`,
  "sum = plus_affine(sum, p);",
)}`,
  };
};

/** Leaf of a sparse matrix times a vector: entry i adds matrix value i (Montgomery form) times `vector[columns[i]]` (canonical, not in Montgomery form). */
export const rowsKernel: Kernel = {
  name: "rows",
  workgroup: 64,
  buffers: [
    COUNTS,
    KEYS,
    SUMS,
    { name: "columns", access: "read" },
    { name: "matrix", access: "read" },
    { name: "vector", access: "read" },
  ],
  source: (shape) => `${SCALARS.source(shape, false)}
${elementAccess(SCALARS)}
${loader(SCALARS.field, "coefficient", "matrix")}
${loader(SCALARS.field, "variable", "vector")}
${body("", "sum = plus(sum, Element(fr_mul(coefficient(8u * i), variable(8u * columns[i]))));")}`,
};

/** Where a segmented sum finds its entries and leaves its results; units are words in `keys`, elements in `sums`. */
export interface Segments {
  readonly counts: GPUBuffer;
  /** which word of `counts` */
  readonly count: number;
  /** no level-0 entry count is above this */
  readonly most: number;
  readonly chunk: number;
  readonly keys: GPUBuffer;
  readonly sums: GPUBuffer;
  /** region of the level-0 keys; scratch regions for later levels' keys: `scratchSize` words from `keyScratch` on */
  readonly keyBase: number;
  readonly keyScratch: number;
  /** first result */
  readonly out: number;
  /** scratch elements: `scratchSize` from here on */
  readonly scratch: number;
}

/** Elements (and keys) of scratch: two regions that levels use in turn. */
export function scratchSize(most: number, chunk: number): number {
  const level = (count: number): number => 2 * Math.ceil(count / chunk);
  return level(most) + level(level(most));
}

/** Launches of all levels: `leaf` is level 0's kernel with its own buffers after counts, keys, sums, and the parameter it reads as param(7). */
export function segmentedSum(
  monoid: Monoid,
  leaf: { readonly kernel: Kernel; readonly buffers: readonly GPUBuffer[]; readonly param: number },
  at: Segments,
): Launch[] {
  if (at.chunk < 4) throw new RangeError("levels would not shrink");
  const combine = combineKernel(monoid);
  const launches: Launch[] = [];
  const second = 2 * Math.ceil(at.most / at.chunk); // size of the first scratch region
  for (let level = 0, most = at.most, source = -1; most > 0; level++) {
    const target = source === 0 ? second : 0; // offset of the region written
    launches.push({
      kernel: level === 0 ? leaf.kernel : combine,
      threads: Math.ceil(most / at.chunk),
      params: [
        at.chunk,
        level,
        at.count,
        level === 0 ? at.keyBase : at.keyScratch + source,
        at.keyScratch + target,
        at.out,
        at.scratch + target,
        level === 0 ? leaf.param : at.scratch + source,
      ],
      buffers: [at.counts, at.keys, at.sums, ...(level === 0 ? leaf.buffers : [])],
    });
    if (most <= at.chunk) break;
    most = 2 * Math.ceil(most / at.chunk);
    source = target;
  }
  return launches;
}
