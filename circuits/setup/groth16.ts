import { Domain, Fr, FQ_MODULUS, FR_MODULUS, type G1, type G2, type VerifyingKey, writeWord } from "@mednexus/sdk";
import { binaryFile, join, littleEndian, split, u32 } from "./binary.ts";
import { fixedBase } from "./fixedBase.ts";
import { G1_BYTES, G2_BYTES, readG1, readG2 } from "./points.ts";
import type { Combination, R1cs } from "./r1cs.ts";
import type { Trapdoor } from "./trapdoor.ts";

const R = (1n << 256n) % FR_MODULUS;
const R_SQUARED = (R * R) % FR_MODULUS;
/** From about this many rows on, fixed-base tables with 16-bit windows pay for themselves. */
const MANY_ROWS = 60_000;

/** The QAP of an R1CS evaluated at tau: for each wire A(tau), B(tau), C(tau). */
interface Qap {
  readonly a: bigint[];
  readonly b: bigint[];
  readonly c: bigint[];
  readonly size: number;
}

/**
 * A proving key in snarkjs's zkey format (Groth16, version 1), computed from a known trapdoor: every scalar is
 * evaluated at tau in the field, and only then multiplied onto a generator. Deterministic.
 *
 * Section 10 (ceremony record) is empty, as there was no ceremony.
 * Source: Groth, EUROCRYPT 2016, section 3.2; snarkjs zkey_new.js for the format, its domain and its H basis.
 */
export async function groth16Keys(
  r1cs: R1cs,
  trapdoor: Trapdoor,
): Promise<{ zkey: Uint8Array; verifyingKey: VerifyingKey }> {
  const { alpha, beta, gamma, delta, tau } = trapdoor;
  const base = await fixedBase(r1cs.rows.length > MANY_ROWS);
  const qap = evaluateQap(r1cs, tau);
  const { a, b, c, size } = qap;

  const overGamma = Fr.inverse(gamma);
  const overDelta = Fr.inverse(delta);
  const mixed = a.map((_, wire) => (beta * a[wire]! + alpha * b[wire]! + c[wire]!) % FR_MODULUS);
  const ic = base.g1(mixed.slice(0, r1cs.publics + 1).map((v) => Fr.mul(v, overGamma)));
  // (A B - C)(X) vanishes on the even points of the doubled domain, so its Lagrange basis at the odd ones suffices.
  const odd = lagrangeAt(2 * size, tau).filter((_, k) => k % 2 === 1);

  const [alpha1, beta1, delta1] = split(base.g1([alpha, beta, delta]), G1_BYTES);
  const [beta2, gamma2, delta2] = split(base.g2([beta, gamma, delta]), G2_BYTES);
  const header = join([
    u32(32),
    littleEndian(FQ_MODULUS),
    u32(32),
    littleEndian(FR_MODULUS),
    u32(r1cs.wires),
    u32(r1cs.publics),
    u32(size),
    alpha1!,
    beta1!,
    beta2!,
    gamma2!,
    delta1!,
    delta2!,
  ]);
  const zkey = binaryFile("zkey", 1, [
    [1, u32(1)],
    [2, header],
    [3, ic],
    [4, coefficients(r1cs)],
    [5, base.g1(a)],
    [6, base.g1(b)],
    [7, base.g2(b)],
    [8, base.g1(mixed.slice(r1cs.publics + 1).map((v) => Fr.mul(v, overDelta)))],
    [9, base.g1(odd.map((v) => Fr.mul(v, overDelta)))],
    [10, new Uint8Array(64 + 4)],
  ]);
  const verifyingKey = {
    alpha: readG1(alpha1!),
    beta: readG2(beta2!),
    gamma: readG2(gamma2!),
    delta: readG2(delta2!),
    ic: split(ic, G1_BYTES).map(readG1),
  };
  return { zkey, verifyingKey };
}

/** [tau]_1 and [tau]_2, what an SRS registration needs. */
export async function tauPoints(tau: bigint): Promise<{ tauG1: G1; tauG2: G2 }> {
  const base = await fixedBase();
  return { tauG1: readG1(base.g1([tau])), tauG2: readG2(base.g2([tau])) };
}

/** Rows of the QAP: the circuit's, then one a public wire, which keeps the public inputs' polynomials independent. */
function evaluateQap({ rows, wires, publics }: R1cs, tau: bigint): Qap {
  let size = 1;
  while (size < rows.length + publics + 1) size *= 2;
  const lagrange = lagrangeAt(size, tau);
  const a = Array.from({ length: wires }, () => 0n);
  const b = [...a];
  const c = [...a];
  rows.forEach((row, k) => {
    accumulate(a, row.a, lagrange[k]!);
    accumulate(b, row.b, lagrange[k]!);
    accumulate(c, row.c, lagrange[k]!);
  });
  for (let wire = 0; wire <= publics; wire++) a[wire] = Fr.add(a[wire]!, lagrange[rows.length + wire]!);
  return { a, b, c, size };

  function accumulate(into: bigint[], { wires: at, coefficients: values }: Combination, weight: bigint): void {
    for (let k = 0; k < at.length; k++) into[at[k]!] = (into[at[k]!]! + values[k]! * weight) % FR_MODULUS;
  }
}

function lagrangeAt(size: number, tau: bigint): bigint[] {
  return [...Domain.of(size).lagrangeAt(tau)];
}

/** Section 4: A and B row by row, values times R² as snarkjs's prover expects them. */
function coefficients({ rows, publics }: R1cs): Uint8Array {
  const ENTRY = 12 + 32;
  const count = rows.reduce((sum, { a, b }) => sum + a.wires.length + b.wires.length, publics + 1);
  const out = new Uint8Array(4 + count * ENTRY);
  const view = new DataView(out.buffer);
  view.setUint32(0, count, true);
  let at = 4;
  rows.forEach(({ a, b }, row) => {
    for (const [matrix, { wires, coefficients: values }] of [a, b].entries()) {
      for (let k = 0; k < wires.length; k++) write(matrix, row, wires[k]!, values[k]!);
    }
  });
  for (let wire = 0; wire <= publics; wire++) write(0, rows.length + wire, wire, 1n);
  return out;

  function write(matrix: number, row: number, wire: number, value: bigint): void {
    view.setUint32(at, matrix, true);
    view.setUint32(at + 4, row, true);
    view.setUint32(at + 8, wire, true);
    writeWord(out, at + 12, (value * R_SQUARED) % FR_MODULUS, true);
    at += ENTRY;
  }
}
