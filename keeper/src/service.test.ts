import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { SnarkjsBackend } from "@mednexus/circuits";
import { bumpedFees, CONTRACTS, initialFees, MedNexusError } from "@mednexus/sdk";
import { FileStore } from "@mednexus/sdk/node";
import { RpcProvider } from "./chain.ts";
import { readKeeperConfig, readKeeperKey } from "./config.ts";
import { type KeeperEvent, type Log, redacting, secretsOfUrl } from "./events.ts";
import { readProverConfig } from "./jobs/config.ts";
import { composeProver, lockKey } from "./jobs/main.ts";
import { composeKeeper } from "./main.ts";
import { Metrics, serveMetrics } from "./metrics.ts";
import { profit } from "./profit.ts";
import { readAccount } from "./service.ts";

describe("Logs", () => {
  it("[attack 126] no secret gets through: key, password, API key, in any case, within other text", () => {
    const key = `0x${"1a2b3c4d".repeat(8)}`;
    const url = "https://user:p%40ssword1@rpc.example/v2/alchemyKey123?token=abcdefgh99";
    const events: KeeperEvent[] = [];
    const log = redacting((event) => events.push(event), [key, ...secretsOfUrl(url)]);
    log({
      event: "trouble",
      message: `at ${key}, ${key.slice(2).toUpperCase()}: p@ssword1 alchemyKey123 token=abcdefgh99`,
      gas: 5n,
    });
    const text = JSON.stringify(events, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value));
    for (const secret of [key.slice(2), "p@ssword1", "alchemyKey123", "abcdefgh99"])
      expect(text.toLowerCase()).to.not.contain(secret.toLowerCase());
    expect(events[0]!["gas"]).to.equal(5n);
    expect(events[0]!.event).to.equal("trouble");
  });
});

describe("Fees", () => {
  it("start at twice the base fee, never above the cap, not at all beyond it", () => {
    expect(initialFees({ baseFee: 100n, tip: 2n }, 1_000n)).to.deep.equal({
      maxFeePerGas: 202n,
      maxPriorityFeePerGas: 2n,
    });
    expect(initialFees({ baseFee: 100n, tip: 2n }, 150n)).to.deep.equal({
      maxFeePerGas: 150n,
      maxPriorityFeePerGas: 2n,
    });
    expect(initialFees({ baseFee: 149n, tip: 2n }, 150n)).to.equal(undefined);
  });

  it("[attack 115] bumps round up: an eighth of 1 wei is 1 wei, and a tip never passes the whole fee", () => {
    for (const fee of [1n, 7n, 8n, 9n, 1_000_000_007n]) {
      const before = { maxFeePerGas: fee, maxPriorityFeePerGas: fee };
      const after = bumpedFees(before, { baseFee: 0n, tip: 0n }, 10n ** 30n)!;
      expect(after.maxFeePerGas * 8n >= fee * 9n, `${fee}`).to.equal(true);
      expect(after.maxPriorityFeePerGas * 8n >= fee * 9n, `${fee}`).to.equal(true);
      expect(after.maxFeePerGas >= after.maxPriorityFeePerGas).to.equal(true);
    }
    expect(bumpedFees({ maxFeePerGas: 90n, maxPriorityFeePerGas: 1n }, { baseFee: 1n, tip: 1n }, 101n)).to.equal(
      undefined,
    );
  });

  it("profit counts gas in tokens, rounded against the prover", () => {
    expect(profit(100n, 1_000_000n, 10n ** 9n, 0n)).to.equal(100n);
    expect(profit(100n, 1n, 1n, 1n)).to.equal(99n);
    expect(profit(5_000_000n, 1_000_000n, 10n ** 9n, 3_000_000_000n)).to.equal(2_000_000n);
  });
});

