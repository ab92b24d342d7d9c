import type { G1 } from "@mednexus/sdk";
import { G1_BYTES } from "@mednexus/circuits";
import { FR, pack } from "../field/prime.ts";
import { ProverError } from "../groth16/errors.ts";
import { type Bases, Ground } from "./ground.ts";
import { joinWindows } from "./join.ts";
import { SCALAR_WORDS } from "./msm.ts";
import type { Pool } from "./pool.ts";
import type { Space } from "./space.ts";
import { biased, pieces, ranges, sumTasks } from "./sums.ts";

/** Bases of commitments in a memory that all threads of a pool share: 113 bytes a base, and 32 for its value. */
export interface ResidentBases {
  readonly id: number;
  readonly space: Space;
  readonly bases: Bases;
  readonly words: number;
  readonly scalars: number;
  readonly sums: number;
}

/** `affine`: points of 64 bytes, little-endian Montgomery coordinates of radix 2^256. @throws ProverError KEY_TOO_LARGE */
export function makeBases(pool: Pool, affine: Uint8Array): ResidentBases {
  const ground = new Ground(pool);
  const count = affine.length / G1_BYTES;
  const bases = ground.bases("g1", count);
  const places = {
    words: ground.layout.take(32 * count),
    scalars: ground.layout.take(4 * SCALAR_WORDS * count),
    sums: ground.windows(),
  };
  const space = ground.open();
  ground.importBases(space, bases, affine);
  return { id: pool.attach(space.memory, ground.lanes), space, bases, ...places };
}

/**
 * Σ values[i]·bases[i]. An Int32Array's values have at most `bits` bits and cost windows for these only; bigints must be canonical scalars. One at a time.
 * @throws ProverError LIMIT_EXCEEDED, THREAD_FAILED; RangeError
 */
export async function commit(
  pool: Pool,
  { id, space, bases, words, scalars, sums }: ResidentBases,
  values: Int32Array<ArrayBuffer> | readonly bigint[],
  bits: number,
): Promise<G1> {
  const count = values.length;
  const short = values instanceof Int32Array;
  if (count > bases.count) throw new ProverError("LIMIT_EXCEEDED", `${count} values for ${bases.count} bases`);
  if (short ? values.some((value) => Math.abs(value) > 2 ** bits) : values.some((v) => v < 0n || v >= FR.modulus))
    throw new RangeError(short ? `a value has more than ${bits} bits` : "a scalar is not canonical");
  const width = short ? 1 : 8;
  const cut = biased(scalars, count, short ? bits + 1 : undefined);
  const biasing = ranges(count, pieces(pool)).map(
    (range) => ({ kind: "bias", words, width, ...range, biased: cut }) as const,
  );
  space.words.set(short ? new Uint32Array(values.buffer, values.byteOffset, count) : pack(values), words / 4);
  try {
    await pool.run(id, biasing);
    await pool.run(id, sumTasks(pool, { ...bases, count }, cut, sums));
  } finally {
    // what was committed to may be secret
    space.bytes.fill(0, words, words + 32 * count);
    space.bytes.fill(0, scalars, scalars + 4 * SCALAR_WORDS * count);
  }
  const point = joinWindows(space, "g1", cut.bits, cut.windows, sums);
  return point === undefined ? { x: 0n, y: 0n } : { x: point[0]!, y: point[1]! };
}
