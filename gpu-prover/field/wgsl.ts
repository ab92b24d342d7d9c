import { type Bounds, reductionStep, type Allocated, type Operation, type Program } from "../curve/program.ts";
import { limbsOf, type PrimeField, toMontgomery, WORDS } from "./prime.ts";

/**
 * How arithmetic is laid out in WGSL.
 * - `unrolled`: everything straight-line, for compilers that keep limbs in registers.
 * - `inner`: the multiplication's outer loop stays a loop: an eighteenth of the code, so that a point addition fits the instruction cache.
 * - `interpreted`: loops whose bound is read from memory and programs run by a loop: software adapters compile this in seconds instead of minutes.
 */
export type Shape = "unrolled" | "inner" | "interpreted";

const list = (values: readonly (number | bigint)[]): string => values.map((value) => `${value}u`).join(", ");
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, k) => from + k);

/** A loop over limbs from..N, written out or not. `body` sees the index as WGSL. */
function each(shape: Shape, from: number, limbs: number, body: (k: string) => string): string {
  if (shape !== "interpreted")
    return range(from, limbs)
      .map((k) => body(`${k}u`))
      .join("\n");
  return `for (var k = ${from}u; k < LIMBS; k++) { ${body("k")} }`;
}

/**
 * The field's functions, for limbs as array<u32, N>: `{f}_unpack`, `{f}_pack`, `{f}_mul`, `{f}_add`, `{f}_sub`, `{f}_reduce`.
 * Operands are normalised (limbs below 2^limbBits) and below the capacity; bounds are `curve/program.ts`'s to prove.
 * In the interpreted shape a module-scope `var<private> LIMBS: u32` must hold the number of limbs.
 */
