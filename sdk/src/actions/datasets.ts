import type { RegisteredVersion } from "../storage/manifest.ts";
import type { Contracts } from "./client.ts";

/** A dataset version as the registry has it, the current one unless told. Reverts NoSuchDataset, NoSuchVersion. */
export async function readRegisteredVersion(
  contracts: Contracts,
  chainId: number,
  token: bigint,
  version?: number,
): Promise<RegisteredVersion> {
  const { datasets } = contracts;
  const [registry, institution, current] = await Promise.all([
    datasets.getAddress(),
    datasets.institutionOf(token),
    datasets.currentVersion(token),
  ]);
  const currentVersion = Number(current);
  const chosen = version ?? currentVersion;
  const { manifestHash, storageRoot, schemaHash, recordCount } = await datasets.versionOf(token, chosen);
  return {
    chainId,
    registry,
    institution,
    version: chosen,
    currentVersion,
    manifestHash,
    storageRoot,
    schemaHash,
    recordCount,
  };
}
