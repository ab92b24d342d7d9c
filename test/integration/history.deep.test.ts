import { expect } from "chai";
import { JsonRpcProvider, id } from "ethers";
import { type Comparison, compareWithChain, differencesOf, type History, startIndexer } from "@mednexus/indexer";
import { entityNames } from "@mednexus/indexer/history";
import { startSubgraph } from "@mednexus/subgraph";
import { type Economy, deployEconomy } from "../fixtures/economy.ts";
import { LARGE, HOSTILE_TEXT, deploymentOf, firstChapter, secondChapter } from "../fixtures/history.ts";
import { serveRpc } from "../fixtures/rpc.ts";

/** P11: both indexers equal the chain, entity by entity, for a chain that was there before them and one that goes on under them. */
describe("history: Ponder and graph-node on one chain", function () {
  this.timeout(280_000);

  let economy: Economy;
  let rpc: Awaited<ReturnType<typeof serveRpc>>;
  let provider: JsonRpcProvider;
  let indexer: History;
  let subgraph: History;
  let deployment: Awaited<ReturnType<typeof deploymentOf>>;
  let head: number;

  before(async () => {
    economy = await deployEconomy();
    rpc = await serveRpc(economy.connection.provider);
    provider = new JsonRpcProvider(rpc.rpcUrl, undefined, { staticNetwork: true, cacheTimeout: -1 });
    deployment = await deploymentOf(economy);
    await firstChapter(economy);
    const started = Date.now();
    const after = (): string => `${((Date.now() - started) / 1000).toFixed(1)} s`;
    const graph = await startSubgraph({ rpcUrl: rpc.rpcUrl, deployment });
    console.log(`      graph-node listens after ${after()} (mappings compiled and Postgres started with it)`);
    if ("unavailable" in graph) throw new Error(graph.reason);
    subgraph = graph;
    const again = Date.now();
    indexer = await startIndexer({ rpcUrl: rpc.rpcUrl, deployment });
    console.log(`      Ponder listens after ${((Date.now() - again) / 1000).toFixed(1)} s`);
  });

  after(async () => {
    await Promise.all([indexer?.stop(), subgraph?.stop()]);
    provider?.destroy();
    await rpc?.close();
    await economy?.connection.close();
  });

  async function synced(): Promise<Comparison> {
    head = await provider.getBlockNumber();
    await Promise.all([indexer.waitForBlock(head), subgraph.waitForBlock(head)]);
    return compareWithChain(provider, deployment, indexer, head);
  }

  async function expectTwins(): Promise<void> {
    for (const entity of entityNames) {
      const [ponder, graph] = await Promise.all([indexer.rows(entity), subgraph.rows(entity)]);
      expect(differencesOf(entity, ponder, graph, "Ponder"), "P11").to.deep.equal([]);
    }
  }

  it("P11 a chain that is already there: rows equal logs and views, subgraph equals Ponder", async () => {
    const comparison = await synced();
    expect(comparison.differences, "P11").to.deep.equal([]);
    expect(comparison.equalToChain).to.equal(true);
    for (const entity of [
      "institution",
      "attestation",
      "datasetVersion",
      "revocation",
      "model",
      "vaultMove",
      "slashing",
    ])
      expect(comparison.counts[entity], entity).to.be.greaterThan(0);
    await expectTwins();
  });

  it("P11 a chain that goes on: live blocks arrive in both", async () => {
    await secondChapter(economy);
    const comparison = await synced();
    expect(comparison.differences, "P11").to.deep.equal([]);
    await expectTwins();
  });

  it("[attack 131] an amount far over 2^53 is exact to the last digit in both", async () => {
    for (const history of [indexer, subgraph]) {
      const amounts = [...(await history.rows("vaultMove")).values()].map((row) => row["amount"]);
      expect(amounts).to.include(LARGE);
    }
  });

  it("text with NUL, quotes and invalid UTF-8 stops neither and reads the same", async () => {
    for (const history of [indexer, subgraph]) {
      const endpoints = [...(await history.rows("institution")).values()].map((row) => row["endpoint"]);
      expect(endpoints).to.include(HOSTILE_TEXT.replaceAll("\0", ""));
    }
  });

  it("an event that an indexer never saw is noticed", async () => {
    // A history that begins one block late: what the first block of events wrote is missing or wrong.
    const topics = [id("AdmitterListed(address,bool)")];
    const [first] = await provider.getLogs({ address: deployment.addresses.institutions, fromBlock: 0, topics });
    const late = await startIndexer({
      rpcUrl: rpc.rpcUrl,
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
      const response = await fetch(indexer.url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ query }),
      });
      const text = await response.text();
      expect(response.status === 413 || text.includes('"errors"'), `${name}: ${text.slice(0, 200)}`).to.equal(true);
    }
    expect((await indexer.rows("institution")).size).to.be.greaterThan(0);
    const graph = await fetch(subgraph.url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query: "{ rounds(first: 1000000) { id } }" }),
    });
    expect(await graph.text()).to.include('"errors"');
  });
});
