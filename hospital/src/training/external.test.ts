import { expect } from "chai";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Rows } from "../data/split.ts";
import { externalTrainer, TrainerError, type ExternalOptions } from "./external.ts";
import { TensorFileError } from "./safetensors.ts";

const rows: Rows = {
  X: [
    [1, 2],
    [3, 4],
    [-5, 6],
  ],
  y: [1, 0, 1],
};
const base = Float64Array.of(0.25, -1, 2);

/** A trainer as a user might write one, with its own reading and writing of files. `BODY` sees verb, read(name), answer(name, numbers). */
const PRELUDE = `
import { closeSync, ftruncateSync, openSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { spawn, execFileSync } from "node:child_process";
const [verb, ...rest] = process.argv.slice(2);
const option = (name) => rest[rest.indexOf("--" + name) + 1];
const read = (file, name) => {
  const bytes = readFileSync(option(file));
  const length = Number(bytes.readBigUInt64LE());
  const { shape, data_offsets: [from, to] } = JSON.parse(bytes.subarray(8, 8 + length))[name];
  return { shape, numbers: Array.from({ length: (to - from) / 8 }, (_, i) => bytes.readDoubleLE(8 + length + from + 8 * i)) };
};
const encode = (name, numbers) => {
  const header = Buffer.from(JSON.stringify({ [name]: { dtype: "F64", shape: [numbers.length], data_offsets: [0, 8 * numbers.length] } }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, Buffer.from(Float64Array.from(numbers).buffer)]);
};
const answer = (name, numbers) => writeFileSync(option("out"), encode(name, numbers));
`;

