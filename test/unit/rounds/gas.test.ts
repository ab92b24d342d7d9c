import { expect } from "chai";
import { deploySystem, type Institution, type System, units } from "../../fixtures/system.ts";

/** Ceilings a little above what was measured: a change that costs more has to say so here. */
const CEILING = { submit: 600_000, verifyMember: 110_000, freezeMember: 16_000 };

describe("gas of the hot paths", () => {
  let system: System;

  before(async () => {
    system = await deploySystem();
  });

  async function members(count: number): Promise<Institution[]> {
    const made: Institution[] = [];
    while (made.length < count) made.push(await system.institution({ stake: units(200) }));
    return made;
  }

  it("submitUpdate, eager, n = 128, t = 1", async () => {
    const { campaign, members: all } = await system.campaign();
    const round = await system.committed(campaign);
    const used: number[] = [];
    for (const member of all) used.push(Number((await system.submit(round, member)).receipt.gasUsed));
    console.log(`      submitUpdate: ${used.join(", ")} gas`);
    const frozen = Number((await system.frozen(round)).gasUsed);
    console.log(`      freeze of 3: ${frozen} gas`);
    expect(Math.max(...used.slice(1))).to.be.at.most(CEILING.submit);
  });
});
