/**
 * Crypto-shredding: a dataset's keys, salts, ciphertexts, manifests and envelopes are removed, and every file under the
 * given folders is then searched for what they consisted of. It proves that those folders hold none of it any more, and
 * says what no search can prove.
 */
import { createReadStream } from "node:fs";
import { lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { getBytes } from "ethers";
import { StorageError } from "../../errors.ts";
import { readEnvelope, readManifest, type Progress } from "../../storage/store.ts";
import type { Hash } from "../../transcript.ts";
import type { FileStore } from "../store.ts";
import { type DatasetRecord, type Journal, recordKey, stagedName } from "./archive.ts";
import type { FileBlobStore } from "./localStore.ts";

/** Something that must not be found any more. */
interface Trace {
  readonly what: string;
  readonly bytes: Buffer;
}

export interface Finding {
  readonly file: string;
  readonly what: string;
}

export interface Erasure {
  readonly removed: readonly string[];
  /** Files that still hold a part of it: the erasure is not complete. */
  readonly found: readonly Finding[];
  readonly searched: { readonly files: number; readonly bytes: number };
  readonly notProved: readonly string[];
}

/** Ciphertext bytes of one trace; a copy in another place or under another name shows them. */
const SAMPLE = 32;
const SAMPLES = 64;

export interface EraseOptions {
  readonly state: FileStore;
  readonly store: FileBlobStore;
  /** Searched beside the state folder and the store. */
  readonly alsoSearch?: readonly string[];
  readonly onProgress?: Progress;
}

/** Erases every version of a dataset. Can be repeated after an interruption. Errors: StorageError NO_DATASET. */
export async function eraseDataset(dataset: Hash, options: EraseOptions): Promise<Erasure> {
  const { state, store } = options;
  const journals = state.keys().filter((key) => key.startsWith("encrypting-"));
  const unfinished = journals.filter((key) => state.read<Journal>(key)?.dataset === dataset);
  const record = state.read<DatasetRecord>(recordKey(dataset)) ?? { dataset, versions: [] };
  if (record.versions.length === 0 && unfinished.length === 0)
    throw new StorageError("NO_DATASET", `this institution keeps no dataset ${dataset}`);
  const traces = await tracesOf(record, store);
  const removed: string[] = [];
  for (const key of unfinished) {
    const journal = state.read<Journal>(key)!;
    traces.push(...forms("content key of an unfinished version", journal.key), ...forms("its salt", journal.salt));
    await rm(store.stage(stagedName(journal)), { force: true });
    state.remove(key);
    removed.push("an unfinished version");
  }
  // The record goes last: should this be cut off, the same call finds what remains.
  for (const { version, manifest, root, envelopes } of record.versions) {
    const blobs: [string, Hash][] = [
      ["ciphertext", root],
      ["manifest", manifest],
    ];
    blobs.unshift(...envelopes.map((envelope): [string, Hash] => ["envelope", envelope.root]));
    for (const [what, blob] of blobs) if (await store.remove(blob)) removed.push(`version ${version}: ${what} ${blob}`);
  }
  const grants = new RegExp(`^grants-${record.token ?? "none"}-\\d+$`);
  for (const key of state.keys().filter((each) => grants.test(each))) {
    for (const { salt } of state.read<{ salt: Hash }[]>(key) ?? []) traces.push(...forms("salt of a grant", salt));
    state.remove(key);
    removed.push(`salts of its grants (${key})`);
  }
  state.remove(recordKey(dataset));
  removed.push(`keys and record of ${dataset}`);
  const folders = [state.folder, store.folder, ...(options.alsoSearch ?? [])];
  const { found, searched } = await search(folders, traces, options);
  return { removed, found, searched, notProved: notProved(record, store) };
}

function notProved(record: DatasetRecord, store: FileBlobStore): string[] {
  const readers = new Set(record.versions.flatMap(({ envelopes }) => envelopes.map(({ reader }) => reader))).size;
  return [
    ...(store.beyondReach === undefined ? [] : [store.beyondReach]),
    readers === 0
      ? "copies made by whoever could read these folders"
      : `what ${readers} reader(s) or custodian(s) hold: a key that was handed out still opens every copy of its version`,
    "backups and snapshots of the state folder: with the keys in one, copies of the ciphertext open again",
    "blocks that a disk keeps after a file is deleted (SSD remapping, journals, copy on write)",
    "the manifest hash and storage root on chain stay for ever: they are salted and tell nothing without the manifest",
  ];
}

/** Everything by which a part of the dataset can be recognised, read before it is removed. */
async function tracesOf(record: DatasetRecord, store: FileBlobStore): Promise<Trace[]> {
  const traces = forms("dataset id", record.dataset);
  const secret = (what: string, value: Hash): void => void traces.push(...forms(what, value));
  for (const { version, manifest, root, key, envelopes } of record.versions) {
    if (key !== null) secret(`content key of version ${version}`, key);
    secret(`manifest hash of version ${version}`, manifest);
    secret(`storage root of version ${version}`, root);
    const text = await readManifest(store, manifest).catch(() => undefined);
    if (text !== undefined) secret(`salt of version ${version}`, text.salt);
    for (const { root: at } of envelopes) {
      secret(`envelope root of version ${version}`, at);
      const envelope = await readEnvelope(store, at).catch(() => undefined);
      // Its first half, the encapsulated key, is like no other's; the text around it is every envelope's.
      if (envelope !== undefined) secret(`envelope of version ${version}`, envelope.sealed.slice(0, 66));
    }
    traces.push(...(await samples(store, root, `ciphertext of version ${version}`)));
  }
  return traces;
}

/** A 32-byte value as it may stand in a file: raw, hex, base64. */
function forms(what: string, value: Hash): Trace[] {
  const raw = Buffer.from(getBytes(value));
  const texts = [value.slice(2), value.slice(2).toUpperCase(), raw.toString("base64").slice(0, -1)];
  return [raw, ...texts.map((text) => Buffer.from(text))].map((bytes) => ({ what, bytes }));
}

async function samples(store: FileBlobStore, root: Hash, what: string): Promise<Trace[]> {
  const blob = await store.open(root).catch(() => undefined);
  if (blob === undefined) return [];
  try {
    const count = Math.min(SAMPLES, Math.ceil(blob.size / SAMPLE));
    const out: Trace[] = [];
    for (let i = 0; i < count; i++) {
      const offset = count === 1 ? 0 : Math.floor((i * Math.max(0, blob.size - SAMPLE)) / (count - 1));
      out.push({ what, bytes: Buffer.from(await blob.read(offset, SAMPLE)) });
    }
    return out;
  } finally {
    await blob.close();
  }
}

/** Searches names and contents of all files under the folders; links are not followed. */
async function search(
  folders: readonly string[],
  traces: readonly Trace[],
  options: Pick<EraseOptions, "onProgress">,
): Promise<{ found: Finding[]; searched: { files: number; bytes: number } }> {
  const found: Finding[] = [];
  const longest = Math.max(...traces.map(({ bytes }) => bytes.length));
  const files: { path: string; size: number }[] = [];
  for (const folder of new Set(folders)) {
    for (const name of await readdir(folder, { recursive: true })) {
      const path = join(folder, name);
      const entry = await lstat(path);
      const named = traces.find(({ bytes }) => Buffer.from(name).includes(bytes));
      if (named !== undefined) found.push({ file: path, what: `its name: ${named.what}` });
      if (entry.isFile()) files.push({ path, size: entry.size });
    }
  }
  const total = files.reduce((sum, { size }) => sum + size, 0);
  let bytes = 0;
  for (const { path } of files) {
    let tail = Buffer.alloc(0);
    const seen = new Set<string>();
    for await (const piece of createReadStream(path, { highWaterMark: 2 ** 20 })) {
      const window = Buffer.concat([tail, piece as Buffer]);
      for (const { what, bytes: needle } of traces) if (!seen.has(what) && window.includes(needle)) seen.add(what);
      tail = window.subarray(Math.max(0, window.length - longest + 1));
      bytes += (piece as Buffer).length;
      options.onProgress?.(bytes, total);
    }
    for (const what of seen) found.push({ file: path, what });
  }
  return { found, searched: { files: files.length, bytes } };
}
