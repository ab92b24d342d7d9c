import { G1_BYTES } from "@mednexus/circuits";
import { Curve, Fr, type G1, type Proved, type RandomBytes, systemRandom } from "@mednexus/sdk";
import { G1 as GROUP1, G2 as GROUP2 } from "./curve/formulas.ts";
import { Device, type OpenOptions } from "./device/device.ts";
import { DeviceError } from "./device/errors.ts";
import { FQ, FR, fromFile, pack } from "./field/prime.ts";
import { KeyCache } from "./groth16/keyCache.ts";
import { finish, sumsOf } from "./groth16/prove.ts";
import { freeResident, makeResident, type ResidentKey } from "./groth16/resident.ts";
import { checkAssignment, readWtns } from "./groth16/wtns.ts";
import { readZkey } from "./groth16/zkey.ts";
import { msm } from "./msm/msm.ts";
import { Pipeline } from "./pipeline.ts";
import { convert, convertKernel } from "./stages/convert/convert.ts";
import { countKernel, scatterKernel } from "./stages/digits/digits.ts";
import { nttKernel } from "./stages/ntt/ntt.ts";
import { pointwiseKernel } from "./stages/pointwise/pointwise.ts";
import { powersKernel } from "./stages/powers/powers.ts";
import { addKernel, scanKernel } from "./stages/scan/scan.ts";
import { points, SCALARS } from "./stages/segments/monoid.ts";
import { accumulateKernel, combineKernel, rowsKernel } from "./stages/segments/segments.ts";
import { weighKernel } from "./stages/weigh/weigh.ts";

export interface ProverOptions extends OpenOptions {
  /** proving keys kept on the device; the least recently used leaves first. Default 4. */
  readonly keys?: number;
  readonly random?: RandomBytes;
}

/** Bases of commitments: as they were given, and on the device as affine points in our Montgomery form. */
export interface Bases {
  readonly count: number;
  readonly affine: Uint8Array;
  readonly buffer: GPUBuffer;
}

/** Terms that the CPU adds up in the time of a device's launches and waits alone, some 10 ms. */
const FEW_TERMS = 128;

/**
 * Groth16 and commitments on one device, which has one of them at a time. While it works on a proof, the CPU computes the next one's witness and verifies the
 * last (`pipeline.ts`). Keys stay resident by the hash of their file. Every proof is verified before it is returned, so a fault of the device is an error,
 * never a bad proof.
 */
export class GpuProver {
  readonly device: Device;
  readonly #curve: Curve;
  readonly #random: RandomBytes;
  readonly #keys: KeyCache<ResidentKey>;
  readonly #pipeline = new Pipeline();

  constructor(
    device: Device,
    curve: Curve,
    { keys = 4, random = systemRandom }: Pick<ProverOptions, "keys" | "random"> = {},
  ) {
    this.device = device;
    this.#curve = curve;
    this.#keys = new KeyCache(keys, (key) => freeResident(device, key));
    this.#random = random;
  }

  /** @throws DeviceError NO_WEBGPU, NO_ADAPTER */
  static async open(options: ProverOptions = {}): Promise<GpuProver> {
    return new GpuProver(await Device.open(options), await Curve.load(), options);
  }

  /** Opened with every kernel compiled, so that the first proof does not wait for it. @throws DeviceError */
  static async ready(options?: ProverOptions): Promise<GpuProver> {
    const prover = await GpuProver.open(options);
    await prover.warm();
    return prover;
  }

  /** Compiles every kernel. */
  async warm(): Promise<void> {
    const kernels = [
      convertKernel(FR),
      convertKernel(FQ),
      powersKernel(FR),
      nttKernel,
      pointwiseKernel,
      countKernel,
      scatterKernel,
      scanKernel,
      addKernel,
      rowsKernel,
      combineKernel(SCALARS),
      ...[GROUP1, GROUP2].flatMap((group) => [
        accumulateKernel(group),
        combineKernel(points(group)),
        weighKernel(group),
      ]),
    ];
    for (const kernel of kernels) await this.device.pipeline(kernel);
  }

  /** snarkjs's zkey and wtns in, a verified proof out. @throws ProverError, DeviceError */
  proveFiles(zkey: Uint8Array, wtns: Uint8Array): Promise<Proved> {
    return this.#prove(zkey, async () => readWtns(wtns).slice());
  }

