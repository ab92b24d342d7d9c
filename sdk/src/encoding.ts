import { keccak_256 } from "@noble/hashes/sha3.js";
import { hexlify } from "ethers";
import { poseidon16 } from "poseidon-lite/poseidon16";
import { bytesToBigint, packWords } from "./bytes.ts";
import { EncodingError } from "./errors.ts";
import { Fr, FR_MODULUS } from "./field.ts";

/** Blinders ρ_0..ρ_3 that follow the n values of every committed vector. */
export const BLINDERS = 4;
/** A 16-bit coordinate u is in [-2^15, 2^15). */
export const VALUE_BITS = 16;
export const VALUE_OFFSET = 1n << 15n;
/** 16-bit values packed into one field element. */
export const LIMB_VALUES = 15;
/** Field elements that one Poseidon(16) call absorbs besides the running state. */
export const CHAIN_RATE = 15;
/** 32-byte words in one on-chain chunk: 64,000 bytes, below 64 KiB. */
export const CHUNK_WORDS = 2000;
const WORD_BYTES = 32;

/** What a Poseidon chain commits to; part of its first state, so no chain is another's prefix. */
export const CHAIN = {
  update: { bits: 16, kind: 1 },
  aggregate: { bits: 0, kind: 2 },
  inference: { bits: 16, kind: 3 },
} as const;

/** Integers in (-r/2, r/2) as canonical field elements: negatives become r - |x|. Throws EncodingError LIFT_RANGE. */
export function lower(values: readonly bigint[]): bigint[] {
  return values.map((v, i) => {
    if (v > FR_MODULUS >> 1n || v < -(FR_MODULUS >> 1n)) {
      throw new EncodingError("LIFT_RANGE", `integer ${i} is outside (-r/2, r/2)`);
    }
    return Fr.from(v);
  });
}

/** Canonical field elements as integers centred in (-r/2, r/2). Throws EncodingError NON_CANONICAL. */
export function lift(words: readonly bigint[]): bigint[] {
  return words.map((w, i) => (Fr.assertCanonical(w, `word ${i}`) > FR_MODULUS >> 1n ? w - FR_MODULUS : w));
}

/** Throws EncodingError VALUE_RANGE, by index, unless every value is a signed 16-bit integer. */
export function assertValues(values: readonly bigint[]): void {
  values.forEach((v, i) => {
    if (v < -VALUE_OFFSET || v >= VALUE_OFFSET) {
      throw new EncodingError("VALUE_RANGE", `coordinate ${i} is outside [-2^15, 2^15)`);
    }
  });
}

/** Limb l = Σ_{j<15} (u_{15l+j} + 2^15)·2^(16j); absent positions of the last limb count as field 0. */
export function packLimbs(values: readonly bigint[]): bigint[] {
  assertValues(values);
  const limbs: bigint[] = [];
  for (let start = 0; start < values.length; start += LIMB_VALUES) {
    let limb = 0n;
    values.slice(start, start + LIMB_VALUES).forEach((v, j) => {
      limb |= (v + VALUE_OFFSET) << BigInt(VALUE_BITS * j);
    });
    limbs.push(limb);
  }
  return limbs;
}

/**
 * Poseidon(16) chain over canonical field elements: state_0 = n·2^16 + bits·2^8 + kind, then state' = Poseidon(state,
 * 15 elements), the last block padded with zeros. Parameters are circomlib's for t = 17 (8 full, 68 partial rounds).
 */
export function chainHash(n: number, chain: { bits: number; kind: number }, elements: readonly bigint[]): bigint {
  elements.forEach((e, i) => Fr.assertCanonical(e, `chain element ${i}`));
  let state = BigInt(n) * 65536n + BigInt(chain.bits * 256 + chain.kind);
  for (let start = 0; start < elements.length; start += CHAIN_RATE) {
    const block = elements.slice(start, start + CHAIN_RATE);
    while (block.length < CHAIN_RATE) block.push(0n);
    state = poseidon16([state, ...block]) as bigint;
  }
  return state;
}

/** h of `update`: limbs of n signed 16-bit values, then the four blinders with no break. */
export function updateHash(values: readonly bigint[], blinders: readonly bigint[]): bigint {
  assertLength(blinders, BLINDERS, "blinders");
  return chainHash(values.length, CHAIN.update, [...packLimbs(values), ...blinders]);
}

/** h_M of `aggregate`, also the model root of `inference`: M̃ as field elements, then P̃. `vector` has n + 4 words. */
export function aggregateHash(vector: readonly bigint[]): bigint {
  return chainHash(vector.length - BLINDERS, CHAIN.aggregate, vector);
}

/** Input commitment of `inference`: limbs of n signed 16-bit values, packed as in an update, then a uniform salt. */
export function inputHash(input: readonly bigint[], salt: bigint): bigint {
  return chainHash(input.length, CHAIN.inference, [...packLimbs(input), salt]);
}

/** Throws EncodingError LENGTH. */
export function assertLength(vector: readonly unknown[], length: number, what: string): void {
  if (vector.length !== length) {
    throw new EncodingError("LENGTH", `${what}: ${vector.length} elements, expected ${length}`);
  }
}

/** A vector on the wire: 32-byte big-endian words of canonical field elements, natural order. */
export function encodeWords(words: readonly bigint[]): Uint8Array {
  words.forEach((w, i) => Fr.assertCanonical(w, `word ${i}`));
  return packWords(words);
}

/** Inverse of `encodeWords`. Throws EncodingError WORD_BYTES or NON_CANONICAL: a value at or above r is refused. */
export function decodeWords(bytes: Uint8Array): bigint[] {
  if (bytes.length % WORD_BYTES !== 0) {
    throw new EncodingError("WORD_BYTES", `${bytes.length} bytes are not whole 32-byte words`);
  }
  return Array.from({ length: bytes.length / WORD_BYTES }, (_, i) =>
    Fr.assertCanonical(bytesToBigint(bytes.subarray(WORD_BYTES * i, WORD_BYTES * (i + 1))), `word ${i}`),
  );
}

/** Wire bytes cut into the chunks that go on chain: CHUNK_WORDS words each, the last one shorter. */
export function splitChunks(bytes: Uint8Array): Uint8Array[] {
  const size = CHUNK_WORDS * WORD_BYTES;
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.slice(size * i, size * (i + 1)));
}

/** keccak256 of each chunk of raw bytes, canonical or not: a complaint must be able to name a malformed ciphertext. */
export const hashChunks = (bytes: Uint8Array): string[] =>
  splitChunks(bytes).map((chunk) => hexlify(keccak_256(chunk)));

/** The chunks of a vector of canonical words. */
export const chunkWords = (words: readonly bigint[]): Uint8Array[] => splitChunks(encodeWords(words));

/** The chunk hashes of a vector of canonical words. */
export const chunkHashes = (words: readonly bigint[]): string[] => hashChunks(encodeWords(words));
