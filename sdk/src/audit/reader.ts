import type { Provider } from "ethers";
import type { Contracts } from "../actions/client.ts";
import { scanLogs } from "../actions/read.ts";
import type { CommitKey } from "../commitment.ts";
import type { Curve } from "../curve.ts";
import type { Deployment } from "../deployment.ts";
import { readRegisteredVersion } from "../actions/datasets.ts";
import { MedNexusError } from "../errors.ts";
import { checkAgainstChain } from "../storage/manifest.ts";
import { type BlobStore, readManifest } from "../storage/store.ts";
import { type Hash, keyHash, type Proof, type VerifyingKey } from "../transcript.ts";
import type { Transport } from "../transport.ts";
import { CannotCheck, same } from "./report.ts";

/** What audits read with. Without `transport` or `store` what lies there cannot be checked. */
export interface AuditReader {
  readonly deployment: Deployment;
  readonly contracts: Contracts;
  readonly provider: Provider;
  readonly curve: Curve;
  /** The published verifying key of a circuit of size n, if there is one. */
  readonly published: (circuit: string, n: number) => VerifyingKey | undefined;
  /** Groth16, off chain. */
  readonly verify: (key: VerifyingKey, inputs: readonly bigint[], proof: Proof) => Promise<boolean>;
  readonly commitKey: (n: number) => Promise<CommitKey>;
  /** Where models are published. */
  readonly transport?: Pick<Transport, "getBlob">;
  /** Where manifests are. */
  readonly store?: BlobStore;
}

/** All logs of a filter since the deployment. */
export async function scanAll<T>(
  { deployment, provider }: AuditReader,
  query: (from: number, to: number) => Promise<T[]>,
): Promise<T[]> {
  return scanLogs(query, deployment.startBlock, await provider.getBlockNumber());
}

/** A verifier's key, published and registered being the same. Throws when they differ; CannotCheck where none is published. */
export async function verifyingKey(
  { contracts, published }: AuditReader,
  circuit: string,
  verifier: number | bigint,
  recorded?: Hash,
): Promise<{ key: VerifyingKey; n: number; srs: bigint }> {
  const info = await contracts.verifiers.infoOf(verifier);
  const n = Number(info.n);
  const key = published(circuit, n);
  if (key === undefined) throw new CannotCheck(`no verifying key of ${circuit} at n = ${n} is published here`);
  same("verifying key", info.keyHash, keyHash(circuit, n, key));
  if (recorded !== undefined) same("verifying key of the record", recorded, info.keyHash);
  return { key, n, srs: info.srs };
}

/** The manifest of a registered dataset version is in the store and says what the registry says. Throws when it differs; CannotCheck where it is not there. */
export async function checkManifest(
  { contracts, deployment, store }: AuditReader,
  dataset: bigint,
  version: number,
): Promise<void> {
  if (store === undefined) throw new CannotCheck("no store was given");
  const registered = await readRegisteredVersion(contracts, deployment.chainId, dataset, version);
  const manifest = await readManifest(store, registered.manifestHash).catch((error: unknown) => {
    if (error instanceof MedNexusError && error.code === "NOT_STORED")
      throw new CannotCheck(`the store does not have the manifest of dataset ${dataset} version ${version}`);
    throw error;
  });
  await checkAgainstChain(manifest, registered, { allowOld: true });
}