describe("Keeper's files", () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), "mednexus-keeper-"))));
  after(() => rmSync(folder, { recursive: true, force: true }));

  const file = (name: string, content: unknown, mode = 0o600): string => {
    const path = join(folder, name);
    writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content), { mode });
    return path;
  };
  const code = (call: () => unknown): string => {
    try {
      call();
      return "accepted";
    } catch (error) {
      return (error as MedNexusError).code;
    }
  };
  const config = { rpcUrl: "http://127.0.0.1:8545", deployment: "d.json", dataDir: "state", keyFile: "k.json" };

  it("configuration: defaults, paths beside the file, strict fields, a prover needs a relay", () => {
    const read = readKeeperConfig(file("c.json", config));
    expect(read.dataDir).to.equal(join(folder, "state"));
    expect(read.roles).to.deep.equal({ keeper: true, prover: false, claims: false });
    expect(read.fees.max > 0n).to.equal(true);
    const bad: Record<string, unknown>[] = [
      { ...config, extra: 1 },
      { ...config, rpcUrl: "ftp://x" },
      { ...config, confirmations: 0 },
      { ...config, prover: { minProfit: -1 } },
      { ...config, roles: { keeper: true, prover: true, claims: true } },
      { ...config, pollMs: 1 },
    ];
    for (const one of bad)
      expect(
        code(() => readKeeperConfig(file("bad.json", one))),
        JSON.stringify(one),
      ).to.equal("BAD_CONFIG");
    expect(code(() => readKeeperConfig(file("bad.json", "{")))).to.equal("BAD_CONFIG");
  });

  it("key file: owner only, exact, and its content in no message", () => {
    const key = `0x${"5e".repeat(32)}`;
    expect(readKeeperKey(file("k1.json", { account: key }))).to.equal(key);
    expect(code(() => readKeeperKey(file("k2.json", { account: key }, 0o644)))).to.equal("BAD_KEY_FILE");
    expect(code(() => readKeeperKey(file("k3.json", { account: key.slice(2) })))).to.equal("BAD_KEY_FILE");
    try {
      readKeeperKey(file("k4.json", `{"account": "${key}"`));
    } catch (error) {
      expect(JSON.stringify([String(error), (error as Error).cause ?? ""])).to.not.contain("5e5e");
      return;
    }
    expect.fail("a broken key file was read");
  });
});

