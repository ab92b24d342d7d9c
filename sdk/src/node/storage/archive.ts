/**
 * An institution's encrypted datasets: what they are made of and their keys in the state folder, ciphertexts, manifests
 * and envelopes in the store. Whatever is interrupted is continued by the same call: state is written before what
 * follows from it, and a run that continues never uses a nonce of the one before (cipher.ts).
 */
import { constants } from "node:fs";
import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import { getBytes, hexlify, keccak256, toUtf8Bytes } from "ethers";
import { StorageError } from "../../errors.ts";
import { type RandomBytes, systemRandom } from "../../random.ts";
import { CHUNK_BYTES, ChunkDecryptor, ChunkEncryptor, KEY_BYTES, keyCommitment } from "../../storage/cipher.ts";
import { keyShareCommitment, splitKey } from "../../storage/custody.ts";
import { checkKey, encodeEnvelope, wrapKey, wrapShare } from "../../storage/envelope.ts";
import { assertReaderKey } from "../../storage/hpke.ts";
import { encodeManifest, FORMAT, headerOf, type Manifest } from "../../storage/manifest.ts";
import { RootHasher, storageRoot } from "../../storage/root.ts";
import { type Progress, readDataset, readManifest } from "../../storage/store.ts";
import type { Address, Hash } from "../../transcript.ts";
import type { FileStore } from "../store.ts";
import { fileReader, type FileBlobStore } from "./localStore.ts";

/** Plaintext to encrypt, in pieces of any length, the same at every reading. */
export interface Source {
  readonly size: number;
  /** Names the source from one run to the next. */
  readonly identity: string;
  read(): AsyncIterable<Uint8Array>;
}

/** What the institution says about a dataset version. */
export interface Facts {
  readonly chainId: number;
  readonly registry: Address;
  readonly institution: Address;
  readonly schema: Hash;
  readonly records: number;
}

/** Who can open a version: named readers beside the institution, or k of n custodians and nobody alone. */
export type Access =
  { readonly readers: readonly Hash[] } | { readonly threshold: number; readonly custodians: readonly Hash[] };

export interface EnvelopeRecord {
  readonly reader: Hash;
  readonly root: Hash;
  /** A custodian's share, or null. */
  readonly share: number | null;
}

export interface VersionRecord {
  readonly version: number;
  readonly manifest: Hash;
  readonly root: Hash;
  /** null: in custody. */
  readonly key: Hash | null;
  readonly envelopes: readonly EnvelopeRecord[];
}

export interface DatasetRecord {
  readonly dataset: Hash;
  /** Number on chain, once registered. */
  readonly token?: bigint;
  readonly versions: readonly VersionRecord[];
}

/** An encryption under way. */
export interface Journal {
  readonly dataset: Hash;
  readonly version: number;
  readonly size: number;
  readonly facts: Facts;
  readonly access: Access;
  readonly previous: Hash | null;
  readonly key: Hash;
  readonly salt: Hash;
  /** How often this key has been taken up: part of every nonce. */
  readonly run: number;
  /** Names the source: another one is another encryption. */
  readonly identity: string;
  /** Set when the ciphertext is complete, before it moves to its place. */
  readonly root?: Hash;
  /** Set when everything is made: what remains is to write it down. */
  readonly finished?: { readonly record: VersionRecord; readonly documents: readonly string[] };
}

export interface ArchiveOptions {
  readonly state: FileStore;
  readonly store: FileBlobStore;
  readonly random?: RandomBytes;
  readonly onProgress?: Progress;
  /** Stops between chunks; the same call continues. */
  readonly signal?: AbortSignal;
  /** Another chunk length than the format's: for tests. */
  readonly chunkBytes?: number;
}

/** The state key of a dataset's record. */
export const recordKey = (dataset: Hash): string => `data-${dataset.slice(2)}`;
/** One encryption at a time for a dataset; a new one is known by its source. */
const journalKey = (dataset: Hash | undefined, identity: string): string =>
  `encrypting-${(dataset ?? keccak256(toUtf8Bytes(identity))).slice(2)}`;
export const stagedName = (journal: Pick<Journal, "dataset" | "version">): string =>
  `dataset-${journal.dataset.slice(2)}-${journal.version}`;

export class Archive {
  readonly #state: FileStore;
  readonly #store: FileBlobStore;
  readonly #random: RandomBytes;
  readonly #options: ArchiveOptions;
  readonly #chunkBytes: number;

  constructor(options: ArchiveOptions) {
    this.#options = options;
    this.#state = options.state;
    this.#store = options.store;
    this.#random = options.random ?? systemRandom;
    this.#chunkBytes = options.chunkBytes ?? CHUNK_BYTES;
  }

