/** Which event kinds of the history's description the fixtures bring about: what never occurs there, the comparisons of both indexers with the chain never see (P11). */
import { ruledEvents } from "@mednexus/indexer/history";
import { CONTRACT_ABI, type Deployment } from "@mednexus/sdk";
import { expect } from "chai";
import { Interface } from "ethers";
import { marketChapter, quarrelChapter } from "../fixtures/chapters.ts";
import { deployEconomy } from "../fixtures/economy.ts";
import { deploymentOf, firstChapter, roundChapter, secondChapter } from "../fixtures/history.ts";
import { deployMarket } from "../fixtures/market.ts";
import { deploySystem } from "../fixtures/system.ts";

interface Chain {
  getLogs(filter: { address: string; fromBlock: number }): Promise<readonly { readonly topics: readonly string[] }[]>;
}

/** contract.event of everything that a chain's deployment has said. */
async function occurring(chain: Chain, { addresses }: Deployment): Promise<string[]> {
  const found = await Promise.all(
    Object.entries(addresses).map(async ([name, address]) => {
      const abi = new Interface(CONTRACT_ABI[name as keyof typeof CONTRACT_ABI]);
      const logs = await chain.getLogs({ address, fromBlock: 0 });
      const heads = new Set(logs.map(({ topics }) => topics[0]!));
      return [...heads].flatMap((topic) => {
        const event = abi.getEvent(topic);
        return event === null ? [] : [`${name}.${event.name}`];
      });
    }),
  );
  return found.flat();
}

describe("history: what the fixtures bring about", function () {
  this.timeout(300_000);

  it("every event kind of the description: one that never occurs is named", async () => {
    const economy = await deployEconomy();
    const deployment = await deploymentOf(economy);
    await firstChapter(economy);
    await secondChapter(economy);
    const system = await deploySystem();
    await roundChapter(system);
    await quarrelChapter(system);
    const market = await deployMarket();
    await marketChapter(market);
    const seen = new Set([
      ...(await occurring(economy.ethers.provider, deployment)),
      ...(await occurring(system.ethers.provider as never, system.deployment)),
      ...(await occurring(market.system.ethers.provider as never, market.system.deployment)),
    ]);
    for (const { connection } of [economy, system, market.system]) await connection.close();
    const missing = [...ruledEvents()]
      .map(([contract, { name }]) => `${contract}.${name}`)
      .filter((kind) => !seen.has(kind));
    expect(missing).to.deep.equal([]);
  });
});
