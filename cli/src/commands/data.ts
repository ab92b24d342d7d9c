import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import {
  archiveOf,
  type Config,
  compose,
  factsOf,
  publishVersion,
  readConfig,
  readKeys,
  schemaHash,
  storeOf,
  tableSchema,
} from "@mednexus/hospital";
import {
  checkAgainstChain,
  checkStored,
  connect,
  generateReaderKeys,
  type Envelope,
  encodeEnvelope,
  decodeEnvelope,
  type Manifest,
  openKey,
  openShare,
  readDataset,
  readEnvelope,
  readManifest,
  readRegisteredVersion,
  recoverKey,
  systemRandom,
  wrapShare,
} from "@mednexus/sdk";
import {
  type Access,
  type Archive,
  decryptTo,
  eraseDataset,
  fileSource,
  FileStore,
  type FileBlobStore,
  LocalStore,
  readDeployment,
  readJson,
  readReaderKeys,
  writeReaderKeys,
  zeroGConfigSchema,
  ZeroGStore,
} from "@mednexus/sdk/node";
import { getBytes, Wallet } from "ethers";
import { answer } from "../answer.ts";
import { type Command, integerOption, JSON_OPTION, type Option, option, required, type Values } from "../arguments.ts";
import { onChain } from "../chain.ts";
import { EXIT, UsageError } from "../exit.ts";
import { byteProgress } from "../progress.ts";
import { logLine, stopSignal } from "../service.ts";

const config: Option = { type: "string", value: "FILE", help: "the institution's node configuration" };
const dataset: Option = { type: "string", value: "ID", help: "dataset, as `data add` printed it" };
const version: Option = { type: "string", value: "N", help: "a version other than the latest" };
const out: Option = { type: "string", value: "FILE", help: "write the envelope to a file as well" };
const register: Option = { type: "boolean", help: "also put the version on chain" };
const access: Readonly<Record<string, Option>> = {
  readers: { type: "string", value: "KEY,…", help: "public keys of readers beside the institution" },
  custodians: { type: "string", value: "KEY,…", help: "public keys of custodians: nobody alone can open it" },
  threshold: { type: "string", value: "K", help: "how many custodians it takes" },
};
const asReader: Readonly<Record<string, Option>> = {
  store: { type: "string", value: "DIR", help: "folder of the store, as a reader" },
  "zero-g": { type: "string", value: "FILE", help: "0G Storage settings: {indexer, rpc, keyVariable}" },
  key: { type: "string", value: "FILE", help: "your key file, from `data keygen`" },
  envelope: { type: "string", value: "ROOT,…", help: "your envelope, or the shares released to you; files, too" },
};
const compared: Readonly<Record<string, Option>> = {
  rpc: { type: "string", value: "URL", help: "compare with the chain behind this endpoint" },
  deployment: { type: "string", value: "FILE", help: "deployment file, with --rpc" },
  token: { type: "string", value: "N", help: "the dataset's number on chain, with --rpc" },
  old: { type: "boolean", help: "accept a version that the chain has replaced" },
};
/** Which version, for whom, and whether the chain is asked. */
const oneVersion = { config, dataset, version, ...asReader, ...compared, ...JSON_OPTION };

