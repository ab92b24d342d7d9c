import { expect } from "chai";
import { getBytes, hexlify } from "ethers";
import {
  ChunkDecryptor,
  ChunkEncryptor,
  encodeEnvelope,
  encodeManifest,
  decodeEnvelope,
  decodeManifest,
  FORMAT,
  type Header,
  keyCommitment,
  type Manifest,
  manifestHash,
  openKey,
  type RandomBytes,
  readDataset,
  type ReaderKeys,
  readerKeysOf,
  storageRoot,
  wrapKey,
} from "@mednexus/sdk";
import { seededInt } from "../vectors/seeded.ts";

/** Small chunks: the same format with more chunks a byte. */
export const SMALL_CHUNK = 64;

export const bufferBlob = (bytes: Uint8Array) => ({
  size: bytes.length,
  read: async (offset: number, length: number) => bytes.slice(offset, offset + length),
  close: async () => {},
});

export interface Sealed {
  readonly plaintext: Uint8Array;
  readonly key: Uint8Array;
  readonly manifest: Manifest;
  readonly ciphertext: Uint8Array;
  readonly reader: ReaderKeys;
}

export const hexOf = (random: RandomBytes): string => hexlify(random(32));

export function headerFor(random: RandomBytes, size: number, version = 1, dataset = hexOf(random)): Header {
  return {
    format: FORMAT,
    chainId: 31337,
    registry: `0x${"11".repeat(20)}`,
    institution: `0x${"22".repeat(20)}`,
    dataset,
    version,
    size,
  };
}

/** A dataset version in memory, in chunks of 64 bytes, with one reader. */
export async function sealInMemory(
  random: RandomBytes,
  plaintext: Uint8Array,
  header = headerFor(random, plaintext.length),
): Promise<Sealed> {
  const key = random(32);
  const encryptor = await ChunkEncryptor.create(key, header, 0, SMALL_CHUNK);
  const { layout } = encryptor;
  const ciphertext = new Uint8Array(layout.sealedSize);
  for (let i = 0; i < layout.count; i++) {
    const piece = plaintext.subarray(layout.plainOffset(i), layout.plainOffset(i) + layout.plainLength(i));
    ciphertext.set(await encryptor.encrypt(i, piece), layout.sealedOffset(i));
  }
  const manifest: Manifest = {
    ...header,
    previous: null,
    schema: hexOf(random),
    records: 7,
    root: await storageRoot(ciphertext),
    keyCommitment: keyCommitment(key, header),
    custody: null,
    salt: hexOf(random),
  };
  return { plaintext, key, manifest, ciphertext, reader: readerKeysOf(random(32)) };
}

/** Everything that a version yields to a reader with this key. */
export async function readAll(manifest: Manifest, key: Uint8Array, ciphertext: Uint8Array): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of readDataset(manifest, key, bufferBlob(ciphertext), { chunkBytes: SMALL_CHUNK }))
    parts.push(part);
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/**
 * Changes a ciphertext, a chunk's place, what the chunks are bound to, a manifest or an envelope `count` times at random
 * and returns how many of the changed ones were accepted by the check that has to refuse them.
 */
export async function acceptedMutations(random: RandomBytes, count: number): Promise<number> {
  const pick = (below: number): number => Number(seededInt(random, 0n, BigInt(below) - 1n));
  const sealed = await sealInMemory(random, random(5 * SMALL_CHUNK - 11));
  const other = await sealInMemory(random, random(5 * SMALL_CHUNK - 11));
  const next = await sealInMemory(
    random,
    sealed.plaintext,
    headerFor(random, sealed.plaintext.length, 2, sealed.manifest.dataset),
  );
  const { key, manifest, ciphertext, reader } = sealed;
  expect(await readAll(manifest, key, ciphertext)).to.deep.equal(sealed.plaintext);
  const decryptor = await ChunkDecryptor.create(key, manifest, SMALL_CHUNK);
  const { layout } = decryptor;
  const chunkAt = (bytes: Uint8Array, i: number): Uint8Array =>
    bytes.slice(layout.sealedOffset(i), layout.sealedOffset(i) + layout.sealedLength(i));
  const flip = (bytes: Uint8Array): Uint8Array => {
    const out = bytes.slice();
    for (let flips = 1 + pick(3), bits = new Set<number>(); flips > 0; flips--) {
      const bit = pick(8 * out.length);
      if (!bits.has(bit)) out[bit >> 3]! ^= 1 << (bit & 7); // never back again
      bits.add(bit);
    }
    return out;
  };
  const envelope = encodeEnvelope(await wrapKey(manifest, reader.publicKey, key));
  const [document, hash] = [encodeManifest(manifest), await manifestHash(manifest)];
  const fields = ["chainId", "registry", "institution", "dataset", "version", "size"] as const;

  const kinds: (() => Promise<unknown>)[] = [
    // a chunk: bits changed, cut, lengthened
    () => {
      const i = pick(layout.count);
      return decryptor.decrypt(i, flip(chunkAt(ciphertext, i)));
    },
    () => {
      const i = pick(layout.count);
      const chunk = chunkAt(ciphertext, i);
      return decryptor.decrypt(i, chunk.slice(0, pick(chunk.length)));
    },
    // a chunk of another place, another dataset, another version
    () => {
      const i = pick(layout.count);
      return decryptor.decrypt((i + 1 + pick(layout.count - 1)) % layout.count, chunkAt(ciphertext, i));
    },
    () => {
      const i = pick(layout.count);
      return decryptor.decrypt(i, chunkAt(pick(2) === 0 ? other.ciphertext : next.ciphertext, i));
    },
    // associated data: one field of the header is another
    async () => {
      const field = fields[pick(fields.length)]!;
      const value = manifest[field];
      const changed = typeof value === "number" ? value + 1 + pick(1000) : hexlify(flip(getBytes(value)));
      const bound = await ChunkDecryptor.create(key, { ...manifest, [field]: changed }, SMALL_CHUNK);
      return bound.decrypt(0, chunkAt(ciphertext, 0));
    },
    // the whole: bits, cut short, chunks swapped, zeros behind it (which have the same root)
    () => readAll(manifest, key, flip(ciphertext)),
    () => readAll(manifest, key, ciphertext.slice(0, pick(ciphertext.length))),
    () => {
      const swapped = ciphertext.slice();
      const [a, b] = [pick(4), pick(4)];
      swapped.set(chunkAt(ciphertext, a), layout.sealedOffset(b));
      swapped.set(chunkAt(ciphertext, b), layout.sealedOffset(a));
      return a === b ? readAll(manifest, key, other.ciphertext) : readAll(manifest, key, swapped);
    },
    () => {
      const longer = new Uint8Array(ciphertext.length + 1 + pick(64));
      longer.set(ciphertext);
      return readAll(manifest, key, longer);
    },
    // documents
    () => decodeManifest(flip(document), hash),
    async () => openKey(reader, manifest, decodeEnvelope(flip(envelope))),
  ];
  let accepted = 0;
  for (let i = 0; i < count; i++) {
    const kind = i % kinds.length;
    await kinds[kind]!().then(
      () => accepted++,
      (error: { code?: string }) => {
        // A refusal by name: anything else is a bug that only looks like one.
        if (typeof error.code !== "string") throw error;
      },
    );
  }
  return accepted;
}
