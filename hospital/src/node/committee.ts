/** A committee node's side of a round: check shares, complain, sum, answer demands. */
import { getBytes, hexlify } from "ethers";
import {
  BLINDERS,
  checkShare,
  chunkHashes,
  chunkWords,
  contextOf,
  decodeFailure,
  decodeWords,
  decryptShare,
  encodeSum,
  encodeWords,
  execute,
  type Executed,
  type FrozenSet,
  type Hash,
  hashChunks,
  includedUpdates,
  MedNexusError,
  readFrozen,
  revealKey,
  RevertError,
  type RoundView,
  type Share,
  shareContextHash,
  shareManifestHash,
  splitChunks,
  type SubmittedUpdate,
  sumDigest,
  sumEvaluationPoint,
  sumShares,
  tokenAt,
  topics,
  verifyEphemeral,
} from "@mednexus/sdk";
import type { NodeContext } from "./context.ts";
import type { RoundHistory } from "./history.ts";
import { decodeShareMessage, encodePosted, openShareMessage, postedDigest, type PostedShare } from "./message.ts";

/** What a node knows of one member's share. */
export type ShareStatus =
  | { readonly kind: "good"; readonly share: Share }
  | { readonly kind: "missing" }
  | { readonly kind: "bad"; readonly posted: PostedShare };

/** A node's place in one round: seat is 0-based, its share's evaluation point seat + 1. */
export interface Sitting {
  readonly round: RoundView;
  readonly seat: number;
  readonly history: RoundHistory;
}

interface Kept {
  readonly memberKey: Hash;
  readonly words: readonly bigint[];
}

/** A manifest's ciphertext that does not open to the right share, kept until the complaint about it is over. */
interface KeptBad {
  readonly memberKey: Hash;
  readonly message: string;
}

/** Updates whose share commitments one transaction gathers. */
const GATHER = 64;

export const shareKey = (round: bigint, index: number): string => `round-${round}-share-${index}`;
export const badKey = (round: bigint, index: number): string => `round-${round}-bad-${index}`;
const setKey = (round: bigint): string => `round-${round}-set`;

/**
 * Fetches and checks one member's share: from the store, else the relay, else what the member answered on chain. A
 * good one is stored, so that a restart needs nobody; a bad one too, for the complaint must name its exact bytes.
 */
export async function shareOf(
  context: NodeContext,
  { round, seat, history }: Sitting,
  update: SubmittedUpdate,
  relayAnswers: { yes: boolean } = { yes: true },
): Promise<ShareStatus> {
  const { store } = context;
  const kept = store.read<Kept>(shareKey(round.id, update.index));
  if (kept?.memberKey === update.memberKey) return { kind: "good", share: { s: seat + 1, words: kept.words } };
  const bad = store.read<KeptBad>(badKey(round.id, update.index));
  if (bad?.memberKey === update.memberKey) return { kind: "bad", posted: decodeShareMessage(Buffer.from(bad.message)) };
  const answered = answeredShare(history, update, seat);
  const posted =
    answered ?? (relayAnswers.yes ? await relayedShare(context, round, update, seat, relayAnswers) : undefined);
  // Only what the update itself committed to counts: a ciphertext outside the manifest proves nothing against anybody.
  if (posted === undefined || !inManifest(posted, update, seat)) return { kind: "missing" };
  const share = await openShare(context, round, update, seat, posted);
  if (share === undefined) {
    const message = Buffer.from(encodePosted(posted)).toString();
    store.write(badKey(round.id, update.index), { memberKey: update.memberKey, message } satisfies KeptBad);
    return { kind: "bad", posted };
  }
  store.write(shareKey(round.id, update.index), { memberKey: update.memberKey, words: share.words } satisfies Kept);
  return { kind: "good", share };
}

/** What lies on the relay for this seat; an unreadable message is no message: the member owes one that the manifest lists. */
async function relayedShare(
  context: NodeContext,
  round: RoundView,
  update: SubmittedUpdate,
  seat: number,
  relayAnswers: { yes: boolean },
): Promise<PostedShare | undefined> {
  const { chainId, roundManager } = placeOf(context);
  try {
    const topic = topics(chainId, roundManager).share(round.id, seat + 1, update.memberKey);
    return await openShareMessage(context, topic, update.institution);
  } catch (error) {
    const code = error instanceof MedNexusError ? error.code : "UNKNOWN";
    // One dead relay must not be waited for once a member.
    if (code === "RELAY_UNREACHABLE") relayAnswers.yes = false;
    context.log({ event: "share-unreadable", round: round.id, member: update.institution, reason: code });
    return undefined;
  }
}

/** A ciphertext that the member answered with on chain. */
function answeredShare(history: RoundHistory, update: SubmittedUpdate, seat: number): PostedShare | undefined {
  const about = { memberKey: update.memberKey, seat };
  const answer = history.all("CiphertextAnswered", about)[0];
  if (answer === undefined) return undefined;
  const chunks = history.all("CiphertextChunk", about).sort((a, b) => Number(a.chunk - b.chunk));
  const { e, proof } = answer.header;
  return {
    e: { x: e.x, y: e.y },
    proof: { r: { x: proof.r.x, y: proof.r.y }, z: proof.z },
    bytes: Buffer.concat(chunks.map(({ words }) => getBytes(words as string))),
    digests: [...answer.digests],
  };
}

