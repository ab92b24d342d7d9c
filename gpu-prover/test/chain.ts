import { binaryFile, join, littleEndian, u32 } from "../../circuits/setup/binary.ts";
import type { R1cs } from "../../circuits/setup/r1cs.ts";
import { FR } from "../field/prime.ts";

/** x, then six squarings in a row: public result; wires 1, out, x, x², … */
export function chain(x: bigint): { r1cs: R1cs; assignment: Uint8Array<ArrayBuffer> } {
  const steps = 6;
  const wires = [1n];
  const powers = [x];
  for (let k = 0; k < steps; k++) powers.push((powers[k]! * powers[k]!) % FR.modulus);
  wires.push(powers[steps]!, ...powers.slice(0, steps));
  const one = (wire: number) => ({ wires: [wire], coefficients: [1n] });
  const rows = Array.from({ length: steps }, (_, k) => ({
    a: one(2 + k),
    b: one(2 + k),
    c: one(k === steps - 1 ? 1 : 3 + k),
  }));
  const assignment = new Uint8Array(join(wires.map(littleEndian)));
  return { r1cs: { wires: wires.length, publics: 1, rows }, assignment };
}

/** An assignment as a snarkjs wtns file. */
export const wtns = (assignment: Uint8Array): Uint8Array =>
  binaryFile("wtns", 2, [
    [1, join([u32(32), littleEndian(FR.modulus), u32(assignment.length / 32)])],
    [2, assignment],
  ]);
