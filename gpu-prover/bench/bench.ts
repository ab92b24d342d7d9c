import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fromSnarkjs, verifyProof } from "@mednexus/circuits";
import { Curve, Domain, type G1, type Proof } from "@mednexus/sdk";
import { buildBn128 } from "ffjavascript";
import { fixedBase } from "../../circuits/setup/fixedBase.ts";
import { CpuProver } from "../cpu/prover.ts";
import type { Device } from "../device/device.ts";
import { DeviceError } from "../device/errors.ts";
import { cpuEngine, type Engine, snarkjsEngine } from "../engine.ts";
import { FR } from "../field/prime.ts";
import { readZkey } from "../groth16/zkey.ts";
import { GpuProver } from "../prover.ts";
import { forwardTransform } from "../stages/ntt/ntt.ts";
import { powers } from "../stages/powers/powers.ts";
import { benchCase, type Case } from "./keys.ts";
import { type Contender, measure, type Measured } from "./measure.ts";

export interface BenchOptions {
  /** log2 of constraints */
  readonly powers: readonly number[];
  readonly repeat: number;
  readonly cache: string;
  /** path of a rapidsnark `prover` binary */
  readonly rapidsnark?: string;
  /** also on software adapters */
  readonly software?: boolean;
  readonly parts?: readonly Part[];
  readonly log?: (line: string) => void;
}

export type Part = "proof" | "msm" | "ntt" | "commit";

/** One measured line; for parts other than proofs, `verified` counts results that equal the baseline's. */
export interface Row extends Measured {
  readonly part: Part;
  readonly power: number;
  /** of the whole process, MiB, after the runs */
  readonly memory: number;
}

export interface Report {
  readonly machine: string;
  /** processes that ran or waited, averaged over the last minute of the run */
  readonly load: number;
  readonly adapter: string | undefined;
  /** whether the adapter is a GPU */
  readonly hardware: boolean;
  /** why there is none */
  readonly reason: string | undefined;
  readonly date: string;
  readonly rows: readonly Row[];
}

/**
 * No fallback: without hardware, or the software adapter that was asked for, there are no GPU lines, and every table says why.
 * @throws DeviceError instead, with REQUIRE_ADAPTER=1
 */
export async function bench(options: BenchOptions): Promise<Report> {
  const log = options.log ?? (() => {});
  const curve = await Curve.load();
  const parts = options.parts ?? ["proof", "msm", "ntt", "commit"];
  const rows: Row[] = [];
  let reason: string | undefined;
  const gpu = await GpuProver.ready({ software: options.software ?? false }).catch((error: unknown) => {
    if (!(error instanceof DeviceError) || process.env.REQUIRE_ADAPTER === "1") throw error;
    log(`no GPU lines: ${(reason = error.message)}`);
    return undefined;
  });
  const prover = new CpuProver(curve);
  const cpu = cpuEngine(curve, prover);
  const snarkjs = snarkjsEngine(curve);
  const wasm = await buildBn128();
  try {
    for (const power of options.powers) {
      for (const part of parts) {
        log(`${part} 2^${power}`);
        const contenders =
          part === "proof"
            ? await proofs(curve, { snarkjs, cpu }, gpu, power, options)
            : part === "ntt"
              ? transforms(wasm, gpu, power)
              : await sums(wasm, prover, gpu, power, part);
        const measured = await measure(contenders, options.repeat);
        const memory = Math.round(process.memoryUsage.rss() / 2 ** 20);
        rows.push(...measured.map((line) => ({ part, power, memory, ...line })));
      }
    }
  } finally {
    await wasm.terminate();
    await snarkjs.close();
    await cpu.close();
    await gpu?.close();
  }
  return {
    machine: `${cpus().length} × ${cpus()[0]?.model ?? "?"}`,
    load: Math.round(10 * loadavg()[0]!) / 10,
    hardware: gpu !== undefined && !gpu.device.software,
    adapter: gpu && `${gpu.device.name}${gpu.device.software ? " (software)" : ""}`,
    reason,
    date: new Date().toISOString().slice(0, 10),
    rows,
  };
}

async function proofs(
  curve: Curve,
  engines: Readonly<Record<string, Engine>>,
  gpu: GpuProver | undefined,
  power: number,
  options: BenchOptions,
): Promise<Contender[]> {
  const { zkey, wtns, paths } = await benchCase(power, options.cache);
  const { verifyingKey } = readZkey(zkey);
  const check = (made: unknown): Promise<boolean> => {
    const { proof, publicInputs } = made as { proof: Proof; publicInputs: bigint[] };
    return verifyProof(curve, verifyingKey, publicInputs, proof);
  };
  const out = Object.entries(engines).map(([engine, { prove }]): Contender => ({
    engine,
    run: () => prove(zkey, wtns),
    check,
  }));
  if (gpu) out.push({ engine: "gpu", run: () => gpu.proveFiles(zkey, wtns), check });
  const binary = options.rapidsnark;
  if (binary !== undefined) out.push({ engine: "rapidsnark", run: async () => rapidsnark(binary, paths), check });
  return out;
}

