import { FR_MODULUS } from "@mednexus/sdk";
import { CircuitError } from "../manifest.ts";

/** Sparse linear combination of wires: wires[k] times coefficients[k]. */
export interface Combination {
  readonly wires: readonly number[];
  readonly coefficients: readonly bigint[];
}

/** (a . w) * (b . w) = c . w */
export interface Row {
  readonly a: Combination;
  readonly b: Combination;
  readonly c: Combination;
}

export interface R1cs {
  readonly wires: number;
  /** public wires without the constant one; they are wires 1..publics */
  readonly publics: number;
  readonly rows: readonly Row[];
}

/**
 * Reads a `.r1cs` file.
 * Source: iden3 r1csfile, binary format version 1.
 * @throws CircuitError R1CS_INVALID
 */
export function readR1cs(bytes: Uint8Array): R1cs {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || view.getUint32(0, true) !== 0x73633172) throw invalid("not an r1cs file");
  const sections = new Map<number, number>();
  let at = 12;
  for (let k = view.getUint32(8, true); k > 0; k--) {
    const length = Number(view.getBigUint64(at + 4, true));
    if (at + 12 + length > bytes.length) throw invalid("truncated");
    sections.set(view.getUint32(at, true), at + 12);
    at += 12 + length;
  }
  const header = sections.get(1);
  const body = sections.get(2);
  if (header === undefined || body === undefined) throw invalid("a section is missing");
  if (view.getUint32(header, true) !== 32 || field(header + 4) !== FR_MODULUS) throw invalid("another field");

  const count = view.getUint32(header + 36 + 24, true);
  at = body;
  const rows: Row[] = [];
  for (let k = 0; k < count; k++) rows.push({ a: combination(), b: combination(), c: combination() });
  return {
    wires: view.getUint32(header + 36, true),
    publics: view.getUint32(header + 40, true) + view.getUint32(header + 44, true),
    rows,
  };

  function combination(): Combination {
    const terms = view.getUint32(at, true);
    at += 4;
    const wires: number[] = [];
    const coefficients: bigint[] = [];
    for (let k = 0; k < terms; k++, at += 36) {
      wires.push(view.getUint32(at, true));
      coefficients.push(field(at + 4));
    }
    return { wires, coefficients };
  }

  function field(offset: number): bigint {
    let value = 0n;
    for (let k = 3; k >= 0; k--) value = (value << 64n) | view.getBigUint64(offset + 8 * k, true);
    return value;
  }
}

/** Value of a combination under a full assignment of the wires. */
export function evaluate({ wires, coefficients }: Combination, assignment: readonly bigint[]): bigint {
  let sum = 0n;
  for (let k = 0; k < wires.length; k++) sum += coefficients[k]! * assignment[wires[k]!]!;
  return sum % FR_MODULUS;
}

/** Rows that an assignment breaks. */
export function brokenRows({ rows }: R1cs, assignment: readonly bigint[]): Row[] {
  return rows.filter(
    ({ a, b, c }) => (evaluate(a, assignment) * evaluate(b, assignment) - evaluate(c, assignment)) % FR_MODULUS !== 0n,
  );
}

function invalid(why: string): CircuitError {
  return new CircuitError("R1CS_INVALID", `r1cs file: ${why}`);
}
