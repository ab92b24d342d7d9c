/**
 * A sealed model's weights in a store: a stored version like a dataset's (cipher.ts, manifest.ts), under the content key of the model's k, and
 * its manifest hash is the seal's dataHash. Whoever holds k, or an envelope of the content key, reads it; nobody else.
 */
import { hexlify } from "ethers";
import { decodeWords, encodeWords } from "../encoding.ts";
import { type RandomBytes, systemRandom } from "../random.ts";
import { contentKey } from "../sealed.ts";
import type { Address, Hash } from "../transcript.ts";
import { ChunkEncryptor, keyCommitment } from "./cipher.ts";
import { checkKey } from "./envelope.ts";
import { encodeManifest, FORMAT, type Manifest } from "./manifest.ts";
import { type BlobStore, readDataset, readManifest } from "./store.ts";

/** What is said in public about a sealed model. */
export interface SealedModelFacts {
  readonly chainId: number;
  /** ModelINFT */
  readonly registry: Address;
  /** who seals it */
  readonly owner: Address;
  /** of its input: what the runtime spec says */
  readonly schema: Hash;
}

/**
 * Encrypts M̃ ‖ P̃ (n + 4 canonical words) and stores it; the dataHash to seal with. `key`: a fresh k (randomModelKey), sealed with it.
 * @throws EncodingError NON_CANONICAL; StorageError STORE_WRITE
 */
export async function storeSealedModel(
  store: BlobStore,
  key: bigint,
  vector: readonly bigint[],
  facts: SealedModelFacts,
  random: RandomBytes = systemRandom,
): Promise<Hash> {
  const plaintext = encodeWords(vector);
  const header = {
    format: FORMAT,
    chainId: facts.chainId,
    registry: facts.registry.toLowerCase(),
    institution: facts.owner.toLowerCase(),
    // Random: with it the chunk key, and so every nonce, is of this call alone.
    dataset: hexlify(random(32)),
    version: 1,
    size: plaintext.length,
  } as const;
  const content = contentKey(key);
  const encryptor = await ChunkEncryptor.create(content, header, 0);
  const { layout } = encryptor;
  const ciphertext = new Uint8Array(layout.sealedSize);
  for (let i = 0; i < layout.count; i++) {
    const from = layout.plainOffset(i);
    const chunk = await encryptor.encrypt(i, plaintext.subarray(from, from + layout.plainLength(i)));
    ciphertext.set(chunk, layout.sealedOffset(i));
  }
  const manifest: Manifest = {
    ...header,
    previous: null,
    schema: facts.schema,
    records: 1,
    root: await store.put(ciphertext),
    keyCommitment: keyCommitment(content, header),
    custody: null,
    salt: hexlify(random(32)),
  };
  return store.put(encodeManifest(manifest));
}

/**
 * M̃ ‖ P̃ behind a seal's dataHash. `content`: contentKey(k), or what an envelope held. Compare aggregateHash of it with the version's root.
 * @throws StorageError NOT_STORED, MANIFEST_MISMATCH, WRONG_KEY, BAD_CHUNK, BAD_CONTENT
 */
export async function readSealedModel(store: BlobStore, dataHash: Hash, content: Uint8Array): Promise<bigint[]> {
  const manifest = await readManifest(store, dataHash);
  checkKey(manifest, content);
  const blob = await store.open(manifest.root);
  try {
    const parts: Uint8Array[] = [];
    for await (const part of readDataset(manifest, content, blob)) parts.push(part);
    const bytes = new Uint8Array(manifest.size);
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return decodeWords(bytes);
  } finally {
    await blob.close();
  }
}
