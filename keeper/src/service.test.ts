import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { bumpedFees, initialFees, MedNexusError } from "@mednexus/sdk";
import { FileStore } from "@mednexus/sdk/node";
import { Refusals } from "../../test/fixtures/refusals.ts";
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

describe("A service that cannot start leaves nothing open:", () => {
  const refusals = new Refusals();
  before(async () => {
    await refusals.start();
    refusals.write("key.json", { account: `0x${"5e".repeat(32)}` });
  });
  after(() => refusals.stop());

  const settings = (change: object): string => {
    const { rpcUrl } = refusals;
    const files = { deployment: "deployment.json", dataDir: "state", keyFile: "key.json" };
    return refusals.write("config.json", { rpcUrl, relayUrl: rpcUrl, ...files, proofs: "cpu", ...change });
  };
  const keeper =
    (change: object, log: Log = () => {}) =>
    () =>
      composeKeeper(readKeeperConfig(settings(change)), log);
  const prover = (change: object) => () => composeProver(readProverConfig(settings(change)), () => {});

  it("without a chain that answers; and the endpoint's key is in no message", async () => {
    const events: KeeperEvent[] = [];
    const rpcUrl = "http://127.0.0.1:1/v2/secretsecret";
    const { code, message } = await refusals.of(keeper({ rpcUrl }, (event) => events.push(event)));
    expect(code).to.equal("RPC_FAILED");
    expect(message + JSON.stringify(events)).to.not.contain("secretsecret");
  });

  it("on another chain than its deployment's", async () => {
    refusals.chainId = 1;
    for (const start of [keeper({}), prover({})]) expect((await refusals.of(start)).code).to.equal("WRONG_CHAIN");
    refusals.chainId = 31337;
  });

  it("with its port for metrics taken: the proving backend is closed as well", async () => {
    const metricsPort = Number(new URL(refusals.rpcUrl).port);
    const roles = { keeper: true, prover: true, claims: true };
    expect((await refusals.of(keeper({ roles, metricsPort }), { backends: 1 })).code).to.equal("EADDRINUSE");
  });

  it("when its log cannot be written: the port for metrics can be taken again", async () => {
    const free = await serveMetrics(new Metrics(), 0);
    const metricsPort = Number(new URL(free.url).port);
    await free.close();
    const log = (): void => {
      throw Object.assign(new Error("the pipe is gone"), { code: "EPIPE" });
    };
    expect((await refusals.of(keeper({ metricsPort }, log))).code).to.equal("EPIPE");
    await (await serveMetrics(new Metrics(), metricsPort)).close();
  });

  it("in a folder that another process holds", async () => {
    const held = new FileStore(join(refusals.folder, "held"));
    held.lock();
    for (const start of [keeper({ dataDir: "held" }), prover({ dataDir: "held" })])
      expect((await refusals.of(start)).code).to.equal("STATE_IN_USE");
    held.unlock();
  });

  it("as a prover, with a key that another prover holds", async () => {
    const [deploymentFile, keyFile] = ["deployment.json", "key.json"].map((name) => join(refusals.folder, name)) as [
      string,
      string,
    ];
    const { deployment, wallet } = readAccount({ deployment: deploymentFile, keyFile });
    const held = lockKey(keyFile, deployment, wallet.address);
    expect((await refusals.of(prover({}))).code).to.equal("STATE_IN_USE");
    held.unlock();
  });

  it("as a prover, without a relay to publish its key at; and the key is free for another", async () => {
    for (let attempt = 0; attempt < 2; attempt++) {
      const { code } = await refusals.of(prover({ relayUrl: "http://127.0.0.1:1" }), { backends: 1 });
      expect(code).to.equal("RELAY_UNREACHABLE");
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
