import {
  execute,
  MedNexusError,
  memberKey,
  readCommittee,
  readRound,
  readTerms,
  RevertError,
  type RoundView,
  type SubmittedUpdate,
  type Terms,
} from "@mednexus/sdk";
import {
  acknowledge,
  answerDemand,
  badKey,
  claimBad,
  claimMissing,
  deliverSum,
  evaluateFrom,
  postSum,
  reveal,
  shareKey,
  shareOf,
  type ShareStatus,
  type Sitting,
  speakFor,
  sumOf,
  unlessDone,
} from "./committee.ts";
import type { Head, NodeContext } from "./context.ts";
import { RoundHistory } from "./history.ts";
import { explain } from "./log.ts";
import { answerMissing, defend, deliver, type Draft, draftOf, draftsKey, draftsOf, prepare, submit } from "./member.ts";

/** States in which nothing more can be asked of a member or a node but an answer to an open demand. */
const OVER = new Set(["Finalized", "Closed", "FailedEarly", "FailedSums"]);

/** Seconds between re-deliveries to the relay, which may have lost what it had. */
const REDELIVER = 15;

/** Seconds before an update that could not be prepared is tried again: training is not repeated at every look. */
const RETRY = 15;

/** Blocks after which a round's end is taken as the end, and its secrets are forgotten. */
const SETTLED_BLOCKS = 32;

/** Members whose shares are fetched at once. */
const FETCH = 8;

/** Stages and kinds of a complaint, in the contract's order (IShareDisputes). */
const STAGE = { claimed: 1n, answered: 2n, revealed: 3n, evaluated: 4n, settled: 5n } as const;
const KIND = { missing: 1, bad: 2 } as const;

/** Events by which a node complains. */
const COMPLAINTS = ["MissingClaimed", "BadClaimed"];

interface Deadlines {
  readonly complaint: number;
  readonly ciphertext: number;
  readonly reveal: number;
  readonly opening: number;
}

/**
 * A hospital's node for some campaigns. `tick` looks at the chain and does whatever is due. What is due follows from
 * the chain and the store alone, and every step is idempotent: ticks may be repeated, interrupted, and resumed by
 * another process with the same store. One duty's failure keeps no other waiting.
 */
export class HospitalNode {
  readonly #context: NodeContext;
  readonly #campaigns: readonly bigint[];
  readonly #histories = new Map<bigint, RoundHistory>();
  readonly #terms = new Map<bigint, Terms>();
  /** Chain seconds of the last delivery, or of the last failed preparation: courtesy to others, lost without harm. */
  readonly #last = new Map<string, number>();
  readonly #reported = new Set<string>();

  constructor(context: NodeContext, campaigns: readonly bigint[]) {
    this.#context = context;
    this.#campaigns = campaigns;
  }

