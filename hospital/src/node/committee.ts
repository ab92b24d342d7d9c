/** A committee node's side of a round: check shares, complain, sum, answer demands. */
import { hexlify } from "ethers";
import {
  checkShare,
  chunkHashes,
  chunkWords,
  type Ciphertext,
  contextOf,
  decodeWords,
  decryptShare,
  digestOf,
  encodeSum,
  encodeWords,
  execute,
  type FrozenSet,
  type Hash,
  includedUpdates,
  MedNexusError,
  readCommittee,
  readFrozen,
  revealKey,
  RevertError,
  type RoundView,
  type Share,
  shareContextHash,
  shareManifestHash,
  type SubmittedUpdate,
  sumShares,
  sumDigest,
  sumEvaluationPoint,
  topics,
  verifyEphemeral,
} from "@mednexus/sdk";
import type { NodeContext } from "./context.ts";
import { decodeShareMessage } from "./member.ts";

/** What a node knows of one member's share. */
export type ShareStatus =
  | { readonly kind: "good"; readonly share: Share }
  | { readonly kind: "missing" }
  | {
      readonly kind: "bad";
      readonly ciphertext: Ciphertext;
      readonly digests: readonly Hash[];
      readonly unproved: boolean;
    };

interface Kept {
  readonly memberKey: Hash;
  readonly words: readonly bigint[];
}

/** Updates whose share commitments one transaction gathers. */
const GATHER = 64;

const shareKey = (round: bigint, index: number): string => `round-${round}-share-${index}`;

/** This node's seat, or undefined when it does not sit on the round's committee. */
export async function seatOf(context: NodeContext, round: RoundView): Promise<number | undefined> {
  const seats = await readCommittee(context.contracts, round.id);
  const index = seats.findIndex((seat) => seat.node.toLowerCase() === context.address.toLowerCase());
  return index === -1 ? undefined : index;
}

/** Fetches and checks one member's share; a good one is stored, so that a restart does not need the relay again. */
export async function shareOf(
  context: NodeContext,
  round: RoundView,
  update: SubmittedUpdate,
  seat: number,
): Promise<ShareStatus> {
  const { store, transport, deployment } = context;
  const kept = store.read<Kept>(shareKey(round.id, update.index));
  if (kept?.memberKey === update.memberKey) return { kind: "good", share: { s: seat + 1, words: kept.words } };
  const where = { chainId: BigInt(deployment.chainId), roundManager: deployment.addresses.rounds };
  const topic = topics(where.chainId, where.roundManager).share(round.id, seat + 1);
  let found: { ciphertext: Ciphertext; digests: readonly Hash[] } | undefined;
  try {
    const body = await transport.receive(topic, update.institution);
    if (body !== undefined) {
      const message = decodeShareMessage(body);
      found = {
        ciphertext: { s: message.s, e: message.e, proof: message.proof, words: decodeWords(message.words) },
        digests: message.digests,
      };
    }
  } catch (error) {
    // An unreadable message is no message: the member owes one that the manifest lists.
    context.log({
      event: "share-unreadable",
      round: round.id,
      member: update.institution,
      reason: error instanceof MedNexusError ? error.code : "UNKNOWN",
    });
  }
  if (found === undefined || !inManifest(found, update, seat)) return { kind: "missing" };
  return judge(context, round, update, seat, found.ciphertext, found.digests);
}

/** Judges a ciphertext that the manifest lists. */
export async function judge(
  context: NodeContext,
  round: RoundView,
  update: SubmittedUpdate,
  seat: number,
  ciphertext: Ciphertext,
  digests: readonly Hash[],
): Promise<ShareStatus> {
  const { deployment } = context;
  const ctx = contextOf(round, update, {
    chainId: BigInt(deployment.chainId),
    roundManager: deployment.addresses.rounds,
  });
  const key = await context.commitKey(round.n);
  const { c, a } = update.detail;
  if (!verifyEphemeral(key.curve, ctx, c, ciphertext)) return { kind: "bad", ciphertext, digests, unproved: true };
  const share = decryptShare(key.curve, context.shareKeys.secret, ctx, c, ciphertext);
  if (!(await checkShare(key, share, c, a))) return { kind: "bad", ciphertext, digests, unproved: false };
  context.store.write(shareKey(round.id, update.index), {
    memberKey: update.memberKey,
    words: share.words,
  } satisfies Kept);
  return { kind: "good", share };
}

/** Only what the update itself committed to counts: a digest outside the manifest proves nothing against anybody. */
function inManifest(
  found: { ciphertext: Ciphertext; digests: readonly Hash[] },
  update: SubmittedUpdate,
  seat: number,
): boolean {
  const { ciphertext, digests } = found;
  return (
    ciphertext.s === seat + 1 &&
    shareManifestHash(digests) === update.detail.shareManifest &&
    digests[seat] === digestOf(ciphertext)
  );
}

/** Says on chain that all shares arrived and check. */
export async function acknowledge(context: NodeContext, round: RoundView): Promise<void> {
  const sent = await execute(context.contracts.rounds.acknowledgeShares, [round.id]);
  context.log({ event: "acknowledged", round: round.id, gas: sent.gasUsed });
}

export async function claimMissing(
  context: NodeContext,
  round: RoundView,
  update: SubmittedUpdate,
  seat: number,
): Promise<void> {
  await execute(context.contracts.disputes.claimMissing, [
    round.id,
    update.institution,
    { ...update.detail, a: [...update.detail.a] },
    seat,
  ]);
  context.log({ event: "claimed-missing", round: round.id, member: update.institution });
}

