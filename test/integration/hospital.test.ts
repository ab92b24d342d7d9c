import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { JsonRpcProvider } from "ethers";
import {
  digestOf,
  encryptShare,
  evaluate,
  FR_MODULUS,
  linkChallenge,
  lower,
  memberKey,
  readCommittee,
  readFrozen,
  readRound,
  readUpdates,
  roundSum,
  type RoundView,
  shareFor,
  shareManifestHash,
  sumValues,
  topics,
  type Transport,
  TransportError,
  updateVector,
  wordBytes,
} from "@mednexus/sdk";
import { claimBad, evaluateFrom, reveal } from "../../hospital/src/node/committee.ts";
import type { NodeContext } from "../../hospital/src/node/context.ts";
import { RoundHistory } from "../../hospital/src/node/history.ts";
import { type Draft, draftsKey, draftsOf, prepare } from "../../hospital/src/node/member.ts";
import { openShareMessage } from "../../hospital/src/node/message.ts";
import { type Hospital, startTown, type Town } from "../fixtures/hospitals.ts";
import { deploySystem, type System } from "../fixtures/system.ts";
import { codeOf } from "../utils/codeOf.ts";

/** An endpoint that refuses the block tag `pending`. */
function forgetPending(provider: JsonRpcProvider): void {
  const send = provider.send.bind(provider);
  provider.send = (method, params) =>
    method === "eth_call" && (params as unknown[])[1] === "pending"
      ? Promise.reject(new Error("invalid block tag"))
      : send(method, params);
}

