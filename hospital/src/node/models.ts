import {
  includedUpdates,
  MedNexusError,
  type ModelReader,
  readRound,
  readUpdates,
  roundSum,
  scanLogs,
  sumValues,
} from "@mednexus/sdk";
import {
  decodeStatistics,
  rangeStandardizer,
  STATISTICS_FRACTION_BITS,
  type Standardizer,
  statisticsSpec,
} from "../data/standardize.ts";
import type { NodeContext } from "./context.ts";

/**
 * How features are standardized, the same for every member: public ranges, or the sum of a completed statistics round.
 * Errors: `STATISTICS_PENDING` (retryable) until that round has completed.
 */
export async function standardizerOf(context: NodeContext): Promise<Standardizer> {
  const { data } = context;
  if (data === undefined) throw new MedNexusError("NO_DATA", "a committee-only node standardizes nothing");
  if (data.standardization.kind === "ranges") return rangeStandardizer(data.ranges);
  const kept = `standardizer-${data.standardization.campaign}`;
  const stored = context.store.read<Standardizer>(kept);
  if (stored !== undefined) return stored;
  const standardizer = await statisticsOf(context, data.standardization.campaign, data.ranges);
  context.store.write(kept, standardizer);
  return standardizer;
}

/** Mean and deviation from the completed round of a statistics campaign, checked against the chain's commitments. */
export async function statisticsOf(
  context: ModelReader,
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
    const { frozen, sum } = await roundSum(context, round.id);
    const terms = await contracts.campaigns.termsOf(campaign);
    const unit = 2 ** STATISTICS_FRACTION_BITS;
    const reals = Float64Array.from(sumValues(sum, frozen.count), (value) => Number(value) / unit);
    const members = includedUpdates(
      await readUpdates(contracts, provider, round.id, Math.max(deployment.startBlock, round.drawBlock)),
      frozen,
    );
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
