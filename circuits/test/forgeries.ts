import { Domain, evaluate, Fr, packLimbs, type Witnesses } from "@mednexus/sdk";
import { type Circuit, circuitInputs } from "../index.ts";
import { type Assignment, type Lab, LAB_SIZE, override, splice } from "./lab.ts";
import { inferenceForgeries } from "./inferenceForgeries.ts";
import { rekeyForgeries } from "./rekeyForgeries.ts";
import { aggregateStatement, seeded, updateStatement } from "./statements.ts";

/**
 * A lie that breaks one class of constraints and no other: two honest stories spliced where that class alone joins
 * them. If the class were missing from the source, the lie would be a witness.
 */
export interface Forgery {
  /** ids of the source's constraints, as in the comments there */
  readonly id: string;
  readonly title: string;
  /** System.shape of every constraint broken */
  readonly shape: string;
  /** how many constraints of that shape the circuit has at LAB_SIZE */
  readonly rows: number;
  make(): Promise<Assignment>;
}

export const SEED = 20_261;
const n = LAB_SIZE;
const domain = Domain.of(n);
export const next = seeded(SEED);
export const field = (): bigint => next(Fr.modulus);

/** Shapes of the constraints of an AssertBits. */
export const bits = (of: string): string => `1+${of}.bits[] * ${of}.bits[] = `;
export const recomposed = (of: string): string => ` = ${of}.bits[]+${of}.in`;

export type Poseidon = (inputs: readonly bigint[]) => Promise<Assignment>;

/** Constraints of one Chain, the component `at` over `elements` inputs; its hash is the public signal `root`. */
export function chainForgeries(
  at: string,
  root: string,
  elements: number,
  poseidon: Poseidon,
  honest: () => Promise<Assignment>,
): Forgery[] {
  const steps = Math.ceil(elements / 15);
  const last = steps - 1;

  /** The chain with its step k run on other inputs, and everything after it following. */
  async function rechain(k: number, change: (inputs: bigint[]) => bigint[]): Promise<Assignment> {
    let out = await honest();
    for (let s = k; s < steps; s++) {
      const inputs = Array.from({ length: 16 }, (_, i) => out.get(`main.${at}.step[${s}].inputs[${i}]`)!);
      if (s > k) inputs[0] = out.get(`main.${at}.step[${s - 1}].out`)!;
      const run = await poseidon(s === k ? change(inputs) : inputs);
      const inner = [...run]
        .filter(([name]) => name !== "1")
        .map(([name, value]) => [`${at}.step[${s}].${name.slice("main.".length)}`, value] as const);
      out = override(out, Object.fromEntries(inner));
    }
    const result = out.get(`main.${at}.step[${last}].out`)!;
    return override(out, { [`${at}.out`]: result, [root]: result });
  }

  const forgeries: Forgery[] = [
    {
      id: "H1",
      title: "a chain of another kind, size or width",
      shape: ` = 1+${at}.step[].inputs[]`,
      rows: 1,
      make: () => rechain(0, (inputs) => inputs.with(0, inputs[0]! + 1n)),
    },
    {
      id: "H3",
      title: "another element absorbed than the one given",
      shape: ` = ${at}.in[]+${at}.step[].inputs[]`,
      rows: elements,
      make: () => rechain(0, (inputs) => inputs.with(2, field())),
    },
    {
      id: "H4",
      title: "padding that is not zero",
      shape: ` = ${at}.step[].inputs[]`,
      rows: 15 * steps - elements,
      make: () => rechain(last, (inputs) => inputs.with(15, 7n)),
    },
    {
      id: "H5",
      title: "a hash that is not the last state",
      shape: ` = ${at}.out+${at}.step[].out`,
      rows: 1,
      make: async () => {
        const hash = field();
        return override(await honest(), { [`${at}.out`]: hash, [root]: hash });
      },
    },
  ];
  if (steps > 1) {
    forgeries.push({
      id: "H2",
      title: "two chains in place of one",
      shape: ` = ${at}.step[].inputs[]+${at}.step[].out`,
      rows: steps - 1,
      make: () => rechain(1, (inputs) => inputs.with(0, field())),
    });
  }
  return forgeries;
}

