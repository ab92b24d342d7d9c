import { G1_BYTES, G2_BYTES } from "@mednexus/circuits";
import { fromFile } from "../field/prime.ts";
import { ProverError } from "../groth16/errors.ts";
import { ELEMENT } from "./field.ts";
import { FQ64, FR64, sizesOf } from "./kernel.ts";
import type { Pool } from "./pool.ts";
import { GROUPS, type Lane, Layout, Space } from "./space.ts";

/** Bases of a sum; addresses. `present`: a byte a base, 0 for the identity. */
export interface Bases {
  readonly group: "g1" | "g2";
  readonly points: number;
  readonly present: number;
  readonly count: number;
}

/** Windows of the narrowest plan. */
const MOST_WINDOWS = 64;
/** Elements converted at a time. */
const STAGED = 4_096;

/** The plan of a memory: a lane for every thread of a pool and for this one, and whatever is taken of it until it is opened. */
export class Ground {
  readonly layout = new Layout();
  readonly lanes: readonly Lane[];
  readonly #module: WebAssembly.Module;
  readonly #staging: number;
  readonly factor: number;

  constructor({ module, threads }: Pool) {
    this.#module = module;
    this.lanes = Array.from({ length: threads + 1 }, () => this.layout.lane());
    [this.#staging, this.factor] = [this.layout.take(32 * STAGED), this.layout.take(ELEMENT)];
  }

  elements(count: number): number {
    return this.layout.take(ELEMENT * count);
  }

  bases(group: "g1" | "g2", count: number): Bases {
    const points = this.layout.take(sizesOf(GROUPS[group]).affine * count);
    return { group, points, present: this.layout.take(count), count };
  }

  /** For the sums of each window of one sum, projective. */
  windows(): number {
    return this.layout.take(sizesOf(GROUPS.g2).projective * MOST_WINDOWS);
  }

  /** The memory, as this thread sees it. @throws ProverError KEY_TOO_LARGE beyond 4 GiB, or what the machine gives */
  open(): Space {
    const { pages } = this.layout;
    if (pages === undefined)
      throw new ProverError("KEY_TOO_LARGE", "the key and a proof take more than 4 GiB of memory");
    let memory: WebAssembly.Memory;
    try {
      memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    } catch (cause) {
      throw new ProverError("KEY_TOO_LARGE", `no ${Math.ceil(pages / 16)} MiB of memory for the key and a proof`, {
        cause,
      });
    }
    return new Space(this.#module, memory, this.lanes.at(-1)!);
  }

  /** Elements of 32 bytes, times `by` over R, to `to`. */
  import(space: Space, field: "fq" | "fr", from: Uint8Array, to: number, by: bigint): void {
    space.write(this.factor, field === "fq" ? FQ64 : FR64, by);
    const count = from.length / 32;
    for (let done = 0; done < count; done += STAGED) {
      const some = Math.min(STAGED, count - done);
      space.bytes.set(from.subarray(32 * done, 32 * (done + some)), this.#staging);
      space.kernel[`${field}_import`](this.#staging, some, this.factor, to + ELEMENT * done);
    }
  }

  /** Affine points as a key's file has them: Montgomery coordinates of radix 2^256, the identity all zero. */
  importBases(space: Space, { group, points, present, count }: Bases, from: Uint8Array): void {
    this.import(space, "fq", from, points, fromFile(FQ64, 1));
    const length = group === "g1" ? G1_BYTES : G2_BYTES;
    for (let k = 0; k < count; k++) {
      let at = length * k;
      const end = at + length;
      while (at < end && from[at] === 0) at++;
      space.bytes[present + k] = at < end ? 1 : 0;
    }
  }
}