/** Process start and file reading are part of its time, as they are for who runs the binary. */
function rapidsnark(binary: string, { zkey, wtns }: Case["paths"]): { proof: Proof; publicInputs: bigint[] } {
  const folder = mkdtempSync(join(tmpdir(), "mednexus-bench-"));
  try {
    const [proof, inputs] = [join(folder, "proof.json"), join(folder, "public.json")];
    const { status, stderr, error } = spawnSync(binary, [zkey, wtns, proof, inputs], { encoding: "utf8" });
    if (status !== 0) throw new Error(`${binary} ended with ${status}: ${error?.message ?? stderr.slice(0, 300)}`);
    const read = (path: string): never => JSON.parse(readFileSync(path, "utf8")) as never;
    return { proof: fromSnarkjs(read(proof)), publicInputs: (read(inputs) as string[]).map(BigInt) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

type Wasm = Awaited<ReturnType<typeof buildBn128>>;
let bases: Uint8Array<ArrayBuffer> | undefined;

/** Distinct points: G, 2G, 3G, … */
async function basesOf(count: number): Promise<Uint8Array<ArrayBuffer>> {
  if (bases === undefined || bases.length < 64 * count)
    bases = new Uint8Array(
      (await fixedBase(count > 60_000)).g1(Array.from({ length: count }, (_, k) => BigInt(k + 1))),
    );
  return bases.subarray(0, 64 * count);
}

/** MSMs of full scalars, and commitments to 16-bit values (the baseline shifts them to unsigned two-byte scalars, its own short path). */
async function sums(
  wasm: Wasm,
  cpu: CpuProver,
  gpu: GpuProver | undefined,
  power: number,
  part: "msm" | "commit",
): Promise<Contender[]> {
  const count = 2 ** power;
  const points = await basesOf(count);
  const short = Int32Array.from({ length: count }, (_, k) => ((Math.imul(k + 1, 0x9e3779b1) >>> 16) & 0xffff) - 32768);
  const full = Array.from(short, (value, k) => (BigInt(value + 32768) ** 17n * BigInt(k + 3)) % FR.modulus);
  const little = new Uint8Array(32 * count);
  const view = new DataView(little.buffer);
  full.forEach((value, k) => {
    for (let word = 0; word < 4; word++)
      view.setBigUint64(32 * k + 8 * word, BigInt.asUintN(64, value >> BigInt(64 * word)), true);
  });
  const unsigned = new Uint8Array(Uint16Array.from(short, (value) => value + 32768).buffer);
  const affine = (point: Uint8Array): string => Buffer.from(wasm.G1.toUncompressed(point)).toString("hex");
  const total = part === "commit" ? await wasm.G1.multiExpAffine(points, new Uint8Array(count).fill(1)) : undefined;
  const baseline = async (): Promise<string> => {
    if (total === undefined) return affine(await wasm.G1.multiExpAffine(points, little));
    const shifted = await wasm.G1.multiExpAffine(points, unsigned);
    const shift = wasm.G1.timesScalar(total, Uint8Array.of(0, 128));
    return affine(wasm.G1.add(shifted, wasm.G1.neg(shift)));
  };
  const want = await baseline();
  const check = async (made: unknown): Promise<boolean> => made === want;
  const values = part === "commit" ? short : full;
  const text = ({ x, y }: G1): string => [x, y].map((value) => value.toString(16).padStart(64, "0")).join("");
  const resident = cpu.bases(points);
  const out: Contender[] = [
    { engine: "snarkjs", run: baseline, check },
    { engine: "cpu", run: async () => text(await cpu.commit(resident, values)), check },
  ];
  if (gpu) {
    const onDevice = await gpu.bases(points);
    out.push({ engine: "gpu", run: async () => text(await gpu.commit(onDevice, values)), check });
  }
  return out;
}

function transforms(wasm: Wasm, gpu: GpuProver | undefined, power: number): Contender[] {
  const size = 2 ** power;
  const data = new Uint8Array(32 * size);
  for (let k = 0; k < data.length; k++) data[k] = k % 32 === 31 ? 0 : (Math.imul(k + 1, 0x9e3779b1) >>> 24) & 0xff;
  const reversed = reverse(data, power);
  let want: string | undefined;
  const baseline = async (): Promise<string> => Buffer.from(await wasm.Fr.fft(data)).toString("base64");
  const out: Contender[] = [
    { engine: "snarkjs", run: baseline, check: async (made) => (want ??= made as string) === made },
  ];
  if (gpu) {
    const { device } = gpu;
    const roots = rootsOf(device, power);
    out.push({
      engine: "gpu",
      // with the way there and back: the baseline's data is where it is used, too
      run: async () => {
        const buffer = device.upload(reversed);
        try {
          await device.submit(forwardTransform(power, buffer, await roots));
          return Buffer.from((await device.download(buffer)).buffer).toString("base64");
        } finally {
          device.free(buffer);
        }
      },
      check: async (made) => made === want,
    });
  }
  return out;
}

async function rootsOf(device: Device, power: number): Promise<GPUBuffer> {
  const table = device.buffer(16 * 2 ** power, "roots");
  await device.submit([powers(FR, power - 1, Domain.of(2 ** power).omega, 1n, false, table)]);
  return table;
}

function reverse(data: Uint8Array, bits: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(data.length);
  for (let k = 0; k < 2 ** bits; k++) {
    let to = 0;
    for (let b = 0; b < bits; b++) to |= ((k >> b) & 1) << (bits - 1 - b);
    out.set(data.subarray(32 * k, 32 * k + 32), 32 * to);
  }
  return out;
}
