/** Looks at the chain: every watched campaign and round as of one block. Reads only. */
import { decodeBytes32String, encodeBytes32String } from "ethers";
import {
  decodeFailure,
  type Hash,
  readFrozen,
  readRound,
  readTerms,
  submittedUpdate,
  type SubmittedUpdate,
  type Terms,
} from "@mednexus/sdk";
import {
  type CampaignView,
  type ComplaintView,
  type Head,
  type RoundSnapshot,
  type Snapshot,
  STAGES,
} from "./snapshot.ts";
import { type Endpoint, Tail } from "./tail.ts";

export interface WatchOptions extends Endpoint {
  /** Campaign ids; undefined: all. */
  readonly campaigns?: readonly bigint[];
}

/** Facts of one round that only events show. */
interface RoundFacts {
  readonly updates: SubmittedUpdate[];
  /** Bitmap over submission order. */
  verified: bigint;
  readonly excluded: Set<number>;
  readonly complaints: Map<string, { memberKey: Hash; nodeIndex: number }>;
  readonly demands: Map<number, number>;
  readonly paid: Set<string>;
}

export class Watch {
  readonly #o: WatchOptions;
  readonly #tail: Tail;
  readonly #terms = new Map<bigint, Terms & { readonly drawDelay: number; readonly tip: bigint }>();
  readonly #retired = new Set<bigint>();

