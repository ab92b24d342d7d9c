import { p256 } from "@noble/curves/nist.js";
import { expect } from "chai";
import { type Contract, SigningKey, Wallet, ZeroHash, concat, getBytes, hexlify, id } from "ethers";
import { type System, deploySystem } from "../../fixtures/system.ts";
import { seededRandom, testSeed } from "../../vectors/seeded.ts";

const RESEAL = id("reseal");
const SECP256K1_N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const P256_N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const word = (value: bigint): string => `0x${value.toString(16).padStart(64, "0")}`;

describe("AttestationRegistry", () => {
  let s: System;
  let registry: System["contracts"]["attestations"];
  let restore: () => Promise<void>;
  const random = seededRandom(testSeed());
  const digest = id("a statement");

  const secp = new Wallet(hexlify(random(32)));
  const secpPoint = (): [string, string] => {
    const key = SigningKey.computePublicKey(secp.signingKey.publicKey, false);
    return [`0x${key.slice(4, 68)}`, `0x${key.slice(68)}`];
  };
  const nist = random(32);
  const nistPoint = (): [string, string] => {
    const key = p256.getPublicKey(nist, false);
    return [hexlify(key.slice(1, 33)), hexlify(key.slice(33))];
  };
  const nistSignature = (hash: string): string =>
    hexlify(p256.sign(getBytes(hash), nist, { prehash: false, lowS: true }));
  const secpSignature = (hash: string): string => secp.signingKey.sign(hash).serialized;

  before(async () => {
    s = await deploySystem();
    registry = s.contracts.attestations;
  });
  beforeEach(async () => {
    restore = (await s.connection.networkHelpers.takeSnapshot()).restore;
  });
  afterEach(() => restore());
  after(() => s.connection.close());

  const refused = async (sent: Promise<unknown>, error: string) =>
    expect(sent).to.be.revertedWithCustomError(registry as unknown as Contract, error);

  it("takes signatures of both curves by listed keys, for the kind they are listed for", async () => {
    await registry.list(RESEAL, 1n, ...secpPoint(), id("quote"));
    await registry.list(id("compute"), 2n, ...nistPoint(), id("quote"));
    expect(await registry.isValid(RESEAL, 1n, digest, secpSignature(digest))).to.equal(true);
    expect(await registry.isValid(id("compute"), 2n, digest, nistSignature(digest))).to.equal(true);
    expect(await registry.isValid(id("compute"), 1n, digest, secpSignature(digest)), "another kind").to.equal(false);
    expect(await registry.isValid(RESEAL, 2n, digest, nistSignature(digest)), "another kind").to.equal(false);
    expect(await registry.isValid(RESEAL, 1n, id("else"), secpSignature(digest)), "another digest").to.equal(false);
    expect(await registry.isValid(id("compute"), 2n, id("else"), nistSignature(digest))).to.equal(false);
    expect((await registry.attestorOf(2n)).x).to.equal(nistPoint()[0]);
  });

  it("[attack 65] refuses the other s of a signature, and every malformed one", async () => {
    await registry.list(RESEAL, 1n, ...secpPoint(), ZeroHash);
    await registry.list(RESEAL, 2n, ...nistPoint(), ZeroHash);
    const secp256k1 = secp.signingKey.sign(digest);
    const highS = concat([secp256k1.r, word(SECP256K1_N - BigInt(secp256k1.s)), secp256k1.v === 27 ? "0x1c" : "0x1b"]);
    const low = nistSignature(digest);
    const highNist = concat([low.slice(0, 66), word(P256_N - BigInt(`0x${low.slice(66)}`))]);
    for (const bad of [
      highS,
      "0x",
      `${secp256k1.serialized}00`,
      secp256k1.serialized.slice(0, -2),
      `0x${"00".repeat(65)}`,
    ])
      expect(await registry.isValid(RESEAL, 1n, digest, bad), bad).to.equal(false);
    for (const bad of [highNist, "0x", `${low}00`, low.slice(0, -2), `0x${"00".repeat(64)}`])
      expect(await registry.isValid(RESEAL, 2n, digest, bad), bad).to.equal(false);
  });

  it("[attack 66] no id, no kind and no key make nobody's signature good", async () => {
    for (const attestor of [0n, 1n]) {
      expect(await registry.isValid(RESEAL, attestor, digest, `0x${"00".repeat(65)}`)).to.equal(false);
      expect(await registry.isValid(ZeroHash, attestor, digest, `0x${"00".repeat(65)}`)).to.equal(false);
    }
    await refused(registry.attestorOf(1n), "NoSuchAttestor");
    await refused(registry.revoke(1n), "NoSuchAttestor");
  });

  it("refuses keys off their curve, without kind or algorithm, and anybody but the governor", async () => {
    const [x, y] = secpPoint();
    await refused(registry.list(RESEAL, 2n, x, y, ZeroHash), "BadAttestorKey");
    await refused(registry.list(RESEAL, 1n, ...nistPoint(), ZeroHash), "BadAttestorKey");
    await refused(registry.list(RESEAL, 0n, x, y, ZeroHash), "BadAttestorKey");
    await refused(registry.list(RESEAL, 1n, ZeroHash, ZeroHash, ZeroHash), "BadAttestorKey");
    const P = 2n ** 256n - 2n ** 32n - 977n;
    // (1, √8 mod p) is on secp256k1; 1 + p is the same abscissa once more.
    const root = 29896722852569046015560700294576055776214335159245303116488692907525646231534n;
    expect((root * root) % P).to.equal(8n);
    await registry.list(RESEAL, 1n, word(1n), word(root), ZeroHash);
    await refused(registry.list(RESEAL, 1n, word(1n + P), word(root), ZeroHash), "BadAttestorKey");
    await refused(registry.list(ZeroHash, 1n, x, y, ZeroHash), "ZeroKind");
    for (const stranger of [s.sponsor, s.owner]) {
      await refused(s.as(stranger).attestations.list(RESEAL, 1n, x, y, ZeroHash), "AccessManagedUnauthorized");
      await refused(s.as(stranger).attestations.revoke(1n), "AccessManagedUnauthorized");
    }
  });

  it("a revoked key is worth nothing in the same block, old signatures included, and never comes back", async () => {
    await registry.list(RESEAL, 1n, ...secpPoint(), ZeroHash);
    await registry.revoke(1n);
    expect(await registry.isValid(RESEAL, 1n, digest, secpSignature(digest))).to.equal(false);
    await refused(registry.revoke(1n), "AttestorIsRevoked");
    await registry.list(RESEAL, 1n, ...secpPoint(), ZeroHash);
    expect(await registry.isValid(RESEAL, 1n, digest, secpSignature(digest)), "the old id").to.equal(false);
    expect(await registry.isValid(RESEAL, 2n, digest, secpSignature(digest)), "the new id").to.equal(true);
  });
});
