import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect } from "chai";
import { planted } from "./planted.ts";

const root = resolve(import.meta.dirname, "../..");

/** Enough for a bug that few runs meet: a run that meets it is the last. */
const RUNS = 400;
/** Unshrunk, since only the verdict counts. */
const CONFIG = `import config from "./hardhat.config.ts";
const runs = Number(process.env.PLANTED_RUNS);
export default { ...config, test: { solidity: { invariant: { runs, depth: 200, shrinkRunLimit: 0 } } } };
`;

/** One copy of the project for all of them: what a patch does not touch is compiled once. */
class Project {
  readonly at = mkdtempSync(join(tmpdir(), "mednexus-planted-"));

  constructor() {
    const parts = ["contracts", "test/invariant", "test/utils", "hardhat.config.ts", "package.json"];
    const built = ["cache", "artifacts"].filter((part) => existsSync(join(root, part)));
    for (const part of [...parts, ...built]) cpSync(join(root, part), join(this.at, part), { recursive: true });
    symlinkSync(join(root, "node_modules"), join(this.at, "node_modules"));
    writeFileSync(join(this.at, "planted.config.ts"), CONFIG);
  }

  /** Runs `body` with `before` replaced in `file`. */
  patched<T>(file: string, before: string, after: string, body: () => T): T {
    const path = join(this.at, file);
    const source = readFileSync(path, "utf8");
    const pieces = source.split(before);
    if (pieces.length !== 2) throw new Error(`${file}: "${before}" occurs ${pieces.length - 1} times, not once`);
    writeFileSync(path, pieces.join(after));
    try {
      return body();
    } finally {
      writeFileSync(path, source);
    }
  }

  /** The runner's verdict on one invariant; throws if there is none (it did not compile, or did not run). */
  verdict(suite: string, invariant: string, runs = RUNS): { passed: boolean; output: string } {
    const hardhat = join(root, "node_modules/.bin/hardhat");
    const run = ["--config", "planted.config.ts", "test", "solidity", suite, "--grep", invariant, "--no-typechain"];
    const { stdout, stderr } = spawnSync(process.execPath, [hardhat, ...run], {
      cwd: this.at,
      encoding: "utf8",
      env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0", PLANTED_RUNS: `${runs}` },
      maxBuffer: 1 << 28,
    });
    const passed = stdout.includes(`✔ ${invariant}()`);
    const failed = new RegExp(`\\d+\\) ${invariant}\\(\\)`).test(stdout);
    if (passed === failed) throw new Error(`no verdict on ${invariant}:\n${stdout}\n${stderr}`);
    return { passed, output: stdout };
  }
}

describe("Planted bugs", () => {
  let project: Project;

  before(() => {
    project = new Project();
  });

  after(() => rmSync(project.at, { recursive: true, force: true }));

  for (const [invariant, suite] of new Map(planted.map((bug) => [bug.invariant, bug.suite]))) {
    it(`${suite}: ${invariant} is green as the code stands`, function () {
      this.timeout(900_000);
      const { passed, output } = project.verdict(suite, invariant, 24);
      expect(passed, output).to.equal(true);
    });
  }

  for (const { bug, what, file, before, after, suite, invariant } of planted) {
    it(`${bug}: ${what} (${file.split("/").at(-1)}) turns ${invariant} red`, function () {
      this.timeout(900_000);
      const { passed, output } = project.patched(file, before, after, () => project.verdict(suite, invariant));
      expect(passed, output).to.equal(false);
      // For the property's sake, not because something else broke.
      const reason = /\bP\d+[ :].*/.exec(output)?.[0];
      expect(reason, output).not.to.equal(undefined);
      console.log(`      ${reason}`);
    });
  }
});
