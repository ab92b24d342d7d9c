import { FQ_MODULUS, FR_MODULUS } from "@mednexus/sdk/field";
import { fixedPoint } from "../curve/program.ts";
import { G1, G2, type Group } from "../curve/formulas.ts";
import { primeField } from "../field/prime.ts";
import { ELEMENT, FieldCode, REGISTERS } from "./field.ts";
import { at, copy, type Func, get, i, i32, i64, l, load, load32, type Local, Module, type Value } from "./wasm.ts";

/** The fields in 9 limbs of 29 bits: products of limbs fit 64-bit words, which WebAssembly has. */
export const FR64 = primeField("fr", FR_MODULUS, 29, 9, 64);
export const FQ64 = primeField("fq", FQ_MODULUS, 29, 9, 64);

/** 64 KiB pages of the largest memory: what 32-bit addresses reach. */
export const MOST_PAGES = 65_536;

/** Bytes of scratch that every caller brings, its own: program registers, two points, two coordinates. */
export const SCRATCH = REGISTERS + 12 * ELEMENT;
const [P, Q, T] = [REGISTERS, REGISTERS + 4 * ELEMENT, REGISTERS + 8 * ELEMENT];

/** Bytes of a coordinate, of an affine point, of a projective one. */
export const sizesOf = (group: Group) => ({
  coordinate: ELEMENT * group.degree,
  affine: 2 * ELEMENT * group.degree,
  projective: 3 * ELEMENT * group.degree,
});

/** Flags of an entry, which is the address of an affine point: its negative is meant; (first of a pair) both are the same point. */
export const NEGATED = 1;
export const DOUBLED = 2;

/** Affine coordinates, and values of transforms, stay below this many p; a denominator below twice as many. */
const LOW = 2;

type Exports<Name extends string> = Record<Name, (...values: number[]) => void>;

/** What a kernel exports for a group. `pairs`: two entries each; `work`: a denominator and a prefix each; all addresses. */
type GroupKernel<G extends "g1" | "g2"> = Exports<
  | `${G}_denominators` // (pairs, count, work, product, scratch)
  | `${G}_zeros` // (work, count, flags, scratch): a word a pair, 0 where its denominator is zero
  | `${G}_chords` // (pairs' end, count, work's end, inverse, results' end, scratch)
  | `${G}_weigh` // (entries, count, running, sum, scratch)
  | `${G}_add` // (o, scratch, a, b), projective
  | `${G}_invert` // (o, a, scratch)
>;

/** The functions of the module; arguments are addresses and counts. Arrays may be longer than what one call is for. */
export type Kernel = GroupKernel<"g1"> &
  GroupKernel<"g2"> &
  Exports<
    | "fq_canonical" // (o, a)
    | "fq_import" // (words, count, factor, o): 256-bit words, times a constant
    | "fr_import"
    | "fr_unpack_all" // (words, count, o)
    | "fr_powers" // (o, count, factor): o[k+1] = o[k]·factor
    | "fr_scale" // (values, count, factors)
    | "fr_product" // (a, b, count, o)
    | "fr_quotient" // (a, b, c, count, one, words, scratch): canonical words of (a·b − c)/R
    | "fr_dif" // (values, half, blocks, count, roots, step, scratch)
    | "fr_dit"
    | "fr_rows" // (ends, columns, values, rows, wires, o, from, scratch): ends[k]: entries before the end of row k; `from` before the first
  >;

/** The module's bytes. */
export function kernelCode(): Uint8Array<ArrayBuffer> {
  const module = new Module(MOST_PAGES);
  const [fq, fr] = [new FieldCode(module, FQ64), new FieldCode(module, FR64)];
  void fq.canonical; // called from outside only
  imported(fq, module);
  imported(fr, module);
  groupCode(module, fq, G1);
  groupCode(module, fq, G2);
  vectors(module, fr);
  return module.bytes();
}

/** Of an entry, without its flags. */
const addressOf = (entry: Value): Value => i.and(entry, i32(-4));

/** Counts `count` down to zero around `body`, which moves its addresses on by itself. */
function times(f: Func, count: Local, body: () => void): void {
  f.while(get(count), () => {
    body();
    f.set(count, i.sub(get(count), i32(1)));
  });
}

const move = (f: Func, address: Local, bytes: number): void => f.set(address, i.add(get(address), i32(bytes)));

/** From 256-bit words. */
function imported(field: FieldCode, module: Module): void {
  const { name } = field.field;
  const { mul, unpack } = field;
  module.define(`${name}_import`, 4, (f) => {
    const [words, count, factor, o] = f.all();
    times(f, count, () => {
      f.call(unpack, get(o), get(words));
      f.call(mul, get(o), get(o), get(factor));
      move(f, words, 32);
      move(f, o, ELEMENT);
    });
  });
}

