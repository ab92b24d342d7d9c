import { publishedKey } from "@mednexus/circuits";
import {
  aggregateChallenge,
  CommitKey,
  Curve,
  Fr,
  G1_INFINITY,
  importAggregateHash,
  importBound,
  importChallenge,
  importContextHash,
  importFactor,
  importNormBound2,
  insecureSrs,
  keyHash,
  randomFr,
  randomFrVector,
  srsHash,
  type VerifyingKey,
} from "@mednexus/sdk";
import { expect } from "chai";
import { AbiCoder, id, keccak256, toBeHex, ZeroHash } from "ethers";
import { seededInt, seededRandom, testSeed } from "../../vectors/seeded.ts";
import { Simulator } from "../../utils/simulate.ts";
import {
  deployProxy,
  deployVerification,
  registerDevSrs,
  registerKey,
  type Verification,
  wire,
} from "../verification/deploy.ts";

const seed = testSeed();
const random = seededRandom(seed);
const N = 16;
const LIMIT = 2n ** 60n;

describe(`ModelVersions (MEDNEXUS_SEED=${seed})`, () => {
  let v: Verification;
  let versions: any;
  let inft: any;
  let curve: Curve;
  let simulator: Simulator;
  let commitKey: CommitKey;
  let update: bigint;
  let aggregate: bigint;
  let updateOf128: bigint;
  const updateKey: VerifyingKey = publishedKey("update", 128); // its points stand for a key of size N here: proofs are simulated
  const aggregateKey: VerifyingKey = publishedKey("aggregate", 128);
  // Stand-ins for the modules that may call; only their addresses count.
  const campaigns = () => v.signers[1]!;
  const settlement = () => v.signers[2]!;
  const stranger = () => v.signers[3]!;

  before(async () => {
    v = await deployVerification();
    simulator = await Simulator.load(random);
    curve = simulator.curve;
    commitKey = await CommitKey.create(curve, await insecureSrs(curve, N));
    const srs = await registerDevSrs(v);
    update = await registerKey(v, "update", srs, N, updateKey);
    aggregate = await registerKey(v, "aggregate", srs, N, aggregateKey);
    updateOf128 = await registerKey(v, "update", srs, 128);
    inft = await deployProxy(v.connection, "ModelINFT", v.authorityAddress);
    versions = await deployProxy(v.connection, "ModelVersions", v.authorityAddress);
    await wire(versions, {
      ...v.addresses,
      inft: await inft.getAddress(),
      campaigns: campaigns().address,
      settlement: settlement().address,
    });
  });

  async function mint(): Promise<bigint> {
    const args = [
      v.signers[0]!.address,
      500,
      [{ account: v.signers[0]!.address, bps: 10_000 }],
      id("runtime"),
      "ipfs://model",
    ] as const;
    const model = await inft.mint.staticCall(...args);
    await inft.mint(...args);
    return model;
  }

  async function started(q = 8, l = 4): Promise<bigint> {
    const model = await mint();
    await versions.startLineage(model, N, q, l);
    return model;
  }

  const appendArgs = (model: bigint, campaign: bigint, base: number, growth: bigint) =>
    [
      model,
      campaign,
      base,
      9n,
      simulator.commitment(randomFr(random)),
      randomFr(random),
      id("s"),
      id("a"),
      id("c"),
      growth,
    ] as const;

  /** An honest import of random 16-bit values; Groth16 simulated, commitments and openings real. `claim` overrides what the prover puts in. */
  async function importOf(
    model: bigint,
    l: number,
    claim: { normBound2?: bigint; factor?: bigint; boundModel?: bigint } = {},
  ) {
    const scale = { updateBits: 8, stepBits: l };
    const values = Array.from({ length: N }, () => seededInt(random, -(2n ** 15n), 2n ** 15n - 1n));
    const vector = [...values.map((value) => Fr.from(value)), ...randomFrVector(4, random)];
    const [h, hM] = [randomFr(random), randomFr(random)];
    const c = await commitKey.commit(vector);
    const context = {
      chainId: 31337n,
      modelVersions: await versions.getAddress(),
      model: claim.boundModel ?? model,
      keyHash: keyHash("update", N, updateKey),
      srsHash: srsHash(commitKey.tauG1, commitKey.tauG2),
      n: N,
    };
    const ctx = importContextHash(context);
    const r = importChallenge(ctx, c, h);
    const { y, w } = await commitKey.open(vector, r);
    const factor = claim.factor ?? importFactor(scale);
    const scaled = vector.map((value) => Fr.mul(value, factor));
    const cM = curve.mul(c, factor);
    const rM = aggregateChallenge(importAggregateHash(ctx), cM, hM);
    const openedM = await commitKey.open(scaled, rM);
    return {
      cM,
      proof: {
        c,
        h,
        y,
        w,
        proof: simulator.proof(updateKey, [h, r, y, claim.normBound2 ?? importNormBound2(N)]),
        hM,
        yM: openedM.y,
        wM: openedM.w,
        proofM: simulator.proof(aggregateKey, [hM, rM, openedM.y]),
      },
      bound: importBound(scale),
    };
  }

  describe("starting", () => {
    it("starts at the zero model", async () => {
      const model = await mint();
      await expect(versions.startLineage(model, N, 8, 4))
        .to.emit(versions, "LineageStarted")
        .withArgs(model, N, 16, 8, 4);
      expect((await versions.lineageOf(model)).toObject()).to.deep.equal({
        n: BigInt(N),
        f: 16n,
        q: 8n,
        l: 4n,
        started: true,
      });
      const [version, latest] = await versions.latestOf(model);
      expect(version).to.equal(0n);
      expect([latest.c.x, latest.c.y, latest.h, latest.bound, latest.round]).to.deep.equal([0n, 0n, 0n, 0n, 0n]);
      await expect(versions.startLineage(model, N, 8, 4))
        .to.be.revertedWithCustomError(versions, "LineageExists")
        .withArgs(model);
    });

    it("refuses strangers, models that do not exist, unknown sizes and too fine a scale", async () => {
      const model = await mint();
      await expect(versions.connect(stranger()).startLineage(model, N, 8, 4))
        .to.be.revertedWithCustomError(versions, "NotModelOwner")
        .withArgs(model, stranger().address);
      await expect(versions.startLineage(9999, N, 8, 4)).to.be.revertedWithCustomError(inft, "NoSuchModel");
      await expect(versions.startLineage(model, 64, 8, 4))
        .to.be.revertedWithCustomError(versions, "BadLineage")
        .withArgs(64, 16, 8, 4);
      await expect(versions.startLineage(model, N, 17, 16)).to.be.revertedWithCustomError(versions, "BadLineage");
      await expect(versions.startLineage(model, N, 255, 255)).to.be.revertedWithCustomError(versions, "BadLineage");
      await versions.startLineage(model, N, 16, 16); // q + f + l = 48
    });

    it("unknown lineages and versions are named", async () => {
      const model = await mint();
      await expect(versions.latestOf(model)).to.be.revertedWithCustomError(versions, "NoLineage").withArgs(model);
      await versions.startLineage(model, N, 8, 4);
      await expect(versions.versionOf(model, 1))
        .to.be.revertedWithCustomError(versions, "NoSuchVersion")
        .withArgs(model, 1, 0);
    });
  });

  describe("importing", () => {
    const send = (model: bigint, l: number, proof: unknown, ids: [bigint, bigint] = [update, aggregate]) =>
      versions.importBase(model, N, 8, l, ...ids, proof);

    it("imports a 16-bit vector under both proofs", async () => {
      const model = await mint();
      const { cM, proof, bound } = await importOf(model, 4);
      await send(model, 4, proof);
      const [version, latest] = await versions.latestOf(model);
      expect(version).to.equal(0n);
      expect(latest.c.toObject()).to.deep.equal({ x: cM.x, y: cM.y });
      expect([latest.h, latest.bound]).to.deep.equal([proof.hM, bound]);
      await expect(send(model, 4, proof)).to.be.revertedWithCustomError(versions, "LineageExists");
    });

    it("[attack 165] an imported range that is not proved is refused, and nothing is stored", async () => {
      const model = await mint();
      const good = await importOf(model, 4);
      const refused = async (proof: unknown, what: string, ids?: [bigint, bigint]) =>
        expect(send(model, 4, proof, ids), what).to.be.revertedWithCustomError(versions, "ImportRejected");
      await refused((await importOf(model, 4, { normBound2: importNormBound2(N) * 2n })).proof, "a larger norm");
      await refused((await importOf(model, 4, { factor: 2n ** 30n })).proof, "another multiple");
      await refused({ ...good.proof, c: curve.add(good.proof.c, simulator.commitment(1n)) }, "another commitment");
      await refused({ ...good.proof, hM: Fr.add(good.proof.hM, 1n) }, "another h_M");
      await refused({ ...good.proof, h: Fr.add(good.proof.h, 1n) }, "another h");
      await refused({ ...good.proof, proof: good.proof.proofM }, "the aggregate's proof twice");
      await refused({ ...good.proof, proofM: good.proof.proof }, "the update's proof twice");
      await refused(good.proof, "circuits swapped", [aggregate, update]);
      await refused(good.proof, "aggregate alone", [aggregate, aggregate]);
      await refused(good.proof, "another size", [updateOf128, aggregate]);
      await expect(send(model, 4, { ...good.proof, c: G1_INFINITY })).to.be.revertedWithCustomError(
        v.verifier,
        "PointAtInfinity",
      );
      await expect(send(model, 4, { ...good.proof, c: { x: 1, y: 1 } })).to.be.revertedWithCustomError(
        v.verifier,
        "PrecompileFailed",
      );
      await expect(send(model, 4, { ...good.proof, y: good.proof.y + Fr.modulus })).to.be.revertedWithCustomError(
        v.verifier,
        "NonCanonicalScalar",
      );
      await expect(
        versions.connect(stranger()).importBase(model, N, 8, 4, update, aggregate, good.proof),
      ).to.be.revertedWithCustomError(versions, "NotModelOwner");
      expect((await versions.lineageOf(model)).started).to.equal(false);
      await send(model, 4, good.proof);
    });

    it("[attack 16] an import proved for another model or scale is refused", async () => {
      const [model, other] = [await mint(), await mint()];
      const { proof } = await importOf(model, 4, { boundModel: other });
      await expect(send(model, 4, proof)).to.be.revertedWithCustomError(versions, "ImportRejected");
      await expect(send(model, 5, (await importOf(model, 4)).proof)).to.be.revertedWithCustomError(
        versions,
        "ImportRejected",
      );
    });

    it("[attack 40] an imported bound of 2^60 or more is refused", async () => {
      const model = await mint();
      const { proof, bound } = await importOf(model, 29);
      expect(bound).to.equal(LIMIT);
      await expect(versions.importBase(model, N, 0, 29, update, aggregate, proof))
        .to.be.revertedWithCustomError(versions, "BoundExceeded")
        .withArgs(LIMIT);
      const fits = await importOf(model, 28);
      await versions.importBase(model, N, 0, 28, update, aggregate, fits.proof);
    });
  });

  describe("campaigns", () => {
    it("[attack 145] one live campaign a model holds the right to append", async () => {
      const model = await started();
      const asCampaigns = versions.connect(campaigns());
      await expect(asCampaigns.attachCampaign(model, 1, 100))
        .to.emit(versions, "CampaignAttached")
        .withArgs(model, 1);
      await expect(asCampaigns.attachCampaign(model, 2, 100))
        .to.be.revertedWithCustomError(versions, "CampaignLive")
        .withArgs(model, 1);
      await expect(asCampaigns.detachCampaign(model, 2))
        .to.be.revertedWithCustomError(versions, "NotAttached")
        .withArgs(model, 2);
      await expect(asCampaigns.detachCampaign(model, 1)).to.emit(versions, "CampaignDetached").withArgs(model, 1);
      await expect(asCampaigns.detachCampaign(model, 0))
        .to.be.revertedWithCustomError(versions, "NotAttached")
        .withArgs(model, 0);
      await asCampaigns.attachCampaign(model, 2, 100);
      expect(await versions.campaignOf(model)).to.equal(2n);
    });

    it("only the campaign registry attaches and detaches, only the settlement appends", async () => {
      const model = await started();
      for (const signer of [v.signers[0]!, settlement(), stranger()]) {
        await expect(versions.connect(signer).attachCampaign(model, 1, 1))
          .to.be.revertedWithCustomError(versions, "OnlyModule")
          .withArgs(signer.address);
        await expect(versions.connect(signer).detachCampaign(model, 1)).to.be.revertedWithCustomError(
          versions,
          "OnlyModule",
        );
      }
      for (const signer of [v.signers[0]!, campaigns(), stranger()]) {
        await expect(versions.connect(signer).append(...appendArgs(model, 1n, 0, 1n))).to.be.revertedWithCustomError(
          versions,
          "OnlyModule",
        );
      }
      await expect(versions.connect(campaigns()).attachCampaign(await mint(), 1, 1)).to.be.revertedWithCustomError(
        versions,
        "NoLineage",
      );
    });

    it("[attack 40] a campaign whose rounds could reach 2^60 is refused when it opens", async () => {
      const model = await started();
      const asCampaigns = versions.connect(campaigns());
      for (const growth of [LIMIT, 2n ** 256n - 1n]) {
        await expect(asCampaigns.attachCampaign(model, 1, growth))
          .to.be.revertedWithCustomError(versions, "BoundExceeded")
          .withArgs(growth);
      }
      await asCampaigns.attachCampaign(model, 1, LIMIT - 1n);
      await versions.connect(settlement()).append(...appendArgs(model, 1n, 0, 1n));
      await asCampaigns.detachCampaign(model, 1);
      await expect(asCampaigns.attachCampaign(model, 2, LIMIT - 1n))
        .to.be.revertedWithCustomError(versions, "BoundExceeded")
        .withArgs(LIMIT);
    });
  });

  describe("appending", () => {
    let model: bigint;
    let asSettlement: any;

    beforeEach(async () => {
      model = await started();
      await versions.connect(campaigns()).attachCampaign(model, 5, 1_000_000);
      asSettlement = versions.connect(settlement());
    });

    it("appends base + 1 with its claims hashed, and follows the token to a new owner", async () => {
      const args = appendArgs(model, 5n, 0, 700n);
      await expect(asSettlement.append(...args))
        .to.emit(versions, "VersionAppended")
        .withArgs(model, 1, 9, Object.values(args[4]), args[5], id("s"), id("a"), id("c"), 700);
      await inft.transferFrom(v.signers[0]!.address, stranger().address, model);
      await asSettlement.append(...appendArgs(model, 5n, 1, 300n));
      const one = await versions.versionOf(model, 1);
      expect(one.c.toObject()).to.deep.equal({ x: args[4].x, y: args[4].y });
      expect(one.dataHash).to.equal(
        keccak256(AbiCoder.defaultAbiCoder().encode(["bytes32", "bytes32", "bytes32"], [id("s"), id("a"), id("c")])),
      );
      const [version, latest] = await versions.latestOf(model);
      expect([version, latest.bound, latest.round]).to.deep.equal([2n, 1000n, 9n]);
    });

    it("[attack 39] a stale or future base is refused", async () => {
      await asSettlement.append(...appendArgs(model, 5n, 0, 1n));
      await expect(asSettlement.append(...appendArgs(model, 5n, 0, 1n)))
        .to.be.revertedWithCustomError(versions, "StaleBase")
        .withArgs(model, 1, 0);
      await expect(asSettlement.append(...appendArgs(model, 5n, 2, 1n)))
        .to.be.revertedWithCustomError(versions, "StaleBase")
        .withArgs(model, 1, 2);
    });

    it("[attack 145] another campaign, or one that has detached, appends nothing", async () => {
      await expect(asSettlement.append(...appendArgs(model, 6n, 0, 1n)))
        .to.be.revertedWithCustomError(versions, "NotAttached")
        .withArgs(model, 6);
      await versions.connect(campaigns()).detachCampaign(model, 5);
      for (const campaign of [5n, 0n]) {
        await expect(asSettlement.append(...appendArgs(model, campaign, 0, 1n))).to.be.revertedWithCustomError(
          versions,
          "NotAttached",
        );
      }
    });

    it("[attack 40] the bound is checked again at each append", async () => {
      await asSettlement.append(...appendArgs(model, 5n, 0, LIMIT - 1n));
      await expect(asSettlement.append(...appendArgs(model, 5n, 1, 1n)))
        .to.be.revertedWithCustomError(versions, "BoundExceeded")
        .withArgs(LIMIT);
      await expect(asSettlement.append(...appendArgs(model, 5n, 1, 2n ** 64n - 1n))).to.be.revertedWithCustomError(
        versions,
        "BoundExceeded",
      );
      expect((await versions.latestOf(model))[0]).to.equal(1n);
    });

    it("writes five slots and the head", async () => {
      const tx = await asSettlement.append(...appendArgs(model, 5n, 0, 1n));
      const trace: any = await v.connection.provider.request({
        method: "debug_traceTransaction",
        params: [tx.hash, { disableStorage: true, disableMemory: true, disableStack: true }],
      });
      expect(trace.structLogs.filter((step: { op: string }) => step.op === "SSTORE").length).to.be.at.most(6);
      const { gasUsed } = await tx.wait();
      console.log(`      append ${gasUsed} gas as a transaction`);
      expect(gasUsed).to.be.lessThan(200_000n);
    });
  });

  it("version 0 of a zero model is all zero but for its time", async () => {
    const model = await started();
    const zero = await versions.versionOf(model, 0);
    expect([zero.dataHash, zero.h, toBeHex(zero.c.x, 32)]).to.deep.equal([ZeroHash, 0n, ZeroHash]);
    expect(zero.createdAt).to.be.greaterThan(0n);
  });
});
