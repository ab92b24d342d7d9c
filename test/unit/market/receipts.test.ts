import { p256 } from "@noble/curves/nist.js";
import {
  challengeCommitment,
  Fr,
  jobTermsHash,
  merkleProof,
  outputCommitment,
  RECEIPT_TYPE,
  type Receipt,
  receiptDigest,
  receiptInclusion,
  receiptRoot,
  typedDataDomain,
  verifyReceiptInclusion,
} from "@mednexus/sdk";
import { expect } from "chai";
import { getBytes, hexlify, id, type Signer, SigningKey, toBeHex, type Wallet, ZeroAddress, ZeroHash } from "ethers";
import {
  DATASET,
  defaultJob,
  describeMarket,
  GAS,
  type Job,
  type JobTerms,
  type Market,
  type Model,
  type ProvenReceipt,
  research,
  units,
} from "../../fixtures/market.ts";
import { type Institution, parameters } from "../../fixtures/system.ts";

const { collateral } = defaultJob;
const CUT = (collateral * parameters.treasuryCutBps) / 10_000n;
const KIND = id("compute");
const SECP256K1 = 1n;
const P256 = 2n;

describeMarket("JobReceipts", (get) => {
  let market: Market;
  let model: Model;
  let hospital: Institution;
  let owner: Wallet;
  let sponsor: Wallet;
  let prover: Wallet;
  let other: Wallet;
  let receipts: Market["contracts"]["receipts"];
  const compute = () => market.contracts.compute;
  const state = async (job: Job) => (await compute().jobOf(job.id)).state;
  const as = (who: Signer) => market.as(who).receipts;

  before(() => {
    ({ market, model, hospital, owner, sponsor, prover, other } = get());
    ({ receipts } = market.contracts);
  });

  const request = (change: Partial<JobTerms> = {}) => market.request(model, change, sponsor);
  async function locked(change: Partial<JobTerms> = {}, by: Wallet = prover): Promise<Job> {
    const job = await request(change);
    await market.lock(job, by);
    return job;
  }

  describe("settled by proof", () => {
    it("a receipt with its proof pays at once, sent by the prover or by anybody with its signature", async () => {
      const [own, relayed] = [await locked(), await locked()];
      await market.done(as(prover).settle(await market.proven(own, prover, { sign: false }), GAS));
      await market.done(as(other).settle(await market.proven(relayed, prover), GAS));
      for (const job of [own, relayed]) expect(await state(job)).to.equal(4n);
      expect(await market.credit(prover.address)).to.be.greaterThan(0n);
      expect(await market.credit(other.address)).to.equal(0n);
    });

    it("the SDK's hashes are the contract's", async () => {
      const job = await locked();
      const { receipt } = await market.proven(job, prover);
      expect(receiptDigest(31337n, await receipts.getAddress(), receipt)).to.equal(await receipts.digestOf(receipt));
      expect(jobTermsHash(job.terms)).to.equal((await compute().jobOf(job.id)).termsHash);
    });

    it("[attack 69] every field of a receipt is what the chain knows, or signed; every field of the proof is bound", async () => {
      const job = await locked();
      const good = await market.proven(job, prover);
      const now = await market.system.now();
      const wrong: [Partial<Receipt>, string][] = [
        [{ termsHash: id("other") }, "terms"],
        [{ model: model.id + 1n }, "model"],
        [{ modelVersion: 1n }, "model"],
        [{ inputCommitment: job.terms.inputCommitment + 1n }, "input"],
        [{ outputCommitment: outputCommitment(0n, 1n) }, "output"],
        [{ endedAt: now + 1_000n }, "time"],
        [{ startedAt: now + 1n, endedAt: now }, "time"],
        [{ datasetHash: id("data") }, "dataset"],
        [{ consentHash: id("consent") }, "consent"],
      ];
      for (const [change, what] of wrong) {
        const item = await market.proven(job, prover, { change });
        await expect(as(prover).settle(item), what)
          .to.be.revertedWithCustomError(receipts, "BadReceipt")
          .withArgs(hexlify(Buffer.from(what.padEnd(32, "\0"))));
      }
      for (const change of [{ executionHash: id("another trace") }, { resultUriHash: id("elsewhere") }])
        await expect(as(other).settle({ ...good, receipt: { ...good.receipt, ...change } }))
          .to.be.revertedWithCustomError(receipts, "BadProverSignature")
          .withArgs(prover.address);
      for (const [decision, score] of [
        [0n, 12_345n],
        [1n, 12_346n],
      ] as const) {
        const forged = await market.proven(job, prover, { decision, score });
        await expect(
          as(prover).settle({ ...forged, output: { ...forged.output, proof: good.output.proof } }),
        ).to.be.revertedWithCustomError(receipts, "ProofRejected");
      }
      const alias = 1n + Fr.modulus;
      const change = { outputCommitment: outputCommitment(alias, 12_345n) };
      const aliased = await market.proven(job, prover, { change });
      aliased.output = { ...aliased.output, decision: alias };
      await expect(as(prover).settle(aliased)).to.be.revertedWithCustomError(
        market.contracts.proofVerifier,
        "NonCanonicalScalar",
      );
      expect(await state(job)).to.equal(2n);
      await market.done(as(other).settle(good, GAS));
    });

    it("[attack 103] a proof copied from the mempool pays the prover that holds the lock, or nobody", async () => {
      const job = await locked();
      const item = await market.proven(job, prover);
      const stolen = { ...item, receipt: { ...item.receipt, prover: other.address } };
      await expect(as(other).settle({ ...stolen, signature: "0x" }), "in its own name")
        .to.be.revertedWithCustomError(compute(), "NotLocker")
        .withArgs(job.id, other.address);
      await market.done(as(other).settle(item, GAS));
      expect(await market.credit(other.address)).to.equal(0n);
      expect(await market.credit(prover.address)).to.be.greaterThan(0n);
      // The same job, model and input asked again: an old proof is as good as a new one, the payee is still the new locker.
      const again = await market.request(model, { inputCommitment: job.terms.inputCommitment }, sponsor);
      await expect(as(prover).settle(item)).to.be.revertedWithCustomError(compute(), "WrongState");
      await expect(
        as(prover).settle({ ...item, terms: again.terms, receipt: { ...item.receipt, job: again.id } }),
      ).to.be.revertedWithCustomError(compute(), "WrongState");
    });

    it("[attack 60] [attack 61] a receipt signed for another chain or contract is nobody's", async () => {
      const job = await locked();
      const item = await market.proven(job, prover);
      for (const domain of [
        typedDataDomain(1n, await receipts.getAddress()),
        typedDataDomain(31337n, await compute().getAddress()),
      ]) {
        const signature = await prover.signTypedData(domain, RECEIPT_TYPE, item.receipt);
        await expect(as(other).settle({ ...item, signature })).to.be.revertedWithCustomError(
          receipts,
          "BadProverSignature",
        );
      }
    });

    it("[attack 106] a receipt signed under an earlier lock's consent epoch is worth nothing under a later one", async () => {
      const offer = await market.offer(hospital.signer, { asset: DATASET, assetId: hospital.dataset, version: 1n });
      const license = await market.buy(sponsor, offer, 2n, research(sponsor.address));
      const job = await locked({
        dataset: hospital.dataset,
        datasetVersion: 1n,
        datasetLicense: license,
        purpose: research(sponsor.address),
      });
      const early = await market.proven(job, prover);
      await market.system.time.increaseTo((await compute().jobOf(job.id)).until + 1n);
      await market.done(
        market.as(hospital.signer).consent.setGrants(hospital.dataset, id("later grants"), 100n, false, GAS),
      );
      await market.system.pass(86_400n);
      const deadline = (await market.system.now()) + 36_000n;
      const fresh = await market.request(model, { ...job.terms, deadline }, sponsor);
      await market.lock(fresh, prover);
      const replayed = {
        ...early,
        terms: fresh.terms,
        receipt: { ...early.receipt, job: fresh.id, termsHash: market.termsHash(fresh.terms) },
      };
      await expect(as(prover).settle({ ...replayed, signature: "0x" }))
        .to.be.revertedWithCustomError(receipts, "BadReceipt")
        .withArgs(hexlify(Buffer.from("consent".padEnd(32, "\0"))));
      await market.done(as(prover).settle(await market.proven(fresh, prover), GAS));
    });

    it("[attack 67] a prover that is a hostile ERC-1271 wallet burns and floods within its bound", async () => {
      const wallet = await market.system.ethers.deployContract("HostileWallet");
      const address = await wallet.getAddress();
      const { token, addresses } = market.system.deployment;
      const erc20 = await market.system.token();
      const act = async (target: string, data: string) => market.done(wallet.act!(target, data, GAS) as never);
      await market.done(erc20.mint!(address, units(500), GAS));
      await act(token, erc20.interface.encodeFunctionData("approve", [addresses.vault, units(500)]));
      await act(addresses.stake, market.contracts.stake.interface.encodeFunctionData("deposit", [units(500)]));
      const job = await request();
      await act(addresses.compute, compute().interface.encodeFunctionData("lock", [job.id, job.terms]));
      const fake = { getAddress: () => Promise.resolve(address) } as unknown as Wallet;
      const output = { decision: 1n, score: 2n };
      const item: ProvenReceipt = {
        terms: job.terms,
        receipt: await market.receipt(job, fake, output),
        signature: "0x1234",
        output: { ...output, proof: market.proof(job.terms, 1n, 2n) },
      };
      for (const mood of [1n, 2n, 3n, 4n]) {
        await market.done(wallet.setMood!(mood) as never);
        await expect(as(other).settle(item), `mood ${mood}`).to.be.revertedWithCustomError(
          receipts,
          "BadProverSignature",
        );
      }
      const honest = await market.proven(await locked({}, other), other);
      const mined = await market.done(as(other).settleBatch([item, honest], GAS));
      expect(mined.gasUsed).to.be.lessThan(1_200_000n);
      expect(await state({ id: honest.receipt.job, terms: honest.terms })).to.equal(4n);
      await market.done(wallet.setMood!(0n) as never);
      await market.done(as(other).settle(item, GAS));
      expect(await market.credit(address)).to.be.greaterThan(0n);
    });
  });

  describe("batches", () => {
    async function eight(): Promise<ProvenReceipt[]> {
      const items: ProvenReceipt[] = [];
      for (let i = 0n; i < 8n; i++) items.push(await market.proven(await locked(), prover, { score: i }));
      return items;
    }
    const flip = (item: ProvenReceipt): ProvenReceipt => ({
      ...item,
      output: { ...item.output, proof: { ...item.output.proof, a: item.output.proof.c, c: item.output.proof.a } },
    });

    it("one bad receipt leaves an event and blocks nobody; it may come again", async () => {
      const items = await eight();
      const batch = items.map((item, i) => (i === 3 ? flip(item) : item));
      await expect(as(other).settleBatch(batch, GAS))
        .to.emit(receipts, "ReceiptRefused")
        .withArgs(items[3]!.receipt.job, 3n, receipts.interface.getError("ProofRejected")!.selector);
      for (const [i, item] of items.entries())
        expect(await state({ id: item.receipt.job, terms: item.terms }), String(i)).to.equal(i === 3 ? 2n : 4n);
      await market.done(as(other).settle(items[3]!, GAS));
      expect(await state({ id: items[3]!.receipt.job, terms: items[3]!.terms })).to.equal(4n);
    });

    it("[attack 105] any order settles the same; terms and receipts of different jobs do not mix; a receipt counts once", async () => {
      const items = await eight();
      const mixed = [...items].reverse();
      mixed.push(items[0]!, { ...items[1]!, terms: items[2]!.terms });
      const [settled] = [await as(other).settleBatch.staticCall(mixed, GAS)];
      expect(settled).to.equal(8n);
      await market.done(as(other).settleBatch(mixed, GAS));
      const paid = await market.contracts.compute.queryFilter(compute().filters.JobSettled());
      expect(paid.length).to.equal(8);
      expect(await market.contracts.stake.lockedOf(prover.address)).to.equal(0n);
    });

    it("[attack 89] a batch starved of gas fails as a whole: no receipt is passed over", async () => {
      const items = await eight();
      for (const gasLimit of [1_700_000n, 2_200_000n, 3_000_000n])
        await expect(as(other).settleBatch(items, { gasLimit }), String(gasLimit)).to.be.revertedWithCustomError(
          receipts,
          "GasTooLow",
        );
      for (const item of items) expect(await state({ id: item.receipt.job, terms: item.terms })).to.equal(2n);
    });

    it("roots hold what was settled, in its order; inclusion proofs verify on chain and off", async () => {
      const items = await eight();
      const batch = items.map((item, i) => (i === 5 ? flip(item) : item));
      await market.done(as(other).settleBatch(batch, GAS));
      await market.done(as(prover).settle(items[5]!, GAS));
      const digests = await Promise.all(items.map(({ receipt }) => receipts.digestOf(receipt)));
      const first = digests.filter((_, i) => i !== 5);
      const [named, single] = [items[0]!.receipt.job, items[5]!.receipt.job];
      const root = await receipts.rootOf(named);
      expect(root).to.equal(receiptRoot(first));
      for (const [i, digest] of first.entries()) {
        const proof = receiptInclusion(first, i);
        expect(verifyReceiptInclusion(root, digest, proof)).to.equal(true);
        expect(await receipts.isIncluded(named, digest, proof)).to.equal(true);
        expect(await receipts.isIncluded(single, digest, proof)).to.equal(false);
      }
      expect(await receipts.isIncluded(named, digests[5]!, merkleProof(first, 0))).to.equal(false);
      expect(await receipts.isIncluded(single, digests[5]!, [])).to.equal(true);
      expect(await receipts.isIncluded(items[1]!.receipt.job, ZeroHash, [])).to.equal(false);
      // An inner node is no receipt.
      const [a, b] = [first[0]!, first[1]!];
      expect(await receipts.isIncluded(named, receiptRoot([a, b]), merkleProof(first, 0).slice(1))).to.equal(false);
    });

    it("a batch whose first receipts are refused is named by the first that settles", async () => {
      const items = await eight();
      const batch = items.map((item, i) => (i < 2 ? flip(item) : item));
      await market.done(as(other).settleBatch(batch, GAS));
      const digests = await Promise.all(items.slice(2).map(({ receipt }) => receipts.digestOf(receipt)));
      expect(await receipts.rootOf(items[2]!.receipt.job)).to.equal(receiptRoot(digests));
      for (const { receipt } of items.slice(0, 2)) expect(await receipts.rootOf(receipt.job)).to.equal(ZeroHash);
      const settled = await receipts.queryFilter(receipts.filters.ReceiptSettled(), -1);
      expect(settled.map(({ args }) => args.batch)).to.deep.equal(digests.map(() => items[2]!.receipt.job));
    });

    it("refuses empty and oversized batches, and items from anybody but itself", async () => {
      await expect(as(other).settleBatch([])).to.be.revertedWithCustomError(receipts, "EmptyBatch");
      const item = await market.proven(await locked(), prover);
      await expect(as(other).settleItem(item, item.receipt.job, prover.address))
        .to.be.revertedWithCustomError(receipts, "OnlySelf")
        .withArgs(other.address);
      await expect(
        as(other).settleBatch(
          Array.from({ length: 33 }, () => item),
          { gasLimit: 50_000_000n },
        ),
      ).to.be.revertedWithCustomError(receipts, "BatchTooLarge");
    });

    it("[attack 88] eight payees never paid before, one that cannot take its money: all are credited, at a cost that a batch has room for", async () => {
      const payees = Array.from({ length: 8 }, (_, i) => ({
        account: i === 7 ? market.system.deployment.token : toBeHex(1_000 + i, 20),
        bps: i === 7 ? 3_000n : 1_000n,
      }));
      const many = await market.model(owner, { royaltyBps: 1_000n, split: payees });
      const job = await market.request(many, {}, sponsor);
      await market.lock(job, prover);
      const mined = await market.done(as(prover).settle(await market.proven(job, prover, { sign: false }), GAS));
      expect(mined.gasUsed, "fits what a batch gives one item").to.be.lessThan(1_000_000n);
      for (const { account } of payees) expect(await market.credit(account)).to.be.greaterThan(0n);
      expect(await market.held("job", job.id)).to.equal(0n);
    });
  });

  describe("settled by attestation", () => {
    const secp = new SigningKey(id("an enclave's key"));
    const p256Secret = getBytes(id("another enclave's key"));
    let byKey: (digest: string) => string;

    async function list(algorithm: bigint): Promise<bigint> {
      const point = algorithm === SECP256K1 ? secp.publicKey : hexlify(p256.getPublicKey(p256Secret, false));
      const [x, y] = [`0x${point.slice(4, 68)}`, `0x${point.slice(68)}`];
      byKey =
        algorithm === SECP256K1
          ? (digest) => secp.sign(digest).serialized
          : (digest) => hexlify(p256.sign(getBytes(digest), p256Secret, { prehash: false, lowS: true }));
      const { attestations } = market.contracts;
      const attestor = await attestations.list.staticCall(KIND, algorithm, x, y, id("quote"));
      await market.done(attestations.list(KIND, algorithm, x, y, id("quote"), GAS));
      return attestor;
    }

    /** Locked under an attestor, and the receipt that it attests. */
    async function prepared(algorithm = SECP256K1, change: Partial<JobTerms> = {}) {
      const attestor = await list(algorithm);
      const job = await locked({ attesters: [attestor], challengeWindow: 900n, ...change });
      const receipt = await market.receipt(job, prover, { decision: 0n, score: 7n });
      return { attestor, job, receipt, attestation: byKey(await receipts.digestOf(receipt)) };
    }
    async function attested(algorithm = SECP256K1) {
      const all = await prepared(algorithm);
      const { job, receipt, attestor, attestation } = all;
      await market.done(as(prover).attest(job.terms, receipt, "0x", attestor, attestation, GAS));
      return all;
    }
    /** Commits, and returns the second step, a block later. */
    async function contradiction(job: Job, challenger: Signer, decision = 1n, score = 7n) {
      const salt = id("salt");
      const output = { decision, score, proof: market.proof(job.terms, decision, score) };
      const commitment = challengeCommitment(await challenger.getAddress(), job.id, output, salt);
      await market.done(as(challenger).commitChallenge(commitment, GAS));
      return { output, salt };
    }

    for (const [name, algorithm] of [
      ["secp256k1", SECP256K1],
      ["P-256", P256],
    ] as const)
      it(`${name}: waits for the challenge window, then pays whoever asks for it`, async () => {
        const { job, receipt } = await attested(algorithm);
        expect(await state(job)).to.equal(3n);
        await expect(as(other).release(job.terms, receipt)).to.be.revertedWithCustomError(compute(), "TooEarly");
        await market.system.time.increaseTo((await compute().jobOf(job.id)).until + 1n);
        await market.done(as(other).release(job.terms, receipt, GAS));
        expect(await state(job)).to.equal(4n);
        expect(await market.credit(prover.address)).to.be.greaterThan(0n);
        expect(await receipts.isIncluded(job.id, await receipts.digestOf(receipt), [])).to.equal(true);
        await expect(as(other).release(job.terms, receipt)).to.be.revertedWithCustomError(compute(), "WrongState");
      });

    it("refuses attestors that the job does not name, signatures by others, high s, and keys revoked by now", async () => {
      const { job, receipt, attestor, attestation } = await prepared();
      const send = (who: Wallet, key = attestor, by = attestation, proverSignature = "0x") =>
        as(who).attest(job.terms, receipt, proverSignature, key, by);
      await expect(send(prover, attestor + 1n)).to.be.revertedWithCustomError(receipts, "AttestorNotAccepted");
      await expect(send(other)).to.be.revertedWithCustomError(receipts, "BadProverSignature");
      await expect(
        send(prover, attestor, new SigningKey(id("x")).sign(await receipts.digestOf(receipt)).serialized),
      ).to.be.revertedWithCustomError(receipts, "BadAttestation");
      await expect(send(prover, attestor, "0x")).to.be.revertedWithCustomError(receipts, "BadAttestation");
      const n = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
      const s = toBeHex(n - BigInt(`0x${attestation.slice(66, 130)}`), 32).slice(2);
      const v = attestation.endsWith("1b") ? "1c" : "1b";
      await expect(
        send(prover, attestor, attestation.slice(0, 66) + s + v),
        "[attack 65]",
      ).to.be.revertedWithCustomError(receipts, "BadAttestation");
      await market.done(market.contracts.attestations.revoke(attestor, GAS));
      await expect(send(prover)).to.be.revertedWithCustomError(receipts, "BadAttestation");
      const unlisted = await locked();
      const plain = await market.receipt(unlisted, prover, { decision: 0n, score: 7n });
      await expect(as(prover).attest(unlisted.terms, plain, "0x", attestor, attestation)).to.be.revertedWithCustomError(
        receipts,
        "AttestorNotAccepted",
      );
    });

    it("a proof of another output slashes the prover, pays the challenger up to the fee, and the job goes on", async () => {
      const { job, receipt } = await attested();
      const { output, salt } = await contradiction(job, other);
      const { fee } = await compute().jobOf(job.id);
      await market.done(as(other).challenge(job.terms, receipt, output, salt, GAS));
      const { stake } = market.contracts;
      expect(await stake.activeOf(prover.address)).to.equal(units(1_000) - collateral);
      expect(await market.credit(other.address), "no more than its work was worth").to.equal(fee);
      expect(await market.credit(market.system.treasury)).to.equal(collateral - fee);
      expect(collateral - fee >= CUT).to.equal(true);
      expect(await state(job)).to.equal(1n);
      expect(await market.held("job", job.id)).to.equal(await compute().depositFor(job.terms));
      await market.lock(job, other);
      await market.done(as(other).settle(await market.proven(job, other, { sign: false }), GAS));
      expect(await state(job)).to.equal(4n);
    });

    it("[attack 99] the same contradiction counts once; [attack 100] refuting oneself costs at least the treasury's cut", async () => {
      const { job, receipt } = await attested();
      const { output, salt } = await contradiction(job, prover);
      const before = await market.contracts.stake.activeOf(prover.address);
      await market.done(as(prover).challenge(job.terms, receipt, output, salt, GAS));
      await expect(as(prover).challenge(job.terms, receipt, output, salt)).to.be.revertedWithCustomError(
        compute(),
        "WrongState",
      );
      const lost = before - (await market.contracts.stake.activeOf(prover.address));
      expect(lost - (await market.credit(prover.address)) >= CUT).to.equal(true);
    });

    it("[attack 101] a challenge counts up to the window's last second, a release from the next", async () => {
      const { job, receipt } = await attested();
      const { output, salt } = await contradiction(job, other);
      const { until } = await compute().jobOf(job.id);
      const night = await market.system.connection.networkHelpers.takeSnapshot();
      await market.system.time.setNextBlockTimestamp(until);
      await market.done(as(other).challenge(job.terms, receipt, output, salt, GAS));
      await night.restore();
      await market.system.time.setNextBlockTimestamp(until + 1n);
      await expect(as(other).challenge(job.terms, receipt, output, salt)).to.be.revertedWithCustomError(
        compute(),
        "TooLate",
      );
      await market.done(as(other).release(job.terms, receipt, GAS));
    });

    it("[attack 103] evidence copied from the mempool earns nothing: it has to be committed to in an earlier block", async () => {
      const { job, receipt } = await attested();
      const { output, salt } = await contradiction(job, other);
      const thief = await market.system.wallet("thief");
      await expect(as(thief).challenge(job.terms, receipt, output, salt)).to.be.revertedWithCustomError(
        receipts,
        "NoChallengeCommitment",
      );
      // Nor can a copy of the commitment make the first one young again.
      const commitment = challengeCommitment(other.address, job.id, output, salt);
      const { provider } = market.system.ethers;
      await provider.send("evm_setAutomine", [false]);
      try {
        const copy = await as(thief).commitChallenge(commitment, GAS);
        const shown = await as(other).challenge(job.terms, receipt, output, salt, GAS);
        await market.system.mine(1);
        expect((await copy.wait())!.blockNumber).to.equal((await shown.wait())!.blockNumber);
      } finally {
        await provider.send("evm_setAutomine", [true]);
      }
      expect(await market.credit(other.address)).to.be.greaterThan(0n);
      expect(await market.credit(thief.address)).to.equal(0n);
    });

    it("[attack 103] who computed the output and committed to it beforehand cannot take the proof from the mempool", async () => {
      const { job, receipt } = await attested();
      const thief = await market.system.wallet("thief");
      const guessed = await contradiction(job, thief); // the right output, any proof
      const { output, salt } = await contradiction(job, other);
      const copied = { ...guessed.output, proof: output.proof };
      expect(guessed.output.proof.a, "two proofs of one statement").to.not.deep.equal(output.proof.a);
      await expect(as(thief).challenge(job.terms, receipt, copied, guessed.salt)).to.be.revertedWithCustomError(
        receipts,
        "NoChallengeCommitment",
      );
      await market.done(as(other).challenge(job.terms, receipt, output, salt, GAS));
      expect(await market.credit(other.address)).to.be.greaterThan(0n);
    });

    it("refuses a challenge that agrees, proves nothing, or is about another receipt", async () => {
      const { job, receipt } = await attested();
      const agrees = await contradiction(job, other, 0n, 7n);
      await expect(as(other).challenge(job.terms, receipt, agrees.output, agrees.salt)).to.be.revertedWithCustomError(
        receipts,
        "NotContradicted",
      );
      const { output, salt } = await contradiction(job, other);
      const forged = { decision: 1n, score: 7n, proof: market.proof(job.terms, 1n, 8n) };
      await market.done(
        as(other).commitChallenge(challengeCommitment(other.address, job.id, forged, id("forged")), GAS),
      );
      await expect(as(other).challenge(job.terms, receipt, forged, id("forged"))).to.be.revertedWithCustomError(
        receipts,
        "ProofRejected",
      );
      await expect(
        as(other).challenge(job.terms, { ...receipt, executionHash: id("other") }, output, salt),
      ).to.be.revertedWithCustomError(compute(), "WrongState");
      expect(await state(job)).to.equal(3n);
    });

    it("[attack 91] the collateral stays locked through the challenge: there is no exit before the evidence lands", async () => {
      const { job, receipt } = await attested();
      const { stake } = market.contracts;
      expect(await stake.lockedBy(prover.address, await compute().getAddress())).to.equal(collateral);
      await market.done(market.as(prover).stake.unbond(await stake.freeOf(prover.address), GAS));
      const { output, salt } = await contradiction(job, other);
      await market.done(as(other).challenge(job.terms, receipt, output, salt, GAS));
      expect((await stake.activeOf(prover.address)) + (await stake.unbondingOf(prover.address)), "P6").to.equal(
        units(1_000) - collateral,
      );
    });

    it("[attack 160] a verifier retired while a challenge could run ends the job without blame", async () => {
      const { job, receipt } = await attested();
      await market.done(market.contracts.verifiers.retire(market.verifier, GAS));
      await market.system.time.increaseTo((await compute().jobOf(job.id)).until + 1n);
      await expect(as(other).release(job.terms, receipt)).to.be.revertedWithCustomError(receipts, "VerifierNotLive");
      await market.done(market.as(other).compute.end(job.id, job.terms, GAS));
      expect(await market.contracts.stake.lockedOf(prover.address)).to.equal(0n);
      expect(await market.credit(sponsor.address)).to.equal(await compute().depositFor(job.terms));
      expect(await market.credit(ZeroAddress)).to.equal(0n);
    });
  });
});
