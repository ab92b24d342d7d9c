/**
 * Runs the tests and adds up what the runners themselves report.
 *   node scripts/test.ts          everything but *.deep.test.ts
 *   node scripts/test.ts --deep   only *.deep.test.ts, and the Solidity tests with the deep budgets
 *   … FILE…                       only these mocha files
 * Last line: "N passed, N failed, N skipped". Exit code 1 if anything failed, nothing ran, or a test file was not collected.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const deep = process.argv.includes("--deep");
const only = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
let reports = 0;
const scratch = mkdtempSync(join(tmpdir(), "mednexus-test-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));

const print = (chunk: Buffer | string) => void process.stdout.write(chunk);
const bin = (name: string) => join(root, "node_modules", ".bin", name);

interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

/** Runs a Node script to its end; `print` is called with its output as it comes. */
function run(
  args: string[],
  print: (chunk: Buffer) => void,
  env: Record<string, string> = {},
): Promise<{ code: number; output: string }> {
  return new Promise((done, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: root,
      // Many tests start the command line: its modules are compiled once for all of them.
      env: { ...process.env, NODE_COMPILE_CACHE: join(scratch, "compiled"), ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        output += chunk;
        print(chunk);
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

/** `live` is given what it says as it comes; without it that is printed whole at the end, since others run beside it. */
async function mocha(files: string[], live?: (chunk: Buffer) => void): Promise<Tally> {
  const report = join(scratch, `mocha-${reports++}.json`);
  const { code, output } = await run(
    [
      bin("mocha"),
      "--reporter",
      join(root, "scripts", "reporter.cjs"),
      "--reporter-option",
      `output=${report}`,
      // What runs for minutes on a quiet machine may take an hour on a busy one.
      ...(deep ? ["--timeout", "3600000"] : []),
      ...files,
    ],
    live ?? (() => {}),
  );
  if (live === undefined) print(output);
  if (!existsSync(report)) {
    console.error(`mocha ended with ${code} and left no report: ${files.join(" ")}`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
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
  const { code, output } = await run([bin("hardhat"), "test", "solidity", "--no-compile", ...files], () => {}, {
    MEDNEXUS_DEEP: deep ? "1" : "",
  });
  print(output);
  const count = (word: string) => Number(new RegExp(`(\\d+) ${word}`).exec(output)?.[1] ?? 0);
  const tally = { passed: count("passing"), failed: count("failing"), skipped: count("skipped") };
  if (tally.passed + tally.failed === 0) {
    console.error("the Solidity runner reported no test");
    tally.failed = 1;
  }
  if (code !== 0 && tally.failed === 0) tally.failed = 1;
  return tally;
}

interface Work {
  readonly name: string;
  run(): Promise<Tally>;
}

/** One piece of work after another on each of two lanes, which is what keeps two cores busy. The first lane makes the build before it takes any. */
async function lanes(build: () => Promise<void>, [unbuilt, built]: [Work[], Work[]]): Promise<Tally[]> {
  const tallies: Tally[] = [];
  const drain = async (queue: Work[]): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const started = performance.now();
      print(`${next.name} …\n`);
      tallies.push(await next.run());
      print(`${next.name}: ${Math.round((performance.now() - started) / 1000)} s\n`);
    }
  };
  const building = build();
  await Promise.all([
    building.then(() => drain(built)),
    drain(unbuilt)
      .then(() => building)
      .then(() => drain(built)),
  ]);
  return tallies;
}

/**
 * By package and, for what is in test/, by folder; files that take minutes alone. From the last name to the first, which happens to put the longest before the
 * shortest, so that both lanes end at about the same time.
 */
function grouped(files: string[]): [string, string[]][] {
  const groups = new Map<string, string[]>();
  for (const file of files) {
    const parts = file.split("/");
    const name = parts[0] !== "test" ? parts[0]! : LONG.includes(parts[1] ?? "") ? file : parts.slice(0, 2).join("/");
    groups.set(name, [...(groups.get(name) ?? []), file]);
  }
  return [...groups].reverse();
}

/** Both runners start from one finished build, so neither writes to it while the other reads. */
async function build(): Promise<void> {
  const { code } = await run([bin("hardhat"), "build"], print);
  if (code !== 0) process.exit(1);
}

/** Folders of test/ whose files take minutes. */
const LONG = ["e2e", "integration"];

/** Packages whose tests read no contract: they need not wait for the build. */
const UNBUILT = ["circuits", "gpu-prover"];

const wanted = testFiles(".test.ts").filter((file) => file.endsWith(".deep.test.ts") === deep);
let tallies: Tally[];
if (only.length > 0) {
  await build();
  tallies = [await mocha(only, print)];
} else {
  const work = grouped(wanted).map(([name, files]): Work => ({ name, run: () => mocha(files) }));
  const needsNone = ({ name }: Work): boolean => UNBUILT.includes(name);
  tallies = await lanes(build, [
    work.filter(needsNone),
    [{ name: "Solidity", run: () => solidity(testFiles(".t.sol")) }, ...work.filter((one) => !needsNone(one))],
  ]);
}
const total = tallies.reduce((a, b) => ({
  passed: a.passed + b.passed,
  failed: a.failed + b.failed,
  skipped: a.skipped + b.skipped,
}));
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
