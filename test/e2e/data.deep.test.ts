import type { ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { generateKeys, writeKeys } from "@mednexus/hospital";
import { CONTRACTS, type Deployment } from "@mednexus/sdk";
import { mednexus, type Outcome } from "./command.ts";

const SIZE = 2 * 2 ** 30 + 12_345;
const MAX_RSS = 300 * 2 ** 20;

/** A file of two gigabytes through the command as a user runs it: memory, interruption, the same bytes back. */
describe("mednexus data, at size", function () {
  this.timeout(3_600_000);

  let folder: string;
  const at = (name: string): string => join(folder, name);

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "mednexus-large-"));
    const zero = `0x${"00".repeat(19)}01`;
    const deployment: Deployment = {
      version: 1,
      network: "none",
      chainId: 31337,
      startBlock: 0,
      admin: zero,
      authority: zero,
      token: zero,
      addresses: Object.fromEntries(CONTRACTS.map((name) => [name, zero])) as Deployment["addresses"],
      srs: 1,
      verifiers: {},
    };
    const schema = { features: [{ name: "a", min: 0, max: 1 }], classes: ["no", "yes"] };
    const nowhere = "http://127.0.0.1:1";
    const config = {
      rpcUrl: nowhere,
      relayUrl: nowhere,
      deployment: "d.json",
      dataDir: "state",
      keyFile: "k.json",
      campaigns: [1],
    };
    writeFileSync(at("d.json"), JSON.stringify(deployment));
    writeFileSync(at("schema.json"), JSON.stringify(schema));
    writeFileSync(at("node.json"), JSON.stringify(config));
    writeKeys(at("k.json"), generateKeys());
    const file = await open(at("large"), "w");
    for (let written = 0; written < SIZE;) {
      const piece = Buffer.alloc(
        Math.min(2 ** 20, SIZE - written),
        createHash("sha256").update(String(written)).digest(),
      );
      await file.writeFile(piece);
      written += piece.length;
    }
    await file.close();
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** Runs the command and watches the most memory that it ever had resident. */
  async function watched(
    args: string[],
    onStart: (child: ChildProcess) => void = () => {},
  ): Promise<Outcome & { peak: number }> {
    let peak = 0;
    let timer: NodeJS.Timeout | undefined;
    const outcome = await mednexus(["data", ...args, "--json"], (child) => {
      timer = setInterval(() => {
        try {
          const high = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"));
          peak = Math.max(peak, 1024 * Number(high?.[1] ?? 0));
        } catch {
          // gone
        }
      }, 100);
      onStart(child);
    });
    clearInterval(timer);
    console.log(`      ${args[0]}: exit code ${outcome.code}, at most ${Math.round(peak / 2 ** 20)} MiB resident`);
    expect(peak, "memory was seen").to.be.greaterThan(2 ** 20);
    expect(peak, `${args[0]} stays under 300 MiB`).to.be.lessThan(MAX_RSS);
    return { ...outcome, peak };
  }

  const digest = async (path: string): Promise<string> => {
    const hash = createHash("sha256");
    for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
    return hash.digest("hex");
  };

  it("2 GB: added under 300 MiB, interrupted half-way and continued, verified and got back byte for byte", async () => {
    const own = ["--config", at("node.json")];
    const add = ["add", at("large"), ...own, "--records", "1", "--schema", at("schema.json")];
    const partial = at("state/datasets/partial");
    const stopped = await watched(add, (child) => {
      const timer = setInterval(() => {
        try {
          if (statSync(join(partial, readdirSync(partial)[0]!)).size < SIZE / 2) return;
        } catch {
          return; // not there yet
        }
        clearInterval(timer);
        child.kill("SIGINT");
      }, 50);
    });
    expect(stopped.code, stopped.stderr).to.equal(130);
    expect(stopped.stderr, "progress").to.match(/encrypted: \d+ % of 2049 MiB/);
    const half = statSync(join(partial, readdirSync(partial)[0]!)).size;
    expect(half).to.be.within(SIZE / 2, SIZE);

    const added = await watched(add);
    expect(added.code, added.stderr).to.equal(0);
    const { dataset, root } = JSON.parse(added.stdout) as { dataset: string; root: string };
    // The half that was there was kept: its chunks carry the first run's number, the rest the second's.
    const blob = await open(at(`state/datasets/${root.slice(2, 4)}/${root.slice(2)}`), "r");
    const runOf = async (index: number): Promise<number> =>
      (await blob.read(Buffer.alloc(4), 0, 4, index * (2 ** 20 + 20))).buffer.readUInt32BE();
    expect([await runOf(0), await runOf(1023), await runOf(2048)]).to.deep.equal([0, 0, 1]);
    await blob.close();

    const got = await watched(["get", ...own, "--dataset", dataset, "--out", at("back")]);
    expect(got.code, got.stderr).to.equal(0);
    expect(await digest(at("back"))).to.equal(await digest(at("large")));
    const verified = await watched(["verify", ...own, "--dataset", dataset]);
    expect(verified.code, verified.stderr).to.equal(0);
  });
});
