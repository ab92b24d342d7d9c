import { expect } from "chai";
import { Interface, type Log, type Provider, toBeHex, ZeroHash } from "ethers";
import { CONTRACT_ABI, type Contracts } from "@mednexus/sdk";
import type { Head } from "./context.ts";
import { RoundHistory } from "./history.ts";

const ADDRESS = { rounds: `0x${"01".repeat(20)}`, disputes: `0x${"02".repeat(20)}`, sums: `0x${"03".repeat(20)}` };
const contract = (name: keyof typeof ADDRESS) => ({
  interface: new Interface(CONTRACT_ABI[name]),
  getAddress: async () => ADDRESS[name],
});
const contracts = {
  rounds: contract("rounds"),
  disputes: contract("disputes"),
  sums: contract("sums"),
} as unknown as Contracts;
const { interface: rounds } = contract("rounds");

/** A chain of which tests write the blocks; counts what it is asked for. */
class Chain {
  blocks: { hash: string; logs: Partial<Log>[] }[] = [];
  asked: [number, number][] = [];

  add(fork: string, ...acknowledged: number[]): this {
    const number = this.blocks.length;
    const logs = acknowledged.map((seat) => ({
      ...rounds.encodeEventLog("SharesAcknowledged", [7n, `0x${"0a".repeat(20)}`, seat]),
      address: ADDRESS.rounds,
      blockNumber: number,
    }));
    this.blocks.push({ hash: `${fork}-${number}`, logs });
    return this;
  }

  get head(): Head {
    return { number: this.blocks.length - 1, hash: this.blocks.at(-1)!.hash, timestamp: 0 };
  }

  readonly provider = {
    getBlock: async (number: number) => this.blocks[number] ?? null,
    getLogs: async ({ fromBlock, toBlock, topics }: { fromBlock: number; toBlock: number; topics: unknown[] }) => {
      this.asked.push([fromBlock, toBlock]);
      expect(topics).to.deep.equal([null, toBeHex(7n, 32)]);
      return this.blocks.slice(fromBlock, toBlock + 1).flatMap(({ logs }) => logs);
    },
  } as unknown as Provider;
}

const seats = (history: RoundHistory): bigint[] =>
  history.all("SharesAcknowledged").map((args) => args.nodeIndex as bigint);

describe("round history", () => {
  it("reads each block once", async () => {
    const chain = new Chain().add("a").add("a").add("a", 0);
    const history = new RoundHistory(contracts, chain.provider, 7n);
    await history.refresh(1, chain.head);
    await history.refresh(1, chain.head);
    chain.add("a", 1).add("a");
    await history.refresh(1, chain.head);
    expect(chain.asked).to.deep.equal([
      [1, 2],
      [3, 4],
    ]);
    expect(seats(history)).to.deep.equal([0n, 1n]);
    expect(history.newest).to.equal(3);
    expect(history.has("SharesAcknowledged", { seat: 1 })).to.equal(true);
    expect(history.has("SharesAcknowledged", { seat: 2 })).to.equal(false);
  });

  it("[attack 117] reads everything again when what it read is not on the chain any more", async () => {
    const chain = new Chain().add("a").add("a", 0).add("a", 1);
    const history = new RoundHistory(contracts, chain.provider, 7n);
    await history.refresh(0, chain.head);
    chain.blocks.length = 2;
    chain.add("b", 2).add("b");
    await history.refresh(0, chain.head);
    expect(seats(history)).to.deep.equal([0n, 2n]);
    // Also when the other branch is shorter, or as long.
    chain.blocks.length = 1;
    chain.add("c", 5);
    await history.refresh(0, chain.head);
    expect(seats(history)).to.deep.equal([5n]);
  });

  it("ignores events it does not know", async () => {
    const chain = new Chain().add("a", 0);
    chain.blocks[0]!.logs.push({
      address: ADDRESS.sums,
      topics: [ZeroHash, toBeHex(7n, 32)],
      data: "0x",
      blockNumber: 0,
    });
    chain.blocks[0]!.logs.push({ address: `0x${"09".repeat(20)}`, topics: [ZeroHash], data: "0x", blockNumber: 0 });
    const history = new RoundHistory(contracts, chain.provider, 7n);
    await history.refresh(0, chain.head);
    expect(seats(history)).to.deep.equal([0n]);
  });
});
