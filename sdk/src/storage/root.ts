/**
 * 0G Storage's Merkle root, computed while bytes stream by: keccak256 leaves over 256-byte sectors (the last one filled
 * with zeros), zero sectors up to 0G's padded length, pairs hashed upwards, an odd node moving up unchanged. Segments of
 * 1,024 sectors are full subtrees of that same tree, so they need no step of their own. Memory: one node a level.
 * The root does not tell content from the same content with zeros behind it: whoever relies on a length keeps it beside.
 */
import { hexlify } from "ethers";
import { createKeccak, type IHasher } from "hash-wasm";
import { StorageError } from "../errors.ts";
import type { Hash } from "../transcript.ts";

const SECTOR = 256;

/** Sectors in 0G's flow for `sectors` of data: a power of two, else a multiple of a sixteenth of the next one. */
function paddedSectors(sectors: number): number {
  const next = 2 ** Math.ceil(Math.log2(sectors));
  const unit = Math.max(1, next / 16);
  return Math.ceil(sectors / unit) * unit;
}

/** WebAssembly: ten times the speed of keccak in JavaScript, and a 2 GB file is 25 million permutations. */
let keccak: Promise<IHasher> | undefined;

export class RootHasher {
  /** One instance for all: every hash begins and ends within one synchronous call. */
  readonly #keccak: IHasher;
  /** Roots of full subtrees: level l holds 2^l sectors, or nothing. */
  readonly #levels: (Uint8Array | undefined)[] = [];
  readonly #pair = new Uint8Array(64);
  readonly #rest = new Uint8Array(SECTOR);
  #filled = 0;
  #sectors = 0;
  #root: Hash | undefined;

  private constructor(hasher: IHasher) {
    this.#keccak = hasher;
  }

  static async create(): Promise<RootHasher> {
    keccak ??= createKeccak(256);
    return new RootHasher(await keccak);
  }

  /** Takes the next bytes, any number of them. */
  update(bytes: Uint8Array): this {
    if (this.#root !== undefined) throw new StorageError("ROOT_DONE", "this root has been read");
    let at = 0;
    if (this.#filled > 0) {
      at = Math.min(bytes.length, SECTOR - this.#filled);
      this.#rest.set(bytes.subarray(0, at), this.#filled);
      this.#filled += at;
      if (this.#filled < SECTOR) return this;
      this.#add(this.#hash(this.#rest));
      this.#filled = 0;
    }
    for (; at + SECTOR <= bytes.length; at += SECTOR) this.#add(this.#hash(bytes.subarray(at, at + SECTOR)));
    this.#rest.set(bytes.subarray(at));
    this.#filled = bytes.length - at;
    return this;
  }

  /** The root; nothing can be added afterwards. Errors: StorageError EMPTY_BLOB (0G has no root for no bytes). */
  digest(): Hash {
    if (this.#root !== undefined) return this.#root;
    if (this.#filled > 0) {
      this.#add(this.#hash(this.#rest.fill(0, this.#filled)));
      this.#filled = 0;
    }
    if (this.#sectors === 0) throw new StorageError("EMPTY_BLOB", "nothing to store: the content is empty");
    const zero = this.#hash(this.#rest.fill(0));
    for (let missing = paddedSectors(this.#sectors) - this.#sectors; missing > 0; missing--) this.#add(zero);
    let root: Uint8Array | undefined;
    for (const node of this.#levels) {
      if (node !== undefined) root = root === undefined ? node : this.#parent(node, root);
    }
    this.#root = hexlify(root!);
    return this.#root;
  }

  #add(node: Uint8Array): void {
    this.#sectors++;
    let level = 0;
    for (; this.#levels[level] !== undefined; level++) {
      node = this.#parent(this.#levels[level]!, node);
      this.#levels[level] = undefined;
    }
    this.#levels[level] = node;
  }

  #parent(left: Uint8Array, right: Uint8Array): Uint8Array {
    this.#pair.set(left);
    this.#pair.set(right, 32);
    return this.#hash(this.#pair);
  }

  #hash(bytes: Uint8Array): Uint8Array {
    return this.#keccak.init().update(bytes).digest("binary");
  }
}

/** The root of bytes at hand. Errors: StorageError EMPTY_BLOB. */
export const storageRoot = async (bytes: Uint8Array): Promise<Hash> =>
  (await RootHasher.create()).update(bytes).digest();
