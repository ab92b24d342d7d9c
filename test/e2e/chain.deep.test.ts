import type { ChildProcess } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { JsonRpcProvider } from "ethers";
import { mednexus, onOutput, type Outcome, processesIn } from "./command.ts";

/** A chain that was there before, and one that stays. */
describe("mednexus devnet run, demo run --rpc --keep", function () {
  this.timeout(400_000);

  let temp: string;
  let devnet: ChildProcess;
  let devnetEnd: Promise<Outcome>;
  let url: string;

  before(async () => {
    temp = mkdtempSync(join(tmpdir(), "mednexus-e2e-"));
    url = await new Promise<string>((done, fail) => {
      devnetEnd = mednexus(["devnet", "run", "--port", "0", "--out", join(temp, "deployment.json")], (child) => {
        devnet = child;
        onOutput(child, /at (http:\S+)[^]*Ctrl-C/, ([, at]) => done(at!));
      });
      devnetEnd.then(({ stderr }) => fail(new Error(stderr)), fail);
    });
  });
  after(() => {
    devnet?.kill("SIGKILL");
    rmSync(temp, { recursive: true, force: true });
  });

  const chainAnswers = async (): Promise<boolean> => {
    const provider = new JsonRpcProvider(url, 31337, { staticNetwork: true });
    try {
      return (await provider.getBlockNumber()) > 0;
    } catch {
      return false;
    } finally {
      provider.destroy();
    }
  };

  it("the deployment it writes is in order", async () => {
    const args = ["deploy", "status", "--rpc", url, "--deployment", join(temp, "deployment.json")];
    const { code, stdout, stderr } = await mednexus(args);
    expect(code, stdout + stderr).to.equal(0);
  });

  it("runs on the chain named; prints URLs that answer and the whole result; Ctrl-C ends what it started and no more", async () => {
    const json = join(temp, "result.json");
    const folder = mkdtempSync(join(temp, "own-"));
    let kept: { chain: string; rows: number; ok: boolean } | undefined;
    const { code, stdout, stderr } = await mednexus(
      ["demo", "run", "--hospitals", "3", "--rounds", "1", "--rpc", url, "--keep", "--json", json],
      (child) =>
        onOutput(child, /chain {4}(http:\S+)\n {2}GraphQL {2}(http:\S+)\n/, ([, chain, graphql]) => {
          void (async () => {
            try {
              const answer = await fetch(graphql!, {
                method: "POST",
                headers: { "content-type": "application/json" },
                body: JSON.stringify({ query: "{ rounds { items { id } } }" }),
              });
              const { data } = (await answer.json()) as { data: { rounds: { items: unknown[] } } };
              const { ok } = JSON.parse(readFileSync(json, "utf8")) as { ok: boolean };
              kept = { chain: chain!, rows: data.rounds.items.length, ok };
            } finally {
              child.kill("SIGINT");
            }
          })();
        }),
      folder,
    );
    expect(code, stdout + stderr).to.equal(0);
    expect(stdout).to.include("every check held");
    expect(kept).to.deep.equal({ chain: url, rows: 2, ok: true });
    expect(processesIn(folder)).to.deep.equal([]);
    expect(readdirSync(folder)).to.deep.equal([]);
    expect(await chainAnswers()).to.equal(true);
  });

  it("Ctrl-C ends the chain; exit code 0", async () => {
    devnet.kill("SIGINT");
    expect((await devnetEnd).code).to.equal(0);
    expect(await chainAnswers()).to.equal(false);
  });
});
