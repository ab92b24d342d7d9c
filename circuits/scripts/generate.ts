import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { srsHash } from "@mednexus/sdk";
import { build } from "../keys.ts";
import { packageRoot, published } from "../manifest.ts";
import { tauPoints } from "../setup/groth16.ts";
import { type BuildRecord, word } from "../setup/record.ts";
import { trapdoor } from "../setup/trapdoor.ts";

/** Rebuilds every published key from nothing and writes generated/: verifying keys and the index. Minutes. */
const scratch = await mkdtemp(join(tmpdir(), "mednexus-keys-"));
const keys: Record<string, BuildRecord> = {};
for (const { circuit, n } of published) {
  const name = `${circuit}-${n}`;
  const started = Date.now();
  await build(circuit, n, join(scratch, name), () => {});
  keys[name] = JSON.parse(await readFile(join(scratch, name, "record.json"), "utf8"));
  await copyFile(join(scratch, name, "vkey.json"), join(packageRoot, "generated", `${name}.vkey.json`));
  console.log(`${name}: ${keys[name]!.constraints} constraints, ${((Date.now() - started) / 1000).toFixed(1)} s`);
}
await rm(scratch, { recursive: true });

const { tauG1, tauG2 } = await tauPoints(trapdoor.tau);
const index = {
  warning: "INSECURE development set-up: its secrets are public. Refused off devnet chain ids.",
  srs: { tauG1, tauG2, hash: srsHash(tauG1, tauG2) },
  trapdoor,
  keys,
};
const json = JSON.stringify(index, (_, value) => (typeof value === "bigint" ? word(value) : value), 2);
await writeFile(join(packageRoot, "generated", "index.json"), `${json}\n`);
