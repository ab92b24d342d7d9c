import { Fq } from "@mednexus/sdk/field";
import { Builder, type Program, type Value } from "./program.ts";

/** What the curve's formulas need of the field that coordinates live in. */
interface Ring<T> {
  input(): T;
  add(a: T, b: T): T;
  sub(a: T, b: T): T;
  mul(a: T, b: T): T;
  reduce(a: T): T;
  /** 3b·a for the curve y² = x³ + b */
  mulB3(a: T): T;
  flatten(a: T): Value[];
}

/** F_q; G1 is y² = x³ + 3. */
function base(build: Builder): Ring<Value> {
  const { add, sub, mul } = build;
  const mulB3 = (a: Value): Value => {
    const two = add(a, a);
    const four = add(two, two);
    return build.reduce(add(add(four, four), a)); // 9a
  };
  return { input: () => build.input(), add, sub, mul, reduce: build.reduce, mulB3, flatten: (a) => [a] };
}

type Pair = readonly [re: Value, im: Value];

/** 3b' of the twist y² = x³ + 3/(9 + i): 9/(9 + i) = 9·(9 − i)/82. */
const OVER_82 = Fq.inverse(82n);
const TWIST_3B: readonly [bigint, bigint] = [(81n * OVER_82) % Fq.modulus, Fq.modulus - ((9n * OVER_82) % Fq.modulus)];

/** F_q² = F_q[i]/(i² + 1), a product by Karatsuba in three of F_q. */
function extension(build: Builder): Ring<Pair> {
  const add = (a: Pair, b: Pair): Pair => [build.add(a[0], b[0]), build.add(a[1], b[1])];
  const sub = (a: Pair, b: Pair): Pair => [build.sub(a[0], b[0]), build.sub(a[1], b[1])];
  const mul = (a: Pair, b: Pair): Pair => {
    const re = build.mul(a[0], b[0]);
    const im = build.mul(a[1], b[1]);
    const mixed = build.mul(build.add(a[0], a[1]), build.add(b[0], b[1]));
    // reduced, or the sums of sums that follow would outgrow the limbs
    return [build.reduce(build.sub(re, im)), build.reduce(build.sub(mixed, build.add(re, im)))];
  };
  const b3: Pair = [build.constant(TWIST_3B[0]), build.constant(TWIST_3B[1])];
  return {
    input: () => [build.input(), build.input()],
    add,
    sub,
    mul,
    reduce: (a) => [build.reduce(a[0]), build.reduce(a[1])],
    mulB3: (a) => mul(a, b3),
    flatten: (a) => [...a],
  };
}

/**
 * Complete addition of projective points (X : Y : Z), identity (0 : 1 : 0): right for every pair, doubling, inverses and the identity included, so
 * kernels have no special case to forget. Complete here because neither G1 nor the twist has a point of order two (both group orders are odd).
 * Source: Renes, Costello, Batina, "Complete addition formulas for prime order elliptic curves" (EUROCRYPT 2016), algorithm 7 (a = 0), 12 products.
 */
function completeAddition<T>(name: string, ring: Ring<T>, build: Builder): Program {
  const [x1, y1, z1, x2, y2, z2] = Array.from({ length: 6 }, () => ring.input()) as [T, T, T, T, T, T];
  const { add, sub, mul, mulB3 } = ring;
  const xx = mul(x1, x2);
  const yy = mul(y1, y2);
  const zz = mul(z1, z2);
  const xy = sub(mul(add(x1, y1), add(x2, y2)), add(xx, yy));
  const yz = sub(mul(add(y1, z1), add(y2, z2)), add(yy, zz));
  const xz = sub(mul(add(x1, z1), add(x2, z2)), add(xx, zz));
  return finishAddition(name, ring, build, xx, yy, mulB3(zz), xy, yz, mulB3(xz));
}

/** The same with an affine second point (x2, y2), which must not be the identity: algorithm 8, 11 products. */
function mixedAddition<T>(name: string, ring: Ring<T>, build: Builder): Program {
  const [x1, y1, z1, x2, y2] = Array.from({ length: 5 }, () => ring.input()) as [T, T, T, T, T];
  const { add, sub, mul, mulB3 } = ring;
  const xx = mul(x1, x2);
  const yy = mul(y1, y2);
  const xy = sub(mul(add(x1, y1), add(x2, y2)), add(xx, yy));
  const yz = add(mul(y2, z1), y1);
  const xz = add(mul(x2, z1), x1);
  return finishAddition(name, ring, build, xx, yy, mulB3(z1), xy, yz, mulB3(xz));
}

