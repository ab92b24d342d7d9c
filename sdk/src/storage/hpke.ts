/**
 * Hybrid public key encryption (RFC 9180, base mode, one message an encapsulation) with one fixed suite:
 * DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM. There is nothing to negotiate: a sealed message names no
 * algorithm, and `info` carries a label of what the message is for, so that no message can pass for one of another use.
 * Base mode authenticates no sender: who sealed it has to follow from something else (a signature, the chain).
 */
import { x25519 } from "@noble/curves/ed25519.js";
import { getBytes, hexlify } from "ethers";
import { AEAD_AES_256_GCM, CipherSuite, KDF_HKDF_SHA256, KEM_DHKEM_X25519_HKDF_SHA256 } from "hpke";
import { StorageError } from "../errors.ts";
import { type RandomBytes, systemRandom } from "../random.ts";
import type { Hash } from "../transcript.ts";

/** Bytes that a sealed message is longer than its plaintext: encapsulated key and tag. */
export const HPKE_OVERHEAD = 32 + 16;

/** A reader's keys: X25519, raw 32 bytes as lower-case hex. */
export interface ReaderKeys {
  readonly secret: Hash;
  readonly publicKey: Hash;
}

const suite = new CipherSuite(KEM_DHKEM_X25519_HKDF_SHA256, KDF_HKDF_SHA256, AEAD_AES_256_GCM);

/** A fresh key pair (X25519, RFC 7748: any 32 random bytes are a secret). */
export const generateReaderKeys = (random: RandomBytes = systemRandom): ReaderKeys => readerKeysOf(random(32));

/** The key pair of a 32-byte secret. */
export const readerKeysOf = (secret: Uint8Array): ReaderKeys => ({
  secret: hexlify(secret),
  publicKey: hexlify(x25519.getPublicKey(secret)),
});

/** Throws StorageError BAD_READER_KEY for what is not 32 bytes of lower-case hex. */
export function assertReaderKey(publicKey: string): asserts publicKey is Hash {
  if (!/^0x[0-9a-f]{64}$/.test(publicKey))
    throw new StorageError("BAD_READER_KEY", "a reader's public key is 0x and 64 lower-case hex digits");
}

/**
 * Encrypts `plaintext` to one reader: encapsulated key (32 bytes) ‖ ciphertext ‖ tag (16).
 * @throws StorageError BAD_READER_KEY, also for points of small order, to which nothing would be secret
 */
export async function sealTo(
  publicKey: string,
  info: Uint8Array,
  plaintext: Uint8Array,
  aad?: Uint8Array,
): Promise<Uint8Array> {
  assertReaderKey(publicKey);
  try {
    const key = await suite.DeserializePublicKey(getBytes(publicKey));
    const { encapsulatedSecret, ciphertext } = await suite.Seal(key, plaintext, {
      info,
      ...(aad === undefined ? {} : { aad }),
    });
    const sealed = new Uint8Array(encapsulatedSecret.length + ciphertext.length);
    sealed.set(encapsulatedSecret);
    sealed.set(ciphertext, encapsulatedSecret.length);
    return sealed;
  } catch (cause) {
    throw new StorageError("BAD_READER_KEY", "nothing can be sealed to this public key", { cause });
  }
}

/**
 * Opens what `sealTo` made for this reader with the same `info` and `aad`.
 * @throws StorageError CANNOT_OPEN, saying nothing of which of them differs
 */
export async function openSealed(
  keys: ReaderKeys,
  info: Uint8Array,
  sealed: Uint8Array,
  aad?: Uint8Array,
): Promise<Uint8Array> {
  try {
    const privateKey = await suite.DeserializePrivateKey(getBytes(keys.secret), false);
    const publicKey = await suite.DeserializePublicKey(getBytes(keys.publicKey));
    return await suite.Open({ privateKey, publicKey }, sealed.slice(0, 32), sealed.slice(32), {
      info,
      ...(aad === undefined ? {} : { aad }),
    });
  } catch {
    // No cause: it could tell a damaged message from one of another reader.
    throw new StorageError("CANNOT_OPEN", "the sealed message is damaged, for another reader or for another use");
  }
}
