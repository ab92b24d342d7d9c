import { G1, G2 } from "../curve/formulas.ts";
import { limbsOf, type PrimeField, toMontgomery } from "../field/prime.ts";
import { ELEMENT } from "./field.ts";
import { FQ64, type Kernel, MOST_PAGES, SCRATCH, sizesOf } from "./kernel.ts";

const PAGE = 65_536;

/** Points that a thread adds up at a time: entries and buckets together. */
export const MOST_ENTRIES = 65_536;
/** Pairs that share an inversion, some 380 products. */
export const BATCH = 4_096;

/** What one thread has to itself; addresses. */
export interface Lane {
  readonly scratch: number;
  readonly running: number;
  readonly sum: number;
  readonly pairs: number;
  readonly work: number;
  readonly flags: number;
  readonly results: number;
  readonly buckets: number;
}

/** Addresses are given out once, from the bottom; all are multiples of 64. */
export class Layout {
  #end = 64; // no address is 0

  take(bytes: number): number {
    const address = this.#end;
    this.#end += 64 * Math.ceil(bytes / 64);
    return address;
  }

  lane(): Lane {
    const { coordinate, affine, projective } = sizesOf(G2);
    return {
      scratch: this.take(SCRATCH),
      running: this.take(projective),
      sum: this.take(projective),
      pairs: this.take(8 * BATCH),
      work: this.take(2 * coordinate * BATCH),
      flags: this.take(4 * BATCH),
      results: this.take(affine * MOST_ENTRIES),
      buckets: this.take(affine * (MOST_ENTRIES / 2)),
    };
  }

  /** 64 KiB pages of a memory that holds it all; undefined: more than 32-bit addresses reach. */
  get pages(): number | undefined {
    const pages = Math.ceil(this.#end / PAGE);
    return pages <= MOST_PAGES ? pages : undefined;
  }
}

/** One thread's hold on a memory that several share: its kernel, its lane, views. */
export class Space {
  readonly memory: WebAssembly.Memory;
  readonly kernel: Kernel;
  readonly lane: Lane;
  readonly words: Uint32Array<SharedArrayBuffer>;
  readonly bytes: Uint8Array<SharedArrayBuffer>;

  constructor(module: WebAssembly.Module, memory: WebAssembly.Memory, lane: Lane) {
    this.kernel = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Kernel;
    [this.memory, this.lane] = [memory, lane];
    const buffer = memory.buffer as unknown as SharedArrayBuffer;
    this.words = new Uint32Array(buffer);
    this.bytes = new Uint8Array(buffer);
  }

  /** Limbs of `value` as it is; see `one` for Montgomery form. */
  write(address: number, field: PrimeField, value: bigint): void {
    this.words.set(limbsOf(field, value), address / 4);
  }

  /** What the limbs say, below the field's capacity. */
  read(address: number, { limbs, limbBits, modulus }: PrimeField): bigint {
    let value = 0n;
    for (let k = limbs - 1; k >= 0; k--) value = (value << BigInt(limbBits)) | BigInt(this.words[address / 4 + k]!);
    return value % modulus;
  }

  /** The identity, projective: (0 : 1 : 0). */
  writeIdentity(address: number, degree: 1 | 2): void {
    this.words.fill(0, address / 4, address / 4 + (3 * degree * ELEMENT) / 4);
    this.write(address + degree * ELEMENT, FQ64, ONE);
  }

  writeOne(address: number, degree: 1 | 2): void {
    this.words.fill(0, address / 4, address / 4 + (degree * ELEMENT) / 4);
    this.write(address, FQ64, ONE);
  }

  /** Whether `count` elements are zero modulo p; makes them canonical. */
  areZero(address: number, count: number): boolean {
    let zero = true;
    for (let k = 0; k < count; k++) {
      this.kernel.fq_canonical(address + ELEMENT * k, address + ELEMENT * k);
      if (
        this.words.subarray((address + ELEMENT * k) / 4, (address + ELEMENT * (k + 1)) / 4).some((word) => word !== 0)
      )
        zero = false;
    }
    return zero;
  }
}

const ONE = toMontgomery(FQ64, 1n);

export const GROUPS = { g1: G1, g2: G2 };
