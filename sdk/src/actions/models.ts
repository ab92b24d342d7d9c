/** Model vectors behind the commitments on chain: where members, provers and auditors alike get them from. */
import type { Provider } from "ethers";
import type { CommitKey } from "../commitment.ts";
import { type G1, isInfinity } from "../curve.ts";
import type { Deployment } from "../deployment.ts";
import { MedNexusError } from "../errors.ts";
import type { Hash } from "../transcript.ts";
import type { Transport } from "../transport.ts";
import type { Contracts } from "./client.ts";
import { type FrozenSet, readCommittee, readFrozen, readRound, readUpdates, type RoundView, scanLogs } from "./read.ts";
import { collectSum, decodeModel, encodeModel, matchesModel, nextModel, zeroModel } from "./sums.ts";

/** What a service needs for finding model vectors. */
export interface ModelReader {
  readonly deployment: Deployment;
  readonly contracts: Contracts;
  readonly provider: Provider;
  readonly transport: Transport;
  readonly commitKey: (n: number) => Promise<CommitKey>;
  /** Memory between restarts; what comes out of it is checked like everything else. */
  readonly store: {
    read<T>(key: string): T | undefined;
    write(key: string, value: unknown): void;
    remove(key: string): void;
  };
  readonly log: (event: { readonly event: string } & Record<string, string | number | bigint>) => void;
}

const storeKey = (model: bigint, version: number): string => `model-${model}-${version}`;

/**
 * M̃ ‖ P̃ of a model version, checked against its commitment on chain: from this node's store, else the published
 * artefact, else rebuilt from the node sums of the round that made it.
 */
export async function modelVector(context: ModelReader, model: bigint, version: number, n: number): Promise<bigint[]> {
  const key = await context.commitKey(n);
  const record = await context.contracts.versions.versionOf(model, version);
  const commitment = { x: record.c.x, y: record.c.y };
  // Kept vectors are checked too: a reorganisation may have put another version in this one's place.
  const stored = context.store.read<bigint[]>(storeKey(model, version));
  if (stored !== undefined && (await matchesModel(key, stored, commitment))) return stored;
  const vector =
    version === 0 && isInfinity(commitment)
      ? zeroModel(n)
      : ((await fromArtefact(context, key, model, version, commitment)) ??
        (await fromSums(context, model, version, record.round)));
  if (!(await matchesModel(key, vector, commitment)))
    throw new MedNexusError("MODEL_MISMATCH", `model ${model} version ${version}: no vector matches its commitment`);
  context.store.write(storeKey(model, version), vector);
  return vector;
}

async function fromArtefact(
  context: ModelReader,
  key: CommitKey,
  model: bigint,
  version: number,
  commitment: G1,
): Promise<bigint[] | undefined> {
  const { versions } = context.contracts;
  const logs = await scanLogs(
    (from, to) => versions.queryFilter(versions.filters.VersionAppended(model, version), from, to),
    context.deployment.startBlock,
    await context.provider.getBlockNumber(),
  );
  const root = logs[0]?.args.storageRoot;
  if (root === undefined) return undefined;
  try {
    const content = await context.transport.getBlob(root);
    if (content === undefined) return undefined;
    const vector = decodeModel(content);
    return (await matchesModel(key, vector, commitment)) ? vector : undefined;
  } catch (error) {
    // The published root is a claim; a false one only means the longer way.
    context.log({
      event: "artefact-unusable",
      model,
      version,
      reason: error instanceof MedNexusError ? error.code : "UNKNOWN",
    });
    return undefined;
  }
}

async function fromSums(context: ModelReader, model: bigint, version: number, roundId: bigint): Promise<bigint[]> {
  if (version === 0) throw new MedNexusError("MODEL_MISSING", `model ${model}: its imported base was not published`);
  const { round, frozen, sum } = await roundSum(context, roundId);
  const base = await modelVector(context, model, version - 1, round.n);
  return (await nextModel(await context.commitKey(round.n), base, frozen, sum, round.base)).vector;
}

/** A round's reconstructed sum (U ‖ P), from t + 1 node sums that match the chain's commitments. Errors: `SUMS_MISSING` (retryable). */
export async function roundSum(
  context: Omit<ModelReader, "store">,
  roundId: bigint,
): Promise<{ round: RoundView; frozen: FrozenSet; sum: bigint[] }> {
  const { contracts, provider, transport, deployment } = context;
  const round = await readRound(contracts, roundId);
  const [updates, frozen, committee] = await Promise.all([
    readUpdates(contracts, provider, roundId, Math.max(deployment.startBlock, round.drawBlock)),
    readFrozen(contracts, roundId),
    readCommittee(contracts, roundId),
  ]);
  const sum = await collectSum({
    key: await context.commitKey(round.n),
    transport,
    chainId: BigInt(deployment.chainId),
    roundManager: deployment.addresses.rounds,
    round,
    committee,
    updates,
    frozen,
  });
  return { round, frozen, sum };
}

/** Publishes a model vector and returns its storage root. */
export const publishModel = (context: Pick<ModelReader, "transport">, vector: readonly bigint[]): Promise<Hash> =>
  context.transport.putBlob(encodeModel(vector));
