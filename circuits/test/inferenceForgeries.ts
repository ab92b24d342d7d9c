import { Fr, lift, lower } from "@mednexus/sdk";
import { circuitInputs } from "../index.ts";
import { bits, chainForgeries, field, type Forgery, next, type Poseidon, recomposed } from "./forgeries.ts";
import { type Assignment, type Lab, LAB_SIZE, override, splice } from "./lab.ts";

const n = LAB_SIZE;
const LIMIT = 1n << 60n;

interface Story {
  readonly model: readonly bigint[];
  readonly rho: readonly bigint[];
  readonly input: readonly bigint[];
  readonly salt: bigint;
}

/** The score follows the products in `dot`, the decision its sign. */
const OUTCOME = ["score", "sign", "decision"];

export function inferenceForgeries(lab: Lab, poseidon: Poseidon): Forgery[] {
  const base: Story = {
    model: Array.from({ length: n }, () => next(2_000_001n) - 1_000_000n),
    rho: [field(), field(), field(), field()],
    input: Array.from({ length: n }, () => next(2_001n) - 1_000n),
    salt: field(),
  };
  /** one product and nothing else: score = m */
  const scored = (m: bigint): Partial<Story> => ({
    model: base.model.map((_, j) => (j === 0 ? m : 0n)),
    input: base.input.map((_, j) => (j === 0 ? 1n : 0n)),
  });

  /** What a generator without constraints computes for any integers, with roots, score and decision that follow. */
  async function tell(change: Partial<Story> = {}, decision?: bigint): Promise<Assignment> {
    const { model, rho, input, salt } = { ...base, ...change };
    const score = Fr.from(model.reduce((sum, m, j) => sum + m * input[j]!, 0n));
    const statement = {
      modelRoot: 0n,
      inputCommitment: 0n,
      decision: decision ?? (lift([score])[0]! > 0n ? 1n : 0n),
      score,
      values: lower(model),
      blinders: rho,
      input: lower(input),
      salt,
    };
    const out = await lab.forge(circuitInputs("inference", n, statement));
    return override(out, { modelRoot: out.get("main.model.out")!, inputCommitment: out.get("main.sealed.out")! });
  }
  const otherModel = (): Promise<Assignment> => tell({ model: base.model.with(3, 77n) });
  const otherInput = (): Promise<Assignment> => tell({ input: base.input.with(3, 77n) });
  const withModel = (value: bigint): Promise<Assignment> =>
    tell({ model: base.model.with(0, value), input: base.input.with(0, 1n) });
  const withInput = (j: number, value: bigint): Promise<Assignment> => tell({ input: base.input.with(j, value) });

  return [
    ...chainForgeries("model", "modelRoot", n + 4, poseidon, () => tell()),
    ...chainForgeries("sealed", "inputCommitment", 3, poseidon, () => tell()),
    {
      id: "I1",
      title: "[attack 39] the root of another model",
      shape: " = m[]+model.in[]",
      rows: n,
      make: async () => splice(await tell(), await otherModel(), "model", "modelRoot"),
    },
    {
      id: "I2",
      title: "[attack 40] a parameter of 2^60, its range shown for another",
      shape: " = 1+m[]+range[].in",
      rows: n,
      make: async () => splice(await withModel(LIMIT), await tell(), "range"),
    },
    {
      id: "R2",
      title: "[attack 40] a parameter of 2^60",
      shape: recomposed("range[]"),
      rows: n,
      make: () => withModel(LIMIT),
    },
    {
      id: "R2",
      title: "[attack 40] a parameter of -2^60 - 1",
      shape: recomposed("range[]"),
      rows: n,
      make: () => withModel(-LIMIT - 1n),
    },
    {
      id: "R1",
      title: "[attack 40] a parameter of 2^60 by a bit of 2",
      shape: bits("range[]"),
      rows: 61 * n,
      make: async () => override(await withModel(LIMIT), { "range[0].bits[60]": 2n }),
    },
    {
      id: "I3",
      title: "another model applied than the one hashed",
      shape: " = dot[].a[]+m[]",
      rows: n,
      make: async () => splice(await tell(), await otherModel(), "dot", ...OUTCOME),
    },
    {
      id: "I4",
      title: "the root of the same parameters under other blinders",
      shape: " = model.in[]+rho[]",
      rows: 4,
      make: async () =>
        splice(await tell(), await tell({ rho: [field(), field(), field(), field()] }), "model", "modelRoot"),
    },
    {
      id: "I5",
      title: "a root that is not the model's",
      shape: " = model.out+modelRoot",
      rows: 1,
      make: async () => override(await tell(), { modelRoot: field() }),
    },
    {
      id: "I6",
      title: "the commitment of another input",
      shape: " = limb[].u[]+x[]",
      rows: n,
      make: async () => splice(await tell(), await otherInput(), "limb", "sealed", "inputCommitment"),
    },
    {
      id: "I7",
      title: "limbs hashed that are not the input's",
      shape: " = limb[].packed+sealed.in[]",
      rows: 2,
      make: async () => splice(await tell(), await otherInput(), "sealed", "inputCommitment"),
    },
    {
      id: "I8",
      title: "another input applied than the one committed to",
      shape: " = dot[].b[]+x[]",
      rows: n,
      make: async () => splice(await tell(), await otherInput(), "dot", ...OUTCOME),
    },
    {
      id: "I9",
      title: "a commitment under another salt",
      shape: " = salt+sealed.in[]",
      rows: 1,
      make: async () => splice(await tell(), await tell({ salt: field() }), "sealed", "inputCommitment"),
    },
    {
      id: "I10",
      title: "a commitment that is not the input's",
      shape: " = inputCommitment+sealed.out",
      rows: 1,
      make: async () => override(await tell(), { inputCommitment: field() }),
    },
    {
      id: "P1",
      title: "an input of 2^15, its range shown for another",
      shape: " = 1+limb[].range[].in+limb[].u[]",
      rows: n,
      make: async () => splice(await withInput(0, 1n << 15n), await tell(), "limb[0].range"),
    },
    {
      id: "R2",
      title: "an input of 2^15",
      shape: recomposed("limb[].range[]"),
      rows: n,
      make: () => withInput(0, 1n << 15n),
    },
    {
      id: "R2",
      title: "an input of -2^15 - 1",
      shape: recomposed("limb[].range[]"),
      rows: n,
      make: () => withInput(15, -(1n << 15n) - 1n),
    },
    {
      id: "R1",
      title: "an input of 2^15 by a bit of 2",
      shape: bits("limb[].range[]"),
      rows: 16 * n,
      make: async () => override(await withInput(0, 1n << 15n), { "limb[0].range[0].bits[15]": 2n }),
    },
    {
      id: "P2",
      title: "a limb of other coordinates",
      shape: " = 1+limb[].packed+limb[].u[]",
      rows: 2,
      make: async () => splice(await otherInput(), await tell(), "limb[0].packed", "sealed", "inputCommitment"),
    },
    {
      id: "D1",
      title: "a product that is none",
      shape: "dot[].a[] * dot[].b[] = dot[].product[]",
      rows: n,
      make: async () => splice(await tell(), await otherInput(), "dot[0].product", "dot[0].sum", ...OUTCOME),
    },
    {
      id: "D2",
      title: "a sum of products that is none",
      shape: " = dot[].product[]+dot[].sum",
      rows: 1,
      make: async () => splice(await tell(), await otherInput(), "dot[0].sum", ...OUTCOME),
    },
    {
      id: "I11",
      title: "a score that is not the sum",
      shape: " = dot[].sum+score",
      rows: 1,
      make: async () => splice(await tell(), await otherInput(), ...OUTCOME),
    },
    {
      id: "I12",
      title: "a decision of neither 0 nor 1",
      shape: "1+decision * decision = ",
      rows: 1,
      make: async () => {
        // sign.in = score - 1 + (1 - decision) 2^88 = 4 for a score of -5
        const decision = Fr.sub(1n, Fr.mul(10n, Fr.inverse(1n << 88n)));
        return override(splice(await tell(scored(-5n)), await tell(scored(5n)), "sign"), { decision });
      },
    },
    {
      id: "I13",
      title: "a decision against the score, its sign shown for another",
      shape: " = 1+decision+score+sign.in",
      rows: 1,
      make: async () => override(await tell(scored(5n)), { decision: 0n }),
    },
    {
      id: "R2",
      title: "yes at a score of 0",
      shape: recomposed("sign"),
      rows: 1,
      make: () => tell(scored(0n), 1n),
    },
    {
      id: "R2",
      title: "no at a score of 1",
      shape: recomposed("sign"),
      rows: 1,
      make: () => tell(scored(1n), 0n),
    },
    {
      id: "R1",
      title: "no at a score of 1 by a bit of 2",
      shape: bits("sign"),
      rows: 88,
      make: async () => override(await tell(scored(1n), 0n), { "sign.bits[87]": 2n }),
    },
  ];
}