  /** Errors: StorageError NO_DATASET. */
  record(dataset: Hash): DatasetRecord {
    const record = this.#state.read<DatasetRecord>(recordKey(dataset));
    if (record === undefined) throw new StorageError("NO_DATASET", `this institution keeps no dataset ${dataset}`);
    return record;
  }

  /** Errors: StorageError NO_DATASET, NO_VERSION. */
  versionOf(dataset: Hash, version?: number): VersionRecord {
    const { versions } = this.record(dataset);
    const found = version === undefined ? versions.at(-1) : versions.find((each) => each.version === version);
    if (found === undefined) throw new StorageError("NO_VERSION", `dataset ${dataset} has no version ${version ?? 1}`);
    return found;
  }

  /** Notes under which number the chain knows a dataset. */
  registered(dataset: Hash, token: bigint): void {
    this.#state.write(recordKey(dataset), { ...this.record(dataset), token });
  }

  /** Every dataset that this institution keeps. */
  datasets(): DatasetRecord[] {
    return this.#read<DatasetRecord>("data-");
  }

  /** Encryptions that were begun and not finished. */
  unfinished(): Pick<Journal, "dataset" | "version" | "identity">[] {
    return this.#read<Journal>("encrypting-").map(({ dataset, version, identity }) => ({ dataset, version, identity }));
  }