/** Constraints that update and aggregate share through Chain and Evaluate; `honest` gives an assignment of the circuit for a vector. */
function shared(
  poseidon: Poseidon,
  elements: number,
  honest: () => Promise<Assignment>,
  sibling: () => Promise<Assignment>,
): Forgery[] {
  /** Everything in Evaluate that follows from its parts' signals, the powers of r and the inner sums excepted where overridden. */
  function reevaluate(base: Assignment, changed: Record<string, bigint>): Assignment {
    const at = (name: string): bigint => changed[name] ?? base.get(`main.evaluate.${name}`)!;
    const follow: Record<string, bigint> = { ...changed };
    const set = (name: string, value: bigint): bigint => (follow[name] = changed[name] ?? Fr.from(value));
    let sum = 0n;
    for (let j = 0; j < n; j++) {
      sum +=
        set(`part[0].quotient[${j}]`, at(`part[0].value[${j}]`) * at(`part[0].inverse[${j}]`)) * domain.elements[j]!;
    }
    const total = set("part[0].sum", sum);
    let square = at("square[0]");
    for (let k = 1; k <= domain.k; k++) square = set(`square[${k}]`, square * square);
    const h0 = set("horner[0]", at("rho[3]") * at("r"));
    const h1 = set("horner[1]", (at("rho[2]") + h0) * at("r"));
    const h2 = set("horner[2]", (at("rho[1]") + h1) * at("r"));
    const y = set("y", Fr.from(square - 1n) * Fr.from(total * domain.nInverse + at("rho[0]") + h2));
    return override(base, {
      ...Object.fromEntries(Object.entries(follow).map(([name, value]) => [`evaluate.${name}`, value])),
      y,
    });
  }

  const evaluation = (
    id: string,
    title: string,
    shape: string,
    rows: number,
    changed: () => Record<string, bigint>,
  ): Forgery => ({
    id,
    title,
    shape,
    rows,
    make: async () => reevaluate(await honest(), changed()),
  });

  return [
    ...chainForgeries("chain", "h", elements, poseidon, honest),
    evaluation("E1", "an inverse that is none", "1+evaluate.part[].r * evaluate.part[].inverse[] = 1", n, () => ({
      "part[0].inverse[3]": field(),
    })),
    evaluation(
      "E2",
      "a quotient that is none",
      "evaluate.part[].value[] * evaluate.part[].inverse[] = evaluate.part[].quotient[]",
      n,
      () => ({ "part[0].quotient[3]": field() }),
    ),
    evaluation("E3", "a sum that is none", " = evaluate.part[].quotient[]+evaluate.part[].sum", 1, () => ({
      "part[0].sum": field(),
    })),
    {
      id: "E4",
      title: "a block evaluated elsewhere",
      shape: " = evaluate.part[].r+evaluate.r",
      rows: 1,
      make: async () => {
        const there = field();
        const inverses = Fr.inverses(domain.elements.map((w) => Fr.sub(there, w)));
        return reevaluate(await honest(), {
          "part[0].r": there,
          ...Object.fromEntries(inverses.map((v, j) => [`part[0].inverse[${j}]`, v])),
        });
      },
    },
    evaluation("E5", "a block of other values", " = evaluate.part[].value[]+evaluate.value[]", n, () => ({
      "part[0].value[5]": field(),
    })),
    evaluation("E6", "powers of another point", " = evaluate.r+evaluate.square[]", 1, () => ({ "square[0]": field() })),
    evaluation(
      "E7",
      "a power of r that is none",
      "evaluate.square[] * evaluate.square[] = evaluate.square[]",
      domain.k,
      () => ({ "square[2]": field() }),
    ),
    evaluation(
      "E8",
      "[attack 8] a blinder's term that is none",
      "evaluate.rho[] * evaluate.r = evaluate.horner[]",
      1,
      () => ({ "horner[0]": field() }),
    ),
    evaluation(
      "E9",
      "[attack 8] a second blinder's term that is none",
      "evaluate.horner[]+evaluate.rho[] * evaluate.r = evaluate.horner[]",
      2,
      () => ({ "horner[1]": field() }),
    ),
    evaluation(
      "E10",
      "[attack 8] a third blinder's term that is none",
      "evaluate.horner[]+evaluate.rho[] * evaluate.r = evaluate.horner[]",
      2,
      () => ({ "horner[2]": field() }),
    ),
    evaluation(
      "E11",
      "[attack 9] a value that does not follow",
      "1+evaluate.square[] * evaluate.horner[]+evaluate.part[].sum+evaluate.rho[] = evaluate.y",
      1,
      () => ({ y: field() }),
    ),
    {
      id: "U7 A1",
      title: "[attack 27] an evaluation at another point than the challenge",
      shape: " = evaluate.r+r",
      rows: 1,
      make: async () => override(await honest(), { r: field() }),
    },
    {
      id: "U9 A5",
      title: "[attack 8] blinders re-solved after the challenge, hashed ones kept",
      shape: " = evaluate.rho[]+rho[]",
      rows: 4,
      make: async () => reevaluate(await honest(), { "rho[0]": field(), "rho[2]": field() }),
    },
    {
      id: "U4 A6",
      title: "a hash that is not the chain's",
      shape: " = chain.out+h",
      rows: 1,
      make: async () => override(await honest(), { h: field() }),
    },
    {
      id: "U10 A7",
      title: "[attack 9] y + 1",
      shape: " = evaluate.y+y",
      rows: 1,
      make: async () => {
        const base = await honest();
        return override(base, { y: base.get("main.y")! + 1n });
      },
    },
    {
      id: "U3 A4",
      title: "[attack 8] blinders chosen after the hash",
      shape: " = chain.in[]+rho[]",
      rows: 4,
      make: async () => splice(await honest(), await sibling(), "rho", "evaluate", "y", "r"),
    },
  ];
}

