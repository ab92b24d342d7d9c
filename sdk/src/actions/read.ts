/** What services read of a round, as plain values: one place that turns contract results and logs into the SDK's own types. */
import { AbiCoder, keccak256, type Provider } from "ethers";
import type { G1 } from "../curve.ts";
import { MedNexusError } from "../errors.ts";
import { type Address, type Hash, memberKey, type Proof, updateContextHash } from "../transcript.ts";
import type { UpdateSubmittedEvent } from "../generated/types/RoundManager.ts";
import type { Contracts } from "./client.ts";

/** Round states, in the contract's order. */
export const ROUND_STATES = [
  "None",
  "Open",
  "Commit",
  "Share",
  "Frozen",
  "Summed",
  "Finalized",
  "Closed",
  "FailedEarly",
  "FailedSums",
] as const;
export type RoundStateName = (typeof ROUND_STATES)[number];

export type RoundKindName = "training" | "statistics";

/** Seconds; see Windows in the contracts. */
export interface Windows {
  readonly draw: number;
  readonly commit: number;
  readonly complaint: number;
  readonly ciphertext: number;
  readonly reveal: number;
  readonly opening: number;
  readonly sums: number;
  readonly challenge: number;
  readonly answer: number;
  readonly ramp: number;
  readonly close: number;
}

/** What every service needs to know of a campaign's terms. */
export interface Terms {
  readonly model: bigint;
  readonly kind: RoundKindName;
  readonly eager: boolean;
  readonly pair: boolean;
  readonly nodes: number;
  readonly threshold: number;
  readonly minParticipants: number;
  readonly cap: bigint;
  readonly lambdaF: bigint;
  readonly normBound: bigint;
  readonly windows: Windows;
  readonly admitters: readonly Address[];
  readonly committee: readonly Address[];
  readonly purpose: {
    readonly permission: number;
    readonly modifiers: bigint;
    readonly disease: Hash;
    readonly user: Address;
  };
}

export interface RoundView {
  readonly id: bigint;
  readonly campaign: bigint;
  readonly model: bigint;
  readonly kind: RoundKindName;
  readonly state: RoundStateName;
  readonly nodes: number;
  readonly threshold: number;
  readonly eager: boolean;
  readonly n: number;
  readonly baseVersion: number;
  readonly submitted: number;
  readonly verified: number;
  readonly acks: number;
  readonly openComplaints: number;
  /** Unix seconds. */
  readonly openedAt: number;
  readonly commitUntil: number;
  readonly shareFrom: number;
  readonly frozenAt: number;
  readonly drawBlock: number;
  readonly updateVerifier: number;
  readonly aggregateVerifier: number;
  readonly srs: number;
  readonly updateKeyHash: Hash;
  readonly aggregateKeyHash: Hash;
  readonly srsHash: Hash;
  readonly base: G1;
}

/** The opening, proof and share commitments of one submission, as its event and later calls carry them. */
export interface UpdateDetail {
  readonly c: G1;
  readonly a: readonly G1[];
  readonly shareManifest: Hash;
  readonly h: bigint;
  readonly y: bigint;
  readonly w: G1;
  readonly proof: Proof;
}

/** One submission, from its event. */
export interface SubmittedUpdate {
  readonly institution: Address;
  readonly memberKey: Hash;
  readonly index: number;
  readonly dataset: bigint;
  readonly datasetVersion: number;
  readonly consentEpoch: bigint;
  readonly records: bigint;
  readonly normBound2: bigint;
  readonly detail: UpdateDetail;
}

export interface FrozenSet {
  readonly setHash: Hash;
  readonly cAgg: G1;
  /** Of the included members' consents, in submission order. */
  readonly consentSetHash: Hash;
  readonly included: bigint;
  readonly count: number;
  readonly totalRecords: bigint;
  readonly lambda: bigint;
  readonly blockNumber: number;
}

interface Point {
  x: bigint;
  y: bigint;
}
const g1 = (p: Point): G1 => ({ x: p.x, y: p.y });

/** A chunked log scan's block span: public RPC endpoints refuse wider ones. */
const LOG_SPAN = 5000;

/** Throws `NO_ROUND` for an id that was never opened. */
export async function readRound(contracts: Contracts, id: bigint): Promise<RoundView> {
  const r = await contracts.rounds.get(id);
  const state = ROUND_STATES[Number(r.state)];
  if (state === undefined || state === "None") throw new MedNexusError("NO_ROUND", `there is no round ${id}`);
  return {
    id,
    campaign: r.campaign,
    model: r.model,
    kind: Number(r.kind) === 0 ? "training" : "statistics",
    state,
    nodes: Number(r.nodes),
    threshold: Number(r.threshold),
    eager: r.eager,
    n: Number(r.n),
    baseVersion: Number(r.baseVersion),
    submitted: Number(r.submitted),
    verified: Number(r.verified),
    acks: Number(r.acks),
    openComplaints: Number(r.openComplaints),
    openedAt: Number(r.openedAt),
    commitUntil: Number(r.commitUntil),
    shareFrom: Number(r.shareFrom),
    frozenAt: Number(r.frozenAt),
    drawBlock: Number(r.drawBlock),
    updateVerifier: Number(r.updateVerifier),
    aggregateVerifier: Number(r.aggregateVerifier),
    srs: Number(r.srs),
    updateKeyHash: r.updateKeyHash,
    aggregateKeyHash: r.aggregateKeyHash,
    srsHash: r.srsHash,
    base: g1(r.base),
  };
}