export const dataCommands: Readonly<Record<string, Command>> = {
  keygen: {
    summary: "make a reader's or custodian's key file; give away the public key only",
    options: { out: { type: "string", value: "FILE", help: "where to write it; never overwritten" }, ...JSON_OPTION },
    async run(values) {
      const path = required(values, "out");
      const keys = generateReaderKeys();
      writeReaderKeys(path, keys);
      return answer(values, { publicKey: keys.publicKey });
    },
  },
  add: {
    summary:
      "encrypt FILE into the store as a new dataset, or as the next version of one; after an interruption the same command continues",
    positionals: "FILE",
    options: {
      config,
      records: { type: "string", value: "N", help: "records in the file" },
      schema: { type: "string", value: "FILE", help: "schema file (default: the configuration's)" },
      dataset: { ...dataset, help: "make the next version of this dataset" },
      ...access,
      register,
      ...JSON_OPTION,
    },
    async run(values, positionals) {
      const [file] = positionals;
      if (file === undefined || positionals.length !== 1) throw new UsageError("give one FILE");
      const records = integerOption("records", required(values, "records"), 1, Number.MAX_SAFE_INTEGER);
      const who = chosenAccess(values);
      return withArchive(values, "encrypted", async ({ archive, settings, publish }) => {
        const schemaFile = option(values, "schema") ?? settings.data?.schema;
        if (schemaFile === undefined) throw new UsageError("give --schema");
        const facts = factsOf(offline(settings), schemaHash(readJson(schemaFile, tableSchema)), records);
        const added = await archive.add(await fileSource(resolve(file)), facts, who, option(values, "dataset"));
        return answer(values, { ...withoutKey(added), ...(await publish(added.dataset)) });
      });
    },
  },
  list: {
    summary: "the institution's datasets, their versions and who they were sealed to",
    options: { config, ...JSON_OPTION },
    run: (values) =>
      withArchive(values, "", async ({ archive }) => {
        const datasets = archive
          .datasets()
          .map(({ versions, ...rest }) => ({ ...rest, versions: versions.map(withoutKey) }));
        return answer(values, { datasets, unfinished: archive.unfinished() });
      }),
  },
  get: {
    summary: "decrypt a version into a new file: with your envelope, with released shares, or as the institution",
    options: {
      out: { type: "string", value: "FILE", help: "file to write; never overwritten" },
      ...oneVersion,
    },
    async run(values) {
      const path = resolve(required(values, "out"));
      return withVersion(values, async ({ manifest, key, store }) => {
        if (key === undefined) throw new UsageError("give --key and --envelope, or --config and --dataset");
        await decryptTo(path, manifest, key, store, { onProgress: byteProgress("decrypted"), signal: stopSignal() });
        return answer(values, { file: path, bytes: manifest.size, version: manifest.version });
      });
    },
  },
  verify: {
    summary: "check a version in the store: manifest, ciphertext, with a key every chunk, with --rpc the chain",
    options: {
      manifest: { type: "string", value: "HASH", help: "manifest hash, where you have no envelope" },
      ...oneVersion,
    },
    run: (values) =>
      withVersion(values, async ({ manifest, key, store, chain }) => {
        if (key === undefined) await checkStored(manifest, store, byteProgress("verified"));
        else {
          const blob = await store.open(manifest.root);
          try {
            const chunks = readDataset(manifest, key, blob, { onProgress: byteProgress("verified") });
            while ((await chunks.next()).done !== true);
          } finally {
            await blob.close();
          }
        }
        return answer(values, {
          ok: true,
          version: manifest.version,
          ciphertext: "the manifest's root",
          chunks: key === undefined ? "not opened: no key" : "all open",
          chain: chain ? "agrees" : "not asked",
        });
      }),
  },
  share: {
    summary: "seal a version's key to one more reader; give them the envelope's root",
    options: {
      config,
      dataset,
      version,
      reader: { type: "string", value: "KEY", help: "the reader's public key" },
      out,
      ...JSON_OPTION,
    },
    run: (values) =>
      withArchive(values, "", async ({ archive, store }) => {
        const chosen = versionOption(values);
        const root = await archive.share(required(values, "dataset"), required(values, "reader"), chosen);
        return answer(values, await handOver(values, store, await readEnvelope(store, root)));
      }),
  },
  rotate: {
    summary:
      "encrypt the latest version again under a fresh key, for these readers only; who opened the old one still can",
    options: {
      config,
      dataset,
      ...access,
      key: asReader["key"]!,
      envelope: asReader["envelope"]!,
      register,
      ...JSON_OPTION,
    },
    async run(values) {
      const who = chosenAccess(values);
      return withArchive(values, "encrypted again", async ({ archive, store, publish }) => {
        const id = required(values, "dataset");
        const released = await releasedKey(values, store);
        const rotated = await archive.rotate(id, who, released?.key);
        return answer(values, {
          ...withoutKey(rotated),
          ...(await publish(rotated.dataset)),
          warning: "readers of the version before can still open what they had, and copies of it",
        });
      });
    },
  },
  register: {
    summary: "put a dataset's latest version on chain; nothing to do where it is",
    options: { config, dataset, ...JSON_OPTION },
    run: (values) =>
      withArchive({ ...values, register: true }, "", async ({ publish }) =>
        answer(values, await publish(required(values, "dataset"))),
      ),
  },
  erase: {
    summary:
      "destroy a dataset's keys, salts, ciphertexts and envelopes here, then search for what is left; cannot be undone",
    options: {
      config,
      dataset,
      search: { type: "string", value: "DIR,…", help: "folders to search beside state and store" },
      yes: { type: "boolean", help: "needed: there is no way back" },
      ...JSON_OPTION,
    },
    async run(values) {
      const id = required(values, "dataset");
      if (values["yes"] !== true) throw new UsageError("erasing cannot be undone: add --yes");
      return withArchive(values, "", async ({ state, store }) => {
        const erased = await eraseDataset(id, {
          state,
          store,
          alsoSearch: list(values, "search").map((folder) => resolve(folder)),
          onProgress: byteProgress("searched"),
        });
        answer(values, erased);
        return erased.found.length === 0 ? EXIT.ok : EXIT.failed;
      });
    },
  },
  custodian: {
    summary: "ACTION release: open your share of a key and seal it to who may open the dataset",
    positionals: "ACTION",
    options: {
      ...asReader,
      to: { type: "string", value: "KEY", help: "public key of who collects the shares" },
      out,
      ...JSON_OPTION,
    },
    async run(values, positionals) {
      if (positionals[0] !== "release" || positionals.length !== 1) throw new UsageError("the action is: release");
      const store = await readersStore(values);
      const envelope = await envelopeAt(store, required(values, "envelope"));
      const manifest = await readManifest(store, envelope.manifest);
      const share = await openShare(readReaderKeys(required(values, "key")), manifest, envelope);
      const released = await wrapShare(manifest, required(values, "to"), share);
      return answer(values, { ...(await handOver(values, store, released)), share: share.index });
    },
  },
};

