import { keccak_256 } from "@noble/hashes/sha3.js";
import { bytesToBigint, type RandomBytes, wordBytes } from "@mednexus/sdk";

/** Reproducible bytes for tests and vectors, never for secrets: keccak256(seed ‖ counter), block after block. */
export function seededRandom(seed: bigint): RandomBytes {
  let counter = 0n;
  let pool: Uint8Array = new Uint8Array(0);
  return (length) => {
    const out = new Uint8Array(length);
    for (let at = 0; at < length;) {
      if (pool.length === 0) {
        const block = new Uint8Array(64);
        block.set(wordBytes(seed));
        block.set(wordBytes(counter++), 32);
        pool = keccak_256(block);
      }
      const taken = Math.min(pool.length, length - at);
      out.set(pool.subarray(0, taken), at);
      pool = pool.slice(taken);
      at += taken;
    }
    return out;
  };
}

/** A uniform integer in [low, high], from 256 bits. */
export function seededInt(random: RandomBytes, low: bigint, high: bigint): bigint {
  return low + (bytesToBigint(random(32)) % (high - low + 1n));
}

/** A fresh seed, or the one in MEDNEXUS_SEED to replay a run; tests print it. */
export function testSeed(): bigint {
  const given = process.env.MEDNEXUS_SEED;
  return given === undefined ? bytesToBigint(globalThis.crypto.getRandomValues(new Uint8Array(8))) : BigInt(given);
}
