import { type PrimeField, toMontgomery } from "../../field/prime.ts";
import { reverseBits } from "../ntt/ntt.cpu.ts";

export function powersCpu(field: PrimeField, bits: number, base: bigint, factor: bigint, reversed: boolean): bigint[] {
  const line: bigint[] = [];
  for (let k = 0, value = factor; k < 2 ** bits; k++, value = (value * base) % field.modulus) line.push(value);
  return line.map((_, k) => toMontgomery(field, line[reversed ? reverseBits(k, bits) : k]!));
}
