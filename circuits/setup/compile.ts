import { execFile } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { CircuitError, type CircuitEntry, packageRoot } from "../manifest.ts";

const run = promisify(execFile);
const circom = fileURLToPath(new URL("./circom.ts", import.meta.url));
/** The folder that holds `circomlib/`. */
const libraries = dirname(dirname(createRequire(import.meta.url).resolve("circomlib/package.json")));

export interface Compiled {
  readonly r1cs: Uint8Array<ArrayBuffer>;
  readonly wasm: Uint8Array<ArrayBuffer>;
  /** circom's symbol table: lines of `label,wire,component,name`; wire -1 when optimised away */
  readonly symbols: string;
}

export interface CompileOptions {
  /** O2 is what keys are made of; O0 keeps every constraint as it stands in the source, for tests. */
  readonly optimization?: "O2" | "O0";
  /** folder that the entry's source is relative to */
  readonly root?: string;
}

/**
 * Compiles `component main {public [...]} = template(n)` in a child process, with `scratch` for its files. Size 1 is that of a
 * circuit without vectors, whose template takes no parameter.
 * @throws CircuitError COMPILE_FAILED with the compiler's words
 */
export async function compile(
  entry: CircuitEntry,
  n: number,
  scratch: string,
  options: CompileOptions = {},
): Promise<Compiled> {
  const { optimization = "O2", root = packageRoot } = options;
  const out = resolve(scratch);
  await mkdir(out, { recursive: true });
  const main = join(out, "main.circom");
  const published = entry.publicInputs.length > 0 ? ` {public [${entry.publicInputs.join(", ")}]}` : "";
  await writeFile(
    main,
    `pragma circom 2.2.3;\ninclude ${JSON.stringify(join(root, entry.source))};\n` +
      `component main${published} = ${entry.template}(${n === 1 ? "" : n});\n`,
  );
  const args = [circom, main, "--r1cs", "--wasm", "--sym", `--${optimization}`, "-l", libraries, "-o", out];
  await run(process.execPath, args, { maxBuffer: 1 << 26 }).catch(
    (cause: { stderr?: string; stdout?: string; message: string }) => {
      const words = `${cause.stdout ?? ""}${cause.stderr ?? ""}`.trim() || cause.message;
      throw new CircuitError("COMPILE_FAILED", `circom refused ${entry.template}(${n}): ${words.slice(-2000)}`, {
        cause,
      });
    },
  );
  const [r1cs, wasm, symbols] = await Promise.all([
    readFile(join(out, "main.r1cs")),
    readFile(join(out, "main_js", "main.wasm")),
    readFile(join(out, "main.sym"), "utf8"),
  ]);
  await rm(out, { recursive: true });
  return { r1cs, wasm, symbols };
}