/** A key never leaves the state folder. */
const withoutKey = <T extends { readonly key: unknown }>({
  key,
  ...rest
}: T): Omit<T, "key"> & { custody: boolean } => ({
  ...rest,
  custody: key === null,
});

const list = (values: Values, name: string): string[] =>
  (option(values, name) ?? "").split(",").filter((each) => each !== "");

function versionOption(values: Values): number | undefined {
  const value = option(values, "version");
  return value === undefined ? undefined : integerOption("version", value, 1, 2 ** 32 - 1);
}

function chosenAccess(values: Values): Access {
  const custodians = list(values, "custodians");
  if (custodians.length === 0) {
    if (values["threshold"] !== undefined) throw new UsageError("--threshold goes with --custodians");
    return { readers: list(values, "readers") };
  }
  if (values["readers"] !== undefined) throw new UsageError("give --readers or --custodians, not both");
  return { custodians, threshold: integerOption("threshold", required(values, "threshold"), 2, 255) };
}

/** What is said about a version without asking the chain. */
const offline = (settings: Config) => ({
  deployment: readDeployment(settings.deployment),
  address: new Wallet(readKeys(settings.keyFile).account).address,
});

interface Keeping {
  readonly settings: Config;
  readonly archive: Archive;
  readonly state: FileStore;
  readonly store: FileBlobStore;
  /** Puts the latest version on chain where --register asks for it. */
  publish(dataset: string): Promise<{ token?: bigint }>;
}

/** Acts on an institution's archive, as the only process that does. */
async function withArchive(values: Values, doing: string, act: (keeping: Keeping) => Promise<number>): Promise<number> {
  const settings = readConfig(required(values, "config"));
  const state = new FileStore(settings.dataDir);
  state.lock();
  const store = await storeOf(settings);
  const archive = archiveOf({ store: state, random: systemRandom }, store, {
    signal: stopSignal(),
    ...(doing === "" ? {} : { onProgress: byteProgress(doing) }),
  });
  const publish = async (id: string): Promise<{ token?: bigint }> => {
    if (values["register"] !== true) return {};
    state.unlock();
    const { context, close } = await compose(settings, logLine);
    try {
      return { token: await publishVersion(context, archive, store, id) };
    } finally {
      await close();
    }
  };
  try {
    return await act({ settings, archive, state, store, publish });
  } finally {
    state.unlock();
  }
}

