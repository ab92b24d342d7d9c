import { G1_BYTES, G2_BYTES, readG1, readG2 } from "@mednexus/circuits";
import { FQ_MODULUS, FR_MODULUS, type G1, type G2, readBinFile, type Refuse, type VerifyingKey } from "@mednexus/sdk";
import { ProverError } from "./errors.ts";

const COEFFICIENT_BYTES = 44;

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
  const section = readBinFile(bytes, "zkey", 1, malformed);
  if (section(1).u32() !== 1) throw malformed("not a Groth16 key");

  const header = section(2);
  if (header.u32() !== 32 || header.word() !== FQ_MODULUS || header.u32() !== 32 || header.word() !== FR_MODULUS)
    throw malformed("it is for another curve");
  const [wires, publics, size] = [header.u32(), header.u32(), header.u32()];
  const power = Math.log2(size);
  if (!Number.isInteger(power) || power > 28) throw malformed(`a domain of ${size} rows`);
  if (wires === 0 || publics >= wires) throw malformed(`${publics} public inputs of ${wires} wires`);
  const g1 = (): G1 => readG1(header.take(G1_BYTES));
  const g2 = (): G2 => readG2(header.take(G2_BYTES));
  const [alpha1, beta1, beta, gamma, delta1, delta] = [g1(), g1(), g2(), g2(), g1(), g2()];

  const points = (type: number, count: number, length: number): Uint8Array => {
    const { left } = section(type);
    if (left !== count * length) throw malformed(`section ${type} holds ${left} bytes, not ${count} points`);
    return section(type).take(left);
  };
  const ic = points(3, publics + 1, G1_BYTES);
  const matrix = section(4);
  const coefficients = matrix.take(COEFFICIENT_BYTES * matrix.u32());
  if (header.left + matrix.left > 0) throw malformed("its header or its matrices are too long");
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
      ic: Array.from({ length: publics + 1 }, (_, k) => readG1(ic.subarray(k * G1_BYTES, (k + 1) * G1_BYTES))),
    },
    coefficients,
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
    if (matrix > 1 || row >= size || wire >= wires) throw malformed(`coefficient ${k} lies outside of the matrices`);
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

const malformed: Refuse = (why) => new ProverError("KEY_MALFORMED", `zkey file: ${why}`);
