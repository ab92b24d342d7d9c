import {
  type Ciphertext,
  decodeWords,
  type Hash,
  MedNexusError,
  memberKey,
  readRound,
  readTerms,
  readUpdates,
  type RoundView,
  type SubmittedUpdate,
  type Terms,
  tokenAt,
} from "@mednexus/sdk";
import { getBytes } from "ethers";
import {
  acknowledge,
  answerDemand,
  claimBad,
  claimMissing,
  judge,
  postSum,
  seatOf,
  shareOf,
  type ShareStatus,
} from "./committee.ts";
import type { NodeContext } from "./context.ts";
import { answerMissing, defend, deliver, type Draft, draftKey, prepare, submit } from "./member.ts";

/** States in which nothing more can be asked of a member or a node but an answer to an open demand. */
const OVER = new Set(["Finalized", "Closed", "FailedEarly", "FailedSums"]);

/** Seconds between re-deliveries of shares to the relay, which may have lost them. */
const REDELIVER = 15;

/**
 * A hospital's node for some campaigns. `tick` looks at the chain and does whatever is due; every step is idempotent,
 * so ticks may be repeated, interrupted and resumed by another process with the same store.
 */
export class HospitalNode {
  readonly #context: NodeContext;
  readonly #campaigns: readonly bigint[];
  readonly #delivered = new Map<bigint, number>();
  readonly #said = new Set<string>();

  constructor(context: NodeContext, campaigns: readonly bigint[]) {
    this.#context = context;
    this.#campaigns = campaigns;
  }

