import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { contractNames, eventsOf } from "@mednexus/indexer/history";
import type { ContractName } from "@mednexus/sdk";

const HERE = import.meta.dirname;
const GENERATED = join(HERE, "generated");
const BUILDS = join(HERE, "build");

const abiOf = (contract: ContractName): string => JSON.stringify(eventsOf(contract));

/** The manifest for one deployment. `mapping`: the file name, mapping.ts to compile or mapping.wasm to run. */
export function manifest(
  mapping: string,
  startBlock: number,
  network: string,
  addresses: Readonly<Record<string, string>>,
): string {
  const values: Record<string, string> = { ...addresses, mapping, network, startBlock: String(startBlock) };
  return readFileSync(join(GENERATED, "subgraph.template.yaml"), "utf8").replace(
    /\{\{(\w+)\}\}/g,
    (_, name: string) => {
      const value = values[name];
      if (value === undefined) throw new Error(`the manifest needs ${name}`);
      return value;
    },
  );
}

/**
 * Compiles the mappings with graph-cli, offline, and returns a folder with mapping.wasm, schema.graphql and abis/.
 * Kept under build/ by the hash of everything that goes in.
 */
export function buildSubgraph(): string {
  const sources = ["entities.ts", "mapping.ts", "schema.graphql", "subgraph.template.yaml"];
  const hash = createHash("sha256");
  for (const file of sources) hash.update(readFileSync(join(GENERATED, file)));
  for (const contract of contractNames) hash.update(abiOf(contract));
  const target = join(BUILDS, hash.digest("hex").slice(0, 16));
  if (existsSync(target)) return target;

  mkdirSync(BUILDS, { recursive: true });
  const dir = mkdtempSync(join(BUILDS, "tmp-"));
  try {
    for (const file of sources) cpSync(join(GENERATED, file), join(dir, file));
    mkdirSync(join(dir, "abis"));
    for (const contract of contractNames) writeFileSync(join(dir, "abis", `${contract}.json`), abiOf(contract));
    const zero = Object.fromEntries(contractNames.map((c) => [c, `0x${"0".repeat(40)}`]));
    writeFileSync(join(dir, "subgraph.yaml"), manifest("mapping.ts", 0, "devnet", zero));
    const cli = resolve(dirname(fileURLToPath(import.meta.resolve("@graphprotocol/graph-cli"))), "../bin/run.js");
    const graph = (...args: string[]): void => {
      try {
        execFileSync(process.execPath, [cli, ...args], { cwd: dir, encoding: "utf8", stdio: "pipe" });
      } catch (cause) {
        const { stdout, stderr } = cause as { stdout: string; stderr: string };
        throw new Error(`graph ${args[0]} failed:\n${stdout}\n${stderr}`, { cause });
      }
    };
    graph("codegen", "--output-dir", "generated");
    graph("build", "--output-dir", "out");

    const out = join(dir, "ready");
    mkdirSync(out);
    const wasm = readdirSync(join(dir, "out"), { recursive: true, encoding: "utf8" }).find((f) => f.endsWith(".wasm"));
    if (wasm === undefined) throw new Error("graph build wrote no wasm");
    cpSync(join(dir, "out", wasm), join(out, "mapping.wasm"));
    cpSync(join(dir, "schema.graphql"), join(out, "schema.graphql"));
    cpSync(join(dir, "abis"), join(out, "abis"), { recursive: true });
    if (!existsSync(target)) renameSync(out, target);
    return target;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
