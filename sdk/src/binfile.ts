import { readWord } from "./bytes.ts";
import type { MedNexusError } from "./errors.ts";

/** Makes the typed error of a file that is refused, from the reason. */
export type Refuse = (why: string) => MedNexusError;

/** Bytes read from their start, numbers little-endian. Whatever lies beyond the end is refused. */
export class Section {
  readonly bytes: Uint8Array;
  readonly #refuse: Refuse;
  #at = 0;

  constructor(bytes: Uint8Array, refuse: Refuse) {
    this.bytes = bytes;
    this.#refuse = refuse;
  }

  /** How many bytes are left to read. */
  get left(): number {
    return this.bytes.length - this.#at;
  }

  u32(): number {
    const at = this.#advance(4);
    return new DataView(this.bytes.buffer, this.bytes.byteOffset + at, 4).getUint32(0, true);
  }

  /** 32 bytes as an unsigned integer. */
  word(): bigint {
    return readWord(this.bytes, this.#advance(32), true);
  }

  /** The next `length` bytes, a view of the file. */
  take(length: number): Uint8Array {
    const at = this.#advance(length);
    return this.bytes.subarray(at, at + length);
  }

  #advance(length: number): number {
    if (length > this.left) throw this.#refuse("cut short");
    const at = this.#at;
    this.#at += length;
    return at;
  }
}

/**
 * The sections of one of iden3's binary files (magic, version, count, then type, 64-bit length, bytes), by type; views of the file. A section given twice is
 * refused, as snarkjs refuses it, and so is a missing one when it is asked for.
 * Source: iden3 binfileutils.
 */
export function readBinFile(
  file: Uint8Array,
  magic: string,
  version: number,
  refuse: Refuse,
): (type: number) => Section {
  const all = new Section(file, refuse);
  if (file.length < 12 || new TextDecoder().decode(all.take(4)) !== magic) throw refuse("wrong magic bytes");
  const found = all.u32();
  if (found !== version) throw refuse(`version ${found} is not supported`);
  const sections = new Map<number, Section>();
  for (let k = all.u32(); k > 0; k--) {
    const type = all.u32();
    const length = all.u32() + 2 ** 32 * all.u32();
    if (sections.has(type)) throw refuse(`section ${type} is given twice`);
    sections.set(type, new Section(all.take(length), refuse));
  }
  return (type) => {
    const section = sections.get(type);
    if (section === undefined) throw refuse(`section ${type} is missing`);
    return section;
  };
}
