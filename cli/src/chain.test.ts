import { expect } from "chai";
import type { JsonRpcProvider } from "ethers";
import type { Deployment } from "@mednexus/sdk";
import { serveRpc } from "../../test/fixtures/rpc.ts";
import { onChain } from "./chain.ts";

describe("The chain of a deployment", () => {
  let rpc: Awaited<ReturnType<typeof serveRpc>>;
  before(async () => (rpc = await serveRpc({ request: async () => "0x7a69" })));
  after(() => rpc.close());
  const on = (chainId: number) => ({ chainId }) as Deployment;

  it("is acted on, and its endpoint closed afterwards, also when that fails", async () => {
    const used: JsonRpcProvider[] = [];
    const value = await onChain(rpc.rpcUrl, on(31337), async (provider) => used.push(provider));
    expect(value).to.equal(1);
    const failed = await onChain(rpc.rpcUrl, on(31337), async (provider) => {
      used.push(provider);
      throw new Error("broken");
    }).catch((error: Error) => error.message);
    expect(failed).to.equal("broken");
    expect(used.map(({ destroyed }) => destroyed)).to.deep.equal([true, true]);
  });

  it("is no other: nothing is done on a wrong one, or on none", async () => {
    const codeOf = (url: string, chainId: number): Promise<unknown> =>
      onChain(url, on(chainId), async () => "done").catch((error: { code?: string }) => error.code);
    expect(await codeOf(rpc.rpcUrl, 1)).to.equal("WRONG_CHAIN");
    expect(await codeOf("http://127.0.0.1:1", 31337)).to.equal("RPC_FAILED");
  });
});