  #read<T>(prefix: string): T[] {
    return this.#state.keys().flatMap((key) => (key.startsWith(prefix) ? [this.#state.read<T>(key)!] : []));
  }

  /**
   * Encrypts a source into the store under a fresh key: a new dataset, or the next version of `dataset`.
   * `access` and `facts` of the last call count, unless everything was already made.
   * @throws StorageError SOURCE_CHANGED, INTERRUPTED, BAD_READER_KEY, BAD_THRESHOLD; STORE_WRITE, STATE_WRITE
   */
  async add(
    source: Source,
    facts: Facts,
    access: Access = { readers: [] },
    dataset?: Hash,
  ): Promise<VersionRecord & { readonly dataset: Hash }> {
    const readers = "readers" in access ? access.readers : access.custodians;
    readers.forEach(assertReaderKey);
    if (new Set(readers).size !== readers.length)
      throw new StorageError("BAD_READER_KEY", "a reader or custodian is named twice");
    if ("custodians" in access) splitKey(new Uint8Array(KEY_BYTES), access.threshold, access.custodians.length);
    const at = journalKey(dataset, source.identity);
    let journal = await this.#begin(at, source, facts, access, dataset);
    journal = await this.#encrypt(at, journal, source);
    const record = await this.#finish(at, journal);
    return { dataset: journal.dataset, ...record };
  }

  /**
   * The current version under a fresh key, for `access` from now on. Who could open the version before still can:
   * no key takes back what it has opened. `key`: what custodians gave back, where it is in their custody.
   * @throws StorageError IN_CUSTODY, and those of `add` and `readDataset`
   */
  async rotate(
    dataset: Hash,
    access: Access,
    recovered?: Uint8Array,
  ): Promise<VersionRecord & { readonly dataset: Hash }> {
    const current = this.versionOf(dataset);
    const manifest = await readManifest(this.#store, current.manifest);
    const [store, key, chunkBytes] = [this.#store, recovered ?? this.#keyOf(current), this.#chunkBytes];
    checkKey(manifest, key);
    const source: Source = {
      size: manifest.size,
      identity: current.manifest,
      async *read() {
        const blob = await store.open(current.root);
        try {
          yield* readDataset(manifest, key, blob, { chunkBytes });
        } finally {
          await blob.close();
        }
      },
    };
    return this.add(source, manifest, access, dataset);
  }

  /** Seals a version's key to one more reader; the envelope's root is what the reader needs. Errors: StorageError IN_CUSTODY, BAD_READER_KEY. */
  async share(dataset: Hash, reader: Hash, version?: number): Promise<Hash> {
    const chosen = this.versionOf(dataset, version);
    const key = this.#keyOf(chosen);
    const envelope = await wrapKey(await readManifest(this.#store, chosen.manifest), reader, key);
    const bytes = encodeEnvelope(envelope);
    const root = await storageRoot(bytes);
    const record = this.record(dataset);
    const entry: EnvelopeRecord = { reader, root, share: null };
    this.#state.write(recordKey(dataset), {
      ...record,
      versions: record.versions.map((each) =>
        each.version === chosen.version ? { ...each, envelopes: [...each.envelopes, entry] } : each,
      ),
    });
    await this.#store.put(bytes);
    return root;
  }

  #keyOf(version: VersionRecord): Uint8Array {
    if (version.key === null)
      throw new StorageError("IN_CUSTODY", "the key is with the custodians: collect their shares");
    return getBytes(version.key);
  }

  /** Takes up the journal of an earlier run, or begins one: in either case a run number that no nonce has carried. */
  async #begin(at: string, source: Source, facts: Facts, access: Access, dataset?: Hash): Promise<Journal> {
    let left = this.#state.read<Journal>(at);
    if (left !== undefined && left.identity !== source.identity) {
      if (left.finished === undefined) await rm(this.#store.stage(stagedName(left)), { force: true });
      else await this.#finish(at, left);
      left = undefined;
    }
    if (left?.finished !== undefined) return left;
    if (left !== undefined && left.size !== source.size)
      throw new StorageError("SOURCE_CHANGED", "the source has another size than when its encryption began");
    const last = dataset === undefined ? undefined : this.versionOf(dataset);
    const journal: Journal =
      left === undefined
        ? {
            dataset: dataset ?? hexlify(this.#random(32)),
            version: (last?.version ?? 0) + 1,
            size: source.size,
            identity: source.identity,
            facts,
            access,
            previous: last?.manifest ?? null,
            key: hexlify(this.#random(KEY_BYTES)),
            salt: hexlify(this.#random(32)),
            run: 0,
          }
        : { ...left, facts, access, run: left.run + 1 };
    this.#state.write(at, journal);
    return journal;
  }

  #header(journal: Journal): ReturnType<typeof headerOf> {
    const { chainId, registry, institution } = journal.facts;
    return {
      format: FORMAT,
      chainId,
      registry: registry.toLowerCase(),
      institution: institution.toLowerCase(),
      dataset: journal.dataset,
      version: journal.version,
      size: journal.size,
    };
  }

  /**
   * Writes the ciphertext. Chunks that an earlier run left are kept if they open to what the source
   * says now; the first one that does not open (torn by the crash) and all behind it are made again.
   */
  async #encrypt(at: string, journal: Journal, source: Source): Promise<Journal> {
    if (journal.root !== undefined && (await this.#store.has(journal.root))) return journal;
    const header = this.#header(journal);
    const key = getBytes(journal.key);
    const encryptor = await ChunkEncryptor.create(key, header, journal.run, this.#chunkBytes);
    const decryptor = await ChunkDecryptor.create(key, header, this.#chunkBytes);
    const { layout } = encryptor;
    const path = this.#store.stage(stagedName(journal));
    const file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    try {
      const left = await fileReader(file);
      const hasher = await RootHasher.create();
      let resuming = left.size > 0;
      let index = 0;
      for await (const plaintext of pieces(source, layout.chunkBytes)) {
        if (this.#options.signal?.aborted === true)
          throw new StorageError("INTERRUPTED", "stopped; the same command continues", { retryable: true });
        if (index >= layout.count) throw changed();
        let chunk: Uint8Array | undefined;
        if (resuming) {
          const kept = await left.read(layout.sealedOffset(index), layout.sealedLength(index));
          const opened = await decryptor.decrypt(index, kept).catch(() => undefined);
          if (opened !== undefined && !sameBytes(opened, plaintext)) throw changed();
          if (opened !== undefined) chunk = kept;
          else {
            resuming = false;
            await file.truncate(layout.sealedOffset(index));
          }
        }
        if (chunk === undefined) {
          if (plaintext.length !== layout.plainLength(index)) throw changed();
          chunk = await encryptor.encrypt(index, plaintext);
          await writeAt(file, chunk, layout.sealedOffset(index));
        }
        hasher.update(chunk);
        index++;
        this.#options.onProgress?.(Math.min(layout.size, index * layout.chunkBytes), layout.size);
      }
      if (index !== layout.count) throw changed();
      await file.truncate(layout.sealedSize);
      await file.sync();
      const complete = { ...journal, root: hasher.digest() };
      this.#state.write(at, complete);
      await this.#store.adopt(path, complete.root);
      return complete;
    } finally {
      await file.close();
    }
  }

  /** Makes manifest and envelopes once, then writes down the record and stores them: what is erased later must be known. */
  async #finish(at: string, journal: Journal): Promise<VersionRecord> {
    const finished = journal.finished ?? (await this.#documents(journal));
    if (journal.finished === undefined) this.#state.write(at, { ...journal, finished });
    const known = this.#state.read<DatasetRecord>(recordKey(journal.dataset));
    const earlier = (known?.versions ?? []).filter(({ version }) => version !== journal.version);
    this.#state.write(recordKey(journal.dataset), {
      ...known,
      dataset: journal.dataset,
      versions: [...earlier, finished.record],
    });
    for (const document of finished.documents) await this.#store.put(toUtf8Bytes(document));
    this.#state.remove(at);
    return finished.record;
  }

  async #documents(journal: Journal): Promise<NonNullable<Journal["finished"]>> {
    const header = this.#header(journal);
    const [key, { access, root, facts }] = [getBytes(journal.key), journal];
    if (root === undefined) throw new StorageError("NOT_STORED", "the ciphertext is not complete");
    const custody = "custodians" in access;
    const readers = custody ? access.custodians : access.readers;
    const shares = custody ? splitKey(key, access.threshold, readers.length, this.#random) : [];
    const manifest: Manifest = {
      ...header,
      previous: journal.previous,
      schema: facts.schema,
      records: facts.records,
      root,
      keyCommitment: keyCommitment(key, header),
      custody: custody
        ? { threshold: access.threshold, shares: shares.map((share) => keyShareCommitment(share, header)) }
        : null,
      salt: journal.salt,
    };
    const envelopes = await Promise.all(
      readers.map((reader, i) => (custody ? wrapShare(manifest, reader, shares[i]!) : wrapKey(manifest, reader, key))),
    );
    const documents = [encodeManifest(manifest), ...envelopes.map(encodeEnvelope)];
    const [hash, ...roots] = await Promise.all(documents.map(storageRoot));
    const record: VersionRecord = {
      version: journal.version,
      manifest: hash!,
      root,
      key: custody ? null : journal.key,
      envelopes: envelopes.map(({ share }, i) => ({ reader: readers[i]!, root: roots[i]!, share })),
    };
    return { record, documents: documents.map((document) => new TextDecoder().decode(document)) };
  }
}

const changed = (): StorageError =>
  new StorageError("SOURCE_CHANGED", "the source is not what it was when its encryption began");

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

async function writeAt(file: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += (await file.write(bytes, at, bytes.length - at, offset + at)).bytesWritten;
  }
}

/** A source cut into chunks, each good until the next is asked for; an empty source is one empty chunk. */
async function* pieces(source: Source, chunkBytes: number): AsyncGenerator<Uint8Array> {
  let filled = 0;
  const chunk = new Uint8Array(Math.min(chunkBytes, source.size));
  for await (const piece of source.read()) {
    for (let at = 0; at < piece.length;) {
      const taken = Math.min(piece.length - at, chunk.length - filled);
      if (taken === 0) throw changed(); // longer than it said
      chunk.set(piece.subarray(at, at + taken), filled);
      [at, filled] = [at + taken, filled + taken];
      if (filled === chunkBytes) {
        yield chunk;
        filled = 0;
      }
    }
  }
  if (filled > 0 || source.size === 0) yield chunk.subarray(0, filled);
}

/** A file as a source. Errors: StorageError NO_SOURCE. */
export async function fileSource(path: string): Promise<Source> {
  const openFile = (): Promise<FileHandle> =>
    open(path, "r").catch((cause: unknown) => {
      throw new StorageError("NO_SOURCE", `${path} cannot be read`, { cause });
    });
  const probe = await openFile();
  const found = await probe.stat().finally(() => probe.close());
  if (!found.isFile()) throw new StorageError("NO_SOURCE", `${path} is not a file`);
  return {
    size: found.size,
    identity: `file ${path}`,
    async *read() {
      const file = await openFile();
      try {
        const reader = await fileReader(file);
        for (let at = 0; at < reader.size; at += CHUNK_BYTES) yield await reader.read(at, CHUNK_BYTES);
      } finally {
        await file.close();
      }
    },
  };
}

/** Bytes at hand as a source. */
export const bytesSource = (bytes: Uint8Array, identity: string): Source => ({
  size: bytes.length,
  identity,
  async *read() {
    yield bytes;
  },
});

/**
 * Decrypts a version into a new file, owner-readable. The file appears when everything is checked, or not at all.
 * @throws StorageError FILE_EXISTS, INTERRUPTED, and those of `readDataset`
 */
export async function decryptTo(
  path: string,
  manifest: Manifest,
  key: Uint8Array,
  store: FileBlobStore,
  options: Pick<ArchiveOptions, "onProgress" | "signal" | "chunkBytes"> = {},
): Promise<void> {
  const taken = await stat(path).then(
    () => true,
    () => false,
  );
  if (taken) throw new StorageError("FILE_EXISTS", `${path} exists already`);
  const blob = await store.open(manifest.root);
  const partial = `${path}.partial`;
  try {
    await rm(partial, { force: true });
    const file = await open(partial, "wx", 0o600);
    try {
      for await (const chunk of readDataset(manifest, key, blob, options)) {
        if (options.signal?.aborted === true)
          throw new StorageError("INTERRUPTED", "stopped; nothing was written", { retryable: true });
        await file.writeFile(chunk);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  } finally {
    await blob.close();
  }
}
