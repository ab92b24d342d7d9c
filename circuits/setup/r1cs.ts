import { FR_MODULUS, readBinFile } from "@mednexus/sdk";
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
  const section = readBinFile(bytes, "r1cs", 1, invalid);
  const [header, body] = [section(1), section(2)];
  if (header.u32() !== 32 || header.word() !== FR_MODULUS) throw invalid("another field");
  const wires = header.u32();
  const publics = header.u32() + header.u32();
  header.take(12); // private inputs, labels
  const rows: Row[] = [];
  for (let k = header.u32(); k > 0; k--) rows.push({ a: combination(), b: combination(), c: combination() });
  return { wires, publics, rows };

  function combination(): Combination {
    const at: number[] = [];
    const coefficients: bigint[] = [];
    for (let k = body.u32(); k > 0; k--) {
      const wire = body.u32();
      if (wire >= wires) throw invalid(`wire ${wire} of ${wires}`);
      at.push(wire);
      coefficients.push(body.word());
    }
    return { wires: at, coefficients };
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