/** Real contracts, real proofs at n = 128, four hospitals that are also the committee's pool, a relay and the chain over HTTP. */
describe("hospital nodes through the real contracts", function () {
  this.timeout(240_000);

  let system: System;
  let town: Town;

  before(async () => {
    system = await deploySystem();
    console.log(`      seed ${system.seed}`);
    town = await startTown(system, 4);
  });

  after(async () => {
    await town?.stop();
    await system?.connection.close();
  });

  beforeEach(() => {
    for (const hospital of town.hospitals) {
      hospital.change = () => ({});
      hospital.events.length = 0;
    }
  });

  const rounds = () => system.contracts.rounds;
  const view = (round: bigint): Promise<RoundView> => readRound(system.contracts, round);
  const updatesOf = (round: bigint) =>
    readUpdates(system.contracts, system.connection.ethers.provider as never, round, 0);
  const ownDraft = (hospital: Hospital, round: bigint): Draft => draftsOf(hospital.context, round).at(-1)!;

  /** What the hospitals' drafts say the sum is, against what t + 1 nodes' sums give. */
  async function expectExactSum(round: bigint, members: Hospital[]): Promise<void> {
    const { sum, frozen } = await roundSum(town.hospitals[0]!.context, round);
    expect(frozen.count, "members in the set").to.equal(members.length);
    const drafts = members.map((hospital) => ownDraft(hospital, round));
    const expected = drafts[0]!.values.map((_, j) => drafts.reduce((total, draft) => total + draft.values[j]!, 0n));
    expect(sumValues(sum, members.length), "P2 sum").to.deep.equal(expected);
    expect(expected.some((value) => value !== 0n)).to.equal(true);
  }

  /** Looks again and again; the test's own time limit ends it. */
  const until = async (holds: () => Promise<boolean>): Promise<void> => {
    while (!(await holds())) await new Promise((done) => setTimeout(done, 50));
  };

  async function freeze(round: bigint): Promise<void> {
    const updates = await updatesOf(round);
    const cs = updates.map(({ detail }) => detail.c);
    await system.done(
      rounds().freeze(
        round,
        updates.map(({ institution }) => institution),
        cs,
      ),
    );
  }

  describe("a round with a restart and a withheld share", () => {
    let round: bigint;
    let campaign: bigint;
    let victim: Hospital;
    const word = (value: bigint): string => value.toString(16).padStart(64, "0");

    it("commits real updates; secrets are on disk, owner-readable, before anything leaves", async () => {
      const [first, second] = town.hospitals as [Hospital, Hospital];
      const order: string[] = [];
      // The first hospital's relay is dead: it will commit and deliver nothing before its restart.
      first.change = () => ({ transport: new Unreachable() });
      second.change = (context) => ({
        prover: {
          prove: (...all) => context.prover.prove(...all),
          close: () => context.prover.close(),
        },
        store: Object.assign(Object.create(context.store) as typeof context.store, {
          read: context.store.read.bind(context.store),
          remove: context.store.remove.bind(context.store),
          write: (key: string, value: unknown) => {
            context.store.write(key, value);
            order.push(key);
          },
        }),
      });
      ({ round, campaign } = await town.round());
      await town.tick();
      expect(town.troubles().filter((line) => !line.includes("RELAY_UNREACHABLE"))).to.deep.equal([]);
      expect((await view(round)).verified).to.equal(4);
      expect(order).to.include(draftsKey(round));
      const state = join(first.folder, "state");
      for (const name of readdirSync(state).filter((file) => file.endsWith(".json")))
        expect(name).to.match(/^[a-z0-9-]+\.json$/);
      expect(first.said("shares-delivered")).to.have.length(0);
    });

    it("a hospital restarted after its commit carries on with the same bytes, and is in the round once", async () => {
      const [first] = town.hospitals as [Hospital];
      const before = ownDraft(first, round);
      first.change = () => ({});
      await first.restart();
      await first.tick();
      expect(first.said("submitted"), "sent before the restart, not again").to.have.length(0);
      expect(ownDraft(first, round)).to.deep.equal(before);
      const key = memberKey(first.address, before.detail.c);
      const topic = topics(31337n, system.deployment.addresses.rounds).share(round, 1, key);
      const [node] = await town.seats(round);
      const left = await openShareMessage(node!.context, topic, first.address);
      expect(left!.digests).to.deep.equal(before.ciphertexts.map(digestOf));
      expect((await updatesOf(round)).filter(({ institution }) => institution === first.address)).to.have.length(1);
    });

    it("what the relay keeps: sealed messages of one size, no word of a message in them, for their node alone", async () => {
      const seats = await town.seats(round);
      const sizes = new Set<number>();
      for (const member of town.hospitals) {
        const draft = ownDraft(member, round);
        const key = memberKey(member.address, draft.detail.c);
        for (const { s, e, words } of draft.ciphertexts) {
          const topic = topics(31337n, system.deployment.addresses.rounds).share(round, s, key);
          const kept = (await member.context.transport.receive(topic, member.address))!;
          sizes.add(kept.length);
          const bytes = Buffer.from(kept);
          const secret = [e.x, e.y, ...words];
          for (const word of secret) expect(bytes.includes(Buffer.from(wordBytes(word)))).to.equal(false);
          for (const text of ["words", "digests", String(e.x), word(secret[2]!)])
            expect(bytes.includes(Buffer.from(text))).to.equal(false);
          expect((await openShareMessage(seats[s - 1]!.context, topic, member.address))!.e).to.deep.equal(e);
          const wrong = seats[s % seats.length]!.context;
          const error = await openShareMessage(wrong, topic, member.address).catch((cause: { code: string }) => cause);
          expect(error).to.have.property("code", "BAD_MAIL");
        }
      }
      expect(sizes.size).to.equal(1);
      // Another's sealed message, signed and left as one's own: nobody reads it as such.
      const [thief, author] = town.hospitals as [Hospital, Hospital];
      const own = ownDraft(author, round);
      const topic = topics(31337n, system.deployment.addresses.rounds).share(
        round,
        1,
        memberKey(author.address, own.detail.c),
      );
      await thief.context.transport.send(topic, (await thief.context.transport.receive(topic, author.address))!);
      const stolen = await openShareMessage(seats[0]!.context, topic, thief.address).catch(
        (cause: { code: string }) => cause,
      );
      expect(stolen).to.have.property("code", "BAD_MAIL");
    });

    it("[attack 142] a share that does not arrive is claimed late, answered on chain by ciphertext only, and the round goes on", async () => {
      // The restarted hospital has looked since the last update came in, and acknowledged if it sits in the committee.
      const committee = await town.seats(round);
      const seat = committee[1] === town.hospitals[0] ? 2 : 1;
      victim = committee[seat]!;
      const withholder = town.hospitals.find((hospital) => hospital !== victim && hospital !== town.hospitals[0])!;
      const draft = ownDraft(withholder, round);
      const topic = topics(31337n, system.deployment.addresses.rounds).share(
        round,
        seat + 1,
        memberKey(withholder.address, draft.detail.c),
      );
      victim.change = (context) => ({ transport: new Deaf(context.transport, topic) });
      await victim.restart();
      await town.tick();
      expect((await view(round)).acks, "all but one acknowledge").to.equal(2);
      expect((await view(round)).openComplaints, "patience for half the window").to.equal(0);

      await system.pass(1_900n);
      await victim.tick();
      expect(victim.said("claimed-missing")).to.have.length(1);
      expect((await view(round)).openComplaints).to.equal(1);
      await town.tick(2);
      expect(withholder.said("answered-missing")).to.have.length(1);
      const { disputes } = system.contracts;
      const [chunk] = await disputes.queryFilter(disputes.filters.CiphertextChunk(round));
      const posted = Buffer.from(chunk!.args.words.slice(2), "hex");
      const share = shareFor(updateVector(draft.values, draft.blinders), draft.coefficients, seat + 1);
      const word = (i: number): bigint => BigInt(`0x${posted.subarray(32 * i, 32 * (i + 1)).toString("hex")}`);
      expect(
        draft.ciphertexts[seat]!.words.every((value, i) => value === word(i)),
        "the ciphertext",
      ).to.equal(true);
      expect(
        share.words.some((value, i) => value === word(i)),
        "never the share",
      ).to.equal(false);
      const standing = await view(round);
      expect([standing.acks, standing.openComplaints]).to.deep.equal([3, 0]);
    });

    it("everybody acknowledged: freezes at once; sums leave when the freeze is final, not before, and need no block to be added up exactly", async () => {
      await freeze(round);
      const nodes = await town.seats(round);
      const { provider } = system.connection.ethers;
      const topic = topics(31337n, system.deployment.addresses.rounds);
      const left = async (): Promise<number> => {
        const bodies = nodes.map(({ context, address }, i) =>
          context.transport.receive(topic.sum(round, i + 1), address),
        );
        return (await Promise.all(bodies)).filter((body) => body !== undefined).length;
      };
      await town.tick();
      expect(await left(), "the freeze is in the newest block").to.equal(0);
      await system.mine(1);
      await provider.send("evm_setAutomine", [false]);
      const looking = Promise.all(nodes.map((node) => node.tick()));
      try {
        await until(async () => (await left()) === nodes.length);
        expect((await view(round)).state).to.equal("Frozen");
        await expectExactSum(round, town.hospitals);
        await until(async () => Number(await provider.send("eth_getBlockTransactionCountByNumber", ["pending"])) === 3);
      } finally {
        await provider.send("evm_setAutomine", [true]);
        await system.mine(1);
        await looking;
      }
      expect((await view(round)).state, town.troubles().join("\n")).to.equal("Summed");
    });

    it("[attack 157] a node that spoke for a set speaks for no other, whatever the chain shows later", async () => {
      const node = (await town.seats(round))[0]!;
      const { store } = node.context;
      const spoken = store.read<string>(`round-${round}-set`);
      expect(spoken).to.equal((await readFrozen(system.contracts, round)).setHash);
      // As after a reorganisation: what the node said was said over another set.
      store.write(`round-${round}-set`, `0x${"11".repeat(32)}`);
      await node.restart();
      node.events.length = 0;
      await system.pass(20n);
      await node.tick();
      expect(node.said("trouble").map(({ code }) => code)).to.include("SECOND_SET");
      store.write(`round-${round}-set`, spoken);
    });

    it("a demanded sum is answered on chain, also by a node that was restarted", async () => {
      const seat = 2;
      const node = (await town.seats(round))[seat]!;
      await system.fund(system.sponsor, 10n ** 9n);
      await system.done(system.as(system.sponsor).sums.demandSum(round, seat));
      await node.restart();
      await node.tick();
      expect(node.said("demand-answered"), town.troubles().join("\n")).to.have.length(1);
      expect(await system.contracts.sums.openDemands(round)).to.equal(0n);
    });

    it("[attack 126] neither log nor error carries a secret, a record or a key", () => {
      const logged = JSON.stringify(
        town.hospitals.map(({ events }) => events),
        (_, value: unknown) => (typeof value === "bigint" ? value.toString() : value),
      );
      for (const hospital of town.hospitals) {
        const keys = JSON.parse(readFileSync(join(hospital.folder, "keys.json"), "utf8")) as {
          account: string;
          share: string;
        };
        const draft = ownDraft(hospital, round);
        const secrets = [
          keys.account.slice(2),
          keys.share.slice(2),
          BigInt(keys.share).toString(),
          ...draft.blinders.map(String),
        ];
        for (const secret of secrets) expect(logged.includes(secret)).to.equal(false);
      }
    });

    it("[attack 143] no second update on a base on which a set was frozen with this hospital in it", async () => {
      const { windows } = await system.contracts.campaigns.termsOf(campaign);
      await system.pass(windows.close + 10n);
      await system.done(system.contracts.settlement.closeUnproven(round));
      const next = await system.committed(campaign);
      await town.tick();
      expect((await view(next)).base).to.deep.equal((await view(round)).base);
      expect((await view(next)).submitted).to.equal(0);
      for (const hospital of town.hospitals)
        expect(hospital.said("trouble").map(({ code }) => code)).to.include("POLICY_VETO");
    });

    it("a round that is over is forgotten: its secrets leave the disk", async () => {
      await system.mine(40);
      await town.tick();
      for (const hospital of town.hospitals) {
        const left = readdirSync(join(hospital.folder, "state")).filter((file) => file.startsWith(`round-${round}-`));
        expect(
          left.filter((file) => !file.endsWith("-set.json")),
          town.troubles().join("\n"),
        ).to.deep.equal([]);
      }
    });
  });

  describe("a round with liars", () => {
    let round: bigint;
    let byzantine: Hospital;
    let accuser: Hospital;
    let accused: Hospital;

    it("[attack 31] a share that contradicts the commitment: claimed, revealed, evaluated, undefended", async () => {
      ({ round } = await town.round());
      const committee = await town.seats(round);
      accuser = committee[2]!;
      byzantine = town.hospitals.find((hospital) => hospital !== committee[1])!;
      accused = town.hospitals.find((hospital) => hospital !== byzantine && hospital !== accuser)!;
      await corruptShare(byzantine.context, await view(round), 1);
      await town.tick();
      expect((await view(round)).verified).to.equal(4);
      await town.tick(2);
      expect(committee[1]!.said("claimed-bad"), town.troubles().join("\n")).to.have.length(1);
      expect(committee[1]!.said("key-revealed")).to.have.length(1);
      const key = memberKey(byzantine.address, ownDraft(byzantine, round).detail.c);
      expect((await system.contracts.disputes.complaintOf(round, key, 1, 2)).stage).to.equal(4n);
      // Its own node refuses to send an opening that cannot hold; nothing else can be said in its defence.
      expect(byzantine.said("defended")).to.have.length(0);
    });

    it("[attack 33] a false complaint is answered by an opening; the accuser's bond goes to the accused", async () => {
      const at = await view(round);
      const history = new RoundHistory(accuser.context.contracts, accuser.context.provider, round);
      await history.refresh(0, await accuser.context.head());
      const update = history.updates().find(({ institution }) => institution === accused.address)!;
      const topic = topics(31337n, system.deployment.addresses.rounds).share(round, 3, update.memberKey);
      const posted = (await openShareMessage(accuser.context, topic, accused.address))!;
      const sitting = { round: at, seat: 2, history };
      const { complaintBond } = await system.contracts.campaigns.pricesOf(at.campaign);
      const credit = () => system.contracts.vault.creditOf(system.deployment.token, accused.address);
      const before = await credit();
      await claimBad(accuser.context, sitting, update, posted);
      await reveal(accuser.context, sitting, update, posted);
      await evaluateFrom(accuser.context, sitting, update, posted, 0);
      await accused.tick();
      expect(accused.said("defended"), town.troubles().join("\n")).to.have.length(1);
      expect((await rounds().updateOf(update.memberKey)).excluded).to.equal(false);
      expect((await credit()) - before).to.equal(complaintBond);
    });

    it("the liar is excluded and slashed once the defence window is over; the round goes on without it", async () => {
      const { openingUntil } = await system.contracts.rules.shareDeadlines(round);
      const stake = await system.contracts.stake.activeOf(byzantine.address);
      await system.pass(openingUntil - (await system.now()) + 1n);
      await town.tick();
      const key = memberKey(byzantine.address, ownDraft(byzantine, round).detail.c);
      expect((await rounds().updateOf(key)).excluded).to.equal(true);
      expect(await system.contracts.stake.activeOf(byzantine.address)).to.be.lessThan(stake);
      await freeze(round);
      const node = (await town.seats(round)).find((hospital) => hospital !== byzantine)!;
      node.change = ({ provider }) => (forgetPending(provider as JsonRpcProvider), {});
      await node.restart();
      await system.mine(3);
      await town.tick(2);
      expect(node.said("sum-posted"), "its endpoint knows no pending block").to.have.length(1);
      expect((await view(round)).state).to.equal("Summed");
      await expectExactSum(
        round,
        town.hospitals.filter((hospital) => hospital !== byzantine),
      );
    });
  });

  describe("a context that changes", () => {
    it("a changed consent epoch makes a new commitment with fresh blinders; the old draft is kept, not sent", async () => {
      const [first] = town.hospitals as [Hospital];
      const { round } = await town.round();
      const stale = await prepare(first.context, await view(round));
      await system.done(first.context.contracts.consent.setGrants(first.dataset, `0x${"22".repeat(32)}`, 0, false));
      await system.pass(86_401n);
      const drafts = async () => draftsOf(first.context, round);
      expect(await drafts()).to.have.length(1);
      // A day later the commit window is over; the context is what matters here.
      const fresh = await prepare(first.context, await view(round));
      expect(await drafts()).to.deep.equal([stale, fresh]);
      expect(fresh.ctx).to.not.equal(stale.ctx);
      for (const [i, blinder] of fresh.blinders.entries()) expect(blinder).to.not.equal(stale.blinders[i]);
      expect(await prepare(first.context, await view(round))).to.deep.equal(fresh);
    });
  });

  describe("an endpoint that lies", () => {
    it("a committee key that the policy does not pin gets no share; nor does one that a witness does not confirm", async () => {
      const [first] = town.hospitals as [Hospital];
      const { round } = await town.round();
      const { context } = first;
      const [seat] = await readCommittee(system.contracts, round);
      const pinned: NodeContext = {
        ...context,
        policy: { ...context.policy, nodeKeys: { [seat!.node]: `0x${"00".repeat(32)}` } },
      };
      expect(await codeOf(prepare(pinned, await view(round)))).to.equal("KEY_NOT_PINNED");

      const { rounds: real } = context.contracts;
      const liar = Object.create(real) as typeof real;
      liar.committeeOf = (async (id: bigint) => {
        const [nodes, keys] = await real.committeeOf(id);
        return [nodes, [keys[1], keys[0], keys[2]]];
      }) as unknown as typeof real.committeeOf;
      const lied: NodeContext = {
        ...context,
        contracts: { ...context.contracts, rounds: liar },
        witnesses: [system.contracts],
      };
      expect(await codeOf(prepare(lied, await view(round)))).to.equal("RPC_DISAGREES");
      expect(draftsOf(context, round)).to.deep.equal([]);
    });

    it("a base that is not the model version it names is refused", async () => {
      const [first] = town.hospitals as [Hospital];
      const { liveRound } = await system.contracts.campaigns.get(first.campaigns[0]!);
      const round = await view(liveRound);
      expect(await codeOf(prepare(first.context, { ...round, base: { x: 1n, y: 2n } }))).to.equal("BASE_MISMATCH");
    });
  });
});

