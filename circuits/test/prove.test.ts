import { Curve, Fr, FQ_MODULUS, FR_MODULUS, MedNexusError } from "@mednexus/sdk";
import { expect } from "chai";
import { publicInputsOf, publishedKey, simulateProof, SnarkjsBackend, verifyProof } from "../index.ts";
import { randomAggregate, randomInference, randomRekey, randomUpdate } from "./statements.ts";

describe("SnarkjsBackend, size 128", function () {
  const seed = 41;
  const update = randomUpdate(128, seed);
  const key = publishedKey("update", 128);
  let curve: Curve;
  let backend: SnarkjsBackend;

  before("keys (built on first use)", async () => {
    curve = await Curve.load();
    backend = new SnarkjsBackend(curve);
    await Promise.all([backend.keys("update", 128), backend.keys("aggregate", 128)]);
  });
  after(() => backend.close());

  async function refused(promise: Promise<unknown>, code: string): Promise<void> {
    const error = await promise.then(
      () => undefined,
      (e: unknown) => e,
    );
    expect(error).instanceOf(MedNexusError);
    expect((error as MedNexusError).code).equal(code);
  }

  it(`proves an update (seed ${seed}) in the verifier's input order`, async () => {
    const { proof, publicInputs } = await backend.prove("update", 128, update);
    expect(publicInputs).deep.equal([update.h, update.r, update.y, update.normBound2]);
    expect(await verifyProof(curve, key, publicInputs, proof)).equal(true);
  });

  it(`proves an aggregate (seed ${seed})`, async () => {
    const aggregate = randomAggregate(128, seed);
    const { proof, publicInputs } = await backend.prove("aggregate", 128, aggregate);
    expect(publicInputs).deep.equal([aggregate.h, aggregate.r, aggregate.y]);
    expect(await verifyProof(curve, publishedKey("aggregate", 128), publicInputs, proof)).equal(true);
  });

  it(`proves an inference (seed ${seed}), and no other decision or score of it`, async () => {
    const inference = randomInference(128, seed);
    const { proof, publicInputs } = await backend.prove("inference", 128, inference);
    const { modelRoot, inputCommitment, decision, score } = inference;
    expect(publicInputs).deep.equal([modelRoot, inputCommitment, decision, score]);
    const inferenceKey = publishedKey("inference", 128);
    expect(await verifyProof(curve, inferenceKey, publicInputs, proof)).equal(true);
    expect(await verifyProof(curve, inferenceKey, publicInputs.with(2, 1n - decision), proof)).equal(false);
    await refused(backend.prove("inference", 128, { ...inference, decision: 1n - decision }), "WITNESS_INVALID");
    await refused(backend.prove("inference", 128, { ...inference, score: Fr.add(score, 1n) }), "WITNESS_INVALID");
  });

  it(`proves a key sealed anew (seed ${seed}); [attack 54] a past holder, who still knows the key, cannot`, async () => {
    const rekey = randomRekey(seed);
    const { proof, publicInputs } = await backend.prove("rekey", 1, rekey);
    const { current, holder, currentBinding, next, receiver, nextBinding, keyHash } = rekey;
    const inputs = [current.ex, current.ey, current.c, holder.x, holder.y, currentBinding];
    inputs.push(next.ex, next.ey, next.c, receiver.x, receiver.y, nextBinding, keyHash);
    expect(publicInputs).deep.equal(inputs);
    expect(await verifyProof(curve, publishedKey("rekey", 1), publicInputs, proof)).equal(true);
    await refused(backend.prove("rekey", 1, { ...rekey, secret: randomRekey(seed + 1).secret }), "WITNESS_INVALID");
    await refused(backend.prove("rekey", 1, { ...rekey, keyHash: Fr.add(keyHash, 1n) }), "WITNESS_INVALID");
  });

  it("two proofs asked for at once both come, and two proofs of one statement differ", async () => {
    const [first, second] = await Promise.all([
      backend.prove("update", 128, update),
      backend.prove("update", 128, update),
    ]);
    expect(first.proof.a).not.deep.equal(second.proof.a);
  });

  it("[attack 5] another member's B² does not verify", async () => {
    const { proof, publicInputs } = await backend.prove("update", 128, update);
    expect(await verifyProof(curve, key, publicInputs.with(3, update.normBound2 + 1n), proof)).equal(false);
  });

  it("[attack 10] [attack 11] an aliased or missing public input is refused, by prover and verifier", async () => {
    const { proof, publicInputs } = await backend.prove("update", 128, update);
    for (const [k, v] of publicInputs.entries()) {
      expect(await verifyProof(curve, key, publicInputs.with(k, v + FR_MODULUS), proof), `input ${k}`).equal(false);
    }
    expect(await verifyProof(curve, key, publicInputs.slice(0, 3), proof)).equal(false);
    await refused(backend.prove("update", 128, { ...update, y: update.y + FR_MODULUS }), "WITNESS_INVALID");
    await refused(backend.prove("update", 128, { ...update, h: update.h + FR_MODULUS }), "WITNESS_INVALID");
    await refused(backend.prove("update", 128, { ...update, r: update.r + FR_MODULUS }), "WITNESS_INVALID");
    await refused(
      backend.prove("update", 128, { ...update, values: update.values.with(0, update.values[0]! - FR_MODULUS) }),
      "WITNESS_INVALID",
    );
  });

  it("[attack 20] [attack 30] aliased coordinates and negated points are refused", async () => {
    const { proof, publicInputs } = await backend.prove("update", 128, update);
    const negated = (p: { x: bigint; y: bigint }) => ({ x: p.x, y: FQ_MODULUS - p.y });
    expect(
      await verifyProof(curve, key, publicInputs, { ...proof, a: { ...proof.a, x: proof.a.x + FQ_MODULUS } }),
    ).equal(false);
    expect(await verifyProof(curve, key, publicInputs, { ...proof, a: negated(proof.a), c: negated(proof.c) })).equal(
      false,
    );
  });

  it("[attack 23] a proof of one circuit does not verify under the other's key", async () => {
    const { proof, publicInputs } = await backend.prove("update", 128, update);
    expect(await verifyProof(curve, publishedKey("aggregate", 128), publicInputs.slice(0, 3), proof)).equal(false);
    expect(await verifyProof(curve, publishedKey("update", 1024), publicInputs, proof)).equal(false);
  });

  it("refuses values that satisfy no proof without quoting them", async () => {
    await refused(backend.prove("update", 128, { ...update, y: Fr.add(update.y, 1n) }), "WITNESS_INVALID");
    await refused(backend.prove("update", 128, { ...update, values: update.values.slice(1) }), "WITNESS_INVALID");
    const secret = update.values.with(3, 40_000n);
    const error: Error = await backend.prove("update", 128, { ...update, values: secret }).then(
      () => expect.fail("proved"),
      (e) => e,
    );
    expect(`${error.message} ${error.cause ?? ""}`).not.contain("40000");
  });

  it("[attack 125] a proof that a damaged key made is not handed out", async () => {
    const keys = await backend.keys("update", 128);
    const zkey = keys.zkey.slice();
    // the last H point, before the empty section 10, becomes infinity
    zkey.fill(0, zkey.length - 80 - 64, zkey.length - 80);
    const faulty = new SnarkjsBackend(curve, { loadKeys: async () => ({ ...keys, zkey }) });
    await refused(faulty.prove("update", 128, update), "PROOF_REJECTED");
    await faulty.close();
  });

  it("simulates a proof of any statement from the development trapdoor, and of no other statement", async () => {
    const inputs = [1n, 2n, 3n, 4n];
    const proof = simulateProof(curve, key, inputs, 5n, 7n);
    expect(await verifyProof(curve, key, inputs, proof)).equal(true);
    expect(await verifyProof(curve, key, inputs.with(0, 2n), proof)).equal(false);
  });

  it("a closed backend refuses, and closing one leaves another working", async () => {
    const other = new SnarkjsBackend(curve);
    await other.close();
    await other.close();
    await refused(other.prove("update", 128, update), "BACKEND_CLOSED");
    expect((await backend.prove("update", 128, update)).publicInputs).deep.equal(publicInputsOf("update", update));
  });
});
