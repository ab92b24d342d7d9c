import { buildBn128 } from "ffjavascript";
import { G1_BYTES, G2_BYTES } from "./points.ts";

const CHUNK = 4096;
const PAGE = 65_536;

/** Multiplies the generators of G1 and G2 by many scalars. */
export interface FixedBase {
  /** k points of 64 bytes; scalars canonical */
  g1(scalars: readonly bigint[]): Uint8Array;
  /** k points of 128 bytes; scalars canonical */
  g2(scalars: readonly bigint[]): Uint8Array;
}

/**
 * Fixed-base windows over ffjavascript's wasm: a scalar's digits in base 2^window each pick a point from a table,
 * so a product costs 256 / window mixed additions and no doubling. Synchronous and on the calling thread.
 *
 * @param many whether some 10^5 products will follow in each group: then 16-bit windows pay for their tables of 2^20 points.
 */
export async function fixedBase(many = false): Promise<FixedBase> {
  const curve = await buildBn128(true);
  const memory = new WebAssembly.Memory({ initial: 25 });
  const { instance } = await WebAssembly.instantiate(curve.tm.code, { env: { memory } });
  const call = instance.exports as Record<string, (...args: number[]) => number>;
  const window = many ? 16 : 8;
  const windows = 256 / window;
  const digits = 2 ** window;

  const g1 = multiplier("g1m", G1_BYTES, curve.tm.pG1gen);
  const g2 = multiplier("g2m", G2_BYTES, curve.tm.pG2gen);
  return { g1, g2 };

  function multiplier(group: string, affine: number, generator: number): (scalars: readonly bigint[]) => Uint8Array {
    const jacobian = (affine / 2) * 3;
    let table = 0;
    let sums = 0;
    let points = 0;
    const add = call[`${group}_add`]!;
    const addMixed = call[`${group}_addMixed`]!;
    const double = call[`${group}_double`]!;
    const toAffine = call[`${group}_batchToAffine`]!;
    const zero = call[`${group}_zero`]!;

    /** table[i * digits + d] = d * 2^(window * i) * generator, affine */
    function build(): void {
      table = allocate(windows * digits * affine);
      sums = allocate(CHUNK * jacobian);
      points = allocate(CHUNK * affine);
      const line = allocate(digits * jacobian);
      const base = allocate(jacobian);
      call[`${group}_copy`]!(generator, base);
      for (let i = 0; i < windows; i++) {
        zero(line);
        for (let d = 1; d < digits; d++) add(line + (d - 1) * jacobian, base, line + d * jacobian);
        toAffine(line, digits, table + i * digits * affine);
        for (let k = 0; k < window; k++) double(base, base);
      }
    }

    return (scalars) => {
      if (table === 0) build();
      const out = new Uint8Array(scalars.length * affine);
      for (let from = 0; from < scalars.length; from += CHUNK) {
        const count = Math.min(CHUNK, scalars.length - from);
        for (let k = 0; k < count; k++) {
          const sum = sums + k * jacobian;
          zero(sum);
          let rest = scalars[from + k]!;
          for (let i = 0; rest > 0n;) {
            // 64 bits at a time: one bigint shift instead of one a digit
            const word = BigInt.asUintN(64, rest);
            rest >>= 64n;
            const halves = [Number(word & 0xffffffffn), Number(word >> 32n)];
            for (const half of halves) {
              for (let shift = 0; shift < 32; shift += window, i++) {
                const digit = (half >>> shift) & (digits - 1);
                if (digit !== 0) addMixed(sum, table + (i * digits + digit) * affine, sum);
              }
            }
          }
        }
        toAffine(sums, count, points);
        out.set(new Uint8Array(memory.buffer, points, count * affine), from * affine);
      }
      return out;
    };
  }

  /** Bump allocation at the module's own pointer, with room left above it for batchToAffine, which keeps two elements a point. */
  function allocate(bytes: number): number {
    const at = (new Uint32Array(memory.buffer)[0]! + 7) & ~7;
    const end = at + bytes;
    const missing = end + Math.max(digits, CHUNK) * G2_BYTES - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
    new Uint32Array(memory.buffer)[0] = end;
    return at;
  }
}