function inManifest(posted: PostedShare, update: SubmittedUpdate, seat: number): boolean {
  return (
    posted.digests[seat] === postedDigest(seat + 1, posted) &&
    shareManifestHash(posted.digests) === update.detail.shareManifest
  );
}

/** The share inside, or undefined when this is not what the update committed to. */
async function openShare(
  context: NodeContext,
  round: RoundView,
  update: SubmittedUpdate,
  seat: number,
  posted: PostedShare,
): Promise<Share | undefined> {
  const key = await context.commitKey(round.n);
  const ctx = contextOf(round, update, placeOf(context));
  const { c, a } = update.detail;
  const header = { s: seat + 1, e: posted.e, proof: posted.proof };
  if (posted.bytes.length !== 32 * (round.n + BLINDERS) || !verifyEphemeral(key.curve, ctx, c, header))
    return undefined;
  let words: bigint[];
  try {
    words = decodeWords(posted.bytes);
  } catch {
    return undefined; // a word at or above r
  }
  const share = decryptShare(key.curve, context.shareKeys.secret, ctx, c, { ...header, words });
  return (await checkShare(key, share, c, a)) ? share : undefined;
}

/** Says on chain that all shares arrived and check. */
export async function acknowledge(context: NodeContext, round: RoundView): Promise<void> {
  const sent = await unlessDone(
    () => execute(context.contracts.rounds.acknowledgeShares, [round.id]),
    "AlreadyAcknowledged",
  );
  context.log({ event: "acknowledged", round: round.id, gas: sent?.gasUsed });
}

/** Complains that a share did not come; bonded. */
export async function claimMissing(
  context: NodeContext,
  { round, seat }: Sitting,
  update: SubmittedUpdate,
): Promise<void> {
  await provideBond(context, round);
  await unlessDone(
    () => execute(context.contracts.disputes.claimMissing, [round.id, update.institution, detailOf(update), seat]),
    "ComplaintExists",
  );
  context.log({ event: "claimed-missing", round: round.id, member: update.institution });
}

/** Complains about a ciphertext in the manifest; bonded. */
export async function claimBad(
  context: NodeContext,
  { round, seat }: Sitting,
  update: SubmittedUpdate,
  posted: PostedShare,
): Promise<void> {
  await provideBond(context, round);
  const header = { e: posted.e, proof: posted.proof, chunkHashes: hashChunks(posted.bytes) };
  const digests = [...posted.digests];
  await unlessDone(
    () =>
      execute(context.contracts.disputes.claimBad, [
        round.id,
        update.institution,
        detailOf(update),
        seat,
        header,
        digests,
      ]),
    "ComplaintExists",
  );
  context.log({ event: "claimed-bad", round: round.id, member: update.institution });
}

/** Reveals this one K, so that the chain can open the ciphertext. */
export async function reveal(
  context: NodeContext,
  { round, seat }: Sitting,
  update: SubmittedUpdate,
  posted: PostedShare,
): Promise<void> {
  const { curve } = await context.commitKey(round.n);
  const ctx = contextOf(round, update, placeOf(context));
  const ctxShare = shareContextHash(ctx, update.detail.c, seat + 1, posted.e);
  const { k, proof } = revealKey(curve, context.shareKeys, ctxShare, posted.e, context.random);
  await execute(context.contracts.disputes.revealKey, [round.id, update.memberKey, seat, k, proof]);
  context.log({ event: "key-revealed", round: round.id, member: update.institution });
}

/** Posts the ciphertext's chunks from the next one the chain expects. Ends early where the chain finds one malformed. */
export async function evaluateFrom(
  context: NodeContext,
  { round, seat }: Sitting,
  update: SubmittedUpdate,
  posted: PostedShare,
  firstChunk: number,
): Promise<void> {
  const { disputes } = context.contracts;
  for (const [chunk, words] of splitChunks(posted.bytes).entries()) {
    if (chunk < firstChunk) continue;
    const sent = await execute(disputes.evaluateChunk, [round.id, update.memberKey, seat, chunk, words]);
    if (sent.events.some(({ name }) => name === "ComplaintSettled")) return;
  }
}

/** X^(s) over the frozen set. Errors: `SHARE_LOST` when a share is neither stored nor to be had. */
async function ownSum(context: NodeContext, sitting: Sitting, updates: readonly SubmittedUpdate[]): Promise<Share> {
  const shares: Share[] = [];
  for (const update of updates) {
    const status = await shareOf(context, sitting, update);
    if (status.kind !== "good")
      throw new MedNexusError(
        "SHARE_LOST",
        `round ${sitting.round.id}: the share of ${update.institution} is not at hand`,
        {
          retryable: true,
        },
      );
    shares.push(status.share);
  }
  return sumShares(shares);
}

