import { expect } from "chai";
import { decodeBytes32String } from "ethers";
import {
  Curve,
  HttpTransport,
  loadCommitKey,
  memberKey,
  readCommittee,
  readFrozen,
  readUpdates,
  roundSum,
  shareFor,
  type SubmittedUpdate,
  sumValues,
  topics,
  updateVector,
} from "@mednexus/sdk";
import { FileStore } from "@mednexus/sdk/node";
import { checkConservation, unclaimedRounds } from "../../cli/src/demo/money.ts";
import { withdrawAll } from "../../cli/src/demo/run.ts";
import { openShareMessage } from "../../hospital/src/node/message.ts";
import { type Draft, draftsOf } from "../../hospital/src/node/member.ts";
import { Twins } from "../fixtures/twins.ts";
import { seededInt, seededRandom, testSeed } from "../vectors/seeded.ts";
import { Federation, type Judge } from "./federation.ts";
import type { Verdict } from "./gate.ts";

/** Rounds of the campaign: one for each way a hospital dies, the rest under keepers that die. */
const ROUNDS = 6;
const ALONE = 4;

/** How often the keeper and the prover die while they drive the last rounds. */
const DEATHS = { keeper: 10, prover: 4 };

describe("SIGKILL through the whole system", function () {
  this.timeout(1_800_000);

  const seed = testSeed();
  const random = seededRandom(seed);
  const upTo = (high: number): number => Number(seededInt(random, 0n, BigInt(high)));
  const pick = <T>(list: readonly T[]): T => list[upTo(list.length - 1)]!;

  let federation: Federation;
  let hospitals: string[];

  before(async () => {
    console.log(`      seed ${seed}`);
    federation = await Federation.open(ROUNDS, Number(seed % 1_000_000n));
    hospitals = federation.world.institutions.map(({ name }) => name);
  });
  after(() => federation?.close());
  beforeEach(async () => {
    for (const name of federation.names) await federation.start(name);
  });

  const addressOf = (name: string): string => federation.institution(name).wallet.address;
  const seatsOf = async (round: bigint): Promise<string[]> =>
    (await readCommittee(federation.contracts, round)).map(({ node }) =>
      hospitals.find((name) => addressOf(name) === node)!,
    );
  const updatesOf = (round: bigint): Promise<SubmittedUpdate[]> =>
    readUpdates(federation.contracts, federation.provider, round, federation.world.deployment.startBlock);
  const updateOf = async (round: bigint, name: string): Promise<SubmittedUpdate> =>
    (await updatesOf(round)).find(({ institution }) => institution === addressOf(name))!;
  const draftsAt = (name: string, round: bigint): readonly Draft[] =>
    draftsOf({ store: new FileStore(federation.stateOf(name)) }, round);
  const transport = (): HttpTransport => new HttpTransport(federation.relayUrl, federation.world.actors.relayer.wallet);
  const shareTopic = (round: bigint, s: number, update: SubmittedUpdate): string =>
    topics(31337n, federation.world.deployment.addresses.rounds).share(round, s, update.memberKey);
  const isShare = (path: string, round: bigint): boolean => path.includes(`/round/${round}/share/`);
  const died = (name: string): Promise<void> => federation.until(`death of ${name}`, () => !federation.isAlive(name));
  /** What a party was paid in a round for one role, once all of the round's claims are made. */
  const paid = async (round: bigint, name: string, role: string): Promise<bigint> => {
    const { settlement } = federation.contracts;
    await federation.until(
      "all claims",
      async () => (await unclaimedRounds(federation.contracts, federation.world.deployment)) === 0,
    );
    const claims = await settlement.queryFilter(settlement.filters.Claimed(round, addressOf(name)));
    return claims
      .filter(({ args }) => decodeBytes32String(args.role) === role)
      .reduce((sum, { args }) => sum + args.amount, 0n);
  };
  /** Death at the call of a contract's method: the dry run that precedes it, or its transaction. */
  const atCall = (selector: string, verdict: Verdict, transaction = true): Judge => {
    const what = selector.slice(2);
    return ({ body }) =>
      body.includes(what) && (!transaction || body.includes("eth_sendRawTransaction")) ? verdict : "pass";
  };

  it("a hospital before its shares are delivered: the round finalizes without it, it is unpaid and slashed, its update secret", async () => {
    const round = await federation.openRound();
    await federation.reached(round, "Commit");
    const seats = await seatsOf(round);
    const victim = hospitals.find((name) => !seats.includes(name))!;
    const delivered = upTo(2);
    let puts = 0;
    federation.doom(victim, ({ method, path }) =>
      method === "PUT" && isShare(path, round) && puts++ === delivered ? "before" : "pass",
    );
    const stake = await federation.contracts.stake.activeOf(addressOf(victim));
    console.log(`      ${victim} dies with ${delivered} of 3 shares delivered`);
    await died(victim);
    await federation.reached(round, "Share");
    // Now: hospitals forget a round's secrets soon after its end.
    const others = seats.map((name) => draftsAt(name, round).at(-1)!);
    await federation.reached(round, "Finalized");

    const { disputes, rounds, stake: stakes, campaigns, vault } = federation.contracts;
    const update = await updateOf(round, victim);
    const frozen = await readFrozen(federation.contracts, round);
    expect(frozen.count).to.equal(3);
    expect((frozen.included >> BigInt(update.index)) & 1n).to.equal(0n);
    const claims = await disputes.queryFilter(disputes.filters.MissingClaimed(round, update.memberKey));
    expect(claims.map(({ args }) => Number(args.nodeIndex)).sort()).to.deep.equal([0, 1, 2].slice(delivered));
    const settled = await disputes.queryFilter(disputes.filters.ComplaintSettled(round, update.memberKey));
    expect(settled.map(({ args }) => args.upheld)).to.deep.equal(claims.map(() => true));
    expect(await rounds.queryFilter(rounds.filters.MemberExcluded(round, addressOf(victim)))).to.have.length(1);

    const slashes = await stakes.queryFilter(stakes.filters.Slashed());
    const { bond } = await campaigns.pricesOf(federation.world.campaigns.training);
    expect(slashes.map(({ args }) => [args.party, args.amount])).to.deep.equal([[addressOf(victim), bond]]);
    expect(await stakes.activeOf(addressOf(victim))).to.equal(stake - bond);
    expect(await paid(round, victim, "member")).to.equal(0n);
    expect(await vault.creditOf(federation.world.deployment.token, addressOf(victim))).to.equal(0n);
    for (const name of seats) expect(await paid(round, name, "member"), name).to.be.greaterThan(0n);

    // What left it: the commitment, at most t + 1 ciphertexts, and no word of a share, a blinder or a coefficient.
    expect(await disputes.queryFilter(disputes.filters.CiphertextChunk(round))).to.have.length(0);
    expect(await disputes.queryFilter(disputes.filters.KeyRevealed(round))).to.have.length(0);
    const held = await Promise.all(
      [1, 2, 3].map((s) => transport().receive(shareTopic(round, s, update), addressOf(victim))),
    );
    expect(held.map((message) => message !== undefined)).to.deep.equal([0, 1, 2].map((at) => at < delivered));
    const drafts = draftsAt(victim, round);
    expect(drafts).to.have.length(1);
    const { values, blinders, coefficients, detail } = drafts[0]!;
    const vector = updateVector(values, blinders);
    const secrets = [
      ...blinders,
      ...coefficients.flat(),
      ...[1, 2, 3].flatMap((s) => shareFor(vector, coefficients, s).words),
    ];
    const left = federation.sent
      .get(victim)!
      .map(({ body }) => body)
      .join("\n")
      .toLowerCase();
    const word = (value: bigint): string => value.toString(16).padStart(64, "0");
    expect(left, "the tap hears").to.include(word(detail.c.x));
    expect(secrets.filter((value) => left.includes(word(value)) || left.includes(String(value)))).to.deep.equal([]);

    // What became known is the sum of the others.
    const { deployment } = federation.world;
    const key = await loadCommitKey(await Curve.load(), deployment, 128);
    const { contracts, provider } = federation;
    const { sum } = await roundSum(
      { contracts, provider, transport: transport(), deployment, commitKey: async () => key, log: () => {} },
      round,
    );
    expect(sumValues(sum, 3)).to.deep.equal(
      values.map((_, j) => others.reduce((total, draft) => total + draft.values[j]!, 0n)),
    );
  });

  it("a hospital after its delivery: counted, and paid on claim", async () => {
    const round = await federation.openRound();
    await federation.reached(round, "Commit");
    const victim = pick(hospitals);
    const later = upTo(25);
    let puts = 0;
    let since = 0;
    federation.doom(victim, ({ method, path }) => {
      if (method === "PUT" && isShare(path, round)) puts++;
      return puts >= 3 && since++ >= later ? "after" : "pass";
    });
    console.log(`      ${victim} dies ${later} requests after its last delivery`);
    await died(victim);
    await federation.reached(round, "Finalized");
    const { included, count } = await readFrozen(federation.contracts, round);
    expect(count).to.equal(4);
    expect((included >> BigInt((await updateOf(round, victim)).index)) & 1n).to.equal(1n);
    expect(await paid(round, victim, "member")).to.be.greaterThan(0n);
    expect(federation.isAlive(victim)).to.equal(false);
  });

  it("one committee node of three before its sum: the round finalizes with the other two", async () => {
    const round = await federation.openRound();
    await federation.reached(round, "Commit");
    const victim = pick(await seatsOf(round));
    const transaction = upTo(1) === 1;
    const { sums } = federation.contracts;
    federation.doom(victim, atCall(sums.interface.getFunction("postSum").selector, "before", transaction));
    console.log(`      ${victim} dies before the ${transaction ? "transaction" : "dry run"} of its sum`);
    await died(victim);
    await federation.reached(round, "Finalized");
    const posted = await sums.queryFilter(sums.filters.SumPosted(round));
    expect(posted.map(({ args }) => args.node))
      .to.have.length(2)
      .and.not.include(addressOf(victim));
    expect((await readFrozen(federation.contracts, round)).count).to.equal(4);
    expect(await paid(round, victim, "member"), "its update counts").to.be.greaterThan(0n);
    expect(await paid(round, victim, "node"), "its seat was empty").to.equal(0n);
  });

  it("a hospital after its commit, and again: it carries on with the same bytes", async () => {
    const round = await federation.openRound();
    const victim = pick(hospitals);
    const { selector } = federation.contracts.rounds.interface.getFunction("submitUpdate");
    const moment = pick<Verdict>(["before", "after"]);
    const delivered = upTo(2);
    console.log(
      `      ${victim} dies ${moment} its commit's transaction, and again with ${delivered} shares delivered`,
    );
    federation.doom(victim, atCall(selector, moment));
    await died(victim);
    const drafts = draftsAt(victim, round);
    expect(drafts).to.have.length(1);
    await federation.start(victim);
    let puts = 0;
    federation.doom(victim, ({ method, path }) =>
      method === "PUT" && isShare(path, round) && puts++ === delivered ? "after" : "pass",
    );
    await died(victim);
    await federation.start(victim);
    await federation.reached(round, "Frozen", "Summed", "Finalized");
    expect(draftsAt(victim, round)).to.deep.equal(drafts);
    const seats = await seatsOf(round);
    await federation.reached(round, "Finalized");

    const own = (await updatesOf(round)).filter(({ institution }) => institution === addressOf(victim));
    expect(own.map((update) => update.memberKey)).to.deep.equal([memberKey(addressOf(victim), drafts[0]!.detail.c)]);
    expect(own[0]!.detail).to.deep.equal(drafts[0]!.detail);
    for (const { s, words } of drafts[0]!.ciphertexts) {
      const node = federation.institution(seats[s - 1]!);
      const reader = { transport: transport(), shareKeys: node.share };
      const { bytes } = (await openShareMessage(reader, shareTopic(round, s, own[0]!), addressOf(victim)))!;
      expect(Buffer.from(bytes).toString("hex")).to.equal(
        words.map((one) => one.toString(16).padStart(64, "0")).join(""),
      );
    }
    // Every message ever sent under a topic was the same: the relay refuses a second one with other bytes.
    const refusals = federation.events.filter(({ event }) => JSON.stringify(event).includes("RELAY_REFUSED"));
    expect(refusals).to.deep.equal([]);
    expect((await readFrozen(federation.contracts, round)).count).to.equal(4);
    expect(await paid(round, victim, "member")).to.be.greaterThan(0n);
  });

  it("the keeper and the prover at seeded points of driving rounds: nothing is done twice", async () => {
    const { rounds, settlement, campaigns } = federation.contracts;
    const { training } = federation.world.campaigns;
    for (const role of ["keeper", "prover"] as const) await federation.kill(role);
    federation.openFrom = hospitals.length;
    const left = { ...DEATHS };
    const deaths: string[] = [];
    const doomed = async (role: "keeper" | "prover"): Promise<void> => {
      await federation.start(role);
      if (left[role]-- <= 0) return;
      const transactions = role === "keeper" && upTo(2) > 0;
      const moment = pick<Verdict>(["before", "after"]);
      let wait = transactions ? upTo(1) : upTo(role === "keeper" ? 60 : 25);
      deaths.push(`${role} ${moment} ${transactions ? "transaction" : "request"} ${wait + 1}`);
      federation.doom(role, ({ body }) =>
        (!transactions || body.includes("eth_sendRawTransaction")) && wait-- === 0 ? moment : "pass",
      );
    };
    const isOver = async (): Promise<boolean> => {
      for (const role of ["keeper", "prover"] as const) if (!federation.isAlive(role)) await doomed(role);
      return (
        Number((await campaigns.get(training)).state) > 1 &&
        (await unclaimedRounds(federation.contracts, federation.world.deployment)) === 0
      );
    };
    await federation.until("the campaign's end with every claim made", isOver, 1_200);
    console.log(`      died: ${deaths.join(", ")}`);
    expect(left.keeper, "deaths of the keeper that came about").to.be.at.most(0);

    const opened = await rounds.queryFilter(rounds.filters.RoundOpened(undefined, training));
    expect(opened).to.have.length(ROUNDS);
    for (const { args } of opened.slice(ALONE)) {
      const { round } = args;
      const once = await Promise.all([
        rounds.queryFilter(rounds.filters.CommitteeDrawn(round)),
        rounds.queryFilter(rounds.filters.CommitEnded(round)),
        rounds.queryFilter(rounds.filters.RoundFrozen(round)),
        settlement.queryFilter(settlement.filters.RoundFinalized(round)),
      ]);
      expect(once.map(({ length }) => length)).to.deep.equal([1, 1, 1, 1]);
      expect((await readFrozen(federation.contracts, round)).count).to.equal(4);
    }
    const claims = await settlement.queryFilter(settlement.filters.Claimed());
    const claimed = claims.map(({ args }) => `${args.round} ${args.party} ${args.role}`);
    expect(claimed).to.have.length(new Set(claimed).size);
    const tips = await settlement.queryFilter(settlement.filters.TipPaid());
    const tipped = tips.map(({ args }) => `${args.round} ${args.action}`);
    expect(tipped).to.have.length(new Set(tipped).size);

    // A transaction that reverts is one that somebody else's, or its own twin, made pointless.
    const { wallet } = federation.world.actors.keeper;
    const head = await federation.provider.getBlockNumber();
    const reverted: string[] = [];
    for (let number = Number(opened[ALONE]!.blockNumber); number <= head; number++) {
      const block = (await federation.provider.getBlock(number, true))!;
      for (const { hash, from } of block.prefetchedTransactions) {
        if (from !== wallet.address) continue;
        const receipt = (await federation.provider.getTransactionReceipt(hash))!;
        if (receipt.status !== 1) reverted.push(hash);
      }
    }
    expect(reverted).to.deep.equal([]);

    const treasury = await federation.contracts.parameters.treasury();
    const { deployment } = federation.world;
    const conservation = (): ReturnType<typeof checkConservation> =>
      checkConservation(federation.contracts, deployment, federation.provider, treasury);
    expect((await conservation()).ok).to.equal(true);
    await withdrawAll(federation.world);
    const after = await conservation();
    expect(after.ok).to.equal(true);
    expect(after.withdrawn).to.be.greaterThan(0n);
  });

  it("P11 both indexers equal the chain after all of it, entity by entity", async () => {
    const twins = await Twins.start(federation.rpcUrl, federation.world.deployment);
    try {
      const { counts } = await twins.expectEqual();
      for (const entity of ["complaint", "slashing", "claim", "tip", "modelVersion", "sum", "memberUpdate"])
        expect(counts[entity], entity).to.be.greaterThan(0);
      const rounds = [...(await twins.subgraph.rows("round")).values()];
      expect(rounds.map(({ state }) => state)).to.deep.equal(rounds.map(() => "Finalized"));
    } finally {
      await twins.stop();
    }
  });
});
