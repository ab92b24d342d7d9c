import { expect } from "chai";
import { ZeroHash, id } from "ethers";
import { DAY, type Economy, describeEconomy, parameters, party, purpose } from "../../fixtures/economy.ts";

const OFFENCE = id("offence");
const COMPENSATION = purpose("compensation");
const ROUND_1 = `0x${"1".padStart(64, "0")}`;
const UNBONDING = parameters.unbonding;

describeEconomy("Stake", (get) => {
  let e: Economy;
  beforeEach(() => {
    e = get();
  });
  const of = async (who: { address: string }) => ({
    active: await e.stake.activeOf!(who.address),
    locked: await e.stake.lockedOf!(who.address),
    free: await e.stake.freeOf!(who.address),
    unbonding: await e.stake.unbondingOf!(who.address),
  });
  /** Stake's own sum equals what the vault holds for the party. */
  const booked = async (who: { address: string }) => {
    const { active, unbonding } = await of(who);
    expect(await e.vault.heldOf!(await e.token.getAddress(), purpose("stake"), party(who.address)), "P4").to.equal(
      active + unbonding,
    );
  };
  const slash = (who: { address: string }, amount: bigint, loss: bigint) =>
    e.as(e.stake, e.settlement).slash!(who.address, amount, loss, OFFENCE, COMPENSATION, ROUND_1);
  const credit = async (address: string) => e.vault.creditOf!(await e.token.getAddress(), address);
  const compensation = async () => e.vault.heldOf!(await e.token.getAddress(), COMPENSATION, ROUND_1);

  describe("deposit, lock, unlock", () => {
    it("deposits through the vault, locks from free stake and gives back", async () => {
      await e.staked(e.alice, 100n);
      const rounds = e.as(e.stake, e.rounds);
      await expect(rounds.lock!(e.alice.address, 60n))
        .to.emit(e.stake, "Locked")
        .withArgs(e.alice.address, e.rounds.address, 60n);
      expect(await of(e.alice)).to.deep.equal({ active: 100n, locked: 60n, free: 40n, unbonding: 0n });
      expect(await e.stake.lockedBy!(e.alice.address, e.rounds.address)).to.equal(60n);
      expect(await e.stake.lockedBy!(e.alice.address, e.disputes.address)).to.equal(0n);
      await rounds.unlock!(e.alice.address, 60n);
      await expect(rounds.unlock!(e.alice.address, 1n))
        .to.be.revertedWithCustomError(e.stake, "InsufficientLock")
        .withArgs(e.alice.address, e.rounds.address, 0n, 1n);
      await booked(e.alice);
    });

    it("[attack 97] counts the same stake once: two locks, or a lock and an exit", async () => {
      await e.staked(e.alice, 100n);
      const rounds = e.as(e.stake, e.rounds);
      await rounds.lock!(e.alice.address, 60n);
      await expect(rounds.lock!(e.alice.address, 41n))
        .to.be.revertedWithCustomError(e.stake, "InsufficientFreeStake")
        .withArgs(e.alice.address, 40n, 41n);
      await expect(e.as(e.stake, e.alice).unbond!(41n)).to.be.revertedWithCustomError(e.stake, "InsufficientFreeStake");
      await e.as(e.stake, e.alice).unbond!(40n);
      await expect(rounds.lock!(e.alice.address, 1n)).to.be.revertedWithCustomError(e.stake, "InsufficientFreeStake");
    });

    it("[attack 97] a second locker locks from the same free stake, and each releases only its own", async () => {
      await e.staked(e.alice, 100n);
      const [rounds, compute] = [e.as(e.stake, e.rounds), e.as(e.stake, e.compute)];
      await rounds.lock!(e.alice.address, 60n);
      await compute.lock!(e.alice.address, 30n);
      expect(await of(e.alice)).to.deep.equal({ active: 100n, locked: 90n, free: 10n, unbonding: 0n });
      expect(await e.stake.lockedBy!(e.alice.address, e.rounds.address)).to.equal(60n);
      expect(await e.stake.lockedBy!(e.alice.address, e.compute.address)).to.equal(30n);
      for (const locker of [rounds, compute])
        await expect(locker.lock!(e.alice.address, 11n)).to.be.revertedWithCustomError(
          e.stake,
          "InsufficientFreeStake",
        );
      await expect(compute.unlock!(e.alice.address, 31n))
        .to.be.revertedWithCustomError(e.stake, "InsufficientLock")
        .withArgs(e.alice.address, e.compute.address, 30n, 31n);
      await expect(rounds.unlock!(e.alice.address, 61n))
        .to.be.revertedWithCustomError(e.stake, "InsufficientLock")
        .withArgs(e.alice.address, e.rounds.address, 60n, 61n);
      await rounds.unlock!(e.alice.address, 60n);
      await expect(rounds.unlock!(e.alice.address, 1n)).to.be.revertedWithCustomError(e.stake, "InsufficientLock");
      await compute.unlock!(e.alice.address, 30n);
      expect((await of(e.alice)).locked).to.equal(0n);
    });

    it("a slash leaves each module's lock standing; what is deposited later backs both", async () => {
      await e.staked(e.alice, 100n);
      const [rounds, compute] = [e.as(e.stake, e.rounds), e.as(e.stake, e.compute)];
      await rounds.lock!(e.alice.address, 60n);
      await compute.lock!(e.alice.address, 30n);
      await compute.slash!(e.alice.address, 50n, 50n, OFFENCE, purpose("job"), ROUND_1);
      expect(await of(e.alice)).to.deep.equal({ active: 50n, locked: 90n, free: 0n, unbonding: 0n });
      await expect(e.as(e.stake, e.alice).unbond!(1n)).to.be.revertedWithCustomError(e.stake, "InsufficientFreeStake");
      await compute.unlock!(e.alice.address, 30n);
      await rounds.unlock!(e.alice.address, 60n);
      expect((await of(e.alice)).free).to.equal(50n);
      await booked(e.alice);
    });

    it("lets only RoundManager and ComputeMarket lock and only ShareDisputes, NodeSums, RoundSettlement and ComputeMarket slash, into accounts of their own", async () => {
      await e.staked(e.alice, 100n);
      for (const who of [e.admin, e.alice, e.disputes, e.settlement, e.campaigns]) {
        await expect(e.as(e.stake, who).lock!(e.alice.address, 1n))
          .to.be.revertedWithCustomError(e.stake, "NotLocker")
          .withArgs(who.address);
        await expect(e.as(e.stake, who).unlock!(e.alice.address, 0n)).to.be.revertedWithCustomError(
          e.stake,
          "NotLocker",
        );
      }
      for (const who of [e.admin, e.alice, e.rounds, e.campaigns]) {
        await expect(e.as(e.stake, who).slash!(e.alice.address, 1n, 1n, OFFENCE, COMPENSATION, ROUND_1))
          .to.be.revertedWithCustomError(e.stake, "NotSlasher")
          .withArgs(who.address);
      }
      await expect(e.as(e.stake, e.disputes).slash!(e.alice.address, 1n, 1n, OFFENCE, COMPENSATION, ROUND_1))
        .to.be.revertedWithCustomError(e.stake, "ForeignPurpose")
        .withArgs(COMPENSATION, e.disputes.address);
      await expect(e.as(e.stake, e.compute).slash!(e.alice.address, 1n, 1n, OFFENCE, COMPENSATION, ROUND_1))
        .to.be.revertedWithCustomError(e.stake, "ForeignPurpose")
        .withArgs(COMPENSATION, e.compute.address);
    });

    it("[attack 148] takes new stake only while entries are open; locks, exits and slashes never stop", async () => {
      await e.staked(e.alice, 100n);
      await e.as(e.stake, e.alice).unbond!(10n);
      await e.networkHelpers.time.increase(UNBONDING);
      await e.as(e.params, e.guardian).pauseEntries!(DAY);
      await e.token.mint!(e.alice.address, 5n);
      await e.as(e.token, e.alice).approve!(e.modules.vault, 5n);
      await expect(e.as(e.stake, e.alice).deposit!(5n)).to.be.revertedWithCustomError(e.params, "EntriesArePaused");
      await e.as(e.stake, e.rounds).lock!(e.alice.address, 10n);
      await slash(e.alice, 10n, 10n);
      await e.as(e.stake, e.rounds).unlock!(e.alice.address, 10n);
      await e.as(e.stake, e.alice).unbond!(10n);
      await e.as(e.stake, e.alice).withdrawUnbonded!(0n);
      expect(await credit(e.alice.address)).to.equal(10n);
    });

    it("refuses zero amounts and sums beyond 96 bits", async () => {
      const alice = e.as(e.stake, e.alice);
      await expect(alice.deposit!(0n)).to.be.revertedWithCustomError(e.stake, "ZeroAmount");
      await expect(alice.unbond!(0n)).to.be.revertedWithCustomError(e.stake, "ZeroAmount");
      await expect(alice.deposit!(2n ** 96n))
        .to.be.revertedWithCustomError(e.stake, "StakeTooLarge")
        .withArgs(2n ** 96n);
      await e.staked(e.alice, 2n ** 96n - 10n);
      await alice.unbond!(100n);
      await expect(alice.deposit!(10n)).to.be.revertedWithCustomError(e.stake, "StakeTooLarge");
      await e.staked(e.alice, 9n);
      await booked(e.alice);
    });
  });

  describe("unbonding", () => {
    it("[attack 91] holds leaving stake for longer than every dispute, where a slash reaches it", async () => {
      expect(await e.params.MIN_UNBONDING!()).to.be.greaterThan(await e.params.MAX_DISPUTE_WINDOWS!());
      await e.staked(e.alice, 100n);
      await e.as(e.stake, e.alice).unbond!(100n);
      const [, releaseAt] = await e.stake.unbondingAt!(e.alice.address, 0n);
      await e.networkHelpers.time.setNextBlockTimestamp(releaseAt - 1n);
      await expect(e.as(e.stake, e.alice).withdrawUnbonded!(0n))
        .to.be.revertedWithCustomError(e.stake, "StillUnbonding")
        .withArgs(releaseAt);
      await slash(e.alice, 70n, 70n);
      await e.as(e.stake, e.alice).withdrawUnbonded!(0n);
      expect(await credit(e.alice.address), "P6").to.equal(30n);
      await expect(e.as(e.stake, e.alice).withdrawUnbonded!(0n)).to.be.revertedWithCustomError(
        e.stake,
        "NoSuchUnbonding",
      );
      await booked(e.alice);
    });

    it("[attack 98] never lengthens a running wait, and shortens it with the law, to no less than the hard floor", async () => {
      await e.staked(e.alice, 100n);
      await e.as(e.stake, e.alice).unbond!(50n);
      const [, before] = await e.stake.unbondingAt!(e.alice.address, 0n);
      await e.params.set!({ ...parameters, unbonding: 40n * DAY, upgradeDelay: 50n * DAY });
      expect((await e.stake.unbondingAt!(e.alice.address, 0n))[1]).to.equal(before);
      await e.params.set!({ ...parameters, unbonding: 15n * DAY, upgradeDelay: 16n * DAY });
      expect((await e.stake.unbondingAt!(e.alice.address, 0n))[1]).to.equal(before - UNBONDING + 15n * DAY);
    });

    it("[attack 94] keeps at most 16 entries, which only the party makes, and reuses emptied ones", async () => {
      await e.staked(e.alice, 100n);
      const alice = e.as(e.stake, e.alice);
      for (let i = 0; i < 16; i++) await alice.unbond!(1n);
      await expect(alice.unbond!(1n))
        .to.be.revertedWithCustomError(e.stake, "TooManyUnbondings")
        .withArgs(e.alice.address, 16n);
      await e.networkHelpers.time.increase(UNBONDING);
      await alice.withdrawUnbonded!(7n);
      await expect(alice.unbond!(2n)).to.emit(e.stake, "UnbondingStarted");
      expect((await e.stake.unbondingAt!(e.alice.address, 7n))[0]).to.equal(2n);
      await expect(alice.withdrawUnbonded!(7n)).to.be.revertedWithCustomError(e.stake, "StillUnbonding");
      await expect(alice.withdrawUnbonded!(16n)).to.be.revertedWithCustomError(e.stake, "NoSuchUnbonding");
      await expect(e.as(e.stake, e.bob).withdrawUnbonded!(0n)).to.be.revertedWithCustomError(
        e.stake,
        "NoSuchUnbonding",
      );
      // A full list does not stop a slash.
      await slash(e.alice, 1_000n, 0n);
      expect(await of(e.alice)).to.deep.equal({ active: 0n, locked: 0n, free: 0n, unbonding: 0n });
      await booked(e.alice);
    });

    it("[attack 93] loses nothing to rounding: odd amounts leave to the unit", async () => {
      await e.staked(e.alice, 1_000_003n);
      const alice = e.as(e.stake, e.alice);
      await alice.unbond!(333_333n);
      await alice.unbond!(1n);
      await alice.unbond!(666_669n);
      await e.networkHelpers.time.increase(UNBONDING);
      for (const i of [2n, 0n, 1n]) await alice.withdrawUnbonded!(i);
      expect(await credit(e.alice.address)).to.equal(1_000_003n);
      await booked(e.alice);
    });

    it("[attack 96] has no shares to inflate: a donation changes nobody's stake", async () => {
      await e.staked(e.alice, 1n);
      await e.token.mint!(e.modules.vault, 10n ** 12n);
      await e.staked(e.bob, 1n);
      expect((await of(e.alice)).active).to.equal(1n);
      expect((await of(e.bob)).active).to.equal(1n);
    });
  });

  describe("slash", () => {
    it("pays the computed loss, at least a fifth to the treasury, rounded up", async () => {
      await e.staked(e.alice, 1_000n);
      await expect(slash(e.alice, 99n, 1_000n))
        .to.emit(e.stake, "Slashed")
        .withArgs(e.alice.address, e.settlement.address, OFFENCE, 99n, 79n, 20n);
      expect(await compensation()).to.equal(79n);
      expect(await credit(e.treasury.address)).to.equal(20n);
      await slash(e.alice, 100n, 10n);
      expect(await compensation()).to.equal(89n);
      expect(await credit(e.treasury.address)).to.equal(110n);
      await booked(e.alice);
    });

    it("[attack 146] makes slashing oneself through an accomplice a loss", async () => {
      await e.staked(e.alice, 1_000n);
      for (const amount of [1n, 2n, 3n, 4n, 5n, 6n, 499n]) {
        const before = await compensation();
        await slash(e.alice, amount, 10_000n);
        expect(BigInt((await compensation()) - before) * 5n).to.be.at.most(amount * 4n);
      }
    });

    it("[attack 92] takes what is there when more is asked, and does not fail on nothing", async () => {
      await e.staked(e.alice, 50n);
      await slash(e.alice, 80n, 80n);
      expect(await compensation()).to.equal(40n);
      await expect(slash(e.alice, 80n, 80n))
        .to.emit(e.stake, "Slashed")
        .withArgs(e.alice.address, e.settlement.address, OFFENCE, 0n, 0n, 0n);
      expect(await e.stake.missesOf!(e.alice.address)).to.equal(2n);
      await booked(e.alice);
    });

    it("takes free, then unbonding, then locked stake: other rounds' locks go last", async () => {
      await e.staked(e.alice, 100n);
      await e.as(e.stake, e.rounds).lock!(e.alice.address, 50n);
      await e.as(e.stake, e.alice).unbond!(30n);
      await slash(e.alice, 25n, 0n);
      expect(await of(e.alice)).to.deep.equal({ active: 50n, locked: 50n, free: 0n, unbonding: 25n });
      await slash(e.alice, 20n, 0n);
      expect(await of(e.alice)).to.deep.equal({ active: 50n, locked: 50n, free: 0n, unbonding: 5n });
      await slash(e.alice, 15n, 0n);
      expect(await of(e.alice)).to.deep.equal({ active: 40n, locked: 50n, free: 0n, unbonding: 0n });
      await e.as(e.stake, e.rounds).unlock!(e.alice.address, 50n);
      expect(await of(e.alice)).to.deep.equal({ active: 40n, locked: 0n, free: 40n, unbonding: 0n });
      await booked(e.alice);
    });

    it("[attack 95] lets a deposit after a full slash back the standing locks first", async () => {
      await e.staked(e.alice, 100n);
      await e.as(e.stake, e.rounds).lock!(e.alice.address, 100n);
      await slash(e.alice, 100n, 0n);
      await e.staked(e.alice, 120n);
      expect(await of(e.alice)).to.deep.equal({ active: 120n, locked: 100n, free: 20n, unbonding: 0n });
      await expect(e.as(e.stake, e.alice).unbond!(21n)).to.be.revertedWithCustomError(e.stake, "InsufficientFreeStake");
      await e.as(e.stake, e.rounds).unlock!(e.alice.address, 100n);
      await e.as(e.stake, e.alice).unbond!(120n);
      await booked(e.alice);
    });

    it("suspends after the set number of misses, for a time, and counts anew", async () => {
      await e.staked(e.alice, 1_000n);
      await slash(e.alice, 1n, 0n);
      await slash(e.alice, 1n, 0n);
      await e.as(e.stake, e.rounds).lock!(e.alice.address, 1n);
      await expect(slash(e.alice, 1n, 0n))
        .to.emit(e.stake, "Suspended")
        .withArgs(e.alice.address, 3n);
      expect(await e.stake.isSuspended!(e.alice.address)).to.equal(true);
      await expect(e.as(e.stake, e.rounds).lock!(e.alice.address, 1n))
        .to.be.revertedWithCustomError(e.stake, "PartySuspended")
        .withArgs(e.alice.address);
      await e.as(e.stake, e.alice).unbond!(100n); // the way out stays open
      await e.as(e.stake, e.rounds).unlock!(e.alice.address, 1n);
      await e.networkHelpers.time.increase(parameters.suspension);
      await e.as(e.stake, e.rounds).lock!(e.alice.address, 1n);
      expect(await e.stake.missesOf!(e.alice.address)).to.equal(0n);
    });
  });

  it("refuses an initialisation without a token", async () => {
    const implementation = await e.ethers.deployContract("Stake");
    const data = e.stake.interface.encodeFunctionData("initialize", [
      await e.authority.getAddress(),
      `0x${"0".repeat(40)}`,
    ]);
    await expect(
      e.ethers.deployContract("ERC1967Proxy", [await implementation.getAddress(), data]),
    ).to.be.revertedWithCustomError(e.vault, "ZeroAddress");
    expect(ZeroHash).to.not.equal(OFFENCE);
  });
});
