import { spawnSync } from "node:child_process";
import { expect } from "chai";
import { mednexus } from "./command.ts";

interface Result {
  version: number;
  rounds: { members: number; accuracy: number; gas: { submit: number[]; freeze: number; finalize: number } }[];
  accuracy: { federated: number; pooled: number; alone: number[] };
  payments: { party: string; role: string; token: string; amount: string }[];
  conservation: {
    deposits: string;
    withdrawn: string;
    refundable: string;
    slashed: string;
    held: string;
    ok: boolean;
  }[];
  proofs: { made: number; verifiedOnChain: number };
  history: { rows: number; equalToChain: boolean };
  ok: boolean;
}

/** Processes that name the demo's temporary folder: what a clean end leaves none of. */
const leftovers = (): string[] =>
  spawnSync("ps", ["-eo", "args"], { encoding: "utf8" })
    .stdout.split("\n")
    .filter((line) => line.includes("mednexus-demo-"));

describe("mednexus demo run", function () {
  this.timeout(300_000);

  it("trains, proves and settles; writes what it says; exit code 0", async () => {
    const { code, stdout, stderr } = await mednexus([
      "demo",
      "run",
      "--hospitals",
      "3",
      "--rounds",
      "2",
      "--json",
      "-",
    ]);
    expect(code, stderr).to.equal(0);
    const result = JSON.parse(stdout) as Result;
    expect(result.version).to.equal(1);
    expect(result.ok).to.equal(true);
    expect(result.rounds).to.have.length(2);
    for (const round of result.rounds) {
      expect(round.members).to.equal(3);
      expect(round.gas.submit).to.have.length(3);
      for (const gas of round.gas.submit) expect(gas).to.be.within(300_000, 700_000);
    }
    expect(result.accuracy.alone).to.have.length(3);
    // statistics round and two training rounds of three members each, two aggregations
    expect(result.proofs).to.deep.equal({ made: 3 * 3 + 2, verifiedOnChain: 3 * 3 + 2 });
    expect(new Set(result.payments.map(({ role }) => role))).to.include.members([
      "institution",
      "committee",
      "prover",
      "creator",
      "protocol",
      "keeper",
    ]);
    for (const { deposits, withdrawn, refundable, slashed, held, ok } of result.conservation) {
      expect(ok).to.equal(true);
      expect(BigInt(deposits)).to.equal(BigInt(withdrawn) + BigInt(refundable) + BigInt(slashed) + BigInt(held));
    }
    expect(result.history.equalToChain).to.equal(true);
    expect(result.history.rows).to.be.greaterThan(50);
    expect(leftovers()).to.deep.equal([]);
  });

  it("Ctrl-C: exit code 130, nothing left behind", async () => {
    const { code } = await mednexus(["demo", "run", "--hospitals", "3", "--rounds", "50"], (child) => {
      let seen = "";
      const watch = (chunk: Buffer): void => {
        seen += chunk.toString();
        if (!seen.includes("started ")) return;
        child.stdout?.off("data", watch);
        child.kill("SIGINT");
      };
      child.stdout?.on("data", watch);
    });
    expect(code).to.equal(130);
    expect(leftovers()).to.deep.equal([]);
  });
});
