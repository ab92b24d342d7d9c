import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect } from "chai";
import { planted } from "./planted.ts";

const root = resolve(import.meta.dirname, "../..");

describe("Planted bugs", () => {
  it("cover every class, and the vault, stake, settlement and campaigns", () => {
    expect([...new Set(planted.map(({ bug }) => bug))].sort()).to.deep.equal([
      "exit before the slash",
      "exit closed",
      "fee after cap",
      "owed not zeroed",
      "released twice",
      "revocation ignored",
      "rounding to the caller",
      "stake counted twice",
      "wrong payee",
    ]);
    const files = new Set(planted.map(({ file }) => file.split("/").at(-1)));
    expect(files).to.include.all.keys("Vault.sol", "Stake.sol", "RoundSettlement.sol", "CampaignRegistry.sol");
  });

  for (const { what, file, before, after, suite, invariant } of planted) {
    it(`still fit the code: ${what}`, () => {
      const read = (path: string) => readFileSync(join(root, path), "utf8");
      expect(read(file).split(before).length - 1, `occurrences in ${file}`).to.equal(1);
      expect(after).not.to.equal(before);
      expect(read(suite)).to.include(`function ${invariant}(`);
    });
  }
});
