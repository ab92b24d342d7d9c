/**
 * Runs the tests and adds up what the runners themselves report.
 *   node scripts/test.ts          everything but *.deep.test.ts
 *   node scripts/test.ts --deep   only *.deep.test.ts, and the Solidity tests with the deep budgets
 *   … FILE…                       only these mocha files
 * Last line: "N passed, N failed, N skipped". Exit code 1 if anything failed, nothing ran, or a test file was not collected.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const deep = process.argv.includes("--deep");
const only = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const scratch = mkdtempSync(join(tmpdir(), "mednexus-test-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));

const bin = (name: string) => join(root, "node_modules", ".bin", name);

interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

function run(
  command: string,
  args: string[],
  env: Record<string, string> = {},
): Promise<{ code: number; output: string }> {
  return new Promise((done, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        output += chunk;
        process.stdout.write(chunk);
      });
    }
    child.on("error", reject);
    child.on("close", (code) => done({ code: code ?? 1, output }));
  });
}

/** Test files that git knows or would take: what a glob forgets shows up here. */
function testFiles(suffix: string): string[] {
  const listed = spawnSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "--", `*${suffix}`], {
    cwd: root,
    encoding: "utf8",
  });
  if (listed.status !== 0) throw new Error(`git ls-files failed: ${listed.stderr}`);
  return [...new Set(listed.stdout.split("\n").filter((file) => file !== ""))].sort();
}

async function mocha(files: string[]): Promise<Tally> {
  const report = join(scratch, "mocha.json");
  const { code } = await run(process.execPath, [
    bin("mocha"),
    "--reporter",
    join(root, "scripts", "reporter.cjs"),
    "--reporter-option",
    `output=${report}`,
    // What runs for minutes on a quiet machine may take an hour on a busy one.
    ...(deep ? ["--timeout", "3600000"] : []),
    ...files,
  ]);
  const { stats, tests, pending, failures } = JSON.parse(readFileSync(report, "utf8")) as {
    stats: { passes: number; failures: number; pending: number };
    tests: { file?: string }[];
    pending: { file?: string }[];
    failures: { file?: string }[];
  };
  const seen = new Set(
    [...tests, ...pending, ...failures].map((test) => (test.file === undefined ? "" : relative(root, test.file))),
  );
  const missed = files.filter((file) => !seen.has(file));
  for (const file of missed) console.error(`not collected: ${file} ran no test`);
  const failed = stats.failures + missed.length;
  // A crash after the report must not read as success.
  return { passed: stats.passes, failed: failed === 0 && code !== 0 ? 1 : failed, skipped: stats.pending };
}

async function solidity(files: string[]): Promise<Tally> {
  const { code, output } = await run(process.execPath, [bin("hardhat"), "test", "solidity", ...files], {
    MEDNEXUS_DEEP: deep ? "1" : "",
  });
  const count = (word: string) => Number(new RegExp(`(\\d+) ${word}`).exec(output)?.[1] ?? 0);
  const tally = { passed: count("passing"), failed: count("failing"), skipped: count("skipped") };
  if (tally.passed + tally.failed === 0) {
    console.error("the Solidity runner reported no test");
    tally.failed = 1;
  }
  if (code !== 0 && tally.failed === 0) tally.failed = 1;
  return tally;
}

const build = await run(process.execPath, [bin("hardhat"), "build"]);
if (build.code !== 0) process.exit(1);
const wanted = testFiles(".test.ts").filter((file) => file.endsWith(".deep.test.ts") === deep);
const tallies = [await mocha(only.length > 0 ? only : wanted)];
if (only.length === 0) {
  const files = testFiles(".t.sol");
  if (files.length > 0) tallies.push(await solidity(files));
}
const total = tallies.reduce((a, b) => ({
  passed: a.passed + b.passed,
  failed: a.failed + b.failed,
  skipped: a.skipped + b.skipped,
}));
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
