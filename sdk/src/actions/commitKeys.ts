import { CommitKey } from "../commitment.ts";
import type { Curve } from "../curve.ts";
import { type Deployment, isDevnet } from "../deployment.ts";
import { MedNexusError } from "../errors.ts";
import { insecureSrs, srsFromPtau } from "../srs.ts";
import { srsHash } from "../transcript.ts";
import type { Contracts } from "./client.ts";

/** A commit key of size n from a powers-of-tau file, or, on devnets only, from the INSECURE development string. Errors: `INSECURE_SRS`. */
export async function loadCommitKey(
  curve: Curve,
  deployment: Deployment,
  n: number,
  ptau?: Uint8Array,
): Promise<CommitKey> {
  if (ptau !== undefined) return CommitKey.create(curve, await srsFromPtau(curve, n, ptau));
  if (!isDevnet(deployment.chainId)) {
    throw new MedNexusError(
      "INSECURE_SRS",
      `chain ${deployment.chainId} is not a devnet: give srsFile, the development reference string is public`,
    );
  }
  return CommitKey.create(curve, await insecureSrs(curve, n));
}

/**
 * Commit keys by size, each made once and compared with the reference string that the chain knows.
 * `ptau` reads the powers-of-tau file where there is one. Errors of the returned function: `SRS_MISMATCH`, `INSECURE_SRS`.
 */
export function commitKeys(
  curve: Curve,
  deployment: Deployment,
  contracts: Pick<Contracts, "verifiers">,
  ptau?: () => Uint8Array,
): (n: number) => Promise<CommitKey> {
  const keys = new Map<number, Promise<CommitKey>>();
  const make = async (n: number): Promise<CommitKey> => {
    const key = await loadCommitKey(curve, deployment, n, ptau?.());
    const registered = await contracts.verifiers.srsOf(deployment.srs);
    if (srsHash(key.tauG1, key.tauG2) !== registered.srsHash)
      throw new MedNexusError("SRS_MISMATCH", "the reference string here is not the one registered on chain");
    return key;
  };
  return (n) => {
    let found = keys.get(n);
    if (found === undefined) {
      found = make(n);
      keys.set(n, found);
      found.catch(() => keys.delete(n));
    }
    return found;
  };
}
