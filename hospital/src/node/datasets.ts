/** This institution's encrypted datasets and their versions on chain. */
import { join } from "node:path";
import { keccak256 } from "ethers";
import { eventArgs, execute, type Hash, MedNexusError, readManifest } from "@mednexus/sdk";
import {
  type Access,
  Archive,
  type ArchiveOptions,
  bytesSource,
  type Facts,
  type FileBlobStore,
  LocalStore,
  type VersionRecord,
  ZeroGStore,
} from "@mednexus/sdk/node";
import type { Config } from "./config.ts";
import type { NodeContext } from "./context.ts";

type Acting = Pick<NodeContext, "contracts" | "deployment" | "address" | "store" | "random">;

/** Where ciphertexts are kept unless a node says otherwise: in its state folder, one to back up. */
export const localStoreOf = (context: Pick<Acting, "store">): LocalStore =>
  new LocalStore(join(context.store.folder, "datasets"));

/** A node's store as configured. Errors: StorageError ZERO_G_MISSING, ZERO_G_KEY. */
export async function storeOf({ dataDir, storage }: Pick<Config, "dataDir" | "storage">): Promise<FileBlobStore> {
  const local = new LocalStore(storage.folder ?? join(dataDir, "datasets"));
  return storage.zeroG === undefined ? local : ZeroGStore.create(local, storage.zeroG, process.env);
}

export const archiveOf = (
  context: Pick<Acting, "store" | "random">,
  store: FileBlobStore = localStoreOf(context),
  options: Pick<ArchiveOptions, "onProgress" | "signal"> = {},
): Archive => new Archive({ state: context.store, store, random: context.random, ...options });

/** What the institution says about a version, for this deployment. */
export const factsOf = (
  { deployment, address }: Pick<Acting, "deployment" | "address">,
  schema: Hash,
  records: number,
): Facts => ({
  chainId: deployment.chainId,
  registry: deployment.addresses.datasets,
  institution: address,
  schema,
  records,
});

/**
 * Puts the latest version of a dataset on chain: the first registers it, later ones are added. Nothing to do where the
 * chain has it. A manifest that somebody else registered first is of no use to them; encrypt again.
 * @throws MedNexusError VERSION_GAP when the chain is not at the version before
 */
export async function publishVersion(
  context: Acting,
  archive: Archive,
  store: FileBlobStore,
  dataset: Hash,
): Promise<bigint> {
  const { datasets } = context.contracts;
  const { token } = archive.record(dataset);
  const { version, manifest: hash, root } = archive.versionOf(dataset);
  const { schema, records } = await readManifest(store, hash);
  if (token === undefined) {
    if (version !== 1) throw new MedNexusError("VERSION_GAP", "the version before was never registered");
    const sent = await execute(datasets.register, [hash, root, schema, records]);
    const registered = eventArgs(sent, "DatasetRegistered").dataset as bigint;
    archive.registered(dataset, registered);
    return registered;
  }
  const current = Number(await datasets.currentVersion(token));
  if (current === version && (await datasets.versionOf(token, version)).manifestHash === hash) return token;
  if (current !== version - 1)
    throw new MedNexusError("VERSION_GAP", `the chain is at version ${current}, the archive at ${version}`);
  await execute(datasets.addVersion, [token, hash, root, schema, records]);
  return token;
}

/** Encrypts a table into the store and registers it as a dataset. Returns its number on chain. */
export async function registerDataset(
  context: Acting,
  table: { readonly bytes: Uint8Array; readonly records: number; readonly schema: Hash },
  access: Access = { readers: [] },
): Promise<bigint> {
  const store = localStoreOf(context);
  const archive = archiveOf(context, store);
  const source = bytesSource(table.bytes, `table ${keccak256(table.bytes)}`);
  const { dataset } = await archive.add(source, factsOf(context, table.schema, table.records), access);
  return publishVersion(context, archive, store, dataset);
}

/** The version of a registered dataset that this institution keeps. Errors: `NO_DATASET`. */
export function keptVersion(
  context: Pick<Acting, "store" | "random">,
  token: bigint,
): VersionRecord & { dataset: Hash } {
  const archive = archiveOf(context);
  const record = archive.datasets().find((each) => each.token === token);
  if (record === undefined) throw new MedNexusError("NO_DATASET", `this institution does not keep dataset ${token}`);
  return { dataset: record.dataset, ...archive.versionOf(record.dataset) };
}
