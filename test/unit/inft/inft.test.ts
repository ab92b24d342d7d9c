import { expect } from "chai";
import { MaxUint256, ZeroAddress, ZeroHash, id } from "ethers";
import { type Economy, describeEconomy } from "../../fixtures/economy.ts";

describeEconomy("ModelINFT", (get) => {
  let e: Economy;
  beforeEach(() => {
    e = get();
  });
  const all = () => [{ account: e.alice.address, bps: 10_000n }];
  const mint = (
    change: {
      to?: string;
      royalty?: bigint;
      split?: { account: string; bps: bigint }[];
      runtime?: string;
      uri?: string;
    } = {},
  ) =>
    e.as(e.inft, e.alice).mint!(
      change.to ?? e.bob.address,
      change.royalty ?? 500n,
      change.split ?? all(),
      change.runtime ?? id("runtime"),
      change.uri ?? "ipfs://model",
    );

  it("mints with a fixed royalty and split", async () => {
    const split = [
      { account: e.alice.address, bps: 7_500n },
      { account: e.carol.address, bps: 2_500n },
    ];
    await expect(mint({ split, royalty: 1_000n }))
      .to.emit(e.inft, "ModelMinted")
      .withArgs(1n, e.alice.address, 1_000n, id("runtime"), "ipfs://model");
    expect(await e.inft.ownerOfModel!(1n)).to.equal(e.bob.address);
    expect(await e.inft.creatorOf!(1n)).to.equal(e.alice.address);
    expect(await e.inft.runtimeHashOf!(1n)).to.equal(id("runtime"));
    expect((await e.inft.splitOf!(1n)).map((p: { account: string; bps: bigint }) => [p.account, p.bps])).to.deep.equal(
      split.map((p) => [p.account, p.bps]),
    );
    expect(await e.inft.royaltyInfo!(1n, 10_000n)).to.deep.equal([e.alice.address, 1_000n]);
    expect(await e.inft.royaltyInfo!(1n, 9n), "rounds down").to.deep.equal([e.alice.address, 0n]);
    await expect(e.inft.royaltyInfo!(1n, MaxUint256)).to.revert(e.ethers);
    expect([await e.inft.exists!(1n), await e.inft.exists!(2n)]).to.deep.equal([true, false]);
  });

  it("refuses royalties over 10 % and splits that are empty, long, zero or not 100 %", async () => {
    await expect(mint({ royalty: 1_001n }))
      .to.be.revertedWithCustomError(e.inft, "RoyaltyTooHigh")
      .withArgs(1_001n, 1_000n);
    const account = e.alice.address;
    for (const split of [
      [],
      [{ account, bps: 9_999n }],
      [{ account, bps: 10_001n }],
      [
        { account, bps: 10_000n },
        { account, bps: 0n },
      ],
      [{ account: ZeroAddress, bps: 10_000n }],
      [...Array.from({ length: 8 }, () => ({ account, bps: 1_111n })), { account, bps: 1_112n }],
      [
        { account, bps: 65_535n },
        { account, bps: 10_001n },
      ], // 75,536 = 10,000 mod 2^16
    ]) {
      await expect(mint({ split })).to.be.revertedWithCustomError(e.inft, "BadSplit");
    }
    await mint({ split: Array.from({ length: 8 }, () => ({ account, bps: 1_250n })) });
    await expect(mint({ runtime: ZeroHash })).to.be.revertedWithCustomError(e.inft, "ZeroRuntimeHash");
  });

  it("[attack 57] refuses an oversize URI at mint and later; only the owner sets it", async () => {
    await expect(mint({ uri: "x".repeat(513) }))
      .to.be.revertedWithCustomError(e.inft, "UriTooLong")
      .withArgs(513n, 512n);
    await mint({ uri: "x".repeat(512) });
    const owner = e.as(e.inft, e.bob);
    await expect(owner.setUri!(1n, "x".repeat(513))).to.be.revertedWithCustomError(e.inft, "UriTooLong");
    await expect(e.as(e.inft, e.alice).setUri!(1n, "y"))
      .to.be.revertedWithCustomError(e.inft, "NotModelOwner")
      .withArgs(1n, e.alice.address);
    await expect(owner.setUri!(1n, "y")).to.emit(e.inft, "MetadataUpdate").withArgs(1n);
    expect(await e.inft.tokenURI!(1n)).to.equal("y");
    await expect(owner.setUri!(2n, "y")).to.be.revertedWithCustomError(e.inft, "NoSuchModel").withArgs(2n);
  });

  it("[attack 55] forgets approvals on transfer, also after a round trip", async () => {
    await mint();
    await e.as(e.inft, e.bob).approve!(e.eve.address, 1n);
    await e.as(e.inft, e.bob).transferFrom!(e.bob.address, e.carol.address, 1n);
    await e.as(e.inft, e.carol).transferFrom!(e.carol.address, e.bob.address, 1n);
    expect(await e.inft.getApproved!(1n)).to.equal(ZeroAddress);
    await expect(e.as(e.inft, e.eve).transferFrom!(e.bob.address, e.eve.address, 1n)).to.be.revertedWithCustomError(
      e.inft,
      "ERC721InsufficientApproval",
    );
    // What was fixed at mint stays.
    expect(await e.inft.creatorOf!(1n)).to.equal(e.alice.address);
  });

  it("[attack 53] mints without calling the receiver: a contract that cannot take tokens gets one, and none re-enters", async () => {
    await mint({ to: e.modules.vault });
    expect(await e.inft.ownerOfModel!(1n)).to.equal(e.modules.vault);
    await expect(mint({ to: ZeroAddress })).to.be.revertedWithCustomError(e.inft, "ERC721InvalidReceiver");
  });

  it("answers about models that do not exist with an error, never with zero", async () => {
    for (const view of ["creatorOf", "ownerOfModel", "royaltyBpsOf", "splitOf", "runtimeHashOf"]) {
      await expect(e.inft.getFunction(view)(1n), view)
        .to.be.revertedWithCustomError(e.inft, "NoSuchModel")
        .withArgs(1n);
    }
    await mint();
    // An id that only agrees in its low 64 bits is not the model.
    for (const call of [e.inft.tokenURI!(2n ** 64n + 1n), e.inft.royaltyInfo!(2n ** 64n + 1n, 1n)]) {
      await expect(call).to.be.revertedWithCustomError(e.inft, "ERC721NonexistentToken");
    }
  });

  it("tells its interfaces by ERC-165", async () => {
    for (const [interfaceId, yes] of [
      ["0x01ffc9a7", true],
      ["0x80ac58cd", true],
      ["0x5b5e139f", true],
      ["0x2a55205a", true],
      ["0x49064906", true],
      ["0xffffffff", false],
    ] as const) {
      expect(await e.inft.supportsInterface!(interfaceId), interfaceId).to.equal(yes);
    }
  });
});
