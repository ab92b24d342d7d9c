import { expect } from "chai";
import { AbiCoder, id, keccak256 } from "ethers";
import { deploySystem, type Institution, type System, units } from "../../fixtures/system.ts";

/** The contract's permutation: forward Fisher–Yates from keccak256(blockhash, chainid, round). */
function permutation(pool: string[], hash: string, round: bigint): string[] {
  const coder = AbiCoder.defaultAbiCoder();
  const seed = keccak256(coder.encode(["bytes32", "uint256", "uint64"], [hash, 31337n, round]));
  const order = [...pool];
  for (let i = 0; i < order.length; i++) {
    const j = i + Number(BigInt(keccak256(coder.encode(["bytes32", "uint256"], [seed, i]))) % BigInt(order.length - i));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

describe("openRound and draw", () => {
  let system: System;
  let nodes: Institution[];
  let members: Institution[];
  let campaign: bigint;
  let snapshot: { restore(): Promise<void> };

  before(async () => {
    system = await deploySystem();
    ({ campaign, members, nodes } = await system.campaign({ nodes: 6 }));
    snapshot = await system.connection.networkHelpers.takeSnapshot();
  });
  afterEach(() => snapshot.restore());

  const rounds = () => system.contracts.rounds;
  const expected = async (round: bigint): Promise<string[]> => {
    const { drawBlock } = await rounds().get(round);
    const block = await system.ethers.provider.getBlock(Number(drawBlock));
    return permutation([...(await system.contracts.campaigns.poolOf(campaign))], block!.hash!, round);
  };
  const committee = async (round: bigint): Promise<string[]> => [...(await rounds().committeeOf(round))[0]];

  it("seats the first S of the permutation that the draw block fixes; locks and snapshots", async () => {
    const round = await system.committed(campaign);
    const drawn = await committee(round);
    expect(drawn).to.deep.equal((await expected(round)).slice(0, 3));
    for (const address of drawn) expect(await system.contracts.stake.lockedOf(address)).to.equal(units(40));
    expect((await system.contracts.campaigns.get(campaign)).roundsLeft).to.equal(2n);
  });

  it("[attack 144] who draws, when, and after how many reverted tries does not matter", async () => {
    const round = await system.openRound(campaign);
    await expect(rounds().draw(round)).to.be.revertedWithCustomError(rounds(), "DrawNotReady");
    await system.mine(3);
    const pool = [...(await system.contracts.campaigns.poolOf(campaign))];
    const open = await system.connection.networkHelpers.takeSnapshot();
    const results: string[][] = [];
    for (const wait of [0, 1, 100]) {
      await system.mine(wait);
      await system.done(system.as(nodes[wait % 6]!.signer).rounds.draw(round));
      results.push(await committee(round));
      await open.restore();
    }
    expect(results[1]).to.deep.equal(results[0]);
    expect(results[2]).to.deep.equal(results[0]);
    expect(pool).to.have.length(6);
  });

  it("[attack 144] the pool is closed while a draw is pending; a node that withdraws its stake gives its own seat to the next", async () => {
    const round = await system.openRound(campaign);
    const late = await system.institution();
    await expect(system.as(late.signer).campaigns.joinPool(campaign)).to.be.revertedWithCustomError(
      system.contracts.campaigns,
      "PoolFrozen",
    );
    await expect(system.as(nodes[0]!.signer).campaigns.leavePool(campaign)).to.be.revertedWithCustomError(
      system.contracts.campaigns,
      "PoolFrozen",
    );
    await system.mine(3);
    const order = await expected(round);
    const leaver = nodes.find((node) => node.address === order[1])!;
    await system.done(system.as(leaver.signer).stake.unbond(await system.contracts.stake.freeOf(leaver.address)));
    await system.done(rounds().draw(round));
    expect(await committee(round)).to.deep.equal([order[0], order[2], order[3]]);
  });

  it("re-arms when the block's hash is gone, and never past its window", async () => {
    const round = await system.openRound(campaign);
    await system.mine(300);
    await expect(rounds().draw(round)).to.emit(rounds(), "DrawRearmed");
    await system.mine(3);
    await system.done(rounds().draw(round));
    await snapshot.restore();
    const other = await system.openRound(campaign);
    await system.pass(3_602n);
    await expect(rounds().draw(other)).to.be.revertedWithCustomError(rounds(), "TooLate");
    await system.done(system.contracts.settlement.fail(other));
    expect((await system.contracts.campaigns.get(campaign)).liveRound).to.equal(0n);
  });

  it("no group holds more than t seats", async () => {
    const group = id("one owner of many");
    for (const node of nodes.slice(0, 4)) await system.attest(node.address, group);
    for (let i = 0; i < 4; i++) {
      const round = await system.openRound(campaign);
      await system.mine(3);
      await system.done(rounds().draw(round));
      const drawn = await committee(round);
      expect(nodes.slice(0, 4).filter((node) => drawn.includes(node.address))).to.have.length(1);
      await snapshot.restore();
      await system.mine(i + 1);
      for (const node of nodes.slice(0, 4)) await system.attest(node.address, group);
    }
  });

  it("[attack 146] sponsor's and owner's groups do not sit; too few eligible: the round fails, the escrow returns less tips spent", async () => {
    const sponsorGroup = id("sponsor group");
    await system.done(
      system.as(system.sponsor).institutions.register(...(await keyOf(system)), "https://sponsor.example"),
    );
    await system.attest(await system.sponsor.getAddress(), sponsorGroup);
    for (const node of nodes.slice(0, 4)) await system.attest(node.address, sponsorGroup);
    const round = await system.openRound(campaign);
    await system.mine(3);
    await expect(rounds().draw(round)).to.be.revertedWithCustomError(rounds(), "PoolTooSmall").withArgs(2n, 3n);
    await system.pass(3_602n);
    const { roundCost, token } = await system.contracts.campaigns.get(campaign);
    await system.done(system.contracts.settlement.fail(round));
    const held = await system.contracts.vault.heldOf(
      token,
      id("mednexus.purpose.campaign"),
      "0x" + campaign.toString(16).padStart(64, "0"),
    );
    expect(held).to.equal(roundCost * 3n);
  });

  it("named committees: in the pool and eligible all the same", async () => {
    const named = nodes.slice(0, 3).map((node) => node.address);
    const other = await system.campaign({
      terms: { drawDelay: 0n, committee: named },
      members,
      nodes: nodes.slice(1, 4),
    });
    const round = await system.openRound(other.campaign);
    await expect(rounds().draw(round)).to.be.revertedWithCustomError(rounds(), "PoolTooSmall").withArgs(2n, 3n);
    await snapshot.restore();
    const good = await system.campaign({
      terms: { drawDelay: 0n, committee: named },
      members,
      nodes: [nodes[2]!, nodes[1]!, nodes[0]!, nodes[3]!],
    });
    const second = await system.openRound(good.campaign);
    await system.done(rounds().draw(second));
    expect(await committee(second)).to.deep.equal(named);
  });

  it("one live round a campaign; enough members and nodes, or none opens", async () => {
    await system.openRound(campaign);
    await expect(rounds().openRound(campaign)).to.be.revertedWithCustomError(system.contracts.campaigns, "RoundLive");
    await snapshot.restore();
    const few = await system.campaign({ members: members.slice(0, 2), nodes });
    await expect(rounds().openRound(few.campaign))
      .to.be.revertedWithCustomError(rounds(), "TooFewEnrolled")
      .withArgs(2n, 3n);
    const none = await system.campaign({ members, nodes: nodes.slice(0, 2) });
    await expect(rounds().openRound(none.campaign))
      .to.be.revertedWithCustomError(rounds(), "PoolTooSmall")
      .withArgs(2n, 3n);
  });

  it("[attack 47] a pair opens only when both have agreed to each other", async () => {
    const pair = { pair: true, maxMembers: 2n, minParticipants: 2n, nodes: 2n };
    const two = await system.campaign({ terms: pair, members: members.slice(0, 2), nodes: members.slice(0, 2) });
    const campaigns = (who: Institution) => system.as(who.signer).campaigns;
    await expect(rounds().openRound(two.campaign)).to.be.revertedWithCustomError(rounds(), "NotPairAgreed");
    await system.done(campaigns(members[0]!).agreePair(two.campaign));
    await expect(rounds().openRound(two.campaign)).to.be.revertedWithCustomError(rounds(), "NotPairAgreed");
    await system.done(campaigns(members[1]!).agreePair(two.campaign));
    // The agreement is with this partner: another one starts anew.
    await system.done(campaigns(members[1]!).withdraw(two.campaign));
    await system.enrol(two.campaign, members[2]!);
    await system.done(campaigns(members[2]!).agreePair(two.campaign));
    await expect(rounds().openRound(two.campaign)).to.be.revertedWithCustomError(rounds(), "NotPairAgreed");
    await system.done(campaigns(members[0]!).agreePair(two.campaign));
    await system.committed(two.campaign);
  });
});

async function keyOf(system: System) {
  const { generateKeyPair, keyContextHash, proveKey } = await import("@mednexus/sdk");
  const keys = generateKeyPair(system.simulator.curve, system.random);
  const bound = keyContextHash(31337n, system.deployment.addresses.institutions, await system.sponsor.getAddress());
  return [keys.publicKey, proveKey(system.simulator.curve, keys, bound, system.random)] as const;
}
