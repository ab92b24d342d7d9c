import { MedNexusError } from "@mednexus/sdk";

/** A tensor of real numbers; `data` has as many entries as the product of `shape`. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/** A file that is not what it says, or holds what a model cannot be. */
export class TensorFileError extends MedNexusError {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super("TENSOR_FILE", message, options);
  }
}

/** Longest JSON header that is read. */
export const MAX_HEADER_BYTES = 2 ** 16;
const WIDTH = { F32: 4, F64: 8 } as const;

/** Writes tensors as F64 in the safetensors format (github.com/huggingface/safetensors): u64 header length, JSON, data; little-endian. */
export function writeSafetensors(tensors: Readonly<Record<string, Tensor>>): Uint8Array {
  let end = 0;
  const header: Record<string, unknown> = {};
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    if (elements(shape) !== data.length)
      throw new RangeError(`${name}: shape [${shape.join()}] of ${data.length} numbers`);
    header[name] = { dtype: "F64", shape, data_offsets: [end, (end += data.length * WIDTH.F64)] };
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const padded = Math.ceil(json.length / 8) * 8; // the format allows trailing spaces, which align the data
  const bytes = new Uint8Array(8 + padded + end).fill(0x20, 8, 8 + padded);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(padded), true);
  bytes.set(json, 8);
  let at = 8 + padded;
  for (const { data } of Object.values(tensors)) for (const value of data) view.setFloat64((at += 8) - 8, value, true);
  return bytes;
}

/**
 * Reads F32 and F64 tensors. The tensors must cover the data exactly, without holes or overlaps, and every number be finite.
 * Trusts nothing: any other input is a TensorFileError, and no more memory is taken than the file's own size asks for.
 */
export function readSafetensors(bytes: Uint8Array): Map<string, Tensor> {
  if (bytes.length < 8) throw new TensorFileError(`${bytes.length} bytes are too short for a safetensors file`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerLength = view.getBigUint64(0, true);
  if (headerLength > BigInt(Math.min(MAX_HEADER_BYTES, bytes.length - 8)))
    throw new TensorFileError(`a header of ${headerLength} bytes does not fit`);
  const start = 8 + Number(headerLength);
  const entries = parseHeader(bytes.subarray(8, start)).toSorted((a, b) => a.begin - b.begin || a.end - b.end);

  let covered = 0;
  const tensors = new Map<string, Tensor>();
  for (const { name, dtype, shape, begin, end } of entries) {
    const width = WIDTH[dtype];
    if (begin !== covered || end < begin || end > bytes.length - start || end - begin !== elements(shape) * width)
      throw new TensorFileError(`tensor ${JSON.stringify(name)} does not lie where its header says`);
    covered = end;
    const data = new Float64Array((end - begin) / width);
    for (let i = 0; i < data.length; i++) {
      const at = start + begin + i * width;
      const value = dtype === "F64" ? view.getFloat64(at, true) : view.getFloat32(at, true);
      if (!Number.isFinite(value)) throw new TensorFileError(`tensor ${JSON.stringify(name)} holds ${value} at ${i}`);
      data[i] = value;
    }
    tensors.set(name, { shape, data });
  }
  if (covered !== bytes.length - start)
    throw new TensorFileError(`${bytes.length - start - covered} bytes belong to no tensor`);
  return tensors;
}

interface Entry {
  readonly name: string;
  readonly dtype: keyof typeof WIDTH;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function parseHeader(bytes: Uint8Array): Entry[] {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new TensorFileError("the header is not JSON", { cause: error });
  }
  if (!isRecord(header)) throw new TensorFileError("the header is not an object");
  return Object.entries(header)
    .filter(([name]) => name !== "__metadata__")
    .map(([name, entry]) => {
      const { dtype, shape, data_offsets: offsets } = isRecord(entry) ? entry : {};
      const counts = (value: unknown): value is number[] =>
        Array.isArray(value) && value.length <= 8 && value.every((item) => Number.isSafeInteger(item) && item >= 0);
      if ((dtype !== "F32" && dtype !== "F64") || !counts(shape) || !counts(offsets) || offsets.length !== 2)
        throw new TensorFileError(
          `tensor ${JSON.stringify(name.slice(0, 40))} is not an F32 or F64 tensor with a shape and two offsets`,
        );
      return { name: name.slice(0, 40), dtype, shape, begin: offsets[0]!, end: offsets[1]! };
    });
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const elements = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);
