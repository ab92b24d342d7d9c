import {
  type CommitKey,
  collectSum,
  decodeModel,
  encodeModel,
  type FrozenSet,
  includedUpdates,
  isInfinity,
  matchesModel,
  MedNexusError,
  nextModel,
  readCommittee,
  readFrozen,
  readRound,
  readUpdates,
  scanLogs,
  type RoundView,
  sumValues,
  zeroModel,
} from "@mednexus/sdk";
import {
  decodeStatistics,
  rangeStandardizer,
  STATISTICS_FRACTION_BITS,
  type Standardizer,
  statisticsSpec,
} from "../data/standardize.ts";
import type { NodeContext } from "./context.ts";

type Reader = Pick<NodeContext, "contracts" | "provider" | "transport" | "commitKey" | "store" | "deployment" | "log">;

/**
 * M̃ ‖ P̃ of a model version, checked against its commitment on chain: from this node's store, else the published
 * artefact, else rebuilt from the node sums of the round that made it.
 */
export async function modelVector(context: Reader, model: bigint, version: number, n: number): Promise<bigint[]> {
  const key = await context.commitKey(n);
  const stored = context.store.read<bigint[]>(`model-${model}-${version}`);
  if (stored !== undefined) return stored;
  const record = await context.contracts.versions.versionOf(model, version);
  const commitment = { x: record.c.x, y: record.c.y };
  const vector =
    version === 0 && isInfinity(commitment)
      ? zeroModel(n)
      : ((await fromArtefact(context, key, model, version, commitment)) ??
        (await fromSums(context, key, model, version, record.round)));
  if (!(await matchesModel(key, vector, commitment)))
    throw new MedNexusError("MODEL_MISMATCH", `model ${model} version ${version}: no vector matches its commitment`);
  context.store.write(`model-${model}-${version}`, vector);
  return vector;
}

async function fromArtefact(
  context: Reader,
  key: CommitKey,
  model: bigint,
  version: number,
  commitment: { x: bigint; y: bigint },
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

async function fromSums(
  context: Reader,
  key: CommitKey,
  model: bigint,
  version: number,
  roundId: bigint,
): Promise<bigint[]> {
  if (version === 0) throw new MedNexusError("MODEL_MISSING", `model ${model}: its imported base was not published`);
  const { round, frozen, sum } = await roundSum(context, key, roundId);
  const base = await modelVector(context, model, version - 1, round.n);
  return (await nextModel(key, base, frozen, sum, round.base)).vector;
}

async function roundSum(
  context: Reader,
  key: CommitKey,
  roundId: bigint,
): Promise<{ round: RoundView; frozen: FrozenSet; sum: bigint[] }> {
  const { contracts, provider, transport, deployment } = context;
  const round = await readRound(contracts, roundId);
  const [updates, frozen, committee] = await Promise.all([
    readUpdates(contracts, provider, roundId, deployment.startBlock),
    readFrozen(contracts, roundId),
    readCommittee(contracts, roundId),
  ]);
  const sum = await collectSum({
    key,
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
export const publishModel = (context: Pick<NodeContext, "transport">, vector: readonly bigint[]): Promise<string> =>
  context.transport.putBlob(encodeModel(vector));

/**
 * How features are standardized, the same for every member: public ranges, or the sum of a completed statistics round.
 * Errors: `STATISTICS_PENDING` (retryable) until that round has completed.
 */
export async function standardizerOf(context: NodeContext): Promise<Standardizer> {
  const { data } = context;
  if (data === undefined) throw new MedNexusError("NO_DATA", "a committee-only node standardizes nothing");
  if (data.standardization.kind === "ranges") return rangeStandardizer(data.ranges);
  const stored = context.store.read<Standardizer>("standardizer");
  if (stored !== undefined) return stored;
  const standardizer = await statisticsOf(context, data.standardization.campaign, data.ranges);
  context.store.write("standardizer", standardizer);
  return standardizer;
}

/** Mean and deviation from the completed round of a statistics campaign, checked against the chain's commitments. */
export async function statisticsOf(
  context: Reader,
  campaign: bigint,
  ranges: Parameters<typeof statisticsSpec>[0],
): Promise<Standardizer> {
  const { contracts, provider, deployment } = context;
  const { rounds } = contracts;
  const opened = await scanLogs(
    (from, to) => rounds.queryFilter(rounds.filters.RoundOpened(undefined, campaign), from, to),
    deployment.startBlock,
    await provider.getBlockNumber(),
  );
  for (const log of opened.reverse()) {
    const round = await readRound(contracts, log.args.round);
    if (round.state !== "Closed") continue;
    const key = await context.commitKey(round.n);
    const { frozen, sum } = await roundSum(context, key, round.id);
    const terms = await contracts.campaigns.termsOf(campaign);
    const unit = 2 ** STATISTICS_FRACTION_BITS;
    const reals = Float64Array.from(sumValues(sum, frozen.count), (value) => Number(value) / unit);
    const members = includedUpdates(await readUpdates(contracts, provider, round.id, deployment.startBlock), frozen);
    const weights = members.map(({ records }) => Number(records) / Number(terms.cap));
    return decodeStatistics(
      reals,
      weights.reduce((a, b) => a + b, 0),
      members.length,
      statisticsSpec(ranges, round.n),
    );
  }
  throw new MedNexusError("STATISTICS_PENDING", `statistics campaign ${campaign} has no completed round yet`, {
    retryable: true,
  });
}
