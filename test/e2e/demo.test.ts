import type { ChildProcess } from "node:child_process";
import { expect } from "chai";
import { eachTemp, mednexus, onOutput, processesIn } from "./command.ts";

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

describe("mednexus demo run", function () {
  this.timeout(300_000);

  const temp = eachTemp();
  const demo = (args: string[], onStart?: (child: ChildProcess) => void): ReturnType<typeof mednexus> =>
    mednexus(["demo", "run", "--hospitals", "3", ...args], onStart, temp.path);

  it("trains, proves and settles; writes what it says; exit code 0", async () => {
    const { code, stdout, stderr } = await demo(["--rounds", "2", "--json", "-"]);
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
    temp.expectNothingLeft();
  });

  it("Ctrl-C: exit code 130, nothing left behind", async () => {
    let running: string[] = [];
    const { code } = await demo(["--rounds", "50"], (child) =>
      onOutput(child, /started /, () => {
        running = processesIn(temp.path);
        child.kill("SIGINT");
      }),
    );
    expect(running, "the check sees what runs").to.have.length.greaterThan(5);
    expect(code).to.equal(130);
    temp.expectNothingLeft();
  });
});
