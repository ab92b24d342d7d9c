import { G1_BYTES, G2_BYTES } from "@mednexus/circuits";
import { Fr, rootOfUnity } from "@mednexus/sdk";
import { fromFile, toMontgomery } from "../field/prime.ts";
import { ProverError } from "../groth16/errors.ts";
import { type Matrix, matricesOf, type ProvingKey } from "../groth16/zkey.ts";
import { reverseBits } from "../stages/ntt/ntt.cpu.ts";
import { ELEMENT } from "./field.ts";
import { FQ64, FR64, sizesOf } from "./kernel.ts";
import { SCALAR_WORDS } from "./msm.ts";
import type { Pool } from "./pool.ts";
import { GROUPS, Layout, Space } from "./space.ts";
import type { Domain, MatrixPlace } from "./tasks.ts";

/** Bases of one sum; addresses. `present`: a byte a base, 0 for the identity. */
export interface Bases {
  readonly group: "g1" | "g2";
  readonly points: number;
  readonly present: number;
  readonly count: number;
}

/**
 * A key in a memory of its own that all threads of the pool share: its points and matrices in our Montgomery form, the tables of its domain, and the room
 * that one proof at a time takes. Bytes: 73·(2·wires + privates + rows) + 145·wires for points, 40 an entry for matrices, 72·rows for tables; for a proof
 * 140·rows + 104·wires and 16.6 MB a thread. Dropping it frees the memory.
 */
export interface ResidentKey {
  readonly key: ProvingKey;
  readonly id: number;
  readonly space: Space;
  readonly domain: Domain;
  readonly a: Bases;
  readonly b1: Bases;
  readonly b2: Bases;
  /** private wires only */
  readonly c: Bases;
  readonly h: Bases;
  /** biased scalars of the assignment and of the quotient */
  readonly assignmentScalars: number;
  readonly quotientScalars: number;
  /** room for the sums of each window of the five, projective */
  readonly sums: readonly [number, number, number, number, number];
}

/** Elements converted at a time. */
const STAGED = 4_096;
/** Windows of the narrowest plan. */
const MOST_WINDOWS = 64;

/** @throws ProverError KEY_MALFORMED; KEY_TOO_LARGE for one beyond 4 GiB */
export function makeResident(pool: Pool, key: ProvingKey): ResidentKey {
  const { wires, publics, power } = key;
  const rows = 2 ** power;
  const matrices = matricesOf(key);
  const layout = new Layout();
  const lanes = Array.from({ length: pool.threads + 1 }, () => layout.lane());
  const staging = layout.take(32 * STAGED);
  const factor = layout.take(ELEMENT);
  const basesFor = (group: "g1" | "g2", count: number): Bases => ({
    group,
    count,
    points: layout.take(sizesOf(GROUPS[group]).affine * count),
    present: layout.take(count),
  });
  const place = ({ rows: entries }: Matrix): MatrixPlace => ({
    ends: layout.take(4 * (rows + 1)),
    columns: layout.take(4 * entries.length),
    values: layout.take(ELEMENT * entries.length),
  });
  const elements = (count: number): number => layout.take(ELEMENT * count);
  const domain: Domain = {
    power,
    matrices: [place(matrices[0]), place(matrices[1])],
    assignment: layout.take(32 * wires),
    wires: elements(wires),
    values: [elements(rows), elements(rows), elements(rows)],
    roots: elements(rows / 2 + 1),
    inverseRoots: elements(rows / 2 + 1),
    coset: elements(rows),
    one: elements(1),
    quotient: layout.take(32 * rows),
  };
  const windows = (): number => layout.take(sizesOf(GROUPS.g2).projective * MOST_WINDOWS);
  const rest = {
    a: basesFor("g1", wires),
    b1: basesFor("g1", wires),
    b2: basesFor("g2", wires),
    c: basesFor("g1", wires - publics - 1),
    h: basesFor("g1", rows),
    assignmentScalars: layout.take(4 * SCALAR_WORDS * wires),
    quotientScalars: layout.take(4 * SCALAR_WORDS * rows),
    sums: [windows(), windows(), windows(), windows(), windows()] as const,
  };
  const space = new Space(pool.module, sharedMemory(layout), lanes[pool.threads]!);
  const { kernel, words, bytes } = space;

  /** `count` elements of 32 bytes, times `by` over R. */
  const convert = (field: "fq" | "fr", from: Uint8Array, to: number, by: bigint): void => {
    space.write(factor, field === "fq" ? FQ64 : FR64, by);
    const count = from.length / 32;
    for (let done = 0; done < count; done += STAGED) {
      const some = Math.min(STAGED, count - done);
      bytes.set(from.subarray(32 * done, 32 * (done + some)), staging);
      kernel[`${field}_import`](staging, some, factor, to + ELEMENT * done);
    }
  };
  const fill = ({ group, points, present, count }: Bases, from: Uint8Array): void => {
    convert("fq", from, points, fromFile(FQ64, 1));
    const length = group === "g1" ? G1_BYTES : G2_BYTES;
    for (let k = 0; k < count; k++) {
      let at = length * k;
      const end = at + length;
      while (at < end && from[at] === 0) at++;
      bytes[present + k] = at < end ? 1 : 0;
    }
  };
  fill(rest.a, key.a);
  fill(rest.b1, key.b1);
  fill(rest.b2, key.b2);
  fill(rest.c, key.c);
  fill(rest.h, key.h);
  matrices.forEach((matrix, k) => {
    const { ends, columns, values } = domain.matrices[k]!;
    // v·R², which times a canonical wire over R gives Montgomery form
    convert("fr", matrix.values, values, fromFile(FR64, 2));
    words.set(matrix.wires, columns / 4);
    for (const row of matrix.rows) words[ends / 4 + row + 1]!++;
    for (let row = 0; row < rows; row++) words[ends / 4 + row + 1]! += words[ends / 4 + row]!;
  });
  const powers = (to: number, count: number, base: bigint, first: bigint): void => {
    space.write(factor, FR64, toMontgomery(FR64, base));
    space.write(to, FR64, toMontgomery(FR64, first));
    if (count > 1) kernel.fr_powers(to, count - 1, factor);
  };
  const root = rootOfUnity(power);
  powers(domain.roots, rows / 2, root, 1n);
  powers(domain.inverseRoots, rows / 2, Fr.inverse(root), 1n);
  // in natural order first, where values of C·w will be
  const natural = domain.values[2];
  powers(natural, rows, rootOfUnity(power + 1), Fr.inverse(BigInt(rows)));
  for (let k = 0; k < rows; k++) {
    const from = (natural + ELEMENT * k) / 4;
    words.copyWithin((domain.coset + ELEMENT * reverseBits(k, power)) / 4, from, from + ELEMENT / 4);
  }
  space.write(domain.one, FR64, 1n);
  return { key, id: pool.attach(space.memory, lanes, domain), space, domain, ...rest };
}

function sharedMemory({ pages }: Layout): WebAssembly.Memory {
  if (pages === undefined) throw new ProverError("KEY_TOO_LARGE", "the key and a proof take more than 4 GiB of memory");
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  } catch (cause) {
    throw new ProverError("KEY_TOO_LARGE", `no ${Math.ceil(pages / 16)} MiB of memory for the key and a proof`, {
      cause,
    });
  }
}