describe("external trainer", () => {
  let folder: string;
  let temporary: string | undefined;
  // A temporary folder of our own, so that what other processes leave in the common one does not matter.
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "mednexus-external-"));
    mkdirSync(join(folder, "tmp"));
    temporary = process.env["TMPDIR"];
    process.env["TMPDIR"] = join(folder, "tmp");
  });
  after(() => {
    if (temporary === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = temporary;
    rmSync(folder, { recursive: true, force: true });
  });
  const leftovers = (): string[] => readdirSync(tmpdir());

  function trainer(body: string, more: Partial<ExternalOptions> = {}) {
    const script = join(folder, `trainer-${readdirSync(folder).length}.mjs`);
    writeFileSync(script, PRELUDE + body);
    return externalTrainer({ command: [process.execPath, script], parameterCount: 3, timeoutMs: 20_000, ...more });
  }

  /** The error that training ends with; its message must not quote what the command said. */
  async function failure(body: string, more: Partial<ExternalOptions> = {}): Promise<Error> {
    try {
      await trainer(body, more).train(base, rows);
    } catch (error) {
      expect(leftovers(), "the private folder is gone").to.deep.equal([]);
      return error as Error;
    }
    throw new Error("accepted");
  }

  it("trains and predicts by files, in a folder that is gone afterwards", async () => {
    const good = trainer(`
      if (verb === "train") {
        const X = read("data", "X"), y = read("data", "y"), w = read("base", "parameters");
        answer("parameters", w.numbers.map((v, j) => v + [X.shape[0], X.numbers.at(-2), y.numbers[1]][j]));
      } else answer("probability", [0.9, 0.2, 0.4]);`);
    expect([...good.init(1)]).to.deep.equal([0, 0, 0]);
    expect(await good.train(base, rows)).to.deep.equal({ delta: Float64Array.of(3, -5, 0) });
    expect(await good.predict(base, rows.X)).to.deep.equal([0.9, 0.2, 0.4]);
    const { loss, accuracy } = await good.evaluate(base, rows);
    expect(accuracy).to.equal(2 / 3);
    const expected = -(Math.log(0.9) + Math.log(0.8) + Math.log(0.4)) / 3;
    expect(Math.abs(loss - expected) < 1e-12).to.equal(true);
    expect(leftovers()).to.deep.equal([]);
  });

  it("shows the command none of our secrets, and no shell reads its arguments", async () => {
    process.env["MEDNEXUS_TEST_SECRET"] = "key";
    try {
      const seen = join(folder, "seen");
      const curious = trainer(`
        writeFileSync(${JSON.stringify(seen)}, JSON.stringify([process.env, process.argv[2]]));
        answer("parameters", [0, 0, 0]);`);
      await curious.train(base, rows);
      expect(JSON.parse(readFileSync(seen, "utf8"))[0]).to.not.have.property("MEDNEXUS_TEST_SECRET");
      const marker = join(folder, "marker");
      const script = readdirSync(folder).find((name) => name.endsWith(".mjs"))!;
      const injected = externalTrainer({
        command: [process.execPath, join(folder, script), `; touch ${marker}`],
        parameterCount: 3,
        timeoutMs: 20_000,
      });
      await injected.train(base, rows).catch(() => undefined);
      expect(existsSync(marker)).to.equal(false);
    } finally {
      delete process.env["MEDNEXUS_TEST_SECRET"];
    }
  });

  const wrong: [string, string, typeof TrainerError | typeof TensorFileError, string][] = [
    ["ends with an error", "console.error('patient Jones'); process.exit(3)", TrainerError, "exit code 3"],
    ["is killed", "process.kill(process.pid, 'SIGKILL')", TrainerError, "SIGKILL"],
    ["writes nothing", "", TrainerError, "no readable answer"],
    ["writes NaN", "answer('parameters', [0, NaN, 0])", TensorFileError, "NaN"],
    ["writes infinity", "answer('parameters', [0, 1 / 0, 0])", TensorFileError, "Infinity"],
    ["writes too few parameters", "answer('parameters', [1, 2])", TrainerError, "3 numbers"],
    ["writes too many parameters", "answer('parameters', [1, 2, 3, 4])", TrainerError, "3 numbers"],
    ["writes another tensor", "answer('weights', [1, 2, 3])", TrainerError, "parameters"],
    ["writes garbage", "writeFileSync(option('out'), 'not a tensor file')", TensorFileError, ""],
    [
      "writes a sparse giant and ends",
      "const f = openSync(option('out'), 'w'); ftruncateSync(f, 2 ** 40); closeSync(f)",
      TrainerError,
      // whoever notices first: the watch on its size, or the reader afterwards
      "bytes",
    ],
    [
      "answers with a link",
      "writeFileSync('x', encode('parameters', [1, 2, 3])); symlinkSync('x', option('out'))",
      TrainerError,
      "no readable answer",
    ],
    ["answers with a device", "symlinkSync('/dev/zero', option('out'))", TrainerError, "no readable answer"],
    ["answers with a pipe", "execFileSync('mkfifo', [option('out')])", TrainerError, "not a file"],
  ];
  for (const [name, body, type, expected] of wrong)
    it(`hostile: ${name}`, async () => {
      const error = await failure(body);
      expect(error).to.be.instanceOf(type);
      expect(error.message).to.include(expected).and.to.not.include("Jones");
    });

  it("hostile: grows a giant file and is killed on the way", async () => {
    const error = await failure(
      "for (;;) { writeFileSync(option('out'), Buffer.alloc(1 << 20), { flag: 'a' }); await new Promise((r) => setTimeout(r, 5)); }",
    );
    expect(error).to.be.instanceOf(TrainerError);
    expect(error.message).to.include("wrote more than");
  });

  it("hostile: hangs, and leaves a child behind: both die at the time limit", async () => {
    const pids = join(folder, "pids");
    const body = `
      const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
      writeFileSync(${JSON.stringify(pids)}, process.pid + " " + child.pid);
      process.on("SIGTERM", () => {});
      setInterval(() => {}, 1000);`;
    const started = Date.now();
    const error = await failure(body, { timeoutMs: 5_000 });
    expect(error.message).to.include("ran longer than 5000 ms");
    expect(Date.now() - started).to.be.below(20_000);
    const alive = (pid: string): boolean => {
      const path = `/proc/${pid}/stat`;
      return existsSync(path) && readFileSync(path, "utf8").split(") ")[1]![0] !== "Z";
    };
    const pidsLeft = readFileSync(pids, "utf8").split(" ");
    for (let waited = 0; pidsLeft.some(alive) && waited < 5_000; waited += 50) await sleep(50);
    expect(pidsLeft.filter(alive)).to.deep.equal([]);
  });

  it("a probability outside [0, 1] and a program that does not exist are refused", async () => {
    const liar = trainer("answer('probability', [0, 2, 0])");
    const rejected = await liar.predict(base, rows.X).catch((error: unknown) => error);
    expect(rejected).to.be.instanceOf(TrainerError);
    const missing = externalTrainer({ command: [join(folder, "none")], parameterCount: 3, timeoutMs: 1_000 });
    const error = await missing.train(base, rows).catch((cause: unknown) => cause);
    expect((error as Error).message).to.include("cannot run");
  });

  it("stops when aborted", async () => {
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 300);
    const error = await failure("setInterval(() => {}, 1000)", { signal: abort.signal });
    expect(error.message).to.include("was aborted");
  });
});
