import { EncodingError } from "./errors.ts";

const WORD = 32;
const MASK64 = (1n << 64n) - 1n;

/** Any big-endian byte string as an unsigned integer. */
export function bytesToBigint(bytes: Uint8Array): bigint {
  let value = 0n;
  let i = 0;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (; i + 8 <= bytes.length; i += 8) value = (value << 64n) | view.getBigUint64(i);
  for (; i < bytes.length; i++) value = (value << 8n) | BigInt(bytes[i]!);
  return value;
}

/** Writes 0 <= value < 2^256 at `offset`, big-endian unless `littleEndian`. */
export function writeWord(out: Uint8Array, offset: number, value: bigint, littleEndian = false): void {
  const view = new DataView(out.buffer, out.byteOffset + offset, WORD);
  for (let limb = 0; limb < 4; limb++) {
    view.setBigUint64(littleEndian ? 8 * limb : 24 - 8 * limb, (value >> BigInt(64 * limb)) & MASK64, littleEndian);
  }
}

/** The 32 bytes at `offset` as an unsigned integer, big-endian unless `littleEndian`. */
export function readWord(bytes: Uint8Array, offset: number, littleEndian = false): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, WORD);
  let value = 0n;
  for (let limb = 3; limb >= 0; limb--) {
    value = (value << 64n) | view.getBigUint64(littleEndian ? 8 * limb : 24 - 8 * limb, littleEndian);
  }
  return value;
}

/** The 32-byte big-endian form of 0 <= value < 2^256. Throws EncodingError WORD_RANGE outside that. */
export function wordBytes(value: bigint): Uint8Array {
  if (value < 0n || value >> 256n !== 0n) throw new EncodingError("WORD_RANGE", "value does not fit a 32-byte word");
  const out = new Uint8Array(WORD);
  writeWord(out, 0, value);
  return out;
}

/** Integers as concatenated 32-byte big-endian words; no range check beyond the caller's. */
export function packWords(values: readonly bigint[]): Uint8Array {
  const out = new Uint8Array(WORD * values.length);
  values.forEach((value, i) => writeWord(out, WORD * i, value));
  return out;
}
