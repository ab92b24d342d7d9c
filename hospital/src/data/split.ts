import { BadInputError } from "./errors.ts";
import { createRandom, type Random } from "./random.ts";

/** Rows as they are trained on: `X` is rows x features, `y` the class of each. */
export interface Rows {
  readonly X: readonly (readonly number[])[];
  readonly y: readonly (0 | 1)[];
}

export type SplitKind = "iid" | "skewed";

/** Each hospital holds at least this many rows of each class, so that it can train a model of its own to compare with. */
export const MIN_ROWS_PER_CLASS = 3;

/** Concentration of the symmetric Dirichlet law of `skewed`: at 1 every way of dividing a class among the hospitals is equally likely. */
const CONCENTRATION = 1;

export const selectRows = (rows: Rows, indices: readonly number[]): Rows => ({
  X: indices.map((index) => rows.X[index]!),
  y: indices.map((index) => rows.y[index]!),
});

export const concatRows = (parts: readonly Rows[]): Rows => ({
  X: parts.flatMap((part) => part.X),
  y: parts.flatMap((part) => part.y),
});

/** A seeded split that keeps the class proportions; `testFraction` in (0, 1), at least one row of each class in the test part. */
export function splitTrainTest(rows: Rows, testFraction: number, seed: number): { train: Rows; test: Rows } {
  const random = createRandom(seed, "train/test");
  const test = new Set<number>();
  for (const members of byClass(rows, random))
    for (const index of members.slice(0, Math.max(1, Math.round(members.length * testFraction)))) test.add(index);
  const all = [...rows.y.keys()];
  return {
    train: selectRows(
      rows,
      all.filter((index) => !test.has(index)),
    ),
    test: selectRows(
      rows,
      all.filter((index) => test.has(index)),
    ),
  };
}

/**
 * Divides rows among `hospitals` parts, each row to exactly one. `iid` deals each class round; `skewed` draws for each class the
 * hospitals' shares from a Dirichlet law (Hsu, Qi, Brown 2019), so sizes and class proportions both differ; every part first gets
 * MIN_ROWS_PER_CLASS of each class. Errors: BadInputError when a class has too few rows for that.
 */
export function splitHospitals(rows: Rows, hospitals: number, kind: SplitKind, seed: number): Rows[] {
  if (!Number.isInteger(hospitals) || hospitals < 1)
    throw new BadInputError(`--hospitals ${hospitals}: give a whole number from 1`);
  const random = createRandom(seed, `hospitals/${kind}`);
  const parts: number[][] = Array.from({ length: hospitals }, () => []);
  for (const [label, members] of byClass(rows, random).entries()) {
    const needed = hospitals * MIN_ROWS_PER_CLASS;
    if (members.length < needed)
      throw new BadInputError(
        `class ${label} has ${members.length} training rows, ${hospitals} hospitals need ${needed}: lower --hospitals or add rows`,
      );
    members.slice(0, needed).forEach((row, index) => parts[index % hospitals]!.push(row));
    const rest = members.slice(needed);
    if (kind === "iid") {
      // Starting where the other class stopped keeps sizes within one row of each other.
      const start =
        label === 0 ? 0 : parts.findIndex((part) => part.length === Math.min(...parts.map((p) => p.length)));
      rest.forEach((row, index) => parts[(start + index) % hospitals]!.push(row));
      continue;
    }
    const weights = parts.map(() => random.gamma(CONCENTRATION));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    let cumulative = 0;
    let from = 0;
    for (const [index, weight] of weights.entries()) {
      cumulative += weight;
      const to = index === hospitals - 1 ? rest.length : Math.round((cumulative / total) * rest.length);
      parts[index]!.push(...rest.slice(from, to));
      from = to;
    }
  }
  return parts.map((indices) =>
    selectRows(
      rows,
      indices.toSorted((a, b) => a - b),
    ),
  );
}

/** Row indices of class 0 and of class 1, each shuffled. */
function byClass(rows: Rows, random: Random): [number[], number[]] {
  const all = [...rows.y.keys()];
  return [random.shuffle(all.filter((i) => rows.y[i] === 0)), random.shuffle(all.filter((i) => rows.y[i] === 1))];
}
