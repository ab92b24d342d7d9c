import type { Kernel, Launch } from "../../device/device.ts";

/**
 * Signed-digit recoding: a scalar's windows of c bits become digits in (−2^(c−1), 2^(c−1)], digit d > 0 belonging to bucket d − 1 of its window with the
 * point as it is, d < 0 to bucket |d| − 1 with the point negated; zero digits (so zero scalars, and all of a scalar one but its lowest window) take no
 * further part. `count` adds up the buckets' sizes, `scatter` writes each digit's entry (point number, sign in bit 31) and key into its bucket's range.
 * Scalars are 8 words (canonical, unsigned) or 1 word (two's complement: short signed values such as model updates). One thread a scalar.
 * Source: Pippenger's method with signed digits, e.g. Botrel, El Housni, "Faster Montgomery multiplication and multi-scalar multiplication for SNARKs" (2023).
 */
const recode = (emit: string): string => `
fn run(id: u32) {
  let words = param(0u); let c = param(1u); let first = param(2u); let windows = param(3u); let from_scalar = param(4u);
  let half = 1u << (c - 1u);
  var flip = 0u;
  var short = 0u;
  if (words == 1u) {
    short = scalars[from_scalar + id];
    if (bitcast<i32>(short) < 0i) { flip = 0x80000000u; short = 0u - short; }
  }
  var carry = 0u;
  for (var w = 0u; w < first + windows; w++) {
    let bit = w * c;
    let word = bit >> 5u;
    let offset = bit & 31u;
    var raw = 0u;
    if (words == 1u) {
      if (word == 0u) { raw = short >> offset; }
    } else {
      let at = 8u * (from_scalar + id);
      if (word < 8u) { raw = scalars[at + word] >> offset; }
      if (offset + c > 32u && word < 7u) { raw |= scalars[at + word + 1u] << (32u - offset); }
    }
    var digit = (raw & ((1u << c) - 1u)) + carry;
    carry = 0u;
    var sign = flip;
    if (digit > half) { digit = (1u << c) - digit; sign ^= 0x80000000u; carry = 1u; }
    if (digit != 0u && w >= first) {
      let key = (w - first) * half + digit - 1u;
      ${emit}
    }
  }
}`;

export const countKernel: Kernel = {
  name: "digits_count",
  workgroup: 64,
  buffers: [
    { name: "scalars", access: "read" },
    { name: "counts", access: "read_write", atomic: true },
  ],
  source: () => recode("atomicAdd(&counts[key], 1u);"),
};

export const scatterKernel: Kernel = {
  name: "digits_scatter",
  workgroup: 64,
  buffers: [
    { name: "scalars", access: "read" },
    { name: "positions", access: "read_write", atomic: true },
    { name: "entries", access: "read_write" },
    { name: "keys", access: "read_write" },
  ],
  source: () =>
    recode(`let to = atomicAdd(&positions[key], 1u);
      entries[to] = id | sign;
      keys[to] = key;`),
};

/** Which digits: windows [first, first + windows) of `bits` bits each, of scalars [from, from + count) with `words` words. */
export interface Windows {
  readonly count: number;
  readonly from: number;
  readonly words: 1 | 8;
  readonly bits: number;
  readonly first: number;
  readonly windows: number;
}

const params = ({ words, bits, first, windows, from }: Windows): number[] => [words, bits, first, windows, from];

/** `counts`: windows·2^(bits−1) words, zero before. */
export const countDigits = (windows: Windows, scalars: GPUBuffer, counts: GPUBuffer): Launch => ({
  kernel: countKernel,
  threads: windows.count,
  params: params(windows),
  buffers: [scalars, counts],
});

/** `positions`: each bucket's first entry; each bucket's end afterwards. */
export const scatterDigits = (
  windows: Windows,
  scalars: GPUBuffer,
  positions: GPUBuffer,
  entries: GPUBuffer,
  keys: GPUBuffer,
): Launch => ({
  kernel: scatterKernel,
  threads: windows.count,
  params: params(windows),
  buffers: [scalars, positions, entries, keys],
});
