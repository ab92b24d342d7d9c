import type { PrimeField } from "../field/prime.ts";

/**
 * Arithmetic written once, as a straight-line program over a prime field. The same program is run by the BigInt reference, unrolled into WGSL
 * for hardware, and interpreted by a small WGSL loop on software adapters, where compiling an unrolled point addition takes minutes.
 */
export type Operation =
  | { readonly kind: "input"; readonly index: number }
  | { readonly kind: "constant"; readonly index: number }
  | { readonly kind: Binary; readonly a: Value; readonly b: Value };

type Binary = "mul" | "add" | "sub" | "reduce";

/** Number of a value in the order of its making. */
export type Value = number;

export interface Program {
  readonly name: string;
  readonly inputs: number;
  readonly operations: readonly Operation[];
  readonly outputs: readonly Value[];
  /** field elements, not in Montgomery form */
  readonly constants: readonly bigint[];
}

export class Builder {
  readonly #operations: Operation[] = [];
  readonly #constants: bigint[] = [];
  #inputs = 0;

  input(): Value {
    return this.#push({ kind: "input", index: this.#inputs++ });
  }

  constant(value: bigint): Value {
    const known = this.#constants.indexOf(value);
    if (known >= 0)
      return this.#operations.findIndex((operation) => operation.kind === "constant" && operation.index === known);
    return this.#push({ kind: "constant", index: this.#constants.push(value) - 1 });
  }

  mul = (a: Value, b: Value): Value => this.#push({ kind: "mul", a, b });
  add = (a: Value, b: Value): Value => this.#push({ kind: "add", a, b });
  sub = (a: Value, b: Value): Value => this.#push({ kind: "sub", a, b });
  /** The same residue, brought below about 1.2 p. */
  reduce = (a: Value): Value => this.#push({ kind: "reduce", a, b: a });

  finish(name: string, outputs: readonly Value[]): Program {
    return { name, inputs: this.#inputs, operations: this.#operations, outputs, constants: this.#constants };
  }

  #push(operation: Operation): Value {
    return this.#operations.push(operation) - 1;
  }
}

/** The reference: the program over canonical residues (not in Montgomery form). */
export function evaluate(field: PrimeField, program: Program, inputs: readonly bigint[]): bigint[] {
  const p = field.modulus;
  const values: bigint[] = [];
  for (const operation of program.operations) {
    switch (operation.kind) {
      case "input":
        values.push(inputs[operation.index]!);
        break;
      case "constant":
        values.push(program.constants[operation.index]!);
        break;
      case "mul":
        values.push((values[operation.a]! * values[operation.b]!) % p);
        break;
      case "add":
        values.push((values[operation.a]! + values[operation.b]!) % p);
        break;
      case "sub":
        values.push((values[operation.a]! - values[operation.b]! + p) % p);
        break;
      case "reduce":
        values.push(values[operation.a]!);
    }
  }
  return program.outputs.map((value) => values[value]!);
}

/** What is known of every value's size, in multiples of the modulus, and the multiple that each subtraction adds to stay positive. */
export interface Bounds {
  readonly values: readonly number[];
  /** by value: subtraction a − b is computed as a + lift·p − b */
  readonly lifts: ReadonlyMap<Value, number>;
  readonly outputs: readonly number[];
}

/**
 * Bounds of every value when input i is below inputs[i]·p; sums are never reduced, only products are (to below a·b·p/R + 1).
 * Throws RangeError where a value would reach the field's capacity: this is the overflow proof of the emitted code.
 */
export function bound(field: PrimeField, program: Program, inputs: readonly number[]): Bounds {
  const shrink = Number((field.modulus << 64n) / field.radix) / 2 ** 64;
  const values: number[] = [];
  const lifts = new Map<Value, number>();
  program.operations.forEach((operation, value) => {
    let size: number;
    if (operation.kind === "input") size = inputs[operation.index]!;
    else if (operation.kind === "constant") size = 1;
    else {
      const [a, b] = [values[operation.a]!, values[operation.b]!];
      if (operation.kind === "mul") size = a * b * shrink * 1.0001 + 1;
      else if (operation.kind === "add") size = a + b;
      else if (operation.kind === "reduce") size = reducedBound(field, a);
      else {
        const lift = Math.ceil(b);
        lifts.set(value, lift);
        size = a + lift;
      }
    }
    if (size >= field.capacity) throw new RangeError(`${program.name}: value ${value} may reach ${size} p`);
    values.push(size);
  });
  return { values, lifts, outputs: program.outputs.map((value) => values[value]!) };
}

