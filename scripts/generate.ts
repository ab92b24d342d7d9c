/**
 * Everything generated that git holds: ABIs and their TypeChain types in sdk/src/generated, the subgraph's schema and mappings.
 * (Verifying keys are written by circuits/setup and checked by its own tests: they need the keys, these need only the compiler.)
 * `--check` writes nothing and fails when a file would change.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const root = resolve(import.meta.dirname, "..");
const abiDir = join(root, "sdk/src/generated/abi");
const typesDir = join(root, "sdk/src/generated/types");
const check = process.argv.includes("--check");
const node = (...args: string[]) => execFileSync(process.execPath, args, { cwd: root, stdio: "inherit" });

node(join(root, "node_modules/.bin/hardhat"), "build", "--quiet");
node(join(root, "scripts/generate-abi.ts"), ...(check ? ["--check"] : []));
node(join(root, "subgraph/generate.ts"), ...(check ? ["--check"] : []));

const scratch = mkdtempSync(join(tmpdir(), "mednexus-types-"));
try {
  mkdirSync(join(scratch, "abi"));
  for (const file of readdirSync(abiDir).filter((name) => name !== "index.ts")) {
    const module = (await import(pathToFileURL(join(abiDir, file)).href)) as Record<string, unknown>;
    writeFileSync(join(scratch, "abi", `${basename(file, ".ts")}.json`), JSON.stringify(Object.values(module)[0]));
  }
  execFileSync(
    process.execPath,
    [
      join(root, "node_modules/.bin/typechain"),
      "--target",
      "ethers-v6",
      "--node16-modules",
      "--out-dir",
      join(scratch, "out"),
      join(scratch, "abi", "*.json"),
    ],
    { cwd: scratch, stdio: ["ignore", "ignore", "inherit"] },
  );
  const wanted = new Map<string, string>();
  for (const file of readdirSync(join(scratch, "out"))
    .filter((name) => name.endsWith(".ts") && name !== "index.ts")
    .sort()) {
    // Types only, and this repository imports its own files by their real names.
    wanted.set(file, readFileSync(join(scratch, "out", file), "utf8").replaceAll('"./common.js"', '"./common.ts"'));
  }
  const names = [...wanted.keys()].filter((file) => file !== "common.ts");
  wanted.set("index.ts", names.map((file) => `export type { ${basename(file, ".ts")} } from "./${file}";\n`).join(""));

  const here = existsSync(typesDir) ? readdirSync(typesDir) : [];
  const differing = [...new Set([...here, ...wanted.keys()])].filter(
    (file) => !here.includes(file) || wanted.get(file) !== readFileSync(join(typesDir, file), "utf8"),
  );
  if (check && differing.length > 0) throw new Error(`stale types, run npm run generate: ${differing.join(", ")}`);
  if (!check) {
    rmSync(typesDir, { recursive: true, force: true });
    mkdirSync(typesDir, { recursive: true });
    for (const [file, text] of wanted) writeFileSync(join(typesDir, file), text);
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
