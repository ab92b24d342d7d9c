import { readWord } from "@mednexus/sdk";
import { ProverError } from "../groth16/errors.ts";
import type { Sums } from "../groth16/prove.ts";
import type { Affine } from "../msm/msm.ts";
import { ELEMENT } from "./field.ts";
import { joinWindows } from "./join.ts";
import { sizesOf } from "./kernel.ts";
import { mostWindows, SCALAR_WORDS, windowBits, windowsOf } from "./msm.ts";
import type { Bases } from "./ground.ts";
import type { Pool } from "./pool.ts";
import type { ResidentKey } from "./resident.ts";
import { GROUPS } from "./space.ts";
import type { Biased, Task } from "./tasks.ts";

const SCALAR_BITS = 254;
/** Scalars of fewer bits than this have most windows empty. */
const SHORT_BYTES = 8;
/** What can be cut is cut into this many, four for each thread. */
export const pieces = ({ threads }: Pool): number => 4 * threads;

/**
 * What a proof is made of, before blinding: every thread of the pool works on it, and nothing of the witness stays in memory. One at a time for a key.
 * @throws ProverError WITNESS_MISMATCH, THREAD_FAILED
 */
export async function sumsOf(pool: Pool, resident: ResidentKey, assignment: Uint8Array): Promise<Sums> {
  const { wires } = resident.key;
  if (assignment.length !== 32 * wires)
    throw new ProverError("WITNESS_MISMATCH", `a witness of ${assignment.length / 32} wires for a key of ${wires}`);
  try {
    return await sums(pool, resident, assignment);
  } finally {
    wipe(resident);
  }
}

async function sums(pool: Pool, resident: ResidentKey, assignment: Uint8Array): Promise<Sums> {
  const { key, domain, space, id } = resident;
  space.bytes.set(assignment, domain.assignment);
  const rows = 2 ** key.power;
  const wireSums = biased(resident.assignmentScalars, fullScalars(assignment));
  const quotientSum = biased(resident.quotientScalars, rows);
  await pool.run(
    id,
    ranges(key.wires, pieces(pool)).map((range) => ({ kind: "wires", ...range, biased: wireSums })),
  );

  const [a, b1, b2, c, h] = resident.sums;
  const skipped = 4 * SCALAR_WORDS * (key.publics + 1);
  const wires = Promise.all([
    pool.run(id, sumTasks(pool, resident.b2, wireSums, b2)),
    pool.run(id, sumTasks(pool, resident.a, wireSums, a)),
    pool.run(id, sumTasks(pool, resident.b1, wireSums, b1)),
    pool.run(id, sumTasks(pool, resident.c, { ...wireSums, scalars: wireSums.scalars + skipped }, c)),
  ]);
  const quotient = (async () => {
    for (const stage of quotientStages(pool, resident, quotientSum)) await pool.run(id, stage, true);
    await pool.run(id, sumTasks(pool, resident.h, quotientSum, h), true);
  })();
  await Promise.all([wires, quotient]);

  const join = (group: "g1" | "g2", { bits, windows }: Biased, sums: number): Affine =>
    joinWindows(space, group, bits, windows, sums);
  return {
    a: join("g1", wireSums, a),
    b1: join("g1", wireSums, b1),
    b2: join("g2", wireSums, b2),
    c: join("g1", wireSums, c),
    h: join("g1", quotientSum, h),
    publicInputs: Array.from({ length: key.publics }, (_, k) => readWord(assignment, 32 * (k + 1), true)),
  };
}

/** The stages from the assignment to the quotient's scalars, each to be over before the next begins. */
function* quotientStages(pool: Pool, { domain, key }: ResidentKey, quotient: Biased): Generator<Task[]> {
  const { power } = key;
  const rows = 2 ** power;
  yield ranges(rows, pieces(pool)).map((range) => ({ kind: "rows", ...range }));
  // Three polynomials by 2^layers blocks keep every thread at work.
  let layers = 0;
  while (layers < power && 3 * 2 ** layers < pieces(pool)) layers++;
  const upper = (kind: "dif" | "dit", layer: number): Task[] => {
    const [blocks, half] = [2 ** layer, 2 ** (power - 1 - layer)];
    return domain.values.flatMap((values) =>
      Array.from({ length: blocks }, (_, block) =>
        ranges(half, Math.max(1, 2 ** layers / blocks / 2)).map((range): Task => ({
          kind,
          values,
          layer,
          block,
          ...range,
        })),
      ).flat(),
    );
  };
  for (let layer = 0; layer < layers; layer++) yield upper("dif", layer);
  yield domain.values.flatMap((values) =>
    Array.from({ length: 2 ** layers }, (_, block): Task => ({ kind: "coset", values, layer: layers, block })),
  );
  for (let layer = layers - 1; layer >= 0; layer--) yield upper("dit", layer);
  yield ranges(rows, pieces(pool)).map((range) => ({ kind: "quotient", ...range, biased: quotient }));
}

/** The windows of one sum, in pieces. */
export function sumTasks(
  pool: Pool,
  { group, points, present, count }: Bases,
  { scalars, bits, windows }: Biased,
  sums: number,
): Task[] {
  const each = Math.min(mostWindows(bits), Math.ceil(windows / pieces(pool)));
  const { projective } = sizesOf(GROUPS[group]);
  return Array.from({ length: Math.ceil(windows / each) }, (_, k) => ({
    kind: "sum" as const,
    sum: {
      group,
      bases: points,
      present,
      scalars,
      count,
      bits,
      first: each * k,
      windows: Math.min(each, windows - each * k),
      sums: sums + projective * each * k,
    },
  }));
}

/** `count` in at most `pieces` ranges. */
export function ranges(count: number, pieces: number): { from: number; to: number }[] {
  const each = Math.ceil(count / pieces);
  return Array.from({ length: Math.ceil(count / each) }, (_, k) => ({
    from: each * k,
    to: Math.min(count, each * (k + 1)),
  }));
}

/** Nothing of a witness stays in memory once its proof is made. */
function wipe({ key, domain, space, assignmentScalars, quotientScalars }: ResidentKey): void {
  const rows = 2 ** key.power;
  const clear = (address: number, bytes: number): void => void space.bytes.fill(0, address, address + bytes);
  clear(domain.assignment, 32 * key.wires);
  clear(domain.wires, ELEMENT * key.wires);
  clear(assignmentScalars, 4 * SCALAR_WORDS * key.wires);
  for (const values of domain.values) clear(values, ELEMENT * rows);
  clear(domain.quotient, 32 * rows);
  clear(quotientScalars, 4 * SCALAR_WORDS * rows);
}

/** How `count` scalars of `width` bits are cut, at their address. */
export function biased(scalars: number, count: number, width = SCALAR_BITS): Biased {
  const bits = windowBits(count, width);
  return { scalars, bits, windows: windowsOf(bits, width) };
}

/** How many of the scalars have bits beyond the lowest. */
function fullScalars(words: Uint8Array): number {
  let full = 0;
  for (let at = 0; at < words.length; at += 32) {
    let k = SHORT_BYTES;
    while (k < 32 && words[at + k] === 0) k++;
    if (k < 32) full++;
  }
  return full;
}
