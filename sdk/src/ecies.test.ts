import { expect } from "chai";
import { seededRandom, testSeed } from "../../test/vectors/seeded.ts";
import { Curve, G1_GENERATOR, G1_INFINITY } from "./curve.ts";
import {
  type Ciphertext,
  decryptShare,
  digestOf,
  encryptShare,
  generateKeyPair,
  type KeyPair,
  proveKey,
  revealKey,
  unmask,
  verifyEphemeral,
  verifyKey,
  verifyReveal,
} from "./ecies.ts";
import { CipherError, CurveError, EncodingError } from "./errors.ts";
import { Fr, FR_MODULUS } from "./field.ts";
import { randomFrVector } from "./random.ts";
import type { Share } from "./shares.ts";
import { dleqChallenge, keyContextHash, shareContextHash, tag } from "./transcript.ts";

describe("encrypted shares", () => {
  const seed = testSeed();
  const random = seededRandom(seed);
  const ctx = tag("some context");
  let curve: Curve;
  let node: KeyPair;
  let share: Share;
  let cipher: Ciphertext;
  const commitment = G1_GENERATOR;
  before(async () => {
    console.log(`      seed ${seed}`);
    curve = await Curve.load();
    node = generateKeyPair(curve, random);
    share = { s: 2, words: randomFrVector(20, random) };
    cipher = encryptShare(curve, node.publicKey, ctx, commitment, share, random);
  });

  const refusal = (call: () => unknown): unknown => {
    try {
      return call();
    } catch (error) {
      return error;
    }
  };

  it("the node decrypts, and so does anybody with the revealed K", () => {
    expect(decryptShare(curve, node.secret, ctx, commitment, cipher)).to.deep.equal(share);
    const ctxShare = shareContextHash(ctx, commitment, cipher.s, cipher.e);
    const reveal = revealKey(curve, node, ctxShare, cipher.e, random);
    expect(verifyReveal(curve, node.publicKey, ctxShare, cipher.e, reveal)).to.equal(true);
    expect(unmask(reveal.k, ctx, commitment, cipher)).to.deep.equal(share);
  });

  it("another key, context, commitment or position yields nothing of the share", () => {
    const stranger = generateKeyPair(curve, random);
    const wrong = decryptShare(curve, stranger.secret, ctx, commitment, cipher);
    expect(wrong.words.some((w, j) => w === share.words[j])).to.equal(false);
    const otherPlace = [
      () => decryptShare(curve, node.secret, tag("another context"), commitment, cipher),
      () => decryptShare(curve, node.secret, ctx, curve.neg(commitment), cipher),
      () => decryptShare(curve, node.secret, ctx, commitment, { ...cipher, s: 3 }),
    ];
    for (const call of otherPlace) {
      expect(refusal(call)).to.be.instanceOf(CipherError).with.property("code", "EPHEMERAL_PROOF");
    }
  });

  it("fresh randomness per call: no ephemeral key, proof or word repeats", () => {
    const again = encryptShare(curve, node.publicKey, ctx, commitment, share);
    const more = encryptShare(curve, node.publicKey, ctx, commitment, share);
    expect(again.e).to.not.deep.equal(more.e);
    expect(again.words.some((w, j) => w === more.words[j])).to.equal(false);
    expect(digestOf(again)).to.not.equal(digestOf(more));
  });

  it("[attack 161] an honest E taken from another member does not verify with other words or another context", () => {
    const foreignCtx = tag("the attacker's own update");
    const stolen = { ...cipher, words: randomFrVector(20, random) };
    expect(verifyEphemeral(curve, foreignCtx, commitment, stolen)).to.equal(false);
    expect(refusal(() => decryptShare(curve, node.secret, foreignCtx, commitment, stolen))).to.be.instanceOf(
      CipherError,
    );
  });

  it("Schnorr proofs refuse every altered field, and malformed ones without throwing", () => {
    const { proof, e, s } = cipher;
    expect(verifyEphemeral(curve, ctx, commitment, cipher)).to.equal(true);
    const altered = [
      { s, e, proof: { ...proof, z: Fr.add(proof.z, 1n) } },
      { s, e, proof: { ...proof, z: proof.z + FR_MODULUS } },
      { s, e, proof: { ...proof, r: curve.neg(proof.r) } },
      { s, e, proof: { ...proof, r: G1_INFINITY } },
      { s, e: G1_INFINITY, proof },
      { s, e: { x: 1n, y: 1n }, proof },
      { s, e: { x: 1n << 256n, y: 2n }, proof },
      { s, e: curve.neg(e), proof },
      { s: s + 1, e, proof },
    ];
    for (const bad of altered) expect(verifyEphemeral(curve, ctx, commitment, bad)).to.equal(false);
    // infinity satisfies the equation with secret 0: it is refused as a key, not by the equation
    const nonce = generateKeyPair(curve, random);
    const trivial = { r: nonce.publicKey, z: nonce.secret };
    expect(verifyKey(curve, G1_INFINITY, ctx, trivial)).to.equal(false);
    expect(verifyEphemeral(curve, ctx, commitment, { s, e: G1_INFINITY, proof: trivial })).to.equal(false);
  });

  it("a registered key is proved for one institution and one registry", () => {
    const [registry, mine, yours] = ["a1", "b1", "b2"].map((b) => `0x${"00".repeat(19)}${b}`) as [
      string,
      string,
      string,
    ];
    const bound = keyContextHash(31337n, registry, mine);
    const proof = proveKey(curve, node, bound, random);
    expect(verifyKey(curve, node.publicKey, bound, proof)).to.equal(true);
    expect(verifyKey(curve, node.publicKey, keyContextHash(31337n, registry, yours), proof)).to.equal(false);
    expect(verifyKey(curve, node.publicKey, keyContextHash(1n, registry, mine), proof), "[attack 60]").to.equal(false);
    expect(verifyKey(curve, curve.neg(node.publicKey), bound, proof)).to.equal(false);
  });

  it("Chaum–Pedersen proofs refuse a false K, another node's key and another context", () => {
    const ctxShare = shareContextHash(ctx, commitment, cipher.s, cipher.e);
    const reveal = revealKey(curve, node, ctxShare, cipher.e, random);
    const { k, proof } = reveal;
    const verify = (change: object, key = node.publicKey, bound = ctxShare, e = cipher.e): boolean =>
      verifyReveal(curve, key, bound, e, { ...reveal, ...change });
    expect(verify({})).to.equal(true);
    expect(verify({ k: curve.add(k, G1_GENERATOR) })).to.equal(false);
    expect(verify({ k: G1_INFINITY })).to.equal(false);
    expect(verify({ proof: { ...proof, z: Fr.add(proof.z, 1n) } })).to.equal(false);
    expect(verify({ proof: { ...proof, z: proof.z + FR_MODULUS } })).to.equal(false);
    expect(verify({ proof: { ...proof, r1: proof.r2, r2: proof.r1 } })).to.equal(false);
    expect(verify({}, curve.neg(node.publicKey))).to.equal(false);
    expect(verify({}, node.publicKey, tag("another"))).to.equal(false);
    expect(verify({}, node.publicKey, ctxShare, curve.neg(cipher.e))).to.equal(false);
    // each equation alone can be met for a false K
    const liar = { secret: generateKeyPair(curve, random).secret, publicKey: node.publicKey };
    const secondOnly = revealKey(curve, liar, ctxShare, cipher.e, random);
    expect(verifyReveal(curve, node.publicKey, ctxShare, cipher.e, secondOnly)).to.equal(false);
    const nonce = generateKeyPair(curve, random);
    const [r1, r2, falseK] = [nonce.publicKey, curve.mul(cipher.e, nonce.secret), curve.add(k, G1_GENERATOR)];
    const c = dleqChallenge(ctxShare, node.publicKey, cipher.e, falseK, r1, r2);
    const firstOnly = { k: falseK, proof: { r1, r2, z: Fr.from(nonce.secret + c * node.secret) } };
    expect(verifyReveal(curve, node.publicKey, ctxShare, cipher.e, firstOnly)).to.equal(false);
  });

  it("keys at infinity or off the curve and non-canonical words are refused; errors show no secret", () => {
    const encryptTo = (key: { x: bigint; y: bigint }): unknown =>
      refusal(() => encryptShare(curve, key, ctx, commitment, share, random));
    expect(encryptTo(G1_INFINITY)).to.be.instanceOf(CurveError).with.property("code", "POINT_AT_INFINITY");
    expect(encryptTo({ x: 2n, y: 2n }))
      .to.be.instanceOf(CurveError)
      .with.property("code", "NOT_ON_CURVE");
    const secretWord = FR_MODULUS + 123456789n;
    const failure = refusal(() =>
      encryptShare(curve, node.publicKey, ctx, commitment, { s: 1, words: [secretWord] }, random),
    );
    expect(failure).to.be.instanceOf(EncodingError).with.property("code", "NON_CANONICAL");
    expect(String((failure as Error).stack)).to.not.include(String(secretWord));
    const alias = { ...cipher, words: cipher.words.map((w) => w + FR_MODULUS) };
    expect(refusal(() => decryptShare(curve, node.secret, ctx, commitment, alias))).to.be.instanceOf(EncodingError);
  });

  it("the digest covers every field of a ciphertext", () => {
    const changed = [
      { ...cipher, s: 1 },
      { ...cipher, e: curve.neg(cipher.e) },
      { ...cipher, proof: { ...cipher.proof, r: G1_GENERATOR } },
      { ...cipher, proof: { ...cipher.proof, z: 0n } },
      { ...cipher, words: cipher.words.map((w, j) => (j === 19 ? Fr.add(w, 1n) : w)) },
      { ...cipher, words: cipher.words.slice(0, 19) },
    ];
    expect(new Set([cipher, ...changed].map(digestOf)).size).to.equal(changed.length + 1);
  });
});
