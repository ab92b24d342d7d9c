import { generateSealKeys } from "@mednexus/sdk";
import { expect } from "chai";
import { encodeBytes32String, id, type Wallet, ZeroHash } from "ethers";
import {
  DATASET,
  DAY,
  defaultJob,
  describeMarket,
  GAS,
  type Job,
  type JobTerms,
  type Market,
  type Model,
  NO_PERMIT,
  research,
  units,
} from "../../fixtures/market.ts";
import { type Institution, parameters } from "../../fixtures/system.ts";

const { collateral, feeMin, feeMax, lockWindow } = defaultJob;
const CUT = (collateral * parameters.treasuryCutBps) / 10_000n;
const State = { open: 1n, locked: 2n, attested: 3n, settled: 4n, ended: 5n };

describeMarket("ComputeMarket: jobs", (get) => {
  let market: Market;
  let model: Model;
  let hospital: Institution;
  let owner: Wallet;
  let sponsor: Wallet;
  let prover: Wallet;
  let other: Wallet;
  const compute = () => market.contracts.compute;
  const stake = () => market.contracts.stake;
  const state = async (job: Job) => (await compute().jobOf(job.id)).state;
  const as = (who: Wallet) => market.as(who).compute;
  const until = async (job: Job) => (await compute().jobOf(job.id)).until;

  before(() => ({ market, model, hospital, owner, sponsor, prover, other } = get()));

  const request = (change: Partial<JobTerms> = {}) => market.request(model, change, sponsor);
  const chosen = (change: Partial<JobTerms> = {}) =>
    request({ privateInput: true, ackWindow: 900n, provers: [prover.address], ...change });
  const deposit = (job: Job) => compute().depositFor(job.terms);
  /** Lets the standing lock run out and ends it. */
  async function expired(job: Job): Promise<void> {
    await market.system.time.increaseTo((await until(job)) + 1n);
    await market.done(as(other).expire(job.id, job.terms, GAS));
  }

  describe("request", () => {
    it("escrows the dearest outcome and announces the terms", async () => {
      const job = await request();
      const due = feeMax + (feeMax * 500n) / 10_000n + (feeMax * 200n) / 10_000n;
      expect(await market.held("job", job.id)).to.equal(due);
      expect((await compute().jobOf(job.id)).termsHash).to.equal(market.termsHash(job.terms));
      expect(await state(job)).to.equal(State.open);
    });

    it("refuses terms out of bounds, by name", async () => {
      const now = await market.system.now();
      const bad: [Partial<JobTerms>, string][] = [
        [{ sponsor: owner.address }, "sponsor"],
        [{ kind: encodeBytes32String("training") }, "kind"],
        [{ verifier: 1n }, "verifier"],
        [{ modelRoot: model.root + 1n }, "modelRoot"],
        [{ modelRoot: 0n }, "modelRoot"],
        [{ datasetVersion: 1n }, "dataset"],
        [{ datasetLicense: 1n }, "dataset"],
        [{ dataset: hospital.dataset, datasetVersion: 1n, purpose: research(owner.address) }, "purpose"],
        [{ dataset: hospital.dataset, datasetVersion: 1n, purpose: research(sponsor.address) }, "datasetLicense"],
        [{ feeMin: feeMax + 1n }, "fee"],
        [{ feeMax: 0n, feeMin: 0n }, "fee"],
        [{ collateral: parameters.minBond - 1n }, "collateral"],
        [{ ackWindow: 900n }, "ackWindow"],
        [{ privateInput: true, provers: [prover.address] }, "ackWindow"],
        [{ privateInput: true, ackWindow: 900n }, "provers"],
        [{ sealedWeights: true, ackWindow: 900n }, "provers"],
        [{ sealedWeights: true, ackWindow: 900n, provers: [prover.address] }, "modelLicense"],
        [{ provers: Array.from({ length: 17 }, () => prover.address) }, "provers"],
        [{ lockWindow: parameters.minWindow - 1n }, "lockWindow"],
        [{ challengeWindow: 900n }, "attesters"],
        [{ attesters: [1n] }, "attesters"],
        [{ challengeWindow: 299n, attesters: [1n] }, "challengeWindow"],
        [{ deadline: now + lockWindow - 1n }, "deadline"],
        [{ deadline: now + parameters.maxDisputeWindows + 60n }, "deadline"],
        [{ deadline: 2n ** 64n - 1n }, "deadline"],
        [
          { inputCommitment: 21888242871839275222246405745257275088548364400416034343698204186575808495617n },
          "inputCommitment",
        ],
      ];
      await market.system.fund(sponsor, units(1_000));
      for (const [change, what] of bad) {
        const terms = await market.terms(model, change, sponsor);
        await expect(as(sponsor).request(terms, "", NO_PERMIT), `${what} ${Object.keys(change).join()}`)
          .to.be.revertedWithCustomError(compute(), "BadTerms")
          .withArgs(encodeBytes32String(what));
      }
      await expect(
        as(sponsor).request(await market.terms(model, {}, sponsor), "x".repeat(513), NO_PERMIT),
      ).to.be.revertedWithCustomError(compute(), "InputUriTooLong");
    });

    it("a sealed model is sealed whatever the sponsor says: no job without licence and authorised provers", async () => {
      const { publicKey: holder } = generateSealKeys(market.system.random);
      const key = { ex: holder.x, ey: holder.y, c: 5n }; // opens to nothing: nobody opens it here
      await market.done(market.as(owner).inft.seal(model.id, id("encrypted weights"), 7n, key, holder, GAS));
      await market.system.fund(sponsor, units(1_000));
      await expect(as(sponsor).request(await market.terms(model, {}, sponsor), "", NO_PERMIT))
        .to.be.revertedWithCustomError(compute(), "BadTerms")
        .withArgs(encodeBytes32String("sealedWeights"));
    });

    it("[attack 104] [attack 58] acts on no job with the terms of another, or with one word changed", async () => {
      const [one, two] = [await request(), await request()];
      await expect(as(prover).lock(one.id, two.terms))
        .to.be.revertedWithCustomError(compute(), "WrongTerms")
        .withArgs(one.id);
      await expect(as(prover).lock(99n, one.terms)).to.be.revertedWithCustomError(compute(), "WrongTerms");
      await expect(as(prover).lock(one.id, { ...one.terms, collateral: 0n })).to.be.revertedWithCustomError(
        compute(),
        "WrongTerms",
      );
      await expect(
        as(sponsor).cancel(one.id, { ...one.terms, sponsor: sponsor.address, feeMax: feeMax * 2n }),
      ).to.be.revertedWithCustomError(compute(), "WrongTerms");
    });

    it("[attack 58] takes the canonical encoding of terms only: nothing that is read lies outside what is hashed", async () => {
      const terms = await market.terms(model, { provers: [prover.address, other.address] }, sponsor);
      await market.system.fund(sponsor, units(1_000));
      const data = compute().interface.encodeFunctionData("request", [terms, "", NO_PERMIT]);
      // The tuple begins behind six words of arguments; its arrays' offsets are its last two words, then provers (2), attesters (0).
      const words = data.slice(10).match(/.{64}/g)!;
      const start = Number(BigInt(`0x${words[0]!}`)) / 32;
      const word = (value: number): string => value.toString(16).padStart(64, "0");
      expect(words.slice(start + 27, start + 30)).to.deep.equal([word(29 * 32), word(32 * 32), word(2)]);
      // Empty attesters read from a zero word of the head, the rest as before: decodes to the same terms.
      const aliased = [...words];
      aliased[start + 28] = word(6 * 32);
      expect(BigInt(`0x${words[start + 6]!}`)).to.equal(0n);
      const to = await compute().getAddress();
      const decoded = compute().interface.decodeFunctionData("request", data.slice(0, 10) + aliased.join(""));
      expect(decoded[0]!.attesters.length).to.equal(0);
      await expect(sponsor.sendTransaction({ to, data: data.slice(0, 10) + aliased.join(""), ...GAS }))
        .to.be.revertedWithCustomError(compute(), "BadTerms")
        .withArgs(encodeBytes32String("encoding"));
      await market.done(sponsor.sendTransaction({ to, data, ...GAS }) as never);
    });

    it("[attack 148] stops with new locks while paused; everything else goes on, and nobody is late for it", async () => {
      const [open, locked] = [await request(), await chosen()];
      await market.lock(locked, prover);
      await market.done(market.contracts.parameters.pauseEntries(DAY, GAS));
      const { parameters: params } = market.contracts;
      await expect(as(other).lock(open.id, open.terms)).to.be.revertedWithCustomError(params, "EntriesArePaused");
      const terms = await market.terms(model, {}, sponsor);
      await expect(as(sponsor).request(terms, "", NO_PERMIT)).to.be.revertedWithCustomError(params, "EntriesArePaused");
      await market.done(as(prover).acknowledge(locked.id, locked.terms, GAS));
      await market.done(market.as(prover).receipts.settle(await market.proven(locked, prover), GAS));
      expect(await state(locked), "P8").to.equal(State.settled);
      await market.done(as(sponsor).cancel(open.id, open.terms, GAS));
    });
  });

  describe("ramp and lock", () => {
    it("fixes the fee of the moment; the deadline leaves every lock its whole window", async () => {
      const job = await request();
      const { rampStart } = await compute().jobOf(job.id);
      await market.system.time.setNextBlockTimestamp(rampStart + 900n);
      await market.lock(job, prover);
      const { fee, prover: locker } = await compute().jobOf(job.id);
      expect(fee).to.equal(feeMin + (feeMax - feeMin) / 4n);
      expect(locker).to.equal(prover.address);
      expect(await stake().lockedBy(prover.address, await compute().getAddress())).to.equal(collateral);
      const late = await request();
      await market.system.time.increaseTo(late.terms.deadline - lockWindow);
      expect(await compute().feeOf(late.id, late.terms)).to.equal(feeMax);
      await expect(as(other).lock(late.id, late.terms))
        .to.be.revertedWithCustomError(compute(), "TooLate")
        .withArgs(late.id, late.terms.deadline - lockWindow);
    });

    it("needs free stake, no suspension, a place on the list, and a job that nobody holds", async () => {
      const job = await request();
      const poor = await market.prover("poor", collateral - 1n);
      await expect(as(poor).lock(job.id, job.terms))
        .to.be.revertedWithCustomError(stake(), "InsufficientFreeStake")
        .withArgs(poor.address, collateral - 1n, collateral);
      await market.lock(job, prover);
      await expect(as(other).lock(job.id, job.terms))
        .to.be.revertedWithCustomError(compute(), "WrongState")
        .withArgs(job.id, State.locked);
      const listed = await chosen();
      await expect(as(other).lock(listed.id, listed.terms))
        .to.be.revertedWithCustomError(compute(), "ProverNotAccepted")
        .withArgs(listed.id, other.address);
    });

    it("[attack 97] one stake backs one lock, whichever module took it", async () => {
      const tight = await market.prover("tight", collateral + units(10));
      await market.lock(await request(), tight);
      const second = await request();
      await expect(as(tight).lock(second.id, second.terms)).to.be.revertedWithCustomError(
        stake(),
        "InsufficientFreeStake",
      );
      await expect(market.as(tight).stake.unbond(units(11))).to.be.revertedWithCustomError(
        stake(),
        "InsufficientFreeStake",
      );
    });

    it("P7: consent withdrawn after the request refuses the lock", async () => {
      const offer = await market.offer(hospital.signer, { asset: DATASET, assetId: hospital.dataset, version: 1n });
      const license = await market.buy(sponsor, offer, 2n, research(sponsor.address));
      const use = {
        dataset: hospital.dataset,
        datasetVersion: 1n,
        datasetLicense: license,
        purpose: research(sponsor.address),
      };
      const [first, second] = [await request(use), await request(use)];
      expect((await market.contracts.licenses.licenseOf(license)).reserved).to.equal(2n);
      await market.lock(first, prover);
      await market.withdrawConsent(hospital);
      await expect(as(prover).lock(second.id, second.terms)).to.be.revertedWithCustomError(
        market.contracts.consent,
        "NoGrants",
      );
      await expect(
        as(sponsor).request(await market.terms(model, use, sponsor), "", NO_PERMIT),
      ).to.be.revertedWithCustomError(market.contracts.consent, "NoGrants");
      // The lock that was there before stands, is delivered and paid; the other's use comes back.
      await market.done(market.as(prover).receipts.settle(await market.proven(first, prover), GAS));
      await market.done(as(sponsor).cancel(second.id, second.terms, GAS));
      const { reserved, used } = await market.contracts.licenses.licenseOf(license);
      expect([reserved, used]).to.deep.equal([0n, 1n]);
      await market.done(market.as(other).licenses.close(license, GAS));
      await market.done(market.as(other).licenses.collect(license, GAS));
      expect(await market.held("license", license)).to.equal(0n);
      const earned = units(3);
      expect(await market.credit(hospital.address)).to.equal(earned - (earned * 200n) / 10_000n);
    });

    it("a use reserved by a job that comes to nothing is no way around an offer's minimum", async () => {
      const price = units(3);
      const offer = await market.offer(owner, { assetId: model.id, price, minUnits: 2n });
      const license = await market.buy(sponsor, offer, 4n);
      const jobs = [];
      for (let i = 0; i < 3; i++) jobs.push(await request({ modelLicense: license }));
      const before = await market.credit(sponsor.address);
      await market.done(market.as(sponsor).licenses.close(license, GAS));
      expect((await market.credit(sponsor.address)) - before).to.equal(price);
      let deposits = 0n;
      for (const job of jobs) {
        deposits += await deposit(job);
        await market.done(as(sponsor).cancel(job.id, job.terms, GAS));
      }
      expect((await market.credit(sponsor.address)) - before - deposits, "two of four units stay").to.equal(2n * price);
      await market.done(market.as(other).licenses.collect(license, GAS));
      expect(await market.held("license", license), "P4").to.equal(0n);
      expect((await market.contracts.licenses.licenseOf(license)).collected).to.equal(2n * price);
    });

    it("a licence closed while a job holds one of its uses pays for it when the job is delivered, and returns it when not", async () => {
      const offer = await market.offer(owner, { assetId: model.id, price: units(3) });
      for (const delivered of [true, false]) {
        const license = await market.buy(sponsor, offer, 4n);
        const job = await request({ modelLicense: license });
        const before = await market.credit(sponsor.address);
        await market.done(market.as(sponsor).licenses.close(license, GAS));
        expect((await market.credit(sponsor.address)) - before).to.equal(units(9));
        await market.lock(job, prover);
        if (delivered) {
          await market.done(market.as(prover).receipts.settle(await market.proven(job, prover), GAS));
          await market.done(market.as(prover).licenses.collect(license, GAS));
        } else {
          await expired(job);
          await market.system.time.increaseTo(job.terms.deadline + 1n);
          await market.done(as(other).end(job.id, job.terms, GAS));
          expect((await market.credit(sponsor.address)) - before).to.equal(units(12) + (await deposit(job)));
        }
        expect(await market.held("license", license)).to.equal(0n);
      }
    });

    it("refuses the licence of somebody else, of another asset, or for another purpose", async () => {
      const offer = await market.offer(owner, { assetId: model.id });
      const [foreign, data] = [
        await market.buy(other, offer, 4n),
        await market.offer(hospital.signer, { asset: DATASET, assetId: hospital.dataset, version: 1n }),
      ];
      const { licenses } = market.contracts;
      const tried = async (change: Partial<JobTerms>) =>
        as(sponsor).request(await market.terms(model, change, sponsor), "", NO_PERMIT);
      await market.system.fund(sponsor, units(100));
      await expect(tried({ modelLicense: foreign })).to.be.revertedWithCustomError(licenses, "NotLicensee");
      const license = await market.buy(sponsor, data, 4n, research(sponsor.address));
      await expect(tried({ modelLicense: license })).to.be.revertedWithCustomError(licenses, "LicenseMismatch");
      const use = { dataset: hospital.dataset, datasetVersion: 1n, datasetLicense: license };
      await expect(
        tried({ ...use, purpose: { ...research(sponsor.address), permission: 6n } }),
      ).to.be.revertedWithCustomError(licenses, "LicenseMismatch");
    });
  });

  describe("private input and sealed weights", () => {
    it("[attack 153] an unauthorised locker never comes to hold a private input or sealed weights", async () => {
      const job = await chosen();
      await expect(as(other).lock(job.id, job.terms)).to.be.revertedWithCustomError(compute(), "ProverNotAccepted");
      const mine = await market.request(
        model,
        {
          sealedWeights: true,
          ackWindow: 900n,
          provers: [prover.address],
          sponsor: owner.address,
        },
        owner,
      );
      await expect(as(prover).lock(mine.id, mine.terms))
        .to.be.revertedWithCustomError(compute(), "ProverNotAuthorised")
        .withArgs(model.id, prover.address);
      const { inft } = market.as(owner);
      const now = await market.system.now();
      await market.done(inft.authorizeUsageUntil(model.id, prover.address, now + 100n, GAS));
      await market.system.time.increaseTo(now + 100n);
      await expect(as(prover).lock(mine.id, mine.terms), "expired").to.be.revertedWithCustomError(
        compute(),
        "ProverNotAuthorised",
      );
      await market.done(inft.authorizeUsageUntil(model.id, prover.address, now + DAY, GAS));
      await market.lock(mine, prover);
    });

    it("[attack 163] a sponsor that withholds the input costs the locker nothing", async () => {
      const job = await chosen();
      await market.lock(job, prover);
      // No delivery and no expiry before the acknowledgement: nothing to be blamed for.
      await expect(market.as(prover).receipts.settle(await market.proven(job, prover))).to.be.revertedWithCustomError(
        compute(),
        "NotAcknowledged",
      );
      await expect(as(other).abandon(job.id, job.terms)).to.be.revertedWithCustomError(compute(), "TooEarly");
      await market.system.time.increaseTo((await until(job)) + 1n);
      await expect(as(sponsor).expire(job.id, job.terms)).to.be.revertedWithCustomError(compute(), "NotAcknowledged");
      await expect(as(prover).acknowledge(job.id, job.terms)).to.be.revertedWithCustomError(compute(), "TooLate");
      await market.done(as(other).abandon(job.id, job.terms, GAS));
      expect(await stake().lockedOf(prover.address)).to.equal(0n);
      expect(await stake().activeOf(prover.address)).to.equal(units(1_000));
      expect(await stake().missesOf(prover.address)).to.equal(0n);
      expect(await state(job)).to.equal(State.open);
    });

    it("before the acknowledgement either side leaves without a slash; after it the sponsor cannot", async () => {
      const [left, cancelled, held] = [await chosen(), await chosen(), await chosen()];
      for (const job of [left, cancelled, held]) await market.lock(job, prover);
      await market.done(as(prover).abandon(left.id, left.terms, GAS));
      await market.done(as(sponsor).cancel(cancelled.id, cancelled.terms, GAS));
      expect(await market.credit(sponsor.address)).to.equal(await deposit(cancelled));
      await expect(as(other).acknowledge(held.id, held.terms)).to.be.revertedWithCustomError(compute(), "NotLocker");
      await market.done(as(prover).acknowledge(held.id, held.terms, GAS));
      await expect(as(sponsor).cancel(held.id, held.terms)).to.be.revertedWithCustomError(compute(), "WrongState");
      await expect(as(prover).abandon(held.id, held.terms)).to.be.revertedWithCustomError(compute(), "WrongState");
      expect(await stake().activeOf(prover.address)).to.equal(units(1_000));
      expect(await stake().lockedOf(prover.address)).to.equal(collateral);
    });
  });

  describe("expiry", () => {
    it("[attack 102] a lock without delivery is slashed; fee and collateral go to whoever delivers, the sponsor is whole", async () => {
      const job = await request();
      await market.lock(job, prover);
      await expect(as(other).expire(job.id, job.terms)).to.be.revertedWithCustomError(compute(), "TooEarly");
      await expired(job);
      expect(await stake().activeOf(prover.address)).to.equal(units(1_000) - collateral);
      expect(await stake().missesOf(prover.address)).to.equal(1n);
      expect(await market.credit(market.system.treasury)).to.equal(CUT);
      expect(await market.held("job", job.id)).to.equal((await deposit(job)) + collateral - CUT);

      await market.lock(job, other);
      const { fee } = await compute().jobOf(job.id);
      await market.done(market.as(other).receipts.settle(await market.proven(job, other), GAS));
      expect(await market.credit(other.address)).to.equal(fee + collateral - CUT);
      const royalty = (fee * 500n) / 10_000n;
      const protocol = (fee * 200n) / 10_000n;
      expect(await market.credit(owner.address)).to.equal(royalty);
      expect(await market.held("job", 0n)).to.equal(protocol);
      await market.done(as(prover).sweepFees(GAS));
      await market.done(as(prover).sweepFees(GAS));
      expect(await market.credit(market.system.treasury)).to.equal(CUT + protocol);
      expect(await market.credit(sponsor.address)).to.equal((await deposit(job)) - fee - royalty - protocol);
      expect(await market.held("job", job.id), "P4").to.equal(0n);
    });

    it("the ramp stands still while a lock holds, however late somebody ends it", async () => {
      const job = await request();
      const { rampStart } = await compute().jobOf(job.id);
      await market.system.time.setNextBlockTimestamp(rampStart + 600n);
      await market.lock(job, prover);
      const end = await until(job);
      await market.system.time.setNextBlockTimestamp(end + 300n);
      expect(await compute().feeOf(job.id, job.terms)).to.equal(feeMin + (feeMax - feeMin) / 6n);
      await market.lock(job, other); // ends the expired lock on the way
      expect((await compute().jobOf(job.id)).fee).to.equal(feeMin + (feeMax - feeMin) / 4n);
      expect(await stake().missesOf(prover.address)).to.equal(1n);
    });

    it("[attack 84] in the last second of a lock it is delivered, not expired; in the next it is expired, not delivered", async () => {
      const [one, two] = [await request(), await request()];
      for (const job of [one, two]) await market.lock(job, prover);
      const items = [await market.proven(one, prover), await market.proven(two, prover)] as const;
      await market.system.time.setNextBlockTimestamp(await until(one));
      await market.done(market.as(prover).receipts.settle(items[0], GAS));
      const last = await until(two);
      await market.system.time.setNextBlockTimestamp(last + 1n);
      await expect(market.as(prover).receipts.settle(items[1]))
        .to.be.revertedWithCustomError(compute(), "TooLate")
        .withArgs(two.id, last);
      await market.done(as(other).expire(two.id, two.terms, GAS));
    });

    it("[attack 146] collateral of a prover that fails never reaches the sponsor: the treasury takes it when the job ends", async () => {
      const job = await request();
      await market.lock(job, prover);
      await market.system.time.increaseTo(job.terms.deadline + 1n);
      await market.done(as(other).end(job.id, job.terms, GAS));
      expect(await market.credit(sponsor.address)).to.equal(await deposit(job));
      expect(await market.credit(market.system.treasury)).to.equal(collateral);
      expect(await market.held("job", job.id)).to.equal(0n);
      expect(await state(job)).to.equal(State.ended);
    });

    it("[attack 83] a job pays once: nothing follows a settlement or an end", async () => {
      const [settled, ended] = [await request(), await request()];
      await market.lock(settled, prover);
      const item = await market.proven(settled, prover);
      await market.done(market.as(prover).receipts.settle(item, GAS));
      await market.done(as(sponsor).cancel(ended.id, ended.terms, GAS));
      await market.system.time.increaseTo(settled.terms.deadline + DAY);
      await expect(market.as(prover).receipts.settle(item)).to.be.revertedWithCustomError(compute(), "WrongState");
      for (const job of [settled, ended])
        for (const call of ["cancel", "end", "expire", "abandon", "lock"] as const) {
          const who = call === "cancel" ? sponsor : prover;
          await expect(as(who)[call](job.id, job.terms), call).to.be.revertedWithCustomError(compute(), "WrongState");
        }
    });

    it("[attack 92] a party that has too little left loses all it has, and the job goes on", async () => {
      const job = await request();
      const thin = await market.prover("thin", collateral);
      await market.lock(job, thin);
      // Another offence has taken half of it in the meantime.
      const settlement = await market.system.ethers.getImpersonatedSigner(
        market.system.deployment.addresses.settlement,
      );
      await market.system.connection.networkHelpers.setBalance(settlement.address, 10n ** 18n);
      const compensation = id("mednexus.purpose.compensation");
      const { slash } = market.as(settlement as never).stake;
      await market.done(slash(thin.address, collateral / 2n, 0n, id("offence"), compensation, ZeroHash, GAS));
      await expired(job);
      expect(await stake().activeOf(thin.address)).to.equal(0n);
      expect(await stake().lockedOf(thin.address)).to.equal(0n);
      expect((await compute().jobOf(job.id)).collected).to.equal(collateral / 2n - CUT / 2n);
    });

    it("suspends after N misses", async () => {
      for (let i = 0n; i < parameters.suspendAfter; i++) {
        const job = await request();
        await market.lock(job, prover);
        await expired(job);
      }
      const job = await request();
      await expect(as(prover).lock(job.id, job.terms)).to.be.revertedWithCustomError(stake(), "PartySuspended");
    });
  });

  describe("a retired verifier", () => {
    it("P10: ends a job in any state without blame", async () => {
      const jobs = [await request(), await request(), await chosen()];
      await market.lock(jobs[1]!, prover);
      await market.lock(jobs[2]!, prover);
      await market.done(market.contracts.verifiers.retire(market.verifier, GAS));
      await market.system.time.increaseTo((await until(jobs[1]!)) + 1n);
      await expect(as(other).lock(jobs[0]!.id, jobs[0]!.terms)).to.be.revertedWithCustomError(
        compute(),
        "VerifierNotLive",
      );
      await expect(
        as(other).expire(jobs[1]!.id, jobs[1]!.terms),
        "late, but nobody can prove",
      ).to.be.revertedWithCustomError(compute(), "VerifierNotLive");
      let due = 0n;
      for (const job of jobs) {
        await market.done(as(other).end(job.id, job.terms, GAS));
        due += await deposit(job);
        expect(await state(job)).to.equal(State.ended);
      }
      expect(await market.credit(sponsor.address)).to.equal(due);
      expect(await stake().activeOf(prover.address)).to.equal(units(1_000));
      expect(await stake().lockedOf(prover.address)).to.equal(0n);
      expect(await stake().missesOf(prover.address)).to.equal(0n);
    });
  });

  it("[attack 151] a job can run out, and everybody can leave, before any upgrade or new module could take its escrow", async () => {
    const { parameters: params, vault } = market.contracts;
    const p = await params.get();
    const now = await market.system.now();
    const terms = await market.terms(model, { deadline: now + p.maxDisputeWindows - 60n }, sponsor);
    await market.system.fund(sponsor, units(100));
    await market.done(as(sponsor).request(terms, "", NO_PERMIT, GAS));
    expect(p.maxDisputeWindows).to.be.lessThan(p.unbonding);
    expect(p.unbonding).to.be.lessThan(p.upgradeDelay);
    expect(p.unbonding).to.be.lessThan(await vault.moduleDelay());
    // An upgrade scheduled in the same second comes after the job's last second; so does a module that would take the purpose over.
    expect(terms.deadline).to.be.lessThan(now + p.upgradeDelay);
    await market.done(vault.scheduleAssignment(id("mednexus.purpose.job"), other.address, GAS));
    await market.system.time.increaseTo(terms.deadline + 1n);
    await expect(vault.activateAssignment(id("mednexus.purpose.job"))).to.be.revertedWithCustomError(
      vault,
      "NotYetActive",
    );
    await market.done(as(other).end(1n, terms, GAS));
    await market.done(market.as(prover).stake.unbond(units(1_000), GAS));
    await market.system.pass(p.unbonding);
    await market.done(market.as(prover).stake.withdrawUnbonded(0n, GAS));
    await expect(vault.activateAssignment(id("mednexus.purpose.job"))).to.be.revertedWithCustomError(
      vault,
      "NotYetActive",
    );
  });

  it("refuses deliveries, attestations, refutations and releases that do not come from JobReceipts", async () => {
    const job = await request();
    await market.lock(job, prover);
    const { sponsor: who, modelLicense, datasetLicense, challengeWindow } = job.terms;
    const licences = { modelLicense, datasetLicense };
    const stakes = {
      sponsor: who,
      model: model.id,
      feeMax,
      collateral,
      challengeWindow,
      ofDataset: false,
      ...licences,
    };
    const [hash, by] = [market.termsHash(job.terms), prover.address];
    for (const call of [
      () => as(prover).deliver(job.id, hash, stakes, by),
      () => as(prover).attest(job.id, hash, stakes, by, ZeroHash),
      () => as(prover).refute(job.id, hash, stakes, ZeroHash, by),
      () => as(prover).release(job.id, hash, stakes, ZeroHash),
    ])
      await expect(call()).to.be.revertedWithCustomError(compute(), "NotReceipts").withArgs(prover.address);
  });
});
