import {
  chunkHashes,
  ciphertextDigest,
  encodeWords,
  G1_GENERATOR,
  randomFrVector,
  shareManifestHash,
  SET_SIGNATURE,
  typedDataDomain,
} from "@mednexus/sdk";
import { expect } from "chai";
import { id, ZeroHash } from "ethers";
import { committee, finalized, summed } from "../../fixtures/settle.ts";
import { deploySystem, type Institution, N, type System, units } from "../../fixtures/system.ts";

/** Rounds that have to end well although something outside them went wrong. */
describe("rounds in adversity", () => {
  let system: System;
  let all: Institution[];
  let prover: Institution;
  let snapshot: { restore(): Promise<void> };

  before(async () => {
    system = await deploySystem();
    all = [];
    while (all.length < 4) all.push(await system.institution({ stake: units(2_000) }));
    prover = await system.institution();
    snapshot = await system.connection.networkHelpers.takeSnapshot();
  });
  afterEach(async () => {
    await snapshot.restore();
    system.updates.clear();
  });

  async function claimed(round: bigint): Promise<void> {
    const { settlement } = system.contracts;
    await system.pass(3_601n);
    for (const { key } of system.updates.get(round)!) await system.done(settlement.claimMember(round, key));
    for (let i = 0; i < (await committee(system, round, all)).length; i++)
      await system.done(settlement.claimNode(round, i));
    await system.done(settlement.claimFees(round));
  }

  it("[attack 148] paused from the draw to the last claim: nobody is late for it, every step and every exit works (P8)", async () => {
    const { contracts } = system;
    const { campaign, members } = await system.campaign({ members: all.slice(0, 3), nodes: all });
    const round = await system.openRound(campaign);
    await system.done(contracts.parameters.pauseEntries(7n * 86_400n));
    const paused = async () =>
      expect(contracts.rounds.openRound(campaign)).to.be.revertedWithCustomError(
        contracts.parameters,
        "EntriesArePaused",
      );
    await system.mine(3);
    await system.done(contracts.rounds.draw(round));
    // Any words will do as a ciphertext that is only asked for.
    const words = randomFrVector(N + 4, system.random);
    const header = { e: G1_GENERATOR, proof: { r: G1_GENERATOR, z: 1n }, chunkHashes: chunkHashes(words) };
    const digests = [ciphertextDigest(1, header.e, header.proof.r, 1n, header.chunkHashes), id("two"), id("three")];
    const accused = members[0]!;
    const shareManifest = shareManifestHash(digests);
    const update = await system.update(round, accused, { shareManifest });
    await system.submit(round, accused, update);
    for (const member of members.slice(1)) await system.submit(round, member);
    await system.shared(round);

    const [node] = await committee(system, round, all);
    await system.fund(node!.signer, units(100));
    const { disputes } = system.as(node!.signer);
    await system.done(disputes.claimMissing(round, accused.address, update, 0));
    const answer = [round, update.key, 0, header, digests, 0, encodeWords(words)] as const;
    await system.done(system.as(accused.signer).disputes.answerCiphertext(...answer));
    await system.done(disputes.settleComplaint(round, update.key, 0));
    await system.acknowledge(round, all);
    await system.freeze(round);
    await summed(system, round, all);
    await finalized(system, round, prover);
    await paused();
    await claimed(round);

    const free = await contracts.stake.freeOf(members[1]!.address);
    await system.done(system.as(members[1]!.signer).stake.unbond(free));
    const { token } = system.deployment;
    const credit = await contracts.vault.creditOf(token, members[1]!.address);
    expect(credit).to.be.greaterThan(0n);
    await system.done(system.as(members[1]!.signer).vault.withdrawTo(token, members[1]!.address, credit));
    expect((await contracts.rounds.frozenOf(round)).count).to.equal(3n);
    for (const one of all) expect(await contracts.stake.missesOf(one.address)).to.equal(0n);
  });

  it("[attack 157] [attack 36] a reorganisation freezes another set: the first one's hash posts nothing, and speaking for both costs the lock", async () => {
    const { contracts } = system;
    const { campaign, members } = await system.campaign({ members: all, nodes: all.slice(0, 3) });
    const round = await system.committed(campaign);
    for (const member of members) await system.submit(round, member);
    await system.shared(round);
    await system.pass(3_601n);
    const before = await system.connection.networkHelpers.takeSnapshot();
    await system.freeze(round);
    const { setHash: first } = await contracts.rounds.frozenOf(round);
    const [node] = await committee(system, round, all);
    const forgotten = await node!.signer.signTypedData(
      typedDataDomain(31337n, system.deployment.addresses.sums),
      SET_SIGNATURE,
      { round, setHash: first },
    );

    // On the chain that wins, a withdrawal came before the freeze.
    await before.restore();
    const leaver = members[3]!;
    await system.done(system.as(leaver.signer).consent.setGrants(leaver.dataset, ZeroHash, 0n, false));
    await system.freeze(round);
    const { setHash: second, count } = await contracts.rounds.frozenOf(round);
    expect(second).to.not.equal(first);
    expect(count).to.equal(3n);
    const { sums } = system.as(node!.signer);
    const digest = [id("chunk")];
    await expect(sums.postSum(round, second, digest)).to.be.revertedWithCustomError(contracts.sums, "FreezeNotFinal");
    await system.mine(3);
    await expect(sums.postSum(round, first, digest)).to.be.revertedWithCustomError(contracts.sums, "WrongSet");
    await system.done(sums.postSum(round, second, digest));
    const active = await contracts.stake.activeOf(node!.address);
    await system.done(contracts.sums.reportEquivocation(round, 0, second, "0x", first, forgotten));
    expect(active - (await contracts.stake.activeOf(node!.address))).to.equal(units(40));
  });

  it("[attack 82] blacklisted by the token in mid-round: prover, member and node are paid in the vault, block nobody, and withdraw elsewhere", async () => {
    const { contracts } = system;
    const { token } = system.deployment;
    const { campaign, members } = await system.campaign({ members: all.slice(0, 3), nodes: all.slice(0, 3) });
    const round = await system.committed(campaign);
    for (const member of members) await system.submit(round, member);
    await system.frozen(round);

    // The issuer upgrades its token: the same balances behind a list.
    const listing = await system.ethers.deployContract("TokenBlacklist");
    await system.connection.networkHelpers.setCode(
      token,
      await system.ethers.provider.getCode(await listing.getAddress()),
    );
    const listed = await system.ethers.getContractAt("TokenBlacklist", token);
    for (const one of [prover, members[0]!]) await listed.list!(one.address, true);

    await summed(system, round, all);
    await finalized(system, round, prover);
    await claimed(round);
    const { vault } = contracts;
    for (const one of [prover, members[0]!, members[1]!]) {
      const credit = await vault.creditOf(token, one.address);
      expect(credit).to.be.greaterThan(0n);
      const own = system.as(one.signer).vault;
      const elsewhere = system.ethers.Wallet.createRandom().address;
      if (one !== members[1])
        await expect(own.withdrawTo(token, one.address, credit)).to.be.revertedWithCustomError(listed, "Listed");
      await system.done(own.withdrawTo(token, elsewhere, credit));
      expect(await listed.balanceOf!(elsewhere)).to.equal(credit);
    }
  });
});
