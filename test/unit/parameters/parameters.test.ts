import { expect } from "chai";
import { encodeBytes32String } from "ethers";
import { DAY, type Economy, describeEconomy, parameters } from "../../fixtures/economy.ts";
import { seededInt, seededRandom, testSeed } from "../../vectors/seeded.ts";

const HOUR = 3_600n;

describeEconomy("ProtocolParameters", (get) => {
  let e: Economy;
  beforeEach(() => {
    e = get();
  });

  describe("bounds", () => {
    const TOKENS = 10n ** 6n;
    const bounds: [keyof typeof parameters, bigint, bigint][] = [
      ["minWindow", 1n, DAY],
      ["maxDisputeWindows", 8n * parameters.minWindow, 14n * DAY],
      ["unbonding", 15n * DAY, 60n * DAY],
      ["upgradeDelay", 16n * DAY, 90n * DAY],
      ["protocolFeeBps", 0n, 500n],
      ["treasuryCutBps", 2_000n, 10_000n],
      ["suspendAfter", 1n, 100n],
      ["suspension", DAY, 365n * DAY],
      ["minBond", 1n, 1_000_000n * TOKENS],
      ["minNodeLock", 1n, 1_000_000n * TOKENS],
      ["minComplaintBond", 1n, 1_000_000n * TOKENS],
    ];
    for (const [name, min, max] of bounds) {
      it(`[attack 110] keeps ${name} inside ${min}..${max}`, async () => {
        // Neighbours that leave room for the relation at both ends.
        const room = (value: bigint) => ({
          ...parameters,
          ...(name === "unbonding" ? { upgradeDelay: 90n * DAY } : {}),
          ...(name === "upgradeDelay" ? { unbonding: 15n * DAY } : {}),
          ...(name === "minWindow" ? { maxDisputeWindows: 14n * DAY } : {}),
          [name]: value,
        });
        for (const value of [min, max]) {
          await e.params.set!(room(value));
          expect((await e.params.get!())[name]).to.equal(value);
        }
        for (const value of [min - 1n, max + 1n]) {
          if (value < 0n) continue;
          await expect(e.params.set!(room(value)))
            .to.be.revertedWithCustomError(e.params, "OutOfBounds")
            .withArgs(encodeBytes32String(name), value, min, max);
        }
      });
    }

    it("keeps dispute windows < unbonding < upgrade delay at equality", async () => {
      for (const broken of [
        { unbonding: 30n * DAY, upgradeDelay: 30n * DAY },
        { unbonding: 31n * DAY, upgradeDelay: 30n * DAY },
      ]) {
        await expect(e.params.set!({ ...parameters, ...broken }))
          .to.be.revertedWithCustomError(e.params, "RelationBroken")
          .withArgs(parameters.maxDisputeWindows, broken.unbonding, broken.upgradeDelay);
      }
      // Windows of 14 days and unbonding of 15 are the closest legal pair: the hard bounds keep them apart for all times, not only now.
      await e.params.set!({
        ...parameters,
        maxDisputeWindows: 14n * DAY,
        unbonding: 15n * DAY,
        upgradeDelay: 16n * DAY,
      });
    });

    it("asks for windows of five minutes off devnets", async () => {
      const { default: hre } = await import("hardhat");
      const { ethers, close } = await hre.network
        .create({ network: "default", override: { chainId: 10 } })
        .then((c) => ({ ethers: c.ethers, close: () => c.close() }));
      const [admin] = await ethers.getSigners();
      const implementation = await ethers.deployContract("ProtocolParameters");
      const authority = await ethers.deployContract("AccessManager", [admin!.address]);
      const deploy = async (minWindow: bigint) =>
        ethers.deployContract("ERC1967Proxy", [
          await implementation.getAddress(),
          implementation.interface.encodeFunctionData("initialize", [
            await authority.getAddress(),
            { ...parameters, minWindow },
            admin!.address,
          ]),
        ]);
      await expect(deploy(299n))
        .to.be.revertedWithCustomError(implementation, "OutOfBounds")
        .withArgs(encodeBytes32String("minWindow"), 299n, 300n, DAY);
      await deploy(300n);
      await close();
    });

    it("lets only the governor set, and refuses a treasury of zero", async () => {
      for (const who of [e.eve, e.guardian]) {
        const p = e.as(e.params, who);
        await expect(p.set!(parameters))
          .to.be.revertedWithCustomError(p, "AccessManagedUnauthorized")
          .withArgs(who.address);
        await expect(p.setTreasury!(who.address)).to.be.revertedWithCustomError(p, "AccessManagedUnauthorized");
      }
      await expect(e.params.setTreasury!(`0x${"0".repeat(40)}`)).to.be.revertedWithCustomError(
        e.params,
        "ZeroTreasury",
      );
      await e.params.setTreasury!(e.dave.address);
      expect(await e.params.treasury!()).to.equal(e.dave.address);
    });
  });

  describe("pause", () => {
    const pause = (duration: bigint) => e.as(e.params, e.guardian).pauseEntries!(duration);
    const resume = () => e.as(e.params, e.guardian).resumeEntries!();

    it("stops entries until its end, for guardians only", async () => {
      await expect(e.as(e.params, e.eve).pauseEntries!(1n)).to.be.revertedWithCustomError(
        e.params,
        "AccessManagedUnauthorized",
      );
      await e.params.requireEntriesOpen!();
      await pause(DAY);
      const until = await e.params.entriesPausedUntil!();
      await expect(e.params.requireEntriesOpen!())
        .to.be.revertedWithCustomError(e.params, "EntriesArePaused")
        .withArgs(until);
      await e.networkHelpers.time.increaseTo(until - 1n);
      await expect(e.params.requireEntriesOpen!()).to.be.revertedWithCustomError(e.params, "EntriesArePaused");
      await e.networkHelpers.time.increaseTo(until);
      await e.params.requireEntriesOpen!();
    });

    it("[attack 111] ends: 7 days at once, none after that until 30 days have slid by", async () => {
      await expect(pause(7n * DAY + 1n))
        .to.be.revertedWithCustomError(e.params, "PauseTooLong")
        .withArgs(7n * DAY + 1n, 7n * DAY);
      await pause(7n * DAY);
      const end = await e.params.entriesPausedUntil!();
      // While paused the end cannot be pushed on.
      await expect(pause(7n * DAY)).to.be.revertedWithCustomError(e.params, "PauseTooLong");
      await e.networkHelpers.time.increaseTo(end);
      await expect(pause(HOUR)).to.be.revertedWithCustomError(e.params, "PauseTooLong").withArgs(HOUR, 0n);
      // At 23 days after the end the window [end − 7, end + 23] is full; each hour that slides out can be used again, no more.
      await e.networkHelpers.time.setNextBlockTimestamp(end + 23n * DAY);
      await expect(pause(HOUR + 1n)).to.not.revert(e.ethers);
    });

    it("[attack 111] cannot join the end of one month with the start of the next", async () => {
      const start = BigInt(await e.networkHelpers.time.latest()) + DAY;
      await e.networkHelpers.time.setNextBlockTimestamp(start);
      await pause(HOUR); // a calendar of fixed periods would begin here
      await e.networkHelpers.time.setNextBlockTimestamp(start + 23n * DAY);
      await pause(7n * DAY - HOUR);
      await e.networkHelpers.time.setNextBlockTimestamp(start + 30n * DAY);
      await expect(pause(7n * DAY)).to.be.revertedWithCustomError(e.params, "PauseTooLong");
    });

    it("gives unused time back when resumed early, and lets the governor resume", async () => {
      await pause(7n * DAY);
      await e.networkHelpers.time.increase(DAY);
      await expect(e.as(e.params, e.eve).resumeEntries!()).to.be.revertedWithCustomError(
        e.params,
        "AccessManagedUnauthorized",
      );
      await expect(e.params.resumeEntries!()).to.emit(e.params, "EntriesResumed").withArgs(e.admin.address);
      await e.params.requireEntriesOpen!();
      await pause(6n * DAY - HOUR);
      await resume();
      await expect(resume()).to.not.emit(e.params, "EntriesResumed");
    });

    it("remembers 8 pauses and refuses a ninth inside 30 days", async () => {
      for (let i = 0; i < 8; i++) {
        await pause(60n);
        await e.networkHelpers.time.increase(DAY);
      }
      await expect(pause(60n)).to.be.revertedWithCustomError(e.params, "TooManyPauses").withArgs(8n);
      await e.networkHelpers.time.increase(22n * DAY);
      await pause(60n);
    });

    it("[attack 111] never exceeds 7 days in any 30, whatever the guardian tries (seeded)", async () => {
      const seed = testSeed();
      const bytes = seededRandom(seed);
      const random = (below: bigint | number) => seededInt(bytes, 0n, BigInt(below) - 1n);
      const pauses: { from: bigint; until: bigint }[] = [];
      let now = BigInt(await e.networkHelpers.time.latest());
      let accepted = 0;
      for (let i = 0; i < 150; i++) {
        now += 1n + random(4n * DAY);
        await e.networkHelpers.time.setNextBlockTimestamp(now);
        const last = pauses.at(-1);
        const running = last !== undefined && now < last.until;
        if (running && random(3) === 0n) {
          await resume();
          last.until = now;
          continue;
        }
        const duration = random(random(2) === 0n ? 8n * DAY : DAY);
        const ok = await pause(duration).then(
          () => true,
          () => false,
        );
        if (!ok) continue;
        accepted++;
        if (running) last.until = now + duration;
        else pauses.push({ from: now, until: now + duration });
      }
      // Maxima lie where a window starts or ends with a pause.
      const overlap = (start: bigint) =>
        pauses.reduce((sum, { from, until }) => {
          const a = from > start ? from : start;
          const b = until < start + 30n * DAY ? until : start + 30n * DAY;
          return b > a ? sum + b - a : sum;
        }, 0n);
      const worst = pauses
        .flatMap(({ from, until }) => [overlap(from), overlap(until - 30n * DAY)])
        .reduce((a, b) => (a > b ? a : b));
      expect(accepted, `seed ${seed}`).to.be.greaterThan(10);
      expect(worst <= 7n * DAY, `seed ${seed}: ${worst} s`).to.equal(true);
      expect(worst > 3n * DAY, `seed ${seed} is too tame: ${worst} s`).to.equal(true);
    });
  });
});
