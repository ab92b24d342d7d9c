import { FQ_MODULUS, type G2 } from "@mednexus/sdk";
import { bn254 } from "@noble/curves/bn254.js";

const toNoble = (p: { xIm: bigint; xRe: bigint; yIm: bigint; yRe: bigint }) =>
  bn254.G2.Point.fromAffine({ x: { c0: p.xRe, c1: p.xIm }, y: { c0: p.yRe, c1: p.yIm } });

/** Sum of two points of the twist. */
export function addG2(p: G2, q: G2): G2 {
  const { x, y } = toNoble(p).add(toNoble(q)).toAffine();
  return { xIm: x.c1, xRe: x.c0, yIm: y.c1, yRe: y.c0 };
}

/** −p of a point that is not infinity. */
export const negG2 = (p: G2): G2 => ({ ...p, yIm: FQ_MODULUS - p.yIm, yRe: FQ_MODULUS - p.yRe });

/** The twist has about q² points and G2 only r of them: the first point found is outside. */
export function twistPointOutsideG2(): G2 {
  const { Fp2 } = bn254.fields;
  const b = Fp2.div(Fp2.fromBigTuple([3n, 0n]), Fp2.fromBigTuple([9n, 1n]));
  for (let i = 1n; ; i++) {
    const x = Fp2.fromBigTuple([i, 1n]);
    try {
      const y = Fp2.sqrt(Fp2.add(Fp2.mul(Fp2.sqr(x), x), b));
      return { xIm: x.c1, xRe: x.c0, yIm: y.c1, yRe: y.c0 };
    } catch {
      // not a square
    }
  }
}
