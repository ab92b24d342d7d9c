import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import {
  Device,
  DeviceError,
  type Engine,
  openCommitter,
  openEngine,
  ProvingService,
  ServiceEngine,
  toSnarkjs,
} from "@mednexus/gpu-prover";
import { bench, document, type Part, plot, table } from "@mednexus/gpu-prover/bench";
import { Curve, insecureSrs, MedNexusError, srsFromPtau } from "@mednexus/sdk";
import { pause } from "@mednexus/sdk/node";
import {
  choiceOption,
  type Command,
  integerOption,
  JSON_OPTION,
  PROVER_OPTION,
  proverOption,
  type Values,
} from "../arguments.ts";
import { EXIT, UsageError } from "../exit.ts";
import { logLine, stopSignal } from "../service.ts";

const SOFTWARE = { software: { type: "boolean", help: "take software adapters too (slow; for tests)" } } as const;

const say = (line: string): void => console.error(line);

const opened = (values: Values) => ({ device: { software: values["software"] === true }, log: say });

const engineOf = async (values: Values): Promise<Engine> =>
  openEngine(proverOption(values) ?? "auto", await Curve.load(), opened(values));

const run: Command = {
  summary: "make a Groth16 proof of a snarkjs .zkey and .wtns; verified before it is written",
  options: {
    zkey: { type: "string", value: "FILE", help: "proving key" },
    wtns: { type: "string", value: "FILE", help: "witness" },
    out: { type: "string", value: "FOLDER", help: "where proof.json and public.json go", default: "." },
    service: { type: "string", value: "URL", help: "let a running service prove (http://127.0.0.1:PORT or unix:PATH)" },
    "token-file": { type: "string", value: "FILE", help: "the service's token" },
    ...PROVER_OPTION,
    ...SOFTWARE,
    ...JSON_OPTION,
  },
  async run(values) {
    const [zkey, wtns] = [bytes(values, "zkey"), bytes(values, "wtns")];
    const url = values["service"];
    const engine = typeof url === "string" ? new ServiceEngine({ url, token: token(values) }) : await engineOf(values);
    try {
      say(`proving with ${engine.name} …`);
      const from = performance.now();
      const { proof, publicInputs } = await engine.prove(zkey, wtns);
      const seconds = (performance.now() - from) / 1000;
      const out = resolve(String(values["out"] ?? "."));
      mkdirSync(out, { recursive: true });
      writeFileSync(join(out, "proof.json"), `${JSON.stringify(toSnarkjs(proof), null, 1)}\n`);
      writeFileSync(join(out, "public.json"), `${JSON.stringify(publicInputs.map(String), null, 1)}\n`);
      if (values["json"] === true) console.log(JSON.stringify({ engine: engine.name, seconds, out }));
      else console.log(`proved and verified in ${seconds.toFixed(2)} s: ${join(out, "proof.json")}`);
      return EXIT.ok;
    } finally {
      await engine.close();
    }
  },
};

const commit: Command = {
  summary: "commit to a vector of integers: Σ values[j]·[L_j(τ)]_1, without blinders",
  positionals: "FILE",
  options: {
    size: { type: "string", value: "N", help: "length of the domain, a power of two; the vector is padded with zeros" },
    ptau: { type: "string", value: "FILE", help: "powers of tau; without it the INSECURE development string" },
    ...PROVER_OPTION,
    ...SOFTWARE,
    ...JSON_OPTION,
  },
  async run(values, [file]) {
    if (file === undefined) throw new UsageError("give a FILE with a JSON array of integers");
    const vector = integers(file);
    const size =
      values["size"] === undefined
        ? 2 ** Math.max(4, Math.ceil(Math.log2(vector.length)))
        : integerOption("size", String(values["size"]), 16, 2 ** 20);
    if (vector.length > size || (size & (size - 1)) !== 0)
      throw new UsageError(`--size ${size}: a power of two, at least the vector's ${vector.length}`);
    const curve = await Curve.load();
    const ptau = values["ptau"];
    const srs =
      typeof ptau === "string" ? await srsFromPtau(curve, size, bytes(values, "ptau")) : await insecureSrs(curve, size);
    if (ptau === undefined) say("INSECURE development reference string: anybody can open this commitment to anything");
    const packed = await curve.pack(srs.lagrange.slice(0, vector.length));
    const committer = openCommitter(proverOption(values) ?? "auto", curve, opened(values));
    const point = await committer.commit(packed, vector).finally(() => committer.close());
    const hex = (value: bigint): string => `0x${value.toString(16).padStart(64, "0")}`;
    console.log(
      values["json"] === true
        ? JSON.stringify({ x: hex(point.x), y: hex(point.y) })
        : `${hex(point.x)} ${hex(point.y)}`,
    );
    return EXIT.ok;
  },
};

const info: Command = {
  summary: "what this machine would prove with",
  options: { ...SOFTWARE, ...JSON_OPTION },
  async run(values) {
    const found = await Device.open({ software: true }).then(
      (device) => {
        const { name, software, maxBinding, shape } = device;
        device.close();
        return { adapter: name, software, maxBinding, shape };
      },
      (error: unknown) => {
        if (!(error instanceof DeviceError)) throw error;
        return { adapter: null, reason: `${error.code}: ${error.message}` };
      },
    );
    const auto = found.adapter !== null && (found.software !== true || values["software"] === true) ? "gpu" : "cpu";
    if (values["json"] === true) console.log(JSON.stringify({ ...found, auto }));
    else {
      console.log(
        found.adapter === null ? found.reason : `adapter   ${found.adapter}${found.software ? " (software)" : ""}`,
      );
      if (found.adapter !== null) console.log(`binding   ${found.maxBinding} bytes at most\nkernels   ${found.shape}`);
      console.log(`auto      ${auto}`);
    }
    return EXIT.ok;
  },
};

