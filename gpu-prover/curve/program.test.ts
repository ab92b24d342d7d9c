import { expect } from "chai";
import { Curve, Fq, G1_GENERATOR, G2_GENERATOR, randomFr } from "@mednexus/sdk";
import { FQ, limbsOf, montgomeryProduct, pack, primeField, toMontgomery, unpack } from "../field/prime.ts";
import { STATE_BOUND } from "../field/source.ts";
import { toAffine } from "../msm/msm.ts";
import { G1, G2, type Group } from "./formulas.ts";
import { allocate, bound, evaluate, fixedPoint } from "./program.ts";

/** What the interpreter in WGSL does, on canonical residues. */
function interpret(group: Group, mixed: boolean, inputs: readonly bigint[]): bigint[] {
  const program = mixed ? group.addMixed : group.add;
  const bounds = bound(FQ, program, Array<number>(program.inputs).fill(1));
  const { registers, steps } = allocate(program, bounds);
  const r = [...inputs, ...Array<bigint>(registers - inputs.length).fill(0n)];
  for (const { kind, to, a, b } of steps) {
    const [x, y] = [r[a]!, r[b]!];
    r[to] =
      kind === "mul"
        ? Fq.mul(x, y)
        : kind === "add"
          ? Fq.add(x, y)
          : kind === "sub"
            ? Fq.sub(x, y)
            : kind === "constant"
              ? program.constants[a]!
              : x;
  }
  return r.slice(0, program.outputs.length);
}

describe("field and curve description", () => {
  it("packs and splits values without loss, and refuses limbs that overflow a word", () => {
    const sample = [0n, 1n, FQ.modulus - 1n, 2n ** 253n + 12345n];
    expect(unpack(pack(sample))).to.deep.equal(sample);
    for (const value of sample)
      expect(limbsOf(FQ, value).reduceRight((sum, limb) => (sum << 13n) | BigInt(limb), 0n)).to.equal(value);
    expect(() => primeField("fq", FQ.modulus, 14, 19)).to.throw(RangeError);
    expect(() => primeField("fq", FQ.modulus, 12, 21)).to.throw(RangeError);
    expect(montgomeryProduct(FQ, toMontgomery(FQ, 6n), toMontgomery(FQ, 7n))).to.equal(toMontgomery(FQ, 42n));
  });

  it("keeps a sum's bound when it is fed back: no value outgrows its limbs", () => {
    for (const group of [G1, G2]) {
      const d = group.degree;
      expect(fixedPoint(FQ, group.addMixed, 3 * d, Array<number>(2 * d).fill(1))).to.be.at.most(STATE_BOUND);
      const { outputs } = bound(FQ, group.add, Array<number>(6 * d).fill(STATE_BOUND));
      expect(Math.max(...outputs)).to.be.at.most(STATE_BOUND);
      expect(() => bound(FQ, group.add, Array<number>(6 * d).fill(40))).to.throw(RangeError);
    }
  });

  it("adds every pair of points, doubling, inverses and the identity included", async () => {
    const curve = await Curve.load();
    const points = [{ x: 0n, y: 0n }, G1_GENERATOR, curve.neg(G1_GENERATOR), curve.mul(G1_GENERATOR, randomFr())];
    for (const a of points) {
      for (const b of points) {
        const lift = (p: typeof a): bigint[] =>
          p.x === 0n ? [0n, 5n, 0n] : [(p.x * 7n) % FQ.modulus, (p.y * 7n) % FQ.modulus, 7n];
        const want = curve.add(a, b);
        const got = evaluate(FQ, G1.add, [...lift(a), ...lift(b)]);
        expect(toAffine(G1, got) ?? [0n, 0n]).to.deep.equal([want.x, want.y]);
        expect(interpret(G1, false, [...lift(a), ...lift(b)])).to.deep.equal(got);
        if (b.x === 0n) continue;
        const mixed = evaluate(FQ, G1.addMixed, [...lift(a), b.x, b.y]);
        expect(toAffine(G1, mixed) ?? [0n, 0n]).to.deep.equal([want.x, want.y]);
        expect(interpret(G1, true, [...lift(a), b.x, b.y])).to.deep.equal(mixed);
      }
    }
  });

  it("agrees in G2 with multiples of the generator", async () => {
    const curve = await Curve.load();
    const flat = (k: bigint): bigint[] => {
      const p = curve.mulG2(G2_GENERATOR, k);
      return [p.xRe, p.xIm, p.yRe, p.yIm];
    };
    const identity = [0n, 0n, 1n, 0n, 0n, 0n];
    for (const [a, b] of [
      [1n, 1n],
      [2n, 3n],
      [5n, 123456789n],
    ] as const) {
      const one = [1n, 0n];
      const want = flat(a + b);
      expect(toAffine(G2, evaluate(FQ, G2.add, [...flat(a), ...one, ...flat(b), ...one]))).to.deep.equal(want);
      expect(toAffine(G2, interpret(G2, true, [...flat(a), ...one, ...flat(b)]))).to.deep.equal(want);
      expect(toAffine(G2, evaluate(FQ, G2.add, [...identity, ...flat(a), ...one]))).to.deep.equal(flat(a));
      const [xr, xi, yr, yi] = flat(a) as [bigint, bigint, bigint, bigint];
      const negated = [xr, xi, Fq.neg(yr), Fq.neg(yi)];
      expect(toAffine(G2, evaluate(FQ, G2.addMixed, [...flat(a), ...one, ...negated]))).to.equal(undefined);
    }
  });
});