/** Sums of affine points that share inversions, and the weighing of buckets. */
function groupCode(module: Module, fq: FieldCode, group: Group): void {
  const { name, degree, affine } = group;
  const { coordinate, affine: point } = sizesOf(group);
  const low = (count: number): number[] => Array<number>(count * degree).fill(LOW);
  const denominator = (count: number): number[] => Array<number>(count * degree).fill(2 * LOW);
  const chordDenominator = fq.program(affine.chordDenominator, [degree, degree], low(2), 2 * LOW);
  const tangentDenominator = fq.program(affine.tangentDenominator, [degree], low(1), 2 * LOW);
  const product = fq.program(affine.product, [degree, degree], [...low(1), ...denominator(1)], LOW);
  const chord = fq.program(affine.chord, [2 * degree, 2 * degree, degree], low(5), LOW);
  const tangent = fq.program(affine.tangent, [2 * degree, degree], low(3), LOW);
  const negate = fq.program(affine.negate, [degree], low(1), LOW);
  const state = fixedPoint(fq.field, group.addMixed, 3 * degree, low(2));
  const projectives = (count: number): number[] => Array<number>(3 * degree * count).fill(state);
  const add = fq.program(group.add, [3 * degree, 3 * degree], projectives(2), state);
  const addMixed = fq.program(group.addMixed, [3 * degree, 2 * degree], [...projectives(1), ...low(2)], state);
  inverse(module, fq, group);

  /** `to` ← the address of the entry's point, which is copied to `place` if its negative is meant. */
  const fetch = (f: Func, to: Local, entry: Local, scratch: Local, place: number): void => {
    f.set(to, addressOf(get(entry)));
    f.if(i.and(get(entry), i32(NEGATED)), () => {
      const copied = i.add(get(scratch), i32(place));
      copy(f, at(scratch, place), at(to), coordinate);
      f.call(negate, i.add(copied, i32(coordinate)), get(scratch), i.add(get(to), i32(coordinate)));
      f.set(to, copied);
    });
  };

  module.define(`${name}_denominators`, 5, (f) => {
    const [pairs, count, work, running, scratch] = f.all();
    const [first, a] = [f.i32(), f.i32()];
    times(f, count, () => {
      f.set(first, load32(at(pairs)));
      f.if(
        i.and(get(first), i32(DOUBLED)),
        () => {
          fetch(f, a, first, scratch, P);
          f.call(tangentDenominator, get(work), get(scratch), i.add(get(a), i32(coordinate)));
        },
        () => f.call(chordDenominator, get(work), get(scratch), addressOf(get(first)), addressOf(load32(at(pairs, 4)))),
      );
      copy(f, at(work, coordinate), at(running), coordinate);
      f.call(product, get(running), get(scratch), get(running), get(work));
      move(f, pairs, 8);
      move(f, work, 2 * coordinate);
    });
  });

  const { canonical } = fq;
  module.define(`${name}_zeros`, 4, (f) => {
    const [work, count, flags, scratch] = f.all();
    times(f, count, () => {
      let any: ReturnType<typeof load> | undefined;
      for (let k = 0; k < degree; k++)
        f.call(canonical, i.add(get(scratch), i32(ELEMENT * k)), i.add(get(work), i32(ELEMENT * k)));
      for (let word = 0; word < coordinate; word += 4) {
        const limb = load(at(scratch, word));
        any = any === undefined ? limb : l.or(any, limb);
      }
      f.store(at(flags), any!);
      move(f, work, 2 * coordinate);
      move(f, flags, 4);
    });
  });

  module.define(`${name}_chords`, 6, (f) => {
    const [pairs, count, work, running, results, scratch] = f.all();
    const [first, second, a, b, over] = [f.i32(), f.i32(), f.i32(), f.i32(), f.i32()];
    f.set(over, i.add(get(scratch), i32(T)));
    times(f, count, () => {
      move(f, pairs, -8);
      move(f, work, -2 * coordinate);
      move(f, results, -point);
      f.call(product, get(over), get(scratch), get(running), i.add(get(work), i32(coordinate)));
      f.call(product, get(running), get(scratch), get(running), get(work));
      f.set(first, load32(at(pairs)));
      fetch(f, a, first, scratch, P);
      f.if(
        i.and(get(first), i32(DOUBLED)),
        () => f.call(tangent, get(results), get(scratch), get(a), get(over)),
        () => {
          f.set(second, load32(at(pairs, 4)));
          fetch(f, b, second, scratch, Q);
          f.call(chord, get(results), get(scratch), get(a), get(b), get(over));
        },
      );
    });
  });

  module.define(`${name}_weigh`, 5, (f) => {
    const [entries, count, running, sum, scratch] = f.all();
    const [entry, a] = [f.i32(), f.i32()];
    times(f, count, () => {
      f.set(entry, load32(at(entries)));
      f.if(get(entry), () => {
        fetch(f, a, entry, scratch, P);
        f.call(addMixed, get(running), get(scratch), get(running), get(a));
      });
      f.call(add, get(sum), get(scratch), get(sum), get(running));
      move(f, entries, 4);
    });
  });
}