/** Complains about a share in the manifest; where E is proved, reveals this one K and posts the ciphertext for the chain to judge. */
export async function claimBad(
  context: NodeContext,
  round: RoundView,
  update: SubmittedUpdate,
  seat: number,
  status: Extract<ShareStatus, { kind: "bad" }>,
): Promise<void> {
  const { contracts, deployment } = context;
  const { ciphertext } = status;
  const header = { e: ciphertext.e, proof: ciphertext.proof, chunkHashes: chunkHashes(ciphertext.words) };
  await unlessDone(
    () =>
      execute(contracts.disputes.claimBad, [
        round.id,
        update.institution,
        { ...update.detail, a: [...update.detail.a] },
        seat,
        header,
        [...status.digests],
      ]),
    "ComplaintExists",
  );
  context.log({ event: "claimed-bad", round: round.id, member: update.institution });
  if (status.unproved) return;
  const ctx = contextOf(round, update, {
    chainId: BigInt(deployment.chainId),
    roundManager: deployment.addresses.rounds,
  });
  const key = await context.commitKey(round.n);
  const ctxShare = shareContextHash(ctx, update.detail.c, seat + 1, ciphertext.e);
  const reveal = revealKey(key.curve, context.shareKeys, ctxShare, ciphertext.e, context.random);
  await execute(contracts.disputes.revealKey, [round.id, update.memberKey, seat, reveal.k, reveal.proof]);
  for (const [chunk, words] of chunkWords(ciphertext.words).entries()) {
    await execute(contracts.disputes.evaluateChunk, [round.id, update.memberKey, seat, chunk, words]);
  }
}

/** X^(s) over the frozen set, from the stored shares. Throws `SHARE_LOST` when one is not there any more. */
export async function ownSum(
  context: NodeContext,
  round: RoundView,
  updates: readonly SubmittedUpdate[],
  frozen: FrozenSet,
  seat: number,
): Promise<Share> {
  const shares: Share[] = [];
  for (const update of includedUpdates(updates, frozen)) {
    const status = await shareOf(context, round, update, seat);
    if (status.kind !== "good")
      throw new MedNexusError("SHARE_LOST", `round ${round.id}: the share of ${update.institution} is not at hand`);
    shares.push(status.share);
  }
  return sumShares(shares);
}

/** Commits to the sum on chain, once, for the one frozen set; and leaves it for provers. */
export async function postSum(
  context: NodeContext,
  round: RoundView,
  updates: readonly SubmittedUpdate[],
  seat: number,
): Promise<void> {
  const frozen = await readFrozen(context.contracts, round.id);
  // A node speaks for one set a round, whatever a reorganisation shows it later: two sets signed is slashed.
  const spoken = context.store.read<Hash>(`round-${round.id}-set`);
  if (spoken !== undefined && spoken !== frozen.setHash) {
    throw new MedNexusError(
      "SECOND_SET",
      `round ${round.id}: this node already spoke for set ${spoken}, the chain now shows ${frozen.setHash}`,
    );
  }
  const sum = await ownSum(context, round, updates, frozen, seat);
  context.store.write(`round-${round.id}-set`, frozen.setHash);
  await unlessDone(
    () => execute(context.contracts.sums.postSum, [round.id, frozen.setHash, chunkHashes(sum.words)]),
    "SumExists",
  );
  const topic = topics(BigInt(context.deployment.chainId), context.deployment.addresses.rounds);
  await context.transport.send(
    topic.sum(round.id, seat + 1),
    encodeSum({ setHash: frozen.setHash, words: encodeWords(sum.words) }),
  );
  context.log({ event: "sum-posted", round: round.id });
}

/** Answers a demand for this node's sum: the words, then the opening that proves them. */
export async function answerDemand(
  context: NodeContext,
  round: RoundView,
  updates: readonly SubmittedUpdate[],
  seat: number,
  firstChunk: number,
): Promise<void> {
  const { contracts } = context;
  const frozen = await readFrozen(contracts, round.id);
  const sum = await ownSum(context, round, updates, frozen, seat);
  for (const [chunk, words] of chunkWords(sum.words).entries()) {
    if (chunk < firstChunk) continue;
    await execute(contracts.sums.answerSum, [round.id, seat, chunk, hexlify(words)]);
  }
  const digest = sumDigest(round.id, seat + 1, frozen.setHash, chunkHashes(sum.words));
  const opening = await (await context.commitKey(round.n)).open(sum.words, sumEvaluationPoint(digest));
  const included = includedUpdates(updates, frozen);
  const institutions = included.map(({ institution }) => institution);
  const details = included.map(({ detail }) => ({ ...detail, a: [...detail.a] }));
  // Once a round, for all its sums; another node's answer may have brought them already.
  for (let at = 0; at < details.length; at += GATHER) {
    const part = [institutions.slice(at, at + GATHER), details.slice(at, at + GATHER)] as const;
    await execute(contracts.sums.gatherSharePoints, [round.id, ...part]);
  }
  await execute(contracts.sums.proveSum, [round.id, seat, opening.w]);
  context.log({ event: "demand-answered", round: round.id });
}

/** Runs a call whose effect may already be there. */
async function unlessDone(call: () => Promise<unknown>, done: string): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (!(error instanceof RevertError && error.errorName === done)) throw error;
  }
}
