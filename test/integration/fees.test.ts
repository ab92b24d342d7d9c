import { expect } from "chai";
import type { Contract } from "ethers";
import hre from "hardhat";
import { execute, type Executed } from "@mednexus/sdk";
import TestStablecoin from "../../deploy/modules/TestStablecoin.ts";

const GWEI = 10n ** 9n;
const PATIENCE = { bumpMs: 200, giveUpMs: 60_000 };

/** A chain that mines when the test says so, at the base fee that the test sets. */
describe("a hospital's transaction on a chain whose fees jump", () => {
  let connection: Awaited<ReturnType<typeof hre.network.create>>;
  let token: Contract;
  let account: string;

  const request = (method: string, ...params: unknown[]): Promise<unknown> =>
    connection.provider.request({ method, params });
  const mineAt = async (baseFee: bigint): Promise<void> => {
    await request("hardhat_setNextBlockBaseFeePerGas", `0x${baseFee.toString(16)}`);
    await request("evm_mine");
  };
  const count = (tag: "latest" | "pending"): Promise<number> =>
    connection.ethers.provider.getTransactionCount(account, tag);
  const mint = (overrides: object = {}, patience = PATIENCE): Promise<Executed> =>
    execute(token.mint as never, [account, 5n] as never, overrides, patience);
  /** Looks again and again; a busy machine takes its time. */
  const until = async (holds: () => Promise<boolean>): Promise<void> => {
    while (!(await holds())) await new Promise((done) => setTimeout(done, 50));
  };
  const waiting = async (): Promise<bigint | undefined> => {
    const block = (await request("eth_getBlockByNumber", "pending", true)) as {
      transactions: { maxFeePerGas: string }[];
    };
    return block.transactions.length === 0 ? undefined : BigInt(block.transactions[0]!.maxFeePerGas);
  };
  const codeOf = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => "done",
      (error: { code: string; retryable: boolean }) => `${error.code} ${error.retryable}`,
    );

  before(async () => {
    connection = await hre.network.create();
    ({ token } = await connection.ignition.deploy(TestStablecoin));
    account = (await connection.ethers.getSigners())[0]!.address;
    await request("evm_setAutomine", false);
  });
  beforeEach(() => mineAt(GWEI));
  after(() => connection.close());

  it("[attack 118] the base fee rises fifty times after it was sent: replaced, mined once, under its nonce", async () => {
    const nonce = await count("latest");
    const balance = (await token.balanceOf!(account)) as bigint;
    const sent = mint();
    await until(async () => (await count("pending")) === nonce + 1);
    await mineAt(50n * GWEI);
    expect(await count("latest"), "priced out").to.equal(nonce);
    await until(async () => ((await waiting()) ?? 0n) > 50n * GWEI);
    await request("evm_mine");
    const { receipt } = await sent;
    expect(receipt.status).to.equal(1);
    expect([await count("latest"), await count("pending")]).to.deep.equal([nonce + 1, nonce + 1]);
    expect(await token.balanceOf!(account)).to.equal(balance + 5n);
  });

  it("the chain asks for more than the cap: nothing is sent", async () => {
    await mineAt(300n * GWEI);
    const nonce = await count("pending");
    expect(await codeOf(mint())).to.equal("FEE_CAPPED true");
    expect(await count("pending")).to.equal(nonce);
  });

  it("[attack 118] a rise over the cap while it waits: never replaced by more, given up in time, mined when fees fall", async () => {
    const nonce = await count("latest");
    const sent = codeOf(mint({ maxFeePerGas: 4n * GWEI }, { bumpMs: 100, giveUpMs: 2_000 }));
    await until(async () => (await count("pending")) === nonce + 1);
    await mineAt(50n * GWEI);
    expect(await sent).to.equal("TX_DROPPED true");
    expect(await count("latest")).to.equal(nonce);
    await mineAt(GWEI);
    expect(await count("latest")).to.equal(nonce + 1);
  });
});
