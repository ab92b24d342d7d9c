import { Fr, rootOfUnity } from "@mednexus/sdk";
import { fromFile, toMontgomery } from "../field/prime.ts";
import { type Matrix, matricesOf, type ProvingKey } from "../groth16/zkey.ts";
import { reverseBits } from "../stages/ntt/ntt.cpu.ts";
import { ELEMENT } from "./field.ts";
import { type Bases, Ground } from "./ground.ts";
import { FR64 } from "./kernel.ts";
import { SCALAR_WORDS } from "./msm.ts";
import type { Pool } from "./pool.ts";
import type { Space } from "./space.ts";
import type { Domain, MatrixPlace } from "./tasks.ts";

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

/** @throws ProverError KEY_MALFORMED; KEY_TOO_LARGE for one beyond 4 GiB */
export function makeResident(pool: Pool, key: ProvingKey): ResidentKey {
  const { wires, publics, power } = key;
  const rows = 2 ** power;
  const matrices = matricesOf(key);
  const ground = new Ground(pool);
  const { layout, factor } = ground;
  const place = ({ rows: entries }: Matrix): MatrixPlace => ({
    ends: layout.take(4 * (rows + 1)),
    columns: layout.take(4 * entries.length),
    values: layout.take(ELEMENT * entries.length),
  });
  const domain: Domain = {
    power,
    matrices: [place(matrices[0]), place(matrices[1])],
    assignment: layout.take(32 * wires),
    wires: ground.elements(wires),
    values: [ground.elements(rows), ground.elements(rows), ground.elements(rows)],
    roots: ground.elements(rows / 2 + 1),
    inverseRoots: ground.elements(rows / 2 + 1),
    coset: ground.elements(rows),
    one: ground.elements(1),
    quotient: layout.take(32 * rows),
  };
  const rest = {
    a: ground.bases("g1", wires),
    b1: ground.bases("g1", wires),
    b2: ground.bases("g2", wires),
    c: ground.bases("g1", wires - publics - 1),
    h: ground.bases("g1", rows),
    assignmentScalars: layout.take(4 * SCALAR_WORDS * wires),
    quotientScalars: layout.take(4 * SCALAR_WORDS * rows),
    sums: [ground.windows(), ground.windows(), ground.windows(), ground.windows(), ground.windows()] as const,
  };
  const space = ground.open();
  const { kernel, words } = space;
  for (const name of ["a", "b1", "b2", "c", "h"] as const) ground.importBases(space, rest[name], key[name]);
  matrices.forEach((matrix, k) => {
    const { ends, columns, values } = domain.matrices[k]!;
    // v·R², which times a canonical wire over R gives Montgomery form
    ground.import(space, "fr", matrix.values, values, fromFile(FR64, 2));
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
  return { key, id: pool.attach(space.memory, ground.lanes, domain), space, domain, ...rest };
}
