import { expect } from "chai";
import { AbiCoder, encodeBytes32String, id, keccak256, type Signer, toBeHex } from "ethers";
import {
  DAY,
  defaultTerms,
  deploySystem,
  parameters,
  type System,
  type Terms,
  type TermsChange,
  units,
} from "../../fixtures/system.ts";

describe("CampaignRegistry: open, cancel, end", () => {
  let system: System;
  let model: bigint;
  let snapshot: { restore(): Promise<void> };

  before(async () => {
    system = await deploySystem();
    model = await system.model();
    snapshot = await system.connection.networkHelpers.takeSnapshot();
  });
  afterEach(() => snapshot.restore());

  const campaigns = () => system.contracts.campaigns;
  const send = async (
    terms: Terms,
    approval?: { nonce: bigint; deadline: bigint; signature: string },
    sponsor: Signer = system.sponsor,
  ) => {
    const { nonce, deadline, signature } = approval ?? (await system.approval(terms));
    return system.as(sponsor).campaigns.open(terms, system.deployment.token, nonce, deadline, signature);
  };
  const held = (campaign: bigint) =>
    system.contracts.vault.heldOf(
      system.deployment.token,
      id("mednexus.purpose.campaign"),
      "0x" + campaign.toString(16).padStart(64, "0"),
    );

  it("P4 escrows rounds × (pools + fee + 3 tips + royalty + protocol fee), to the unit, and returns it whole", async () => {
    const terms = await system.terms({ model });
    const campaign = await system.open(terms);
    const base = units(300 + 90 + 60);
    const cost = base + 3n * units(2) + (base * 500n) / 10_000n + (base * 200n) / 10_000n;
    expect((await campaigns().get(campaign)).roundCost).to.equal(cost);
    expect(await held(campaign)).to.equal(3n * cost);
    const stored = await campaigns().termsOf(campaign);
    const fragment = campaigns().interface.getFunction("open").inputs[0]!;
    const hash = keccak256(AbiCoder.defaultAbiCoder().encode([fragment], [terms]));
    expect(keccak256(AbiCoder.defaultAbiCoder().encode([fragment], [stored]))).to.equal(hash);
    expect(await campaigns().termsHashOf(campaign)).to.equal(hash);
    await system.done(system.as(system.sponsor).campaigns.cancel(campaign));
    expect(await held(campaign)).to.equal(0n);
    expect(await system.contracts.vault.creditOf(system.deployment.token, await system.sponsor.getAddress())).to.equal(
      3n * cost,
    );
    expect(await system.contracts.versions.campaignOf(model)).to.equal(0n);
  });

  it("reads single terms at their places in the encoding", async () => {
    // Every value differs from every other: a wrong place cannot go unseen.
    const windows = Object.fromEntries(
      Object.entries((await system.terms()).windows).map(([name, value], i) => [name, value + BigInt(i)]),
    );
    const prices = Object.fromEntries(
      Object.entries((await system.terms()).prices).map(([name, value], i) => [name, value + BigInt(i)]),
    );
    const campaign = await system.open(await system.terms({ model, windows, prices, cap: 999n, lambdaF: 65_537n }));
    const terms = await campaigns().termsOf(campaign);
    expect([...(await campaigns().windowsOf(campaign))]).to.deep.equal([...terms.windows]);
    expect([...(await campaigns().pricesOf(campaign))]).to.deep.equal([...terms.prices]);
    expect([...(await campaigns().weightsOf(campaign))]).to.deep.equal([999n, 65_537n, 1n << 16n]);
  });

  it("keeps every part of the terms: two admitters, a named committee, no two windows or prices alike", async () => {
    const second = await system.signers[6]!.getAddress();
    await system.done(system.contracts.institutions.listAdmitter(second, true));
    const [draw, ...others] = Object.keys(defaultTerms.windows) as (keyof Terms["windows"])[];
    const windows = Object.fromEntries(others.map((name, i) => [name, 1_000n + BigInt(i)]));
    const committee = [0xa1n, 0xb2n, 0xc3n].map((account) => toBeHex(account, 20));
    const terms = await system.terms({
      model,
      drawDelay: 0n,
      committee,
      admitters: [await system.admitter.getAddress(), second],
      windows: { ...windows, [draw!]: 999n, close: 30n * DAY },
      prices: { bond: units(21), nodeLock: units(41), showUpFee: units(4) },
      purpose: { modifiers: 3n, region: id("region"), project: id("project"), disease: id("disease") },
    });
    const stored = await campaigns().termsOf(await system.open(terms));
    const fragment = campaigns().interface.getFunction("open").inputs[0]!;
    const encoded = (value: unknown) => AbiCoder.defaultAbiCoder().encode([fragment], [value]);
    expect(encoded(stored)).to.equal(encoded(terms));
  });

  const bad: [string, string, TermsChange][] = [
    ["no rounds", "rounds", { rounds: 0n }],
    ["257 members", "members", { maxMembers: 257n }],
    ["two members unless a pair", "participants", { minParticipants: 2n }],
    ["a minimum above the maximum", "participants", { minParticipants: 9n }],
    ["a pair of three", "pair", { pair: true, minParticipants: 2n, maxMembers: 3n }],
    ["statistics of two", "statistics", { kind: 1n, pair: true, minParticipants: 2n, maxMembers: 2n, model: 0n }],
    ["a share that equal weights exceed", "share", { maxShareBps: 3_333n }],
    ["a share above the whole", "share", { maxShareBps: 10_001n }],
    ["threshold 0", "threshold", { threshold: 0n }],
    ["t + 1 > S", "threshold", { threshold: 3n }],
    ["S < 2t + 1", "threshold", { nodes: 4n, threshold: 2n }],
    ["S = 2 unless a pair", "threshold", { nodes: 2n }],
    ["too many nodes", "nodes", { nodes: 16n }],
    ["no admitter", "admitters", { admitters: [] }],
    ["an admitter that is not listed", "admitters", { admitters: ["0x00000000000000000000000000000000000000a1"] }],
    ["a named committee beside a draw", "committee", { committee: ["0x00000000000000000000000000000000000000a1"] }],
    ["no committee and no draw", "committee", { drawDelay: 0n }],
    ["cap 0", "cap", { cap: 0n }],
    ["weights whose sum leaves 64 bits", "cap", { cap: 1n << 56n }],
    ["B 0", "norm", { normBound: 0n }],
    ["[attack 6] B² of 64 bits and more", "norm", { normBound: 1n << 32n }],
    ["λ 0", "lambda", { lambdaF: 0n }],
    ["λ_t beyond 64 bits", "lambda", { lambdaF: 1n << 60n, cap: 16n }],
    ["λ in statistics", "lambda", { kind: 1n, lambdaF: 1n, model: 0n }],
    ["training without a model", "model", { model: 0n }],
    ["a window below the minimum", "window", { windows: { reveal: parameters.minWindow - 1n } }],
    ["dispute windows above their sum", "disputeWindows", { windows: { commit: parameters.maxDisputeWindows } }],
    ["closing before ramp and unbonding are over", "close", { windows: { close: 7_200n + parameters.unbonding - 1n } }],
    ["a fee that falls", "proverFee", { prices: { proverFeeMin: units(61) } }],
    ["a prover's fee in statistics", "proverFee", { kind: 1n, model: 0n, prices: { proverFeeMax: 1n } }],
    ["show-up fees above the data pool", "showUpFee", { prices: { showUpFee: units(300) / 8n + 1n } }],
    ["a bond below the minimum", "bond", { prices: { bond: parameters.minBond - 1n } }],
    ["a lock below the minimum", "nodeLock", { prices: { nodeLock: parameters.minNodeLock - 1n } }],
    [
      "a complaint bond below the minimum",
      "complaintBond",
      { prices: { complaintBond: parameters.minComplaintBond - 1n } },
    ],
    ["prices beyond 128 bits", "prices", { prices: { dataPool: (1n << 128n) - 1n, committeePool: (1n << 128n) - 1n } }],
    ["another's name in the purpose", "user", { purpose: { user: "0x00000000000000000000000000000000000000a1" } }],
    ["an aggregate verifier for updates", "verifier", { updateVerifier: 2n }],
    ["an update verifier for aggregates", "verifier", { aggregateVerifier: 1n }],
  ];
  for (const [what, reason, change] of bad)
    it(`refuses ${what}: ${reason}`, async () => {
      const terms = await system.terms({ model, ...change });
      await expect(send(terms))
        .to.be.revertedWithCustomError(campaigns(), "BadTerms")
        .withArgs(encodeBytes32String(reason));
    });

  it("refuses another token, a retired verifier, a growth beyond 2^60", async () => {
    const terms = await system.terms({ model });
    const { nonce, deadline, signature } = await system.approval(terms);
    const other = await system.ethers.deployContract("TestStablecoin");
    await expect(system.as(system.sponsor).campaigns.open(terms, await other.getAddress(), nonce, deadline, signature))
      .to.be.revertedWithCustomError(campaigns(), "BadTerms")
      .withArgs(encodeBytes32String("token"));
    const growing = await system.terms({ model, lambdaF: 1n << 40n, normBound: 1n << 20n, rounds: 1n });
    await expect(send(growing)).to.be.revertedWithCustomError(system.contracts.versions, "BoundExceeded");
    await system.done(system.contracts.verifiers.retire(1));
    await expect(send(terms))
      .to.be.revertedWithCustomError(campaigns(), "BadTerms")
      .withArgs(encodeBytes32String("verifier"));
  });

  it("[attack 145] a rival campaign on one model waits until the first is over", async () => {
    const campaign = await system.open(await system.terms({ model }));
    await expect(send(await system.terms({ model }))).to.be.revertedWithCustomError(
      system.contracts.versions,
      "CampaignLive",
    );
    await system.done(system.as(system.sponsor).campaigns.cancel(campaign));
    await system.open(await system.terms({ model }));
  });

  it("[attack 145] cancel: the sponsor between rounds; anybody once the campaign has idled for the unbonding time", async () => {
    const { campaign } = await system.campaign({ terms: { model } });
    const stranger = system.as(system.admitter).campaigns;
    await expect(stranger.cancel(campaign)).to.be.revertedWithCustomError(stranger, "NotSponsor");
    await expect(stranger.end(campaign)).to.be.revertedWithCustomError(stranger, "RoundsLeft");
    await system.openRound(campaign);
    await expect(system.as(system.sponsor).campaigns.cancel(campaign)).to.be.revertedWithCustomError(
      stranger,
      "RoundLive",
    );
    await system.pass(3_700n);
    await system.done(system.contracts.settlement.fail(1n));
    await system.pass(parameters.unbonding - DAY);
    await expect(stranger.cancel(campaign)).to.be.revertedWithCustomError(stranger, "NotSponsor");
    await system.pass(DAY + 1n);
    await system.done(stranger.cancel(campaign));
    expect(await system.contracts.versions.campaignOf(model)).to.equal(0n);
    expect(await held(campaign)).to.equal(0n);
  });

  it("ends once its rounds are used; entries paused: no new campaign", async () => {
    const { campaign } = await system.campaign({ terms: { model, rounds: 1n } });
    const round = await system.openRound(campaign);
    await system.pass(3_700n);
    await system.done(system.contracts.settlement.fail(round));
    await expect(system.contracts.rounds.openRound(campaign)).to.be.revertedWithCustomError(
      campaigns(),
      "NoRoundsLeft",
    );
    await system.done(campaigns().end(campaign));
    await expect(system.contracts.rounds.openRound(campaign)).to.be.revertedWithCustomError(
      campaigns(),
      "CampaignNotLive",
    );
    await system.done(system.contracts.parameters.pauseEntries(3_600));
    await expect(send(await system.terms({ model }))).to.be.revertedWithCustomError(
      system.contracts.parameters,
      "EntriesArePaused",
    );
  });

  it("only the round modules reserve and close rounds", async () => {
    const campaign = await system.open(await system.terms({ model }));
    const own = system.as(system.sponsor).campaigns;
    await expect(own.reserveRound(campaign, 1n)).to.be.revertedWithCustomError(own, "OnlyModule");
    await expect(own.roundOver(campaign, 1n)).to.be.revertedWithCustomError(own, "OnlyModule");
  });
});
