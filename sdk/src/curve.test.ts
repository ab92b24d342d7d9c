import { spawnSync } from "node:child_process";
import { expect } from "chai";
import { seededInt, seededRandom, testSeed } from "../../test/vectors/seeded.ts";
import { Curve, equalG1, type G1, G1_GENERATOR, G1_INFINITY, G2_GENERATOR, G2_INFINITY, isG1 } from "./curve.ts";
import { CurveError, EncodingError } from "./errors.ts";
import { Fq, Fr, FQ_MODULUS, FR_MODULUS } from "./field.ts";
import { randomFr } from "./random.ts";

/** Affine addition in bigints: the second implementation that the WebAssembly one is held against. */
function affineAdd(a: G1, b: G1): G1 {
  if (equalG1(a, G1_INFINITY)) return b;
  if (equalG1(b, G1_INFINITY)) return a;
  if (a.x === b.x && a.y !== b.y) return G1_INFINITY;
  const slope = equalG1(a, b)
    ? Fq.mul(3n * a.x * a.x, Fq.inverse(Fq.from(2n * a.y)))
    : Fq.mul(Fq.sub(b.y, a.y), Fq.inverse(Fq.sub(b.x, a.x)));
  const x = Fq.from(slope * slope - a.x - b.x);
  return { x, y: Fq.from(slope * (a.x - x) - a.y) };
}

function affineMul(a: G1, scalar: bigint): G1 {
  let total: G1 = G1_INFINITY;
  for (const bit of scalar.toString(2)) {
    total = affineAdd(total, total);
    if (bit === "1") total = affineAdd(total, a);
  }
  return total;
}

