import { spawn } from "node:child_process";
import { constants } from "node:fs";
import { lstat, mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MedNexusError } from "@mednexus/sdk";
import type { Rows } from "../data/split.ts";
import { MAX_HEADER_BYTES, readSafetensors, writeSafetensors } from "./safetensors.ts";
import { crossEntropyOfProbability, type Trainer } from "./trainer.ts";

/** The hospital's own training command did not do its part. The message never quotes its output, which may hold patients' data. */
export class TrainerError extends MedNexusError {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super("TRAINER_FAILED", message, options);
  }
}

export interface ExternalOptions {
  /** Program and fixed arguments; run directly, never through a shell. */
  readonly command: readonly [string, ...string[]];
  readonly parameterCount: number;
  readonly timeoutMs: number;
  /** Where the command's own output goes. Default "ignore". */
  readonly output?: "ignore" | "inherit";
  /** Kills the command when aborted. */
  readonly signal?: AbortSignal;
}

const POLL_MS = 100;
/** What the command sees of our environment: enough to find programs and libraries, no key or token. */
const ENVIRONMENT = [
  "PATH",
  "HOME",
  "LANG",
  "LC_ALL",
  "TMPDIR",
  "LD_LIBRARY_PATH",
  "PYTHONPATH",
  "VIRTUAL_ENV",
  "CUDA_VISIBLE_DEVICES",
];

/**
 * A trainer that is a command of the hospital's choice, in any language. It is called as
 *   COMMAND train   --base FILE --data FILE --out FILE    must write `parameters`, the trained model
 *   COMMAND predict --base FILE --data FILE --out FILE    must write `probability` of class 1 for each row
 * FILEs are safetensors in a private folder that is removed afterwards: base holds `parameters` [parameterCount]; data holds `X`
 * [rows, features], standardized, and (train only) `y` [rows], 0 or 1. The model starts from zero. The command runs as the same user
 * and is trusted with the rows; its answer is not trusted. Errors: TrainerError, TensorFileError.
 */
export function externalTrainer(options: ExternalOptions): Trainer {
  const { parameterCount } = options;
  const probabilities = async (parameters: Float64Array, X: Rows["X"]): Promise<number[]> => {
    const found = await call(options, "predict", parameters, { X }, "probability", X.length);
    const wrong = found.findIndex((p) => p < 0 || p > 1);
    if (wrong !== -1) throw new TrainerError(`the command's probability for row ${wrong} is ${found[wrong]}`);
    return [...found];
  };
  return {
    parameterCount,
    init: () => new Float64Array(parameterCount),
    train: async (base, rows) => {
      const trained = await call(options, "train", base, rows, "parameters", parameterCount);
      return { delta: trained.map((w, j) => w - base[j]!) };
    },
    evaluate: async (parameters, rows) => {
      const found = await probabilities(parameters, rows.X);
      const right = found.filter((p, i) => (p > 0.5 ? 1 : 0) === rows.y[i]).length;
      const loss = found.reduce((sum, p, i) => sum + crossEntropyOfProbability(p, rows.y[i]!), 0);
      return { loss: loss / found.length, accuracy: right / found.length };
    },
    predict: probabilities,
  };
}

async function call(
  options: ExternalOptions,
  verb: "train" | "predict",
  base: Float64Array,
  rows: { X: Rows["X"]; y?: Rows["y"] },
  answer: string,
  length: number,
): Promise<Float64Array> {
  const folder = await mkdtemp(join(tmpdir(), "mednexus-train-")); // mode 0700
  const file = (name: string): string => join(folder, `${name}.safetensors`);
  const { X, y } = rows;
  const data = {
    X: { shape: [X.length, X[0]?.length ?? 0], data: Float64Array.from(X.flat()) },
    ...(y === undefined ? {} : { y: { shape: [y.length], data: Float64Array.from(y) } }),
  };
  try {
    await writeFile(file("base"), writeSafetensors({ parameters: { shape: [base.length], data: base } }));
    await writeFile(file("data"), writeSafetensors(data));
    const limit = 8 + MAX_HEADER_BYTES + 8 * length;
    const args = [verb, "--base", file("base"), "--data", file("data"), "--out", file("out")];
    await runToEnd(options, args, folder, file("out"), limit);
    const tensor = readSafetensors(await readBounded(file("out"), limit)).get(answer);
    if (tensor?.shape.length !== 1 || tensor.data.length !== length)
      throw new TrainerError(`the command did not write \`${answer}\` with ${length} numbers`);
    return tensor.data;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs the command to its end; kills it and all its children when it is late, aborted, or writes more than `limit` bytes. */
function runToEnd(options: ExternalOptions, args: string[], cwd: string, out: string, limit: number): Promise<void> {
  const [program, ...fixed] = options.command;
  const env = Object.fromEntries(
    ENVIRONMENT.flatMap((key) => (process.env[key] === undefined ? [] : [[key, process.env[key]]])),
  );
  return new Promise((resolve, reject) => {
    // A process group of its own, so that children it leaves behind die with it.
    const child = spawn(program, [...fixed, ...args], {
      cwd,
      env,
      shell: false,
      detached: true,
      stdio: ["ignore", options.output ?? "ignore", options.output ?? "ignore"],
    });
    let reason: string | undefined;
    const kill = (why?: string): void => {
      reason ??= why;
      try {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      } catch {
        // the group is gone already
      }
    };
    const timer = setTimeout(() => kill(`ran longer than ${options.timeoutMs} ms`), options.timeoutMs);
    const poll = setInterval(() => {
      lstat(out).then(
        ({ size }) => size > limit && kill(`wrote more than ${limit} bytes`),
        () => undefined, // not written yet
      );
    }, POLL_MS);
    const aborted = (): void => kill("was aborted");
    options.signal?.addEventListener("abort", aborted);
    if (options.signal?.aborted) aborted();
    const finish = (error?: TrainerError): void => {
      clearTimeout(timer);
      clearInterval(poll);
      options.signal?.removeEventListener("abort", aborted);
      kill();
      if (error === undefined) resolve();
      else reject(error);
    };
    child.on("error", (cause) => finish(new TrainerError(`cannot run the training command ${program}`, { cause })));
    child.on("exit", (code, signal) => {
      const failed = reason ?? (code === 0 ? undefined : `ended with ${signal ?? `exit code ${code}`}`);
      finish(failed === undefined ? undefined : new TrainerError(`the training command ${failed}`));
    });
  });
}

/** Reads a regular file of at most `limit` bytes; follows no link and never blocks on a pipe. */
async function readBounded(path: string, limit: number): Promise<Uint8Array> {
  let handle;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    throw new TrainerError("the training command left no readable answer", { cause });
  }
  try {
    const info = await handle.stat();
    if (!info.isFile() || info.size > limit)
      throw new TrainerError(`the training command's answer is not a file of at most ${limit} bytes`);
    const bytes = new Uint8Array(info.size);
    const { bytesRead } = await handle.read(bytes, 0, info.size, 0);
    return bytes.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
