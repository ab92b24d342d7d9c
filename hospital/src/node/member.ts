/** A member's side of a round: train, commit, prove, share; answer for it afterwards. */
import { getBytes, hexlify } from "ethers";
import {
  type Ciphertext,
  commitCoefficients,
  contextOf,
  decodeFailure,
  chunkWords,
  chunkHashes,
  digestOf,
  encodeWords,
  encryptShare,
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
  readCommittee,
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
  type UpdateDetail,
  updateHash,
  updateVector,
  BLINDERS,
} from "@mednexus/sdk";
import { encodeStatistics, standardize, STATISTICS_FRACTION_BITS, statisticsSpec } from "../data/standardize.ts";
import { requirePolicy } from "../policy/policy.ts";
import { clip } from "../training/clip.ts";
import type { DriftMemory } from "../training/trainer.ts";
import type { NodeContext } from "./context.ts";
import { standardizerOf } from "./models.ts";
import { addNoise } from "./noise.ts";

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
  readonly detail: UpdateDetail;
  readonly seconds: { readonly train: number; readonly prove: number };
}

export const draftKey = (round: bigint): string => `round-${round}-draft`;

/** What a node finds under its share topic. */
export interface ShareMessage {
  readonly ciphertext: Ciphertext;
  readonly digests: readonly Hash[];
}

export function encodeShareMessage(message: ShareMessage): Uint8Array {
  const { s, e, proof, words } = message.ciphertext;
  const json = {
    s,
    e: [e.x, e.y].map(String),
    proof: [proof.r.x, proof.r.y, proof.z].map(String),
    words: hexlify(encodeWords(words)),
    digests: message.digests,
  };
  return new TextEncoder().encode(JSON.stringify(json));
}

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
    const vector = encodeStatistics(data.rows.X, weight, statisticsSpec(data.ranges, round.n));
    // Weighted already, hence records = cap.
    return { values: quantize(vector, { n: round.n, updateBits: STATISTICS_FRACTION_BITS, records: 1n, cap: 1n }) };
  }
  const { q, l } = await context.contracts.versions.lineageOf(round.model);
  const scale = { updateBits: Number(q), stepBits: Number(l) };
  const trainer = data.trainer(round.n);
  const model = realValues(await modelVector(context, round.model, round.baseVersion, round.n), scale);
  const base = trainer.init(data.modelSeed).map((value, j) => value + model[j]!);
  const standardizer = await standardizerOf(context);
  const rows = { X: standardize(standardizer, data.rows.X), y: data.rows.y };
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
  requirePolicy(context.policy, terms, round);
  const stand = await standing(context, round);
  const ctx = contextHash(context, round, stand);
  const stored = store.read<Draft>(draftKey(round.id));
  if (stored?.ctx === ctx) return stored;

  const key = await context.commitKey(round.n);
  const started = performance.now();
  const { values, memory } = await contribution(context, round, terms, stand);
  const trained = performance.now();
  const blinders = randomFrVector(BLINDERS, random);
  const vector = updateVector(values, blinders);
  const coefficients = shareCoefficients(vector.length, round.threshold, random);
  const c = await key.commit(vector);
  const a = await commitCoefficients(key, coefficients);
  const committee = await readCommittee(contracts, round.id);
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
    detail: { c, a, shareManifest, h, y: opening.y, w: opening.w, proof },
    seconds: { train: (trained - started) / 1000, prove: (performance.now() - proving) / 1000 },
  };
  store.write(draftKey(round.id), draft);
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
export const submissionOf = (draft: Draft, dataset: bigint) => ({
  round: draft.round,
  dataset,
  c: draft.detail.c,
  a: [...draft.detail.a],
  shareManifest: draft.detail.shareManifest,
  h: draft.detail.h,
  y: draft.detail.y,
  w: draft.detail.w,
  proof: draft.detail.proof,
});

/** Sends the prepared update. True when it stands on chain, sent now or before a restart. */
export async function submit(context: NodeContext, draft: Draft): Promise<boolean> {
  const key = memberKey(context.address, draft.detail.c);
  if ((await context.contracts.rounds.updateOf(key)).institution !== ZERO_ADDRESS) return true;
  try {
    const sent = await execute(context.contracts.rounds.submitUpdate, [submissionOf(draft, context.data!.dataset)]);
    context.log({
      event: "submitted",
      round: draft.round,
      gas: sent.gasUsed,
      train: draft.seconds.train,
      prove: draft.seconds.prove,
    });
    return true;
  } catch (error) {
    // Somebody's view of the chain was behind: the update is there, which is all this wanted.
    if (error instanceof RevertError && error.errorName === "CommitmentReused") return true;
    throw error;
  }
}

/** Leaves each node its encrypted share; the same bytes every time. */
export async function deliver(context: NodeContext, draft: Draft): Promise<void> {
  const topic = topics(BigInt(context.deployment.chainId), context.deployment.addresses.rounds);
  const digests = draft.ciphertexts.map(digestOf);
  for (const ciphertext of draft.ciphertexts) {
    await context.transport.send(topic.share(draft.round, ciphertext.s), encodeShareMessage({ ciphertext, digests }));
  }
  context.log({ event: "shares-delivered", round: draft.round, nodes: draft.ciphertexts.length });
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

const ZERO_ADDRESS = "0x0000000000000000000000000000000000000000";

/** Parses what `encodeShareMessage` made. Throws `BAD_SHARE_MESSAGE`; the words are checked by the reader. */
export function decodeShareMessage(body: Uint8Array): {
  s: number;
  e: G1;
  proof: { r: G1; z: bigint };
  words: Uint8Array;
  digests: Hash[];
} {
  try {
    const json = JSON.parse(new TextDecoder().decode(body)) as {
      s: number;
      e: [string, string];
      proof: [string, string, string];
      words: string;
      digests: Hash[];
    };
    const [x, y] = json.e.map(BigInt) as [bigint, bigint];
    const [rx, ry, z] = json.proof.map(BigInt) as [bigint, bigint, bigint];
    if (
      !Number.isInteger(json.s) ||
      !Array.isArray(json.digests) ||
      json.digests.some((d) => !/^0x[0-9a-f]{64}$/.test(d))
    )
      throw new TypeError("fields");
    return {
      s: json.s,
      e: { x, y },
      proof: { r: { x: rx, y: ry }, z },
      words: getBytes(json.words),
      digests: json.digests,
    };
  } catch (cause) {
    throw new MedNexusError("BAD_SHARE_MESSAGE", "a member left something that is not a share", { cause });
  }
}
