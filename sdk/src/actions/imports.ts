/** Version 0 of a model that was trained elsewhere: its 16-bit vector committed to, its range and its root proved. */
import type { CommitKey } from "../commitment.ts";
import { type Deployment, verifierId } from "../deployment.ts";
import { aggregateHash, BLINDERS, lower, updateHash } from "../encoding.ts";
import { Fr } from "../field.ts";
import type { ProverBackend } from "../prover.ts";
import { randomFrVector, type RandomBytes, systemRandom } from "../random.ts";
import { aggregateChallenge, importAggregateHash, importChallenge, importContextHash, srsHash } from "../transcript.ts";
import { importFactor, importNormBound2, type Scale, updateVector } from "../update.ts";
import { type Contracts, execute, type Executed } from "./client.ts";

/**
 * Imports `values` (n integers in [-2^15, 2^15), in units of 2^-q) for a model of the signer's. The vector M̃ ‖ P̃ is the owner's to keep: the
 * chain has its commitment and its root alone, and the blinders hide it.
 * @throws EncodingError VALUE_RANGE; errors of the backend; reverts LineageExists, ImportRejected, BoundExceeded
 */
export async function importModel(
  context: {
    readonly contracts: Pick<Contracts, "versions" | "verifiers">;
    readonly deployment: Deployment;
    readonly commitKey: CommitKey;
    readonly backend: ProverBackend;
    readonly random?: RandomBytes;
  },
  model: bigint,
  values: readonly bigint[],
  scale: Scale,
): Promise<Executed & { vector: bigint[]; root: bigint }> {
  const { contracts, deployment, commitKey, backend, random = systemRandom } = context;
  const { n } = commitKey;
  const ids = { update: verifierId(deployment, "update", n), aggregate: verifierId(deployment, "aggregate", n) };
  const { keyHash } = await contracts.verifiers.infoOf(ids.update);

  const blinders = randomFrVector(BLINDERS, random);
  const committed = updateVector(values, blinders);
  const c = await commitKey.commit(committed);
  const h = updateHash(values, blinders);
  const bound = importContextHash({
    chainId: BigInt(deployment.chainId),
    modelVersions: deployment.addresses.versions,
    model,
    keyHash,
    srsHash: srsHash(commitKey.tauG1, commitKey.tauG2),
    n,
  });
  const r = importChallenge(bound, c, h);
  const opened = await commitKey.open(committed, r);

  const factor = importFactor(scale);
  const vector = committed.map((word) => Fr.mul(word, factor));
  const root = aggregateHash(vector);
  const rM = aggregateChallenge(importAggregateHash(bound), commitKey.curve.mul(c, factor), root);
  const openedM = await commitKey.open(vector, rM);

  const normBound2 = importNormBound2(n);
  const inRange = await backend.prove("update", n, { h, r, y: opened.y, normBound2, values: lower(values), blinders });
  const rooted = await backend.prove("aggregate", n, {
    h: root,
    r: rM,
    y: openedM.y,
    values: vector.slice(0, n),
    blinders: vector.slice(n),
  });
  const imported = {
    c,
    h,
    y: opened.y,
    w: opened.w,
    proof: inRange.proof,
    hM: root,
    yM: openedM.y,
    wM: openedM.w,
    proofM: rooted.proof,
  };
  const sent = await execute(contracts.versions.importBase, [
    model,
    n,
    scale.updateBits,
    scale.stepBits,
    ids.update,
    ids.aggregate,
    imported,
  ]);
  return { ...sent, vector, root };
}
