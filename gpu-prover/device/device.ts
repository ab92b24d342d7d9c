import { existsSync } from "node:fs";
import { FQ } from "../field/prime.ts";
import type { Shape } from "../field/wgsl.ts";
import { DeviceError } from "./errors.ts";

/** A compute kernel: WGSL of its module for a shape, and its buffers in binding order after the parameters (binding 0, array<u32>). */
export interface Kernel {
  readonly name: string;
  readonly workgroup: number;
  readonly buffers: readonly {
    readonly name: string;
    readonly access: "read" | "read_write";
    readonly atomic?: boolean;
  }[];
  /** functions and `fn run(id: u32)`, which sees `params` and the buffers; threads beyond the count are not started in it */
  source(shape: Shape): string;
  /** WGSL declarations of workgroup memory; then `run(id, local, group)` takes the thread's place in its workgroup too */
  readonly workgroupMemory?: string;
}

export interface Launch {
  readonly kernel: Kernel;
  readonly threads: number;
  readonly params: readonly number[];
  readonly buffers: readonly GPUBuffer[];
}

export interface OpenOptions {
  /** software adapters (lavapipe, SwiftShader) count too; default only hardware */
  readonly software?: boolean;
  readonly shape?: Shape;
  readonly log?: (line: string) => void;
}

/** Kernels reserve the first parameters for themselves: threads started, limbs. */
const RESERVED = 2;
const MAX_GROUPS = 65_535;
const LAVAPIPE = "/usr/share/vulkan/icd.d/lvp_icd.json";

/**
 * One WebGPU device: pipelines compiled once, buffers counted, launches recorded and submitted together.
 * Errors are DeviceErrors; after DEVICE_LOST every call throws it again.
 */
export class Device {
  readonly #gpu: GPU; // a strong reference: Dawn's binding may abort the process when it is collected
  readonly #device: GPUDevice;
  readonly #pipelines = new Map<string, GPUComputePipeline>();
  readonly shape: Shape;
  readonly software: boolean;
  readonly name: string;
  #lost: string | undefined;
  /** whether buffers made since the last submit found memory */
  readonly #made: Promise<GPUError | null>[] = [];
  #bytes = 0;
  #closed = false;

