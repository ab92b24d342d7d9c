import { expect } from "chai";
import { seededInt, seededRandom, testSeed } from "../../test/vectors/seeded.ts";
import { CommitKey, coefficients, evaluate, verifyOpening } from "./commitment.ts";
import { Curve, G1_GENERATOR, G2_GENERATOR } from "./curve.ts";
import { Domain } from "./domain.ts";
import { aggregateHash, updateHash } from "./encoding.ts";
import { CurveError, EncodingError } from "./errors.ts";
import { Fr, FR_MODULUS } from "./field.ts";
import { randomFr, randomFrVector } from "./random.ts";
import { INSECURE_TAU, insecureSrs } from "./srs.ts";
import { squaredNorm, updateVector } from "./update.ts";

describe("commitments and openings", () => {
  const n = 16;
  const domain = Domain.of(n);
  const seed = testSeed();
  const random = seededRandom(seed);
  let curve: Curve;
  let key: CommitKey;
  before(async () => {
    console.log(`      seed ${seed}`);
    curve = await Curve.load();
    key = await CommitKey.create(curve, await insecureSrs(curve, n));
  });

  const update = (): bigint[] => Array.from({ length: n }, () => seededInt(random, -32768n, 32767n));
  const vectorOf = (u: bigint[]): bigint[] => updateVector(u, randomFrVector(4, random));
  const addVectors = (a: bigint[], b: bigint[]): bigint[] => a.map((v, i) => Fr.add(v, b[i]!));

  it("a commitment is p(τ)·G, and values, coefficients and evaluation describe one p", async () => {
    for (const vector of [
      vectorOf(update()),
      randomFrVector(n + 4, random),
      updateVector(
        update().map(() => 0n),
        [0n, 0n, 0n, 0n],
      ),
    ]) {
      const horner = (z: bigint): bigint => coefficients(vector).reduceRight((sum, c) => Fr.from(sum * z + c), 0n);
      const z = randomFr(random);
      expect(evaluate(vector, z)).to.equal(horner(z));
      expect(domain.elements.map((w) => evaluate(vector, w))).to.deep.equal(vector.slice(0, n));
      expect(await key.commit(vector)).to.deep.equal(curve.mul(G1_GENERATOR, horner(INSECURE_TAU)));
    }
  });

  it("is additively homomorphic with integer weights", async () => {
    const [a, b] = [vectorOf(update()), vectorOf(update())];
    const sum = addVectors(
      a,
      b.map((v) => Fr.mul(v, 77n)),
    );
    const expected = curve.add(await key.commit(a), curve.mul(await key.commit(b), 77n));
    expect(await key.commit(sum)).to.deep.equal(expected);
  });

  it("openings verify at random points, at 0 and on H, and only with the right y, W, C and [τ]_2", async () => {
    const vector = vectorOf(update());
    const c = await key.commit(vector);
    for (const z of [randomFr(random), 0n, domain.elements[5]!]) {
      const opening = await key.open(vector, z);
      expect(opening.y).to.equal(evaluate(vector, z));
      expect(await key.verifyOpening(c, z, opening)).to.equal(true);
      expect(await key.verifyOpening(c, z, { ...opening, y: Fr.add(opening.y, 1n) }), "[attack 9] y+1").to.equal(false);
      expect(await key.verifyOpening(c, z, { ...opening, w: curve.neg(opening.w) })).to.equal(false);
      expect(await key.verifyOpening(curve.neg(c), z, opening), "[attack 15] −C").to.equal(false);
      expect(await key.verifyOpening(curve.add(c, G1_GENERATOR), z, opening), "[attack 14] C+[δ]").to.equal(false);
      const foreign = curve.mulG2(G2_GENERATOR, 12345n);
      expect(await verifyOpening(curve, foreign, c, z, opening), "[attack 159] foreign [τ]_2").to.equal(false);
    }
  });

  it("[attack 10] [attack 11] aliases y + r and z + r are refused, not reduced", async () => {
    const vector = vectorOf(update());
    const c = await key.commit(vector);
    const z = randomFr(random);
    const opening = await key.open(vector, z);
    const rejected = async (point: bigint, y: bigint): Promise<unknown> =>
      key.verifyOpening(c, point, { ...opening, y }).catch((error) => error);
    expect(await rejected(z, opening.y + FR_MODULUS)).to.be.instanceOf(EncodingError);
    expect(await rejected(z + FR_MODULUS, opening.y)).to.be.instanceOf(EncodingError);
    const offCurve = { y: opening.y, w: { x: 1n, y: 1n } };
    expect(await key.verifyOpening(c, z, offCurve).catch((error) => error)).to.be.instanceOf(CurveError);
  });

  it("vectors of a wrong length or with non-canonical words are refused", async () => {
    const vector = vectorOf(update());
    for (const bad of [vector.slice(1), [...vector, 0n], [FR_MODULUS, ...vector.slice(1)], [-1n, ...vector.slice(1)]]) {
      expect(await key.commit(bad).catch((error) => error)).to.be.instanceOf(EncodingError);
      expect(await key.open(bad, 1n).catch((error) => error)).to.be.instanceOf(EncodingError);
    }
    expect(await key.open(vector, FR_MODULUS).catch((error) => error)).to.be.instanceOf(EncodingError);
  });

  it("[attack 25] a polynomial of higher degree that agrees on H has no opening for the circuit's y", async () => {
    const vector = vectorOf(update());
    // p'(X) = p(X) + X^7·Z(X): same values on all of H, outside the four blinded degrees
    const extra = (z: bigint): bigint => Fr.mul(Fr.pow(z, 7n), domain.vanishingAt(z));
    const p = (z: bigint): bigint => Fr.add(evaluate(vector, z), extra(z));
    for (const w of domain.elements) expect(p(w)).to.equal(evaluate(vector, w));
    const forged = curve.mul(G1_GENERATOR, p(INSECURE_TAU));
    const r = randomFr(random);
    const witness = (y: bigint): bigint => Fr.mul(Fr.sub(p(INSECURE_TAU), y), Fr.inverse(Fr.sub(INSECURE_TAU, r)));
    const honest = await key.open(vector, r);
    // the opening that does exist is of p'(r), which is not the y that the circuit computes from values and blinders
    const real = { y: p(r), w: curve.mul(G1_GENERATOR, witness(p(r))) };
    expect(await key.verifyOpening(forged, r, real)).to.equal(true);
    expect(real.y).to.not.equal(honest.y);
    expect(await key.verifyOpening(forged, r, honest)).to.equal(false);
    expect(await key.verifyOpening(forged, r, { ...real, y: honest.y })).to.equal(false);
  });

  it("[attack 26] a non-zero padding row is committed, counted in the norm and changes nothing else", async () => {
    const padded = [...update().slice(0, n - 2), 0n, 0n];
    const smuggled = [...padded.slice(0, n - 1), 9n];
    expect(squaredNorm(smuggled) - squaredNorm(padded)).to.equal(81n);
    const rho = randomFrVector(4, random);
    const [a, b] = [updateVector(padded, rho), updateVector(smuggled, rho)];
    expect(await key.commit(a)).to.not.deep.equal(await key.commit(b));
    expect(updateHash(padded, rho)).to.not.equal(updateHash(smuggled, rho));
    expect(b.slice(0, n - 1)).to.deep.equal(a.slice(0, n - 1));
  });

  it("[attack 27] an opening for another r is refused", async () => {
    const vector = vectorOf(update());
    const c = await key.commit(vector);
    const [r, other] = [randomFr(random), randomFr(random)];
    const opening = await key.open(vector, other);
    expect(await key.verifyOpening(c, other, opening)).to.equal(true);
    expect(await key.verifyOpening(c, r, opening)).to.equal(false);
    expect(await key.verifyOpening(c, r, { ...opening, y: evaluate(vector, r) })).to.equal(false);
  });

  it("[attack 156] openings of one C: one fits every update, four single out the true one", async () => {
    const [truth, guess] = [update(), update()];
    const vector = vectorOf(truth);
    const points = randomFrVector(4, random);

    // One opening hides: with blinders unknown, any guess has blinders that give the same C and the same y.
    const explained = solveBlinders(guess, vector, [INSECURE_TAU, points[0]!]);
    expect(await key.commit(explained)).to.deep.equal(await key.commit(vector));
    expect(await key.open(explained, points[0]!)).to.deep.equal(await key.open(vector, points[0]!));

    // Each further context that re-used the C would reveal one more equation; after four, a guess is tested outright.
    const wrong = solveBlinders(guess, vector, points);
    const right = solveBlinders(truth, vector, points);
    expect(points.map((z) => evaluate(wrong, z))).to.deep.equal(points.map((z) => evaluate(vector, z)));
    expect(await key.commit(wrong)).to.not.deep.equal(await key.commit(vector));
    expect(await key.commit(right)).to.deep.equal(await key.commit(vector));
    expect(right).to.deep.equal(vector);
  });

  it("hashes of a model and of an update with equal words differ by kind", () => {
    const vector = vectorOf(update());
    expect(aggregateHash(vector)).to.not.equal(
      updateHash(
        vector.slice(0, n).map((v) => (v > 65535n ? v - FR_MODULUS : v)),
        vector.slice(n),
      ),
    );
  });

  /** `values` with blinders that make its polynomial meet that of `target` at all `points` (at most four). */
  function solveBlinders(values: bigint[], target: bigint[], points: bigint[]): bigint[] {
    const plain = updateVector(values, [0n, 0n, 0n, 0n]);
    // ρ interpolates (target(z) - values(z)) / Z(z)
    const needed = points.map((z) => {
      const gap = Fr.sub(evaluate(target, z), evaluate(plain, z));
      return Fr.mul(gap, Fr.inverse(domain.vanishingAt(z)));
    });
    let rho = [0n, 0n, 0n, 0n];
    points.forEach((zi, i) => {
      let basis = [needed[i]!, 0n, 0n, 0n];
      points.forEach((zj, j) => {
        if (i === j) return;
        const scale = Fr.inverse(Fr.sub(zi, zj));
        basis = basis.map((_, d) => Fr.mul(scale, Fr.from((basis[d - 1] ?? 0n) - zj * basis[d]!)));
      });
      rho = rho.map((v, d) => Fr.add(v, basis[d]!));
    });
    return [...plain.slice(0, n), ...rho];
  }
});
