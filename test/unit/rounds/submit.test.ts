import { Fr, FQ_MODULUS, G1_INFINITY, randomFr } from "@mednexus/sdk";
import { publishedKey } from "@mednexus/circuits";
import { expect } from "chai";
import { ZeroHash } from "ethers";
import {
  deploySystem,
  type Institution,
  N,
  parameters,
  type System,
  type Update,
  units,
} from "../../fixtures/system.ts";

describe("submitUpdate", () => {
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

  /** Sends and expects the refusal; nothing is stored. */
  async function refused(
    who: Institution,
    update: Update,
    error: string,
    contract: { interface: unknown } = system.contracts.rounds,
  ) {
    const before = await system.contracts.rounds.get(round);
    await expect(
      system.as(who.signer).rounds.submitUpdate(update.round, update.dataset, update),
    ).to.be.revertedWithCustomError(contract as never, error);
    expect((await system.contracts.rounds.get(round)).submitted).to.equal(before.submitted);
    expect((await system.contracts.rounds.updateOf(update.key)).institution).to.equal("0x" + "00".repeat(20));
  }

  it("stores the update, locks the bond, counts it verified", async () => {
    const { update } = await system.submit(round, members[0]!);
    const stored = await system.contracts.rounds.updateOf(update.key);
    expect(stored.institution).to.equal(members[0]!.address);
    expect([stored.records, stored.index, stored.verified, stored.excluded]).to.deep.equal([1_000n, 0n, true, false]);
    expect(stored.round).to.equal(round);
    expect(await system.contracts.stake.lockedOf(members[0]!.address)).to.equal(units(20));
    const { verified, submitted } = await system.contracts.rounds.get(round);
    expect([submitted, verified]).to.deep.equal([1n, 1n]);
  });

  it("[attack 5] [attack 38] a proof for another bound than the one derived from the registry's count", async () => {
    const { normBound2 } = await system.contracts.campaigns.eligibility(campaign, members[0]!.address);
    await refused(
      members[0]!,
      await system.update(round, members[0]!, { normBound2: normBound2 + 1n }),
      "ProofRejected",
    );
  });

  it("[attack 12] a point r of the prover's own choice", async () => {
    const member = members[0]!;
    const made = await system.update(round, member);
    const { normBound2 } = await system.contracts.campaigns.eligibility(campaign, member.address);
    const own = randomFr(system.random);
    const forged = {
      ...made,
      w: system.simulator.opening(made.log, own, made.y),
      proof: system.simulator.proof(publishedKey("update", N), [made.h, own, made.y, normBound2]),
    };
    await refused(member, forged, "ProofRejected");
  });

  it("[attack 13] [attack 164] another's C and proof, copied from the mempool or submitted before: useless to the copier, harmless to its maker", async () => {
    const made = await system.update(round, members[0]!);
    await refused(members[1]!, { ...made, dataset: members[1]!.dataset }, "ProofRejected");
    await system.submit(round, members[0]!, made);
    await expect(
      system.as(members[1]!.signer).rounds.submitUpdate(round, members[1]!.dataset, made),
    ).to.be.revertedWithCustomError(system.contracts.rounds, "ProofRejected");
  });

  it("[attack 14] [attack 15] C + [δ] and −C", async () => {
    const made = await system.update(round, members[0]!);
    const { curve } = system.simulator;
    for (const c of [curve.add(made.c, system.simulator.commitment(randomFr(system.random))), curve.neg(made.c)])
      await refused(members[0]!, { ...made, c }, "ProofRejected");
  });

  it("[attack 16] proofs made for another round, chain, contract or base", async () => {
    for (const context of [
      { round: round + 1n },
      { chainId: 1n },
      { roundManager: system.deployment.addresses.campaigns },
      { campaign: campaign + 1n },
      { base: system.simulator.commitment(2n) },
    ])
      await refused(members[0]!, await system.update(round, members[0]!, { context }), "ProofRejected");
  });

  it("[attack 17] [attack 18] a second submission, re-randomised or fresh, and [attack 156] the same C again", async () => {
    const { update } = await system.submit(round, members[0]!);
    const again = system.as(members[0]!.signer).rounds;
    await expect(again.submitUpdate(round, update.dataset, update)).to.be.revertedWithCustomError(
      again,
      "AlreadySubmitted",
    );
    for (const other of [{}, { log: update.log }]) {
      const made = await system.update(round, members[0]!, other);
      await expect(again.submitUpdate(round, made.dataset, made)).to.be.revertedWithCustomError(
        again,
        "AlreadySubmitted",
      );
    }
  });

  it("[attack 19] [attack 20] [attack 21] C or A off the curve, not canonical, at infinity", async () => {
    const made = await system.update(round, members[0]!);
    const bn254 = system.contracts.rounds;
    const bad: [{ x: bigint; y: bigint }, string][] = [
      [{ x: made.c.x, y: made.c.y + 1n }, "PointNotOnCurve"],
      [{ x: made.c.x + FQ_MODULUS, y: made.c.y }, "PointNotOnCurve"],
      [G1_INFINITY, "PointAtInfinity"],
    ];
    for (const [point, error] of bad) {
      await refused(members[0]!, { ...made, c: point }, error, bn254);
      await refused(members[0]!, { ...made, a: [point] }, error, bn254);
    }
  });

  it("[attack 23] a proof under another circuit's key", async () => {
    const made = await system.update(round, members[0]!);
    await refused(
      members[0]!,
      { ...made, proof: system.simulator.proof(publishedKey("aggregate", N), [made.h, made.h, made.y]) },
      "ProofRejected",
    );
  });

  it("[attack 32] A or the share manifest altered after r, and the wrong number of A", async () => {
    const made = await system.update(round, members[0]!);
    const other = system.simulator.commitment(randomFr(system.random));
    await refused(members[0]!, { ...made, a: [other] }, "ProofRejected");
    await refused(members[0]!, { ...made, shareManifest: `0x${"11".repeat(32)}` }, "ProofRejected");
    await refused(members[0]!, { ...made, a: [other, other] }, "WrongThreshold");
    await refused(members[0]!, { ...made, a: [] }, "WrongThreshold");
  });

  it("[attack 9] y + 1 under an honest opening", async () => {
    const made = await system.update(round, members[0]!);
    await refused(members[0]!, { ...made, y: Fr.add(made.y, 1n) }, "ProofRejected");
  });

  it("[attack 37] [attack 152] no audited records; a weight that rounds to nothing; counts over the cap are capped", async () => {
    const admitter = system.as(system.admitter).datasets;
    const member = members[0]!;
    const made = await system.update(round, member);
    await system.done(admitter.auditRecords(member.dataset, 1, 0));
    await refused(member, made, "NotAudited", system.contracts.datasets);
    const rich = await system.institution({ records: 5_000n });
    await system.enrol(campaign, rich);
    expect((await system.contracts.campaigns.eligibility(campaign, rich.address)).records).to.equal(1_000n);
    const small = await system.campaign({
      terms: { cap: 1n << 40n, normBound: 1n << 16n, lambdaF: 1n << 16n },
      members: [...members.slice(1), await system.institution({ records: 1n })],
      nodes,
    });
    const other = await system.committed(small.campaign);
    const tiny = small.members.at(-1)!;
    const light = await system.update(other, tiny);
    await expect(system.as(tiny.signer).rounds.submitUpdate(other, light.dataset, light)).to.be.revertedWithCustomError(
      system.contracts.rounds,
      "ZeroWeight",
    );
  });

  it("[attack 42] unattested, re-grouped, not enrolled, suspended or without free stake", async () => {
    const [a, b, c] = members as [Institution, Institution, Institution];
    const outsider = await system.institution();
    const borrowed = await system.update(round, a);
    await refused(outsider, { ...borrowed, dataset: outsider.dataset }, "NotEnrolled", system.contracts.campaigns);
    const [ua, ub, uc] = [borrowed, await system.update(round, b), await system.update(round, c)];
    await system.done(system.as(system.admitter).institutions.withdrawAttestation(a.address));
    await refused(a, ua, "NotAttested", system.contracts.institutions);
    await system.attest(b.address, c.group);
    await refused(b, ub, "GroupChanged", system.contracts.campaigns);
    await system.done(system.as(c.signer).stake.unbond(await system.contracts.stake.freeOf(c.address)));
    await refused(c, uc, "InsufficientFreeStake", system.contracts.stake);
  });

  it("consent withdrawn before the submission refuses it; a proof for another consent epoch is for another context", async () => {
    const member = members[0]!;
    const made = await system.update(round, member);
    const { consentEpoch } = await system.updateContext(round, member);
    const stale = await system.update(round, member, { context: { consentEpoch: consentEpoch - 1n } });
    await refused(member, stale, "ProofRejected");
    // Grants withdrawn as a whole; one that names them again takes effect after a day only.
    const consent = system.as(member.signer).consent;
    const [root] = await system.contracts.consent.grantRootOf(member.dataset, 1);
    await system.done(consent.setGrants(member.dataset, ZeroHash, 0n, false));
    await refused(member, made, "NoGrants", system.contracts.consent);
    await system.done(consent.setGrants(member.dataset, root, 95n, false));
    await refused(member, made, "GrantsNotEffective", system.contracts.consent);
  });

  it("[attack 43] a bond inside its window cannot be unbonded", async () => {
    await system.submit(round, members[0]!);
    const stake = system.as(members[0]!.signer).stake;
    await expect(stake.unbond(await stake.activeOf(members[0]!.address))).to.be.revertedWithCustomError(
      stake,
      "InsufficientFreeStake",
    );
  });

  it("[attack 84] the deadline's last second is the member's, the next nobody's", async () => {
    const [first, second] = [await system.update(round, members[0]!), await system.update(round, members[1]!)];
    const { commitUntil } = await system.contracts.rounds.get(round);
    await expect(system.contracts.rounds.endCommit(round)).to.be.revertedWithCustomError(
      system.contracts.rounds,
      "TooEarly",
    );
    await system.time.setNextBlockTimestamp(commitUntil);
    await system.submit(round, members[0]!, first);
    await system.time.setNextBlockTimestamp(commitUntil + 1n);
    await refused(members[1]!, second, "TooLate");
  });

  it("[attack 98] parameters changed under a live round change nothing in it", async () => {
    const before = await system.contracts.campaigns.pricesOf(campaign);
    await system.done(system.contracts.parameters.set({ ...parameters, minBond: units(500), protocolFeeBps: 500n }));
    await system.submit(round, members[0]!);
    expect(await system.contracts.stake.lockedOf(members[0]!.address)).to.equal(before.bond);
    expect((await system.contracts.campaigns.get(campaign)).protocolFeeBps).to.equal(200n);
  });

  it("[attack 148] entries paused: a round goes on, no new one opens", async () => {
    await system.done(system.contracts.parameters.pauseEntries(86_400));
    await system.submit(round, members[0]!);
    await expect(system.contracts.rounds.openRound(campaign)).to.be.revertedWithCustomError(
      system.contracts.parameters,
      "EntriesArePaused",
    );
  });

  it("[attack 160] a verifier retired in mid-round refuses every proof and ends the round without blame", async () => {
    const made = await system.update(round, members[0]!);
    await system.submit(round, members[1]!);
    await system.done(system.contracts.verifiers.retire(system.deployment.verifiers.update![N]!));
    await refused(members[0]!, made, "VerifierIsRetired", system.contracts.verifiers);
    await system.done(system.contracts.settlement.fail(round));
    expect(await system.contracts.rounds.stateOf(round)).to.equal(8n);
    expect((await system.contracts.campaigns.get(campaign)).liveRound).to.equal(0n);
  });
});