/** In the coordinates' field; in F_q² by the norm: 1/(re + im·i) = (re − im·i)/(re² + im²). */
function inverse(module: Module, fq: FieldCode, { name, degree }: Group): void {
  const { mul, add, invert } = fq;
  const lifted = fq.sub(LOW);
  module.define(`${name}_invert`, 3, (f) => {
    const [o, a, scratch] = f.all();
    if (degree === 1) {
      f.call(invert, get(o), get(a), get(scratch));
      return;
    }
    const im = i.add(get(a), i32(ELEMENT));
    const [norm, t, free] = [P, P + ELEMENT, P + 2 * ELEMENT].map((offset) => i.add(get(scratch), i32(offset))) as [
      ReturnType<typeof get>,
      ReturnType<typeof get>,
      ReturnType<typeof get>,
    ];
    f.call(mul, norm, get(a), get(a));
    f.call(mul, t, im, im);
    f.call(add, norm, norm, t);
    f.call(invert, norm, norm, free);
    for (let k = 0; k < fq.field.limbs; k++) f.store(at(scratch, P + ELEMENT + 4 * k), i64(0));
    f.call(lifted, t, t, im);
    f.call(mul, get(o), get(a), norm);
    f.call(mul, i.add(get(o), i32(ELEMENT)), t, norm);
  });
}

/** Vectors of F_r: transforms, rows of matrices, what stands between them. */
function vectors(module: Module, fr: FieldCode): void {
  const { mul, add, reduce, unpack, canonical, pack } = fr;
  const sub = fr.sub(LOW);
  module.define("fr_unpack_all", 3, (f) => {
    const [words, count, o] = f.all();
    times(f, count, () => {
      f.call(unpack, get(o), get(words));
      move(f, words, 32);
      move(f, o, ELEMENT);
    });
  });
  module.define("fr_powers", 3, (f) => {
    const [o, count, factor] = f.all();
    times(f, count, () => {
      f.call(mul, i.add(get(o), i32(ELEMENT)), get(o), get(factor));
      move(f, o, ELEMENT);
    });
  });
  module.define("fr_scale", 3, (f) => {
    const [values, count, factors] = f.all();
    times(f, count, () => {
      f.call(mul, get(values), get(values), get(factors));
      move(f, values, ELEMENT);
      move(f, factors, ELEMENT);
    });
  });
  module.define("fr_product", 4, (f) => {
    const [a, b, count, o] = f.all();
    times(f, count, () => {
      f.call(mul, get(o), get(a), get(b));
      for (const address of [a, b, o]) move(f, address, ELEMENT);
    });
  });
  // a·b below 1.1 p, less c below 3.1 p, times one below 1.1 p
  module.define("fr_quotient", 7, (f) => {
    const [a, b, c, count, one, words, scratch] = f.all();
    times(f, count, () => {
      f.call(mul, get(scratch), get(a), get(b));
      f.call(sub, get(scratch), get(scratch), get(c));
      f.call(mul, get(scratch), get(scratch), get(one));
      f.call(canonical, get(scratch), get(scratch));
      f.call(pack, get(words), get(scratch));
      for (const address of [a, b, c]) move(f, address, ELEMENT);
      move(f, words, 32);
    });
  });
  // Inputs below 2 p: sums below 4 p are reduced, differences below 4 p multiplied.
  for (const kind of ["dif", "dit"] as const)
    module.define(`fr_${kind}`, 7, (f) => {
      const [values, half, blocks, count, roots, step, scratch] = f.all();
      const [a, b, root, left] = [f.i32(), f.i32(), f.i32(), f.i32()];
      times(f, blocks, () => {
        f.set(a, get(values));
        f.set(b, i.add(get(values), i.mul(get(half), i32(ELEMENT))));
        f.set(root, get(roots));
        f.set(left, get(count));
        times(f, left, () => {
          const t = get(scratch);
          if (kind === "dif") {
            f.call(sub, t, get(a), get(b));
            f.call(add, get(a), get(a), get(b));
            f.call(mul, get(b), t, get(root));
          } else {
            f.call(mul, t, get(b), get(root));
            f.call(sub, get(b), get(a), t);
            f.call(reduce, get(b), get(b));
            f.call(add, get(a), get(a), t);
          }
          f.call(reduce, get(a), get(a));
          move(f, a, ELEMENT);
          move(f, b, ELEMENT);
          f.set(root, i.add(get(root), i.mul(get(step), i32(ELEMENT))));
        });
        f.set(values, i.add(get(values), i.mul(get(half), i32(2 * ELEMENT))));
      });
    });
  module.define("fr_rows", 8, (f) => {
    const [ends, columns, values, rows, wires, o, from, scratch] = f.all();
    const [entry, end] = [f.i32(), f.i32()];
    f.set(entry, get(from));
    times(f, rows, () => {
      for (let k = 0; k < fr.field.limbs; k++) f.store(at(o, 4 * k), i64(0));
      f.set(end, load32(at(ends)));
      f.while(i.less(get(entry), get(end)), () => {
        const column = load32({ base: columns, offset: 0 });
        f.call(mul, get(scratch), get(values), i.add(get(wires), i.mul(column, i32(ELEMENT))));
        f.call(add, get(o), get(o), get(scratch));
        f.call(reduce, get(o), get(o));
        move(f, columns, 4);
        move(f, values, ELEMENT);
        f.set(entry, i.add(get(entry), i32(1)));
      });
      move(f, ends, 4);
      move(f, o, ELEMENT);
    });
  });
}