  /**
   * `zkey`: known again by its identity, so it must not change. `assignment`: every wire, 32 bytes little-endian, or what computes them when their turn has
   * come. @throws ProverError, DeviceError; errors of `assignment`
   */
  prove(
    zkey: Uint8Array,
    assignment: Uint8Array<ArrayBuffer> | (() => Promise<Uint8Array<ArrayBuffer>>),
  ): Promise<Proved> {
    return this.#prove(zkey, async () =>
      checkAssignment(typeof assignment === "function" ? await assignment() : assignment),
    );
  }

  /** Puts bases on the device: affine points of 64 bytes, little-endian Montgomery coordinates of radix 2^256 (ffjavascript's layout). */
  bases(affine: Uint8Array<ArrayBuffer>): Promise<Bases> {
    return this.#pipeline.onDevice(async () => {
      const from = this.device.upload(affine, "bases");
      const buffer = this.device.buffer(affine.length, "bases");
      try {
        await this.device.submit([convert(FQ, affine.length / 32, fromFile(FQ, 1), from, buffer)]);
      } finally {
        this.device.free(from);
      }
      return { count: affine.length / G1_BYTES, affine, buffer };
    });
  }

  /**
   * Σ values[i]·bases[i]. Values of 16 bits (any signed 32-bit ones) take a window for each of their own bits only; bigints must be canonical scalars. A sum
   * of few terms is the CPU's.
   * `bits`: how many the magnitudes may have, default 16 for Int32Array.
   */
  async commit(bases: Bases, values: Int32Array<ArrayBuffer> | readonly bigint[], bits = 16): Promise<G1> {
    const short = values instanceof Int32Array;
    const count = values.length;
    if (count > bases.count) throw new DeviceError("LIMIT_EXCEEDED", `${count} values for ${bases.count} bases`);
    if (short && values.some((value) => Math.abs(value) > 2 ** bits))
      throw new RangeError(`a value has more than ${bits} bits`);
    if (!short && values.some((value) => value < 0n || value >= FR.modulus))
      throw new RangeError("a scalar is not canonical");
    const terms: number[] = [];
    for (let k = 0; k < count && terms.length <= FEW_TERMS; k++) if (values[k] != 0) terms.push(k);
    if (terms.length <= FEW_TERMS) return this.#fewTerms(bases, values, terms);

    const words = short ? new Uint32Array(values.buffer, values.byteOffset, count) : pack(values);
    return this.#pipeline.onDevice(async () => {
      const scalars = this.device.upload(words, "values");
      try {
        const point = await msm(this.device, GROUP1, {
          scalars,
          bases: bases.buffer,
          count,
          words: short ? 1 : 8,
          bits: short ? bits + 1 : 254,
        });
        return point === undefined ? { x: 0n, y: 0n } : { x: point[0]!, y: point[1]! };
      } finally {
        this.device.free(scalars);
      }
    });
  }

  free(bases: Bases): void {
    this.device.free(bases.buffer);
  }

  /** Waits for running work, then gives the device back. Idempotent. */
  async close(): Promise<void> {
    await this.#pipeline.idle();
    this.#keys.clear();
    this.device.close();
  }

  #prove(zkey: Uint8Array, assignment: () => Promise<Uint8Array<ArrayBuffer>>): Promise<Proved> {
    return this.#pipeline.run({
      prepare: async () => ({ hash: this.#keys.hash(zkey), assignment: await assignment() }),
      device: async (prepared) => {
        const resident = await this.#resident(zkey, prepared.hash);
        return { key: resident.key, sums: await sumsOf(this.device, resident, prepared.assignment) };
      },
      finish: ({ key, sums }) => finish(this.#curve, key, sums, this.#random),
    });
  }

  async #fewTerms({ affine }: Bases, values: ArrayLike<number | bigint>, terms: readonly number[]): Promise<G1> {
    const points = new Uint8Array(G1_BYTES * terms.length);
    terms.forEach((at, k) => points.set(affine.subarray(G1_BYTES * at, G1_BYTES * (at + 1)), G1_BYTES * k));
    const packed = await this.#curve.pack(await this.#curve.unpack(points));
    return this.#curve.msm(
      packed,
      terms.map((at) => Fr.from(BigInt(values[at]!))),
    );
  }

  async #resident(zkey: Uint8Array, hash: string): Promise<ResidentKey> {
    const known = this.#keys.get(hash);
    if (known !== undefined) return known;
    const key = readZkey(zkey);
    this.#keys.makeRoom();
    for (;;) {
      try {
        return this.#keys.set(hash, await makeResident(this.device, key));
      } catch (error) {
        const full = error instanceof DeviceError && error.code === "OUT_OF_MEMORY";
        if (!full || !this.#keys.evict()) throw error;
      }
    }
  }
}
