import { expect } from "chai";
import { Wallet, ZeroAddress, id } from "ethers";
import { type Economy, describeEconomy } from "../../fixtures/economy.ts";

const NEVER = 2n ** 64n - 1n;

describeEconomy("ModelINFT: usage rights", (get) => {
  let e: Economy;
  let now: bigint;
  beforeEach(async () => {
    e = get();
    const split = [{ account: e.alice.address, bps: 10_000n }];
    await e.as(e.inft, e.alice).mint!(e.alice.address, 500n, split, id("runtime"), "");
    now = BigInt(await e.networkHelpers.time.latest());
  });
  const owner = () => e.as(e.inft, e.alice);
  const someone = (i: number): string => new Wallet(id(`user ${i}`)).address;
  const refused = (sent: Promise<unknown>, error: string) =>
    expect(sent, error).to.be.revertedWithCustomError(e.inft, error);
  const may = (who: string) => e.inft.mayUse!(1n, who) as Promise<boolean>;

  it("last until their expiry, to the second; renewed, they last longer or shorter", async () => {
    await expect(owner().authorizeUsageUntil!(1n, e.bob.address, now + 100n))
      .to.emit(e.inft, "UsageAuthorized")
      .withArgs(1n, e.bob.address, 0n, now + 100n);
    await e.networkHelpers.time.increaseTo(now + 100n);
    expect(await may(e.bob.address)).to.equal(true);
    await e.networkHelpers.time.increaseTo(now + 101n);
    expect(await may(e.bob.address)).to.equal(false);
    expect(await e.inft.authorizedUsersOf!(1n)).to.deep.equal([]);
    await owner().authorizeUsageUntil!(1n, e.bob.address, now + 500n);
    await owner().authorizeUsageUntil!(1n, e.bob.address, now + 400n);
    expect(await e.inft.authorizedUsersOf!(1n)).to.deep.equal([e.bob.address]);
    expect(await e.inft.usageExpiryOf!(1n, e.bob.address)).to.equal(now + 400n);
    await refused(owner().authorizeUsageUntil!(1n, e.bob.address, now), "UsageExpired");
  });

  it("by ERC-7857's name have no expiry, and are revoked one by one", async () => {
    for (const who of [e.bob, e.carol, e.dave])
      await expect(owner().authorizeUsage!(1n, who.address))
        .to.emit(e.inft, "Authorization")
        .withArgs(e.alice.address, who.address, 1n);
    expect(await e.inft.usageExpiryOf!(1n, e.bob.address)).to.equal(NEVER);
    await expect(owner().revokeAuthorization!(1n, e.bob.address))
      .to.emit(e.inft, "AuthorizationRevoked")
      .withArgs(e.alice.address, e.bob.address, 1n);
    expect(await e.inft.authorizedUsersOf!(1n)).to.deep.equal([e.dave.address, e.carol.address]);
    await owner().revokeAuthorization!(1n, e.carol.address);
    await owner().revokeAuthorization!(1n, e.dave.address);
    expect(await e.inft.authorizedUsersOf!(1n)).to.deep.equal([]);
    await refused(owner().revokeAuthorization!(1n, e.dave.address), "NotAuthorizedUser");
    expect([await may(e.alice.address), await may(e.dave.address)], "the owner always may").to.deep.equal([
      true,
      false,
    ]);
    expect(await e.inft.mayUse!(2n, ZeroAddress), "no such model").to.equal(false);
  });

  it("are the owner's to give, not an operator's", async () => {
    await owner().setApprovalForAll!(e.eve.address, true);
    await refused(e.as(e.inft, e.eve).authorizeUsage!(1n, e.eve.address), "NotModelOwner");
    await refused(e.as(e.inft, e.eve).revokeAuthorization!(1n, e.eve.address), "NotModelOwner");
    await refused(owner().authorizeUsage!(1n, ZeroAddress), "ZeroUser");
    await refused(owner().authorizeUsage!(2n, e.eve.address), "ERC721NonexistentToken");
    await refused(e.inft.authorizedUsersOf!(2n), "ERC721NonexistentToken");
  });

  it("are at most 64; one that has expired makes room", async () => {
    for (let i = 0; i < 64; i++) await owner().authorizeUsageUntil!(1n, someone(i), now + (i === 40 ? 500n : 10_000n));
    await refused(owner().authorizeUsage!(1n, someone(64)), "TooManyUsers");
    await owner().authorizeUsage!(1n, someone(63)); // renewing needs no room
    await e.networkHelpers.time.increaseTo(now + 501n);
    await owner().authorizeUsage!(1n, someone(64));
    const users = (await e.inft.authorizedUsersOf!(1n)) as string[];
    expect([users.length, users[40]]).to.deep.equal([64, someone(64)]);
    expect(await e.inft.usageExpiryOf!(1n, someone(40))).to.equal(0n);
    await refused(owner().revokeAuthorization!(1n, someone(40)), "NotAuthorizedUser");
  });

  it("[attack 55] end when the token changes owner, and do not come back with it", async () => {
    await owner().authorizeUsage!(1n, e.bob.address);
    await owner().transferFrom!(e.alice.address, e.carol.address, 1n);
    expect(await may(e.bob.address)).to.equal(false);
    expect(await may(e.alice.address)).to.equal(false);
    await e.as(e.inft, e.carol).authorizeUsage!(1n, e.dave.address);
    await e.as(e.inft, e.carol).transferFrom!(e.carol.address, e.alice.address, 1n);
    expect([await may(e.bob.address), await may(e.dave.address)]).to.deep.equal([false, false]);
    await refused(owner().revokeAuthorization!(1n, e.bob.address), "NotAuthorizedUser");
    await owner().authorizeUsage!(1n, e.bob.address);
    expect(await e.inft.authorizedUsersOf!(1n)).to.deep.equal([e.bob.address]);
  });
});
