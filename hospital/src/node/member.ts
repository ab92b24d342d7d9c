/** A member's side of a round: train, commit, prove, share; answer for it afterwards. */
import {
  type Ciphertext,
  commitCoefficients,
  contextOf,
  decodeFailure,
  chunkWords,
  chunkHashes,
  digestOf,
  encryptShare,
  equalG1,
  evaluate,
  execute,
  type G1,
  type Hash,
  linkChallenge,
  lower,
  MedNexusError,
  modelVector,
  memberKey,
  quantize,
  randomFrVector,
  readFrozen,
  readTerms,
  realValues,
  RevertError,
  type RoundView,
  shareCoefficients,
  shareCommitment,
  shareFor,
  shareManifestHash,
  type Terms,
  topics,
  type SubmittedUpdate,
  type UpdateDetail,
  updateHash,
  updateVector,
  BLINDERS,
} from "@mednexus/sdk";
import { encodeStatistics, standardize, STATISTICS_FRACTION_BITS, statisticsSpec } from "../data/standardize.ts";
import { requireFreshBase, requirePolicy } from "../policy/policy.ts";
import { clip } from "../training/clip.ts";
import type { DriftMemory } from "../training/trainer.ts";
import type { NodeContext } from "./context.ts";
import { standardizerOf } from "./models.ts";
import { addNoise } from "./noise.ts";
import { encodeShareMessage, leaveForNode } from "./message.ts";
import { requireBase, requireKeys, trustedCommittee } from "./trust.ts";

/** What the contract will derive for this institution now; any change means a new context, hence a new commitment. */
interface Standing {
  readonly dataset: bigint;
  readonly datasetVersion: number;
  readonly consentEpoch: bigint;
  readonly records: bigint;
  readonly normBound2: bigint;
}

/** One round's secrets and everything made from them, kept until the round can no longer ask for them. */
export interface Draft {
  readonly round: bigint;
  readonly ctx: Hash;
  readonly values: readonly bigint[];
  readonly blinders: readonly bigint[];
  readonly coefficients: readonly (readonly bigint[])[];
  readonly ciphertexts: readonly Ciphertext[];
  /** Each seat's key, as trusted when the shares were made. */
  readonly keys: readonly G1[];
  readonly detail: UpdateDetail;
  readonly seconds: { readonly train: number; readonly prove: number };
}

/** All drafts made for a round, newest last: one whose context passed may still come to stand on chain after a reorganisation. */
export const draftsKey = (round: bigint): string => `round-${round}-drafts`;

export const draftsOf = (context: Pick<NodeContext, "store">, round: bigint): readonly Draft[] =>
  context.store.read<Draft[]>(draftsKey(round)) ?? [];

/** The draft behind an update on chain. */
export const draftOf = (drafts: readonly Draft[], update: SubmittedUpdate): Draft | undefined =>
  drafts.find(({ detail }) => equalG1(detail.c, update.detail.c));

/** The contract's view of this institution and its dataset for a campaign, now. Reverts come back by name. */
async function standing(context: NodeContext, round: RoundView): Promise<Standing> {
  try {
    const e = await context.contracts.campaigns.eligibility(round.campaign, context.address);
    return {
      dataset: e.dataset,
      datasetVersion: Number(e.version),
      consentEpoch: e.consentEpoch,
      records: e.records,
      normBound2: e.normBound2,
    };
  } catch (error) {
    throw decodeFailure(error);
  }
}

function contextHash(context: NodeContext, round: RoundView, stand: Standing): Hash {
  return contextOf(
    round,
    { institution: context.address, ...stand },
    { chainId: BigInt(context.deployment.chainId), roundManager: context.deployment.addresses.rounds },
  );
}

/** What local training left behind, for the round that builds on it. Never sent. */
interface Drift {
  readonly round: bigint;
  readonly memberKey: Hash;
  readonly base: readonly number[];
  readonly gradient: readonly number[];
}

/** Rounds of a model that this hospital made an update for, on its newest base. */
interface Based {
  readonly base: G1;
  readonly updates: readonly { readonly round: bigint; readonly memberKey: Hash }[];
}

const basedKey = (model: bigint): string => `based-${model}`;

const basedOn = (context: NodeContext, round: RoundView): Based => {
  const based = context.store.read<Based>(basedKey(round.model));
  return based !== undefined && equalG1(based.base, round.base) ? based : { base: round.base, updates: [] };
};

/** The earlier round on this base whose frozen set has an update of this hospital in it. */
async function earlierSum(context: NodeContext, round: RoundView): Promise<bigint | undefined> {
  if (round.kind === "statistics") return undefined; // the contract takes one contribution a dataset version
  for (const { round: earlier, memberKey: key } of basedOn(context, round).updates) {
    if (earlier === round.id) continue;
    const [{ included, count }, update] = await Promise.all([
      readFrozen(context.contracts, earlier),
      context.contracts.rounds.updateOf(key),
    ]);
    if (count > 0 && update.round === earlier && ((included >> update.index) & 1n) === 1n) return earlier;
  }
  return undefined;
}

