import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect } from "chai";

const root = resolve(import.meta.dirname, "..");

/** Catalogue numbers of the attacks that the parts built so far have to stand; README.md of this folder says what each is. */
const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const REQUIRED = [...range(1, 106), 127, 128, ...range(130, 165)];

describe("attack catalogue", () => {
  it("names every attack that is due in some test's title", () => {
    const files = spawnSync(
      "git",
      ["ls-files", "--cached", "--others", "--exclude-standard", "--", "*.test.ts", "*.t.sol"],
      { cwd: root, encoding: "utf8" },
    )
      .stdout.split("\n")
      .filter((file) => file !== "");
    const named = new Set<number>();
    for (const file of files) {
      // A comment that mentions an attack tests nothing.
      const text = readFileSync(resolve(root, file), "utf8").replaceAll(/^\s*(?:\/\/|\/?\*).*$/gm, "");
      // Titles may name several attacks: [attack 5] or [attack 5] [attack 38]; Solidity tests carry it in a function name: test_attack28_…
      for (const match of text.matchAll(/\[attack (\d+)\]|attack_?(\d+)_/gi)) named.add(Number(match[1] ?? match[2]));
    }
    expect(REQUIRED.filter((number) => !named.has(number))).to.deep.equal([]);
  });
});
