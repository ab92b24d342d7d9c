import { FR_MODULUS } from "./field.ts";
import { bytesToBigint } from "./bytes.ts";

/** Source of uniform bytes; injected everywhere so that tests are reproducible and production is not. */
export type RandomBytes = (length: number) => Uint8Array;

/** The platform's cryptographic generator (Web Crypto, in browsers and in Node). */
export const systemRandom: RandomBytes = (length) => {
  const out = new Uint8Array(length);
  // getRandomValues refuses more than 65,536 bytes at once
  for (let offset = 0; offset < length; offset += 65536) {
    globalThis.crypto.getRandomValues(out.subarray(offset, Math.min(offset + 65536, length)));
  }
  return out;
};

/** A scalar in [0, r), within 2^-257 of uniform: 512 random bits reduced, so no rejection loop is timed. */
export function randomFr(random: RandomBytes = systemRandom): bigint {
  return bytesToBigint(random(64)) % FR_MODULUS;
}

/** A scalar in [1, r): secret keys and ephemeral keys must not be zero. */
export function randomNonZeroFr(random: RandomBytes = systemRandom): bigint {
  return 1n + (bytesToBigint(random(64)) % (FR_MODULUS - 1n));
}

/** `length` independent scalars. */
export function randomFrVector(length: number, random: RandomBytes = systemRandom): bigint[] {
  return Array.from({ length }, () => randomFr(random));
}
