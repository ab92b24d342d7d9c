import { ELEMENT } from "./field.ts";
import { bias, SCALAR_WORDS, windowSums, type WindowTask } from "./msm.ts";
import type { Space } from "./space.ts";

/** A matrix by rows; addresses. Word k of `ends`: entries before row k. */
export interface MatrixPlace {
  readonly ends: number;
  readonly columns: number;
  readonly values: number;
}

/** Where a key's domain lies; addresses. */
export interface Domain {
  /** log2 of the number of rows */
  readonly power: number;
  readonly matrices: readonly [MatrixPlace, MatrixPlace];
  /** the assignment, as words and as limbs */
  readonly assignment: number;
  readonly wires: number;
  /** values of A·w, B·w, C·w on the domain, later on its coset */
  readonly values: readonly [number, number, number];
  /** powers of the root and of its inverse, half a domain each; and what takes coefficients to the coset, in bit-reversed order */
  readonly roots: number;
  readonly inverseRoots: number;
  readonly coset: number;
  /** 1, outside Montgomery form */
  readonly one: number;
  /** canonical words of the quotient's values */
  readonly quotient: number;
}

/** How scalars are biased, and where that goes. */
export interface Biased {
  readonly scalars: number;
  readonly bits: number;
  readonly windows: number;
}

/** What a thread can be asked for; ranges are half open. Of layers, a range within one block. */
export type Task =
  | { readonly kind: "rows"; readonly from: number; readonly to: number }
  | { readonly kind: "wires" | "quotient"; readonly from: number; readonly to: number; readonly biased: Biased }
  | {
      readonly kind: "dif" | "dit";
      readonly values: number;
      readonly layer: number;
      readonly block: number;
      readonly from: number;
      readonly to: number;
    }
  | { readonly kind: "coset"; readonly values: number; readonly layer: number; readonly block: number }
  | {
      readonly kind: "bias";
      readonly words: number;
      readonly width: 1 | 8;
      readonly from: number;
      readonly to: number;
      readonly biased: Biased;
    }
  | { readonly kind: "sum"; readonly sum: WindowTask };

/** `domain`: where there is one; sums need none. */
export function perform(space: Space, domain: Domain | undefined, task: Task): void {
  if (task.kind === "sum") windowSums(space, task.sum);
  else if (task.kind === "bias") toScalars(space, task.words + 4 * task.width * task.from, task);
  else inDomain(space, domain!, task);
}

function inDomain(space: Space, domain: Domain, task: Exclude<Task, { kind: "sum" | "bias" }>): void {
  switch (task.kind) {
    case "wires":
      return wires(space, domain, task.from, task.to, task.biased);
    case "rows":
      return rows(space, domain, task.from, task.to);
    case "dif":
    case "dit":
      return layer(space, domain, task);
    case "coset":
      return toCoset(space, domain, task.values, task.layer, task.block);
    case "quotient":
      return quotient(space, domain, task.from, task.to, task.biased);
  }
}

function wires(space: Space, { assignment, wires }: Domain, from: number, to: number, biased: Biased): void {
  const words = assignment + 32 * from;
  space.kernel.fr_unpack_all(words, to - from, wires + ELEMENT * from);
  toScalars(space, words, { width: 8, from, to, biased });
}

/** A·w, B·w, and the product of the two, C·w. */
function rows({ kernel, lane, words }: Space, domain: Domain, from: number, to: number): void {
  domain.matrices.forEach(({ ends, columns, values }, k) => {
    const entry = words[ends / 4 + from]!;
    kernel.fr_rows(
      ends + 4 * (from + 1),
      columns + 4 * entry,
      values + ELEMENT * entry,
      to - from,
      domain.wires,
      domain.values[k]! + ELEMENT * from,
      entry,
      lane.scratch,
    );
  });
  const [a, b, c] = domain.values.map((at) => at + ELEMENT * from) as [number, number, number];
  kernel.fr_product(a, b, to - from, c);
}

/** Part of one block of one layer of a transform; layer 0 has one block, the whole domain. */
function layer(
  { kernel, lane }: Space,
  { power, roots, inverseRoots }: Domain,
  { kind, values, layer, block, from, to }: Extract<Task, { kind: "dif" | "dit" }>,
): void {
  const half = 2 ** (power - 1 - layer);
  const step = 2 ** layer;
  kernel[`fr_${kind}`](
    values + ELEMENT * (2 * half * block + from),
    half,
    1,
    to - from,
    (kind === "dif" ? inverseRoots : roots) + ELEMENT * step * from,
    step,
    lane.scratch,
  );
}

/** The layers from `first` on within one block, down to coefficients (bit-reversed), to the coset, and up again. */
function toCoset({ kernel, lane }: Space, domain: Domain, values: number, first: number, block: number): void {
  const { power, roots, inverseRoots, coset } = domain;
  const size = 2 ** (power - first);
  const start = ELEMENT * size * block;
  const layers = Array.from({ length: power - first }, (_, k) => first + k);
  const run = (kind: "dif" | "dit", k: number): void => {
    const half = 2 ** (power - 1 - k);
    const table = kind === "dif" ? inverseRoots : roots;
    kernel[`fr_${kind}`](values + start, half, size / (2 * half), half, table, 2 ** k, lane.scratch);
  };
  for (const k of layers) run("dif", k);
  kernel.fr_scale(values + start, size, coset + start);
  for (const k of layers.reverse()) run("dit", k);
}

function quotient(space: Space, domain: Domain, from: number, to: number, biased: Biased): void {
  const [a, b, c] = domain.values.map((at) => at + ELEMENT * from) as [number, number, number];
  const words = domain.quotient + 32 * from;
  space.kernel.fr_quotient(a, b, c, to - from, domain.one, words, space.lane.scratch);
  toScalars(space, words, { width: 8, from, to, biased });
}

function toScalars(
  space: Space,
  words: number,
  { width, from, to, biased }: Pick<Extract<Task, { kind: "bias" }>, "width" | "from" | "to" | "biased">,
): void {
  bias(space, words, width, biased.scalars + 4 * SCALAR_WORDS * from, to - from, biased.bits, biased.windows);
}
