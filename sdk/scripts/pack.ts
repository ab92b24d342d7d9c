/**
 * Builds the package that is published: plain JavaScript and type declarations with a manifest of its own, since in
 * this repository the workspace exports its TypeScript sources. Writes mednexus-sdk-<version>.tgz.
 *   npx node sdk/scripts/pack.ts [FOLDER]     default folder: sdk/dist
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const sdk = resolve(import.meta.dirname, "..");
const root = resolve(sdk, "..");
const target = resolve(process.argv[2] ?? join(sdk, "dist"));
const staging = join(sdk, "dist", "package");

function run(command: string, args: string[], cwd: string): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: "utf8" });
  if (error ?? status !== 0) throw new Error(`${command} ${args[0]} failed: ${stdout}${stderr}`, { cause: error });
  return stdout;
}

rmSync(staging, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
run(process.execPath, [join(root, "node_modules", ".bin", "tsc"), "-p", join(sdk, "tsconfig.build.json")], root);

const { name, version, description, license, type, dependencies } = JSON.parse(
  readFileSync(join(sdk, "package.json"), "utf8"),
);
const entry = (file: string) => ({ types: `./lib/${file}.d.ts`, default: `./lib/${file}.js` });
const manifest = {
  name,
  version,
  description,
  license,
  type,
  engines: { node: ">=20" },
  sideEffects: false,
  files: ["lib"],
  exports: { ".": entry("index"), "./abi": entry("generated/abi/index") },
  dependencies,
};
writeFileSync(join(staging, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
copyFileSync(join(root, "LICENSE"), join(staging, "LICENSE"));
console.log(join(target, run("npm", ["pack", "--silent", "--pack-destination", target], staging).trim()));
