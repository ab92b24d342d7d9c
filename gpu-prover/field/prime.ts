import { readWord, writeWord } from "@mednexus/sdk/bytes";
import { FQ_MODULUS, FR_MODULUS, inverseModulo } from "@mednexus/sdk/field";

/**
 * A prime field as kernels see it: residues in Montgomery form modulo `modulus`, radix R = 2^(limbBits · limbs), held as `limbs` limbs of
 * `limbBits` bits. Everything an emitter needs follows from these four numbers.
 *
 * Limb bounds. A product of limbs is below 2^(2·limbBits). One word of the interleaved (CIOS) multiplication takes at most 2·limbs products and one
 * carry of wordBits − limbBits bits before it is shifted out, so no word overflows while 2·limbs·(2^limbBits − 1)² + 2^(wordBits − limbBits) < 2^wordBits.
 * That is why 20 limbs of 13 bits need no carry inside the loops in 32-bit words (WGSL has no wider ones), nor 9 limbs of 29 bits in 64-bit words.
 * Source: Mitscha-Baude, "Montgomery multiplication with small limbs" (2022); Koç, Acar, Kaliski (1996) for CIOS.
 */
export interface PrimeField {
  readonly name: "fr" | "fq";
  readonly modulus: bigint;
  readonly limbBits: number;
  readonly limbs: number;
  /** Montgomery radix */
  readonly radix: bigint;
  /** radix^-1 mod modulus */
  readonly overRadix: bigint;
  /** −modulus^-1 mod 2^limbBits */
  readonly factor: number;
  /** how many times the modulus fits into what the limbs hold: no value may reach this multiple */
  readonly capacity: number;
}

/** 32-bit words of an element in a buffer: values are stored canonical, little-endian, in Montgomery form. */
export const WORDS = 8;

export function primeField(name: "fr" | "fq", modulus: bigint, limbBits = 13, limbs = 20, wordBits = 32): PrimeField {
  const largest = 2n ** BigInt(limbBits) - 1n;
  if (2n * BigInt(limbs) * largest * largest + 2n ** BigInt(wordBits - limbBits) >= 2n ** BigInt(wordBits))
    throw new RangeError(`${limbs} limbs of ${limbBits} bits overflow ${wordBits}-bit words`);
  const radix = 1n << BigInt(limbBits * limbs);
  if (radix < 64n * modulus) throw new RangeError("less than six spare bits: sums could not be left unreduced");
  const base = 1n << BigInt(limbBits);
  return {
    name,
    modulus,
    limbBits,
    limbs,
    radix,
    overRadix: inverseModulo(radix % modulus, modulus),
    factor: Number(base - inverseModulo(modulus % base, base)),
    capacity: Number(radix / modulus),
  };
}

export const FR = primeField("fr", FR_MODULUS);
export const FQ = primeField("fq", FQ_MODULUS);

export const toMontgomery = (field: PrimeField, value: bigint): bigint => (value * field.radix) % field.modulus;

export const fromMontgomery = (field: PrimeField, value: bigint): bigint => (value * field.overRadix) % field.modulus;

/**
 * The factor that takes a file's values to ours in `convert`, which divides by R: files hold x·2^(256k), k = 1 for points and 2 for matrices, and we x·R^k.
 */
export const fromFile = (field: PrimeField, k: 1 | 2): bigint =>
  (field.radix ** BigInt(k + 1) * inverseModulo(2n ** BigInt(256 * k) % field.modulus, field.modulus)) % field.modulus;

/** a·b/R, as the kernels' multiplication gives it (canonical). */
export const montgomeryProduct = (field: PrimeField, a: bigint, b: bigint): bigint => fromMontgomery(field, a * b);

export function limbsOf(field: PrimeField, value: bigint): number[] {
  const mask = (1n << BigInt(field.limbBits)) - 1n;
  return Array.from({ length: field.limbs }, (_, k) => Number((value >> BigInt(field.limbBits * k)) & mask));
}

/** Elements to buffer words. */
export function pack(values: readonly bigint[]): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(values.length * WORDS);
  const bytes = new Uint8Array(words.buffer);
  values.forEach((value, i) => writeWord(bytes, 32 * i, value, true));
  return words;
}

export function unpack(words: Uint32Array): bigint[] {
  const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
  return Array.from({ length: words.length / WORDS }, (_, i) => readWord(bytes, 32 * i, true));
}
