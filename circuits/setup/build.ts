import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { keyHash } from "@mednexus/sdk";
import { type Circuit, manifest } from "../manifest.ts";
import { compile } from "./compile.ts";
import { groth16Keys } from "./groth16.ts";
import { readR1cs } from "./r1cs.ts";
import { trapdoor } from "./trapdoor.ts";
import { encodeVerifyingKey, type BuildRecord } from "./record.ts";

/** `build.ts CIRCUIT N FOLDER`: compiles and makes INSECURE development keys; each line of output names a stage. */
const [circuit, size, folder] = process.argv.slice(2) as [Circuit, string, string];
const n = Number(size);
await mkdir(folder, { recursive: true });

console.log("compile");
const { r1cs, wasm } = await compile(manifest[circuit], n, join(folder, "compile"));
console.log("setup");
const parsed = readR1cs(r1cs);
const { zkey, verifyingKey } = await groth16Keys(parsed, trapdoor);

const files = { r1cs, wasm, zkey };
const record: BuildRecord = {
  constraints: parsed.rows.length,
  wires: parsed.wires,
  keyHash: keyHash(circuit, n, verifyingKey),
  sha256: {
    r1cs: createHash("sha256").update(r1cs).digest("hex"),
    wasm: createHash("sha256").update(wasm).digest("hex"),
    zkey: createHash("sha256").update(zkey).digest("hex"),
  },
};
for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, `circuit.${name}`), bytes);
await writeFile(join(folder, "vkey.json"), encodeVerifyingKey(circuit, n, verifyingKey));
await writeFile(join(folder, "record.json"), JSON.stringify(record));
