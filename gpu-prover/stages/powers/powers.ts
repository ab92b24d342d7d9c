import type { Kernel, Launch } from "../../device/device.ts";
import { type PrimeField, pack, toMontgomery } from "../../field/prime.ts";
import { arithmetic, storer } from "../../field/source.ts";

/**
 * Tables of powers: out[i] = factor·base^e(i), e(i) = i or, for tables used in bit-reversed order, the reversal of i in `bits` bits.
 * Square and multiply over base^(2^k), passed as parameters: `bits` products a thread, once a domain. Layout: 8 words an element, Montgomery form.
 */
export const powersKernel = (field: PrimeField): Kernel => ({
  name: `powers_${field.name}`,
  workgroup: 64,
  buffers: [{ name: "output", access: "read_write" }],
  source: (shape) => `${arithmetic(field, shape, [])}
${storer(field, "store", "output")}
fn element(k: u32) -> array<u32, ${field.limbs}> {
  let at = 2u + 8u * k;
  return ${field.name}_unpack(${Array.from({ length: 8 }, (_, k) => `param(at + ${k}u)`).join(", ")});
}
fn run(id: u32) {
  let bits = param(0u);
  var e = id;
  if (param(1u) == 1u) { e = reverseBits(id) >> (32u - bits); }
  var v = element(0u);
  for (var k = 0u; k < bits; k++) {
    if (((e >> k) & 1u) == 1u) { v = ${field.name}_mul(v, element(k + 1u)); }
  }
  store(id * 8u, v);
}`,
});

/** 2^bits powers of `base` times `factor` (canonical residues, not in Montgomery form). */
export function powers(
  field: PrimeField,
  bits: number,
  base: bigint,
  factor: bigint,
  reversed: boolean,
  output: GPUBuffer,
): Launch {
  const squares = [factor];
  for (let k = 0, square = base; k < bits; k++, square = (square * square) % field.modulus) squares.push(square);
  return {
    kernel: powersKernel(field),
    threads: 2 ** bits,
    params: [bits, reversed ? 1 : 0, ...pack(squares.map((value) => toMontgomery(field, value)))],
    buffers: [output],
  };
}
