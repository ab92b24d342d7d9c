import { Fr, rootOfUnity } from "@mednexus/sdk";
import type { Device, Launch } from "../device/device.ts";
import { FQ, FR, fromFile } from "../field/prime.ts";
import { convert } from "../stages/convert/convert.ts";
import { powers } from "../stages/powers/powers.ts";
import { scratchSize } from "../stages/segments/segments.ts";
import { type Matrix, matricesOf, type ProvingKey } from "./zkey.ts";

/** Entries that one thread adds up. */
export const ROW_CHUNK = 16;

/** A matrix on the device, ready for segmented sums by row. */
export interface ResidentMatrix {
  readonly entries: number;
  /** one word: the number of entries */
  readonly count: GPUBuffer;
  readonly keys: GPUBuffer;
  readonly columns: GPUBuffer;
  readonly values: GPUBuffer;
}

/**
 * What a key keeps on the device between proofs: its points and matrices in our Montgomery form, and the tables of its domain.
 * Bytes: 64·(3·wires + rows) + 128·wires for points, 40 an entry (and keys' scratch) for matrices, 64·rows for tables.
 */
export interface ResidentKey {
  readonly key: ProvingKey;
  readonly a: GPUBuffer;
  readonly b1: GPUBuffer;
  readonly b2: GPUBuffer;
  /** one point a wire: the identity for public ones, so that A, B and C share the sorted digits of the assignment */
  readonly c: GPUBuffer;
  readonly h: GPUBuffer;
  readonly matrices: readonly [ResidentMatrix, ResidentMatrix];
  readonly roots: GPUBuffer;
  readonly inverseRoots: GPUBuffer;
  /** g^j/rows in bit-reversed order, g the root of the doubled domain: to the coset on which the quotient is taken */
  readonly coset: GPUBuffer;
}

/** Points of 64 bytes a binding must hold to carry a key of `wires`, and the rest: what decides whether a key fits. */
export const largestBinding = (key: ProvingKey): number => Math.max(128 * key.wires, 64 * 2 ** key.power);

export async function makeResident(device: Device, key: ProvingKey): Promise<ResidentKey> {
  const { power, publics } = key;
  const rows = 2 ** power;
  const held: GPUBuffer[] = [];
  const buffer = (bytes: number, label: string): GPUBuffer => {
    const made = device.buffer(bytes, label);
    held.push(made);
    return made;
  };
  const upload = (data: Uint8Array | Uint32Array<ArrayBuffer>, label: string): GPUBuffer => {
    const made = device.upload(data instanceof Uint32Array ? data : plain(data), label);
    held.push(made);
    return made;
  };
  const staging: GPUBuffer[] = [];
  const launches: Launch[] = [];
  const points = (data: Uint8Array, label: string, pad = 0): GPUBuffer => {
    let bytes = data;
    if (pad > 0) {
      bytes = new Uint8Array(pad + data.length);
      bytes.set(data, pad);
    }
    const from = device.upload(plain(bytes), label);
    const to = buffer(bytes.length, label);
    staging.push(from);
    launches.push(convert(FQ, bytes.length / 32, fromFile(FQ, 1), from, to));
    return to;
  };
  const matrix = ({ rows: keys, wires, values }: Matrix): ResidentMatrix => {
    const entries = keys.length;
    const from = device.upload(values, "matrix");
    staging.push(from);
    const to = buffer(32 * entries, "matrix");
    // v·R², which times a canonical wire over R gives Montgomery form
    launches.push(convert(FR, entries, fromFile(FR, 2), from, to));
    const padded = new Uint32Array(entries + scratchSize(entries, ROW_CHUNK));
    padded.set(keys);
    return {
      entries,
      count: upload(Uint32Array.of(entries), "entries"),
      keys: upload(padded, "rows"),
      columns: upload(wires, "columns"),
      values: to,
    };
  };
  try {
    const [a, b] = matricesOf(key);
    const root = rootOfUnity(power);
    const doubled = rootOfUnity(power + 1);
    const roots = buffer(16 * rows, "roots");
    const inverseRoots = buffer(16 * rows, "inverse roots");
    const coset = buffer(32 * rows, "coset");
    const resident = {
      key,
      a: points(key.a, "A"),
      b1: points(key.b1, "B1"),
      b2: points(key.b2, "B2"),
      c: points(key.c, "C", 64 * (publics + 1)),
      h: points(key.h, "H"),
      matrices: [matrix(a), matrix(b)] as const,
      roots,
      inverseRoots,
      coset,
    };
    launches.push(
      powers(FR, power - 1, root, 1n, false, roots),
      powers(FR, power - 1, Fr.inverse(root), 1n, false, inverseRoots),
      powers(FR, power, doubled, Fr.inverse(BigInt(rows)), true, coset),
    );
    await device.submit(launches);
    return resident;
  } catch (error) {
    device.free(...held);
    throw error;
  } finally {
    device.free(...staging);
  }
}

export function freeResident(device: Device, resident: ResidentKey): void {
  const { a, b1, b2, c, h, matrices, roots, inverseRoots, coset } = resident;
  device.free(a, b1, b2, c, h, roots, inverseRoots, coset);
  for (const { count, keys, columns, values } of matrices) device.free(count, keys, columns, values);
}

/** The same bytes over an ArrayBuffer of their own kind, copied only if they are shared or unaligned. */
const plain = (bytes: Uint8Array): Uint8Array<ArrayBuffer> =>
  bytes.buffer instanceof ArrayBuffer && bytes.byteOffset % 4 === 0
    ? (bytes as Uint8Array<ArrayBuffer>)
    : bytes.slice();