describe("BN254 groups", () => {
  const seed = testSeed();
  const random = seededRandom(seed);
  let curve: Curve;
  before(async () => {
    console.log(`      seed ${seed}`);
    curve = await Curve.load();
  });

  it("addition, negation and multiplication agree with affine formulas, infinity included", () => {
    const points = [G1_INFINITY, G1_GENERATOR, curve.mul(G1_GENERATOR, randomFr(random))];
    for (const a of points) {
      for (const b of [...points, curve.neg(a)]) expect(curve.add(a, b)).to.deep.equal(affineAdd(a, b));
      expect(curve.add(a, curve.neg(a))).to.deep.equal(G1_INFINITY);
      for (const s of [0n, 1n, 2n, FR_MODULUS - 1n, randomFr(random)]) {
        expect(curve.mul(a, s)).to.deep.equal(affineMul(a, s));
      }
    }
    expect(curve.sum([])).to.deep.equal(G1_INFINITY);
    expect(curve.evaluatePolynomial(points[1]!, [points[2]!, points[1]!], 3n)).to.deep.equal(
      curve.sum([points[1]!, curve.mul(points[2]!, 3n), curve.mul(points[1]!, 9n)]),
    );
  });

  it("multi-scalar sums agree with single multiplications at every digit width and with infinity among the points", async () => {
    for (const count of [0, 1, 8, 9, 40]) {
      const logs = Array.from({ length: count }, (_, i) => (i % 7 === 3 ? 0n : randomFr(random)));
      const packed = await curve.pack(logs.map((log) => curve.mul(G1_GENERATOR, log)));
      for (const bits of [0n, 7n, 8n, 15n, 16n, 60n, 127n, 128n, 253n]) {
        const limit = (1n << bits) - 1n;
        // either side of the edge where a digit grows by a byte
        for (const edge of [0n, limit, limit + 1n, -limit - 1n, -limit - 2n]) {
          const scalars = logs.map((_, i) => Fr.from(i === 0 ? edge : seededInt(random, -limit, limit)));
          const expected = Fr.from(logs.reduce((sum, log, i) => sum + log * scalars[i]!, 0n));
          expect(await curve.msm(packed, scalars), `${count} points, ${bits} bits, edge ${edge}`).to.deep.equal(
            curve.mul(G1_GENERATOR, expected),
          );
        }
      }
    }
  });

  it("msm refuses a wrong count and non-canonical scalars", async () => {
    const packed = await curve.pack([G1_GENERATOR]);
    const refusal = async (scalars: bigint[]): Promise<unknown> => curve.msm(packed, scalars).catch((error) => error);
    expect(await refusal([]))
      .to.be.instanceOf(EncodingError)
      .with.property("code", "LENGTH");
    expect(await refusal([FR_MODULUS]))
      .to.be.instanceOf(EncodingError)
      .with.property("code", "NON_CANONICAL");
    expect(await refusal([-1n]))
      .to.be.instanceOf(EncodingError)
      .with.property("code", "NON_CANONICAL");
  });

  it("[attack 19] [attack 20] [attack 21] off-curve points, coordinates at or above q and infinity are refused", async () => {
    const bad = [
      { x: 1n, y: 3n },
      { x: 1n + FQ_MODULUS, y: 2n },
      { x: 1n, y: 2n + FQ_MODULUS },
      { x: 0n, y: FQ_MODULUS },
      { x: -1n, y: 2n },
    ];
    for (const p of bad) {
      expect(isG1(p)).to.equal(false);
      expect(() => curve.add(p, G1_GENERATOR)).to.throw(CurveError);
      expect(() => curve.mul(p, 2n)).to.throw(CurveError);
      expect(() => curve.neg(p)).to.throw(CurveError);
      expect(await curve.pack([p]).catch((error) => error)).to.be.instanceOf(CurveError);
    }
  });

  it("[attack 22] a point on the G2 curve but outside the subgroup is refused", async () => {
    // the twist has a cofactor near q: a point found from a small x is outside the subgroup
    const outside = twistPoint();
    expect(curve.isG2(outside)).to.equal(false);
    const failure = await curve.pairingCheck([[G1_GENERATOR, outside]]).catch((error) => error);
    expect(failure).to.be.instanceOf(CurveError);
    expect(curve.isG2(G2_GENERATOR)).to.equal(true);
    expect(curve.isG2({ ...G2_GENERATOR, xRe: G2_GENERATOR.xRe + FQ_MODULUS })).to.equal(false);
    expect(curve.isG2({ ...G2_GENERATOR, yRe: G2_GENERATOR.yRe + 1n })).to.equal(false);
  });

  it("sums of G2 are sums of logarithms, and take points of the group only", () => {
    const logs = [1n, 5n, FR_MODULUS - 6n, 7n];
    const points = logs.map((log) => curve.mulG2(G2_GENERATOR, log));
    expect(curve.sumG2(points)).to.deep.equal(curve.mulG2(G2_GENERATOR, 7n));
    expect(curve.sumG2(points.slice(0, 3))).to.deep.equal(G2_INFINITY);
    expect(() => curve.sumG2([{ ...points[0]!, xIm: 1n }])).to.throw(CurveError);
  });

  it("the pairing is bilinear and treats infinity as 1", async () => {
    const [a, b] = [randomFr(random), randomFr(random)];
    const left = curve.mul(G1_GENERATOR, a);
    const right = curve.mulG2(G2_GENERATOR, b);
    const product = curve.mul(G1_GENERATOR, Fr.mul(a, b));
    expect(
      await curve.pairingCheck([
        [left, right],
        [curve.neg(product), G2_GENERATOR],
      ]),
    ).to.equal(true);
    expect(
      await curve.pairingCheck([
        [left, right],
        [product, G2_GENERATOR],
      ]),
    ).to.equal(false);
    expect(await curve.pairingCheck([[G1_GENERATOR, G2_INFINITY]])).to.equal(true);
    expect(await curve.pairingCheck([[G1_INFINITY, G2_GENERATOR]])).to.equal(true);
    expect(await curve.pairingCheck([[G1_GENERATOR, G2_GENERATOR]])).to.equal(false);
  });

  it("loading the curve leaves nothing behind that keeps a process alive", () => {
    const script = `import { Curve } from ${JSON.stringify(new URL("./curve.ts", import.meta.url).href)}; await Curve.load(); console.log("done");`;
    const { status, stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      encoding: "utf8",
      timeout: 20_000,
    });
    expect([status, stdout.trim()]).to.deep.equal([0, "done"]);
  });

  /** A point of y² = x³ + 3/(9 + i) found from small x by a square root in F_q². */
  function twistPoint() {
    type F2 = readonly [bigint, bigint];
    const mul = (a: F2, b: F2): F2 => [Fq.from(a[0] * b[0] - a[1] * b[1]), Fq.from(a[0] * b[1] + a[1] * b[0])];
    const inverse = (a: F2): F2 => {
      const norm = Fq.inverse(Fq.from(a[0] * a[0] + a[1] * a[1]));
      return [Fq.mul(a[0], norm), Fq.from(-a[1] * norm)];
    };
    const root = (v: bigint): bigint => Fq.pow(v, (FQ_MODULUS + 1n) / 4n);
    const b = mul([3n, 0n], inverse([9n, 1n]));
    for (let re = 1n; ; re++) {
      const x: F2 = [re, 1n];
      const cube = mul(mul(x, x), x);
      const square: F2 = [Fq.add(cube[0], b[0]), Fq.add(cube[1], b[1])];
      // complex method: |v| = √(re² + im²), y_re = √((re ± |v|)/2), y_im = im / (2·y_re)
      const norm = root(Fq.from(square[0] ** 2n + square[1] ** 2n));
      for (const sign of [norm, Fq.neg(norm)]) {
        const yRe = root(Fq.mul(Fq.add(square[0], sign), Fq.inverse(2n)));
        if (yRe === 0n) continue;
        const y: F2 = [yRe, Fq.mul(square[1], Fq.inverse(Fq.mul(2n, yRe)))];
        const check = mul(y, y);
        if (check[0] === square[0] && check[1] === square[1]) return { xIm: x[1], xRe: x[0], yIm: y[1], yRe: y[0] };
      }
    }
  }
});
