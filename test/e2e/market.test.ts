import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { eachTemp, mednexus, onOutput, processesIn } from "./command.ts";

interface Result {
  version: number;
  steps: { name: string; ok: boolean; gas: number }[];
  payments: { party: string; role: string; token: string; amount: string }[];
  conservation: Record<"deposits" | "withdrawn" | "refundable" | "slashed" | "held", string>[];
  ok: boolean;
}

describe("mednexus demo market", function () {
  this.timeout(600_000);

  const temp = eachTemp();

  it("sells, uses, pays, revokes and slashes; writes what it says; exit code 0", async () => {
    const file = join(temp.path, "market.json");
    const { code, stdout, stderr } = await mednexus(["demo", "market", "--json", file], () => {}, temp.path);
    expect(code, stdout + stderr).to.equal(0);
    const { version, steps, payments, conservation, ok } = JSON.parse(readFileSync(file, "utf8")) as Result;
    rmSync(file);
    expect(version).to.equal(1);
    expect(ok).to.equal(true);
    expect(steps.map(({ name }) => name)).to.deep.equal([
      "mint",
      "register",
      "consent",
      "license",
      "job",
      "withdraw",
      "sale",
      "revoke",
      "refused",
      "slash",
      "settle",
    ]);
    for (const step of steps) {
      expect(step.ok, step.name).to.equal(true);
      expect(step.gas, step.name).to.be.greaterThan(0);
    }
    const paid = (role: string): bigint =>
      payments.filter((each) => each.role === role).reduce((sum, { amount }) => sum + BigInt(amount), 0n);
    // Two uses of the model at 12 and one of the data at 8, less the protocol's 1 %; the royalties of two jobs and of the uses on top.
    expect(paid("institution")).to.equal(7_920_000n);
    expect(paid("creator") > 23_760_000n).to.equal(true);
    // Two fees of at least 10, and 80 of the vanished prover's 100.
    expect(paid("prover") >= 100_000_000n).to.equal(true);
    for (const role of ["sponsor", "protocol"]) expect(paid(role) > 0n, role).to.equal(true);
    const [sum] = conservation;
    const [deposits, withdrawn, refundable, slashed, held] = (
      ["deposits", "withdrawn", "refundable", "slashed", "held"] as const
    ).map((name) => BigInt(sum![name])) as [bigint, bigint, bigint, bigint, bigint];
    expect(deposits).to.equal(withdrawn + refundable + slashed + held);
    expect(slashed, "the treasury's fifth of the collateral").to.equal(20_000_000n);
    expect(held, "three stakes, less what was slashed").to.equal(1_400_000_000n);
    expect(refundable, "nobody has forgotten anything").to.equal(0n);
    for (const told of ["cannot: earlier owners", "RevokedGrantsStale", "every check held"])
      expect(stdout).to.include(told);
    temp.expectNothingLeft();
  });

  it("Ctrl-C in the middle: exit code 130, nothing left behind", async () => {
    let running: string[] = [];
    const args = ["demo", "market"];
    const start = (child: Parameters<Parameters<typeof mednexus>[1] & object>[0]): void =>
      onOutput(child, /version 0 imported/, () => {
        running = processesIn(temp.path);
        child.kill("SIGINT");
      });
    const { code, stdout } = await mednexus(args, start, temp.path);
    expect(running, "the check sees what runs").to.have.length.greaterThan(0);
    expect(code).to.equal(130);
    expect(stdout).to.not.include("BROKE OFF");
    temp.expectNothingLeft();
  });
});