  /** One look at every campaign and every round not over yet; returns how many rounds it still watches. */
  async tick(signal?: AbortSignal): Promise<number> {
    const { store, contracts } = this.#context;
    const watched = new Set((store.read<bigint[]>("watched") ?? []).map(BigInt));
    const before = watched.size;
    for (const campaign of this.#campaigns) {
      await this.#try(`campaign ${campaign}`, async () => {
        const { liveRound } = await contracts.campaigns.get(campaign);
        if (liveRound !== 0n) watched.add(liveRound);
      });
    }
    if (watched.size !== before) store.write("watched", [...watched]);
    for (const id of watched) {
      if (signal?.aborted) break;
      await this.#try(`round ${id}`, async () => {
        if (!(await this.#attend(id, signal))) return;
        watched.delete(id);
        this.#histories.delete(id);
        store.write("watched", [...watched]);
      });
    }
    return watched.size;
  }

  /** Does what is due in one round; true when nothing can be due in it any more. */
  async #attend(id: bigint, signal?: AbortSignal): Promise<boolean> {
    const { contracts, provider, deployment, address } = this.#context;
    const head = await this.#context.head();
    const round = await readRound(contracts, id);
    if (round.state === "Open") return false;
    const terms = await this.#termsOf(round.campaign);
    let history = this.#histories.get(id);
    if (history === undefined) this.#histories.set(id, (history = new RoundHistory(contracts, provider, id)));
    await history.refresh(Math.max(deployment.startBlock, round.drawBlock), head);
    const committee = await readCommittee(contracts, id);
    const seat = committee.findIndex(({ node }) => node.toLowerCase() === address.toLowerCase());
    const sitting = seat === -1 ? undefined : { round, seat, history };
    const now = head.timestamp;
    const duty = (name: string, run: () => Promise<void>): Promise<void> =>
      signal?.aborted ? Promise.resolve() : this.#try(`round ${id} ${name}`, run);

    let draft: Draft | undefined;
    if (this.#context.data !== undefined)
      await duty("update", async () => void (draft = await this.#contribute(round, history, now)));
    if (draft !== undefined && (round.state === "Commit" || round.state === "Share"))
      await duty("delivery", () => this.#deliver(round, draft!, now));
    if (round.state === "Share") {
      const deadlines = deadlinesOf(round, terms);
      if (draft !== undefined && round.openComplaints > 0)
        await duty("answers", () => this.#answerComplaints(round, draft!, history, deadlines, now));
      if (sitting !== undefined) await duty("shares", () => this.#checkShares(sitting, deadlines, now));
    }
    if (sitting !== undefined && (round.state === "Frozen" || round.state === "Summed"))
      await duty("sum", () => this.#sumUp(sitting, terms, now));
    const demanded = sitting !== undefined && history.has("SumDemanded", { seat });
    if (demanded && !history.has("SumAnswered", { seat }) && !history.has("SumFaulted", { seat }))
      await duty("demand", () => answerDemand(this.#context, sitting));
    if (!OVER.has(round.state)) return false;
    return this.#forget(round, history, head);
  }

  /** This member's update: the one that stands on chain, else a prepared one, sent. */
  async #contribute(round: RoundView, history: RoundHistory, now: number): Promise<Draft | undefined> {
    const { contracts, address } = this.#context;
    const own = history.updates().find(({ institution }) => institution.toLowerCase() === address.toLowerCase());
    if (own !== undefined) {
      const draft = draftOf(draftsOf(this.#context, round.id), own);
      if (draft === undefined && !OVER.has(round.state))
        throw new MedNexusError(
          "SECRETS_LOST",
          `round ${round.id}: an update stands on chain that this node has no secrets of; restore its dataDir`,
        );
      return draft;
    }
    if (round.state !== "Commit" || now > round.commitUntil) return undefined;
    if ((await contracts.campaigns.datasetOf(round.campaign, address)) === 0n) return undefined;
    const attempt = `update ${round.id}`;
    if (now - (this.#last.get(attempt) ?? -Infinity) < RETRY) return undefined;
    try {
      const draft = await prepare(this.#context, round);
      await submit(this.#context, draft);
      return draft;
    } catch (error) {
      if (!(error instanceof MedNexusError && error.retryable)) this.#last.set(attempt, now);
      throw error;
    }
  }

  /** Leaves every node its share; one that cannot be left now is tried at the next look. */
  async #deliver(round: RoundView, draft: Draft, now: number): Promise<void> {
    let delivered = 0;
    for (const ciphertext of draft.ciphertexts) {
      const key = `share ${round.id} ${ciphertext.s} ${draft.ctx}`;
      if (now - (this.#last.get(key) ?? -Infinity) < REDELIVER) continue;
      await this.#try(`round ${round.id} share for node ${ciphertext.s}`, async () => {
        await deliver(this.#context, draft, ciphertext);
        if (!this.#last.has(key)) delivered++;
        this.#last.set(key, now);
      });
    }
    if (delivered > 0) this.#context.log({ event: "shares-delivered", round: round.id, nodes: delivered });
  }

  /** Acknowledges when every share is good; complains about what is not. */
  async #checkShares(sitting: Sitting, deadlines: Deadlines, now: number): Promise<void> {
    const { round, seat, history } = sitting;
    const excluded = history.excluded();
    const complained = (update: SubmittedUpdate): boolean =>
      COMPLAINTS.some((name) => history.has(name, { memberKey: update.memberKey, seat }));
    // Verified or not: a batched round may yet verify what is left. Excluded members matter while a complaint of ours is open.
    const concern = history.updates().filter((update) => !excluded.has(update.index) || complained(update));
    const relay = { yes: true };
    const statuses: ShareStatus[] = [];
    for (let at = 0; at < concern.length; at += FETCH)
      statuses.push(
        ...(await Promise.all(
          concern.slice(at, at + FETCH).map((update) => shareOf(this.#context, sitting, update, relay)),
        )),
      );
    for (const [i, update] of concern.entries()) {
      const status = statuses[i]!;
      const gone = excluded.has(update.index);
      await this.#try(`round ${round.id} share of ${update.institution}`, () =>
        status.kind === "bad" && (!gone || history.has("BadClaimed", { memberKey: update.memberKey, seat }))
          ? this.#prosecute(sitting, update, status, deadlines, now)
          : this.#chase(sitting, update, gone || status.kind === "good", deadlines, now),
      );
    }
    const owed = statuses.filter((_, i) => !excluded.has(concern[i]!.index));
    if (owed.some(({ kind }) => kind !== "good") || history.has("SharesAcknowledged", { seat })) return;
    await acknowledge(this.#context, round);
  }

  /** A missing share is claimed, late in the window; the complaint is closed once this node is satisfied, or time decides. */
  async #chase(
    sitting: Sitting,
    update: SubmittedUpdate,
    satisfied: boolean,
    deadlines: Deadlines,
    now: number,
  ): Promise<void> {
    const { round, seat, history } = sitting;
    if (!history.has("MissingClaimed", { memberKey: update.memberKey, seat })) {
      // Deliveries may be under way: patience for half the window, then silence would accept a missing share.
      const due = now >= (round.shareFrom + deadlines.complaint) / 2;
      if (!satisfied && due && now <= deadlines.complaint) await claimMissing(this.#context, sitting, update);
      return;
    }
    const { stage } = await this.#complaint(sitting, update, "missing");
    const unanswered = stage === STAGE.claimed && now > deadlines.ciphertext;
    if (unanswered || (stage === STAGE.answered && satisfied)) await this.#settle(sitting, update);
  }

  /** A bad share: claimed, its key revealed, its chunks evaluated, the complaint settled; from wherever it stands. */
  async #prosecute(
    sitting: Sitting,
    update: SubmittedUpdate,
    { posted }: Extract<ShareStatus, { kind: "bad" }>,
    deadlines: Deadlines,
    now: number,
  ): Promise<void> {
    const { seat, history } = sitting;
    const about = { memberKey: update.memberKey, seat };
    if (!history.has("BadClaimed", about)) {
      const until = history.has("CiphertextAnswered", about) ? deadlines.reveal : deadlines.complaint;
      if (now > until) return;
      await claimBad(this.#context, sitting, update, posted);
    }
    let { stage, nextChunk } = await this.#complaint(sitting, update, "bad");
    if (now <= deadlines.reveal) {
      if (stage === STAGE.claimed) {
        await reveal(this.#context, sitting, update, posted);
        ({ stage, nextChunk } = await this.#complaint(sitting, update, "bad"));
      }
      if (stage === STAGE.revealed) await evaluateFrom(this.#context, sitting, update, posted, Number(nextChunk));
    } else if (
      stage === STAGE.claimed ||
      stage === STAGE.revealed ||
      (stage === STAGE.evaluated && now > deadlines.opening)
    ) {
      await this.#settle(sitting, update);
    }
  }

  /** Answers what is claimed against this member: with the ciphertext, or with an opening of the share. */
  async #answerComplaints(
    round: RoundView,
    draft: Draft,
    history: RoundHistory,
    deadlines: Deadlines,
    now: number,
  ): Promise<void> {
    const own = memberKey(this.#context.address, draft.detail.c);
    for (let seat = 0; seat < round.nodes; seat++) {
      const about = { memberKey: own, seat };
      await this.#try(`round ${round.id} complaint of node ${seat}`, async () => {
        if (history.has("MissingClaimed", about) && now <= deadlines.ciphertext) {
          const { stage, nextChunk } = await this.#complaint({ round, seat }, { memberKey: own }, "missing");
          if (stage === STAGE.claimed) await answerMissing(this.#context, draft, seat, Number(nextChunk));
        }
        if (history.has("BadClaimed", about) && now <= deadlines.opening) {
          const { stage, z } = await this.#complaint({ round, seat }, { memberKey: own }, "bad");
          if (stage === STAGE.evaluated) await defend(this.#context, draft, round.n, seat, z);
        }
      });
    }
  }

  /** Posts this node's sum once the freeze is final, and leaves the words for provers, who need not wait for the block that takes the post. */
  async #sumUp(sitting: Sitting, terms: Terms, now: number): Promise<void> {
    const { round, seat, history } = sitting;
    const posted = history.has("SumPosted", { seat });
    const key = `sum ${round.id}`;
    const delivered = now - (this.#last.get(key) ?? -Infinity) < REDELIVER;
    if (posted && delivered) return;
    if (!posted && (history.has("SumFaulted", { seat }) || now > round.frozenAt + terms.windows.sums)) return;
    const sum = await sumOf(this.#context, sitting);
    const deliver = async (): Promise<void> => {
      if (delivered) return;
      await deliverSum(this.#context, sitting, sum);
      this.#last.set(key, now);
    };
    try {
      if (!posted) await speakFor(this.#context, sitting, sum);
      const delivery = this.#try(`round ${round.id} delivery of the sum`, deliver);
      try {
        // A dead relay must not hold up the post.
        if (!posted) await postSum(this.#context, sitting, sum);
      } finally {
        await delivery;
      }
    } catch (error) {
      if (!(error instanceof RevertError && error.errorName === "FreezeNotFinal")) throw error;
    }
  }

  /** Forgets a round's secrets once nothing can ask for them any more. */
  async #forget(round: RoundView, history: RoundHistory, head: Head): Promise<boolean> {
    const { contracts, store } = this.#context;
    if (head.number - Math.max(history.newest, round.drawBlock) < SETTLED_BLOCKS) return false;
    if ((await contracts.sums.openDemands(round.id)) !== 0n) return false;
    if (round.state === "Finalized" && !(await contracts.sums.sumsFinal(round.id))) return false;
    store.remove(draftsKey(round.id));
    for (const { index } of history.updates()) {
      store.remove(shareKey(round.id, index));
      store.remove(badKey(round.id, index));
    }
    return true;
  }

  async #settle({ round, seat }: Sitting, { memberKey: key }: SubmittedUpdate): Promise<void> {
    const call = [round.id, key, seat] as const;
    await unlessDone(() => execute(this.#context.contracts.disputes.settleComplaint, [...call]), "NothingDue");
    this.#context.log({ event: "complaint-settled", round: round.id, node: seat });
  }

  #complaint(
    { round, seat }: Pick<Sitting, "round" | "seat">,
    update: Pick<SubmittedUpdate, "memberKey">,
    kind: keyof typeof KIND,
  ) {
    return this.#context.contracts.disputes.complaintOf(round.id, update.memberKey, seat, KIND[kind]);
  }

  async #termsOf(campaign: bigint): Promise<Terms> {
    let terms = this.#terms.get(campaign);
    if (terms === undefined) this.#terms.set(campaign, (terms = await readTerms(this.#context.contracts, campaign)));
    return terms;
  }

  /** Runs one duty. Its failure is said once for each kind, not at every tick, and stops nothing else. */
  async #try(what: string, run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      const said = explain(error);
      const key = `${what} ${said.code}`;
      if (this.#reported.has(key)) return;
      this.#reported.add(key);
      this.#context.log({ event: "trouble", what, ...said });
    }
  }
}

/** Last seconds of the share phase's windows, as the contract counts them. */
function deadlinesOf(round: RoundView, { windows }: Terms): Deadlines {
  const complaint = round.shareFrom + windows.complaint;
  const ciphertext = complaint + windows.ciphertext;
  const reveal_ = ciphertext + windows.reveal;
  return { complaint, ciphertext, reveal: reveal_, opening: reveal_ + windows.opening };
}
