import { type Allocated, allocate, type Bounds, bound, type Program, reductionStep } from "../curve/program.ts";
import { limbsOf, type PrimeField, toMontgomery, WORDS } from "../field/prime.ts";
import { address, at, copy, type Func, get, i, i64, l, load, type Local, type Module, type Place } from "./wasm.ts";

/** Bytes of an element: one 32-bit word a limb. */
export const ELEMENT = 36;

/**
 * A field's functions in WebAssembly, the twin of `field/wgsl.ts` for 64-bit words: operands are addresses of elements, limbs normalised; bounds are
 * `curve/program.ts`'s to prove. Results may overwrite operands. Written when first asked for.
 */
export class FieldCode {
  readonly field: PrimeField;
  readonly #module: Module;
  readonly #made = new Map<string, Func>();
  readonly #mask: number;

  constructor(module: Module, field: PrimeField) {
    [this.#module, this.field, this.#mask] = [module, field, 2 ** field.limbBits - 1];
  }

  /** (o, a, b): o ← a·b/R, below a·b·p/R + p. Interleaved (CIOS): one limb of `a` at a time, sums in locals. No word overflows: see PrimeField. */
  get mul(): Func {
    return this.#once("mul", 3, (f, [o, a, b]) => {
      const { limbs: n, limbBits, factor, modulus } = this.field;
      const p = limbsOf(this.field, modulus);
      const [mask, width] = [i64(this.#mask), i64(limbBits)];
      const y = p.map(() => f.i64());
      const s = p.slice(1).map(() => f.i64()); // the top one is always empty by the end of a row
      const [x, t, q] = [f.i64(), f.i64(), f.i64()];
      y.forEach((limb, k) => f.set(limb, load(at(b, 4 * k))));
      for (let row = 0; row < n; row++) {
        const term = (k: number) => l.mul(get(x), get(y[k]!));
        const reduced = (k: number) => l.mul(get(q), i64(p[k]!));
        f.set(x, load(at(a, 4 * row)));
        f.set(t, row === 0 ? term(0) : l.add(get(s[0]!), term(0)));
        f.set(q, l.and(l.mul(get(t), i64(factor)), mask));
        for (let k = 1; k < n; k++) {
          let sum = l.add(term(k), reduced(k));
          if (row > 0 && k < n - 1) sum = l.add(get(s[k]!), sum);
          if (k === 1) sum = l.add(sum, l.shiftUnsigned(l.add(get(t), reduced(0)), width));
          f.set(s[k - 1]!, sum);
        }
      }
      f.set(t, i64(0));
      s.forEach((limb, k) => {
        f.set(t, l.add(get(t), get(limb)));
        f.store(at(o, 4 * k), l.and(get(t), mask));
        f.set(t, l.shiftUnsigned(get(t), width));
      });
      f.store(at(o, 4 * (n - 1)), get(t));
    });
  }

  /** (o, a, b) */
  get add(): Func {
    return this.#once("add", 3, (f, [o, a, b]) =>
      this.#carry(f, o, (k) => l.add(load(at(a, 4 * k)), load(at(b, 4 * k)))),
    );
  }

