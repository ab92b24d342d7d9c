import { expect } from "chai";
import { id, Signature, type Wallet, ZeroAddress, ZeroHash } from "ethers";
import {
  DATASET,
  DAY,
  deployMarket,
  GAS,
  type Market,
  MODEL,
  type Model,
  NO_PERMIT,
  NO_PURPOSE,
  PER_USE,
  research,
  TIMED,
  units,
} from "../../fixtures/market.ts";
import type { Institution } from "../../fixtures/system.ts";

const FEE_BPS = 200n;
const floor = (amount: bigint, bps: bigint): bigint => (amount * bps) / 10_000n;

describe("LicenseMarket", () => {
  let market: Market;
  let model: Model;
  let hospital: Institution;
  let seller: Wallet;
  let buyer: Wallet;
  let payees: [Wallet, Wallet];
  let token: string;
  let snapshot: { restore(): Promise<void> };
  const licenses = () => market.contracts.licenses;
  const spent = async (who: string) => (await market.system.token()).balanceOf!(who) as Promise<bigint>;

  before(async () => {
    market = await deployMarket();
    const { system } = market;
    seller = await system.wallet("seller");
    buyer = await system.wallet("buyer");
    payees = [await system.wallet("payee 0"), await system.wallet("payee 1")];
    model = await market.model(seller, {
      royaltyBps: 1_000n,
      split: payees.map(({ address }, i) => ({ account: address, bps: i === 0 ? 3_333n : 6_667n })),
    });
    hospital = await system.institution();
    token = system.deployment.token;
    snapshot = await system.connection.networkHelpers.takeSnapshot();
  });
  afterEach(() => snapshot.restore());

  /** P4 for one licence: what was paid lies in its account, in credits of payees, or with the licensee. */
  async function conserved(license: bigint, paid: bigint, owners: string[]): Promise<void> {
    let sum = await market.held("license", license);
    for (const owner of owners) sum += await market.credit(owner);
    expect(sum, "P4").to.equal(paid);
  }
  const parties = () => [seller.address, buyer.address, payees[0].address, payees[1].address, market.system.treasury];

  describe("offers", () => {
    it("are the owner's, immutable, and can be withdrawn", async () => {
      const offer = await market.offer(seller, { assetId: model.id });
      const {
        seller: by,
        asset,
        assetId,
        version,
        pricing,
        price,
        period,
        minUnits,
        maxUnits,
        hook,
      } = (await licenses().offerOf(offer)).terms;
      const terms = { seller: by, asset, assetId, version, pricing, price, period, minUnits, maxUnits, hook };
      await expect(market.as(buyer).licenses.offer({ ...terms, seller: buyer.address }))
        .to.be.revertedWithCustomError(licenses(), "NotAssetOwner")
        .withArgs(MODEL, model.id, buyer.address);
      await expect(market.as(buyer).licenses.offer(terms)).to.be.revertedWithCustomError(licenses(), "NotAssetOwner");
      await expect(market.as(buyer).licenses.withdrawOffer(offer)).to.be.revertedWithCustomError(
        licenses(),
        "NotAssetOwner",
      );
      const before = await market.buy(buyer, offer, 2n);
      await market.done(market.as(seller).licenses.withdrawOffer(offer));
      await expect(market.as(buyer).licenses.buy(offer, 1n, NO_PURPOSE, NO_PERMIT)).to.be.revertedWithCustomError(
        licenses(),
        "OfferIsWithdrawn",
      );
      expect(await licenses().isUsableBy(before, buyer.address)).to.equal(true);
    });

    it("are refused out of bounds, by name", async () => {
      const good = {
        seller: seller.address,
        asset: MODEL,
        assetId: model.id,
        version: 0n,
        pricing: TIMED,
        price: 1n,
        period: DAY,
        minUnits: 1n,
        maxUnits: 366n,
        hook: ZeroAddress,
      };
      await market.done(market.as(seller).licenses.offer(good, GAS));
      const cases: [Partial<typeof good>, string][] = [
        [{ price: 0n }, "price"],
        [{ maxUnits: 0n, minUnits: 0n }, "units"],
        [{ minUnits: 367n }, "units"],
        [{ maxUnits: 367n }, "period"],
        [{ period: 3_599n }, "period"],
        [{ pricing: PER_USE }, "period"],
        [{ version: 1n }, "version"],
      ];
      for (const [change, what] of cases)
        await expect(market.as(seller).licenses.offer({ ...good, ...change }), JSON.stringify(what))
          .to.be.revertedWithCustomError(licenses(), "BadOffer")
          .withArgs(`0x${Buffer.from(what).toString("hex").padEnd(64, "0")}`);
      await expect(
        market.as(hospital.signer).licenses.offer({
          ...good,
          seller: hospital.address,
          asset: DATASET,
          assetId: hospital.dataset,
          version: 2n,
        }),
      ).to.be.revertedWithCustomError(market.contracts.datasets, "NoSuchVersion");
    });

    it("nobody buys from a seller that has sold the token; what was sold before stays the seller's", async () => {
      const offer = await market.offer(seller, { assetId: model.id });
      const license = await market.buy(buyer, offer, 3n);
      await market.done(market.as(seller).inft.transferFrom(seller.address, hospital.address, model.id, GAS));
      await expect(market.as(buyer).licenses.buy(offer, 1n, NO_PURPOSE, NO_PERMIT))
        .to.be.revertedWithCustomError(licenses(), "SellerMoved")
        .withArgs(offer, hospital.address);
      await market.done(market.as(buyer).licenses.use(license, 3n, GAS));
      await market.done(market.as(hospital.signer).licenses.collect(license, GAS));
      expect(await market.credit(hospital.address)).to.equal(0n);
      expect(await market.credit(seller.address)).to.be.greaterThan(0n);
    });
  });

  describe("buying", () => {
    it("[attack 70] takes payment by permit in one transaction, also when the permit was used in front of it", async () => {
      const offer = await market.offer(seller, { assetId: model.id, price: units(5) });
      const erc20 = await market.system.token(buyer);
      await market.done(erc20.mint!(buyer.address, units(10), GAS));
      const vault = market.system.deployment.addresses.vault;
      const sign = async (value: bigint) => {
        const deadline = (await market.system.now()) + DAY;
        const domain = { name: await erc20.name!(), version: "1", chainId: 31337n, verifyingContract: token };
        const fields = ["owner address", "spender address", "value uint256", "nonce uint256", "deadline uint256"];
        const type = { Permit: fields.map((f) => ({ name: f.split(" ")[0]!, type: f.split(" ")[1]! })) };
        const nonce = (await erc20.nonces!(buyer.address)) as bigint;
        const message = { owner: buyer.address, spender: vault, value, nonce, deadline };
        const { v, r, s } = Signature.from(await buyer.signTypedData(domain, type, message));
        return { deadline, v, r, s };
      };
      await market.done(market.as(buyer).licenses.buy(offer, 1n, NO_PURPOSE, await sign(units(5)), GAS));
      const copied = await sign(units(5));
      const { deadline, v, r, s } = copied;
      await market.done(
        (await market.system.token(seller)).permit!(buyer.address, vault, units(5), deadline, v, r, s, GAS),
      );
      await market.done(market.as(buyer).licenses.buy(offer, 1n, NO_PURPOSE, copied, GAS));
      expect(await spent(buyer.address)).to.equal(0n);
      // A permit for less than the price pays nothing.
      await market.done(erc20.mint!(buyer.address, units(10), GAS));
      await expect(
        market.as(buyer).licenses.buy(offer, 1n, NO_PURPOSE, await sign(units(4))),
      ).to.be.revertedWithCustomError(erc20, "ERC20InsufficientAllowance");
    });

    it("refuses units outside the offer, an unknown offer, and everything while entries are paused", async () => {
      const offer = await market.offer(seller, { assetId: model.id, maxUnits: 5n });
      for (const count of [0n, 6n])
        await expect(market.as(buyer).licenses.buy(offer, count, NO_PURPOSE, NO_PERMIT))
          .to.be.revertedWithCustomError(licenses(), "BadUnits")
          .withArgs(count, 5n);
      await expect(market.as(buyer).licenses.buy(99n, 1n, NO_PURPOSE, NO_PERMIT)).to.be.revertedWithCustomError(
        licenses(),
        "NoSuchOffer",
      );
      const license = await market.buy(buyer, offer, 2n);
      await market.done(market.contracts.parameters.pauseEntries(DAY, GAS));
      await expect(market.as(buyer).licenses.buy(offer, 1n, NO_PURPOSE, NO_PERMIT)).to.be.revertedWithCustomError(
        market.contracts.parameters,
        "EntriesArePaused",
      );
      // P8: uses and exits run while paused.
      await market.done(market.as(buyer).licenses.use(license, 1n, GAS));
      await market.done(market.as(seller).licenses.collect(license, GAS));
      await market.done(market.as(buyer).licenses.close(license, GAS));
    });

    it("[attack 74] a dataset's licence is for one purpose that consent allows, of the buyer itself", async () => {
      const offer = await market.offer(hospital.signer, { asset: DATASET, assetId: hospital.dataset, version: 1n });
      await market.system.fund(buyer, units(100));
      const buy = (purpose: ReturnType<typeof research>) =>
        market.as(buyer).licenses.buy(offer, 1n, purpose, NO_PERMIT);
      await expect(buy({ ...research(buyer.address), permission: 4n })).to.be.revertedWithCustomError(
        market.contracts.consent,
        "PurposeRefused",
      );
      await expect(buy(research(seller.address)))
        .to.be.revertedWithCustomError(licenses(), "PurposeUserMismatch")
        .withArgs(seller.address, buyer.address);
      const license = await market.buy(buyer, offer, 1n, research(buyer.address));
      expect((await licenses().licenseOf(license)).purpose.permission).to.equal(42n);
      expect(await licenses().isLicensed(DATASET, hospital.dataset, 1n, buyer.address)).to.equal(true);
      expect(await licenses().isLicensed(DATASET, hospital.dataset, 2n, buyer.address)).to.equal(false);
      expect(await licenses().isLicensed(MODEL, hospital.dataset, 0n, buyer.address)).to.equal(false);
    });
  });

  describe("per use", () => {
    it("earns by the use, pays royalty to the split, fee to the treasury, the rest to the seller", async () => {
      const price = 1_000_003n;
      const offer = await market.offer(seller, { assetId: model.id, price });
      const license = await market.buy(buyer, offer, 5n);
      expect(await licenses().earnedOf(license)).to.deep.equal([0n, 0n]);
      await market.done(market.as(buyer).licenses.use(license, 2n, GAS));
      await market.done(market.as(buyer).licenses.use(license, 1n, GAS));
      const earned = 3n * price;
      await market.done(market.as(buyer).licenses.collect(license, GAS));
      const fee = floor(earned, FEE_BPS);
      const parts = [3_333n, 6_667n].map((bps) => (earned * 1_000n * bps) / 100_000_000n);
      expect(await market.credit(market.system.treasury)).to.equal(fee);
      expect(await market.credit(payees[0].address)).to.equal(parts[0]);
      expect(await market.credit(payees[1].address)).to.equal(parts[1]);
      expect(await market.credit(seller.address)).to.equal(earned - fee - parts[0]! - parts[1]!);
      await expect(market.as(buyer).licenses.use(license, 3n))
        .to.be.revertedWithCustomError(licenses(), "LicenseExhausted")
        .withArgs(license, 2n);
      await market.done(market.as(buyer).licenses.use(license, 2n, GAS));
      expect(await licenses().isLicensed(MODEL, model.id, 0n, buyer.address)).to.equal(false);
      await market.done(market.as(seller).licenses.collect(license, GAS));
      await conserved(license, 5n * price, parties());
      expect(await market.held("license", license)).to.equal(0n);
    });

    it("[attack 86] collecting after every use pays the same as collecting once", async () => {
      const price = 49n; // 2 % of it rounds to nothing
      const offer = await market.offer(seller, { assetId: model.id, price });
      const often = await market.buy(buyer, offer, 50n);
      for (let i = 0; i < 50; i++) {
        await market.done(market.as(buyer).licenses.use(often, 1n, GAS));
        await market.done(market.as(seller).licenses.collect(often, GAS));
      }
      const total = 50n * price;
      expect(await market.credit(market.system.treasury)).to.equal(floor(total, FEE_BPS));
      expect(await market.credit(payees[1].address)).to.equal((total * 1_000n * 6_667n) / 100_000_000n);
      await conserved(often, total, parties());
    });

    it("[attack 75] only the licensee and its delegates use; a delegate that is withdrawn is nobody", async () => {
      const offer = await market.offer(seller, { assetId: model.id });
      const license = await market.buy(buyer, offer, 5n);
      const use = (who: Wallet) => market.as(who).licenses.use(license, 1n);
      await expect(use(seller))
        .to.be.revertedWithCustomError(licenses(), "NotLicensee")
        .withArgs(license, seller.address);
      await expect(market.as(seller).licenses.setDelegate(license, seller.address, true)).to.be.revertedWithCustomError(
        licenses(),
        "NotLicensee",
      );
      await market.done(market.as(buyer).licenses.setDelegate(license, seller.address, true, GAS));
      await market.done(market.as(seller).licenses.use(license, 1n, GAS));
      expect(await licenses().isUsableBy(license, seller.address)).to.equal(true);
      await market.done(market.as(buyer).licenses.setDelegate(license, seller.address, false, GAS));
      await expect(use(seller)).to.be.revertedWithCustomError(licenses(), "NotLicensee");
      expect((await licenses().licenseOf(license)).used).to.equal(1n);
    });

    it("returns unused uses to a licensee that leaves, less the offer's minimum, once", async () => {
      const price = units(3);
      const offer = await market.offer(seller, { assetId: model.id, price, minUnits: 4n });
      const license = await market.buy(buyer, offer, 10n);
      await market.done(market.as(buyer).licenses.use(license, 1n, GAS));
      await expect(market.as(seller).licenses.close(license)).to.be.revertedWithCustomError(
        licenses(),
        "NotYetClosable",
      );
      await market.done(market.as(buyer).licenses.close(license, GAS));
      expect(await market.credit(buyer.address)).to.equal(6n * price);
      await expect(market.as(buyer).licenses.close(license)).to.be.revertedWithCustomError(
        licenses(),
        "LicenseIsClosed",
      );
      await expect(market.as(buyer).licenses.use(license, 1n)).to.be.revertedWithCustomError(
        licenses(),
        "LicenseIsClosed",
      );
      await market.done(market.as(seller).licenses.collect(license, GAS));
      await market.done(market.as(seller).licenses.collect(license, GAS));
      await conserved(license, 10n * price, parties());
      expect(await market.held("license", license)).to.equal(0n);
    });
  });

  describe("by time", () => {
    const price = 1_000_001n;
    const timed = () =>
      market.offer(seller, { assetId: model.id, pricing: TIMED, price, period: 7n * DAY, maxUnits: 4n });

    it("earns by the second, expires, and is then earned whole", async () => {
      const offer = await timed();
      const license = await market.buy(buyer, offer, 2n);
      const { start } = await licenses().licenseOf(license);
      await market.system.time.increaseTo(start + 7n * DAY);
      expect((await licenses().earnedOf(license)).earned).to.equal(price);
      await expect(market.as(buyer).licenses.use(license, 3n, GAS), "P11: the event counts as storage does")
        .to.emit(licenses(), "LicenseUsed")
        .withArgs(license, buyer.address, 0n);
      expect((await licenses().licenseOf(license)).used).to.equal(0n);
      await market.system.time.increaseTo(start + 14n * DAY - 1n);
      expect(await licenses().isLicensed(MODEL, model.id, 0n, buyer.address)).to.equal(true);
      await market.system.time.increaseTo(start + 14n * DAY);
      expect(await licenses().isLicensed(MODEL, model.id, 0n, buyer.address)).to.equal(false);
      await expect(market.as(buyer).licenses.use(license, 1n))
        .to.be.revertedWithCustomError(licenses(), "LicenseExpired")
        .withArgs(license, start + 14n * DAY);
      await market.done(market.as(seller).licenses.collect(license, GAS));
      expect(await market.held("license", license)).to.equal(0n);
      await conserved(license, 2n * price, parties());
    });

    it("rounds what is earned up when the licensee closes and down when a payee collects", async () => {
      const offer = await timed();
      const license = await market.buy(buyer, offer, 2n);
      const { start } = await licenses().licenseOf(license);
      const elapsed = 3n * DAY + 17n;
      await market.system.time.setNextBlockTimestamp(start + elapsed);
      await market.done(market.as(buyer).licenses.close(license, GAS));
      const exact = 2n * price * elapsed;
      const duration = 14n * DAY;
      expect(exact % duration).to.not.equal(0n);
      expect(await market.credit(buyer.address)).to.equal(2n * price - (exact / duration + 1n));
      await market.done(market.as(seller).licenses.collect(license, GAS));
      expect(await market.held("license", license)).to.equal(0n);
      await conserved(license, 2n * price, parties());
    });
  });

  describe("consent", () => {
    const price = units(4);
    const offer = (minUnits = 0n, pricing = PER_USE) =>
      market.offer(hospital.signer, {
        asset: DATASET,
        assetId: hospital.dataset,
        version: 1n,
        price,
        minUnits,
        pricing,
        period: pricing === TIMED ? DAY : 0n,
      });

    it("[attack 72] refuses the use that comes after a withdrawal, and anybody may return what is not earned", async () => {
      const license = await market.buy(buyer, await offer(5n), 6n, research(buyer.address));
      await market.done(market.as(buyer).licenses.use(license, 1n, GAS));
      await expect(market.as(seller).licenses.close(license)).to.be.revertedWithCustomError(
        licenses(),
        "NotYetClosable",
      );
      await market.withdrawConsent(hospital);
      await expect(market.as(buyer).licenses.use(license, 1n)).to.be.revertedWithCustomError(
        market.contracts.consent,
        "NoGrants",
      );
      expect(await licenses().isLicensed(DATASET, hospital.dataset, 1n, buyer.address), "P7").to.equal(false);
      await market.done(market.as(seller).licenses.close(license, GAS));
      expect(await market.credit(buyer.address), "the minimum is not kept").to.equal(5n * price);
      await market.done(market.as(seller).licenses.collect(license, GAS));
      await conserved(license, 6n * price, [...parties(), hospital.address]);
      expect(await market.credit(hospital.address)).to.equal(price - floor(price, FEE_BPS));
    });

    it("whose epoch has moved lets the licensee leave with everything that is not earned; nobody else can end it", async () => {
      const license = await market.buy(buyer, await offer(5n, TIMED), 6n, research(buyer.address));
      const { start } = await licenses().licenseOf(license);
      await market.done(
        market.as(hospital.signer).consent.setGrants(hospital.dataset, id("grants without one"), 100n, false, GAS),
      );
      await market.system.time.increaseTo(start + 2n * DAY);
      expect(await licenses().isUsableBy(license, buyer.address)).to.equal(true);
      await expect(market.as(seller).licenses.close(license)).to.be.revertedWithCustomError(
        licenses(),
        "NotYetClosable",
      );
      await market.system.time.setNextBlockTimestamp(start + 3n * DAY);
      await market.done(market.as(buyer).licenses.close(license, GAS));
      expect(await market.credit(buyer.address)).to.equal(3n * price);
    });

    it("a refusal that is the licensee's own doing, its ethics approval, is no way around the minimum", async () => {
      const own = market.as(hospital.signer);
      await market.done(own.datasets.register(id("second manifest"), id("second root"), id("schema"), 1_000n, GAS));
      const { datasets } = market.contracts;
      const registered = await datasets.queryFilter(datasets.filters.DatasetRegistered(), -1);
      const dataset = BigInt(registered.at(-1)!.args.dataset);
      const approved = { permission: 42n, modifiers: 1n << 21n, disease: ZeroHash, notBefore: 0n, notAfter: 0n };
      const lists = { regions: [], users: [], projects: [], institutions: [] };
      await market.done(own.consent.setTerms(dataset, { ...approved, ...lists }, GAS));
      await market.done(own.consent.setGrants(dataset, id("grants"), 100n, false, GAS));
      const purpose = { ...research(buyer.address), modifiers: 1n << 21n };
      const record = async (until: bigint) =>
        market.done(market.as(buyer).consent.recordEthicsApproval(purpose, id("approval"), until, GAS));
      await record(10_000_000_000n);
      const terms = { asset: DATASET, assetId: dataset, version: 1n, price, minUnits: 5n };
      const license = await market.buy(buyer, await market.offer(hospital.signer, terms), 6n, purpose);
      await record(1n);
      await market.done(market.as(seller).licenses.close(license, GAS));
      expect(await market.credit(buyer.address)).to.equal(price);
      await market.done(market.as(seller).licenses.collect(license, GAS));
      expect(await market.held("license", license)).to.equal(0n);
    });

    it("[attack 89] a caller short of gas cannot make live consent look refused", async () => {
      const license = await market.buy(buyer, await offer(5n), 6n, research(buyer.address));
      const call = market.as(seller).licenses;
      let refusals = 0;
      for (let gas = 40_000n; gas < 200_000n; gas += 4_000n) {
        try {
          await market.done(call.close(license, { gasLimit: gas }));
          expect.fail(`closed with ${gas} gas`);
        } catch (error) {
          if ((error as Error).message.startsWith("closed")) throw error;
          refusals++;
        }
      }
      expect(refusals).to.equal(40);
      expect((await licenses().licenseOf(license)).closedAt).to.equal(0n);
    });
  });

  describe("other contracts", () => {
    it("an example consumer takes a use as delegate, admits by hook, and hears of an end", async () => {
      const { ethers } = market.system;
      const desk = await ethers.deployContract("SecondOpinion", [
        market.system.deployment.addresses.licenses,
        model.id,
      ]);
      const hook = await desk.getAddress();
      const offer = await market.offer(seller, { assetId: model.id, hook });
      await market.system.fund(buyer, units(100));
      const buy = () => market.as(buyer).licenses.buy(offer, 3n, NO_PURPOSE, NO_PERMIT);
      await expect(buy()).to.be.revertedWithCustomError(desk, "NotWelcome").withArgs(buyer.address);
      await desk.setWelcome!(buyer.address, true);
      const license = await market.buy(buyer, offer, 3n);

      const own = desk.connect(buyer) as typeof desk;
      await expect(own.ask!(license, ZeroHash)).to.be.revertedWithCustomError(licenses(), "NotLicensee");
      await market.done(market.as(buyer).licenses.setDelegate(license, hook, true, GAS));
      await expect(own.ask!(license, id("question")))
        .to.emit(desk, "Asked")
        .withArgs(1n, buyer.address, license, id("question"));
      expect(await own.lastQuestion!()).to.equal(1n);
      const stranger = desk.connect(seller) as typeof desk;
      await expect(stranger.ask!(license, ZeroHash)).to.be.revertedWithCustomError(desk, "NotYours");
      await expect(stranger.lastQuestion!()).to.be.revertedWithCustomError(desk, "NotLicensed");
      await expect(stranger.licenseChanged!(license, 1n)).to.be.revertedWithCustomError(desk, "NotMarket");
      await market.done(market.as(buyer).licenses.close(license, GAS));
      expect(await desk.closed!(license)).to.equal(true);
      await expect(own.lastQuestion!()).to.be.revertedWithCustomError(desk, "NotLicensed");
    });

    it("[attack 87] a hook that burns gas, floods or calls back blocks no use and no exit, and costs the bound", async () => {
      for (const mode of [1n, 2n, 3n]) {
        const hook = await market.system.ethers.deployContract("HostileHook", [mode]);
        const offer = await market.offer(seller, { assetId: model.id, hook: await hook.getAddress() });
        const buy = async () => market.buy(buyer, offer, 3n);
        if (mode === 3n) {
          await expect(buy(), "a hook that reverts refuses").to.be.revertedWithCustomError(
            licenses(),
            "NotYetClosable",
          );
          continue;
        }
        const license = await buy();
        const used = await market.done(market.as(buyer).licenses.use(license, 1n, { gasLimit: 400_000n }));
        expect(used.gasUsed).to.be.lessThan(230_000n);
        await expect(market.as(buyer).licenses.close(license, GAS)).to.emit(licenses(), "HookFailed");
        await expect(market.as(buyer).licenses.collect(license, GAS), "nothing of it needs the hook").to.emit(
          licenses(),
          "LicenseCollected",
        );
      }
      const wrong = await market.system.ethers.deployContract("HostileHook", [0n]);
      const offer = await market.offer(seller, { assetId: model.id, hook: await wrong.getAddress() });
      await expect(market.buy(buyer, offer, 1n)).to.be.revertedWithCustomError(licenses(), "HookRefused");
      expect(await licenses().latestLicenseOf(MODEL, model.id, buyer.address)).to.be.greaterThan(0n);
    });

    it("[attack 89] a hook that hears gets its gas, or the caller's transaction fails", async () => {
      const hook = await market.system.ethers.deployContract("HostileHook", [1n]);
      const offer = await market.offer(seller, { assetId: model.id, hook: await hook.getAddress() });
      const license = await market.buy(buyer, offer, 3n);
      await expect(market.as(buyer).licenses.use(license, 1n, { gasLimit: 130_000n })).to.be.revertedWithCustomError(
        licenses(),
        "GasTooLow",
      );
    });

    it("only ComputeMarket reserves", async () => {
      const license = await market.buy(buyer, await market.offer(seller, { assetId: model.id }), 3n);
      const call = market.as(buyer).licenses;
      await expect(call.reserve(license, buyer.address, MODEL, model.id, 0n, ZeroHash)).to.be.revertedWithCustomError(
        licenses(),
        "OnlyModule",
      );
      await expect(call.settleReservation(license, true)).to.be.revertedWithCustomError(licenses(), "OnlyModule");
    });
  });
});