  private constructor(gpu: GPU, device: GPUDevice, name: string, software: boolean, shape: Shape) {
    this.#gpu = gpu;
    this.#device = device;
    this.name = name;
    this.software = software;
    this.shape = shape;
    void device.lost.then(({ message }) => {
      if (!this.#closed) this.#lost = message || "no reason given";
    });
  }

  /** @throws DeviceError NO_WEBGPU, NO_ADAPTER */
  static async open(options: OpenOptions = {}): Promise<Device> {
    // With software allowed and no driver named, Mesa's lavapipe is offered to the loader where it is installed.
    if (options.software && process.env.VK_ICD_FILENAMES === undefined && existsSync(LAVAPIPE) && !hasHardware())
      process.env.VK_ICD_FILENAMES = LAVAPIPE;
    // Without a device node nothing but a software driver could answer: spare the process Dawn.
    if (!options.software && !hasHardware()) throw new DeviceError("NO_ADAPTER", "no GPU on this machine");
    let webgpu: typeof import("webgpu");
    try {
      webgpu = await import("webgpu");
    } catch (cause) {
      throw new DeviceError("NO_WEBGPU", "npm's webgpu has no binary for this platform; proofs run on the CPU", {
        cause,
      });
    }
    Object.assign(globalThis, webgpu.globals);
    const gpu = webgpu.create([]);
    const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
    if (adapter === null)
      throw new DeviceError("NO_ADAPTER", "no WebGPU adapter: install a Vulkan driver, or let proofs run on the CPU");
    const { description, vendor, architecture, isFallbackAdapter } = adapter.info;
    const name = description || `${vendor} ${architecture}`.trim() || "unnamed adapter";
    // Dawn calls every CPU a fallback; a name gives away one behind a virtual GPU
    const software = isFallbackAdapter || /llvmpipe|swiftshader|software/i.test(`${name} ${architecture}`);
    if (software && !options.software)
      throw new DeviceError("NO_ADAPTER", `only a software adapter is here (${name}), slower than the CPU prover`);
    const { limits } = adapter;
    const device = await adapter.requestDevice({
      requiredLimits: {
        maxBufferSize: limits.maxBufferSize,
        maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
        maxStorageBuffersPerShaderStage: Math.min(limits.maxStorageBuffersPerShaderStage, 10),
        maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
      },
    });
    options.log?.(`WebGPU on ${name}`);
    return new Device(gpu, device, name, software, options.shape ?? (software ? "interpreted" : "inner"));
  }

  /** Bytes in buffers that were not freed. */
  get allocated(): number {
    return this.#bytes;
  }

  get maxBinding(): number {
    return this.#device.limits.maxStorageBufferBindingSize;
  }

  /** A storage buffer of `bytes` (rounded up to 4, at least 4), zero. @throws DeviceError LIMIT_EXCEEDED, OUT_OF_MEMORY (at the next `submit`) */
  buffer(bytes: number, label = "buffer"): GPUBuffer {
    this.#check();
    const size = Math.max(4, Math.ceil(bytes / 4) * 4);
    if (size > this.maxBinding)
      throw new DeviceError("LIMIT_EXCEEDED", `${label}: ${size} bytes, the device binds at most ${this.maxBinding}`);
    this.#device.pushErrorScope("out-of-memory");
    const buffer = this.#device.createBuffer({
      label,
      size,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
    this.#made.push(this.#device.popErrorScope());
    this.#bytes += size;
    return buffer;
  }

  upload(data: Uint32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>, label?: string): GPUBuffer {
    const buffer = this.buffer(data.byteLength, label);
    this.#device.queue.writeBuffer(buffer, 0, data.buffer, data.byteOffset, data.byteLength);
    return buffer;
  }

  free(...buffers: readonly (GPUBuffer | undefined)[]): void {
    for (const buffer of buffers) {
      if (buffer === undefined) continue;
      this.#bytes -= buffer.size;
      buffer.destroy();
    }
  }

  /** Runs launches in order. Buffers named in `clear` are zeroed first. @throws DeviceError OUT_OF_MEMORY, DEVICE_LOST, KERNEL_INVALID */
  async submit(launches: readonly Launch[], clear: readonly GPUBuffer[] = []): Promise<void> {
    this.#check();
    const pipelines = await Promise.all(launches.map(({ kernel }) => this.pipeline(kernel)));
    this.#device.pushErrorScope("out-of-memory");
    this.#device.pushErrorScope("validation");
    const held: GPUBuffer[] = [];
    const encoder = this.#device.createCommandEncoder();
    for (const buffer of clear) encoder.clearBuffer(buffer);
    launches.forEach((launch, k) => {
      if (launch.threads > 0) held.push(this.#encode(encoder, pipelines[k]!, launch));
    });
    this.#device.queue.submit([encoder.finish()]);
    const validation = this.#device.popErrorScope();
    const memory = this.#device.popErrorScope();
    const invalid = await validation;
    const full = (await Promise.all([memory, ...this.#made.splice(0)])).find((error) => error !== null);
    for (const buffer of held) buffer.destroy();
    this.#check();
    if (full) throw new DeviceError("OUT_OF_MEMORY", `the device is out of memory: ${full.message}`);
    if (invalid) throw new DeviceError("KERNEL_INVALID", invalid.message);
  }

  /** One dispatch; returns its parameter buffer. */
  #encode(
    encoder: GPUCommandEncoder,
    pipeline: GPUComputePipeline,
    { kernel, threads, params, buffers }: Launch,
  ): GPUBuffer {
    const words = Uint32Array.from([threads, FQ.limbs, ...params]);
    const parameters = this.#device.createBuffer({
      size: words.byteLength,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST,
    });
    this.#device.queue.writeBuffer(parameters, 0, words);
    const pass = encoder.beginComputePass({ label: kernel.name });
    pass.setPipeline(pipeline);
    pass.setBindGroup(
      0,
      this.#device.createBindGroup({
        layout: pipeline.getBindGroupLayout(0),
        entries: [parameters, ...buffers].map((buffer, binding) => ({ binding, resource: { buffer } })),
      }),
    );
    const groups = Math.ceil(threads / kernel.workgroup);
    const across = Math.min(groups, MAX_GROUPS);
    pass.dispatchWorkgroups(across, Math.ceil(groups / across));
    pass.end();
    return parameters;
  }

