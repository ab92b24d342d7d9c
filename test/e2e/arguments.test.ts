import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { mednexus } from "./command.ts";

describe("mednexus arguments", () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), "mednexus-arguments-"))));
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("--help of the command, of a verb; exit code 0", async () => {
    const all = await mednexus(["--help"]);
    expect(all.code).to.equal(0);
    expect(all.stdout).to.include("demo run");
    expect(all.stdout).to.include("demo market");
    const market = await mednexus(["demo", "market", "--help"]);
    expect(market.code).to.equal(0);
    for (const option of ["--seed", "--json", "--keep"]) expect(market.stdout).to.include(option);
    const verb = await mednexus(["demo", "run", "--help"]);
    expect(verb.code).to.equal(0);
    for (const option of [
      "--data",
      "--label",
      "--hospitals",
      "--rounds",
      "--size",
      "--scenario",
      "--split",
      "--seed",
      "--rpc",
      "--keep",
      "--json",
    ]) {
      expect(verb.stdout).to.include(option);
    }
  });

  const bad: [string, string[], string][] = [
    ["an unknown command", ["frobnicate"], "no such command"],
    ["an unknown option", ["demo", "run", "--frobnicate"], "--frobnicate"],
    ["a size that no circuit has", ["demo", "run", "--size", "256"], "--size 256"],
    ["no hospitals", ["demo", "run", "--hospitals", "0"], "--hospitals 0"],
    ["--data without --label", ["demo", "run", "--data", "x.csv"], "--label"],
    ["an unknown scenario", ["demo", "run", "--scenario", "../../etc/passwd"], "no scenario"],
    ["a result file that cannot be written", ["demo", "run", "--json", "nowhere/x.json"], "nowhere/x.json"],
    ["a market with an option of another demo", ["demo", "market", "--rounds", "2"], "--rounds"],
    ["a market's seed that is no number", ["demo", "market", "--seed", "x"], "--seed x"],
    ["a market's result that cannot be written", ["demo", "market", "--json", "nowhere/x.json"], "nowhere/x.json"],
    ["a file that is not there", ["demo", "run", "--data", "nowhere.csv", "--label", "y"], "nowhere.csv"],
  ];
  for (const [what, args, named] of bad) {
    it(`${what}: exit code 2 and a line that names it`, async () => {
      const { code, stderr, stdout } = await mednexus(args);
      expect(code).to.equal(2);
      expect(stderr).to.include(named);
      expect(stdout).to.equal("");
    });
  }

  const tables: [string, string][] = [
    ["missing label", "a,b\n1,2\n"],
    ["non-numeric cell", "a,y\n1,p\nx,q\n"],
    ["NaN", "a,y\nNaN,p\n1,q\n"],
    ["one class only", "a,y\n1,p\n2,p\n"],
    ["zero rows", "a,y\n"],
    ["nothing at all", ""],
  ];
  for (const [what, text] of tables) {
    it(`[attack 140] a table with ${what}: one clear line, exit code 2`, async () => {
      const file = join(folder, "table.csv");
      writeFileSync(file, text);
      const { code, stderr } = await mednexus(["demo", "run", "--data", file, "--label", "y"]);
      expect(code).to.equal(2);
      expect(stderr.trim().split("\n")).to.have.length(1);
      expect(stderr).to.match(/^BAD_INPUT: /);
    });
  }
});
