import { randomFr, setHash } from "@mednexus/sdk";
import { expect } from "chai";
import { deploySystem, type Institution, type System, units } from "../../fixtures/system.ts";

const [COMMIT, SHARE, FROZEN] = [2n, 3n, 4n];
const FAILED_EARLY = 8n;

describe("share phase and freeze", () => {
  let system: System;
  let members: Institution[];
  let nodes: Institution[];
  let campaign: bigint;
  let round: bigint;
  let snapshot: { restore(): Promise<void> };

  before(async () => {
    system = await deploySystem();
    ({ campaign, members, nodes } = await system.campaign({ members: 4 }));
    round = await system.committed(campaign);
    snapshot = await system.connection.networkHelpers.takeSnapshot();
  });
  afterEach(async () => {
    await snapshot.restore();
    system.updates.clear();
  });

  const rounds = () => system.contracts.rounds;
  const all = async (who = members, which = round) => {
    for (const member of who) await system.submit(which, member);
    return system.updates.get(which)!;
  };
  /** A change of the dataset's consent: the epoch moves. */
  const toggle = async (who: Institution) => {
    const [root] = await system.contracts.consent.grantRootOf(who.dataset, 1);
    await system.done(system.as(who.signer).consent.setGrants(who.dataset, root, 95, false));
  };

  it("P2 fixes the sum of the commitments, the set hash and λ; pays the keeper's tip", async () => {
    const updates = await all();
    await system.frozen(round);
    const f = await rounds().frozenOf(round);
    const sum = updates.reduce((at, u) => system.simulator.curve.add(at, u.c), { x: 0n, y: 0n });
    expect({ x: f.cAgg.x, y: f.cAgg.y }).to.deep.equal(sum);
    expect(f.setHash).to.equal(
      setHash(
        31337n,
        system.deployment.addresses.rounds,
        round,
        updates.map((u) => u.key),
      ),
    );
    expect([f.included, f.count, f.totalRecords]).to.deep.equal([15n, 4n, 4_000n]);
    expect(f.lambda).to.equal(((1n << 16n) * 1_000n) / 4_000n);
    expect(await rounds().stateOf(round)).to.equal(FROZEN);
    const keeper = await system.signers[0]!.getAddress();
    expect(await system.contracts.vault.creditOf(system.deployment.token, keeper)).to.equal(units(4)); // draw and freeze
  });

  it("phases end early once all have acted: the last update ends the commit phase, the last acknowledgement the share phase", async () => {
    for (const member of members.slice(1)) await system.submit(round, member);
    expect(await rounds().stateOf(round)).to.equal(COMMIT);
    await expect(rounds().endCommit(round)).to.be.revertedWithCustomError(rounds(), "TooEarly");
    await system.submit(round, members[0]!);
    expect(await rounds().stateOf(round)).to.equal(SHARE);
    expect((await rounds().get(round)).shareFrom).to.equal(await system.now());
    await expect(rounds().endCommit(round)).to.be.revertedWithCustomError(rounds(), "WrongState");
    await expect(rounds().freeze(round, ...system.submissions(round))).to.be.revertedWithCustomError(
      rounds(),
      "TooEarly",
    );
    await expect(system.as(members[0]!.signer).rounds.acknowledgeShares(round)).to.be.revertedWithCustomError(
      rounds(),
      "NotNode",
    );
    await system.acknowledge(round, nodes);
    await expect(system.as(nodes[0]!.signer).rounds.acknowledgeShares(round)).to.be.revertedWithCustomError(
      rounds(),
      "AlreadyAcknowledged",
    );
    await system.freeze(round);
    expect(await rounds().stateOf(round)).to.equal(FROZEN);
  });

  it("batched: the verification of the last update ends the commit phase, its submission does not", async () => {
    const { campaign: batched } = await system.campaign({ terms: { eager: false }, members, nodes });
    const id = await system.committed(batched);
    for (const member of members) await system.submit(id, member);
    expect(await rounds().stateOf(id)).to.equal(COMMIT);
    const updates = system.updates.get(id)!;
    const verify = (some: typeof updates) =>
      system.done(
        rounds().verifyBatch(
          id,
          some.map(({ institution }) => institution),
          some.slice(),
        ),
      );
    await verify(updates.slice(1));
    expect(await rounds().stateOf(id)).to.equal(COMMIT);
    await verify(updates.slice(0, 1));
    expect(await rounds().stateOf(id)).to.equal(SHARE);
  });

  it("[attack 147] a list that omits, repeats, swaps or replaces a submission", async () => {
    await all();
    await system.shared(round);
    await system.pass(3_601n);
    const [who, cs] = system.submissions(round);
    const swap = <T>(list: T[]): T[] => [list[1]!, list[0]!, ...list.slice(2)];
    for (const [a, b] of [
      [who.slice(1), cs.slice(1)],
      [
        [...who.slice(0, 3), who[0]!],
        [...cs.slice(0, 3), cs[0]!],
      ],
      [swap(who), swap(cs)],
      [who, swap(cs)],
      [
        [...who, who[0]!],
        [...cs, cs[0]!],
      ],
      [who.slice(0, 3), cs],
    ] as const)
      await expect(rounds().freeze(round, [...a], [...b])).to.be.revertedWithCustomError(
        rounds(),
        "MemberListMismatch",
      );
    await system.freeze(round);
  });

  it("[attack 149] P7 a member whose consent moved after its commit is left out and gets no show-up fee", async () => {
    const updates = await all();
    await system.shared(round);
    await toggle(members[2]!);
    await system.pass(3_601n);
    await system.freeze(round);
    const f = await rounds().frozenOf(round);
    expect([f.included, f.count]).to.deep.equal([0b1011n, 3n]);
    expect((await rounds().updateOf(updates[2]!.key)).excluded).to.equal(true);
    await toggle(members[1]!); // a frozen set is unaffected
    expect((await rounds().frozenOf(round)).included).to.equal(0b1011n);
  });

  it("[attack 41] [attack 46] [attack 149] below the minimum nothing freezes: the round fails in the same transaction and the sponsor keeps its money", async () => {
    const updates = await all();
    await system.shared(round);
    for (const member of members.slice(0, 2)) await toggle(member);
    await system.pass(3_601n);
    await system.freeze(round);
    expect(await rounds().stateOf(round)).to.equal(FAILED_EARLY);
    expect((await system.contracts.campaigns.get(campaign)).liveRound).to.equal(0n);
    await expect(system.freeze(round)).to.be.revertedWithCustomError(rounds(), "WrongState");
    for (const update of updates) await system.done(system.contracts.settlement.claimMember(round, update.key));
    for (const member of members) expect(await system.contracts.stake.lockedOf(member.address)).to.equal(0n);
    for (const [i, fee] of [0n, 0n, units(5), units(5)].entries())
      expect(await system.contracts.vault.creditOf(system.deployment.token, members[i]!.address)).to.equal(fee);
  });

  it("[attack 44] commit and vanish: fewer than the minimum submitted, the round fails after its window and bonds come back", async () => {
    const { update } = await system.submit(round, members[0]!);
    await expect(system.contracts.settlement.fail(round)).to.be.revert(system.ethers);
    await system.pass(7_201n);
    await expect(rounds().endCommit(round)).to.be.revertedWithCustomError(rounds(), "TooFewParticipants");
    await system.done(system.contracts.settlement.fail(round));
    await system.done(system.contracts.settlement.claimMember(round, update.key));
    expect(await system.contracts.stake.lockedOf(members[0]!.address)).to.equal(0n);
  });

  it("P9 a share phase that nobody freezes can be failed", async () => {
    await all();
    await system.shared(round);
    await system.pass(4n * 3_600n + 7_200n);
    expect(await system.contracts.rules.deadReason(round)).to.equal("0x" + "00".repeat(32));
    await system.pass(10n);
    await system.done(system.contracts.settlement.fail(round));
    expect(await rounds().stateOf(round)).to.equal(FAILED_EARLY);
  });

  it("[attack 143] [attack 36] [attack 156] sums missing: the base stays, and no C of the failed set enters another round", async () => {
    const updates = await all();
    await system.frozen(round);
    await system.pass(7_200n + 3_600n + 3_600n + 1n);
    await system.done(system.contracts.settlement.fail(round));
    expect(await rounds().stateOf(round)).to.equal(9n);
    const next = await system.committed(campaign);
    expect((await rounds().get(next)).baseVersion).to.equal((await rounds().get(round)).baseVersion);
    for (const [i, update] of updates.entries()) {
      const again = await system.update(next, members[i]!, { log: update.log });
      await expect(
        system.as(members[i]!.signer).rounds.submitUpdate(next, again.dataset, again),
      ).to.be.revertedWithCustomError(rounds(), "CommitmentReused");
      await system.submit(next, members[i]!);
    }
  });

  it("[attack 155] heavier than maxShare: the heaviest is left out, of equals the latest", async () => {
    const heavy = await system.institution({ records: 1_000n });
    const light = [];
    while (light.length < 3) light.push(await system.institution({ records: 100n }));
    const other = await system.campaign({ members: [heavy, ...light], nodes });
    const which = await system.committed(other.campaign);
    await all(other.members, which);
    await system.frozen(which);
    const f = await rounds().frozenOf(which);
    expect([f.included, f.totalRecords]).to.deep.equal([0b1110n, 300n]);
  });

  it("[attack 28] [attack 147] batched: a bad one stops only its own batch, anybody verifies the rest, the unverified are left out", async () => {
    const batched = await system.campaign({ terms: { eager: false }, members, nodes });
    const which = await system.committed(batched.campaign);
    const bad = { ...(await system.update(which, members[0]!)), y: randomFr(system.random) };
    await system.submit(which, members[0]!, bad);
    await all(members.slice(1), which);
    const updates = system.updates.get(which)!;
    const detail = ({ c, a, shareManifest, h, y, w, proof }: (typeof updates)[number]) => ({
      c,
      a,
      shareManifest,
      h,
      y,
      w,
      proof,
    });
    const send = (list: typeof updates) =>
      rounds().verifyBatch(
        which,
        list.map((u) => u.institution),
        list.map(detail),
      );
    await expect(send(updates)).to.be.revertedWithCustomError(rounds(), "ProofRejected");
    await expect(send([bad])).to.be.revertedWithCustomError(rounds(), "ProofRejected");
    await expect(send([updates[1]!, updates[1]!])).to.be.revertedWithCustomError(rounds(), "AlreadyVerified");
    await expect(send([{ ...updates[1]!, h: 1n }])).to.be.revertedWithCustomError(rounds(), "DetailMismatch");
    await expect(send([{ ...updates[1]!, institution: members[0]!.address }])).to.be.revertedWithCustomError(
      rounds(),
      "UnknownUpdate",
    );
    await system.done(send(updates.slice(1, 3)));
    await system.shared(which);
    await system.acknowledge(which, nodes);
    // One is still unverified: only the window's end may leave it out.
    await expect(system.freeze(which)).to.be.revertedWithCustomError(rounds(), "TooEarly");
    await system.done(send(updates.slice(3)));
    await system.pass(3_601n);
    await system.freeze(which);
    expect((await rounds().frozenOf(which)).included).to.equal(0b1110n);
  });

  it("statistics: three members, base infinity, each dataset version once for ever — from the freeze on", async () => {
    const open = (terms = {}) =>
      system.campaign({ terms: { kind: 1n, ...terms }, members: members.slice(0, 3), nodes });
    const [first, second] = [await open(), await open()];
    const [a, b] = [await system.committed(first.campaign), await system.committed(second.campaign)];
    const { update } = await system.submit(a, members[0]!);
    expect((await rounds().get(a)).base.x).to.equal(0n);
    await system.pass(7_201n);
    await system.done(system.contracts.settlement.fail(a)); // a failed round uses nothing up
    expect(await rounds().statisticsUsed(members[0]!.dataset, 1)).to.equal(false);
    expect(update.round).to.equal(a);
    await system.done(system.contracts.settlement.fail(b));

    const [c, d] = [await system.committed(first.campaign), await system.committed(second.campaign)];
    await all(first.members, c);
    await all(second.members, d);
    await system.frozen(c);
    expect((await rounds().frozenOf(c)).lambda).to.equal(0n);
    expect(await rounds().statisticsUsed(members[0]!.dataset, 1)).to.equal(true);
    // Live at the same time: the one frozen later must leave all of them out.
    await system.frozen(d);
    expect(await rounds().stateOf(d)).to.equal(FAILED_EARLY);
    const e = await system.committed(second.campaign);
    const late = await system.update(e, members[0]!);
    await expect(
      system.as(members[0]!.signer).rounds.submitUpdate(e, late.dataset, late),
    ).to.be.revertedWithCustomError(rounds(), "StatisticsUsed");
  });

  it("only the other round modules touch complaints, exclusions, states and locks", async () => {
    const { update } = await system.submit(round, members[0]!);
    const own = system.as(members[0]!.signer).rounds;
    for (const call of [
      own.exclude(round, update.key, "0x" + "00".repeat(32)),
      own.complaintOpened(round),
      own.complaintClosed(round),
      own.setState(round, FROZEN),
      own.releaseBond(round, update.key),
      own.releaseNode(round, 0),
    ])
      await expect(call).to.be.revertedWithCustomError(own, "OnlyModule");
  });
});
