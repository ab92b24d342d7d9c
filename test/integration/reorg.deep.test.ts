import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { JsonRpcProvider } from "ethers";
import { compareWithChain, type History, PATIENCE_MS, startIndexer } from "@mednexus/indexer";
import type { Deployment } from "@mednexus/sdk";
import { type Postgres, startPostgres } from "@mednexus/subgraph";
import { deployEconomy, type Economy } from "../fixtures/economy.ts";
import { deploymentOf, firstChapter, otherChapter, secondChapter } from "../fixtures/history.ts";
import { serveRpc } from "../fixtures/rpc.ts";
import { differencesOfTwins, graphNode } from "../fixtures/twins.ts";
import { seededInt, seededRandom, testSeed } from "../vectors/seeded.ts";

/** Ponder's finality on a chain id that it does not know: deeper it does not go back. */
const FINALITY = 30;

/** A chain that can forget its last blocks, and indexers that have already believed them. */
describe("a chain that reorganises under its indexers", function () {
  this.timeout(10 * PATIENCE_MS);

  const seed = testSeed();
  const random = seededRandom(seed);
  let economy: Economy;
  let deployment: Deployment;
  let rpc: Awaited<ReturnType<typeof serveRpc>>;
  let provider: JsonRpcProvider;
  let folder: string;
  const running = new Set<History>();

  beforeEach(async () => {
    economy = await deployEconomy();
    deployment = await deploymentOf(economy);
    await firstChapter(economy);
    rpc = await serveRpc(economy.connection.provider);
    provider = new JsonRpcProvider(rpc.rpcUrl, undefined, { staticNetwork: true, cacheTimeout: -1 });
    folder = mkdtempSync(join(tmpdir(), "mednexus-reorg-"));
    chmodSync(folder, 0o755); // Postgres may run as another user
  });
  afterEach(async () => {
    await Promise.all([...running].map((history) => history.stop()));
    running.clear();
    provider.destroy();
    await rpc.close();
    await economy.connection.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const started = async (starting: Promise<History>): Promise<History> => {
    const history = await starting;
    running.add(history);
    return history;
  };
  const ponder = (options: { dataDir?: string; databaseUrl?: string } = {}): Promise<History> =>
    started(startIndexer({ rpcUrl: rpc.rpcUrl, deployment, ...options }));
  const crash = async (history: History): Promise<void> => {
    await history.stop("SIGKILL");
    running.delete(history);
  };
  const request = <T>(method: string, ...params: unknown[]): Promise<T> =>
    economy.connection.provider.request({ method, params }) as Promise<T>;
  const height = (): Promise<number> => provider.getBlockNumber();
  /** One by one: blocks mined together do not link, and would look like a reorganisation themselves. */
  const mine = async (blocks: number): Promise<void> => {
    for (let i = 0; i < blocks; i++) await request("evm_mine");
  };
  const differences = async (history: History): Promise<readonly string[]> =>
    (await compareWithChain(provider, deployment, history)).differences;
  /** Until the rows are the chain's, whatever a process says about how far it is. */
  async function equal(what: string, differing: () => Promise<readonly string[]>): Promise<void> {
    let last: readonly string[] = ["never compared"];
    for (const end = Date.now() + PATIENCE_MS; Date.now() < end;) {
      last = await differing().catch((cause: Error) => [cause.message]);
      if (last.length === 0) return;
      await new Promise((done) => setTimeout(done, 500));
    }
    expect.fail(`${what}: ${last.length} differences, ${last.slice(0, 10).join("\n")}`);
  }

  it("[attack 127] under running indexers, to a longer and to a shorter chain: the rows are the new chain's", async () => {
    const indexer = await ponder();
    const subgraph = await started(graphNode(rpc.rpcUrl, deployment));
    const both = async (what: string): Promise<void> => {
      await equal(`Ponder, ${what}`, () => differences(indexer));
      await equal(`graph-node, ${what}`, () => differencesOfTwins(indexer, subgraph));
    };
    await both("before");

    let fork = await request<string>("evm_snapshot");
    await secondChapter(economy);
    const abandoned = await height();
    await both("the chain that will be abandoned");
    const carol = economy.carol.address.toLowerCase();
    expect((await indexer.rows("institution")).has(carol)).to.equal(true);
    await request("evm_revert", fork);
    fork = await request("evm_snapshot");
    await otherChapter(economy);
    await mine(abandoned + 1 - (await height()));
    await both("a longer chain");
    expect((await indexer.rows("institution")).has(carol)).to.equal(false);
    expect((await subgraph.rows("institution")).has(carol)).to.equal(false);

    await request("evm_revert", fork);
    await secondChapter(economy);
    expect(await height(), "a shorter chain").to.be.lessThan(abandoned + 1);
    await equal("Ponder, back again", () => differences(indexer));
    // graph-node looks again once the chain is longer than the one it believed.
    await mine(abandoned + 2 - (await height()));
    await both("back again and longer");
  });

  describe("Ponder on Postgres", () => {
    let postgres: Postgres;
    let options: { dataDir: string; databaseUrl: string };

    beforeEach(async () => {
      mkdirSync(join(folder, "ponder"));
      postgres = await startPostgres(join(folder, "postgres"));
      options = { dataDir: join(folder, "ponder"), databaseUrl: postgres.url };
    });
    afterEach(() => postgres?.stop());

    it("P11 the same history, killed at seeded moments and started again", async () => {
      console.log(`      seed ${seed}`);
      const moments: bigint[] = [];
      for (const chapter of [secondChapter, undefined, undefined]) {
        const indexer = await ponder(options);
        await chapter?.(economy);
        const moment = seededInt(random, 0n, 1_500n);
        moments.push(moment);
        await new Promise((done) => setTimeout(done, Number(moment)));
        await crash(indexer);
      }
      const indexer = await ponder(options);
      await equal(`killed after ${moments.join(", ")} ms`, () => differences(indexer));
      await crash(indexer);
      await otherChapter(economy);
      const again = await ponder(options);
      await equal("the chain went on while it was down", () => differences(again));
    });

    it("[attack 127] while it is down: the rows are the new chain's", async () => {
      const indexer = await ponder(options);
      const fork = await request<string>("evm_snapshot");
      await secondChapter(economy);
      await equal("before", () => differences(indexer));
      await crash(indexer);
      await request("evm_revert", fork);
      await otherChapter(economy);
      const again = await ponder(options);
      await equal("after", () => differences(again));
      expect((await again.rows("institution")).has(economy.carol.address.toLowerCase())).to.equal(false);
    });

    it("[attack 128] deeper than finality: not recovered, noticed by the comparison; a fresh database is right", async () => {
      const indexer = await ponder(options);
      const fork = await request<string>("evm_snapshot");
      await secondChapter(economy);
      await mine(2 * FINALITY);
      const abandoned = await height();
      await indexer.waitForBlock(abandoned);
      await equal("before", () => differences(indexer));
      await request("evm_revert", fork);
      await otherChapter(economy);
      await mine(abandoned + 5 - (await height()));

      const head = await height();
      const stuck = await indexer.waitForBlock(head, 10_000).catch((error: { code: string }) => error.code);
      expect(stuck).to.equal("INDEXER_BEHIND");
      expect(await differences(indexer)).to.not.deep.equal([]);
      await crash(indexer);
      // Its database is believed again, and what the chain has forgotten is in it.
      const again = await ponder(options);
      await again.waitForBlock(head);
      const carol = economy.carol.address.toLowerCase();
      expect(await differences(again)).to.include(`institution ${carol}: unknown to the chain's logs`);
      const fresh = await ponder();
      await equal("a fresh database", () => differences(fresh));
    });
  });
});
