import { type LogDescription, type Provider, toBeHex } from "ethers";
import { type Contracts, scanLogs, type SubmittedUpdate, submittedUpdate, type Hash } from "@mednexus/sdk";
import type { Head } from "./context.ts";

/** One event of a round, as a contract said it. */
interface Said {
  readonly name: string;
  readonly args: LogDescription["args"];
  readonly block: number;
}

/**
 * What the contracts have said of one round since its committee was drawn. Each look reads new blocks only; when the
 * block of the last look is not on the chain any more, everything is read again.
 */
export class RoundHistory {
  readonly #contracts: Contracts;
  readonly #provider: Provider;
  readonly #round: bigint;
  #said: Said[] = [];
  #seen: Head | undefined;

  constructor(contracts: Contracts, provider: Provider, round: bigint) {
    this.#contracts = contracts;
    this.#provider = provider;
    this.#round = round;
  }

  /** Reads up to `head`. `from`: first block that can hold an event of interest. */
  async refresh(from: number, head: Head): Promise<void> {
    const seen = this.#seen;
    if (seen?.hash === head.hash) return;
    const stands = seen !== undefined && seen.number < head.number && (await this.#hashOf(seen.number)) === seen.hash;
    const { rounds, disputes, sums } = this.#contracts;
    const sources = [rounds, disputes, sums];
    const address = await Promise.all(sources.map((contract) => contract.getAddress()));
    const logs = await scanLogs(
      (fromBlock, toBlock) =>
        this.#provider.getLogs({ address, topics: [null, toBeHex(this.#round, 32)], fromBlock, toBlock }),
      stands ? seen.number + 1 : from,
      head.number,
    );
    const said = logs.flatMap((log): Said[] => {
      const at = address.findIndex((one) => one.toLowerCase() === log.address.toLowerCase());
      const event = sources[at]?.interface.parseLog(log);
      return event === null || event === undefined
        ? []
        : [{ name: event.name, args: event.args, block: log.blockNumber }];
    });
    this.#said = stands ? [...this.#said, ...said] : said;
    this.#seen = head;
  }

  /** Every submission, in submission order. */
  updates(): SubmittedUpdate[] {
    return this.#said
      .filter(({ name }) => name === "UpdateSubmitted")
      .map(({ args }) => submittedUpdate(args as unknown as Parameters<typeof submittedUpdate>[0]))
      .sort((a, b) => a.index - b.index);
  }

  /** Submissions that complaints have put out of the round, by submission index. */
  excluded(): Set<number> {
    return new Set(this.#said.filter(({ name }) => name === "MemberExcluded").map(({ args }) => Number(args.index)));
  }

  /** Events of one name; of one member, one node, where these are given. */
  all(name: string, about: { memberKey?: Hash; seat?: number } = {}): LogDescription["args"][] {
    return this.#said
      .filter(
        (one) =>
          one.name === name &&
          (about.memberKey === undefined || one.args.memberKey === about.memberKey) &&
          (about.seat === undefined || one.args.nodeIndex === BigInt(about.seat)),
      )
      .map(({ args }) => args);
  }

  has(name: string, about: { memberKey?: Hash; seat?: number } = {}): boolean {
    return this.all(name, about).length > 0;
  }

  /** Block of the newest event, 0: none. */
  get newest(): number {
    return this.#said.at(-1)?.block ?? 0;
  }

  async #hashOf(block: number): Promise<string | undefined> {
    return (await this.#provider.getBlock(block))?.hash ?? undefined;
  }
}
