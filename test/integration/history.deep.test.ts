import { expect } from "chai";
import { id } from "ethers";
import { compareWithChain, startIndexer } from "@mednexus/indexer";
import { type Economy, deployEconomy } from "../fixtures/economy.ts";
import { HOSTILE_TEXT, LARGE, deploymentOf, firstChapter, roundChapter, secondChapter } from "../fixtures/history.ts";
import { marketChapter, quarrelChapter } from "../fixtures/chapters.ts";
import { type Market, deployMarket } from "../fixtures/market.ts";
import { type System, deploySystem } from "../fixtures/system.ts";
import { serveRpc, truncating } from "../fixtures/rpc.ts";
import { Twins, graphNode } from "../fixtures/twins.ts";

/** P11: both indexers equal the chain, entity by entity, for a chain that was there before them and one that goes on under them. */
describe("history of institutions, data and money: Ponder and graph-node on one chain", function () {
  this.timeout(1_800_000);

  let economy: Economy;
  let twins: Twins;

  before(async () => {
    economy = await deployEconomy();
    const deployment = await deploymentOf(economy);
    await firstChapter(economy);
    twins = await Twins.start(economy.connection.provider, deployment);
  });

  after(async () => {
    await twins?.stop();
    await economy?.connection.close();
  });

  it("P11 a chain that is already there: rows equal logs and views, subgraph equals Ponder", async () => {
    const { counts } = await twins.expectEqual();
    for (const entity of [
      "institution",
      "attestation",
      "datasetVersion",
      "revocation",
      "model",
      "vaultMove",
      "slashing",
    ])
      expect(counts[entity], entity).to.be.greaterThan(0);
  });

  it("P11 a chain that goes on: live blocks arrive in both", async () => {
    await secondChapter(economy);
    await twins.expectEqual();
  });

  it("[attack 131] an amount far over 2^53 is exact to the last digit in both", async () => {
    for (const history of [twins.indexer, twins.subgraph]) {
      const amounts = [...(await history.rows("vaultMove")).values()].map((row) => row["amount"]);
      expect(amounts).to.include(LARGE);
    }
  });

  it("text with NUL, quotes and invalid UTF-8 stops neither and reads the same", async () => {
    for (const history of [twins.indexer, twins.subgraph]) {
      const endpoints = [...(await history.rows("institution")).values()].map((row) => row["endpoint"]);
      expect(endpoints).to.include(HOSTILE_TEXT.replaceAll("\0", ""));
    }
  });

  it("an event that an indexer never saw is noticed", async () => {
    // A history that begins one block late: what the first block of events wrote is missing or wrong.
    const { deployment, provider, rpcUrl, head } = twins;
    const topics = [id("AdmitterListed(address,bool)")];
    const [first] = await provider.getLogs({ address: deployment.addresses.institutions, fromBlock: 0, topics });
    const late = await startIndexer({
      rpcUrl,
      deployment: { ...deployment, startBlock: first!.blockNumber + 1 },
    });
    try {
      await late.waitForBlock(head);
      const comparison = await compareWithChain(provider, deployment, late, head);
      expect(comparison.equalToChain).to.equal(false);
      expect(
        comparison.differences.some((d) => /^admitter 0x\w+: missing/.test(d)),
        comparison.differences.join("\n"),
      ).to.equal(true);
    } finally {
      await late.stop();
    }
  });

  it("[attack 130] a node whose lists of logs end early: both believe it, and the comparison notices in both", async () => {
    const { deployment, provider, head } = twins;
    const liar = await serveRpc(truncating(economy.connection.provider));
    try {
      for (const start of [
        () => startIndexer({ rpcUrl: liar.rpcUrl, deployment }),
        () => graphNode(liar.rpcUrl, deployment),
      ]) {
        const history = await start();
        try {
          await history.waitForBlock(head);
          const { equalToChain, differences } = await compareWithChain(provider, deployment, history, head);
          expect(equalToChain).to.equal(false);
          expect(
            differences.filter((line) => line.includes(": missing, though the chain's logs has it")),
          ).to.not.deep.equal([]);
        } finally {
          await history.stop();
        }
      }
    } finally {
      await liar.close();
    }
  });

  it("[attack 132] a depth bomb, a token bomb, an alias bomb and a large body are refused, and the server lives", async () => {
    const nested = (depth: number): string =>
      `{ __schema { types ${"{ fields { type ".repeat(depth)}{ name }${" } }".repeat(depth)} } }`;
    const bombs: Record<string, string> = {
      depth: nested(20),
      tokens: `{ rounds { items { ${"id ".repeat(2_000)} } } }`,
      aliases: `{ ${Array.from({ length: 40 }, (_, i) => `a${i}: rounds { totalCount }`).join(" ")} }`,
      body: `{ rounds { totalCount } } #${"x".repeat(100_000)}`,
      page: "{ rounds(limit: 1000000) { items { id } } }",
    };
    for (const [name, query] of Object.entries(bombs)) {
      const response = await fetch(twins.indexer.url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ query }),
      });
      const text = await response.text();
      expect(response.status === 413 || text.includes('"errors"'), `${name}: ${text.slice(0, 200)}`).to.equal(true);
    }
    expect((await twins.indexer.rows("institution")).size).to.be.greaterThan(0);
    const graph = await fetch(twins.subgraph.url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query: "{ rounds(first: 1000000) { id } }" }),
    });
    expect(await graph.text()).to.include('"errors"');
  });
});