describe("A service that cannot start", () => {
  const key = `0x${"5e".repeat(32)}`;
  let folder: string;
  /** JSON-RPC of a chain that has one block. */
  let chain: Server;
  let chainId = 31337;
  const url = (server: Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  /** Everything that a composition has opened, and whether it is open still. */
  const asked = new Set<RpcProvider>();
  let backendsClosed = 0;
  const { _send } = RpcProvider.prototype;
  const { close } = SnarkjsBackend.prototype;
  const serversOpen = (): number => process.getActiveResourcesInfo().filter((name) => name === "TCPServerWrap").length;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "mednexus-keeper-"));
    const address = `0x${"11".repeat(20)}`;
    const addresses = Object.fromEntries(CONTRACTS.map((name) => [name, address]));
    const deployment = { version: 1, network: "t", chainId, startBlock: 0, admin: address, authority: address };
    write("d.json", { ...deployment, token: address, addresses, srs: 1, verifiers: {} });
    write("k.json", { account: key });
    const results: Record<string, () => unknown> = {
      eth_chainId: () => `0x${chainId.toString(16)}`,
      eth_getBlockByNumber: () => ({ number: "0x1", hash: `0x${"22".repeat(32)}`, timestamp: "0x1" }),
    };
    chain = createServer(async (request, response) => {
      const asked = JSON.parse(Buffer.concat(await request.toArray()).toString()) as { id: number; method: string }[];
      const answer = asked.map(({ id, method }) => ({ jsonrpc: "2.0", id, result: results[method]?.() ?? null }));
      response.end(JSON.stringify(answer));
    });
    await new Promise<void>((done) => chain.listen(0, "127.0.0.1", done));
    RpcProvider.prototype._send = function (payload) {
      asked.add(this);
      return _send.call(this, payload);
    };
    SnarkjsBackend.prototype.close = function () {
      backendsClosed++;
      return close.call(this);
    };
  });
  after(() => {
    RpcProvider.prototype._send = _send;
    SnarkjsBackend.prototype.close = close;
    chain.closeAllConnections();
    chain.close();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(() => {
    chainId = 31337;
    backendsClosed = 0;
  });

  const write = (name: string, content: unknown): string => {
    const path = join(folder, name);
    writeFileSync(path, JSON.stringify(content), { mode: 0o600 });
    return path;
  };
  const settings = (change: object): string =>
    write("c.json", { rpcUrl: url(chain), deployment: "d.json", dataDir: "state", keyFile: "k.json", ...change });
  const keeper = (change: object, log: Log = () => {}) => composeKeeper(readKeeperConfig(settings(change)), log);
  const prover = (change: object, log: Log = () => {}) => composeProver(readProverConfig(settings(change)), log);

  /** Why it did not start; by then nothing of it is open. */
  async function refused(start: () => Promise<unknown>): Promise<{ code: string; message: string }> {
    asked.clear();
    const servers = serversOpen();
    const error = await start().then(
      () => expect.fail("it started"),
      (caught: unknown) => caught as { code: string; message: string },
    );
    expect(asked.size).to.equal(1);
    for (const provider of asked) expect(provider.destroyed, "provider").to.equal(true);
    expect(serversOpen(), "servers").to.equal(servers);
    const state = new FileStore(join(folder, "state"));
    state.lock();
    state.unlock();
    return error;
  }

  it("without a chain that answers, and keeps the endpoint's key to itself", async () => {
    const events: KeeperEvent[] = [];
    const rpcUrl = "http://127.0.0.1:1/v2/secretsecret";
    const { code, message } = await refused(() => keeper({ rpcUrl }, (event) => events.push(event)));
    expect(code).to.equal("RPC_FAILED");
    expect(message + JSON.stringify(events)).to.not.contain("secretsecret");
  });

  it("on another chain than its deployment's", async () => {
    chainId = 1;
    for (const start of [keeper, prover])
      expect((await refused(() => start({ relayUrl: url(chain) }))).code).to.equal("WRONG_CHAIN");
  });

  it("with its port for metrics taken: the proving backend is closed as well", async () => {
    const { code } = await refused(() =>
      keeper({
        roles: { keeper: true, prover: true, claims: true },
        relayUrl: url(chain),
        proofs: "cpu",
        metricsPort: (chain.address() as AddressInfo).port,
      }),
    );
    expect(code).to.equal("EADDRINUSE");
    expect(backendsClosed).to.equal(1);
  });

  it("when its log cannot be written: the port for metrics can be taken again", async () => {
    const free = await serveMetrics(new Metrics(), 0);
    const metricsPort = Number(new URL(free.url).port);
    await free.close();
    const log = (): void => {
      throw Object.assign(new Error("the pipe is gone"), { code: "EPIPE" });
    };
    expect((await refused(() => keeper({ metricsPort }, log))).code).to.equal("EPIPE");
    await (await serveMetrics(new Metrics(), metricsPort)).close();
  });

  it("in a folder that another process holds", async () => {
    const held = new FileStore(join(folder, "held"));
    held.lock();
    for (const start of [keeper, prover]) {
      const { code } = await refused(() => start({ dataDir: "held", relayUrl: url(chain) }));
      expect(code).to.equal("STATE_IN_USE");
    }
    held.unlock();
  });

  it("as a prover, with a key that another prover holds", async () => {
    const { deployment, wallet } = readAccount({ deployment: join(folder, "d.json"), keyFile: join(folder, "k.json") });
    const held = lockKey(join(folder, "k.json"), deployment, wallet.address);
    expect((await refused(() => prover({ relayUrl: url(chain) }))).code).to.equal("STATE_IN_USE");
    held.unlock();
  });

  it("as a prover, without a relay to publish its key at; and the key is free for another", async () => {
    for (let attempt = 1; attempt <= 2; attempt++) {
      const { code } = await refused(() => prover({ relayUrl: "http://127.0.0.1:1", proofs: "cpu" }));
      expect(code, `attempt ${attempt}`).to.equal("RELAY_UNREACHABLE");
      expect(backendsClosed).to.equal(attempt);
    }
  });
});

describe("Metrics", () => {
  it("serves counters and a verdict on loopback, and nothing else", async () => {
    const metrics = new Metrics();
    const server = await serveMetrics(metrics, 0);
    try {
      expect(server.url).to.match(/^http:\/\/127\.0\.0\.1:/);
      expect((await fetch(`${server.url}/health`)).status).to.equal(503);
      metrics.count({ event: "sent" });
      metrics.count({ event: "sent" });
      metrics.gauge("head", 12);
      metrics.health = { healthy: true, reason: "" };
      const text = await (await fetch(`${server.url}/metrics`)).text();
      expect(text).to.contain('mednexus_keeper_events_total{event="sent"} 2\n');
      expect(text).to.contain("mednexus_keeper_head 12\n");
      expect(await (await fetch(`${server.url}/health`)).json()).to.deep.equal({ healthy: true, reason: "" });
      expect((await fetch(`${server.url}/etc`)).status).to.equal(404);
    } finally {
      await server.close();
    }
  });
});
