/**
 * Recomputes from chain events under which consents something was made: a model version (its round's frozen members) or
 * a receipt (the datasets that it lists). The hash says that nothing was swapped; the states that it names say what the
 * consents were.
 */
import type { Provider } from "ethers";
import type { Contracts } from "../actions/client.ts";
import { includedUpdates, readFrozen, readUpdates, scanLogs } from "../actions/read.ts";
import type { Deployment } from "../deployment.ts";
import { MedNexusError } from "../errors.ts";
import { type Address, type ConsentRef, consentSetHash, type Hash } from "../transcript.ts";

/** What an epoch of a dataset names: the state of one version's consent after that epoch's event. */
export interface ConsentState extends ConsentRef {
  readonly termsHash: Hash | undefined;
  /** The root that stood, a zero one included; undefined: none was ever published. */
  readonly grantRoot: Hash | undefined;
  readonly roundedCount: number;
  readonly custodial: boolean;
  /** Leaves revoked since the root was published: while there is one the registry refuses the version. */
  readonly revokedSince: readonly Hash[];
  /** Terms and grants stood and nothing was revoked: the registry could have said yes. Purpose and waiting times are not looked at. */
  readonly standing: boolean;
  /** Who contributed the dataset; undefined for receipts. */
  readonly institution?: Address;
}

export interface ConsentAudit {
  readonly equal: boolean;
  readonly recorded: Hash;
  readonly computed: Hash;
  readonly states: readonly ConsentState[];
}

interface Chain {
  readonly contracts: Contracts;
  readonly provider: Provider;
  readonly deployment: Pick<Deployment, "chainId" | "startBlock" | "addresses">;
}

/** One change of a dataset's consent, from its event. */
type Change = { readonly epoch: bigint; readonly version: number } & (
  | { readonly kind: "terms"; readonly hash: Hash }
  | { readonly kind: "grants"; readonly root: Hash; readonly roundedCount: number; readonly custodial: boolean }
  | { readonly kind: "revocation"; readonly leaf: Hash }
);

/** All changes of a dataset in the order of their epochs. Throws `EVENTS_MISSING` unless they are numbered 1, 2, 3, … up to the epoch on chain: a truncated answer is no audit. */
export async function readConsentChanges(chain: Chain, dataset: bigint): Promise<readonly Change[]> {
  const { contracts, provider, deployment } = chain;
  const { consent } = contracts;
  const head = await provider.getBlockNumber();
  const scan = <T>(query: (from: number, to: number) => Promise<T[]>) => scanLogs(query, deployment.startBlock, head);
  const [terms, grants, revocations, epoch] = await Promise.all([
    scan((from, to) => consent.queryFilter(consent.filters.TermsSet(dataset), from, to)),
    scan((from, to) => consent.queryFilter(consent.filters.GrantsSet(dataset), from, to)),
    scan((from, to) => consent.queryFilter(consent.filters.ConsentRevoked(dataset), from, to)),
    consent.epochOf(dataset, { blockTag: head }),
  ]);
  const changes: Change[] = [
    ...terms.map(({ args }) => ({
      kind: "terms" as const,
      epoch: args.epoch,
      version: Number(args.version),
      hash: args.termsHash,
    })),
    ...grants.map(({ args }) => ({
      kind: "grants" as const,
      epoch: args.epoch,
      version: Number(args.version),
      root: args.root,
      roundedCount: Number(args.roundedCount),
      custodial: args.custodial,
    })),
    ...revocations.map(({ args }) => ({
      kind: "revocation" as const,
      epoch: args.epoch,
      version: Number(args.version),
      leaf: args.leaf,
    })),
  ].sort((a, b) => Number(a.epoch - b.epoch));
  if (BigInt(changes.length) !== epoch || changes.some((change, i) => change.epoch !== BigInt(i + 1)))
    throw new MedNexusError(
      "EVENTS_MISSING",
      `dataset ${dataset} is at epoch ${epoch}, its events are not 1 to ${epoch}: ${changes.length} found`,
      { retryable: true },
    );
  return changes;
}

const NO_ROOT = `0x${"00".repeat(32)}`;

/** The state that (dataset, version, epoch) names. */
export function consentStateAt(changes: readonly Change[], ref: ConsentRef): ConsentState {
  let state = { termsHash: undefined, grantRoot: undefined, roundedCount: 0, custodial: false } as Pick<
    ConsentState,
    "termsHash" | "grantRoot" | "roundedCount" | "custodial"
  >;
  let revokedSince: Hash[] = [];
  for (const change of changes) {
    if (change.epoch > ref.epoch || change.version !== ref.version) continue;
    if (change.kind === "terms") state = { ...state, termsHash: change.hash };
    else if (change.kind === "revocation") revokedSince.push(change.leaf);
    else {
      const { root: grantRoot, roundedCount, custodial } = change;
      state = { ...state, grantRoot, roundedCount, custodial };
      revokedSince = [];
    }
  }
  const granted = state.grantRoot !== undefined && state.grantRoot !== NO_ROOT;
  const known = ref.epoch <= BigInt(changes.length);
  const standing = known && granted && state.termsHash !== undefined && revokedSince.length === 0;
  return { ...ref, ...state, revokedSince, standing };
}

/** The refs as they stand in a receipt, or anywhere, against the hash that was recorded for them. */
export async function auditConsentRefs(
  chain: Chain,
  refs: readonly (ConsentRef & { readonly institution?: Address })[],
  recorded: Hash,
): Promise<ConsentAudit> {
  const changes = new Map<bigint, readonly Change[]>();
  for (const { dataset } of refs)
    if (!changes.has(dataset)) changes.set(dataset, await readConsentChanges(chain, dataset));
  const states = refs.map((ref) => consentStateAt(changes.get(ref.dataset)!, ref));
  const { chainId, addresses } = chain.deployment;
  const computed = consentSetHash(BigInt(chainId), addresses.consent, refs);
  return { equal: computed === recorded, recorded, computed, states };
}

/**
 * A round's consent set from its submissions' events and the frozen bitmap. `recorded` is what the model version carries
 * (VersionAppended) where the round made one, else what the round itself keeps. Throws `NO_FREEZE`.
 */
export async function auditConsentSet(chain: Chain, round: bigint): Promise<ConsentAudit> {
  const { contracts, provider, deployment } = chain;
  const frozen = await readFrozen(contracts, round);
  if (frozen.count === 0) throw new MedNexusError("NO_FREEZE", `round ${round} has no frozen set`);
  const members = includedUpdates(await readUpdates(contracts, provider, round, deployment.startBlock), frozen);
  const refs = members.map(({ dataset, datasetVersion, consentEpoch, institution }) => ({
    dataset,
    version: datasetVersion,
    epoch: consentEpoch,
    institution,
  }));
  const { versions } = contracts;
  const [appended] = await scanLogs(
    (from, to) => versions.queryFilter(versions.filters.VersionAppended(undefined, undefined, round), from, to),
    frozen.blockNumber,
    await provider.getBlockNumber(),
  );
  return auditConsentRefs(chain, refs, appended?.args.consentSetHash ?? frozen.consentSetHash);
}
