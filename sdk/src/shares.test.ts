import { expect } from "chai";
import { codeThrown } from "../../test/utils/codeOf.ts";
import { seededInt, seededRandom, testSeed } from "../../test/vectors/seeded.ts";
import { CommitKey } from "./commitment.ts";
import { Curve, equalG1, type G1 } from "./curve.ts";
import { EncodingError, ShareError } from "./errors.ts";
import { Fr, FR_MODULUS } from "./field.ts";
import { randomFrVector } from "./random.ts";
import {
  checkShare,
  commitCoefficients,
  lagrangeWeights,
  reconstruct,
  type Share,
  shareCoefficients,
  shareCommitment,
  shareFor,
  sumShares,
} from "./shares.ts";
import { insecureSrs } from "./srs.ts";
import { updateVector } from "./update.ts";

describe("shares", () => {
  const n = 16;
  const seed = testSeed();
  const random = seededRandom(seed);
  let curve: Curve;
  let key: CommitKey;
  before(async () => {
    console.log(`      seed ${seed}`);
    curve = await Curve.load();
    key = await CommitKey.create(curve, await insecureSrs(curve, n));
  });

  async function member(threshold: number) {
    const values = Array.from({ length: n }, () => seededInt(random, -32768n, 32767n));
    const secret = updateVector(values, randomFrVector(4, random));
    const coefficients = shareCoefficients(n + 4, threshold, random);
    return { secret, coefficients, c: await key.commit(secret), a: await commitCoefficients(key, coefficients) };
  }

  const bump = (share: Share, j: number, by: bigint): Share => ({
    s: share.s,
    words: share.words.map((w, i) => (i === j ? Fr.from(w + by) : w)),
  });

  it("every share commits to C + Σ s^k A_k, and any t + 1 of them give the secret back", async () => {
    for (const [nodes, threshold] of [
      [2, 1],
      [3, 1],
      [5, 2],
      [7, 4],
    ] as const) {
      const { secret, coefficients, c, a } = await member(threshold);
      const shares = Array.from({ length: nodes }, (_, i) => shareFor(secret, coefficients, i + 1));
      for (const share of shares) expect(await checkShare(key, share, c, a)).to.equal(true);
      for (let start = 0; start + threshold < nodes; start++) {
        const subset = shares.slice(start, start + threshold + 1).reverse();
        expect(reconstruct(subset, threshold)).to.deep.equal(secret);
      }
      expect(reconstruct(shares, threshold)).to.deep.equal(secret);
    }
  });

  it("P3: t shares fit every secret, so they tell nothing about it", async () => {
    const { secret, coefficients } = await member(2);
    const seen = [shareFor(secret, coefficients, 1), shareFor(secret, coefficients, 4)];
    const other = randomFrVector(n + 4, random);
    // the polynomial through (0, other) and the two shares explains what the two nodes saw
    const at = (s: number): Share => ({
      s,
      words: other.map((v, i) => {
        const x = BigInt(s);
        const basis = (p: bigint, q: bigint, r: bigint): bigint =>
          Fr.mul(Fr.from((x - q) * (x - r)), Fr.inverse(Fr.from((p - q) * (p - r))));
        return Fr.from(
          v * basis(0n, 1n, 4n) + seen[0]!.words[i]! * basis(1n, 0n, 4n) + seen[1]!.words[i]! * basis(4n, 0n, 1n),
        );
      }),
    });
    expect(reconstruct([...seen, at(2)], 2)).to.deep.equal(other);
    expect(reconstruct([...seen, shareFor(secret, coefficients, 2)], 2)).to.deep.equal(secret);
  });

  it("[attack 31] a share that does not fit the published A is refused, whichever word is off", async () => {
    const { secret, coefficients, c, a } = await member(1);
    const share = shareFor(secret, coefficients, 2);
    for (const j of [0, n - 1, n, n + 3]) expect(await checkShare(key, bump(share, j, 1n), c, a)).to.equal(false);
    const other = shareFor(secret, shareCoefficients(n + 4, 1, random), 2);
    expect(await checkShare(key, other, c, a), "another polynomial").to.equal(false);
    expect(await checkShare(key, { ...share, s: 1 }, c, a), "another node's position").to.equal(false);
  });

  it("[attack 139] a corrupt share is refused by commitment, and by the others when too many are given", async () => {
    const { secret, coefficients, c, a } = await member(1);
    const shares = [1, 2, 3].map((s) => shareFor(secret, coefficients, s));
    const corrupt = bump(shares[2]!, 4, FR_MODULUS >> 1n);
    expect(await checkShare(key, corrupt, c, a)).to.equal(false);
    expect(() => reconstruct([shares[0]!, shares[1]!, corrupt], 1))
      .to.throw(ShareError)
      .with.property("code", "INCONSISTENT_SHARES");
    const alias = { s: 1, words: shares[0]!.words.map((w, i) => (i === 0 ? w + FR_MODULUS : w)) };
    expect(await checkShare(key, alias, c, a).catch((error) => error)).to.be.instanceOf(EncodingError);
    expect(() => reconstruct([alias, shares[1]!], 1))
      .to.throw(EncodingError)
      .with.property("code", "NON_CANONICAL");
  });

  it("[attack 34] [attack 35] a node's sum that is off by one, or over another set, changes the result and fails its check", async () => {
    const members = [await member(1), await member(1), await member(1)];
    const rows = [1, 2, 3].map((s) => members.map((m) => shareFor(m.secret, m.coefficients, s)));
    const sums = rows.map(sumShares);
    const c = curve.sum(members.map((m) => m.c));
    const a = [curve.sum(members.map((m) => m.a[0]!))];
    const total = members[0]!.secret.map((_, i) => Fr.from(members.reduce((sum, m) => sum + m.secret[i]!, 0n)));
    for (const sum of sums) expect(await checkShare(key, sum, c, a)).to.equal(true);
    expect(reconstruct(sums.slice(1), 1), "P2").to.deep.equal(total);

    for (const by of [1n, -1n]) {
      const wrong = bump(sums[0]!, 3, by);
      expect(await checkShare(key, wrong, c, a)).to.equal(false);
      expect(reconstruct([wrong, sums[1]!], 1)).to.not.deep.equal(total);
      expect(equalG1(await key.commit(reconstruct([wrong, sums[1]!], 1)), c)).to.equal(false);
    }
    const otherSet = sumShares(rows[0]!.slice(0, 2));
    expect(await checkShare(key, otherSet, c, a)).to.equal(false);
    const smaller = (points: G1[]): G1 => curve.sum(points.slice(0, 2));
    const [cOther, aOther] = [smaller(members.map((m) => m.c)), smaller(members.map((m) => m.a[0]!))];
    expect(await checkShare(key, otherSet, cOther, [aOther])).to.equal(true);
  });

  it("positions, counts and lengths are checked", async () => {
    const { secret, coefficients, c, a } = await member(1);
    for (const s of [0, -1, 256, 1.5, Number.NaN]) {
      expect(() => shareFor(secret, coefficients, s), String(s))
        .to.throw(ShareError)
        .with.property("code", "NODE_INDEX");
      expect(() => shareCommitment(curve, c, a, s)).to.throw(ShareError);
    }
    const [one, two] = [shareFor(secret, coefficients, 1), shareFor(secret, coefficients, 2)];
    expect(codeThrown(() => reconstruct([one], 1))).to.equal("TOO_FEW_SHARES");
    expect(codeThrown(() => reconstruct([one, one], 1))).to.equal("DUPLICATE_NODE");
    expect(codeThrown(() => reconstruct([one, two, two], 1))).to.equal("DUPLICATE_NODE");
    expect(codeThrown(() => reconstruct([one, { s: 2, words: two.words.slice(1) }], 1))).to.equal("LENGTH");
    expect(codeThrown(() => sumShares([]))).to.equal("EMPTY_SET");
    expect(codeThrown(() => sumShares([one, two]))).to.equal("NODE_MIX");
    expect(codeThrown(() => sumShares([one, { s: 1, words: one.words.slice(1) }]))).to.equal("LENGTH");
    expect(codeThrown(() => shareFor(secret, [coefficients[0]!.slice(1)], 1))).to.equal("LENGTH");
    expect(codeThrown(() => shareCoefficients(4, 0))).to.equal("NODE_INDEX");
    expect(codeThrown(() => lagrangeWeights([1, 1], 0n))).to.equal("DUPLICATE_NODE");
  });
});