  /** One look at every campaign. A failure in one round is logged and does not keep others waiting; returns how many rounds it touched. */
  async tick(): Promise<number> {
    const watched = new Set((this.#context.store.read<bigint[]>("watched") ?? []).map(BigInt));
    const before = watched.size;
    for (const campaign of this.#campaigns) {
      const { liveRound } = await this.#context.contracts.campaigns.get(campaign);
      if (liveRound !== 0n) watched.add(liveRound);
    }
    if (watched.size !== before) this.#context.store.write("watched", [...watched]);
    for (const id of [...watched]) {
      try {
        if (await this.#attend(id)) {
          watched.delete(id);
          this.#context.store.write("watched", [...watched]);
        }
      } catch (error) {
        this.#report(id, error);
      }
    }
    return watched.size;
  }

  /** Does what is due in one round; true when nothing can be due in it any more. */
  async #attend(id: bigint): Promise<boolean> {
    const { contracts, provider, store } = this.#context;
    const round = await readRound(contracts, id);
    if (round.state === "Open") return false;
    const terms = await readTerms(contracts, round.campaign);
    const now = await this.#context.chainTime();
    const draft = await this.#memberDuty(round, now);
    if (round.state === "Commit") return false;
    const seat = await seatOf(this.#context, round);
    const updates = await readUpdates(contracts, provider, id, this.#context.deployment.startBlock);
    if (round.state === "Share") {
      if (seat !== undefined) await this.#checkShares(round, terms, updates, seat, now);
      if (draft !== undefined && round.openComplaints > 0) await this.#answerComplaints(round, draft);
      return false;
    }
    if (seat !== undefined) await this.#sumDuty(round, updates, seat);
    if (!OVER.has(round.state)) return false;
    const [, , summedAt] = await contracts.sums.sumsStanding(id);
    const { challenge, answer } = terms.windows;
    if (summedAt !== 0n && now <= Number(summedAt) + challenge + answer) return false;
    // Nothing can be demanded any more: the secrets of this round have no use left.
    store.remove(draftKey(id));
    for (const update of updates) store.remove(`round-${id}-share-${update.index}`);
    return true;
  }

  async #memberDuty(round: RoundView, now: number): Promise<Draft | undefined> {
    const { contracts, store, address, data } = this.#context;
    if (data === undefined) return undefined;
    let draft = store.read<Draft>(draftKey(round.id));
    if (
      round.state === "Commit" &&
      now <= round.commitUntil &&
      (await contracts.campaigns.datasetOf(round.campaign, address)) !== 0n
    ) {
      const standing =
        draft !== undefined && (await contracts.rounds.updateOf(memberKey(address, draft.detail.c))).round === round.id;
      if (!standing) {
        draft = await prepare(this.#context, round);
        await submit(this.#context, draft);
      }
    }
    if (draft === undefined) return undefined;
    const last = this.#delivered.get(round.id) ?? -Infinity;
    if ((round.state === "Commit" || round.state === "Share") && now - last >= REDELIVER) {
      await deliver(this.#context, draft);
      this.#delivered.set(round.id, now);
    }
    return draft;
  }

  /** Acknowledges when every share is good; complains, late in the window, about what is not. */
  async #checkShares(
    round: RoundView,
    terms: Terms,
    updates: readonly SubmittedUpdate[],
    seat: number,
    now: number,
  ): Promise<void> {
    const { contracts } = this.#context;
    const once = `ack-${round.id}`;
    if (this.#said.has(once)) return;
    let good = 0;
    let owed = 0;
    for (const update of updates) {
      const record = await contracts.rounds.updateOf(update.memberKey);
      if (!record.verified || record.excluded) continue;
      owed++;
      let status = await shareOf(this.#context, round, update, seat);
      if (status.kind === "missing") status = (await this.#answeredOnChain(round, update, seat)) ?? status;
      if (status.kind === "good") {
        good++;
        continue;
      }
      const key = `complained-${round.id}-${update.index}-${status.kind}`;
      // Members' deliveries may be under way: patience for half the window, then silence would accept a missing share.
      const due = status.kind === "bad" || now >= round.shareFrom + terms.windows.complaint / 2;
      if (!due || this.#said.has(key)) continue;
      const prices = await contracts.campaigns.pricesOf(round.campaign);
      const { token } = await contracts.campaigns.get(round.campaign);
      await tokenAt(token, this.#context.signer).ensureAllowance(
        this.#context.deployment.addresses.vault,
        prices.complaintBond,
      );
      if (status.kind === "missing") await claimMissing(this.#context, round, update, seat);
      else await claimBad(this.#context, round, update, seat, status);
      this.#said.add(key);
    }
    if (good < owed) return;
    try {
      await acknowledge(this.#context, round);
    } catch (error) {
      if (!(
        error instanceof MedNexusError &&
        (error.code === "REVERT_AlreadyAcknowledged" || error.code === "REVERT_WrongState")
      ))
        throw error;
    }
    this.#said.add(once);
  }

  /** A ciphertext that the member answered with on chain, judged like a delivered one. */
  async #answeredOnChain(round: RoundView, update: SubmittedUpdate, seat: number): Promise<ShareStatus | undefined> {
    const { contracts, deployment } = this.#context;
    const { disputes } = contracts;
    const answered = (
      await disputes.queryFilter(
        disputes.filters.CiphertextAnswered(round.id, update.memberKey, seat),
        deployment.startBlock,
      )
    )[0];
    if (answered === undefined) return undefined;
    const chunks = await disputes.queryFilter(
      disputes.filters.CiphertextChunk(round.id, update.memberKey, seat),
      deployment.startBlock,
    );
    const words = chunks
      .sort((a, b) => Number(a.args.chunk - b.args.chunk))
      .flatMap(({ args }) => decodeWords(getBytes(args.words)));
    const { header, digests } = answered.args as unknown as {
      header: { e: { x: bigint; y: bigint }; proof: { r: { x: bigint; y: bigint }; z: bigint } };
      digests: Hash[];
    };
    const ciphertext: Ciphertext = {
      s: seat + 1,
      e: { x: header.e.x, y: header.e.y },
      proof: { r: { x: header.proof.r.x, y: header.proof.r.y }, z: header.proof.z },
      words,
    };
    return judge(this.#context, round, update, seat, ciphertext, [...digests]);
  }

  /** Answers what is claimed against this member: with ciphertext, or with an opening. */
  async #answerComplaints(round: RoundView, draft: Draft): Promise<void> {
    const { contracts, deployment, address } = this.#context;
    const { disputes } = contracts;
    const own = memberKey(address, draft.detail.c);
    const from = deployment.startBlock;
    const settled = await disputes.queryFilter(disputes.filters.ComplaintSettled(round.id, own), from);
    const isSettled = (index: bigint, after: number): boolean =>
      settled.some((log) => log.args.nodeIndex === index && log.blockNumber >= after);
    for (const log of await disputes.queryFilter(disputes.filters.MissingClaimed(round.id, own), from)) {
      const index = log.args.nodeIndex;
      const answered = await disputes.queryFilter(disputes.filters.CiphertextAnswered(round.id, own, index), from);
      if (answered.length > 0 || isSettled(index, log.blockNumber)) continue;
      const chunks = await disputes.queryFilter(disputes.filters.CiphertextChunk(round.id, own, index), from);
      await answerMissing(this.#context, draft, Number(index), chunks.length);
    }
    for (const log of await disputes.queryFilter(disputes.filters.ShareEvaluated(round.id, own), from)) {
      const index = log.args.nodeIndex;
      if (isSettled(index, log.blockNumber)) continue;
      const revealed = (await disputes.queryFilter(disputes.filters.KeyRevealed(round.id, own, index), from))[0];
      if (revealed !== undefined) await defend(this.#context, draft, round.n, Number(index), revealed.args.challenge);
    }
  }

  /** Posts this node's sum once the set is frozen and the freeze is final; answers a demand for it. */
  async #sumDuty(round: RoundView, updates: readonly SubmittedUpdate[], seat: number): Promise<void> {
    const { contracts, deployment } = this.#context;
    const { sums } = contracts;
    const once = `sum-${round.id}`;
    if (!this.#said.has(once) && !OVER.has(round.state)) {
      try {
        await postSum(this.#context, round, updates, seat);
        this.#said.add(once);
      } catch (error) {
        if (!(error instanceof MedNexusError && error.code === "REVERT_FreezeNotFinal")) throw error;
      }
    }
    if ((await sums.openDemands(round.id)) === 0n) return;
    const filter = sums.filters.SumDemanded(round.id, seat);
    const demanded = await sums.queryFilter(filter, deployment.startBlock);
    const answered = await sums.queryFilter(sums.filters.SumAnswered(round.id, seat), deployment.startBlock);
    if (demanded.length <= answered.length) return;
    const chunks = await sums.queryFilter(sums.filters.SumChunk(round.id, seat), deployment.startBlock);
    await answerDemand(this.#context, round, updates, seat, chunks.length);
  }

  /** Says each distinct trouble of a round once, not at every tick. */
  #report(round: bigint, error: unknown): void {
    const code = error instanceof MedNexusError ? error.code : "UNEXPECTED";
    const message = error instanceof Error ? error.message : String(error);
    const key = `trouble-${round}-${code}`;
    if (this.#said.has(key)) return;
    this.#said.add(key);
    this.#context.log({
      event: "trouble",
      round,
      code,
      message,
      retryable: error instanceof MedNexusError && error.retryable,
    });
  }
}