/** The frozen set, if it is the one set this node speaks for in this round. Errors: `SECOND_SET`. */
async function ownSet(context: NodeContext, round: RoundView): Promise<FrozenSet> {
  const frozen = await readFrozen(context.contracts, round.id);
  // One set a round, whatever a reorganisation shows later: two sums over two sets give members' updates away.
  const spoken = context.store.read<Hash>(setKey(round.id));
  if (spoken !== undefined && spoken !== frozen.setHash)
    throw new MedNexusError(
      "SECOND_SET",
      `round ${round.id}: this node already spoke for set ${spoken}, the chain now shows ${frozen.setHash}`,
    );
  return frozen;
}

/** This node's sum over the one set it speaks for. */
export interface OwnSum {
  readonly setHash: Hash;
  readonly words: readonly bigint[];
}

/** The sum of the frozen set that is this node's, whether posted or not. Errors: `SECOND_SET`, `SHARE_LOST`. */
export async function sumOf(context: NodeContext, sitting: Sitting): Promise<OwnSum> {
  const frozen = await ownSet(context, sitting.round);
  const { words } = await ownSum(context, sitting, includedUpdates(sitting.history.updates(), frozen));
  return { setHash: frozen.setHash, words };
}

/**
 * Takes the set for this node's, once the next block can take its sum: the freeze is as deep then as finality asks. Before, nothing of the sum may leave. An
 * endpoint that knows no pending block is asked of its last one, which costs a block. Errors: those of INodeSums.postSum, `FreezeNotFinal` among them.
 */
export async function speakFor(context: NodeContext, { round }: Sitting, sum: OwnSum): Promise<void> {
  const ask = async (blockTag: "pending" | "latest"): Promise<void> => {
    try {
      await context.contracts.sums.postSum.staticCall(...postingOf(round, sum), { blockTag });
    } catch (error) {
      throw decodeFailure(error);
    }
  };
  try {
    await ask("pending");
  } catch (error) {
    if (error instanceof RevertError) throw error;
    await ask("latest");
  }
  context.store.write(setKey(round.id), sum.setHash);
}

/** Commits to the sum on chain. */
export async function postSum(context: NodeContext, { round }: Sitting, sum: OwnSum): Promise<void> {
  await unlessDone(() => execute(context.contracts.sums.postSum, [...postingOf(round, sum)]), "SumExists");
  context.log({ event: "sum-posted", round: round.id });
}

const postingOf = (round: RoundView, { setHash, words }: OwnSum) => [round.id, setHash, chunkHashes(words)] as const;

/** Leaves the sum where provers look for it. */
export async function deliverSum(context: NodeContext, { round, seat }: Sitting, sum: OwnSum): Promise<void> {
  const { chainId, roundManager } = placeOf(context);
  await context.transport.send(
    topics(chainId, roundManager).sum(round.id, seat + 1),
    encodeSum({ setHash: sum.setHash, words: encodeWords(sum.words) }),
  );
}

/** Answers a demand for this node's sum: the words, then the opening that proves them. */
export async function answerDemand(context: NodeContext, sitting: Sitting): Promise<void> {
  const { contracts } = context;
  const { round, seat, history } = sitting;
  const frozen = await ownSet(context, round);
  const included = includedUpdates(history.updates(), frozen);
  const sum = await ownSum(context, sitting, included);
  const answered = history.all("SumChunk", { seat }).length;
  for (const [chunk, words] of chunkWords(sum.words).entries()) {
    if (chunk >= answered) await execute(contracts.sums.answerSum, [round.id, seat, chunk, hexlify(words)]);
  }
  const digest = sumDigest(round.id, seat + 1, frozen.setHash, chunkHashes(sum.words));
  const opening = await (await context.commitKey(round.n)).open(sum.words, sumEvaluationPoint(digest));
  // Once a round, for all its sums; another node's answer may have brought them already.
  for (let at = 0; at < included.length; at += GATHER) {
    const part = included.slice(at, at + GATHER);
    const institutions = part.map(({ institution }) => institution);
    await execute(contracts.sums.gatherSharePoints, [round.id, institutions, part.map(detailOf)]);
  }
  await execute(contracts.sums.proveSum, [round.id, seat, opening.w]);
  context.log({ event: "demand-answered", round: round.id });
}

/** Runs a call whose effect may already be there. */
export async function unlessDone(call: () => Promise<Executed>, ...done: string[]): Promise<Executed | undefined> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof RevertError && done.includes(error.errorName)) return undefined;
    throw error;
  }
}

async function provideBond(context: NodeContext, round: RoundView): Promise<void> {
  const { contracts, deployment, signer } = context;
  const [{ complaintBond }, { token }] = await Promise.all([
    contracts.campaigns.pricesOf(round.campaign),
    contracts.campaigns.get(round.campaign),
  ]);
  await tokenAt(token, signer).ensureAllowance(deployment.addresses.vault, complaintBond);
}

const detailOf = ({ detail }: SubmittedUpdate) => ({ ...detail, a: [...detail.a] });

const placeOf = ({ deployment }: NodeContext) => ({
  chainId: BigInt(deployment.chainId),
  roundManager: deployment.addresses.rounds,
});
