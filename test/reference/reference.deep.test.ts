import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";

const CHECK = fileURLToPath(new URL("./check.py", import.meta.url));
const VECTORS = fileURLToPath(new URL("../vectors/encoding.json", import.meta.url));
/** Far below what the file holds today; a vector file that lost its content must not pass. */
const MINIMUM_CHECKS = 900;

const python = (...args: string[]) => spawnSync("python3", ["-B", CHECK, ...args], { encoding: "utf8" });

describe("independent Python reference", () => {
  before(() => {
    const { error } = spawnSync("python3", ["--version"]);
    if (error)
      throw new Error("python3 is not installed: the reference cannot run, so this suite fails", { cause: error });
  });

  it("recomputes every value of the vector file", () => {
    const { status, stdout, stderr } = python();
    expect(status, stdout + stderr).to.equal(0);
    expect(Number(/^(\d+) checks:/.exec(stdout)?.[1])).to.be.greaterThan(MINIMUM_CHECKS);
  });

  it("goes red on one changed digit", () => {
    const folder = mkdtempSync(join(tmpdir(), "mednexus-reference-"));
    try {
      const changed = join(folder, "encoding.json");
      const vectors = JSON.parse(readFileSync(VECTORS, "utf8"));
      vectors.rounds[0].members[1].h = vectors.rounds[0].members[0].h;
      writeFileSync(changed, JSON.stringify(vectors));
      const { status, stdout } = python(changed);
      expect(status).to.equal(1);
      expect(stdout).to.include("MISMATCH h at rounds[0].members[1]");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
