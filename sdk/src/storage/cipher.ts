/**
 * A dataset version as AES-256-GCM chunks (NIST SP 800-38D). Every version has a fresh 32-byte key, from which HKDF
 * (RFC 5869) derives the chunk key and the key commitment, both bound to the version's header.
 *
 *   chunk i = run (4 bytes) ‖ AES-256-GCM(nonce = run ‖ i (8 bytes), associated data = headerHash ‖ i, plaintext i)
 *
 * The header fixes size and so the number of chunks, the dataset and its version: a chunk that is cut off, moved,
 * dropped, repeated, or taken from elsewhere does not open. A nonce never repeats under one key: within a run the index
 * only grows, and a run that continues after a crash has a higher number, stored before its first chunk is encrypted.
 * GCM alone does not commit to its key; the commitment does, so that no two readers open one ciphertext to two contents.
 * Who holds the key can make chunks that open: only the manifest's root tells them from the institution's.
 */
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { hexlify, toUtf8Bytes } from "ethers";
import { StorageError } from "../errors.ts";
import type { Hash } from "../transcript.ts";
import { type Header, headerHash } from "./manifest.ts";

export const KEY_BYTES = 32;

/** Plaintext bytes a chunk; part of the format. Tests take smaller ones. */
export const CHUNK_BYTES = 2 ** 20;

/** Bytes that a stored chunk is longer than its plaintext: run number and tag. */
export const CHUNK_OVERHEAD = 4 + 16;

const MAX_RUN = 2 ** 32 - 1;

/** A 32-byte value derived from key material for one purpose and one dataset version. */
export const derive = (secret: Uint8Array, purpose: string, header: Header): Uint8Array => {
  const label = toUtf8Bytes(`${header.format}/${purpose}/`);
  const info = new Uint8Array(label.length + 32);
  info.set(label);
  info.set(headerHash(header), label.length);
  return hkdf(sha256, secret, undefined, info, KEY_BYTES);
};

/** What the manifest says of the key. */
export const keyCommitment = (key: Uint8Array, header: Header): Hash => hexlify(derive(key, "key-commitment", header));

/** Where chunks begin and end. An empty plaintext is one empty chunk: that it is empty is authenticated, too. */
export class ChunkLayout {
  readonly size: number;
  readonly chunkBytes: number;
  readonly count: number;

  constructor(size: number, chunkBytes = CHUNK_BYTES) {
    this.size = size;
    this.chunkBytes = chunkBytes;
    this.count = Math.max(1, Math.ceil(size / chunkBytes));
  }

  /** Bytes of the whole ciphertext. */
  get sealedSize(): number {
    return this.size + this.count * CHUNK_OVERHEAD;
  }

  plainOffset(index: number): number {
    return index * this.chunkBytes;
  }

  plainLength(index: number): number {
    return Math.min(this.size, (index + 1) * this.chunkBytes) - index * this.chunkBytes;
  }

  sealedOffset(index: number): number {
    return index * (this.chunkBytes + CHUNK_OVERHEAD);
  }

  sealedLength(index: number): number {
    return this.plainLength(index) + CHUNK_OVERHEAD;
  }
}

async function chunkKey(key: Uint8Array, header: Header): Promise<CryptoKey> {
  if (key.length !== KEY_BYTES) throw new StorageError("BAD_KEY", `a content key has ${KEY_BYTES} bytes`);
  const raw = Uint8Array.from(derive(key, "chunks", header));
  return globalThis.crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
}

const parameters = (bound: Uint8Array, run: number, index: number): AesGcmParams => {
  const iv = new Uint8Array(12);
  const nonce = new DataView(iv.buffer);
  nonce.setUint32(0, run);
  nonce.setBigUint64(4, BigInt(index));
  const additionalData = new Uint8Array(bound.length + 8);
  additionalData.set(bound);
  new DataView(additionalData.buffer).setBigUint64(bound.length, BigInt(index));
  return { name: "AES-GCM", iv, additionalData, tagLength: 128 };
};

/** Encrypts the chunks of one version, in order. */
export class ChunkEncryptor {
  readonly layout: ChunkLayout;
  readonly #key: CryptoKey;
  readonly #bound: Uint8Array;
  readonly #run: number;
  #next = 0;

  private constructor(key: CryptoKey, header: Header, run: number, layout: ChunkLayout) {
    this.#key = key;
    this.#bound = headerHash(header);
    this.#run = run;
    this.layout = layout;
  }

  /**
   * @param run number of this attempt under this key, from 0; never the same twice for one key
   * @throws StorageError BAD_KEY, TOO_MANY_RUNS
   */
  static async create(key: Uint8Array, header: Header, run: number, chunkBytes = CHUNK_BYTES): Promise<ChunkEncryptor> {
    if (!Number.isInteger(run) || run < 0 || run > MAX_RUN)
      throw new StorageError("TOO_MANY_RUNS", "this key cannot be continued: start again with a fresh one");
    return new ChunkEncryptor(await chunkKey(key, header), header, run, new ChunkLayout(header.size, chunkBytes));
  }

  /** Errors: StorageError NONCE_REUSED for an index not above the last one, BAD_CHUNK for a wrong length. */
  async encrypt(index: number, plaintext: Uint8Array): Promise<Uint8Array> {
    if (!Number.isInteger(index) || index < this.#next || index >= this.layout.count)
      throw new StorageError("NONCE_REUSED", `chunk ${index} is not the next one`);
    if (plaintext.length !== this.layout.plainLength(index))
      throw new StorageError("BAD_CHUNK", `chunk ${index} does not have its length`);
    this.#next = index + 1;
    const sealed = await globalThis.crypto.subtle.encrypt(
      parameters(this.#bound, this.#run, index),
      this.#key,
      plaintext as BufferSource,
    );
    const chunk = new Uint8Array(4 + sealed.byteLength);
    new DataView(chunk.buffer).setUint32(0, this.#run);
    chunk.set(new Uint8Array(sealed), 4);
    // Given back now, where the runtime can (ES2024): a collector on a busy machine falls behind a stream of megabytes.
    (sealed as { transfer?(length: number): unknown }).transfer?.(0);
    return chunk;
  }
}

/** Opens chunks of one version, in any order. */
export class ChunkDecryptor {
  readonly layout: ChunkLayout;
  readonly #key: CryptoKey;
  readonly #bound: Uint8Array;

  private constructor(key: CryptoKey, header: Header, layout: ChunkLayout) {
    this.#key = key;
    this.#bound = headerHash(header);
    this.layout = layout;
  }

  /** Errors: StorageError BAD_KEY. */
  static async create(key: Uint8Array, header: Header, chunkBytes = CHUNK_BYTES): Promise<ChunkDecryptor> {
    return new ChunkDecryptor(await chunkKey(key, header), header, new ChunkLayout(header.size, chunkBytes));
  }

  /** Errors: StorageError BAD_CHUNK, naming the chunk. */
  async decrypt(index: number, chunk: Uint8Array): Promise<Uint8Array> {
    try {
      if (index >= this.layout.count || chunk.length !== this.layout.sealedLength(index)) throw new Error("length");
      const run = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength).getUint32(0);
      const plaintext = await globalThis.crypto.subtle.decrypt(
        parameters(this.#bound, run, index),
        this.#key,
        chunk.subarray(4) as BufferSource,
      );
      return new Uint8Array(plaintext);
    } catch {
      throw new StorageError("BAD_CHUNK", `chunk ${index} is damaged, moved or of another dataset version`);
    }
  }
}
