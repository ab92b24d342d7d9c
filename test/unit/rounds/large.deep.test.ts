import { Fr } from "@mednexus/sdk";
import { expect } from "chai";
import { deploySystem, GAS, type Institution, type System, type Update, units } from "../../fixtures/system.ts";

/** EIP-7825: no transaction may use more gas. */
const TRANSACTION_GAS = 16_777_216;
const MEMBERS = 256;
const BAD = 57;

describe(`a batched round of ${MEMBERS} members, one of them with a bad proof`, function () {
  this.timeout(900_000);
  let system: System;
  let round: bigint;
  let updates: Update[];

  before(async () => {
    system = await deploySystem();
    const all: Institution[] = [];
    while (all.length < MEMBERS) all.push(await system.institution());
    const { campaign } = await system.campaign({
      // 256 show-up fees have to be covered by the round's price.
      terms: { eager: false, maxMembers: BigInt(MEMBERS), prices: { showUpFee: units(1) } },
      members: all,
      nodes: all.slice(0, 3),
    });
    round = await system.committed(campaign);
    for (const [i, member] of all.entries()) {
      const made = await system.update(round, member);
      await system.submit(round, member, i === BAD ? { ...made, y: Fr.add(made.y, 1n) } : made);
    }
    updates = system.updates.get(round)!;
  });

  const verify = (some: Update[]) =>
    system.contracts.rounds.verifyBatch(
      round,
      some.map(({ institution }) => institution),
      some,
      GAS,
    );
  const verified = async () => (await system.contracts.rounds.get(round)).verified;

  it("[attack 28] [attack 147] one bad in a batch of 100: refused whole, nothing marked; the other 99 and everybody else verify without it", async () => {
    const hundred = updates.slice(0, 100);
    await expect(verify(hundred)).to.be.revertedWithCustomError(system.contracts.rounds, "ProofRejected");
    expect(await verified()).to.equal(0n);
    const receipt = await system.done(verify(hundred.filter((_, i) => i !== BAD)));
    expect(await verified()).to.equal(99n);
    console.log(`      verifyBatch of 99: ${receipt.gasUsed}`);
    await expect(verify([updates[BAD]!])).to.be.revertedWithCustomError(system.contracts.rounds, "ProofRejected");
    // Of a batch that names somebody twice, or somebody verified already, nothing is marked either.
    for (const some of [updates.slice(99, 110), [updates[100]!, updates[100]!]])
      await expect(verify(some)).to.be.revertedWithCustomError(system.contracts.rounds, "AlreadyVerified");
    await system.done(verify(updates.slice(100, 178)));
    await system.done(verify(updates.slice(178)));
    expect(await verified()).to.equal(255n);
  });

  it("freezes all but the bad one in a transaction that fits", async () => {
    const receipt = await system.frozen(round);
    console.log(`      freeze of ${MEMBERS}: ${receipt.gasUsed}`);
    expect(Number(receipt.gasUsed)).to.be.below(TRANSACTION_GAS);
    const { count, included } = await system.contracts.rounds.frozenOf(round);
    expect(count).to.equal(255n);
    expect(included).to.equal((1n << 256n) - 1n - (1n << BigInt(BAD)));
  });
});
