import { publishedKey, SnarkjsBackend } from "@mednexus/circuits";
import {
  BABY_ORDER,
  Curve,
  Fr,
  FR_MODULUS,
  type Proved,
  openModelKey,
  type RekeyWitness,
  type SealPublicKey,
} from "@mednexus/sdk";
import { expect } from "chai";
import { readFileSync } from "node:fs";
import { deployVerification, registerDevSrs, registerKey, type Verification } from "./deploy.ts";

const { rekey, contracts, inference } = JSON.parse(
  readFileSync(new URL("../../vectors/encoding.json", import.meta.url), "utf8"),
);

/** Words of a vector as bigints, points by name. */
function read<T>(value: unknown): T {
  if (typeof value === "string") return BigInt(value) as T;
  return Object.fromEntries(Object.entries(value as object).map(([name, word]) => [name, read(word)])) as T;
}

const witness: RekeyWitness = {
  current: read(rekey.current),
  holder: read(rekey.holder),
  currentBinding: read(rekey.currentBinding),
  next: read(rekey.next),
  receiver: read(rekey.receiver),
  nextBinding: read(rekey.nextBinding),
  keyHash: read(rekey.keyHash),
  secret: read(rekey.secret),
  currentRoot: read(rekey.currentRoot),
  ephemeral: read(rekey.ephemeral),
  receiverRoot: read(rekey.receiverRoot),
};