/**
 * Weak reduction takes q = ⌊top / step⌋ off, where top is the top limb (unit 2^s, s = limbBits·(limbs − 1)) and step = ⌊p / 2^s⌋ + 1: never more than
 * fits, as q·p < q·step·2^s <= top·2^s. What stays is below (q + 1)·step·2^s − q·p.
 */
export const reductionStep = (field: PrimeField): number =>
  Number(field.modulus >> BigInt(field.limbBits * (field.limbs - 1))) + 1;

function reducedBound(field: PrimeField, size: number): number {
  const unit = Number((field.modulus << 32n) >> BigInt(field.limbBits * (field.limbs - 1))) / 2 ** 32; // p / 2^s
  const step = reductionStep(field);
  const quotient = Math.floor((size * unit) / step);
  return ((quotient + 1) * step) / unit - quotient;
}

/**
 * The bound that the first `state` inputs keep when the program feeds its outputs back into them, the other inputs staying below their own.
 * Throws RangeError if it grows without end.
 */
export function fixedPoint(field: PrimeField, program: Program, state: number, others: readonly number[]): number {
  let size = 1;
  for (let k = 0; k < 16; k++) {
    const { outputs } = bound(field, program, [...Array<number>(state).fill(size), ...others]);
    const next = Math.ceil(Math.max(size, ...outputs));
    if (next === size) return size;
    size = next;
  }
  throw new RangeError(`${program.name}: the bound of its state grows without end`);
}

/** The program with values assigned to as few registers as a linear scan needs; inputs come in 0..inputs−1, outputs leave in 0..outputs−1. */
export interface Allocated {
  readonly registers: number;
  /** kind "copy" has b = 0 */
  readonly steps: readonly {
    readonly kind: "mul" | "add" | "sub" | "reduce" | "copy" | "constant";
    readonly to: number;
    readonly a: number;
    readonly b: number;
    readonly lift: number;
  }[];
}

export function allocate(program: Program, bounds: Bounds): Allocated {
  const lastUse = new Map<Value, number>();
  program.operations.forEach((operation, value) => {
    if ("a" in operation) {
      lastUse.set(operation.a, value);
      lastUse.set(operation.b, value);
    }
  });
  for (const output of program.outputs) lastUse.set(output, Infinity);

  const place: number[] = [];
  const free: number[] = [];
  let registers = program.inputs;
  const steps: Allocated["steps"][number][] = [];
  const release = (value: Value, at: number): void => {
    if ((lastUse.get(value) ?? at) <= at && !free.includes(place[value]!)) free.push(place[value]!);
  };
  program.operations.forEach((operation, value) => {
    if (operation.kind === "input") {
      place[value] = operation.index;
      return;
    }
    if (operation.kind !== "constant") {
      release(operation.a, value);
      if (operation.b !== operation.a) release(operation.b, value);
    }
    const to = free.pop() ?? registers++;
    place[value] = to;
    steps.push(
      operation.kind === "constant"
        ? { kind: "constant", to, a: operation.index, b: 0, lift: 0 }
        : {
            kind: operation.kind,
            to,
            a: place[operation.a]!,
            b: place[operation.b]!,
            lift: bounds.lifts.get(value) ?? 0,
          },
    );
  });
  // Outputs may lie in registers that another output is to take: move through fresh ones.
  const above = registers;
  program.outputs.forEach((output, k) => steps.push({ kind: "copy", to: above + k, a: place[output]!, b: 0, lift: 0 }));
  program.outputs.forEach((_, k) => steps.push({ kind: "copy", to: k, a: above + k, b: 0, lift: 0 }));
  return { registers: above + program.outputs.length, steps };
}