describe("history of rounds: Ponder and graph-node on one chain", function () {
  this.timeout(1_800_000);

  let system: System;
  let twins: Twins;

  before(async () => {
    system = await deploySystem();
    twins = await Twins.start(system.connection.provider, system.deployment);
  });

  after(async () => {
    await twins?.stop();
    await system?.connection.close();
  });

  it("P11 a training round up to its sums, a statistics round paid out, a round that failed", async () => {
    await roundChapter(system);
    const { counts } = await twins.expectEqual();
    for (const entity of [
      "campaign",
      "enrolment",
      "poolNode",
      "round",
      "memberUpdate",
      "seat",
      "sum",
      "demand",
      "claim",
      "tip",
      "modelVersion",
    ])
      expect(counts[entity], entity).to.be.greaterThan(0);
    const states = [...(await twins.indexer.rows("round")).values()].map(
      (round) => `${round["state"]} ${round["outcome"]}`,
    );
    expect(states).to.have.members(["Summed ", "Closed statistics", "FailedEarly failed"]);
    const updates = [...(await twins.indexer.rows("memberUpdate")).values()];
    expect(updates.filter((update) => update["included"]).length).to.equal(6);
  });

  it("P11 quarrels: complaints of both kinds, a defended share, sums proved, faulted and spoken against, rounds finalized and closed unproven", async () => {
    await quarrelChapter(system);
    const { counts } = await twins.expectEqual();
    for (const entity of ["complaint", "equivocation"]) expect(counts[entity], entity).to.be.greaterThan(0);
    const outcomes = [...(await twins.indexer.rows("round")).values()].map((round) => round["outcome"]);
    expect(outcomes).to.include.members(["finalized", "unproven"]);
  });
});

describe("history of a market: Ponder and graph-node on one chain", function () {
  this.timeout(1_800_000);

  let market: Market;
  let twins: Twins;

  before(async () => {
    market = await deployMarket();
    await marketChapter(market);
    twins = await Twins.start(market.system.connection.provider, market.system.deployment);
  });

  after(async () => {
    await twins?.stop();
    await market?.system.connection.close();
  });

  it("P11 licences, jobs proved, attested, refuted and lost, attestors, a sealed model and its spec", async () => {
    const { counts } = await twins.expectEqual();
    for (const entity of [
      "licenseOffer",
      "license",
      "licenseDelegate",
      "hookFailure",
      "job",
      "jobLock",
      "refutation",
      "receipt",
      "receiptRefusal",
      "receiptTree",
      "challengeCommitment",
      "feeSweep",
      "attestor",
      "seal",
      "modelSpec",
    ])
      expect(counts[entity], entity).to.be.greaterThan(0);
  });
});
