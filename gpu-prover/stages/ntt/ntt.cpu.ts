export function reverseBits(value: number, bits: number): number {
  let out = 0;
  for (let k = 0; k < bits; k++) out |= ((value >> k) & 1) << (bits - 1 - k);
  return out >>> 0;
}

/** Decimation in frequency: natural order in, bit-reversed out; `root` of order values.length. */
export function difCpu(modulus: bigint, values: readonly bigint[], root: bigint): bigint[] {
  const out = [...values];
  let w = root;
  for (let half = out.length / 2; half >= 1; half /= 2, w = (w * w) % modulus) {
    for (let start = 0; start < out.length; start += 2 * half) {
      for (let j = 0, factor = 1n; j < half; j++, factor = (factor * w) % modulus) {
        const [a, b] = [out[start + j]!, out[start + j + half]!];
        out[start + j] = (a + b) % modulus;
        out[start + j + half] = ((a - b + modulus) * factor) % modulus;
      }
    }
  }
  return out;
}

/** Decimation in time: bit-reversed in, natural order out; `root` of order values.length. */
export function ditCpu(modulus: bigint, values: readonly bigint[], root: bigint): bigint[] {
  const out = [...values];
  const roots: bigint[] = [];
  for (let size = out.length, w = root; size > 1; size /= 2, w = (w * w) % modulus) roots.unshift(w);
  for (let half = 1; half < out.length; half *= 2) {
    const w = roots[Math.log2(half)]!;
    for (let start = 0; start < out.length; start += 2 * half) {
      for (let j = 0, factor = 1n; j < half; j++, factor = (factor * w) % modulus) {
        const a = out[start + j]!;
        const b = (out[start + j + half]! * factor) % modulus;
        out[start + j] = (a + b) % modulus;
        out[start + j + half] = (a - b + modulus) % modulus;
      }
    }
  }
  return out;
}
