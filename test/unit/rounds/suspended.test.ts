import { expect } from "chai";
import { deploySystem, type Institution, type System, units } from "../../fixtures/system.ts";

/** One miss suspends here: a round in which a member answers no complaint and the committee posts no sum. */
describe("suspended parties", () => {
  let system: System;
  let campaign: bigint;
  let members: Institution[];
  let nodes: Institution[];
  let silent: string[];
  let round: bigint;

  before(async () => {
    system = await deploySystem(undefined, { suspendAfter: 1n });
    ({ campaign, members, nodes } = await system.campaign({ members: 4, nodes: 6, terms: { rounds: 4n } }));
    const { rounds, disputes, settlement } = system.contracts;
    const first = await system.committed(campaign);
    for (const member of members) await system.submit(first, member);
    await system.shared(first);
    silent = [...(await rounds.committeeOf(first))[0]];
    const node = nodes.find(({ address }) => address === silent[0])!;
    await system.fund(node.signer, units(100));
    const [update] = system.updates.get(first)!;
    await system.done(system.as(node.signer).disputes.claimMissing(first, members[0]!.address, update!, 0));
    await system.pass(7_201n);
    await system.done(disputes.settleComplaint(first, update!.key, 0));
    await system.freeze(first);
    await system.pass(7_201n);
    await system.done(settlement.fail(first));
    round = await system.committed(campaign);
  });

  const suspended = (party: string) => system.contracts.stake.isSuspended(party);

  it("[attack 42] a suspended member cannot submit, whatever its free stake; the others can", async () => {
    expect(await suspended(members[0]!.address)).to.equal(true);
    expect(await system.contracts.stake.freeOf(members[0]!.address)).to.be.greaterThan(units(20));
    const update = await system.update(round, members[0]!);
    await expect(
      system.as(members[0]!.signer).rounds.submitUpdate(round, update.dataset, update),
    ).to.be.revertedWithCustomError(system.contracts.stake, "PartySuspended");
    await system.submit(round, members[1]!);
    expect((await system.contracts.rounds.get(round)).submitted).to.equal(1n);
  });

  it("a suspended node is not drawn, until its suspension is over", async () => {
    for (const node of silent) expect(await suspended(node)).to.equal(true);
    const [drawn] = await system.contracts.rounds.committeeOf(round);
    expect(drawn).to.have.length(3);
    expect(silent.filter((node) => drawn.includes(node))).to.deep.equal([]);

    // Without the others there is nobody to draw while it lasts, and enough to draw afterwards.
    await system.pass(7_201n);
    await system.done(system.contracts.settlement.fail(round));
    for (const node of nodes.filter(({ address }) => drawn.includes(address)))
      await system.done(system.as(node.signer).campaigns.leavePool(campaign));
    const { rounds, settlement } = system.contracts;
    const last = await system.openRound(campaign);
    await system.mine(3);
    await expect(rounds.draw(last)).to.be.revertedWithCustomError(rounds, "PoolTooSmall");
    await system.pass(3_601n);
    await system.done(settlement.fail(last));
    await system.pass(30n * 86_400n);
    const again = await system.committed(campaign);
    expect([...(await rounds.committeeOf(again))[0]].toSorted()).to.deep.equal(silent.toSorted());
  });
});