export function updateForgeries(lab: Lab, poseidon: Poseidon): Forgery[] {
  const small = Array.from({ length: n }, () => next(2_000n) - 1_000n);
  const blinders = [field(), field(), field(), field()];
  const r = field();
  const statement = updateStatement(small, blinders, r, 1n << 32n);
  const run = (changed: Partial<Witnesses["update"]> = {}): Promise<Assignment> =>
    lab.forge(circuitInputs("update", n, { ...statement, ...changed }));
  const honest = (): Promise<Assignment> => run();
  /** the same vector under other blinders */
  const sibling = (): Promise<Assignment> => {
    const rho = [field(), field(), field(), field()];
    return run({ blinders: rho, y: evaluate([...statement.values, ...rho], r) });
  };
  const norm = small.reduce((sum, v) => sum + v * v, 0n);

  /** What a generator without constraints computes for a vector with coordinate j set to any field element. */
  async function withCoordinate(j: number, value: bigint, normBound2 = statement.normBound2): Promise<Assignment> {
    const values = statement.values.with(j, Fr.from(value));
    const out = await run({ values, normBound2, y: evaluate([...values, ...blinders], r) });
    return override(out, { h: out.get("main.chain.out")! });
  }

  return [
    ...shared(poseidon, packLimbs(small).length + 4, honest, sibling),
    {
      id: "R2",
      title: "[attack 1] a coordinate of 2^15",
      shape: recomposed("limb[].range[]"),
      rows: n,
      make: () => withCoordinate(0, 1n << 15n),
    },
    {
      id: "R2",
      title: "[attack 2] a coordinate of -2^15 - 1",
      shape: recomposed("limb[].range[]"),
      rows: n,
      make: () => withCoordinate(15, -(1n << 15n) - 1n),
    },
    {
      id: "R1",
      title: "[attack 1] a coordinate of 2^15 by a bit of 2",
      shape: bits("limb[].range[]"),
      rows: 16 * n,
      make: async () => override(await withCoordinate(0, 1n << 15n), { "limb[0].range[0].bits[15]": 2n }),
    },
    {
      id: "L1",
      title: "[attack 1] a range shown for another value",
      shape: " = 1+limb[].range[].in+limb[].u[]",
      rows: n,
      make: async () => splice(await withCoordinate(0, 1n << 15n), await honest(), "limb[0].range"),
    },
    {
      id: "L2",
      title: "[attack 4] a square that is none",
      shape: "limb[].u[] * limb[].u[] = limb[].square[]",
      rows: n,
      make: async () =>
        splice(
          await withCoordinate(3, 32_767n, norm),
          await withCoordinate(3, 0n, norm),
          "limb[0].square",
          "limb[0].squares",
          "slack",
        ),
    },
    {
      id: "L4",
      title: "[attack 4] a sum of squares that is none",
      shape: " = limb[].square[]+limb[].squares",
      rows: 2,
      make: async () =>
        splice(await withCoordinate(3, 32_767n, norm), await withCoordinate(3, 0n, norm), "limb[0].squares", "slack"),
    },
    {
      id: "L3",
      title: "[attack 7] a limb of other coordinates",
      shape: " = 1+limb[].packed+limb[].u[]",
      rows: 2,
      make: async () => splice(await withCoordinate(3, 77n), await honest(), "limb[0].packed", "chain", "h"),
    },
    {
      id: "U2",
      title: "[attack 7] the hash of an honest vector over another",
      shape: " = chain.in[]+limb[].packed",
      rows: 2,
      make: async () => splice(await withCoordinate(3, 77n), await honest(), "chain", "h"),
    },
    {
      id: "U1",
      title: "[attack 3] 2^253 evaluated, a small vector checked and hashed",
      shape: " = limb[].u[]+u[]",
      rows: n,
      make: async () => splice(await withCoordinate(0, 1n << 253n), await honest(), "limb", "chain", "h", "slack"),
    },
    {
      id: "U8",
      title: "[attack 7] another vector evaluated than the one hashed",
      shape: " = evaluate.value[]+u[]",
      rows: n,
      make: async () => splice(await honest(), await withCoordinate(0, 99n), "evaluate", "y"),
    },
    {
      id: "U5",
      title: "[attack 6] B² = 2^64, its range shown for another",
      shape: " = B2+bound.in",
      rows: 1,
      make: async () => splice(await run({ normBound2: 1n << 64n }), await honest(), "bound"),
    },
    {
      id: "R2",
      title: "[attack 6] B² = 2^64",
      shape: recomposed("bound"),
      rows: 1,
      make: () => run({ normBound2: 1n << 64n }),
    },
    {
      id: "R1",
      title: "[attack 6] B² = 2^64 by a bit of 2",
      shape: bits("bound"),
      rows: 64,
      make: async () => override(await run({ normBound2: 1n << 64n }), { "bound.bits[63]": 2n }),
    },
    {
      id: "U6",
      title: "[attack 4] norm B² + 1, slack shown for another",
      shape: " = B2+limb[].squares+slack.in",
      rows: 1,
      make: async () => splice(await run({ normBound2: norm - 1n }), await honest(), "slack"),
    },
    {
      id: "R2",
      title: "[attack 4] norm B² + 1",
      shape: recomposed("slack"),
      rows: 1,
      make: () => run({ normBound2: norm - 1n }),
    },
    {
      id: "R1",
      title: "[attack 4] norm B² + 1 by a bit of -1",
      shape: bits("slack"),
      rows: 64,
      make: async () => {
        const zeros = Object.fromEntries(
          Array.from({ length: 64 }, (_, k) => [`slack.bits[${k}]`, k === 0 ? -1n : 0n]),
        );
        return override(await run({ normBound2: norm - 1n }), zeros);
      },
    },
  ];
}