/** What both share: from x1x2, y1y2, 3b·z1z2, x1y2 + x2y1, y1z2 + y2z1 and 3b·(x1z2 + x2z1) to the sum. */
function finishAddition<T>(
  name: string,
  { add, sub, mul, flatten }: Ring<T>,
  build: Builder,
  xx: T,
  yy: T,
  b3zz: T,
  xy: T,
  yz: T,
  b3xz: T,
): Program {
  const xx3 = add(add(xx, xx), xx);
  const plus = add(yy, b3zz);
  const minus = sub(yy, b3zz);
  const x3 = sub(mul(xy, minus), mul(yz, b3xz));
  const y3 = add(mul(minus, plus), mul(b3xz, xx3));
  const z3 = add(mul(plus, yz), mul(xx3, xy));
  return build.finish(name, [x3, y3, z3].flatMap(flatten));
}

/**
 * Affine addition in two parts, so that many share one inversion: the denominator of the slope, and, given its inverse, the sum. Five products with the
 * three that sharing costs; not complete: the chord is for x1 ≠ x2, the tangent for the sum of a point (of odd order) with itself.
 */
export interface AffineAddition {
  /** (x1, x2) → x2 − x1 */
  readonly chordDenominator: Program;
  /** (x1, y1, x2, y2, 1/(x2 − x1)) → (x3, y3) */
  readonly chord: Program;
  /** y1 → 2·y1 */
  readonly tangentDenominator: Program;
  /** (x1, y1, 1/(2·y1)) → (x3, y3) */
  readonly tangent: Program;
  /** (a, b) → a·b in the coordinates' field */
  readonly product: Program;
  /** y → −y */
  readonly negate: Program;
}

function affineAddition<T>(group: string, over: (build: Builder) => Ring<T>): AffineAddition {
  const program = (name: string, write: (ring: Ring<T>) => readonly T[]): Program => {
    const build = new Builder();
    const ring = over(build);
    return build.finish(`${group}_${name}`, write(ring).flatMap(ring.flatten));
  };
  const third = ({ sub, mul, reduce }: Ring<T>, slope: T, x1: T, y1: T, x2: T): readonly T[] => {
    const x3 = reduce(sub(sub(mul(slope, slope), x1), x2));
    return [x3, reduce(sub(mul(slope, sub(x1, x3)), y1))];
  };
  return {
    chordDenominator: program("chord_denominator", ({ input, sub }) => {
      const [x1, x2] = [input(), input()];
      return [sub(x2, x1)];
    }),
    chord: program("chord", (ring) => {
      const [x1, y1, x2, y2, inverse] = [ring.input(), ring.input(), ring.input(), ring.input(), ring.input()];
      return third(ring, ring.mul(ring.sub(y2, y1), inverse), x1, y1, x2);
    }),
    tangentDenominator: program("tangent_denominator", ({ input, add }) => {
      const y = input();
      return [add(y, y)];
    }),
    tangent: program("tangent", (ring) => {
      const [x, y, inverse] = [ring.input(), ring.input(), ring.input()];
      const xx = ring.mul(x, x);
      return third(ring, ring.mul(ring.add(ring.add(xx, xx), xx), inverse), x, y, x);
    }),
    product: program("product", ({ input, mul }) => {
      const [a, b] = [input(), input()];
      return [mul(a, b)];
    }),
    negate: program("negate", ({ input, sub, reduce }) => {
      const y = input();
      return [reduce(sub(sub(y, y), y))];
    }),
  };
}

/** A group as kernels see it: elements are `coordinates` field elements each; a stored affine identity is all zero. */
export interface Group {
  readonly name: "g1" | "g2";
  /** field elements of one coordinate: 1 in G1, 2 (re, im) in G2 */
  readonly degree: 1 | 2;
  readonly add: Program;
  readonly addMixed: Program;
  readonly affine: AffineAddition;
}

function group<T>(name: "g1" | "g2", degree: 1 | 2, over: (build: Builder) => Ring<T>): Group {
  const [full, mixed] = [new Builder(), new Builder()];
  return {
    name,
    degree,
    add: completeAddition(`${name}_add`, over(full), full),
    addMixed: mixedAddition(`${name}_add_mixed`, over(mixed), mixed),
    affine: affineAddition(name, over),
  };
}

export const G1 = group("g1", 1, base);
export const G2 = group("g2", 2, extension);
