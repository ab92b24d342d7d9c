import { spawn } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { mkdir, readFile, rename, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { keyHash as hashKey, type VerifyingKey } from "@mednexus/sdk";
import { type Circuit, CircuitError, isSize, manifest, packageRoot } from "./manifest.ts";
import { publishedRecord } from "./published.ts";
import { type BuildRecord, decodeVerifyingKey } from "./setup/record.ts";

/** A circuit's proving material, all of it checked against its hashes. */
export interface Keys {
  readonly circuit: Circuit;
  readonly n: number;
  readonly constraints: number;
  /** BuildRecord's keyHash: what the verifier registry stores */
  readonly keyHash: string;
  readonly verifyingKey: VerifyingKey;
  readonly r1cs: Uint8Array<ArrayBuffer>;
  /** witness generator */
  readonly wasm: Uint8Array<ArrayBuffer>;
  /** proving key, snarkjs format */
  readonly zkey: Uint8Array<ArrayBuffer>;
}

export type KeyStage = "cached" | "compile" | "setup";

export interface LoadOptions {
  onProgress?(stage: KeyStage, circuit: Circuit, n: number): void;
  /** folder of built keys; default: env MEDNEXUS_CACHE, else node_modules/.cache/mednexus of the repository */
  readonly cache?: string;
}

/**
 * Development keys (INSECURE) of a circuit at size n: from the cache, or built in a child process and cached.
 *
 * A build lies in a folder named by the hash of all that it is made from, appears there by one rename, and is
 * trusted only by its hashes: for a published size those committed in generated/, else those it was stored with. Two
 * processes may build at once; one result stays. A damaged folder is built again.
 *
 * @throws CircuitError SIZE_UNKNOWN, BUILD_FAILED, KEYS_NOT_REPRODUCED
 */
export async function loadKeys(circuit: Circuit, n: number, options: LoadOptions = {}): Promise<Keys> {
  if (!Object.hasOwn(manifest, circuit) || !isSize(circuit, n)) {
    throw new CircuitError("SIZE_UNKNOWN", `no circuit ${circuit} of size ${n}`);
  }
  const folder = folderOf(circuit, n, options.cache);
  const cache = dirname(folder);

  const cached = await readBuild(folder, circuit, n);
  if (cached) {
    options.onProgress?.("cached", circuit, n);
    return cached;
  }
  const fresh = `${folder}.${randomUUID()}`;
  await mkdir(cache, { recursive: true });
  try {
    await build(circuit, n, fresh, (stage) => options.onProgress?.(stage, circuit, n));
    const built = await readBuild(fresh, circuit, n);
    if (!built) {
      throw new CircuitError(
        "KEYS_NOT_REPRODUCED",
        `${circuit}(${n}): a fresh build does not match circuits/generated; run npm run keys -w circuits`,
      );
    }
    await publish(fresh, folder);
    return built;
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

/** Whether `loadKeys` would find them in the cache, sound. Builds nothing. */
export const areKeysCached = async (circuit: Circuit, n: number, cache?: string): Promise<boolean> =>
  (await readBuild(folderOf(circuit, n, cache), circuit, n)) !== undefined;

function folderOf(circuit: Circuit, n: number, cache?: string): string {
  const base = cache ?? process.env.MEDNEXUS_CACHE ?? join(packageRoot, "../node_modules/.cache/mednexus");
  return join(resolve(base), `${circuit}-${n}-${sourceHash()}`);
}

/** Builds into a folder, in a child process, and nothing else. */
export async function build(
  circuit: Circuit,
  n: number,
  folder: string,
  onStage: (stage: KeyStage) => void,
): Promise<void> {
  const script = fileURLToPath(new URL("./setup/build.ts", import.meta.url));
  const child = spawn(process.execPath, ["--max-old-space-size=8192", script, circuit, String(n), folder], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (lines: string) => {
    for (const stage of lines.split("\n")) if (stage === "compile" || stage === "setup") onStage(stage);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors = (errors + text).slice(-2000)));
  const code = await new Promise((done, failed) => child.on("close", done).on("error", failed));
  if (code !== 0) throw new CircuitError("BUILD_FAILED", `${circuit}(${n}): key build ended with ${code}: ${errors}`);
}

/** The build in a folder, or undefined if it is absent, damaged or not the expected one. */
async function readBuild(folder: string, circuit: Circuit, n: number): Promise<Keys | undefined> {
  try {
    // a plain array: a Buffer's slice() would share its memory
    const read = async (name: string): Promise<Uint8Array<ArrayBuffer>> => {
      const { buffer, byteOffset, byteLength } = await readFile(join(folder, name));
      return new Uint8Array(buffer, byteOffset, byteLength);
    };
    const [r1cs, wasm, zkey] = await Promise.all([read("circuit.r1cs"), read("circuit.wasm"), read("circuit.zkey")]);
    const record = JSON.parse(await readFile(join(folder, "record.json"), "utf8")) as BuildRecord;
    const vkey = await readFile(join(folder, "vkey.json"), "utf8");
    const { constraints, keyHash, sha256 } = publishedRecord(circuit, n) ?? record;
    const verifyingKey = decodeVerifyingKey(vkey);
    if (hashKey(circuit, n, verifyingKey) !== keyHash) return undefined;
    if (digest(r1cs) !== sha256.r1cs || digest(wasm) !== sha256.wasm || digest(zkey) !== sha256.zkey) return undefined;
    return { circuit, n, constraints, keyHash, verifyingKey, r1cs, wasm, zkey };
  } catch (error) {
    if (
      error instanceof SyntaxError ||
      error instanceof CircuitError ||
      (error as NodeJS.ErrnoException).code === "ENOENT"
    )
      return undefined;
    throw error;
  }
}

/** Moves a finished build into place; whatever lies there (damaged, or another process's equal one) makes way. */
async function publish(fresh: string, folder: string): Promise<void> {
  const old = `${fresh}.old`;
  await rename(folder, old).catch(ignore("ENOENT"));
  await rename(fresh, folder).catch(ignore("ENOTEMPTY", "EEXIST"));
  await rm(old, { recursive: true, force: true });
}

function ignore(...codes: string[]): (error: NodeJS.ErrnoException) => void {
  return (error) => {
    if (!codes.includes(error.code ?? "")) throw error;
  };
}

/** Hash of everything that a build is made from: circuits, the manifest, the set-up's code, the compiler, circomlib. */
function sourceHash(): string {
  const require = createRequire(import.meta.url);
  const hash = createHash("sha256");
  const sources = ["src", "src/lib", "setup"].flatMap((folder) =>
    readdirSync(join(packageRoot, folder), { withFileTypes: true })
      .filter((file) => file.isFile())
      .map(({ name }) => join(packageRoot, folder, name)),
  );
  const packages = ["circom2/package.json", "circomlib/package.json"].map((name) => require.resolve(name));
  for (const file of [join(packageRoot, "circuits.json"), ...sources.sort()])
    hash.update(`${relative(packageRoot, file)}\0`).update(readFileSync(file));
  for (const file of packages) hash.update(readFileSync(file));
  return hash.digest("hex").slice(0, 32);
}

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