  /** The buffer's first `bytes`, once everything submitted before has run. */
  async download(buffer: GPUBuffer, bytes = buffer.size): Promise<Uint32Array<ArrayBuffer>> {
    this.#check();
    const staging = this.#device.createBuffer({
      size: bytes,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    try {
      const encoder = this.#device.createCommandEncoder();
      encoder.copyBufferToBuffer(buffer, 0, staging, 0, bytes);
      this.#device.queue.submit([encoder.finish()]);
      await staging.mapAsync(GPUMapMode.READ).catch((cause: unknown) => {
        this.#check();
        throw new DeviceError("DEVICE_LOST", "the device gave no result back", { cause, retryable: true });
      });
      return new Uint32Array(staging.getMappedRange().slice(0));
    } finally {
      staging.destroy();
    }
  }

  /** Compiles (once) a kernel, e.g. before a deadline. */
  async pipeline(kernel: Kernel): Promise<GPUComputePipeline> {
    let pipeline = this.#pipelines.get(kernel.name);
    if (pipeline === undefined) {
      const code = moduleSource(kernel, this.shape);
      const module = this.#device.createShaderModule({ label: kernel.name, code });
      pipeline = await this.#device
        .createComputePipelineAsync({ label: kernel.name, layout: "auto", compute: { module, entryPoint: "main" } })
        .catch((cause: unknown) => {
          throw new DeviceError("KERNEL_INVALID", `${kernel.name} does not compile: ${String(cause)}`, { cause });
        });
      this.#pipelines.set(kernel.name, pipeline);
    }
    return pipeline;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#device.destroy();
    void this.#gpu;
  }

  #check(): void {
    if (this.#lost !== undefined)
      throw new DeviceError("DEVICE_LOST", `the GPU device was lost: ${this.#lost}`, { retryable: true });
    if (this.#closed) throw new DeviceError("DEVICE_LOST", "the device was closed");
  }
}

/** The whole module: bindings, the kernel's own text, and an entry point that maps workgroups in two dimensions to one thread number. */
export function moduleSource(kernel: Kernel, shape: Shape): string {
  const bindings = kernel.buffers.map(
    ({ name, access, atomic }, k) =>
      `@group(0) @binding(${k + 1}) var<storage, ${access}> ${name}: array<${atomic ? "atomic<u32>" : "u32"}>;`,
  );
  const cooperative = kernel.workgroupMemory !== undefined;
  return `@group(0) @binding(0) var<storage, read> params: array<u32>;
${bindings.join("\n")}
var<private> LIMBS: u32;
${kernel.workgroupMemory ?? ""}
fn param(k: u32) -> u32 { return params[k + ${RESERVED}u]; }
${kernel.source(shape)}
@compute @workgroup_size(${kernel.workgroup})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  LIMBS = params[1];
  let block = group.y * groups.x + group.x;
  let id = block * ${kernel.workgroup}u + local;
  ${cooperative ? "run(id, local, block);" : "if (id < params[0]) { run(id); }"}
}
`;
}

function hasHardware(): boolean {
  return existsSync("/dev/nvidia0") || existsSync("/dev/dri/renderD128") || process.platform !== "linux";
}
