/**
 * A WebAssembly module, written down: functions over 32-bit addresses of one imported memory that threads share. Only what the kernels here need.
 * Source: WebAssembly Core Specification 2.0, section 5 (binary format); the shared memory's limits are those of the threads proposal.
 */
export class Module {
  readonly #functions: Func[] = [];
  readonly #pages: number;

  /** `pages`: the most that the memory may have, 64 KiB each. */
  constructor(pages: number) {
    this.#pages = pages;
  }

  /** A function of `parameters` 32-bit integers, without results, exported by its name. `body` writes it. */
  define(name: string, parameters: number, body: (f: Func) => void): Func {
    const f = new Func(name, this.#functions.length, parameters);
    this.#functions.push(f);
    body(f);
    return f;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    const arities = [...new Set(this.#functions.map(({ parameters }) => parameters))];
    const types = arities.map((count) => [0x60, ...vector(Array<number[]>(count).fill([I32])), 0]);
    const memory = [...text("env"), ...text("memory"), 0x02, 0x03, ...unsigned(1), ...unsigned(this.#pages)];
    const sections: [number, number[]][] = [
      [1, vector(types)],
      [2, vector([memory])],
      [3, vector(this.#functions.map(({ parameters }) => unsigned(arities.indexOf(parameters))))],
      [7, vector(this.#functions.map(({ name, index }) => [...text(name), 0x00, ...unsigned(index)]))],
      [10, vector(this.#functions.map((f) => sized(f.encode())))],
    ];
    return Uint8Array.from([
      0,
      0x61,
      0x73,
      0x6d,
      1,
      0,
      0,
      0,
      ...sections.flatMap(([id, body]) => [id, ...sized(body)]),
    ]);
  }
}

const [I32, I64] = [0x7f, 0x7e];

/** A local variable. */
export interface Local {
  readonly index: number;
}

/** A value on the stack, as the instructions that put it there. */
export type Value = readonly number[];

/** Memory at `base + offset`. */
export interface Place {
  readonly base: Local;
  readonly offset: number;
}

export const at = (base: Local, offset = 0): Place => ({ base, offset });

/** One function being written. Expressions are values; statements append to the body. */
export class Func {
  readonly name: string;
  readonly index: number;
  readonly parameters: number;
  readonly #locals: number[] = [];
  readonly #body: number[] = [];

  constructor(name: string, index: number, parameters: number) {
    this.name = name;
    this.index = index;
    this.parameters = parameters;
  }

  parameter(index: number): Local {
    return { index };
  }

  /** Every parameter, in order; as many as the caller destructures. */
  all(): Local[] & [Local, Local, Local, Local, Local, Local, Local, Local] {
    return Array.from({ length: this.parameters }, (_, index) => ({ index })) as ReturnType<Func["all"]>;
  }

  i32(): Local {
    return this.#local(I32);
  }

  i64(): Local {
    return this.#local(I64);
  }

  set(to: Local, value: Value): void {
    this.#body.push(...value, 0x21, ...unsigned(to.index));
  }

  /** The low 32 bits of a 64-bit value. */
  store({ base, offset }: Place, value: Value): void {
    this.#body.push(...get(base), ...value, 0x3e, 2, ...unsigned(offset));
  }

  store32({ base, offset }: Place, value: Value): void {
    this.#body.push(...get(base), ...value, 0x36, 2, ...unsigned(offset));
  }

  call(f: Func, ...values: readonly Value[]): void {
    if (values.length !== f.parameters) throw new RangeError(`${f.name} takes ${f.parameters} values`);
    this.#body.push(...values.flat(), 0x10, ...unsigned(f.index));
  }

  /** `body` while `condition` (32 bits) holds. */
  while(condition: Value, body: () => void): void {
    this.#body.push(0x02, 0x40, 0x03, 0x40, ...condition, 0x45, 0x0d, 1); // block loop; leave if not
    body();
    this.#body.push(0x0c, 0, 0x0b, 0x0b);
  }

  if(condition: Value, then: () => void, otherwise?: () => void): void {
    this.#body.push(...condition, 0x04, 0x40);
    then();
    if (otherwise !== undefined) {
      this.#body.push(0x05);
      otherwise();
    }
    this.#body.push(0x0b);
  }

  encode(): number[] {
    return [...vector(this.#locals.map((type) => [1, type])), ...this.#body, 0x0b];
  }

  #local(type: number): Local {
    return { index: this.parameters + this.#locals.push(type) - 1 };
  }
}

export const get = ({ index }: Local): Value => [0x20, ...unsigned(index)];
export const i32 = (value: number): Value => [0x41, ...signed(BigInt(value))];
export const i64 = (value: number | bigint): Value => [0x42, ...signed(BigInt(value))];
/** 32 bits, as an unsigned 64-bit value. */
export const load = ({ base, offset }: Place): Value => [...get(base), 0x35, 2, ...unsigned(offset)];
export const load32 = ({ base, offset }: Place): Value => [...get(base), 0x28, 2, ...unsigned(offset)];

/** Copies `bytes`, a multiple of four: words, as limbs were written, since wider loads would wait for those stores. */
export function copy(f: Func, to: Place, from: Place, bytes: number): void {
  for (let k = 0; k < bytes; k += 4) f.store32(at(to.base, to.offset + k), load32(at(from.base, from.offset + k)));
}

/** The address itself. */
export const address = ({ base, offset }: Place): Value => (offset === 0 ? get(base) : i.add(get(base), i32(offset)));

const binary =
  (code: number) =>
  (a: Value, b: Value): Value => [...a, ...b, code];

/** 32-bit. */
export const i = {
  add: binary(0x6a),
  sub: binary(0x6b),
  mul: binary(0x6c),
  and: binary(0x71),
  less: binary(0x49),
  not: (a: Value): Value => [...a, 0x45],
};

/** 64-bit; `shift` is arithmetic, `shiftUnsigned` logical. */
export const l = {
  add: binary(0x7c),
  sub: binary(0x7d),
  mul: binary(0x7e),
  and: binary(0x83),
  or: binary(0x84),
  shiftLeft: binary(0x86),
  shift: binary(0x87),
  shiftUnsigned: binary(0x88),
  /** 32 bits */
  negative: (a: Value): Value => [...a, ...i64(0), 0x53],
};

function unsigned(value: number): number[] {
  const out: number[] = [];
  do {
    const rest = Math.floor(value / 128);
    out.push((value % 128) | (rest > 0 ? 0x80 : 0));
    value = rest;
  } while (value > 0);
  return out;
}

function signed(value: bigint): number[] {
  const out: number[] = [];
  for (;;) {
    const low = Number(value & 0x7fn);
    value >>= 7n;
    const done = (value === 0n && (low & 0x40) === 0) || (value === -1n && (low & 0x40) !== 0);
    out.push(done ? low : low | 0x80);
    if (done) return out;
  }
}

const vector = (items: readonly (readonly number[])[]): number[] => [...unsigned(items.length), ...items.flat()];
const sized = (bytes: readonly number[]): number[] => [...unsigned(bytes.length), ...bytes];
const text = (value: string): number[] => sized([...new TextEncoder().encode(value)]);