/** Replaces the stored draft by one whose share for `seat` is off by one in one word; proof, opening and manifest are valid. */
async function corruptShare(context: NodeContext, round: RoundView, seat: number): Promise<void> {
  const draft = await prepare(context, round);
  const { c, a, h } = draft.detail;
  const key = await context.commitKey(round.n);
  const vector = updateVector(draft.values, draft.blinders);
  const committee = await readCommittee(context.contracts, round.id);
  const share = shareFor(vector, draft.coefficients, seat + 1);
  const words = share.words.map((word, j) => (j === 5 ? (word + 1n) % FR_MODULUS : word));
  const ciphertexts = [...draft.ciphertexts];
  ciphertexts[seat] = encryptShare(
    key.curve,
    committee[seat]!.key,
    draft.ctx,
    c,
    { s: seat + 1, words },
    context.random,
  );
  const shareManifest = shareManifestHash(ciphertexts.map(digestOf));
  const r = linkChallenge(draft.ctx, c, a, shareManifest, h);
  const opening = await key.open(vector, r);
  const { normBound2 } = await context.contracts.campaigns.eligibility(round.campaign, context.address);
  const { proof } = await context.prover.prove("update", round.n, {
    h,
    r,
    y: evaluate(vector, r),
    normBound2,
    values: lower(draft.values),
    blinders: draft.blinders,
  });
  const detail = { ...draft.detail, shareManifest, y: opening.y, w: opening.w, proof };
  context.store.write(draftsKey(round.id), [{ ...draft, ciphertexts, detail }]);
}

/** A relay that nobody reaches. */
class Unreachable implements Transport {
  readonly #fail = (): never => {
    throw new TransportError("RELAY_UNREACHABLE", "down", { retryable: true });
  };
  send = async (): Promise<void> => this.#fail();
  receive = async (): Promise<undefined> => this.#fail();
  putBlob = async (): Promise<string> => this.#fail();
  getBlob = async (): Promise<undefined> => this.#fail();
}

/** A relay that has lost one message. */
class Deaf implements Transport {
  readonly #inner: Transport;
  readonly #lost: string;
  constructor(inner: Transport, lost: string) {
    this.#inner = inner;
    this.#lost = lost;
  }
  send = (topic: string, body: Uint8Array): Promise<void> => this.#inner.send(topic, body);
  receive = async (topic: string, from: string): Promise<Uint8Array | undefined> =>
    topic === this.#lost ? undefined : this.#inner.receive(topic, from);
  putBlob = (content: Uint8Array): Promise<string> => this.#inner.putBlob(content);
  getBlob = (hash: string): Promise<Uint8Array | undefined> => this.#inner.getBlob(hash);
}