export function aggregateForgeries(lab: Lab, poseidon: Poseidon): Forgery[] {
  const values = Array.from({ length: n }, field);
  const blinders = [field(), field(), field(), field()];
  const statement = aggregateStatement(values, blinders, field());
  const run = (changed: Witnesses["aggregate"]): Promise<Assignment> =>
    lab.forge(circuitInputs("aggregate", n, changed));
  const honest = (): Promise<Assignment> => run(statement);
  return [
    ...shared(poseidon, n + 4, honest, () =>
      run(aggregateStatement(values, [field(), field(), field(), field()], statement.r)),
    ),
    {
      id: "A2",
      title: "[attack 39] model vector + 1 under the hash of the old one",
      shape: " = chain.in[]+m[]",
      rows: n,
      make: async () =>
        splice(
          await run(aggregateStatement(values.with(2, values[2]! + 1n), blinders, statement.r)),
          await honest(),
          "chain",
          "h",
        ),
    },
    {
      id: "A3",
      title: "[attack 39] model vector + 1 hashed, the old one evaluated",
      shape: " = evaluate.value[]+m[]",
      rows: n,
      make: async () =>
        splice(
          await run(aggregateStatement(values.with(2, values[2]! + 1n), blinders, statement.r)),
          await honest(),
          "evaluate",
          "y",
        ),
    },
  ];
}

/** Every circuit's. */
export const forgeriesOf: { readonly [C in Circuit]: (lab: Lab, poseidon: Poseidon) => Forgery[] } = {
  update: updateForgeries,
  aggregate: aggregateForgeries,
  inference: inferenceForgeries,
  rekey: rekeyForgeries,
};
