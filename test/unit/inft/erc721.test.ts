import { expect } from "chai";
import { type Contract, ZeroAddress, id } from "ethers";
import { type Economy, describeEconomy } from "../../fixtures/economy.ts";

const SAFE = "safeTransferFrom(address,address,uint256)";
const SAFE_DATA = "safeTransferFrom(address,address,uint256,bytes)";

/** The behaviours that OpenZeppelin 5.7.0 tests its ERC-721 for (test/token/ERC721/ERC721.behavior.js), in our own words, on plain tokens. Alice holds 1 and 2. */
describeEconomy("ModelINFT as ERC-721", (get) => {
  let e: Economy;
  beforeEach(async () => {
    e = get();
    const split = [{ account: e.alice.address, bps: 10_000n }];
    for (const uri of ["ipfs://1", ""]) await e.as(e.inft, e.alice).mint!(e.alice.address, 500n, split, id("r"), uri);
  });
  const by = (who: Economy["alice"]) => e.as(e.inft, who);
  const call = (who: Economy["alice"], signature: string, ...args: unknown[]): Promise<unknown> =>
    by(who).getFunction(signature)(...args) as Promise<unknown>;
  const refused = (sent: Promise<unknown>, error: string, ...args: unknown[]) => {
    const refusal = expect(sent, error).to.be.revertedWithCustomError(e.inft, error);
    return args.length === 0 ? refusal : refusal.withArgs(...args);
  };
  const receiver = async (mood = 0n): Promise<Contract> => {
    const contract = (await e.ethers.deployContract("TokenReceiver")) as unknown as Contract;
    await contract.setMood!(mood);
    return contract;
  };
  const moves: [string, (who: Economy["alice"], from: string, to: string, token: bigint) => Promise<unknown>][] = [
    ["transferFrom", (who, ...args) => call(who, "transferFrom", ...args)],
    ["safeTransferFrom", (who, ...args) => call(who, SAFE, ...args)],
    ["safeTransferFrom with data", (who, ...args) => call(who, SAFE_DATA, ...args, "0x42")],
  ];

  it("has its name, symbol and URIs", async () => {
    expect([await e.inft.name!(), await e.inft.symbol!()]).to.deep.equal(["MedNexus Model", "MEDMODEL"]);
    expect([await e.inft.tokenURI!(1n), await e.inft.tokenURI!(2n)]).to.deep.equal(["ipfs://1", ""]);
    await refused(e.inft.tokenURI!(3n), "ERC721NonexistentToken", 3n);
  });

  it("counts balances, knows owners, and refuses the zero address and unknown tokens", async () => {
    expect([await e.inft.balanceOf!(e.alice.address), await e.inft.balanceOf!(e.eve.address)]).to.deep.equal([2n, 0n]);
    await refused(e.inft.balanceOf!(ZeroAddress), "ERC721InvalidOwner", ZeroAddress);
    expect(await e.inft.ownerOf!(1n)).to.equal(e.alice.address);
    await refused(e.inft.ownerOf!(3n), "ERC721NonexistentToken", 3n);
  });

  for (const [name, move] of moves) {
    describe(name, () => {
      for (const [as, arrange] of [
        ["the owner", async () => e.alice],
        ["the approved", async () => (await by(e.alice).approve!(e.bob.address, 1n), e.bob)],
        ["an operator", async () => (await by(e.alice).setApprovalForAll!(e.bob.address, true), e.bob)],
        [
          "an operator while nobody is approved",
          async () => {
            await by(e.alice).setApprovalForAll!(e.bob.address, true);
            await by(e.alice).approve!(ZeroAddress, 1n);
            return e.bob;
          },
        ],
      ] as [string, () => Promise<Economy["alice"]>][]) {
        it(`by ${as}: owner, balances and event follow, the approval is cleared`, async () => {
          const who = await arrange();
          await expect(move(who, e.alice.address, e.carol.address, 1n))
            .to.emit(e.inft, "Transfer")
            .withArgs(e.alice.address, e.carol.address, 1n);
          expect(await e.inft.ownerOf!(1n)).to.equal(e.carol.address);
          expect(await e.inft.getApproved!(1n)).to.equal(ZeroAddress);
          expect([await e.inft.balanceOf!(e.alice.address), await e.inft.balanceOf!(e.carol.address)]).to.deep.equal([
            1n,
            1n,
          ]);
        });
      }

      it("to oneself keeps owner and balance and clears the approval", async () => {
        await by(e.alice).approve!(e.bob.address, 1n);
        await expect(move(e.alice, e.alice.address, e.alice.address, 1n)).to.emit(e.inft, "Transfer");
        expect([await e.inft.ownerOf!(1n), await e.inft.balanceOf!(e.alice.address)]).to.deep.equal([
          e.alice.address,
          2n,
        ]);
        expect(await e.inft.getApproved!(1n)).to.equal(ZeroAddress);
      });

      it("is refused for a wrong former owner, a stranger, an unknown token and the zero address", async () => {
        await refused(
          move(e.alice, e.bob.address, e.bob.address, 1n),
          "ERC721IncorrectOwner",
          e.bob.address,
          1n,
          e.alice.address,
        );
        await refused(move(e.eve, e.alice.address, e.eve.address, 1n), "ERC721InsufficientApproval", e.eve.address, 1n);
        await refused(move(e.alice, e.alice.address, e.bob.address, 3n), "ERC721NonexistentToken", 3n);
        await refused(move(e.alice, e.alice.address, ZeroAddress, 1n), "ERC721InvalidReceiver", ZeroAddress);
        await by(e.alice).approve!(e.bob.address, 1n);
        await refused(move(e.bob, e.alice.address, e.bob.address, 2n), "ERC721InsufficientApproval", e.bob.address, 2n);
      });
    });
  }

  describe("safe transfers", () => {
    it("tell a receiving contract operator, former owner, token and data", async () => {
      const to = await receiver();
      await by(e.alice).approve!(e.bob.address, 1n);
      for (const [signature, more, heard] of [
        [SAFE, [], "0x"],
        [SAFE_DATA, ["0x42"], "0x42"],
      ] as const) {
        const restore = (await e.networkHelpers.takeSnapshot()).restore;
        const anything = () => true;
        await expect(call(e.bob, signature, e.alice.address, await to.getAddress(), 1n, ...more))
          .to.emit(to, "Received")
          .withArgs(e.bob.address, e.alice.address, 1n, heard, anything);
        await restore();
      }
    });

    it("are refused by contracts that answer wrongly, revert, panic, or are no receivers", async () => {
      const send = (to: string) => call(e.alice, SAFE, e.alice.address, to, 1n);
      const [wrong, silent, reason, custom, panic] = await Promise.all([1n, 2n, 3n, 4n, 5n].map(receiver));
      for (const to of [wrong!, silent!])
        await refused(send(await to.getAddress()), "ERC721InvalidReceiver", await to.getAddress());
      await refused(send(e.modules.vault), "ERC721InvalidReceiver", e.modules.vault);
      await expect(send(await reason!.getAddress())).to.be.revertedWith("no thanks");
      await expect(send(await custom!.getAddress()))
        .to.be.revertedWithCustomError(custom!, "NoThanks")
        .withArgs(1n);
      await expect(send(await panic!.getAddress())).to.be.revertedWithPanic(1n);
      expect(await e.inft.ownerOf!(1n)).to.equal(e.alice.address);
      // The plain transfer asks nobody.
      await call(e.alice, "transferFrom", e.alice.address, e.modules.vault, 1n);
    });

    it("[attack 53] a receiver that re-enters acts as the owner that it is by then, and as nobody else", async () => {
      const to = await receiver();
      const at = await to.getAddress();
      const attempt = async (method: string, ...args: unknown[]): Promise<boolean> => {
        const { restore } = await e.networkHelpers.takeSnapshot();
        await to.setCall!(await e.inft.getAddress(), e.inft.interface.encodeFunctionData(method, args));
        await call(e.alice, SAFE, e.alice.address, at, 1n);
        const acted = (await to.acted!()) as boolean;
        expect(await e.inft.ownerOf!(2n), "alice's other token").to.equal(e.alice.address);
        expect(await e.inft.balanceOf!(e.alice.address)).to.equal(1n);
        await restore();
        return acted;
      };
      await by(e.alice).approve!(at, 1n);
      expect(await attempt("transferFrom", e.alice.address, at, 1n), "again from alice").to.equal(false);
      expect(await attempt("transferFrom", e.alice.address, at, 2n), "alice's other").to.equal(false);
      expect(await attempt("approve", at, 2n)).to.equal(false);
      expect(await attempt("setUri", 2n, "stolen")).to.equal(false);
      expect(await attempt("authorizeUsage", 2n, at)).to.equal(false);
      expect(await attempt("transferFrom", at, e.bob.address, 1n), "its own, onwards").to.equal(true);
      expect(await attempt("setUri", 1n, "mine")).to.equal(true);
    });
  });

  describe("approvals", () => {
    it("are set, replaced and cleared by owner and operator, with events", async () => {
      await expect(by(e.alice).approve!(e.bob.address, 1n))
        .to.emit(e.inft, "Approval")
        .withArgs(e.alice.address, e.bob.address, 1n);
      expect(await e.inft.getApproved!(1n)).to.equal(e.bob.address);
      await by(e.alice).setApprovalForAll!(e.carol.address, true);
      await expect(by(e.carol).approve!(e.dave.address, 1n))
        .to.emit(e.inft, "Approval")
        .withArgs(e.alice.address, e.dave.address, 1n);
      await expect(by(e.alice).approve!(ZeroAddress, 1n))
        .to.emit(e.inft, "Approval")
        .withArgs(e.alice.address, ZeroAddress, 1n);
      expect(await e.inft.getApproved!(1n)).to.equal(ZeroAddress);
    });

    it("are refused to strangers, to the approved itself, and for unknown tokens", async () => {
      await refused(by(e.eve).approve!(e.eve.address, 1n), "ERC721InvalidApprover", e.eve.address);
      await by(e.alice).approve!(e.bob.address, 1n);
      await refused(by(e.bob).approve!(e.bob.address, 1n), "ERC721InvalidApprover", e.bob.address);
      await refused(by(e.alice).approve!(e.bob.address, 3n), "ERC721NonexistentToken", 3n);
      await refused(e.inft.getApproved!(3n), "ERC721NonexistentToken", 3n);
    });

    it("for all are set and unset with events; never for the zero address", async () => {
      for (const approved of [true, true, false]) {
        await expect(by(e.alice).setApprovalForAll!(e.bob.address, approved))
          .to.emit(e.inft, "ApprovalForAll")
          .withArgs(e.alice.address, e.bob.address, approved);
        expect(await e.inft.isApprovedForAll!(e.alice.address, e.bob.address)).to.equal(approved);
      }
      await refused(by(e.alice).setApprovalForAll!(ZeroAddress, true), "ERC721InvalidOperator", ZeroAddress);
    });
  });

  it("ERC-2981: royalty of each token by its own rate, rounded down, 0 at 0, none for unknown tokens", async () => {
    const split = [{ account: e.bob.address, bps: 10_000n }];
    await by(e.bob).mint!(e.bob.address, 0n, split, id("r"), "");
    for (const [token, price, to, amount] of [
      [1n, 10_000n, e.alice.address, 500n],
      [1n, 19n, e.alice.address, 0n],
      [1n, 0n, e.alice.address, 0n],
      [3n, 10_000n, e.bob.address, 0n],
    ] as const)
      expect(await e.inft.royaltyInfo!(token, price)).to.deep.equal([to, amount]);
    await refused(e.inft.royaltyInfo!(4n, 1n), "ERC721NonexistentToken", 4n);
  });
});
