import { expect } from "chai";
import { type Contract, MaxUint256, ZeroAddress, ZeroHash, id } from "ethers";
import {
  DAY,
  type Economy,
  MODULE_DELAY,
  deployEconomy,
  describeEconomy,
  party,
  purpose,
} from "../../fixtures/economy.ts";

const CAMPAIGN = purpose("campaign");
const DISPUTE = purpose("dispute");
const ONE = `0x${"1".padStart(64, "0")}`;

describeEconomy("Vault", (get) => {
  let e: Economy;
  let vault: string;
  beforeEach(() => {
    e = get();
    vault = e.modules.vault;
  });

  /** A token of `name` with 1,000 for alice, approved; deposits `amount` of it for the campaign module. */
  const hostile = async (name: string) => {
    const token = await e.ethers.deployContract(name);
    await token.getFunction("mint")(e.alice.address, 1_000n);
    await e.as(token as unknown as Contract, e.alice).approve!(vault, MaxUint256);
    return token as unknown as Contract;
  };
  const deposit = async (token: Contract, amount: bigint) =>
    e.as(e.vault, e.campaigns).deposit!(await token.getAddress(), CAMPAIGN, ONE, e.alice.address, amount);
  const creditAll = async (token: Contract, amount: bigint) =>
    e.as(e.vault, e.campaigns).credit!(await token.getAddress(), CAMPAIGN, ONE, e.bob.address, amount);
  const untouched = async (token: Contract) => {
    const address = await token.getAddress();
    expect(await e.vault.totalOf!(address)).to.equal(0n);
    expect(await e.vault.heldOf!(address, CAMPAIGN, ONE)).to.equal(0n);
  };

  describe("money", () => {
    it("takes in, moves, credits and pays out exactly, with its books equal to the token's", async () => {
      const token = await hostile("TestStablecoin");
      const at = await token.getAddress();
      await expect(deposit(token, 1_000n))
        .to.emit(e.vault, "Deposited")
        .withArgs(at, CAMPAIGN, ONE, e.alice.address, 1_000n);
      await e.as(e.vault, e.campaigns).move!(at, CAMPAIGN, ONE, DISPUTE, ONE, 300n);
      expect(await e.vault.heldOf!(at, DISPUTE, ONE)).to.equal(300n);
      await e.as(e.vault, e.disputes).credit!(at, DISPUTE, ONE, e.bob.address, 100n);
      await expect(e.as(e.vault, e.bob).withdrawTo!(at, e.carol.address, 60n))
        .to.emit(e.vault, "Withdrawn")
        .withArgs(at, e.bob.address, e.carol.address, 60n);
      expect(await token.balanceOf!(e.carol.address)).to.equal(60n);
      expect(await e.vault.creditOf!(at, e.bob.address)).to.equal(40n);
      expect(await e.vault.heldOf!(at, CAMPAIGN, ONE)).to.equal(700n);
      expect(await e.vault.totalOf!(at)).to.equal(await token.balanceOf!(vault));
    });

    it("lets a module touch its own purposes only, and nobody else any", async () => {
      const token = await hostile("TestStablecoin");
      const at = await token.getAddress();
      await deposit(token, 500n);
      for (const who of [e.admin, e.alice, e.disputes]) {
        const v = e.as(e.vault, who);
        await expect(v.deposit!(at, CAMPAIGN, ONE, e.alice.address, 1n))
          .to.be.revertedWithCustomError(v, "NotModule")
          .withArgs(CAMPAIGN, who.address);
        await expect(v.move!(at, CAMPAIGN, ONE, DISPUTE, ONE, 1n)).to.be.revertedWithCustomError(v, "NotModule");
        await expect(v.credit!(at, CAMPAIGN, ONE, who.address, 1n)).to.be.revertedWithCustomError(v, "NotModule");
      }
    });

    it("refuses an unassigned purpose as target or source", async () => {
      const at = await e.token.getAddress();
      const v = e.as(e.vault, e.campaigns);
      await expect(v.move!(at, CAMPAIGN, ONE, id("nobody's"), ONE, 0n))
        .to.be.revertedWithCustomError(v, "PurposeUnassigned")
        .withArgs(id("nobody's"));
      await expect(v.deposit!(at, id("nobody's"), ONE, e.alice.address, 0n)).to.be.revertedWithCustomError(
        v,
        "NotModule",
      );
    });

    it("[attack 83] pays a held amount once: release and refund of the same money", async () => {
      const token = await hostile("TestStablecoin");
      const at = await token.getAddress();
      await deposit(token, 100n);
      await creditAll(token, 100n);
      const v = e.as(e.vault, e.campaigns);
      await expect(v.credit!(at, CAMPAIGN, ONE, e.alice.address, 100n))
        .to.be.revertedWithCustomError(v, "InsufficientBalance")
        .withArgs(at, CAMPAIGN, ONE, 0n, 100n);
      await expect(v.move!(at, CAMPAIGN, ONE, DISPUTE, ONE, 1n)).to.be.revertedWithCustomError(
        v,
        "InsufficientBalance",
      );
      await e.as(e.vault, e.bob).withdrawTo!(at, e.bob.address, 100n);
      await expect(e.as(e.vault, e.bob).withdrawTo!(at, e.bob.address, 1n))
        .to.be.revertedWithCustomError(v, "InsufficientCredit")
        .withArgs(at, e.bob.address, 0n, 1n);
    });

    it("refuses the zero address as owner and as payee, and itself as payee", async () => {
      const token = await hostile("TestStablecoin");
      const at = await token.getAddress();
      await deposit(token, 100n);
      const v = e.as(e.vault, e.campaigns);
      await expect(v.credit!(at, CAMPAIGN, ONE, ZeroAddress, 1n)).to.be.revertedWithCustomError(v, "ZeroAddress");
      await creditAll(token, 100n);
      const b = e.as(e.vault, e.bob);
      await expect(b.withdrawTo!(at, ZeroAddress, 1n)).to.be.revertedWithCustomError(v, "ZeroAddress");
      await expect(b.withdrawTo!(at, vault, 1n))
        .to.be.revertedWithCustomError(v, "TokenTransferMismatch")
        .withArgs(at, 1n, 0n);
    });
  });

  describe("hostile tokens", () => {
    it("[attack 77] refuses a fee on transfer, also one taken on top on the way out", async () => {
      const token = await hostile("TokenFeeOnTransfer");
      const at = await token.getAddress();
      await expect(deposit(token, 500n))
        .to.be.revertedWithCustomError(e.vault, "TokenTransferMismatch")
        .withArgs(at, 500n, 495n);
      await untouched(token);
      // On top, the vault receives the whole amount; paying out would cost it more than the credit.
      await token.setOnTop!(true);
      await deposit(token, 500n);
      await creditAll(token, 400n);
      await expect(e.as(e.vault, e.bob).withdrawTo!(at, e.bob.address, 400n))
        .to.be.revertedWithCustomError(e.vault, "TokenTransferMismatch")
        .withArgs(at, 400n, 404n);
      expect(await e.vault.creditOf!(at, e.bob.address)).to.equal(400n);
    });

    it("[attack 78] refuses a rebase inside the transfer; a later one stays inside its own token's book", async () => {
      const good = await hostile("TestStablecoin");
      await deposit(good, 1_000n);
      const token = await hostile("TokenRebasing");
      const at = await token.getAddress();
      await token.rebaseAtTransfer!(150n);
      await expect(deposit(token, 100n))
        .to.be.revertedWithCustomError(e.vault, "TokenTransferMismatch")
        .withArgs(at, 100n, 150n);
      await token.rebaseAtTransfer!(0n);
      await deposit(token, 100n);
      await creditAll(token, 100n);
      // Up: the surplus belongs to nobody. Down: this token's creditors bear it; the good token's do not.
      await token.rebase!(200n);
      expect(await e.vault.totalOf!(at)).to.equal(100n);
      await token.rebase!(50n);
      await expect(e.as(e.vault, e.bob).withdrawTo!(at, e.bob.address, 100n)).to.be.revertedWithCustomError(
        token,
        "ERC20InsufficientBalance",
      );
      expect(await good.balanceOf!(vault)).to.equal(await e.vault.totalOf!(await good.getAddress()));
      await creditAll(good, 1_000n);
      await e.as(e.vault, e.bob).withdrawTo!(await good.getAddress(), e.bob.address, 1_000n);
    });

    it("[attack 79] takes a token that returns nothing, and refuses an address without code", async () => {
      const token = await hostile("TokenNoReturn");
      const at = await token.getAddress();
      await deposit(token, 100n);
      await creditAll(token, 100n);
      await e.as(e.vault, e.bob).withdrawTo!(at, e.bob.address, 100n);
      expect(await token.balanceOf!(e.bob.address)).to.equal(100n);
      await expect(e.as(e.vault, e.campaigns).deposit!(e.eve.address, CAMPAIGN, ONE, e.alice.address, 1n)).to.revert(
        e.ethers,
      );
    });

    it("[attack 80] refuses a token that returns false, and one that says true and moves nothing", async () => {
      const token = await hostile("TokenReturnsFalse");
      await expect(deposit(token, 100n))
        .to.be.revertedWithCustomError(e.vault, "SafeERC20FailedOperation")
        .withArgs(await token.getAddress());
      await token.setLies!(true);
      await expect(deposit(token, 100n)).to.be.revertedWithCustomError(e.vault, "SafeERC20FailedOperation");
      await untouched(token);
      const liar = await hostile("TokenMovesNothing");
      await expect(deposit(liar, 100n))
        .to.be.revertedWithCustomError(e.vault, "TokenTransferMismatch")
        .withArgs(await liar.getAddress(), 100n, 0n);
      await untouched(liar);
    });

    it("[attack 81] refuses re-entry from a token's hooks, before and after balances change", async () => {
      const token = await hostile("TokenWithHooks");
      const at = await token.getAddress();
      // The token itself has credit, so that the inner call would succeed were it let in.
      await deposit(token, 100n);
      await e.as(e.vault, e.campaigns).credit!(at, CAMPAIGN, ONE, at, 50n);
      await creditAll(token, 50n);
      const inner = e.vault.interface.encodeFunctionData("withdrawTo", [at, e.eve.address, 50n]);
      for (const hooks of [
        [inner, "0x"],
        ["0x", inner],
      ]) {
        await token.setHook!(vault, ...hooks);
        await expect(deposit(token, 10n)).to.be.revertedWithCustomError(e.vault, "ReentrancyGuardReentrantCall");
        await expect(e.as(e.vault, e.bob).withdrawTo!(at, e.bob.address, 50n)).to.be.revertedWithCustomError(
          e.vault,
          "ReentrancyGuardReentrantCall",
        );
      }
      // Donating in the hook is not re-entry into the vault, but the amounts no longer agree.
      const donate = token.interface.encodeFunctionData("mint", [vault, 7n]);
      await token.setHook!(at, donate, "0x");
      await expect(deposit(token, 10n))
        .to.be.revertedWithCustomError(e.vault, "TokenTransferMismatch")
        .withArgs(at, 10n, 17n);
      expect(await e.vault.totalOf!(at)).to.equal(100n);
    });

    it("[attack 82] lets a blacklisted payee take its credit to another address", async () => {
      const token = await hostile("TokenBlacklist");
      const at = await token.getAddress();
      await deposit(token, 100n);
      await creditAll(token, 100n);
      await token.list!(e.bob.address, true);
      await expect(e.as(e.vault, e.bob).withdrawTo!(at, e.bob.address, 100n)).to.be.revertedWithCustomError(
        token,
        "Listed",
      );
      await e.as(e.vault, e.bob).withdrawTo!(at, e.carol.address, 100n);
      expect(await token.balanceOf!(e.carol.address)).to.equal(100n);
    });

    it("[attack 87] is not harmed by a megabyte of return data", async () => {
      const token = await hostile("TokenReturnBomb");
      const at = await token.getAddress();
      await deposit(token, 100n);
      await creditAll(token, 100n);
      await e.as(e.vault, e.bob).withdrawTo!(at, e.bob.address, 40n);
      await token.setReverts!(true);
      await expect(e.as(e.vault, e.bob).withdrawTo!(at, e.bob.address, 60n)).to.revert(e.ethers);
      expect(await e.vault.creditOf!(at, e.bob.address)).to.equal(60n);
    });

    it("[attack 85] ignores forced ETH and donated tokens", async () => {
      const token = await hostile("TestStablecoin");
      await expect(e.alice.sendTransaction({ to: vault, value: 1n })).to.revert(e.ethers);
      await e.networkHelpers.setBalance(vault, 10n ** 18n);
      await token.mint!(vault, 999n);
      await deposit(token, 1n);
      expect(await e.vault.totalOf!(await token.getAddress())).to.equal(1n);
    });

    it("[attack 90] refuses sums beyond 2^256 and keeps the books", async () => {
      const token = await hostile("TestStablecoin");
      await deposit(token, 1n);
      await expect(deposit(token, MaxUint256)).to.revert(e.ethers);
      expect(await e.vault.totalOf!(await token.getAddress())).to.equal(1n);
    });
  });

  describe("modules", () => {
    it("lets only the deployer make the first assignment, once", async () => {
      const fresh = await e.ethers.deployContract("Vault", [await e.authority.getAddress(), MODULE_DELAY]);
      const v = fresh as unknown as Contract;
      await expect(e.as(v, e.eve).assignInitial!([CAMPAIGN], [e.eve.address]))
        .to.be.revertedWithCustomError(v, "NotDeployer")
        .withArgs(e.eve.address);
      await expect(v.assignInitial!([CAMPAIGN], []))
        .to.be.revertedWithCustomError(v, "LengthMismatch")
        .withArgs(1n, 0n);
      await expect(
        v.assignInitial!([CAMPAIGN, CAMPAIGN], [e.alice.address, e.bob.address]),
      ).to.be.revertedWithCustomError(v, "PurposeTaken");
      await expect(v.assignInitial!([CAMPAIGN], [ZeroAddress])).to.be.revertedWithCustomError(v, "ZeroAddress");
      await v.assignInitial!([CAMPAIGN], [e.alice.address]);
      await expect(v.assignInitial!([DISPUTE], [e.alice.address])).to.be.revertedWithCustomError(
        v,
        "InitialAssignmentDone",
      );
    });

    it("[attack 151] makes every later module wait longer than any legal unbonding time", async () => {
      const v = e.vault;
      expect(MODULE_DELAY).to.be.greaterThan(await e.params.MAX_UNBONDING!());
      await expect(e.as(v, e.eve).scheduleAssignment!(CAMPAIGN, e.eve.address)).to.be.revertedWithCustomError(
        v,
        "AccessManagedUnauthorized",
      );
      for (const target of [CAMPAIGN, id("a new purpose")]) {
        await v.scheduleAssignment!(target, e.dave.address);
        const [module, activeAt] = await v.scheduledOf!(target);
        expect(module).to.equal(e.dave.address);
        await e.networkHelpers.time.setNextBlockTimestamp(activeAt - 1n);
        await expect(e.as(v, e.eve).activateAssignment!(target))
          .to.be.revertedWithCustomError(v, "NotYetActive")
          .withArgs(target, activeAt);
        await e.networkHelpers.time.setNextBlockTimestamp(activeAt);
        await expect(e.as(v, e.eve).activateAssignment!(target))
          .to.emit(v, "PurposeAssigned")
          .withArgs(target, e.dave.address);
        await expect(v.activateAssignment!(target)).to.be.revertedWithCustomError(v, "NothingScheduled");
      }
      await expect(
        e.as(v, e.campaigns).move!(await e.token.getAddress(), CAMPAIGN, ONE, DISPUTE, ONE, 0n),
      ).to.be.revertedWithCustomError(v, "NotModule");
    });

    it("starts the wait anew when another module is scheduled, and lets the guardian cancel", async () => {
      const v = e.vault;
      await v.scheduleAssignment!(CAMPAIGN, e.dave.address);
      await e.networkHelpers.time.increase(MODULE_DELAY - 10n);
      await v.scheduleAssignment!(CAMPAIGN, e.eve.address);
      await e.networkHelpers.time.increase(DAY);
      await expect(v.activateAssignment!(CAMPAIGN)).to.be.revertedWithCustomError(v, "NotYetActive");
      await expect(e.as(v, e.eve).cancelAssignment!(CAMPAIGN)).to.be.revertedWithCustomError(
        v,
        "AccessManagedUnauthorized",
      );
      await expect(e.as(v, e.guardian).cancelAssignment!(CAMPAIGN))
        .to.emit(v, "AssignmentCancelled")
        .withArgs(CAMPAIGN, e.eve.address);
      await e.networkHelpers.time.increase(MODULE_DELAY);
      await expect(v.activateAssignment!(CAMPAIGN)).to.be.revertedWithCustomError(v, "NothingScheduled");
      expect(await v.moduleOf!(CAMPAIGN)).to.equal(e.campaigns.address);
    });

    it("refuses a delay outside 61..90 days and no authority", async () => {
      const authority = await e.authority.getAddress();
      for (const delay of [0n, 61n * DAY - 1n, 90n * DAY + 1n]) {
        await expect(e.ethers.deployContract("Vault", [authority, delay])).to.be.revertedWithCustomError(
          e.vault,
          "DelayOutOfBounds",
        );
      }
      await expect(e.ethers.deployContract("Vault", [ZeroAddress, MODULE_DELAY])).to.be.revertedWithCustomError(
        e.vault,
        "ZeroAddress",
      );
    });

    it("has no way for the admin to reach money", async () => {
      const token = await hostile("TestStablecoin");
      await deposit(token, 100n);
      await creditAll(token, 40n);
      const names = e.vault.interface.fragments
        .filter((f) => f.type === "function")
        .map((f) => f as unknown as { name: string; stateMutability: string });
      const writes = names
        .filter((f) => !["view", "pure"].includes(f.stateMutability))
        .map((f) => f.name)
        .sort();
      // Whoever adds a function here has to say who may call it.
      expect(writes).to.deep.equal([
        "activateAssignment",
        "assignInitial",
        "cancelAssignment",
        "credit",
        "deposit",
        "move",
        "scheduleAssignment",
        "setAuthority",
        "withdrawTo",
      ]);
      expect(party(e.alice.address)).to.equal(`0x${"0".repeat(24)}${e.alice.address.slice(2).toLowerCase()}`);
      expect(ZeroHash).to.not.equal(CAMPAIGN);
    });
  });
});

describe("TestStablecoin", () => {
  it("exists on devnets only", async () => {
    const { default: hre } = await import("hardhat");
    const connection = await hre.network.create({ network: "default", override: { chainId: 1 } });
    const factory = await connection.ethers.getContractFactory("TestStablecoin");
    await expect(factory.deploy()).to.be.revertedWithCustomError(factory, "OnlyOnDevnets").withArgs(1n);
    await connection.close();
    const e = await deployEconomy();
    expect(await e.token.decimals!()).to.equal(6n);
    await e.connection.close();
  });
});
