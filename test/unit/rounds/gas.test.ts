import { expect } from "chai";
import { deploySystem, GAS, type Institution, type System, units } from "../../fixtures/system.ts";

/** Gas. Ceilings of the design; a change that passes one has to say so here. */
const CEILING = { submit: 570_000, verifyMember: 106_000, freezeMember: 13_500 };
const detail = (u: {
  c: unknown;
  a: unknown;
  shareManifest: string;
  h: bigint;
  y: bigint;
  w: unknown;
  proof: unknown;
}) => ({ c: u.c, a: u.a, shareManifest: u.shareManifest, h: u.h, y: u.y, w: u.w, proof: u.proof }) as never;

describe("gas of the hot paths", () => {
  let system: System;
  let all: Institution[];
  const frozen = new Map<number, number>();

  before(async () => {
    system = await deploySystem();
    all = [];
    while (all.length < 32) all.push(await system.institution({ stake: units(2_000) }));
  });

  it("submitUpdate, eager, n = 128, t = 1", async () => {
    const { campaign, members } = await system.campaign({ members: all.slice(0, 3), nodes: all.slice(0, 3) });
    const round = await system.committed(campaign);
    const used: number[] = [];
    for (const member of members) used.push(Number((await system.submit(round, member)).receipt.gasUsed));
    console.log(`      submitUpdate: ${used.join(", ")}`);
    frozen.set(3, Number((await system.frozen(round)).gasUsed));
    expect(Math.max(...used)).to.be.at.most(CEILING.submit);
  });

  for (const count of [8, 32])
    it(`verifyBatch and freeze, ${count} members`, async () => {
      const { campaign, members } = await system.campaign({
        terms: { eager: false, maxMembers: BigInt(count) },
        members: all.slice(0, count),
        nodes: all.slice(0, 3),
      });
      const round = await system.committed(campaign);
      for (const member of members) await system.submit(round, member);
      const updates = system.updates.get(round)!;
      const receipt = await system.done(
        system.contracts.rounds.verifyBatch(
          round,
          updates.map((u) => u.institution),
          updates.map(detail),
          GAS,
        ),
      );
      const each = Number(receipt.gasUsed) / count;
      console.log(`      verifyBatch of ${count}: ${receipt.gasUsed}, ${Math.round(each)} a member`);
      frozen.set(count, Number((await system.frozen(round)).gasUsed));
      if (count === 32) expect(each).to.be.at.most(CEILING.verifyMember);
    });

  it("freeze: 16k a member on top of what a freeze of any size costs", () => {
    const slope = (frozen.get(32)! - frozen.get(3)!) / 29;
    console.log(`      freeze of 3, 8, 32: ${[...frozen.values()].join(", ")}; ${Math.round(slope)} a member`);
    expect(slope).to.be.at.most(CEILING.freezeMember);
    // 256 members fit a transaction with room to spare.
    expect(frozen.get(3)! + 253 * slope).to.be.below(16_777_216 / 2);
  });
});
