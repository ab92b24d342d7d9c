import { FQ_MODULUS, FR_MODULUS, type G1, type G2, type VerifyingKey } from "@mednexus/sdk";
import { inverse } from "../field/prime.ts";
import { sectionsOf } from "./container.ts";
import { ProverError } from "./errors.ts";

const G1_BYTES = 64;
const G2_BYTES = 128;
const COEFFICIENT_BYTES = 44;
const Q_OVER_RADIX = inverse(2n ** 256n % FQ_MODULUS, FQ_MODULUS);

/** A Groth16 proving key as snarkjs writes it (zkey, version 1); arrays are views of the file, points affine in Montgomery form of radix 2^256. */
export interface ProvingKey {
  readonly wires: number;
  readonly publics: number;
  /** rows of the quotient's domain, 2^power */
  readonly power: number;
  readonly verifyingKey: VerifyingKey;
  readonly alpha1: G1;
  readonly beta1: G1;
  readonly delta1: G1;
  /** 44 bytes an entry: matrix (0 A, 1 B), row, wire, value times 2^512 */
  readonly coefficients: Uint8Array;
  readonly a: Uint8Array;
  readonly b1: Uint8Array;
  readonly b2: Uint8Array;
  /** private wires only */
  readonly c: Uint8Array;
  readonly h: Uint8Array;
}

/** @throws ProverError KEY_MALFORMED */
export function readZkey(bytes: Uint8Array): ProvingKey {
  const sections = sectionsOf(bytes, "zkey", [1], "KEY_MALFORMED");
  const section = (type: number): Uint8Array => sections.get(type) ?? malformed(`section ${type} is missing`);
  if (word(section(1), 0) !== 1) malformed("not a Groth16 key");

  const header = section(2);
  const fixed = 4 + 32 + 4 + 32 + 12;
  if (header.length !== fixed + 3 * G1_BYTES + 3 * G2_BYTES) malformed("its header has another length");
  if (
    word(header, 0) !== 32 ||
    little(header, 4) !== FQ_MODULUS ||
    word(header, 36) !== 32 ||
    little(header, 40) !== FR_MODULUS
  )
    malformed("it is for another curve");
  const [wires, publics, size] = [word(header, 72), word(header, 76), word(header, 80)];
  const power = Math.log2(size);
  if (!Number.isInteger(power) || power > 28) malformed(`a domain of ${size} rows`);
  if (wires === 0 || publics >= wires) malformed(`${publics} public inputs of ${wires} wires`);

  let at = fixed;
  const next = (length: number): Uint8Array => header.subarray(at, (at += length));
  const [alpha1, beta1] = [g1(next(G1_BYTES)), g1(next(G1_BYTES))];
  const [beta, gamma] = [g2(next(G2_BYTES)), g2(next(G2_BYTES))];
  const delta1 = g1(next(G1_BYTES));
  const delta = g2(next(G2_BYTES));

  const points = (type: number, count: number, length: number): Uint8Array => {
    const part = section(type);
    if (part.length !== count * length) malformed(`section ${type} holds ${part.length} bytes, not ${count} points`);
    return part;
  };
  const ic = points(3, publics + 1, G1_BYTES);
  const matrix = section(4);
  const entries = matrix.length < 4 ? -1 : word(matrix, 0);
  if (matrix.length !== 4 + entries * COEFFICIENT_BYTES) malformed("its matrices are cut short");
  return {
    wires,
    publics,
    power,
    alpha1,
    beta1,
    delta1,
    verifyingKey: {
      alpha: alpha1,
      beta,
      gamma,
      delta,
      ic: Array.from({ length: publics + 1 }, (_, k) => g1(ic.subarray(k * G1_BYTES, (k + 1) * G1_BYTES))),
    },
    coefficients: matrix.subarray(4),
    a: points(5, wires, G1_BYTES),
    b1: points(6, wires, G1_BYTES),
    b2: points(7, wires, G2_BYTES),
    c: points(8, wires - publics - 1, G1_BYTES),
    h: points(9, size, G1_BYTES),
  };
}

/** One of A and B by rows: entry k of row rows[k] is values[k] (32 bytes, as in the file) at wire wires[k]. */
export interface Matrix {
  readonly rows: Uint32Array<ArrayBuffer>;
  readonly wires: Uint32Array<ArrayBuffer>;
  readonly values: Uint8Array<ArrayBuffer>;
}

/** A and B, entries sorted by row (counting sort). @throws ProverError KEY_MALFORMED for an entry outside of the key's ranges */
export function matricesOf(key: ProvingKey): readonly [Matrix, Matrix] {
  const { coefficients, power, wires } = key;
  const size = 2 ** power;
  const view = new DataView(coefficients.buffer, coefficients.byteOffset, coefficients.byteLength);
  const count = coefficients.length / COEFFICIENT_BYTES;
  const starts = [new Uint32Array(size + 1), new Uint32Array(size + 1)];
  for (let k = 0; k < count; k++) {
    const at = k * COEFFICIENT_BYTES;
    const [matrix, row, wire] = [view.getUint32(at, true), view.getUint32(at + 4, true), view.getUint32(at + 8, true)];
    if (matrix > 1 || row >= size || wire >= wires) malformed(`coefficient ${k} lies outside of the matrices`);
    starts[matrix]![row + 1]!++;
  }
  const out = starts.map((start): Matrix => {
    for (let row = 0; row < size; row++) start[row + 1]! += start[row]!;
    const total = start[size]!;
    return { rows: new Uint32Array(total), wires: new Uint32Array(total), values: new Uint8Array(32 * total) };
  });
  for (let k = 0; k < count; k++) {
    const at = k * COEFFICIENT_BYTES;
    const matrix = view.getUint32(at, true);
    const row = view.getUint32(at + 4, true);
    const to = starts[matrix]![row]!++;
    const { rows, wires: columns, values } = out[matrix]!;
    rows[to] = row;
    columns[to] = view.getUint32(at + 8, true);
    values.set(coefficients.subarray(at + 12, at + 44), 32 * to);
  }
  return [out[0]!, out[1]!];
}

const malformed = (what: string): never => {
  throw new ProverError("KEY_MALFORMED", `zkey file: ${what}`);
};

function word(bytes: Uint8Array, at: number): number {
  if (at + 4 > bytes.length) malformed("cut short");
  return new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0, true);
}

function little(bytes: Uint8Array, at: number): bigint {
  let value = 0n;
  for (let k = 31; k >= 0; k--) value = (value << 8n) | BigInt(bytes[at + k]!);
  return value;
}

const coordinate = (bytes: Uint8Array, at: number): bigint => (little(bytes, at) * Q_OVER_RADIX) % FQ_MODULUS;
const g1 = (bytes: Uint8Array): G1 => ({ x: coordinate(bytes, 0), y: coordinate(bytes, 32) });
/** the real part comes first */
const g2 = (bytes: Uint8Array): G2 => ({
  xRe: coordinate(bytes, 0),
  xIm: coordinate(bytes, 32),
  yRe: coordinate(bytes, 64),
  yIm: coordinate(bytes, 96),
});