const driftKey = (campaign: bigint): string => `drift-${campaign}`;

/** The trainer's memory, if this hospital was in the set that made the base it is about to train from. */
async function driftOf(context: NodeContext, round: RoundView): Promise<DriftMemory | undefined> {
  const { contracts, store } = context;
  const drift = store.read<Drift>(driftKey(round.campaign));
  if (drift === undefined || round.baseVersion === 0) return undefined;
  const made = await contracts.versions.versionOf(round.model, round.baseVersion);
  if (made.round !== drift.round) return undefined;
  const [{ included }, update] = await Promise.all([
    readFrozen(contracts, drift.round),
    contracts.rounds.updateOf(drift.memberKey),
  ]);
  if (update.round !== drift.round || ((included >> update.index) & 1n) === 0n) return undefined;
  return { base: Float64Array.from(drift.base), gradient: Float64Array.from(drift.gradient) };
}

/** The vector this hospital contributes, as integers the circuit accepts, and what the trainer wants to remember. */
async function contribution(
  context: NodeContext,
  round: RoundView,
  terms: Terms,
  stand: Standing,
): Promise<{ values: bigint[]; memory?: DriftMemory }> {
  const { data, policy } = context;
  if (data === undefined) throw new MedNexusError("NO_DATA", "a committee-only node contributes nothing");
  if (terms.kind === "statistics") {
    const weight = Number(stand.records) / Number(terms.cap);
    const vector = encodeStatistics(data.rows().X, weight, statisticsSpec(data.ranges, round.n));
    // Weighted already, hence records = cap.
    return { values: quantize(vector, { n: round.n, updateBits: STATISTICS_FRACTION_BITS, records: 1n, cap: 1n }) };
  }
  const { q, l } = await context.contracts.versions.lineageOf(round.model);
  const scale = { updateBits: Number(q), stepBits: Number(l) };
  const trainer = data.trainer(round.n);
  const model = realValues(await modelVector(context, round.model, round.baseVersion, round.n), scale);
  const base = trainer.init(data.modelSeed).map((value, j) => value + model[j]!);
  const standardizer = await standardizerOf(context);
  const { X, y } = data.rows();
  const rows = { X: standardize(standardizer, X), y };
  const { delta, memory } = await trainer.train(base, rows, await driftOf(context, round));
  const limits = {
    n: round.n,
    updateBits: scale.updateBits,
    records: stand.records,
    cap: terms.cap,
    normBound2: terms.normBound ** 2n,
  };
  const values = addNoise(quantize(clip(delta, limits), limits), policy.noise, stand.normBound2, context.random);
  return memory === undefined ? { values } : { values, memory };
}

/**
 * The draft for this round: the stored one while its context still stands, else a new one with fresh blinders and
 * coefficients (a commitment hides for one opening only). Secrets are on disk before anything derived from them is used.
 */
export async function prepare(context: NodeContext, round: RoundView): Promise<Draft> {
  const { contracts, store, random } = context;
  const terms = await readTerms(contracts, round.campaign);
  requirePolicy(context.policy, terms);
  const stand = await standing(context, round);
  const ctx = contextHash(context, round, stand);
  const drafts = draftsOf(context, round.id);
  const current = drafts.find((draft) => draft.ctx === ctx);
  if (current !== undefined) return current;

  requireFreshBase(context.policy, await earlierSum(context, round));
  const key = await context.commitKey(round.n);
  requireKeys(round, key);
  if (round.kind === "training") await requireBase(context, round);
  const committee = await trustedCommittee(context, round);
  const started = performance.now();
  const { values, memory } = await contribution(context, round, terms, stand);
  const trained = performance.now();
  const blinders = randomFrVector(BLINDERS, random);
  const vector = updateVector(values, blinders);
  const coefficients = shareCoefficients(vector.length, round.threshold, random);
  const c = await key.commit(vector);
  const a = await commitCoefficients(key, coefficients);
  const ciphertexts = committee.map((seat, index) =>
    encryptShare(key.curve, seat.key, ctx, c, shareFor(vector, coefficients, index + 1), random),
  );
  const shareManifest = shareManifestHash(ciphertexts.map(digestOf));
  const h = updateHash(values, blinders);
  const r = linkChallenge(ctx, c, a, shareManifest, h);
  const opening = await key.open(vector, r);
  if (opening.y !== evaluate(vector, r))
    throw new MedNexusError("OPENING_FAULT", "the opening does not match the vector: this machine computes wrongly");
  const proving = performance.now();
  const { proof } = await context.prover.prove("update", round.n, {
    h,
    r,
    y: opening.y,
    normBound2: stand.normBound2,
    values: lower(values),
    blinders,
  });
  const draft: Draft = {
    round: round.id,
    ctx,
    values,
    blinders,
    coefficients,
    ciphertexts,
    keys: committee.map(({ key: seatKey }) => seatKey),
    detail: { c, a, shareManifest, h, y: opening.y, w: opening.w, proof },
    seconds: { train: (trained - started) / 1000, prove: (performance.now() - proving) / 1000 },
  };
  if (round.kind === "training") {
    const based = basedOn(context, round);
    const updates = [...based.updates, { round: round.id, memberKey: memberKey(context.address, c) }];
    store.write(basedKey(round.model), { ...based, updates } satisfies Based);
  }
  store.write(draftsKey(round.id), [...drafts, draft]);
  if (memory !== undefined) {
    store.write(driftKey(round.campaign), {
      round: round.id,
      memberKey: memberKey(context.address, c),
      base: [...memory.base],
      gradient: [...memory.gradient],
    } satisfies Drift);
  }
  return draft;
}

