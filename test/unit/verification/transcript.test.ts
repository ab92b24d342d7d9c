import { readFileSync } from "node:fs";
import { expect } from "chai";
import hre from "hardhat";
import { consentSetHash, purposeHash } from "@mednexus/sdk";
import { concat, dataSlice, id, keccak256, toBeHex } from "ethers";

/** Solidity against test/vectors/encoding.json, which circuits, TypeScript and Python follow too. */
const vectors = JSON.parse(readFileSync(new URL("../../vectors/encoding.json", import.meta.url), "utf8"));
const g2 = ([xIm, xRe, yIm, yRe]: string[]) => ({ xIm, xRe, yIm, yRe });
const NO_HASH = toBeHex(0, 32);

describe("Transcript.sol against the encoding vectors", () => {
  let harness: any;
  let ethers: Awaited<ReturnType<typeof hre.network.create>>["ethers"];

  before(async () => {
    ({ ethers } = await hre.network.create());
    harness = await ethers.deployContract("CryptoHarness");
  });

  it("roots of unity for every size", async () => {
    expect(vectors.domains.length).to.be.greaterThan(12);
    for (const { k, omega } of vectors.domains.slice(1)) {
      expect(await harness.rootOfUnity(2n ** BigInt(k)), `2^${k}`).to.equal(BigInt(omega));
    }
    for (const n of [0, 1, 3, 129, 2 ** 29]) {
      await expect(harness.rootOfUnity(n)).to.be.revertedWithCustomError(harness, "BadDomain");
    }
  });

  it("keys and reference string", async () => {
    const { circuit, n, alpha, beta, gamma, delta, ic, keyHash } = vectors.verifyingKey;
    expect(await harness.keyHash(id(circuit), n, alpha, g2(beta), g2(gamma), g2(delta), ic)).to.equal(keyHash);
    expect(await harness.srsHash(vectors.srs.tauG1, g2(vectors.srs.tauG2))).to.equal(vectors.srs.srsHash);
  });

  it("every update, share, set and sum of every round", async () => {
    for (const round of vectors.rounds) {
      for (const member of round.members) {
        expect(await harness.context(member.context)).to.equal(member.ctx);
        expect(await harness.linkChallenge(member.ctx, member.c, member.a, member.shareManifest, member.h)).to.equal(
          BigInt(member.r),
        );
        const { c, a, shareManifest, h } = member;
        const detail = { c, a, shareManifest, h, y: 5n, w: c, proof: { a: c, b: g2(vectors.verifyingKey.beta), c } };
        const call = harness.interface.encodeFunctionData("ofDetail", [member.ctx, member.context.institution, detail]);
        // The same detail with A a word further behind: canonical hashes, however the caller laid it out.
        const head = 4 + 32 * 3;
        const apart = concat([
          dataSlice(call, 0, head + 0x40),
          toBeHex(0x220, 32),
          dataSlice(call, head + 0x60, head + 0x200),
          toBeHex(7, 32),
          dataSlice(call, head + 0x200),
        ]);
        for (const data of [call, apart]) {
          const answer = await ethers.provider.call({ to: await harness.getAddress(), data });
          const [r, hash, key] = harness.interface.decodeFunctionResult("ofDetail", answer);
          expect([...r]).to.deep.equal([BigInt(member.r), BigInt(member.r)]);
          expect(hash[0]).to.equal(hash[1]);
          expect(key[0]).to.equal(key[1]);
        }
        for (const p of member.posted) {
          expect(await harness.shareContext(member.ctx, member.c, p.s, p.e)).to.equal(p.ctxShare);
          expect(await harness.cipherDigest(p.s, p.e, p.schnorr.r, p.schnorr.z, p.chunkHashes)).to.equal(p.digest);
          expect(await harness.evalChallenge(p.ctxShare, p.digest, p.k)).to.equal(BigInt(p.evaluation.z));
          const cipher = concat(p.cipher);
          expect(keccak256(cipher)).to.equal(p.chunkHashes[0]);
          expect((await harness.unmask(cipher, 0, p.k, p.ctxShare)).map(BigInt)).to.deep.equal(p.share.map(BigInt));
          // a chunk that starts inside the vector uses the masks of its own positions
          const half = p.cipher.length >> 1;
          const tail = await harness.unmask(concat(p.cipher.slice(half)), half, p.k, p.ctxShare);
          expect(tail.map(BigInt)).to.deep.equal(p.share.slice(half).map(BigInt));
        }
        expect(await harness.manifest(member.posted.map((p: { digest: string }) => p.digest))).to.equal(
          member.shareManifest,
        );
        const at = round.members.indexOf(member);
        expect(await harness.memberKey(member.context.institution, member.c)).to.equal(round.memberKeys[at]);
      }
      const { roundManager, round: id_ } = round.members[0].context;
      expect(await harness.setHash(roundManager, id_, round.memberKeys)).to.equal(round.setHash);
      for (const sum of round.sums) {
        expect(await harness.sumDigest(id_, sum.s, round.setHash, sum.chunkHashes)).to.equal(sum.digest);
        expect(await harness.sumChallenge(sum.digest)).to.equal(BigInt(sum.evaluation.z));
        expect(await harness.partialEvaluation(concat(sum.words), 0, round.n, sum.evaluation.z)).to.equal(
          BigInt(sum.evaluation.y),
        );
      }
      const aggregate = round.aggregate;
      expect(await harness.aggregateContext(aggregate.context)).to.equal(aggregate.ctxM);
      expect(await harness.aggregateChallenge(aggregate.ctxM, aggregate.modelCommitment, aggregate.h)).to.equal(
        BigInt(aggregate.r),
      );
    }
  });

  it("Schnorr and Chaum-Pedersen responses hold under the challenges", async () => {
    for (const { posted } of vectors.rounds[0].members) {
      for (const p of posted) {
        const c = await harness.schnorrChallenge(p.ctxShare, p.e, p.schnorr.r);
        expect(await harness.mul({ x: 1, y: 2 }, p.schnorr.z)).to.deep.equal(
          await harness.mulAddTo(p.schnorr.r, p.e, c),
        );
        const d = await harness.dleqChallenge(p.ctxShare, p.publicKey, p.e, p.k, p.dleq.r1, p.dleq.r2);
        expect(await harness.mul(p.e, p.dleq.z)).to.deep.equal(await harness.mulAddTo(p.dleq.r2, p.k, d));
      }
    }
  });

  it("imports and grants", async () => {
    const { context, ctxI, c, h, r, importAggregate, modelCommitment, hM, rM } = vectors.import;
    expect(
      await harness.importContext(context.modelVersions, context.model, context.keyHash, context.srsHash, context.n),
    ).to.equal(ctxI);
    expect(await harness.linkChallenge(ctxI, c, [], NO_HASH, h)).to.equal(BigInt(r));
    expect(await harness.importAggregateContext(ctxI)).to.equal(importAggregate);
    expect(await harness.aggregateChallenge(importAggregate, modelCommitment, hM)).to.equal(BigInt(rM));
    const { grants, leaves } = vectors.consent;
    expect(grants.length).to.be.greaterThan(0);
    for (const [i, { dataset, datasetVersion, subjectKey, salt }] of grants.entries()) {
      expect(await harness.grantLeaf(dataset, datasetVersion, subjectKey, salt)).to.equal(leaves[i]);
    }
  });

  it("consent sets and purposes, as the SDK computes them", async () => {
    const registry = "0x00000000000000000000000000000000000000C1";
    const refs = [
      { dataset: 2n ** 64n - 1n, version: 2 ** 32 - 1, epoch: 2n ** 64n - 1n },
      { dataset: 1n, version: 2, epoch: 3n },
    ];
    for (const set of [[], refs.slice(1), refs, refs.toReversed()])
      expect(await harness.consentSetHash(registry, set)).to.equal(consentSetHash(31337n, registry, set));
    const words = ["disease", "region", "project"].map((name) => id(name));
    const [disease, region, project] = words as [string, string, string];
    const purpose = { permission: 7, modifiers: 2n ** 63n, disease, region, project, user: registry };
    expect(await harness.purposeHash(purpose)).to.equal(purposeHash(purpose));
  });
});