export async function readTerms(contracts: Contracts, campaign: bigint): Promise<Terms> {
  const t = await contracts.campaigns.termsOf(campaign);
  const windows = Object.fromEntries(
    (
      [
        "draw",
        "commit",
        "complaint",
        "ciphertext",
        "reveal",
        "opening",
        "sums",
        "challenge",
        "answer",
        "ramp",
        "close",
      ] as const
    ).map((name) => [name, Number(t.windows[name])]),
  ) as unknown as Windows;
  return {
    model: t.model,
    kind: Number(t.kind) === 0 ? "training" : "statistics",
    eager: t.eager,
    pair: t.pair,
    nodes: Number(t.nodes),
    threshold: Number(t.threshold),
    minParticipants: Number(t.minParticipants),
    cap: t.cap,
    lambdaF: t.lambdaF,
    normBound: t.normBound,
    windows,
    admitters: [...t.admitters],
    committee: [...t.committee],
    purpose: {
      permission: Number(t.purpose.permission),
      modifiers: t.purpose.modifiers,
      disease: t.purpose.disease,
      user: t.purpose.user,
    },
  };
}

export async function readFrozen(contracts: Contracts, id: bigint): Promise<FrozenSet> {
  const f = await contracts.rounds.frozenOf(id);
  return {
    setHash: f.setHash,
    cAgg: g1(f.cAgg),
    consentSetHash: f.consentSetHash,
    included: f.included,
    count: Number(f.count),
    totalRecords: f.totalRecords,
    lambda: f.lambda,
    blockNumber: Number(f.blockNumber),
  };
}

/** Committee in node order; empty before the draw. */
export async function readCommittee(contracts: Contracts, id: bigint): Promise<{ node: Address; key: G1 }[]> {
  const [nodes, keys] = await contracts.rounds.committeeOf(id);
  return [...nodes].map((node, i) => ({ node, key: g1(keys[i]!) }));
}

/** Logs of one filter in block order, read in spans that public endpoints accept. */
export async function scanLogs<T>(
  scan: (from: number, to: number) => Promise<T[]>,
  from: number,
  to: number,
): Promise<T[]> {
  const out: T[] = [];
  for (let start = from; start <= to; start += LOG_SPAN)
    out.push(...(await scan(start, Math.min(to, start + LOG_SPAN - 1))));
  return out;
}

/** A submission from the arguments of its UpdateSubmitted event. */
export function submittedUpdate(args: UpdateSubmittedEvent.OutputObject): SubmittedUpdate {
  const c = g1(args.detail.c);
  const { proof } = args.detail;
  return {
    institution: args.institution,
    memberKey: memberKey(args.institution, c),
    index: Number(args.index),
    dataset: args.dataset,
    datasetVersion: Number(args.datasetVersion),
    consentEpoch: args.consentEpoch,
    records: args.records,
    normBound2: args.normBound2,
    detail: {
      c,
      a: args.detail.a.map(g1),
      shareManifest: args.detail.shareManifest,
      h: args.detail.h,
      y: args.detail.y,
      w: g1(args.detail.w),
      proof: {
        a: g1(proof.a),
        b: { xIm: proof.b.xIm, xRe: proof.b.xRe, yIm: proof.b.yIm, yRe: proof.b.yRe },
        c: g1(proof.c),
      },
    },
  };
}

/** Every submission of a round, in submission order, from its events. `fromBlock`: any block at or before the round's opening. */
export async function readUpdates(
  contracts: Contracts,
  provider: Provider,
  id: bigint,
  fromBlock: number,
): Promise<SubmittedUpdate[]> {
  const filter = contracts.rounds.filters.UpdateSubmitted(id);
  const logs = await scanLogs(
    (from, to) => contracts.rounds.queryFilter(filter, from, to),
    fromBlock,
    await provider.getBlockNumber(),
  );
  return logs.map(({ args }) => submittedUpdate(args)).sort((a, b) => a.index - b.index);
}

/** ctx of a submission as the contract built it. */
export function contextOf(
  round: RoundView,
  update: Omit<SubmittedUpdate, "detail" | "memberKey" | "index">,
  where: { chainId: bigint; roundManager: Address },
): Hash {
  return updateContextHash({
    ...where,
    campaign: round.campaign,
    round: round.id,
    base: round.base,
    keyHash: round.updateKeyHash,
    srsHash: round.srsHash,
    n: round.n,
    normBound2: update.normBound2,
    nodes: round.nodes,
    threshold: round.threshold,
    institution: update.institution,
    dataset: update.dataset,
    datasetVersion: update.datasetVersion,
    consentEpoch: update.consentEpoch,
    records: update.records,
  });
}

/** Members of the frozen set, in submission order. */
export const includedUpdates = (updates: readonly SubmittedUpdate[], frozen: FrozenSet): SubmittedUpdate[] =>
  updates.filter((update) => ((frozen.included >> BigInt(update.index)) & 1n) === 1n);

/** keccak256(abi.encode(terms)): what a model's owner approves. */
export const termsHash = (
  contracts: Contracts,
  terms: Parameters<Contracts["campaigns"]["open"]["staticCall"]>[0],
): Hash =>
  keccak256(AbiCoder.defaultAbiCoder().encode([contracts.campaigns.interface.getFunction("open").inputs[0]!], [terms]));