/** What the draft would put on chain and on the wire: nothing else leaves the building. */
export const submissionOf = (
  { round, detail }: Draft,
  dataset: bigint,
): [round: bigint, dataset: bigint, detail: Draft["detail"] & { a: G1[] }] => [
  round,
  dataset,
  { ...detail, a: [...detail.a] },
];

/** Sends the prepared update; nothing to do when it stands on chain already, sent before a restart. */
export async function submit(context: NodeContext, draft: Draft): Promise<void> {
  const { rounds } = context.contracts;
  const stands = async (): Promise<boolean> =>
    (await rounds.updateOf(memberKey(context.address, draft.detail.c))).round === draft.round;
  if (await stands()) return;
  try {
    const sent = await execute(rounds.submitUpdate, submissionOf(draft, context.data!.dataset));
    context.log({
      event: "submitted",
      round: draft.round,
      gas: sent.gasUsed,
      train: draft.seconds.train,
      prove: draft.seconds.prove,
    });
  } catch (error) {
    // Sent before a restart and included meanwhile: the update is there, which is all this wanted.
    if (!(error instanceof RevertError && (await stands()))) throw error;
  }
}

/** Leaves node s its encrypted share; the same bytes every time. */
export async function deliver(context: NodeContext, draft: Draft, ciphertext: Ciphertext): Promise<void> {
  const topic = topics(BigInt(context.deployment.chainId), context.deployment.addresses.rounds);
  const key = memberKey(context.address, draft.detail.c);
  const message = encodeShareMessage({ ciphertext, digests: draft.ciphertexts.map(digestOf) });
  await leaveForNode(context, topic.share(draft.round, ciphertext.s, key), draft.keys[ciphertext.s - 1]!, message);
}

/** Answers a "missing" complaint of node `index` with the ciphertext, never the share; resumes at the chunk the chain expects. */
export async function answerMissing(
  context: NodeContext,
  draft: Draft,
  index: number,
  firstChunk: number,
): Promise<void> {
  const ciphertext = draft.ciphertexts[index]!;
  const chunks = chunkWords(ciphertext.words);
  const header = { e: ciphertext.e, proof: ciphertext.proof, chunkHashes: chunkHashes(ciphertext.words) };
  for (const [chunk, words] of chunks.entries()) {
    if (chunk < firstChunk) continue;
    await execute(context.contracts.disputes.answerCiphertext, [
      draft.round,
      memberKey(context.address, draft.detail.c),
      index,
      header,
      draft.ciphertexts.map(digestOf),
      chunk,
      words,
    ]);
  }
  context.log({ event: "answered-missing", round: draft.round, node: index });
}

/** Opens the share that node `index` claims is bad, at the point the chain drew, in this member's defence. */
export async function defend(
  context: NodeContext,
  draft: Draft,
  n: number,
  index: number,
  point: bigint,
): Promise<void> {
  const key = await context.commitKey(n);
  const vector = updateVector(draft.values, draft.blinders);
  const share = shareFor(vector, draft.coefficients, index + 1);
  const opening = await key.open(share.words, point);
  const expected: G1 = shareCommitment(key.curve, draft.detail.c, draft.detail.a, index + 1);
  if (!(await key.verifyOpening(expected, point, opening)))
    throw new MedNexusError("OPENING_FAULT", "the share's opening does not verify: this machine computes wrongly");
  await execute(context.contracts.disputes.defend, [
    draft.round,
    context.address,
    { ...draft.detail, a: [...draft.detail.a] },
    index,
    opening.w,
  ]);
  context.log({ event: "defended", round: draft.round, node: index });
}
