/**
 * The dependency arrows of the repository, enforced: contracts, circuits → sdk → {gpu-prover, hospital, keeper, indexer, subgraph} → cli.
 * A package may import only what its row names; nobody below the command line imports Hardhat; core contracts import no periphery and no mocks.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const allowed: Record<string, string[]> = {
  sdk: [],
  circuits: ["sdk"],
  "gpu-prover": ["sdk", "circuits"],
  hospital: ["sdk", "circuits", "gpu-prover"],
  keeper: ["sdk", "circuits", "gpu-prover"],
  indexer: ["sdk"],
  subgraph: ["sdk", "indexer"],
  cli: ["sdk", "circuits", "gpu-prover", "hospital", "keeper", "indexer", "subgraph"],
};

const files = spawnSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
  cwd: root,
  encoding: "utf8",
}).stdout.split("\n");
const problems: string[] = [];

for (const file of files) {
  const [folder = ""] = file.split("/");
  if (file.endsWith(".sol") && folder === "contracts" && !/^contracts\/(mocks|periphery)\//.test(file)) {
    for (const match of read(file).matchAll(/from "([^"]*\/(?:mocks|periphery)\/[^"]*)"/g))
      problems.push(`${file}: core imports ${match[1]}`);
  }
  const rule = allowed[folder];
  if (rule === undefined || !file.endsWith(".ts") || file.endsWith(".test.ts") || /\/(test|bench)\//.test(file))
    continue;
  for (const match of read(file).matchAll(/(?:from|import\()\s*"([^"]+)"/g)) {
    const target = match[1] ?? "";
    const own = /^@mednexus\/([a-z-]+)/.exec(target)?.[1];
    if (own !== undefined && own !== folder && !rule.includes(own))
      problems.push(`${file}: ${folder} may not import @mednexus/${own}`);
    if (
      folder !== "cli" &&
      (target === "hardhat" || target.startsWith("hardhat/") || target.startsWith("@nomicfoundation/"))
    ) {
      problems.push(`${file}: a package imports Hardhat`);
    }
    const climbs = target.startsWith("../") && resolve("/", file, "..", target).split("/")[1] !== folder;
    if (climbs && folder !== "cli") problems.push(`${file}: reaches out of its package: ${target}`);
  }
}

for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;

function read(file: string): string {
  try {
    return readFileSync(resolve(root, file), "utf8");
  } catch {
    return ""; // listed but deleted in the working tree
  }
}
