import type { ChildProcess } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { JsonRpcProvider } from "ethers";
import { parseDeployment } from "@mednexus/sdk";
import { differencesOfTwins, graphNode, historyAt } from "../fixtures/twins.ts";
import { mednexus, onOutput, type Outcome, processesIn } from "./command.ts";

/** A chain that was there before, and one that stays. */
describe("mednexus devnet run, demo run --rpc --keep", function () {
  this.timeout(1_200_000);

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

  const readOk = (file: string): boolean => (JSON.parse(readFileSync(file, "utf8")) as { ok: boolean }).ok;

  /** Where graph-node's rows differ from those of the run's own indexer, on the chain that the run left. */
  async function inspect(chain: string, graphql: string, folder: string): Promise<string[]> {
    const ponder = historyAt(graphql);
    expect((await ponder.rows("round")).size).to.equal(2);
    const [run] = readdirSync(folder).filter((name) => name.startsWith("mednexus-demo-"));
    const deployment = parseDeployment(readFileSync(join(folder, run!, "deployment.json"), "utf8"));
    const provider = new JsonRpcProvider(chain, 31337, { staticNetwork: true });
    const subgraph = await graphNode(chain, deployment);
    try {
      await subgraph.waitForBlock(await provider.getBlockNumber());
      expect((await subgraph.rows("modelVersion")).size).to.be.greaterThan(1);
      return await differencesOfTwins(ponder, subgraph);
    } finally {
      provider.destroy();
      await subgraph.stop();
    }
  }

  it("runs on the chain named; both indexers have the same rows; prints the whole result; Ctrl-C ends what it started and no more", async () => {
    const json = join(temp, "result.json");
    const folder = mkdtempSync(join(temp, "own-"));
    let failure: unknown;
    let kept: { chain: string; ok: boolean; differences: readonly string[] } | undefined;
    const { code, stdout, stderr } = await mednexus(
      ["demo", "run", "--hospitals", "3", "--rounds", "1", "--rpc", url, "--keep", "--json", json],
      (child) =>
        onOutput(child, /chain {4}(http:\S+)\n {2}GraphQL {2}(http:\S+)\n/, ([, chain, graphql]) => {
          void inspect(chain!, graphql!, folder)
            .then(
              (differences) => (kept = { chain: chain!, differences, ok: readOk(json) }),
              (cause: unknown) => (failure = cause),
            )
            .finally(() => child.kill("SIGINT"));
        }),
      folder,
    );
    expect(code, stdout + stderr).to.equal(0);
    expect(stdout).to.include("every check held");
    expect(failure).to.equal(undefined);
    expect(kept, "P11").to.deep.equal({ chain: url, ok: true, differences: [] });
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
