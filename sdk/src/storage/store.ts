/** Content-addressed storage: content under its 0G Merkle root, and reading a dataset version from it. */
import { StorageError } from "../errors.ts";
import type { Hash } from "../transcript.ts";
import { ChunkDecryptor, ChunkLayout, CHUNK_BYTES } from "./cipher.ts";
import { decodeEnvelope, type Envelope } from "./envelope.ts";
import { decodeManifest, type Manifest } from "./manifest.ts";
import { RootHasher, storageRoot } from "./root.ts";

/** Stored content, readable in pieces. What it gives is not checked: readers check. */
export interface BlobReader {
  readonly size: number;
  /** Exactly `length` bytes, less at the end. */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

export interface BlobStore {
  /** Stores a document; durable when it resolves. Storing it again changes nothing. */
  put(content: Uint8Array): Promise<Hash>;
  /** Errors: StorageError NOT_STORED, BAD_ROOT for what is not a root. */
  open(root: Hash): Promise<BlobReader>;
}

/** Manifests and envelopes are smaller; a larger one is not read. */
const MAX_DOCUMENT_BYTES = 64 * 1024;

/** A root is 0x and 64 lower-case hex digits: it names files. Errors: StorageError BAD_ROOT. */
export function assertRoot(root: string): asserts root is Hash {
  if (!/^0x[0-9a-f]{64}$/.test(root))
    throw new StorageError("BAD_ROOT", "a storage root is 0x and 64 lower-case hex digits");
}

async function readDocument(store: BlobStore, root: Hash): Promise<Uint8Array> {
  const blob = await store.open(root);
  try {
    if (blob.size > MAX_DOCUMENT_BYTES) throw new StorageError("BAD_DOCUMENT", `${root} is too large for a document`);
    return await blob.read(0, blob.size);
  } finally {
    await blob.close();
  }
}

/** Errors: StorageError NOT_STORED, MANIFEST_MISMATCH, UNKNOWN_FORMAT, BAD_DOCUMENT. */
export const readManifest = async (store: BlobStore, hash: Hash): Promise<Manifest> =>
  decodeManifest(await readDocument(store, hash), hash);

/** Errors: StorageError NOT_STORED, BAD_DOCUMENT. */
export async function readEnvelope(store: BlobStore, root: Hash): Promise<Envelope> {
  const bytes = await readDocument(store, root);
  if ((await storageRoot(bytes)) !== root)
    throw new StorageError("BAD_DOCUMENT", `the store has other content than ${root}`);
  return decodeEnvelope(bytes);
}

export type Progress = (done: number, total: number) => void;

/**
 * The plaintext of a dataset version, chunk by chunk. Each chunk is authenticated against everybody without the key;
 * that all of them are the institution's, and not another reader's, is known when the last one has been taken: keep
 * nothing of what came if this throws.
 * @throws StorageError BAD_SIZE, BAD_CHUNK naming it, BAD_CONTENT
 */
export async function* readDataset(
  manifest: Manifest,
  key: Uint8Array,
  blob: BlobReader,
  options: { readonly onProgress?: Progress; readonly chunkBytes?: number } = {},
): AsyncGenerator<Uint8Array> {
  const decryptor = await ChunkDecryptor.create(key, manifest, options.chunkBytes ?? CHUNK_BYTES);
  const { layout } = decryptor;
  checkSize(manifest, blob, layout);
  const hasher = await RootHasher.create();
  for (let index = 0; index < layout.count; index++) {
    const chunk = await blob.read(layout.sealedOffset(index), layout.sealedLength(index));
    hasher.update(chunk);
    yield await decryptor.decrypt(index, chunk);
    options.onProgress?.(layout.plainOffset(index) + layout.plainLength(index), layout.size);
  }
  if (hasher.digest() !== manifest.root)
    throw new StorageError("BAD_CONTENT", `the ciphertext is not ${manifest.root}: somebody with the key changed it`);
}

/** The root of stored content, read in pieces. Errors: StorageError EMPTY_BLOB. */
export async function blobRoot(blob: BlobReader, onProgress?: Progress): Promise<Hash> {
  const hasher = await RootHasher.create();
  for (let at = 0; at < blob.size; at += CHUNK_BYTES) {
    hasher.update(await blob.read(at, Math.min(CHUNK_BYTES, blob.size - at)));
    onProgress?.(Math.min(blob.size, at + CHUNK_BYTES), blob.size);
  }
  return hasher.digest();
}

/**
 * Whether the store holds a version's ciphertext; no key needed.
 * @throws StorageError NOT_STORED, BAD_SIZE, BAD_CONTENT
 */
export async function checkStored(manifest: Manifest, store: BlobStore, onProgress?: Progress): Promise<void> {
  const blob = await store.open(manifest.root);
  try {
    checkSize(manifest, blob, new ChunkLayout(manifest.size));
    if ((await blobRoot(blob, onProgress)) !== manifest.root)
      throw new StorageError("BAD_CONTENT", `the store has other content than ${manifest.root}`);
  } finally {
    await blob.close();
  }
}

function checkSize(manifest: Manifest, blob: BlobReader, { sealedSize }: ChunkLayout): void {
  if (blob.size !== sealedSize)
    throw new StorageError("BAD_SIZE", `the store has ${blob.size} bytes for ${manifest.root}, not ${sealedSize}`);
}
