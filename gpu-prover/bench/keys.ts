import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { binaryFile, join as bytes, littleEndian, u32 } from "../../circuits/setup/binary.ts";
import { groth16Keys } from "../../circuits/setup/groth16.ts";
import type { R1cs, Row } from "../../circuits/setup/r1cs.ts";
import { trapdoor } from "../../circuits/setup/trapdoor.ts";
import { FR } from "../field/prime.ts";

/** A bench case: INSECURE key and a witness, both in snarkjs's formats. */
export interface Case {
  readonly constraints: number;
  readonly zkey: Uint8Array;
  readonly wtns: Uint8Array;
  /** the same as files */
  readonly paths: { readonly zkey: string; readonly wtns: string };
}

/**
 * About 2^power constraints of the mix that the protocol's circuits have: of every four rows two force a bit, one squares a running value and one adds bits
 * up, so that half of the witness is zero or one. The key comes from the known trapdoor by fixed-base multiplication (snarkjs's own set-up takes hours at
 * 2^20) and is cached by the hash of this file.
 */
export async function benchCase(power: number, cache: string): Promise<Case> {
  const source = createHash("sha256")
    .update(readFileSync(import.meta.filename))
    .digest("hex")
    .slice(0, 16);
  const path = join(cache, `bench-${power}-${source}`);
  const paths = { zkey: path, wtns: `${path}.wtns` };
  const { r1cs, assignment } = circuit(2 ** power - 4);
  const wtns = binaryFile("wtns", 2, [
    [1, bytes([u32(32), littleEndian(FR.modulus), u32(r1cs.wires)])],
    [2, assignment],
  ]);
  if (!existsSync(path)) {
    mkdirSync(cache, { recursive: true });
    writeFileSync(paths.wtns, wtns);
    const { zkey } = await groth16Keys(r1cs, trapdoor);
    writeFileSync(`${path}.part`, zkey);
    renameSync(`${path}.part`, path);
  }
  return { constraints: r1cs.rows.length, zkey: new Uint8Array(readFileSync(path)), wtns, paths };
}

function circuit(rows: number): { r1cs: R1cs; assignment: Uint8Array } {
  // wire 1: public result; wires from 2 on in the order of their making
  const values = [1n, 0n];
  const list: Row[] = [];
  const wire = (value: bigint): number => values.push(value) - 1;
  const one = (at: number) => ({ wires: [at], coefficients: [1n] });
  let state = 0x9e3779b9;
  const bit = (): bigint => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return BigInt(state >>> 31);
  };
  let running = wire(3n);
  while (list.length + 5 <= rows) {
    const bits = [wire(bit()), wire(bit())];
    for (const at of bits)
      list.push({
        a: one(at),
        b: { wires: [at, 0], coefficients: [1n, FR.modulus - 1n] },
        c: { wires: [], coefficients: [] },
      });
    // sum = running + b0 + 2·b1, then its square
    const sum = wire((values[running]! + values[bits[0]!]! + 2n * values[bits[1]!]!) % FR.modulus);
    list.push({ a: { wires: [running, ...bits], coefficients: [1n, 1n, 2n] }, b: one(0), c: one(sum) });
    running = wire((values[sum]! * values[sum]!) % FR.modulus);
    list.push({ a: one(sum), b: one(sum), c: one(running) });
  }
  values[1] = values[running]!;
  list.push({ a: one(running), b: one(0), c: one(1) });
  const assignment = new Uint8Array(32 * values.length);
  const view = new DataView(assignment.buffer);
  values.forEach((value, k) => {
    for (let word = 0; word < 4; word++)
      view.setBigUint64(32 * k + 8 * word, BigInt.asUintN(64, value >> BigInt(64 * word)), true);
  });
  return { r1cs: { wires: values.length, publics: 1, rows: list }, assignment };
}