  constructor(options: WatchOptions) {
    this.#o = options;
    const { campaigns, rounds, disputes, sums, settlement } = options.deployment.addresses;
    this.#tail = new Tail({
      ...options,
      addresses: [campaigns, rounds, disputes, sums, settlement],
      keep: (event) => event.name === "RoundOpened" || !this.#retired.has(event.args["round"] as bigint),
    });
  }

  /** See Tail.head. */
  head(): Promise<Head> {
    return this.#tail.head();
  }

  /** Everything that decisions need, as of `head`. */
  async snapshot(head: Head): Promise<Snapshot> {
    try {
      await this.#tail.follow(head);
      const ids = this.#campaignIds();
      const campaigns = await Promise.all(ids.map((id) => this.#campaign(id)));
      const rounds = await Promise.all(this.#roundIds(new Set(ids)).map((id) => this.#round(id, campaigns)));
      return { head, campaigns, rounds };
    } catch (error) {
      throw decodeFailure(error);
    }
  }

  /** Nothing can be due in this round any more: neither read nor kept from now on. */
  retire(round: bigint): void {
    this.#retired.add(round);
    this.#tail.prune();
  }

  // --- events

  #campaignIds(): bigint[] {
    const ids = new Set<bigint>();
    for (const { event } of this.#tail.logs)
      if (event.name === "CampaignOpened") ids.add(event.args["campaign"] as bigint);
    const { campaigns } = this.#o;
    return [...ids].filter((id) => campaigns === undefined || campaigns.includes(id));
  }

  #roundIds(campaigns: ReadonlySet<bigint>): bigint[] {
    const ids = new Set<bigint>();
    for (const { event } of this.#tail.logs)
      if (event.name === "RoundOpened" && campaigns.has(event.args["campaign"] as bigint))
        ids.add(event.args["round"] as bigint);
    return [...ids].filter((id) => !this.#retired.has(id));
  }

  #facts(round: bigint): RoundFacts {
    const facts: RoundFacts = {
      updates: [],
      verified: 0n,
      excluded: new Set(),
      complaints: new Map(),
      demands: new Map(),
      paid: new Set(),
    };
    for (const { event } of this.#tail.logs) {
      const { name, args } = event;
      if (args["round"] !== round) continue;
      const nodeIndex = Number(args["nodeIndex"]);
      if (name === "UpdateSubmitted") {
        facts.updates.push(submittedUpdate(args as unknown as Parameters<typeof submittedUpdate>[0]));
        if (args["verified"] as boolean) facts.verified |= 1n << (args["index"] as bigint);
      } else if (name === "UpdatesVerified") facts.verified |= args["members"] as bigint;
      else if (name === "MemberExcluded") facts.excluded.add(Number(args["index"]));
      else if (name === "MissingClaimed" || name === "BadClaimed")
        facts.complaints.set(`${args["memberKey"]}/${nodeIndex}`, { memberKey: args["memberKey"] as Hash, nodeIndex });
      else if (name === "SumDemanded") facts.demands.set(nodeIndex, Number(args["answerUntil"]));
      else if (name === "SumAnswered" || name === "SumFaulted") facts.demands.delete(nodeIndex);
      else if (name === "Claimed") facts.paid.add(`${args["role"]}/${String(args["party"]).toLowerCase()}`);
    }
    facts.updates.sort((a, b) => a.index - b.index);
    return facts;
  }

  // --- state

  async #termsOf(id: bigint) {
    let terms = this.#terms.get(id);
    if (terms === undefined) {
      const [read, raw] = await Promise.all([
        readTerms(this.#tail.contracts, id),
        this.#tail.contracts.campaigns.termsOf(id),
      ]);
      terms = { ...read, drawDelay: Number(raw.drawDelay), tip: raw.prices.tip };
      this.#terms.set(id, terms);
    }
    return terms;
  }

  async #campaign(id: bigint): Promise<CampaignView> {
    const { campaigns, verifiers, parameters } = this.#tail.contracts;
    const [campaign, terms, members, raw] = await Promise.all([
      campaigns.get(id),
      this.#termsOf(id),
      campaigns.memberCount(id),
      campaigns.termsOf(id),
    ]);
    const idle = Number(campaign.state) === 1 && campaign.liveRound === 0n;
    const [pool, pairAgreed, update, aggregate, paused] = idle
      ? await Promise.all([
          campaigns.poolOf(id),
          terms.pair ? campaigns.pairAgreed(id) : true,
          verifiers.isLive(raw.updateVerifier),
          terms.kind === "training" ? verifiers.isLive(raw.aggregateVerifier) : true,
          parameters.entriesPausedUntil(),
        ])
      : [[], true, true, true, 0n];
    return {
      id,
      live: Number(campaign.state) === 1,
      liveRound: campaign.liveRound,
      roundsLeft: Number(campaign.roundsLeft),
      kind: terms.kind,
      members: Number(members),
      minParticipants: terms.minParticipants,
      pool: pool.length,
      nodes: terms.nodes,
      pairAgreed,
      verifiersLive: update && aggregate,
      entriesPausedUntil: Number(paused),
    };
  }

  async #round(id: bigint, campaigns: readonly CampaignView[]): Promise<RoundSnapshot> {
    const { rounds, rules, sums, settlement, verifiers } = this.#tail.contracts;
    const view = await readRound(this.#tail.contracts, id);
    const terms = await this.#termsOf(view.campaign);
    const facts = this.#facts(id);
    const frozenOnce = view.frozenAt !== 0;
    const early = view.state === "Open" || view.state === "Commit" || view.state === "Share";
    const wantsProof = view.kind === "training" && (view.state === "Frozen" || view.state === "Summed");
    const [dead, standing, final, openDemands, frozen, aggregateLive, proverFee, committee, complaints] =
      await Promise.all([
        early ? rules.deadReason(id) : "0x",
        frozenOnce ? sums.sumsStanding(id) : ([0n, 0n, 0n] as const),
        frozenOnce ? sums.sumsFinal(id) : false,
        frozenOnce ? sums.openDemands(id) : 0n,
        frozenOnce ? readFrozen(this.#tail.contracts, id) : undefined,
        wantsProof ? verifiers.isLive(view.aggregateVerifier) : true,
        wantsProof && view.state === "Summed" ? settlement.proverFeeNow(id) : 0n,
        view.state === "Open" ? [] : rounds.committeeOf(id).then(([nodes]) => [...nodes]),
        view.openComplaints > 0
          ? Promise.all([...facts.complaints.values()].map((one) => this.#complaint(id, one)))
          : [],
      ]);
    const paid = (name: string, party: string): boolean =>
      facts.paid.has(`${encodeBytes32String(name)}/${party.toLowerCase()}`);
    return {
      view,
      windows: terms.windows,
      drawDelay: terms.drawDelay,
      members: campaigns.find((campaign) => campaign.id === view.campaign)?.members ?? 0,
      deadReason: dead === "0x" ? "" : decodeBytes32String(dead),
      updates: facts.updates.map((update) => ({
        ...update,
        verified: ((facts.verified >> BigInt(update.index)) & 1n) === 1n,
        excluded: facts.excluded.has(update.index),
      })),
      complaints,
      demands: [...facts.demands].map(([nodeIndex, answerUntil]) => ({ nodeIndex, answerUntil })),
      openDemands: Number(openDemands),
      ...(frozen === undefined ? {} : { frozen }),
      sums: { standing: Number(standing[0]), summedAt: Number(standing[2]), final },
      aggregateLive,
      proverFee,
      tip: terms.tip,
      claimed: {
        members: facts.updates.map(({ institution }) => paid("member", institution)),
        nodes: committee.map((node) => paid("node", node)),
        fees: [...facts.paid].some((key) => key.startsWith(encodeBytes32String("fees"))),
      },
    };
  }

  async #complaint(
    round: bigint,
    { memberKey, nodeIndex }: { memberKey: Hash; nodeIndex: number },
  ): Promise<ComplaintView> {
    const { disputes } = this.#tail.contracts;
    const [missing, bad] = await Promise.all(
      [1, 2].map(
        async (kind) => STAGES[Number((await disputes.complaintOf(round, memberKey, nodeIndex, kind)).stage)]!,
      ),
    );
    return { memberKey, nodeIndex, missing: missing!, bad: bad! };
  }
}
