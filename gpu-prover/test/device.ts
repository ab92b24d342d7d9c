import { Device, type Launch } from "../device/device.ts";
import { DeviceError } from "../device/errors.ts";

/** Of every random input of a device's tests; printed in their titles. */
export const SEED = Number(process.env.SEED ?? 20261120);

let shared: Promise<Device | undefined> | undefined;

/** One device for all tests of a process: hardware, else a software adapter. Undefined where there is none. */
function open(): Promise<Device | undefined> {
  shared ??= Device.open({ software: true }).catch((error: unknown) => {
    if (!(error instanceof DeviceError)) throw error;
    if (process.env.REQUIRE_ADAPTER === "1") throw error;
    console.log(`      no WebGPU adapter (${error.message}): kernels are not tested here, their CPU twins are`);
    return undefined;
  });
  return shared;
}

/**
 * A mocha test on a device. Where there is none it is skipped with a line that says so, or fails with REQUIRE_ADAPTER=1. Dawn can end a process silently: a
 * test counts only when its body came to its end.
 */
export function onDevice(title: string, body: (device: Device) => Promise<void>): void {
  it(title, async function () {
    this.timeout(Math.max(this.timeout(), 600_000));
    const device = await open();
    if (device === undefined) return this.skip();
    let ended = false;
    await body(device).then(() => (ended = true));
    if (!ended) throw new Error("the test did not reach its end");
  });
}

/** Runs launches that leave their result in `buffer`, reads it, and frees all. */
export async function result(
  device: Device,
  launches: readonly Launch[],
  buffer: GPUBuffer,
  others: readonly GPUBuffer[] = [],
): Promise<Uint32Array<ArrayBuffer>> {
  try {
    await device.submit(launches);
    return await device.download(buffer);
  } finally {
    device.free(buffer, ...others);
  }
}

/** Seeded generator of 32-bit numbers (mulberry32); print the seed with what it produced. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
}

/** Values below `modulus`: uniform, with the awkward ones (0, 1, p − 1, powers of two ± 1) mixed in. */
export function values(next: () => number, modulus: bigint, count: number): bigint[] {
  return Array.from({ length: count }, () => {
    const pick = next() % 8;
    if (pick === 0) return [0n, 1n, 2n, modulus - 1n, modulus - 2n][next() % 5]!;
    if (pick === 1) return ((1n << BigInt(next() % 254)) + BigInt((next() % 3) - 1) + modulus) % modulus;
    let value = 0n;
    for (let k = 0; k < 9; k++) value = (value << 32n) | BigInt(next());
    return value % modulus;
  });
}
