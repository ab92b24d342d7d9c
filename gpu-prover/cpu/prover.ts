import { Lane } from "@mednexus/circuits";
import { type Curve, type G1, type Proved, type RandomBytes, systemRandom } from "@mednexus/sdk";
import { ProverError } from "../groth16/errors.ts";
import { KeyCache } from "../groth16/keyCache.ts";
import { finish } from "../groth16/prove.ts";
import { checkAssignment, readWtns } from "../groth16/wtns.ts";
import { readZkey } from "../groth16/zkey.ts";
import { collect } from "./collect.ts";
import { commit, makeBases, type ResidentBases } from "./commit.ts";
import { Pool } from "./pool.ts";
import { makeResident, type ResidentKey } from "./resident.ts";
import { sumsOf } from "./sums.ts";

export interface CpuOptions {
  /** worker threads; default one a core */
  readonly threads?: number;
  /** proving keys kept in memory; the least recently used leaves first. Default 4. */
  readonly keys?: number;
  readonly random?: RandomBytes;
}

/**
 * Groth16 and commitments on the CPU by WebAssembly kernels of our own, one thread a core over one memory a key: bases and matrices stay there, and the five sums and the
 * transforms of a proof run side by side. One proof or commitment at a time. Every proof is verified before it is returned.
 */
export class CpuProver {
  readonly #pool: Pool;
  readonly #curve: Curve;
  readonly #random: RandomBytes;
  readonly #lane = new Lane();
  readonly #keys: KeyCache<ResidentKey>;
  #closed = false;

  /** `curve` checks the proofs. */
  constructor(curve: Curve, { threads, keys = 4, random = systemRandom }: CpuOptions = {}) {
    this.#pool = new Pool(threads);
    [this.#curve, this.#random] = [curve, random];
    this.#keys = new KeyCache(keys, (key) => this.free(key));
  }

  /** snarkjs's zkey and wtns in, a verified proof out. @throws ProverError */
  proveFiles(zkey: Uint8Array, wtns: Uint8Array): Promise<Proved> {
    return this.prove(zkey, async () => readWtns(wtns));
  }

  /**
   * `zkey`: known again by its identity, so it must not change. `assignment` computes every wire, 32 bytes little-endian; called when its turn has come.
   * @throws ProverError; errors of `assignment`
   */
  prove(zkey: Uint8Array, assignment: () => Promise<Uint8Array>): Promise<Proved> {
    return this.#lane.run(async () => {
      if (this.#closed) throw new ProverError("BACKEND_CLOSED", "the prover was closed");
      const resident = this.#resident(zkey);
      const sums = await sumsOf(this.#pool, resident, checkAssignment(await assignment()));
      return finish(this.#curve, resident.key, sums, this.#random);
    });
  }

  /** Puts bases in memory: affine points of 64 bytes, little-endian Montgomery coordinates of radix 2^256 (ffjavascript's layout). */
  bases(affine: Uint8Array): ResidentBases {
    return makeBases(this.#pool, affine);
  }

  /** Σ values[i]·bases[i]; see `commit` for ranges and errors. `bits`: how many the magnitudes of short values may have. */
  commit(bases: ResidentBases, values: Int32Array<ArrayBuffer> | readonly bigint[], bits = 16): Promise<G1> {
    return this.#lane.run(() => commit(this.#pool, bases, values, bits));
  }

  free({ id }: Pick<ResidentBases, "id">): void {
    this.#pool.detach(id);
    setImmediate(collect); // nobody's stack refers to it then
  }

  /** Waits for running work. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#lane.idle();
    this.#keys.clear();
    await this.#pool.close();
  }

  #resident(zkey: Uint8Array): ResidentKey {
    const hash = this.#keys.hash(zkey);
    const known = this.#keys.get(hash);
    if (known !== undefined) return known;
    const key = readZkey(zkey);
    this.#keys.makeRoom();
    return this.#keys.set(hash, makeResident(this.#pool, key));
  }
}
