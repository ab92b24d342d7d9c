import type { Group } from "../../curve/formulas.ts";
import { FQ, FR, type PrimeField, WORDS } from "../../field/prime.ts";
import { arithmetic, loader, storer, STATE_BOUND } from "../../field/source.ts";
import type { Shape } from "../../field/wgsl.ts";

/** What a segmented sum adds up: elements of `coordinates` field elements, with an identity that a buffer may also hold as all zero words. */
export interface Monoid {
  readonly name: string;
  readonly field: PrimeField;
  readonly coordinates: number;
  /** field functions, `fn identity() -> Element`, `fn plus(a: Element, b: Element) -> Element`; Element is array<Limbs, coordinates> */
  source(shape: Shape, mixed: boolean): string;
}

export const wordsOf = (monoid: Monoid): number => WORDS * monoid.coordinates;

const limbs = `array<u32, ${FQ.limbs}>`;

/** F_r under addition. */
export const SCALARS: Monoid = {
  name: "fr",
  field: FR,
  coordinates: 1,
  source: (shape) => `${arithmetic(FR, shape, [])}
alias Element = array<${limbs}, 1>;
fn identity() -> Element { return Element(); }
fn plus(a: Element, b: Element) -> Element { return Element(fr_reduce(fr_add(a[0], b[0]))); }`,
};

/** Projective points under the complete addition of `curve/formulas.ts`; with `mixed`, `plus_affine(a, b: array<Limbs, 2·degree>)` too. */
export function points(group: Group): Monoid {
  const d = group.degree;
  const spread = (of: string, count: number): string =>
    Array.from({ length: count }, (_, k) => `${of}[${k}]`).join(", ");
  return {
    name: group.name,
    field: FQ,
    coordinates: 3 * d,
    source: (shape, mixed) => {
      const full = { program: group.add, inputs: Array<number>(6 * d).fill(STATE_BOUND) };
      const short = {
        program: group.addMixed,
        inputs: [...Array<number>(3 * d).fill(STATE_BOUND), ...Array<number>(2 * d).fill(1)],
      };
      return `${arithmetic(FQ, shape, mixed ? [short] : [full])}
alias Element = array<${limbs}, ${3 * d}>;
fn identity() -> Element {
  var e: Element;
  e[${d}] = fq_unpack(${oneWords()});
  return e;
}
${
  mixed
    ? `fn plus_affine(a: Element, b: array<${limbs}, ${2 * d}>) -> Element { return ${group.addMixed.name}(${spread("a", 3 * d)}, ${spread("b", 2 * d)}); }`
    : `fn plus(a: Element, b: Element) -> Element { return ${group.add.name}(${spread("a", 3 * d)}, ${spread("b", 3 * d)}); }`
}`;
    },
  };
}

/** Montgomery's one, as WGSL words. */
function oneWords(): string {
  let one = FQ.radix % FQ.modulus;
  const words: string[] = [];
  for (let k = 0; k < WORDS; k++, one >>= 32n) words.push(`${one & 0xffffffffn}u`);
  return words.join(", ");
}

/** `fn load_sum(i: u32) -> Element` and `fn store_sum(i: u32, e: Element)` on the read_write buffer `sums`; a stored point with y = 0 is the identity. */
export function elementAccess({ name, field, coordinates }: Monoid): string {
  const indices = Array.from({ length: coordinates }, (_, k) => k);
  const isPoint = name !== "fr";
  const y = coordinates / 3;
  return `${loader(field, "load_word", "sums")}
${storer(field, "store_word", "sums")}
fn load_sum(i: u32) -> Element {
  let at = i * ${8 * coordinates}u;
  ${
    // no point of odd order has y = 0
    isPoint
      ? `var any = 0u;
  for (var k = ${8 * y}u; k < ${16 * y}u; k++) { any |= sums[at + k]; }
  if (any == 0u) { return identity(); }`
      : ""
  }
  var e: Element;
  ${indices.map((k) => `e[${k}] = load_word(at + ${8 * k}u);`).join("\n  ")}
  return e;
}
fn store_sum(i: u32, e: Element) {
  let at = i * ${8 * coordinates}u;
  var v = e;
  ${shapeLoop(indices.length)}
}`;
}

/** One store site for all coordinates: fewer copies of the canonical reduction. */
const shapeLoop = (count: number): string => `for (var k = 0u; k < ${count}u; k++) { store_word(at + 8u * k, v[k]); }`;