const serve: Command = {
  summary: "a local proving service with a queue, until Ctrl-C",
  options: {
    listen: { type: "string", value: "PORT|PATH", help: "a port on loopback, or a Unix socket", default: "8700" },
    state: { type: "string", value: "FOLDER", help: "keys and jobs; witnesses only where their sender asks" },
    "token-file": { type: "string", value: "FILE", help: "who knows this token may use the service" },
    queue: { type: "string", value: "N", help: "jobs waiting at most", default: "256" },
    ...PROVER_OPTION,
    ...SOFTWARE,
  },
  async run(values) {
    const state = values["state"];
    if (typeof state !== "string") throw new UsageError("give --state FOLDER");
    const secret = token(values);
    const listen = String(values["listen"] ?? "8700");
    const signal = stopSignal();
    const engine = await engineOf(values);
    try {
      const service = await ProvingService.start(engine, {
        folder: resolve(state),
        token: secret,
        listen: /^\d+$/.test(listen) ? integerOption("listen", listen, 0, 65_535) : resolve(listen),
        queue: integerOption("queue", String(values["queue"] ?? "256"), 1, 100_000),
        log: logLine,
      });
      logLine({ event: "prover-up", url: service.url, engine: engine.name });
      while (!signal.aborted) await pause(60_000, signal);
      await service.stop();
    } finally {
      await engine.close();
    }
    return EXIT.ok;
  },
};

const benchCommand: Command = {
  summary: "compare provers in one run on this machine",
  options: {
    powers: { type: "string", value: "LIST", help: "log2 of the sizes", default: "12,14,16" },
    repeat: { type: "string", value: "N", help: "runs of each, interleaved", default: "5" },
    parts: { type: "string", value: "LIST", help: "of proof, msm, ntt, commit", default: "proof,msm,ntt,commit" },
    rapidsnark: {
      type: "string",
      value: "PATH",
      help: "a rapidsnark prover binary to compare with, a path or a name on $PATH",
    },
    cache: {
      type: "string",
      value: "FOLDER",
      help: "where bench keys are kept",
      default: "node_modules/.cache/mednexus-bench",
    },
    out: { type: "string", value: "FOLDER", help: "also write RESULTS.md and bench.svg there" },
    ...SOFTWARE,
    ...JSON_OPTION,
  },
  async run(values) {
    const list = (name: string, otherwise: string): string[] => String(values[name] ?? otherwise).split(",");
    const rapidsnark = values["rapidsnark"];
    const report = await bench({
      powers: list("powers", "12,14,16").map((power) => integerOption("powers", power, 4, 22)),
      repeat: integerOption("repeat", String(values["repeat"] ?? "5"), 1, 1000),
      parts: list("parts", "proof,msm,ntt,commit").map((part) =>
        choiceOption<Part>("parts", part, ["proof", "msm", "ntt", "commit"]),
      ),
      cache: resolve(String(values["cache"] ?? "node_modules/.cache/mednexus-bench")),
      software: values["software"] === true,
      log: say,
      ...(typeof rapidsnark === "string"
        ? { rapidsnark: rapidsnark.includes("/") ? resolve(rapidsnark) : rapidsnark }
        : {}),
    });
    const out = values["out"];
    if (typeof out === "string") {
      mkdirSync(out, { recursive: true });
      const { stdout: commit } = spawnSync("git", ["describe", "--always", "--dirty"], { encoding: "utf8" });
      const command = `npx mednexus ${process.argv.slice(2).join(" ")}`;
      writeFileSync(join(out, "RESULTS.md"), document(report, { command, commit: commit?.trim() || "unknown" }));
      writeFileSync(join(out, "bench.svg"), plot(report));
    }
    console.log(
      values["json"] === true
        ? JSON.stringify(report)
        : `${report.machine}, ${report.adapter ?? "no GPU"}, ${report.date}\n\n${table(report)}`,
    );
    return report.rows.every(({ verified, runs }) => verified === runs) ? EXIT.ok : EXIT.failed;
  },
};

export const proveCommands = { run, commit, info, serve, bench: benchCommand };

function bytes(values: Values, name: string): Uint8Array {
  const path = values[name];
  if (typeof path !== "string") throw new UsageError(`give --${name} FILE`);
  try {
    return new Uint8Array(readFileSync(path));
  } catch (cause) {
    throw new MedNexusError("BAD_INPUT", `--${name} ${path} cannot be read`, { cause });
  }
}

function token(values: Values): string {
  return new TextDecoder().decode(bytes(values, "token-file")).trim();
}

function integers(path: string): number[] {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new MedNexusError("BAD_INPUT", `${path} cannot be read as JSON`, { cause });
  }
  if (!Array.isArray(json) || json.length === 0 || !json.every((value) => Number.isSafeInteger(value)))
    throw new MedNexusError("BAD_INPUT", `${path} is not an array of integers`);
  return json as number[];
}