export function fieldSource(field: PrimeField, shape: Shape, lifts: Iterable<number>): string {
  const { name: f, limbs: n, limbBits: w, modulus } = field;
  const mask = `${2 ** w - 1}u`;
  const multiples = [...new Set([1, ...lifts])].sort((a, b) => a - b);

  /** Signed carries: kept between statements in `c`, arithmetic shift right of an i32. */
  const signed = (term: (k: string) => string): string =>
    `var o: array<u32, ${n}>; var c = 0i;\n${each(
      shape,
      0,
      n,
      (k) => `{ let t = ${term(k)} + c; o[${k}] = u32(t) & ${mask}; c = t >> ${w}u; }`,
    )}`;

  const constants = multiples
    .map(
      (m) =>
        `var<private> ${f}_P${m}: array<u32, ${n}> = array<u32, ${n}>(${list(limbsOf(field, BigInt(m) * modulus))});`,
    )
    .join("\n");
  const modulusLimbs = limbsOf(field, modulus);
  /** limb k of m·p, as a literal where the loop is written out */
  const multiple = (m: number, k: string): string =>
    shape === "interpreted" ? `${f}_P${m}[${k}]` : `${limbsOf(field, BigInt(m) * modulus)[Number.parseInt(k, 10)]}u`;

  const unpack = `fn ${f}_unpack(${range(0, WORDS)
    .map((k) => `w${k}: u32`)
    .join(", ")}) -> array<u32, ${n}> {
  return array<u32, ${n}>(${range(0, n)
    .map((k) => {
      const [word, bit] = [Math.floor((w * k) / 32), (w * k) % 32];
      if (word >= WORDS) return "0u";
      const low = bit === 0 ? `w${word}` : `(w${word} >> ${bit}u)`;
      const high = bit + w > 32 && word + 1 < WORDS ? ` | (w${word + 1} << ${32 - bit}u)` : "";
      return `(${low}${high}) & ${mask}`;
    })
    .join(", ")});
}`;

  const pack = `/// Canonical words.
fn ${f}_pack(v: array<u32, ${n}>) -> array<u32, ${WORDS}> {
  let x = ${f}_canonical(v);
  return array<u32, ${WORDS}>(${range(0, WORDS)
    .map((word) =>
      range(0, n)
        .map((k) => {
          const at = w * k - 32 * word;
          if (at <= -w || at >= 32) return "";
          return at < 0 ? `(x[${k}u] >> ${-at}u)` : at === 0 ? `x[${k}u]` : `(x[${k}u] << ${at}u)`;
        })
        .filter((term) => term !== "")
        .join(" | "),
    )
    .join(", ")});
}`;

  const carry = `var o: array<u32, ${n}>; var c = 0u;
${each(shape, 0, n, (k) => `{ let t = s[${k}] + c; o[${k}] = t & ${mask}; c = t >> ${w}u; }`)}
  return o;`;

  const outer = (i: string): string => `{
    let a = x[${i}];
    let t = s[0] + a * y[0];
    let q = (t * ${field.factor}u) & ${mask};
    s[0] = s[1] + a * y[1] + q * ${multiple(1, "1")} + ((t + q * ${modulusLimbs[0]}u) >> ${w}u);
    ${
      shape === "interpreted"
        ? `for (var j = 2u; j < LIMBS; j++) { s[j - 1u] = s[j] + a * y[j] + q * ${f}_P1[j]; }
    s[${n - 1}] = 0u;`
        : range(2, n)
            .map((j) => `s[${j - 1}] = ${j < n ? `s[${j}] + ` : ""}a * y[${j}] + q * ${modulusLimbs[j]}u;`)
            .join("\n    ") + `\n    s[${n - 1}] = 0u;`
    }
  }`;
  const mul = `/// a·b/R below a·b·p/R + p. No word overflows: see PrimeField.
fn ${f}_mul(a: array<u32, ${n}>, b: array<u32, ${n}>) -> array<u32, ${n}> {
  var x = a; var y = b; var s: array<u32, ${n}>;
  ${
    shape === "unrolled"
      ? range(0, n)
          .map((i) => outer(`${i}`))
          .join("\n  ")
      : `for (var i = 0u; i < ${shape === "interpreted" ? "LIMBS" : `${n}u`}; i++) ${outer("i")}`
  }
  ${carry}
}`;

  const add = `fn ${f}_add(x: array<u32, ${n}>, y: array<u32, ${n}>) -> array<u32, ${n}> {
  var s: array<u32, ${n}>; var a = x; var b = y;
  ${each(shape, 0, n, (k) => `s[${k}] = a[${k}] + b[${k}];`)}
  ${carry}
}`;

  const subs = multiples
    .map(
      (m) => `/// x + ${m}p − y, for y <= ${m}p
fn ${f}_sub_${m}(x: array<u32, ${n}>, y: array<u32, ${n}>) -> array<u32, ${n}> {
  var a = x; var b = y;
  ${signed((k) => `i32(a[${k}]) + i32(${multiple(m, k)}) - i32(b[${k}])`)}
  return o;
}`,
    )
    .join("\n");

  const reduce = `/// The same residue below about 1.2 p: takes ⌊top / step⌋·p off, never more than fits.
fn ${f}_reduce(x: array<u32, ${n}>) -> array<u32, ${n}> {
  var a = x;
  let q = i32(a[${n - 1}u] / ${reductionStep(field)}u);
  ${signed((k) => `i32(a[${k}]) - q * i32(${multiple(1, k)})`)}
  return o;
}`;

  const canonical = `fn ${f}_canonical(x: array<u32, ${n}>) -> array<u32, ${n}> {
  var a = ${f}_reduce(x);
  ${signed((k) => `i32(a[${k}]) - i32(${multiple(1, k)})`)}
  if (c < 0i) { return a; }
  return o;
}`;
  return [constants, unpack, mul, add, subs, reduce, canonical, pack].join("\n\n");
}