interface Found {
  readonly manifest: Manifest;
  /** Absent where nobody gave a key. */
  readonly key: Uint8Array | undefined;
  readonly store: FileBlobStore;
  /** Whether the chain was asked; it agreed. */
  readonly chain: boolean;
}

/** Finds a version as the institution (--config, --dataset) or as a reader (--store with --envelope or --manifest). */
async function withVersion(values: Values, act: (found: Found) => Promise<number>): Promise<number> {
  if (values["config"] !== undefined)
    return withArchive(values, "", async ({ archive, store }) => {
      const { manifest: hash, key } = archive.versionOf(required(values, "dataset"), versionOption(values));
      const manifest = await readManifest(store, hash);
      const chain = await checkChain(values, manifest);
      const opened = key === null ? (await releasedKey(values, store))?.key : getBytes(key);
      return act({ manifest, key: opened, store, chain });
    });
  const store = await readersStore(values);
  const released = await releasedKey(values, store);
  const hash = option(values, "manifest");
  if (released === undefined && hash === undefined)
    throw new UsageError("give --envelope or --manifest, or --config and --dataset");
  const manifest = released?.manifest ?? (await readManifest(store, hash!));
  const chain = await checkChain(values, manifest);
  return act({ manifest, key: released?.key, store, chain });
}

/** What --key opens of --envelope: a key, or one put together from shares. */
async function releasedKey(
  values: Values,
  store: FileBlobStore,
): Promise<{ manifest: Manifest; key: Uint8Array } | undefined> {
  if (values["envelope"] === undefined) return undefined;
  const keys = readReaderKeys(required(values, "key"));
  const envelopes = await Promise.all(list(values, "envelope").map((at) => envelopeAt(store, at)));
  const [first] = envelopes;
  if (first === undefined) throw new UsageError("give --envelope");
  const manifest = await readManifest(store, first.manifest);
  if (envelopes.length === 1 && first.share === null) return { manifest, key: await openKey(keys, manifest, first) };
  const shares = await Promise.all(envelopes.map((envelope) => openShare(keys, manifest, envelope)));
  return { manifest, key: recoverKey(manifest, shares) };
}

/** Compares a manifest with the chain where --rpc asks for it. Errors: StorageError ROLLED_BACK, CHAIN_MISMATCH. */
async function checkChain(values: Values, manifest: Manifest): Promise<boolean> {
  const url = option(values, "rpc");
  if (url === undefined) return false;
  const deployment = readDeployment(required(values, "deployment"));
  const token = BigInt(integerOption("token", required(values, "token"), 1, Number.MAX_SAFE_INTEGER));
  return onChain(url, deployment, async (provider) => {
    const contracts = connect(deployment, provider);
    const allowOld = values["old"] === true;
    const wanted = allowOld ? manifest.version : undefined;
    await checkAgainstChain(manifest, await readRegisteredVersion(contracts, deployment.chainId, token, wanted), {
      allowOld,
    });
    return true;
  });
}

async function readersStore(values: Values): Promise<FileBlobStore> {
  const local = new LocalStore(required(values, "store"));
  const settings = option(values, "zero-g");
  return settings === undefined ? local : ZeroGStore.create(local, readJson(settings, zeroGConfigSchema), process.env);
}

/** An envelope by its root in the store, or from a file. */
async function envelopeAt(store: FileBlobStore, at: string): Promise<Envelope> {
  return /^0x[0-9a-f]{64}$/.test(at) ? readEnvelope(store, at) : decodeEnvelope(readFileSync(at));
}

/** Puts an envelope where its reader finds it. */
async function handOver(values: Values, store: FileBlobStore, envelope: Envelope): Promise<{ envelope: string }> {
  const bytes = encodeEnvelope(envelope);
  const file = option(values, "out");
  if (file !== undefined) writeFileSync(file, bytes, { flag: "wx" });
  return { envelope: await store.put(bytes) };
}
