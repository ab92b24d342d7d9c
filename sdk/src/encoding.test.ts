import { expect } from "chai";
import { seededInt, seededRandom, testSeed } from "../../test/vectors/seeded.ts";
import {
  aggregateHash,
  CHAIN,
  chainHash,
  chunkHashes,
  chunkWords,
  CHUNK_WORDS,
  decodeWords,
  encodeWords,
  hashChunks,
  inputHash,
  lift,
  lower,
  packLimbs,
  updateHash,
} from "./encoding.ts";
import { EncodingError } from "./errors.ts";
import { FR_MODULUS } from "./field.ts";
import { packWords } from "./bytes.ts";
import { randomFrVector } from "./random.ts";

describe("encodings", () => {
  const seed = testSeed();
  const random = seededRandom(seed);
  before(() => console.log(`      seed ${seed}`));
  const values = (n: number): bigint[] => Array.from({ length: n }, () => seededInt(random, -32768n, 32767n));

  it("lift undoes lower over the whole centred range", () => {
    const half = FR_MODULUS >> 1n;
    const all = [-half, half, -1n, 0n, 1n, ...values(50)];
    expect(lift(lower(all))).to.deep.equal(all);
    expect(lower([-1n])).to.deep.equal([FR_MODULUS - 1n]);
    for (const bad of [half + 1n, -half - 1n]) expect(() => lower([bad])).to.throw(EncodingError);
    expect(() => lift([FR_MODULUS])).to.throw(EncodingError);
  });

  it("limbs pack 15 shifted values, low first, and unpack to the same values", () => {
    for (const n of [1, 15, 16, 128]) {
      const u = values(n);
      const limbs = packLimbs(u);
      expect(limbs.length).to.equal(Math.ceil(n / 15));
      const back = u.map((_, i) => ((limbs[Math.floor(i / 15)]! >> BigInt(16 * (i % 15))) & 0xffffn) - 32768n);
      expect(back).to.deep.equal(u);
      if (n % 15 !== 0) expect(limbs.at(-1)! >> BigInt(16 * (n % 15)), "absent positions are 0").to.equal(0n);
    }
  });

  it("[attack 1] [attack 2] [attack 3] values outside 16 bits are refused by index, never shown", () => {
    for (const bad of [32768n, -32769n, 1n << 253n]) {
      expect(() => packLimbs([0n, bad]))
        .to.throw(EncodingError, /^coordinate 1 is outside \[-2\^15, 2\^15\)$/)
        .with.property("code", "VALUE_RANGE");
    }
    expect(packLimbs([-32768n, 32767n])).to.deep.equal([0xffff0000n]);
  });

  it("every input of a chain changes it: value, blinder, order, length, size, kind", () => {
    const u = values(16);
    const rho = randomFrVector(4, random);
    const h = updateHash(u, rho);
    const others = [
      updateHash(
        u.map((v, i) => (i === 15 ? (v === 0n ? 1n : 0n) : v)),
        rho,
      ),
      updateHash(u, [rho[1]!, rho[0]!, rho[2]!, rho[3]!]),
      updateHash(u, [...rho.slice(0, 3), (rho[3]! + 1n) % FR_MODULUS]),
      updateHash([...u, 0n], rho),
      aggregateHash([...lower(u), ...rho]),
      inputHash(u, rho[0]!),
      chainHash(32, CHAIN.update, [...packLimbs(u), ...rho]),
      chainHash(16, CHAIN.inference, [...packLimbs(u), ...rho]),
    ];
    expect(new Set([h, ...others]).size).to.equal(others.length + 1);
    expect(() => updateHash(u, rho.slice(1))).to.throw(EncodingError);
    expect(() => chainHash(16, CHAIN.aggregate, [FR_MODULUS])).to.throw(EncodingError);
  });

  it("vectors on the wire: only whole, canonical words", () => {
    const words = randomFrVector(10, random);
    expect(decodeWords(encodeWords(words))).to.deep.equal(words);
    expect(() => decodeWords(encodeWords(words).subarray(1)))
      .to.throw(EncodingError)
      .with.property("code", "WORD_BYTES");
    for (const alias of [FR_MODULUS, FR_MODULUS + words[0]!, (1n << 256n) - 1n]) {
      expect(() => decodeWords(packWords([0n, alias])))
        .to.throw(EncodingError, /^word 1 /)
        .with.property("code", "NON_CANONICAL");
      expect(() => encodeWords([alias])).to.throw(EncodingError);
    }
  });

  it("chunks hold 2,000 words, the last one fewer, and join to the whole", () => {
    const words = Array.from({ length: CHUNK_WORDS + 1 }, (_, i) => BigInt(i));
    const chunks = chunkWords(words);
    expect(chunks.map((c) => c.length)).to.deep.equal([64_000, 32]);
    expect(chunks.flatMap((c) => decodeWords(c))).to.deep.equal(words);
    expect(chunkWords(words.slice(1)).length).to.equal(1);
    expect(chunkWords([])).to.deep.equal([]);
    expect(hashChunks(packWords(words))).to.deep.equal(chunkHashes(words));
    expect(hashChunks(packWords([FR_MODULUS]))[0], "malformed bytes can be named").to.match(/^0x[0-9a-f]{64}$/);
  });
});
