import { expect } from "chai";
import { seededRandom, testSeed } from "../../test/vectors/seeded.ts";
import { writeWord } from "./bytes.ts";
import { CommitKey } from "./commitment.ts";
import { Curve, G1_GENERATOR, type G2, G2_GENERATOR } from "./curve.ts";
import { CurveError, SrsError } from "./errors.ts";
import { Fq, Fr } from "./field.ts";
import { randomFrVector, randomNonZeroFr } from "./random.ts";
import { deserializeSrs, insecureSrs, isInsecureSrs, serializeSrs, type Srs, srsFromPtau, verifySrs } from "./srs.ts";

describe("reference strings", () => {
  const n = 16;
  const seed = testSeed();
  const random = seededRandom(seed);
  const tau = randomNonZeroFr(random);
  let curve: Curve;
  let srs: Srs;
  before(async () => {
    console.log(`      seed ${seed}`);
    curve = await Curve.load();
    srs = await insecureSrs(curve, n, tau);
  });

  /** iden3's binary format: magic, version 1, sections; points affine, little-endian Montgomery. */
  function ptau(points: Srs["powers"], tauG2: G2): Uint8Array {
    const montgomery = (coordinates: bigint[]): Uint8Array => {
      const out = new Uint8Array(32 * coordinates.length);
      coordinates.forEach((c, i) => writeWord(out, 32 * i, Fq.mul(c, Fq.from(1n << 256n)), true));
      return out;
    };
    const header = new Uint8Array(44);
    header[0] = 32;
    writeWord(header, 4, Fq.modulus, true);
    const inG2 = (p: G2): bigint[] => [p.xRe, p.xIm, p.yRe, p.yIm];
    const sections: [number, Uint8Array][] = [
      [1, header],
      [2, montgomery(points.flatMap((p) => [p.x, p.y]))],
      [3, montgomery([...inG2(G2_GENERATOR), ...inG2(tauG2)])],
    ];
    const parts: Uint8Array[] = [new TextEncoder().encode("ptau"), Uint8Array.of(1, 0, 0, 0, 3, 0, 0, 0)];
    for (const [id, body] of sections) {
      const head = new Uint8Array(12);
      new DataView(head.buffer).setUint32(0, id, true);
      new DataView(head.buffer).setBigUint64(4, BigInt(body.length), true);
      parts.push(head, body);
    }
    return Uint8Array.from(parts.flatMap((part) => [...part]));
  }

  const failure = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error) => error);

  it("a powers-of-tau file gives the same bases as the known τ behind it", async () => {
    const read = await srsFromPtau(curve, n, ptau(srs.powers, srs.tauG2), random);
    expect(read).to.deep.equal(srs);
    const vector = randomFrVector(n + 4, random);
    const [one, two] = [await CommitKey.create(curve, srs), await CommitKey.create(curve, read)];
    expect(await one.commit(vector)).to.deep.equal(await two.commit(vector));
  });

  it("a tampered or short file is refused", async () => {
    const good = ptau(srs.powers, srs.tauG2);
    const wrongPower = srs.powers.map((p, i) => (i === n ? curve.add(p, G1_GENERATOR) : p));
    const wrongG2 = curve.mulG2(G2_GENERATOR, Fr.add(tau, 1n));
    const inconsistent = [ptau(wrongPower, srs.tauG2), ptau(srs.powers, wrongG2), ptau(srs.powers.slice(1), srs.tauG2)];
    for (const file of inconsistent.slice(0, 2)) {
      const error = await failure(srsFromPtau(curve, n, file, random));
      expect(error).to.be.instanceOf(SrsError).with.property("code", "SRS_INCONSISTENT");
    }
    expect(await failure(srsFromPtau(curve, n, inconsistent[2]!, random))).to.have.property("code", "PTAU_TOO_SMALL");
    for (const file of [good.slice(0, 40), good.slice(4), new Uint8Array(0), good.slice(0, -1)]) {
      expect(await failure(srsFromPtau(curve, n, file, random))).to.have.property("code", "PTAU_FORMAT");
    }
    const otherField = good.slice();
    otherField[30]! ^= 1;
    expect(await failure(srsFromPtau(curve, n, otherField, random))).to.have.property("code", "PTAU_FORMAT");
    const offCurve = good.slice();
    offCurve[12 + 12 + 44 + 12 + 64]! ^= 1;
    expect(await failure(srsFromPtau(curve, n, offCurve, random))).to.be.instanceOf(CurveError);
  });

  it("a cached reference string comes back whole or not at all", async () => {
    const bytes = serializeSrs(srs);
    expect(await deserializeSrs(curve, bytes, random)).to.deep.equal(srs);
    for (const bad of [bytes.slice(32), bytes.slice(0, -32), bytes.slice(0, 8), new Uint8Array(0)]) {
      expect(await failure(deserializeSrs(curve, bad, random))).to.have.property("code", "SRS_FORMAT");
    }
    for (const swapped of [srs.lagrange.with(0, srs.lagrange[1]!), srs.lagrange.with(3, srs.powers[3]!)]) {
      const error = await failure(deserializeSrs(curve, serializeSrs({ ...srs, lagrange: swapped }), random));
      expect(error).to.have.property("code", "SRS_INCONSISTENT");
    }
  });

  it("verification refuses a wrong start, wrong powers, wrong Lagrange points", async () => {
    await verifySrs(curve, srs, random);
    const doubled = srs.powers.map((p) => curve.add(p, p));
    const variants: Srs[] = [
      { ...srs, powers: doubled, lagrange: srs.lagrange.map((p) => curve.add(p, p)) },
      { ...srs, powers: srs.powers.with(n + 3, srs.powers[0]!) },
      { ...srs, powers: srs.powers.slice(1) },
      { ...srs, lagrange: srs.lagrange.toReversed() },
    ];
    for (const bad of variants) {
      expect(await failure(verifySrs(curve, bad, random))).to.have.property("code", "SRS_INCONSISTENT");
    }
  });

  it("the public development reference string is recognised", async () => {
    const development = await insecureSrs(curve, n);
    expect(isInsecureSrs(curve, development.powers[1]!)).to.equal(true);
    expect(isInsecureSrs(curve, srs.powers[1]!)).to.equal(false);
  });
});