  /** (o, a, b): a + lift·p − b, for b <= lift·p */
  sub(lift: number): Func {
    const lifted = limbsOf(this.field, BigInt(lift) * this.field.modulus);
    return this.#once(`sub_${lift}`, 3, (f, [o, a, b]) =>
      this.#carry(f, o, (k) => l.sub(l.add(load(at(a, 4 * k)), i64(lifted[k]!)), load(at(b, 4 * k)))),
    );
  }

  /** (o, a): the same residue, as `reductionStep` says */
  get reduce(): Func {
    return this.#once("reduce", 2, (f, [o, a]) => {
      const q = f.i64();
      const p = limbsOf(this.field, this.field.modulus);
      // ⌊top / step⌋ by a product, exact for every top that a limb holds. Source: Granlund, Montgomery (1994), theorem 4.2.
      const step = reductionStep(this.field);
      const shift = this.field.limbBits + Math.ceil(Math.log2(step));
      const over = (2n ** BigInt(shift) + BigInt(step) - 1n) / BigInt(step);
      f.set(q, l.shiftUnsigned(l.mul(load(at(a, 4 * (p.length - 1))), i64(over)), i64(shift)));
      this.#carry(f, o, (k) => l.sub(load(at(a, 4 * k)), l.mul(get(q), i64(p[k]!))));
    });
  }

  /** (o, a): the residue below p */
  get canonical(): Func {
    const { reduce } = this;
    return this.#once("canonical", 2, (f, [o, a]) => {
      const { limbs, limbBits, modulus } = this.field;
      const p = limbsOf(this.field, modulus);
      f.call(reduce, get(o), get(a));
      const less = p.map(() => f.i64());
      const t = f.i64();
      f.set(t, i64(0));
      less.forEach((limb, k) => {
        f.set(t, l.add(get(t), l.sub(load(at(o, 4 * k)), i64(p[k]!))));
        f.set(limb, l.and(get(t), i64(this.#mask)));
        f.set(t, l.shift(get(t), i64(limbBits)));
      });
      f.if(i.not(l.negative(get(t))), () => {
        for (let k = 0; k < limbs; k++) f.store(at(o, 4 * k), get(less[k]!));
      });
    });
  }

  /** (o, a): a^(p−2): the inverse, zero of zero. `scratch` holds one element. */
  get invert(): Func {
    const { mul } = this;
    return this.#once("invert", 3, (f, [o, a, scratch]) => {
      copy(f, at(scratch), at(a), ELEMENT);
      for (const bit of (this.field.modulus - 2n).toString(2).slice(1)) {
        f.call(mul, get(scratch), get(scratch), get(scratch));
        if (bit === "1") f.call(mul, get(scratch), get(scratch), get(a));
      }
      copy(f, at(o), at(scratch), ELEMENT);
    });
  }

  /** (o, words): limbs of 256 bits */
  get unpack(): Func {
    return this.#once("unpack", 2, (f, [o, words]) => {
      const { limbs, limbBits } = this.field;
      const w = Array.from({ length: WORDS }, () => f.i64());
      w.forEach((word, k) => f.set(word, load(at(words, 4 * k))));
      for (let k = 0; k < limbs; k++) {
        const [word, bit] = [Math.floor((limbBits * k) / 32), (limbBits * k) % 32];
        let limb = l.shiftUnsigned(get(w[word]!), i64(bit));
        if (bit + limbBits > 32 && word + 1 < WORDS) limb = l.or(limb, l.shiftLeft(get(w[word + 1]!), i64(32 - bit)));
        f.store(at(o, 4 * k), l.and(limb, i64(this.#mask)));
      }
    });
  }

  /** (words, a): 256 bits of limbs, as they are; `words` apart from `a` */
  get pack(): Func {
    return this.#once("pack", 2, (f, [words, a]) => {
      const { limbs, limbBits } = this.field;
      for (let word = 0; word < WORDS; word++) {
        let sum: ReturnType<typeof load> | undefined;
        for (let k = 0; k < limbs; k++) {
          const shift = limbBits * k - 32 * word;
          if (shift <= -limbBits || shift >= 32) continue;
          const limb = load(at(a, 4 * k));
          const part = shift < 0 ? l.shiftUnsigned(limb, i64(-shift)) : l.shiftLeft(limb, i64(shift));
          sum = sum === undefined ? part : l.or(sum, part);
        }
        f.store(at(words, 4 * word), sum!);
      }
    });
  }

  /**
   * A program as a function (o, scratch, one address a group of inputs): `groups` elements lie together. Outputs may overwrite inputs. Every output is
   * proved to stay below `most`·p for inputs below `inputs`·p.
   */
  program(program: Program, groups: readonly number[], inputs: readonly number[], most: number): Func {
    const bounds = bound(this.field, program, inputs);
    if (Math.max(...bounds.outputs) > most) throw new RangeError(`${program.name} leaves its state above ${most} p`);
    return this.#run(program, bounds, groups);
  }

  #run(program: Program, bounds: Bounds, groups: readonly number[]): Func {
    const { steps, registers } = allocate(program, bounds);
    if (registers * ELEMENT > REGISTERS) throw new RangeError(`${program.name} takes ${registers} registers`);
    const functions = steps.map((step) => this.#step(step));
    return this.#module.define(program.name, 2 + groups.length, (f) => {
      const [o, scratch] = [f.parameter(0), f.parameter(1)];
      // A value lies with the caller (inputs, outputs at last) or in a register.
      const inputs = groups.flatMap((count, k) =>
        Array.from({ length: count }, (_, j) => at(f.parameter(2 + k), ELEMENT * j)),
      );
      const register = (k: number): Place => at(scratch, ELEMENT * k);
      const places = new Map<number, Place>(inputs.map((place, k) => [k, place]));
      const place = (k: number): Place => places.get(k) ?? register(k);
      steps.forEach(({ kind, to, a, b }, k) => {
        const [left, right] = [place(a), place(b)];
        places.delete(to);
        const target = register(to);
        if (kind === "copy") copy(f, target, left, ELEMENT);
        else if (kind === "constant")
          limbsOf(this.field, toMontgomery(this.field, program.constants[a]!)).forEach((limb, j) =>
            f.store(at(scratch, ELEMENT * to + 4 * j), i64(limb)),
          );
        else if (kind === "reduce") f.call(functions[k]!, address(target), address(left));
        else f.call(functions[k]!, address(target), address(left), address(right));
      });
      program.outputs.forEach((_, k) => copy(f, at(o, ELEMENT * k), place(k), ELEMENT));
    });
  }

  #step({ kind, lift }: Allocated["steps"][number]): Func | undefined {
    if (kind === "copy" || kind === "constant") return undefined;
    return kind === "sub" ? this.sub(lift) : this[kind];
  }

  /** o ← the normalised limbs of Σ term(k)·2^(limbBits·k), terms signed */
  #carry(f: Func, o: Local, term: (k: number) => ReturnType<typeof load>): void {
    const t = f.i64();
    for (let k = 0; k < this.field.limbs; k++) {
      f.set(t, k === 0 ? term(k) : l.add(l.shift(get(t), i64(this.field.limbBits)), term(k)));
      f.store(at(o, 4 * k), l.and(get(t), i64(this.#mask)));
    }
  }

  #once(name: string, parameters: number, body: (f: Func, p: [Local, Local, Local]) => void): Func {
    let made = this.#made.get(name);
    if (made === undefined) {
      made = this.#module.define(`${this.field.name}_${name}`, parameters, (f) =>
        body(f, [f.parameter(0), f.parameter(1), f.parameter(2)]),
      );
      this.#made.set(name, made);
    }
    return made;
  }
}

/** Bytes of scratch that programs use. */
export const REGISTERS = 48 * ELEMENT;
