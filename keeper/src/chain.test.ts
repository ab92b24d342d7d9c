import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import { CONTRACTS, MedNexusError } from "@mednexus/sdk";
import { chainOf, readHead, RpcProvider } from "./chain.ts";
import { Watch } from "./watch.ts";

type Reply = { status?: number; body?: string; hang?: true; refuse?: true };
interface Asked {
  readonly id: number;
  readonly method: string;
}

const BLOCK = { number: "0x10", hash: `0x${"ab".repeat(32)}`, timestamp: "0x64", baseFeePerGas: "0x7" };

/** A JSON-RPC endpoint that misbehaves for as many requests as there are replies, and is honest afterwards. */
class Endpoint {
  faults: Reply[] = [];
  requests = 0;
  results: Record<string, unknown> = {
    eth_chainId: "0x7a69",
    eth_getBlockByNumber: BLOCK,
    eth_sendRawTransaction: "0x01",
  };
  errors: Record<string, unknown> = {};
  #server!: Server;

  async start(): Promise<string> {
    this.#server = createServer(async (request, response) => {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part as Buffer);
      const asked = JSON.parse(Buffer.concat(parts).toString()) as Asked | Asked[];
      this.requests++;
      const fault = this.faults.shift();
      if (fault?.hang) return;
      if (fault?.refuse) {
        const errors = [asked].flat().map(({ id }) => ({ id, error: { code: -32005, message: "limit exceeded" } }));
        return void response.writeHead(429).end(JSON.stringify(errors));
      }
      if (fault !== undefined) return void response.writeHead(fault.status ?? 200).end(fault.body ?? "");
      const one = ({ id, method }: Asked) => ({
        jsonrpc: "2.0",
        id,
        ...(this.errors[method] === undefined
          ? { result: this.results[method] ?? null }
          : { error: this.errors[method] }),
      });
      response.end(JSON.stringify(Array.isArray(asked) ? asked.map(one) : one(asked)));
    });
    await new Promise<void>((done) => this.#server.listen(0, "127.0.0.1", done));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v3/0123456789abcdef`;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

describe("RPC", () => {
  let endpoint: Endpoint;
  let url: string;
  let pauses: number[];
  let provider: RpcProvider;

  beforeEach(async () => {
    endpoint = new Endpoint();
    url = await endpoint.start();
    pauses = [];
    provider = new RpcProvider(url, 31337, { timeoutMs: 200, sleep: async (ms) => void pauses.push(ms) });
  });
  afterEach(() => {
    provider.destroy();
    endpoint.stop();
  });

  const faults: [string, Reply][] = [
    ["truncated JSON", { body: '{"jsonrpc":"2.0","id":1,"resu' }],
    ["429", { status: 429, body: "slow down" }],
    ["500", { status: 500 }],
    ["429 in the form of an answer", { status: 429, refuse: true }],
    ["an empty answer", { body: "" }],
    ["an answer to nothing that was asked", { body: '{"jsonrpc":"2.0","id":99999,"result":"0x1"}' }],
    ["a page of HTML", { body: "<html>maintenance</html>" }],
    ["no answer at all", { hang: true }],
  ];
  for (const [what, fault] of faults)
    it(`[attack 121] ${what}: asked again after a growing pause`, async () => {
      endpoint.faults = [fault, fault];
      expect((await readHead(provider, 31337)).number).to.equal(16);
      expect(pauses).to.deep.equal([100, 400]);
    });

  it("[attack 121] an endpoint that stays broken: a retryable error without its address", async () => {
    endpoint.faults = Array.from({ length: 20 }, () => ({ status: 500 }));
    const error = await readHead(provider, 31337).catch((caught: unknown) => caught);
    expect(error).to.be.instanceOf(MedNexusError).with.property("code", "RPC_FAILED");
    expect((error as MedNexusError).retryable).to.equal(true);
    expect(JSON.stringify([String(error), (error as Error).stack])).to.not.contain("0123456789abcdef");
  });

  it("[attack 120] another chain than the deployment's", async () => {
    endpoint.results["eth_chainId"] = "0x1";
    const error = await readHead(provider, 31337).catch((caught: unknown) => caught);
    expect(error).to.be.instanceOf(MedNexusError).with.property("code", "WRONG_CHAIN");
  });

  it("tells a revert from a broken line", async () => {
    const chain = chainOf(provider, `0x${"aa".repeat(20)}`);
    endpoint.errors["eth_estimateGas"] = { code: 3, message: "reverted", data: "0x3e4c19370000" };
    const refused = (await chain
      .estimate({ to: `0x${"bb".repeat(20)}`, data: "0x" })
      .catch((error: unknown) => error)) as MedNexusError;
    expect(refused.code).to.match(/^REVERT_/);
    endpoint.errors["eth_estimateGas"] = { code: -32000, message: "header not found" };
    const failed = (await chain
      .estimate({ to: `0x${"bb".repeat(20)}`, data: "0x" })
      .catch((error: unknown) => error)) as MedNexusError;
    expect(failed.code).to.equal("RPC_FAILED");
    expect(failed.retryable).to.equal(true);
  });

  describe("[attack 119] stale head", () => {
    let now: number;
    let watch: Watch;
    const show = (number: number, hash = number): void => {
      const hex = hash.toString(16).padStart(64, "0");
      endpoint.results["eth_getBlockByNumber"] = { ...BLOCK, number: `0x${number.toString(16)}`, hash: `0x${hex}` };
    };
    const code = async (): Promise<string> =>
      watch.head().then(
        ({ number }) => String(number),
        (error: MedNexusError) => error.code,
      );

    beforeEach(() => {
      now = 0;
      const address = `0x${"11".repeat(20)}`;
      watch = new Watch({
        deployment: {
          version: 1,
          network: "test",
          chainId: 31337,
          startBlock: 0,
          admin: address,
          authority: address,
          token: address,
          addresses: Object.fromEntries(CONTRACTS.map((name) => [name, address])) as never,
          srs: 1,
          verifiers: {},
        },
        provider,
        depth: 12,
        staleAfterMs: 60_000,
        monotonic: () => now,
      });
    });

    it("an older block than before is a lagging replica, unless it lasts", async () => {
      show(20);
      expect(await code()).to.equal("20");
      show(19);
      now = 9_000;
      expect(await code()).to.equal("STALE_HEAD");
      show(21);
      expect(await code()).to.equal("21");
      show(18);
      expect(await code()).to.equal("STALE_HEAD");
      now = 30_000;
      expect(await code(), "a reorganisation").to.equal("18");
    });

    it("no new block for too long", async () => {
      show(20);
      expect(await code()).to.equal("20");
      now = 60_000;
      expect(await code()).to.equal("20");
      now = 60_001;
      expect(await code()).to.equal("STALE_HEAD");
      show(21);
      expect(await code()).to.equal("21");
    });

    it("[attack 123] this machine's clock an hour off changes nothing", async () => {
      const real = Date.now;
      try {
        for (const shift of [-3_600_000, 3_600_000]) {
          Date.now = () => real() + shift;
          show(20);
          expect(await code()).to.equal("20");
        }
      } finally {
        Date.now = real;
      }
    });
  });
});
