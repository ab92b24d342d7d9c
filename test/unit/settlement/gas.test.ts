import { expect } from "chai";
import { finalization, summed } from "../../fixtures/settle.ts";
import { deploySystem, GAS, type Institution, type System, units } from "../../fixtures/system.ts";

/** Whole transactions, for a prover without credit yet, by itself and by somebody else: the dearest cases. */
const CEILING = 600_000;

describe("gas of finalize", () => {
  let system: System;
  let all: Institution[];

  before(async () => {
    system = await deploySystem();
    all = [];
    while (all.length < 32) all.push(await system.institution({ stake: units(2_000) }));
  });

  for (const count of [3, 32])
    it(`finalize of ${count} members, twice in a row`, async () => {
      const { campaign, members } = await system.campaign({
        terms: { maxMembers: BigInt(count) },
        members: all.slice(0, count),
        nodes: all.slice(0, 3),
      });
      let log = 0n;
      // The second stands on a base that is a point.
      for (const sender of [undefined, system.sponsor]) {
        const prover = await system.institution();
        const round = await system.committed(campaign);
        for (const member of members) await system.submit(round, member);
        await system.frozen(round);
        await summed(system, round, all);
        const made = await finalization(system, round, prover.address, log);
        log = made.log;
        const receipt = await system.done(system.as(sender ?? prover.signer).settlement.finalize(made.argument, GAS));
        console.log(`      finalize of ${count}${sender ? ", sent by another" : ""}: ${receipt.gasUsed}`);
        expect(Number(receipt.gasUsed)).to.be.at.most(CEILING);
      }
    });
});
