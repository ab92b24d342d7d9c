import type { Kernel, Launch } from "../../device/device.ts";
import { FR } from "../../field/prime.ts";
import { arithmetic, loader, storer } from "../../field/source.ts";

const TILE_BITS = 9;
const WORKGROUP = 256;

/**
 * Number-theoretic transform over F_r in passes of up to nine layers, each tile of 512 elements in 16 KiB of workgroup memory. Inverse transforms run by
 * decimation in frequency (natural order in, bit-reversed out), forward ones by decimation in time (bit-reversed in, natural out), so that no pass
 * only permutes; the last inverse pass multiplies by a table (coset shift and 1/n, in bit-reversed order) as it stores.
 *
 * A pass covers the layers of halves 2^s … 2^(s+k−1). Element e of a tile has `low` low bits beside each other in memory and k bits of the transform:
 * index = high·2^(s+k) + middle·2^s + block·2^low + lowest. Dispatch: one workgroup a tile, one butterfly a thread and layer.
 * Bounds: operands canonical; a + b below 2.1 p, a − b + 2p below 3.1 p; stored canonical.
 * Source: Cooley–Tukey and Gentleman–Sande butterflies; the paired orders as in Bailey, "FFTs in external or hierarchical memory" (1990).
 */
export const nttKernel: Kernel = {
  name: "ntt",
  workgroup: WORKGROUP,
  buffers: [
    { name: "data", access: "read_write" },
    { name: "twiddles", access: "read" },
    { name: "scale", access: "read" },
  ],
  workgroupMemory: `var<workgroup> tile: array<u32, ${8 * 2 ** TILE_BITS}>;`,
  source: (shape) => `${arithmetic(FR, shape, [], [2])}
${loader(FR, "twiddle", "twiddles")}
${loader(FR, "factor", "scale")}
${loader(FR, "load", "tile")}
${storer(FR, "store", "tile")}
fn run(id: u32, local: u32, group: u32) {
  let logn = param(0u); let s = param(1u); let k = param(2u); let low = param(3u);
  let forward = param(4u) == 1u; let scaled = param(5u) == 1u; let tiles = param(6u);
  let mask = (1u << low) - 1u;
  let active_tile = group < tiles;
  let block = group & ((1u << (s - low)) - 1u);
  let high = group >> (s - low);
  let base = (high << (s + k)) + (block << low);
  let size = 1u << (k + low);
  for (var e = local; e < size && active_tile; e += ${WORKGROUP}u) {
    let at = 8u * (base + ((e >> low) << s) + (e & mask));
    for (var w = 0u; w < 8u; w++) { tile[8u * e + w] = data[at + w]; }
  }
  for (var step = 0u; step < k; step++) {
    workgroupBarrier();
    var l = step;
    if (!forward) { l = k - 1u - step; }
    if (active_tile && local < size / 2u) {
      let lowest = local & mask;
      let m = local >> low;
      let middle = ((m >> l) << (l + 1u)) | (m & ((1u << l) - 1u));
      let j = ((middle & ((1u << l) - 1u)) << s) + (block << low) + lowest;
      let w = twiddle(8u * (j << (logn - 1u - s - l)));
      let at = 8u * ((middle << low) + lowest);
      let bt = at + (8u << (l + low));
      let a = load(at);
      var b = load(bt);
      // one multiplication site for both directions
      var c = b;
      if (!forward) { c = fr_sub_2(a, b); }
      c = fr_mul(c, w);
      if (forward) { store(at, fr_add(a, c)); store(bt, fr_sub_2(a, c)); }
      else { store(at, fr_add(a, b)); store(bt, c); }
    }
  }
  workgroupBarrier();
  for (var e = local; e < size && active_tile; e += ${WORKGROUP}u) {
    let i = base + ((e >> low) << s) + (e & mask);
    if (scaled) { store(8u * e, fr_mul(load(8u * e), factor(8u * i))); }
    for (var w = 0u; w < 8u; w++) { data[8u * i + w] = tile[8u * e + w]; }
  }
}`,
};

/** Layers [from, from + count) of each pass, in ascending order. The lowest pass takes nine; the others six, eight neighbours beside each other. */
function passes(logn: number): { s: number; k: number; low: number }[] {
  const out = [{ s: 0, k: Math.min(logn, TILE_BITS), low: 0 }];
  for (let s = out[0]!.k; s < logn;) {
    const rest = logn - s;
    const k = Math.ceil(rest / Math.ceil(rest / 6));
    out.push({ s, k, low: Math.min(s, TILE_BITS - k) });
    s += k;
  }
  return out;
}

function launches(
  logn: number,
  forward: boolean,
  data: GPUBuffer,
  twiddles: GPUBuffer,
  scale: GPUBuffer | undefined,
): Launch[] {
  const order = passes(logn);
  if (!forward) order.reverse();
  return order.map(({ s, k, low }, index) => {
    const tiles = 2 ** (logn - k - low);
    const last = index === order.length - 1;
    return {
      kernel: nttKernel,
      threads: tiles * WORKGROUP,
      params: [logn, s, k, low, forward ? 1 : 0, scale && last ? 1 : 0, tiles],
      buffers: [data, twiddles, scale ?? twiddles],
    };
  });
}

/** In place, natural → bit-reversed; `twiddles`: 2^(logn−1) powers of the inverse root; `scale`: 2^logn factors in bit-reversed order. logn >= 1. */
export const inverseTransform = (logn: number, data: GPUBuffer, twiddles: GPUBuffer, scale?: GPUBuffer): Launch[] =>
  launches(logn, false, data, twiddles, scale);

/** In place, bit-reversed → natural; `twiddles`: 2^(logn−1) powers of the root. */
export const forwardTransform = (logn: number, data: GPUBuffer, twiddles: GPUBuffer): Launch[] =>
  launches(logn, true, data, twiddles, undefined);