describe("SealedKeys against the vectors, and rekey proved on chain", () => {
  let v: Verification;
  let harness: any;
  let curve: Curve;
  let backend: SnarkjsBackend;
  let verifier: bigint;
  let proved: Proved;

  before(async function () {
    this.timeout(600_000);
    v = await deployVerification();
    harness = await v.ethers.deployContract("CryptoHarness");
    verifier = await registerKey(v, "rekey", await registerDevSrs(v), 1);
    curve = await Curve.load();
    backend = new SnarkjsBackend(curve);
    proved = await backend.prove("rekey", 1, witness);
  });
  after(() => backend.close());

  /** Public inputs as the contract lays them out, with parts of the statement replaced. */
  const inputsOf = async (change: Partial<RekeyWitness> = {}): Promise<bigint[]> => {
    const w = { ...witness, ...change };
    const { current, holder, currentBinding, next, receiver, nextBinding, keyHash } = w;
    return [...(await harness.rekeyInputs(current, holder, currentBinding, next, receiver, nextBinding, keyHash))];
  };
  const verify = (inputs: readonly bigint[]): Promise<boolean> =>
    v.verifier.verifyProof!(verifier, inputs, proved.proof);

  it("bindings and the order of inputs are the SDK's and the circuit's", async () => {
    const { chainId } = await v.ethers.provider.getNetwork();
    expect(chainId).to.equal(BigInt(rekey.currentPlace.chainId));
    for (const [place, binding] of [
      [rekey.currentPlace, rekey.currentBinding],
      [rekey.nextPlace, rekey.nextBinding],
    ]) {
      expect(place.registry).to.equal(contracts.modelINFT);
      const { registry, model, holder, sequence } = place;
      expect(await harness.sealBinding(registry, model, holder, sequence)).to.equal(BigInt(binding));
    }
    expect(await inputsOf())
      .to.deep.equal(rekey.inputs.map(BigInt))
      .and.to.deep.equal(proved.publicInputs);
  });

  it("a real proof passes; the receiver opens what it proves", async () => {
    expect(await verify(await inputsOf())).to.equal(true);
    const { next, nextBinding, keyHash } = witness;
    expect(openModelKey(next, BigInt(rekey.receiverSecret), nextBinding, keyHash)).to.equal(BigInt(rekey.key));
  });

  it("[attack 54] the proof is good for no other holder, receiver, ciphertext, place or key", async () => {
    const moved = { x: witness.receiver.x, y: Fr.neg(witness.receiver.y) };
    const changes: Record<string, Partial<RekeyWitness>> = {
      "another present holder": { holder: witness.receiver },
      "another receiver": { receiver: witness.holder },
      "the receiver's key moved by a point of order 2": { receiver: moved },
      "the ciphertext of an earlier sealing": { current: witness.next, currentBinding: witness.nextBinding },
      "another new ciphertext": { next: { ...witness.next, c: Fr.add(witness.next.c, 1n) } },
      "a later sequence": { nextBinding: Fr.add(witness.nextBinding, 1n) },
      "another place of the present one": { currentBinding: witness.nextBinding },
      "another key": { keyHash: Fr.add(witness.keyHash, 1n) },
    };
    for (const [what, change] of Object.entries(changes))
      expect(await verify(await inputsOf(change)), what).to.equal(false);
    for (const [i, word] of proved.publicInputs.entries())
      await expect(verify(proved.publicInputs.with(i, word + FR_MODULUS)), `alias of input ${i}`)
        .to.be.revertedWithCustomError(v.verifier, "NonCanonicalScalar")
        .withArgs(word + FR_MODULUS);
  });

  it("takes keys and ciphertexts that are canonical, on the curve and not of low order", async () => {
    const { holder, current } = witness;
    await harness.requireSealingKey(holder);
    await harness.requireSealed(current);
    // EIP-2494's generator has order 8l: its multiples by l are all points of low order
    const low = lowOrderPoints();
    expect(new Set(low.map(({ x, y }) => `${x},${y}`)).size).to.equal(8);
    const bad: SealPublicKey[] = [
      ...low,
      { x: holder.x, y: Fr.add(holder.y, 1n) },
      { x: holder.x + FR_MODULUS, y: holder.y },
      { x: holder.x, y: holder.y + FR_MODULUS },
      { x: 0n, y: 0n },
    ];
    for (const point of bad) {
      await expect(harness.requireSealingKey(point))
        .to.be.revertedWithCustomError(harness, "NotSealingPoint")
        .withArgs(point.x, point.y);
      await expect(harness.requireSealed({ ...current, ex: point.x, ey: point.y }))
        .to.be.revertedWithCustomError(harness, "NotSealingPoint")
        .withArgs(point.x, point.y);
    }
    await expect(harness.requireSealed({ ...current, c: FR_MODULUS }))
      .to.be.revertedWithCustomError(harness, "NonCanonicalScalar")
      .withArgs(FR_MODULUS);
  });

  it("an inference of the vectors' kind, proved at 128, passes on chain; another score or decision does not", async function () {
    this.timeout(600_000);
    const { randomInference } = await import("../../../circuits/test/statements.ts");
    const { srs } = await v.registry.infoOf!(verifier);
    const id = await registerKey(v, "inference", srs, 128, publishedKey("inference", 128));
    expect(inference.length).to.equal(2);
    const { proof, publicInputs } = await backend.prove("inference", 128, randomInference(128, 3));
    const check = (inputs: readonly bigint[]): Promise<boolean> => v.verifier.verifyProof!(id, inputs, proof);
    expect(await check(publicInputs)).to.equal(true);
    expect(await check(publicInputs.with(2, 1n - publicInputs[2]!))).to.equal(false);
    for (const i of publicInputs.keys())
      expect(await check(publicInputs.with(i, Fr.add(publicInputs[i]!, 1n))), `input ${i}`).to.equal(false);
  });
});

/** l·G, …, 8l·G for EIP-2494's generator G, by the book's addition. */
function lowOrderPoints(): SealPublicKey[] {
  const add = (p: SealPublicKey, q: SealPublicKey): SealPublicKey => {
    const t = Fr.from(168696n * p.x * q.x * p.y * q.y);
    return {
      x: Fr.mul(Fr.from(p.x * q.y + p.y * q.x), Fr.inverse(Fr.from(1n + t))),
      y: Fr.mul(Fr.from(p.y * q.y - 168700n * p.x * q.x), Fr.inverse(Fr.from(1n - t))),
    };
  };
  let power: SealPublicKey = {
    x: 995203441582195749578291179787384436505546430278305826713579947235728471134n,
    y: 5472060717959818805561601436314318772137091100104008585924551046643952123905n,
  };
  let torsion: SealPublicKey = { x: 0n, y: 1n };
  for (let s = BABY_ORDER; s > 0n; s >>= 1n, power = add(power, power)) if (s & 1n) torsion = add(torsion, power);
  const points = [torsion];
  while (points.length < 8) points.push(add(points.at(-1)!, torsion));
  return points;
}
