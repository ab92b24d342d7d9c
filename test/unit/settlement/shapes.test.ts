import { expect } from "chai";
import { id } from "ethers";
import { committee, finalized, summed } from "../../fixtures/settle.ts";
import { deploySystem, type Institution, N, type System, type TermsChange, units } from "../../fixtures/system.ts";

/** Rounds of other shapes than three nodes and three members, from a random draw to the last claim. */
describe("rounds of every shape end with nothing left", () => {
  let system: System;
  let all: Institution[];

  before(async () => {
    system = await deploySystem();
    all = [];
    while (all.length < 7) all.push(await system.institution({ stake: units(2_000) }));
  });

  const shapes: [string, { terms?: TermsChange; members: number; pool: number }][] = [
    ["S = 5, t = 2 of a pool of 7", { terms: { nodes: 5n, threshold: 2n }, members: 5, pool: 7 }],
    ["batched verification", { terms: { eager: false }, members: 4, pool: 5 }],
    [
      "a pair, with a committee of others",
      { terms: { pair: true, minParticipants: 2n, maxMembers: 2n }, members: 2, pool: 7 },
    ],
  ];
  for (const [name, { terms, members: count, pool }] of shapes)
    it(`${name}`, async () => {
      const { contracts } = system;
      const { campaign, members } = await system.campaign({
        ...(terms === undefined ? {} : { terms }),
        members: all.slice(0, count),
        nodes: all.slice(0, pool),
      });
      if (terms?.pair)
        for (const member of members) await system.done(system.as(member.signer).campaigns.agreePair(campaign));
      const round = await system.committed(campaign);
      for (const member of members) await system.submit(round, member);
      const updates = system.updates.get(round)!;
      if (terms?.eager === false)
        await system.done(
          contracts.rounds.verifyBatch(
            round,
            updates.map((u) => u.institution),
            updates,
          ),
        );
      await system.frozen(round);
      const { threshold, n } = await contracts.rounds.get(round);
      expect(n).to.equal(BigInt(N));
      await summed(system, round, all, Number(threshold));
      expect(await contracts.rounds.stateOf(round), "t sums are too few").to.equal(4n);
      const [last] = (await committee(system, round, all)).slice(Number(threshold));
      await system.done(
        system
          .as(last!.signer)
          .sums.postSum(round, (await contracts.rounds.frozenOf(round)).setHash, [`0x${"11".repeat(32)}`]),
      );
      await finalized(system, round, all[6]!);
      await system.pass(3_601n);
      for (const { key } of updates) await system.done(contracts.settlement.claimMember(round, key));
      for (let i = 0; i < (await committee(system, round, all)).length; i++)
        await system.done(contracts.settlement.claimNode(round, i));
      await system.done(contracts.settlement.claimFees(round));
      const party = `0x${round.toString(16).padStart(64, "0")}`;
      const purpose = id("mednexus.purpose.round");
      expect(await contracts.vault.heldOf(system.deployment.token, purpose, party), "P4").to.equal(0n);
      for (const one of all) expect(await contracts.stake.lockedOf(one.address), "P9").to.equal(0n);
    });
});
