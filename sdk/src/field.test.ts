import { expect } from "chai";
import { seededInt, seededRandom, testSeed } from "../../test/vectors/seeded.ts";
import { bytesToBigint, packWords, wordBytes } from "./bytes.ts";
import { Domain, rootOfUnity } from "./domain.ts";
import { EncodingError } from "./errors.ts";
import { Fq, Fr, FR_MODULUS } from "./field.ts";
import { randomFr, randomFrVector, randomNonZeroFr, systemRandom } from "./random.ts";

describe("fields, words and domains", () => {
  const seed = testSeed();
  const random = seededRandom(seed);
  before(() => console.log(`      seed ${seed}`));

  it("field operations agree with integers modulo the prime", () => {
    for (const field of [Fr, Fq]) {
      for (let i = 0; i < 200; i++) {
        const [a, b] = [0, 1].map(() => seededInt(random, 1n, field.modulus - 1n)) as [bigint, bigint];
        expect(field.add(a, field.neg(a))).to.equal(0n);
        expect(field.sub(a, b)).to.equal(field.from(a - b));
        expect(field.mul(a, field.inverse(a))).to.equal(1n);
        expect(field.pow(a, field.modulus - 1n)).to.equal(1n);
      }
    }
    const values = randomFrVector(20, random).map((v) => v + 1n);
    expect(Fr.inverses(values)).to.deep.equal(values.map((v) => Fr.inverse(v)));
    expect(() => Fr.inverse(0n)).to.throw(EncodingError);
    expect(() => Fr.inverses([1n, 0n])).to.throw(EncodingError);
  });

  it("non-canonical values are refused without being named", () => {
    for (const bad of [-1n, FR_MODULUS, FR_MODULUS + 7n, 1n << 256n]) {
      expect(Fr.isCanonical(bad)).to.equal(false);
      expect(() => Fr.assertCanonical(bad, "share word 3"))
        .to.throw(EncodingError, /^share word 3 is not a canonical element of F_r$/)
        .with.property("code", "NON_CANONICAL");
    }
  });

  it("words are 32 bytes, big-endian, of values below 2^256", () => {
    expect(packWords([1n])[31]).to.equal(1);
    for (const v of [0n, 1n, FR_MODULUS, (1n << 256n) - 1n]) expect(bytesToBigint(wordBytes(v))).to.equal(v);
    expect(() => wordBytes(1n << 256n)).to.throw(EncodingError);
    expect(() => wordBytes(-1n)).to.throw(EncodingError);
    expect(bytesToBigint(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9))).to.equal(0x010203040506070809n);
  });

  it("random scalars reduce 512 bits, so that the top of the range is as likely as the rest", () => {
    const ones: number[] = [];
    const recording = (length: number): Uint8Array => {
      ones.push(length);
      return new Uint8Array(length).fill(0xff);
    };
    expect(randomFr(recording)).to.equal(((1n << 512n) - 1n) % FR_MODULUS);
    expect(ones).to.deep.equal([64]);
    const zeros = (length: number): Uint8Array => new Uint8Array(length);
    expect(randomNonZeroFr(zeros)).to.equal(1n);
    expect(systemRandom(100_000).some((b) => b !== 0)).to.equal(true);
    expect(new Set(randomFrVector(50)).size).to.equal(50);
  });

  it("ω is a primitive root of order 2^k, and sizes that are no power of two are refused", () => {
    for (const k of [1, 4, 7, 12, 28]) {
      expect(Fr.pow(rootOfUnity(k), 1n << BigInt(k - 1))).to.equal(FR_MODULUS - 1n);
    }
    for (const n of [0, 1, 3, 100, -4, 1.5, 2 ** 22, Number.NaN]) {
      expect(() => Domain.of(n), String(n)).to.throw(EncodingError);
    }
    expect(() => rootOfUnity(29)).to.throw(EncodingError);
  });

  it("transform, inverse transform and barycentric evaluation describe one polynomial", () => {
    for (const n of [2, 16, 64]) {
      const domain = Domain.of(n);
      const values = randomFrVector(n, random);
      const coefficients = domain.interpolate(values);
      const horner = (z: bigint): bigint => coefficients.reduceRight((sum, c) => Fr.from(sum * z + c), 0n);
      expect(domain.evaluateOnDomain(coefficients)).to.deep.equal(values);
      expect(domain.elements.map(horner)).to.deep.equal(values);
      for (const z of [randomFr(random), 0n, domain.elements[n - 1]!]) {
        const lagrange = domain.lagrangeAt(z);
        expect(Fr.from(values.reduce((sum, v, j) => sum + v * lagrange[j]!, 0n))).to.equal(horner(z));
      }
    }
    expect(() => Domain.of(16).interpolate([1n])).to.throw(EncodingError);
  });
});
