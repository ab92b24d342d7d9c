import { devSrs, publishedKey, trapdoor } from "@mednexus/circuits";
import {
  Fq,
  FQ_MODULUS,
  G1_GENERATOR,
  G1_INFINITY,
  G2_GENERATOR,
  G2_INFINITY,
  keyHash,
  randomFr,
  randomFrVector,
  srsHash,
  type VerifyingKey,
} from "@mednexus/sdk";
import { expect } from "chai";
import { concat, id, keccak256, toBeHex, toUtf8Bytes, ZeroAddress } from "ethers";
import { readFileSync } from "node:fs";
import { encodeStatements, Simulator, type Statement, syntheticKey } from "../../utils/simulate.ts";
import { seededRandom, testSeed } from "../../vectors/seeded.ts";
import { deployProxy, deployVerification, registerDevSrs, registerKey, type Verification, wire } from "./deploy.ts";
import { twistPointOutsideG2 } from "./points.ts";

const seed = testSeed();
const random = seededRandom(seed);
const UPDATE = id("update");
const N = 128;

describe(`VerifierRegistry (MEDNEXUS_SEED=${seed})`, () => {
  let v: Verification;
  let simulator: Simulator;
  let srs: bigint;
  const key = publishedKey("update", N);
  const plain = ({ alpha, beta, gamma, delta, ic }: VerifyingKey) => ({ alpha, beta, gamma, delta, ic });
  const register = (
    change: Partial<VerifyingKey> = {},
    more: { circuit?: string; n?: number; srs?: bigint; insecure?: boolean } = {},
  ) =>
    v.registry.registerVerifier!(
      more.circuit ?? UPDATE,
      more.n ?? N,
      more.srs ?? srs,
      plain({ ...key, ...change }),
      more.insecure ?? true,
    );

  before(async () => {
    v = await deployVerification();
    simulator = await Simulator.load(random);
    srs = await registerDevSrs(v);
  });

  it("keeps a string and a key word for word, with the SDK's hashes", async () => {
    const entry = await v.registry.srsOf!(srs);
    expect(entry.tauG1.toObject()).to.deep.equal(devSrs.tauG1);
    expect(entry.tauG2.toObject()).to.deep.equal(devSrs.tauG2);
    expect(entry.srsHash).to.equal(srsHash(devSrs.tauG1, devSrs.tauG2)).and.to.equal(devSrs.hash);
    for (const circuit of ["update", "aggregate"] as const) {
      const published = publishedKey(circuit, N);
      const verifier = await registerKey(v, circuit, srs);
      const info = await v.registry.infoOf!(verifier);
      expect(info.toObject()).to.deep.equal({
        circuit: id(circuit),
        n: BigInt(N),
        srs,
        insecure: true,
        retired: false,
        keyHash: keyHash(circuit, N, published),
      });
      const stored = (await v.registry.keyOf!(verifier)).toObject(true);
      expect(stored).to.deep.equal(plain(published));
      expect(await v.registry.isLive!(verifier)).to.equal(true);
    }
    expect(await v.registry.isKnownSize!(N)).to.equal(true);
    expect(await v.registry.isKnownSize!(64)).to.equal(false);
  });

  it("emits what it registered and retired", async () => {
    const verifier = await v.registry.registerVerifier!.staticCall(UPDATE, N, srs, plain(key), true);
    await expect(register())
      .to.emit(v.registry, "VerifierRegistered")
      .withArgs(verifier, UPDATE, N, srs, keyHash("update", N, key), true);
    await expect(v.registry.retire!(verifier))
      .to.emit(v.registry, "VerifierRetired")
      .withArgs(verifier, v.signers[0]!.address);
  });

  it("[attack 24] gamma = ±delta is refused, and the forgery it allows works against a verifier that takes such a key", async () => {
    const unweighted: any = await v.ethers.deployContract("UnweightedVerifier");
    const { curve } = simulator;
    const negated = { ...G2_GENERATOR, yIm: FQ_MODULUS - G2_GENERATOR.yIm, yRe: FQ_MODULUS - G2_GENERATOR.yRe };
    for (const [what, delta] of [
      ["delta = gamma (no contribution)", G2_GENERATOR],
      ["delta = −gamma", negated],
    ] as const) {
      const bad = { ...key, delta };
      // no witness, no secret: A = α, B = β, C = ∓IC(x), for inputs of anybody's choice
      const inputs = [1n, 2n, randomFr(random), 2n ** 63n];
      const ic = curve.sum([bad.ic[0]!, ...inputs.map((x, i) => curve.mul(bad.ic[i + 1]!, x))]);
      const c = what.includes("−") ? ic : curve.neg(ic);
      const forged: Statement = {
        inputs,
        proof: { a: bad.alpha, b: bad.beta, c },
        c: curve.mul(G1_GENERATOR, inputs[2]!), // the constant polynomial y, which opens to y everywhere
        w: G1_INFINITY,
      };
      expect(await unweighted.verify(plain(bad), devSrs.tauG2, [forged]), what).to.equal(true);
      await expect(register({ delta }), what).to.be.revertedWithCustomError(v.registry, "GammaEqualsDelta");
      const good = await registerKey(v, "update", srs);
      expect(await v.verifier.verify!(good, encodeStatements([forged])), what).to.equal(false);
    }
  });

  it("[attack 19] [attack 20] [attack 22] points off the curve, above q, at infinity, outside the subgroup are refused", async () => {
    const off = (p: { x: bigint; y: bigint }) => ({ ...p, y: Fq.add(p.y, 1n) });
    const notOnCurve = async (change: Partial<VerifyingKey>, what: string) =>
      expect(register(change), what).to.be.revertedWithCustomError(v.registry, "PointNotOnCurve");
    for (const bad of [off(key.alpha), G1_INFINITY, { ...key.alpha, x: key.alpha.x + FQ_MODULUS }])
      await notOnCurve({ alpha: bad }, "alpha");
    for (let i = 0; i < key.ic.length; i++)
      await notOnCurve({ ic: key.ic.map((p, j) => (i === j ? off(p) : p)) }, `ic ${i}`);
    await notOnCurve({ ic: key.ic.map((p, j) => (j === 2 ? G1_INFINITY : p)) }, "ic at infinity");
    for (const name of ["beta", "delta"] as const) {
      const point = key[name];
      for (const bad of [
        G2_INFINITY,
        { ...point, yRe: Fq.add(point.yRe, 1n) },
        { ...point, xRe: point.xRe + FQ_MODULUS },
      ])
        await notOnCurve({ [name]: bad }, name);
      await expect(register({ [name]: twistPointOutsideG2() })).to.be.revertedWithCustomError(
        v.registry,
        "PointNotInSubgroup",
      );
    }
    await expect(register({ gamma: simulator.curve.mulG2(G2_GENERATOR, 3n) })).to.be.revertedWithCustomError(
      v.registry,
      "GammaNotGenerator",
    );
  });

  it("inference takes four inputs at a vector's size; rekey thirteen at size 1, which stays no model's size", async () => {
    const r = v.registry;
    const rekey = syntheticKey(simulator.curve, randomFrVector(14, random));
    const inference = syntheticKey(simulator.curve, randomFrVector(5, random));
    await register(inference, { circuit: id("inference"), n: 128 });
    await expect(register(inference, { circuit: id("inference"), n: 1 }))
      .to.be.revertedWithCustomError(r, "BadSize")
      .withArgs(1);
    await expect(register(inference, { circuit: id("rekey"), n: 1 }))
      .to.be.revertedWithCustomError(r, "WrongIcLength")
      .withArgs(5, 14);
    for (const n of [0, 2, 128])
      await expect(register(rekey, { circuit: id("rekey"), n }))
        .to.be.revertedWithCustomError(r, "BadSize")
        .withArgs(n);
    await register(rekey, { circuit: id("rekey"), n: 1 });
    expect(await r.isKnownSize!(1)).to.equal(false);
  });

  it("unknown circuits and strings, wrong sizes and input counts are refused", async () => {
    const r = v.registry;
    await expect(register({}, { circuit: id("evaluation") }))
      .to.be.revertedWithCustomError(r, "UnknownCircuit")
      .withArgs(id("evaluation"));
    await expect(register({}, { srs: 77n }))
      .to.be.revertedWithCustomError(r, "UnknownSrs")
      .withArgs(77);
    for (const n of [0, 1, 100, 2 ** 29])
      await expect(register({}, { n })).to.be.revertedWithCustomError(r, "BadSize").withArgs(n);
    await expect(register({ ic: key.ic.slice(1) }))
      .to.be.revertedWithCustomError(r, "WrongIcLength")
      .withArgs(4, 5);
    await expect(register({}, { circuit: id("aggregate") }))
      .to.be.revertedWithCustomError(r, "WrongIcLength")
      .withArgs(5, 4);
    for (const call of [r.infoOf!(999), r.keyOf!(999), r.dataOf!(999), r.retire!(999)]) {
      await expect(call).to.be.revertedWithCustomError(r, "UnknownVerifier").withArgs(999);
    }
    await expect(r.srsOf!(0)).to.be.revertedWithCustomError(r, "UnknownSrs");
    expect(await r.isLive!(999)).to.equal(false);
  });

  it("strings whose halves disagree, with τ of 0 or ±1, off the curve or the subgroup, are refused", async () => {
    const r = v.registry;
    const { curve } = simulator;
    const g2 = (s: bigint) => curve.mulG2(G2_GENERATOR, s);
    const g1 = (s: bigint) => simulator.commitment(s);
    await expect(r.registerSrs!(g1(5n), g2(6n), true)).to.be.revertedWithCustomError(r, "SrsPairingMismatch");
    await expect(r.registerSrs!(curve.neg(g1(5n)), g2(5n), true)).to.be.revertedWithCustomError(
      r,
      "SrsPairingMismatch",
    );
    await expect(r.registerSrs!(g1(1n), g2(1n), true)).to.be.revertedWithCustomError(r, "TrivialTau");
    await expect(r.registerSrs!(curve.neg(g1(1n)), G2_GENERATOR, true)).to.be.revertedWithCustomError(r, "TrivialTau");
    await expect(r.registerSrs!(G1_INFINITY, g2(5n), true)).to.be.revertedWithCustomError(r, "PointNotOnCurve");
    await expect(r.registerSrs!(g1(5n), G2_INFINITY, true)).to.be.revertedWithCustomError(r, "PointNotOnCurve");
    await expect(r.registerSrs!(g1(5n), twistPointOutsideG2(), true)).to.be.revertedWithCustomError(
      r,
      "PointNotInSubgroup",
    );
    await expect(r.registerSrs!(g1(5n), g2(5n), true)).to.emit(r, "SrsRegistered");
  });

  it("a key of the public trapdoor must say that it is insecure", async () => {
    const r = v.registry;
    await expect(r.registerSrs!(devSrs.tauG1, devSrs.tauG2, false)).to.be.revertedWithCustomError(
      r,
      "InsecureKeyUndeclared",
    );
    await expect(register({}, { insecure: false })).to.be.revertedWithCustomError(r, "InsecureKeyUndeclared");
    // nor may a key of another trapdoor stand on the insecure string as if it were secure
    const other = { ...key, alpha: simulator.commitment(99n) };
    await expect(register(other, { insecure: false })).to.be.revertedWithCustomError(r, "InsecureKeyUndeclared");
    // nor the public α on another string
    const [g1, g2] = [simulator.commitment(98n), simulator.curve.mulG2(G2_GENERATOR, 98n)];
    const secure = await r.registerSrs!.staticCall(g1, g2, false);
    await r.registerSrs!(g1, g2, false);
    expect(key.alpha).to.deep.equal(simulator.commitment(trapdoor.alpha));
    await expect(register({}, { srs: secure, insecure: false })).to.be.revertedWithCustomError(
      r,
      "InsecureKeyUndeclared",
    );
    await expect(register(other, { srs: secure, insecure: false })).to.emit(r, "VerifierRegistered");
  });

  it("insecure strings and keys are refused off devnet chain ids, and accepted on 1337", async () => {
    const public_ = await deployVerification(16_601);
    const r = public_.registry;
    await expect(r.registerSrs!(devSrs.tauG1, devSrs.tauG2, true))
      .to.be.revertedWithCustomError(r, "InsecureKeyOffDevnet")
      .withArgs(16_601);
    await expect(r.registerSrs!(devSrs.tauG1, devSrs.tauG2, false)).to.be.revertedWithCustomError(
      r,
      "InsecureKeyUndeclared",
    );
    const [g1, g2] = [simulator.commitment(98n), simulator.curve.mulG2(G2_GENERATOR, 98n)];
    await r.registerSrs!(g1, g2, false);
    const other = plain({ ...key, alpha: simulator.commitment(99n) });
    await expect(r.registerVerifier!(UPDATE, N, 1, other, true)).to.be.revertedWithCustomError(
      r,
      "InsecureKeyOffDevnet",
    );
    await expect(r.registerVerifier!(UPDATE, N, 1, plain(key), false)).to.be.revertedWithCustomError(
      r,
      "InsecureKeyUndeclared",
    );
    await expect(r.registerVerifier!(UPDATE, N, 1, other, false)).to.emit(r, "VerifierRegistered");
    const geth = await deployVerification(1337);
    expect(await registerKey(geth, "update", await registerDevSrs(geth))).to.equal(1n);
  });

  it("[attack 160] a retired id stays a tombstone: known, not live, never revived; the guardian's role reaches retire alone", async () => {
    const r: any = v.registry;
    const GUARDIAN = 7n;
    const [, guardian, stranger] = v.signers;
    const authority: any = v.authority;
    await authority.grantRole(GUARDIAN, guardian!.address, 0);
    await authority.grantRole(GUARDIAN, v.signers[0]!.address, 0);
    await authority.setTargetFunctionRole(
      v.addresses.verifiers,
      [r.interface.getFunction("retire").selector],
      GUARDIAN,
    );
    const verifier = await registerKey(v, "update", srs);
    await expect(r.connect(stranger).retire(verifier)).to.be.revertedWithCustomError(r, "AccessManagedUnauthorized");
    await expect(r.connect(guardian).registerSrs(devSrs.tauG1, devSrs.tauG2, true)).to.be.revertedWithCustomError(
      r,
      "AccessManagedUnauthorized",
    );
    await expect(r.connect(guardian).registerVerifier(UPDATE, N, srs, plain(key), true)).to.be.revertedWithCustomError(
      r,
      "AccessManagedUnauthorized",
    );
    await r.connect(guardian).retire(verifier);
    expect(await r.isLive(verifier)).to.equal(false);
    expect((await r.infoOf(verifier)).retired).to.equal(true);
    await expect(r.dataOf(verifier)).to.be.revertedWithCustomError(r, "VerifierIsRetired").withArgs(verifier);
    await expect(r.retire(verifier)).to.be.revertedWithCustomError(r, "VerifierIsRetired");
    expect(await registerKey(v, "update", srs), "the same key again is another id").to.be.greaterThan(verifier);
  });

  it("[attack 48] [attack 49] neither proxy nor implementation can be initialised again, nor wired twice", async () => {
    for (const name of ["VerifierRegistry", "ProofVerifier", "ModelVersions"]) {
      const implementation: any = await v.ethers.deployContract(name);
      await expect(implementation.initialize(v.authorityAddress)).to.be.revertedWithCustomError(
        implementation,
        "InvalidInitialization",
      );
      const proxy: any = await deployProxy(v.connection, name, v.authorityAddress);
      await expect(proxy.initialize(v.authorityAddress)).to.be.revertedWithCustomError(proxy, "InvalidInitialization");
      await wire(proxy, {});
      await expect(wire(proxy, {})).to.be.revertedWithCustomError(proxy, "AlreadyWired");
      const asStranger = proxy.connect(v.signers[5]);
      await expect(asStranger.upgradeToAndCall(ZeroAddress, "0x")).to.be.revertedWithCustomError(
        proxy,
        "AccessManagedUnauthorized",
      );
    }
  });

  it("wire refuses words that are no addresses, and writes nothing then", async () => {
    const fresh = await deployProxy(v.connection, "ProofVerifier", v.authorityAddress);
    const fragment = fresh.interface.getFunction("wire")!;
    const count = fragment.inputs[0]!.components!.length;
    const to = await fresh.getAddress();
    for (const bad of [0, count - 1]) {
      const words = Array.from({ length: count }, (_, i) => toBeHex(i === bad ? 1n << 160n : BigInt(i + 1), 32));
      await expect(
        v.signers[0]!.sendTransaction({ to, data: concat([fragment.selector, ...words]) }),
      ).to.be.revertedWithoutReason(v.ethers);
    }
    expect([...(await fresh.getFunction("modules")())]).to.deep.equal(Array(count).fill(ZeroAddress));
  });

  it("ERC-7201 slots in the sources are the hashes of their names", () => {
    const sources = {
      VerifierRegistry: "verification/VerifierRegistry",
      ModelVersions: "registry/ModelVersions",
      Module: "access/Module",
    };
    for (const [name, file] of Object.entries(sources)) {
      const source = readFileSync(new URL(`../../../contracts/${file}.sol`, import.meta.url), "utf8");
      const inner = BigInt(keccak256(toUtf8Bytes(`mednexus.storage.${name}`))) - 1n;
      const slot = toBeHex(BigInt(keccak256(toBeHex(inner, 32))) & ~0xffn, 32);
      expect(source, name).to.include(`erc7201:mednexus.storage.${name}\n`);
      expect(source.match(/_SLOT = (0x[0-9a-f]{64});/)?.[1], name).to.equal(slot);
    }
  });

  it("deployed code fits EIP-170 with room", async () => {
    for (const name of ["VerifierRegistry", "ProofVerifier", "ModelVersions"]) {
      const code = await v.ethers.provider.getCode(await (await v.ethers.deployContract(name)).getAddress());
      const size = (code.length - 2) / 2;
      console.log(`      ${name} ${size} bytes`);
      expect(size).to.be.lessThan(20_000);
    }
  });

  it("synthetic keys register like published ones", async () => {
    const synthetic = syntheticKey(simulator.curve, [1n, 2n, 3n, 4n, 5n]);
    const verifier = await registerKey(v, "update", srs, 64, synthetic);
    expect(
      await v.verifier.verify!(verifier, encodeStatements([simulator.statement(synthetic, [7n, 8n, 9n, 10n], 11n)])),
    ).to.equal(true);
    expect(await v.registry.isKnownSize!(64)).to.equal(true);
  });
});
