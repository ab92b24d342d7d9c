import { expect } from "chai";
import { id } from "ethers";
import { deploySystem, type Institution, type System, units } from "../../fixtures/system.ts";

describe("CampaignRegistry: members and pool", () => {
  let system: System;
  let campaign: bigint;
  let members: Institution[];
  let snapshot: { restore(): Promise<void> };

  before(async () => {
    system = await deploySystem();
    ({ campaign, members } = await system.campaign({ terms: { maxMembers: 4n } }));
    snapshot = await system.connection.networkHelpers.takeSnapshot();
  });
  afterEach(() => snapshot.restore());

  const campaigns = () => system.contracts.campaigns;
  const own = (who: Institution) => system.as(who.signer).campaigns;
  const refused = async (
    who: Institution,
    error: string,
    from: { interface: unknown } = campaigns(),
    dataset = who.dataset,
  ) => {
    await expect(own(who).enrol(campaign, dataset)).to.be.revertedWithCustomError(from as never, error);
    expect(await campaigns().memberCount(campaign)).to.equal(3n);
  };

  it("enrols one a group, at most maxMembers, each once", async () => {
    await refused(members[0]!, "AlreadyEnrolled");
    await refused(await system.institution({ group: members[0]!.group }), "GroupTaken");
    const [fourth, fifth] = [await system.institution(), await system.institution()];
    await system.enrol(campaign, fourth);
    await expect(own(fifth).enrol(campaign, fifth.dataset)).to.be.revertedWithCustomError(campaigns(), "PoolFull");
    await system.done(own(members[1]!).withdraw(campaign));
    await system.enrol(campaign, fifth);
    // Seats stay dense: the last member took the free one.
    const seats = await Promise.all(
      (await campaigns().membersOf(campaign)).map(async (who) => (await campaigns().eligibility(campaign, who)).seat),
    );
    expect(seats).to.deep.equal([0n, 1n, 2n, 3n]);
  });

  it("[attack 42] another's dataset, another schema, no audit, no consent, no attestation", async () => {
    const fresh = await system.institution();
    await refused(fresh, "NotDatasetOwner", system.contracts.datasets, members[0]!.dataset);
    await refused(await system.institution({ schema: id("other") }), "WrongSchema");
    await refused(await system.institution({ audited: 0n }), "NotAudited", system.contracts.datasets);
    await system.done(system.as(fresh.signer).consent.setGrants(fresh.dataset, "0x" + "00".repeat(32), 0, false));
    await refused(fresh, "NoGrants", system.contracts.consent);
    await system.done(system.as(system.admitter).institutions.withdrawAttestation(fresh.address));
    await refused(fresh, "NotAttested", system.contracts.institutions);
  });

  it("nobody leaves during a commit phase: seats are what the round ticks off", async () => {
    await system.committed(campaign);
    await expect(own(members[0]!).withdraw(campaign)).to.be.revertedWithCustomError(campaigns(), "RoundLive");
    await system.pass(7_201n);
    await system.done(system.contracts.settlement.fail(1n));
    await system.done(own(members[0]!).withdraw(campaign));
    await expect(own(members[0]!).withdraw(campaign)).to.be.revertedWithCustomError(campaigns(), "NotEnrolled");
  });

  it("the pool takes registered, attested, staked nodes, each once, and lets them go", async () => {
    const poor = await system.institution({ stake: units(39) });
    await expect(own(poor).joinPool(campaign)).to.be.revertedWithCustomError(campaigns(), "InsufficientStake");
    const node = await system.institution();
    await system.join(campaign, node);
    await expect(own(node).joinPool(campaign)).to.be.revertedWithCustomError(campaigns(), "PoolMember");
    await system.done(own(node).leavePool(campaign));
    await expect(own(node).leavePool(campaign)).to.be.revertedWithCustomError(campaigns(), "NotPoolMember");
    const stranger = system.as(system.admitter).campaigns;
    await expect(stranger.joinPool(campaign)).to.be.revertedWithCustomError(stranger, "NotRegistered");
  });
});