/** A program as the WGSL function `name(v0, v1, …) -> array<Limbs, outputs>`, straight-line. */
export function programSource(field: PrimeField, program: Program, bounds: Bounds): string {
  const { name: f, limbs: n } = field;
  const type = `array<u32, ${n}>`;
  const line = (operation: Operation, value: number): string => {
    switch (operation.kind) {
      case "input":
        return `let v${value} = i${operation.index};`;
      case "constant":
        return `let v${value} = ${type}(${list(limbsOf(field, toMontgomery(field, program.constants[operation.index]!)))});`;
      case "reduce":
        return `let v${value} = ${f}_reduce(v${operation.a});`;
      case "sub":
        return `let v${value} = ${f}_sub_${bounds.lifts.get(value)}(v${operation.a}, v${operation.b});`;
      default:
        return `let v${value} = ${f}_${operation.kind}(v${operation.a}, v${operation.b});`;
    }
  };
  return `fn ${program.name}(${range(0, program.inputs)
    .map((k) => `i${k}: ${type}`)
    .join(", ")}) -> array<${type}, ${program.outputs.length}> {
${program.operations.map(line).join("\n")}
return array<${type}, ${program.outputs.length}>(${program.outputs.map((value) => `v${value}`).join(", ")});
}`;
}

const CODES = { mul: 0, add: 1, sub: 2, reduce: 3, copy: 4, constant: 5 };

/**
 * The same function run by an interpreter over a register file: one copy of each field function, however long the program. `allocated` and its constants
 * are private arrays; subtraction's lift is an index into a table of multiples of p.
 */
export function interpreterSource(field: PrimeField, program: Program, allocated: Allocated): string {
  const { name: f, limbs: n } = field;
  const type = `array<u32, ${n}>`;
  const { steps, registers } = allocated;
  const lifts = [...new Set(steps.filter(({ kind }) => kind === "sub").map(({ lift }) => lift))];
  const words = steps.map(
    ({ kind, to, a, b, lift }) =>
      CODES[kind] | (to << 3) | (a << 10) | (b << 17) | ((kind === "sub" ? lifts.indexOf(lift) : 0) << 24),
  );
  const constants = program.constants.length > 0 ? program.constants : [0n];
  const name = program.name;
  return `var<private> ${name}_code: array<u32, ${words.length}> = array<u32, ${words.length}>(${list(words)});
var<private> ${name}_constants: array<${type}, ${constants.length}> = array<${type}, ${constants.length}>(${constants
    .map((value) => `${type}(${list(limbsOf(field, toMontgomery(field, value)))})`)
    .join(", ")});
fn ${name}(${range(0, program.inputs)
    .map((k) => `i${k}: ${type}`)
    .join(", ")}) -> array<${type}, ${program.outputs.length}> {
  var r: array<${type}, ${registers}>;
  ${range(0, program.inputs)
    .map((k) => `r[${k}] = i${k};`)
    .join(" ")}
  // the factor reads as a run-time value, so that no compiler unrolls the program
  let steps = ${words.length}u * LIMBS / ${n}u;
  for (var pc = 0u; pc < steps; pc++) {
    let code = ${name}_code[pc];
    let to = (code >> 3u) & 127u;
    let a = r[(code >> 10u) & 127u];
    let b = r[(code >> 17u) & 127u];
    switch (code & 7u) {
      case 0u: { r[to] = ${f}_mul(a, b); }
      case 1u: { r[to] = ${f}_add(a, b); }
      case 2u: {
        switch (code >> 24u) {
          ${lifts.map((lift, k) => `case ${k}u: { r[to] = ${f}_sub_${lift}(a, b); }`).join("\n          ")}
          default: {}
        }
      }
      case 3u: { r[to] = ${f}_reduce(a); }
      case 4u: { r[to] = a; }
      default: { r[to] = ${name}_constants[(code >> 10u) & 127u]; }
    }
  }
  return array<${type}, ${program.outputs.length}>(${range(0, program.outputs.length)
    .map((k) => `r[${k}]`)
    .join(", ")});
}`;
}
