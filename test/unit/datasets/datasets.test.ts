import { expect } from "chai";
import { ZeroAddress, ZeroHash, id } from "ethers";
import { type Economy, describeEconomy } from "../../fixtures/economy.ts";
import { attested, dataset } from "../../fixtures/institutions.ts";
import { seededRandom } from "../../vectors/seeded.ts";

describeEconomy("DatasetRegistry", (get) => {
  let e: Economy;
  let random: ReturnType<typeof seededRandom>;
  beforeEach(async () => {
    e = get();
    random = seededRandom(11n);
    await attested(e, e.alice, e.dave, "group a", random);
    await attested(e, e.bob, e.dave, "group b", random);
  });
  const as = (who = e.alice) => e.as(e.datasets, who);
  const register = (records: bigint, name = "d", who = e.alice) =>
    as(who).register!(id(`${name} manifest`), id(`${name} root`), id("schema"), records);

  describe("register", () => {
    it("mints a soulbound token and keeps version 1", async () => {
      await expect(register(100n)).to.emit(e.datasets, "Locked").withArgs(1n);
      expect(await e.datasets.institutionOf!(1n)).to.equal(e.alice.address);
      expect(await e.datasets.currentVersion!(1n)).to.equal(1n);
      const version = await e.datasets.versionOf!(1n, 1n);
      expect([version.manifestHash, version.recordCount]).to.deep.equal([id("d manifest"), 100n]);
      expect(await e.datasets.locked!(1n)).to.equal(true);
      for (const wrong of [2n, 2n ** 64n + 1n]) {
        await expect(e.datasets.locked!(wrong))
          .to.be.revertedWithCustomError(e.datasets, "ERC721NonexistentToken")
          .withArgs(wrong);
      }
    });

    it("[attack 37] refuses record counts of 0, over 2^63 and of 2^64", async () => {
      for (const bad of [0n, 2n ** 63n + 1n, 2n ** 64n - 1n]) {
        await expect(register(bad)).to.be.revertedWithCustomError(e.datasets, "BadRecordCount").withArgs(bad);
      }
      // 2^64 does not fit the ABI type: written by hand it is refused by the decoder.
      const good = e.datasets.interface.encodeFunctionData("register", [id("m"), id("r"), id("s"), 1n]);
      const data = good.slice(0, -64) + (2n ** 64n).toString(16).padStart(64, "0");
      await expect(e.alice.sendTransaction({ to: e.modules.datasets, data })).to.revert(e.ethers);
      await register(2n ** 63n);
    });

    it("[attack 56] refuses a manifest that is registered, by anybody, also as a later version", async () => {
      await register(100n);
      const taken = () =>
        expect(register(100n, "d", e.bob))
          .to.be.revertedWithCustomError(e.datasets, "ManifestAlreadyRegistered")
          .withArgs(id("d manifest"));
      await taken();
      await expect(as().addVersion!(1n, id("d manifest"), id("r"), id("schema"), 1n)).to.be.revertedWithCustomError(
        e.datasets,
        "ManifestAlreadyRegistered",
      );
      await as().addVersion!(1n, id("d2 manifest"), id("r"), id("schema"), 1n);
      await taken();
    });

    it("refuses strangers, other owners and zero hashes", async () => {
      await expect(register(1n, "d", e.carol))
        .to.be.revertedWithCustomError(e.institutions, "NotRegistered")
        .withArgs(e.carol.address);
      await register(1n);
      await expect(as(e.bob).addVersion!(1n, id("x"), id("r"), id("s"), 1n))
        .to.be.revertedWithCustomError(e.datasets, "NotDatasetOwner")
        .withArgs(1n, e.bob.address);
      await expect(as().addVersion!(2n, id("x"), id("r"), id("s"), 1n))
        .to.be.revertedWithCustomError(e.datasets, "NoSuchDataset")
        .withArgs(2n);
      for (let i = 0; i < 3; i++) {
        const hashes = [id("x"), id("r"), id("s")].map((h, j) => (i === j ? ZeroHash : h));
        await expect(as().register!(...hashes, 1n)).to.be.revertedWithCustomError(e.datasets, "ZeroHash");
      }
      await expect(e.datasets.currentVersion!(9n)).to.be.revertedWithCustomError(e.datasets, "NoSuchDataset");
      for (const v of [0n, 2n])
        await expect(e.datasets.versionOf!(1n, v))
          .to.be.revertedWithCustomError(e.datasets, "NoSuchVersion")
          .withArgs(1n, v);
    });
  });

  it("[attack 59] never moves: no transfer, no approval, no operator", async () => {
    await register(1n);
    const t = as();
    await expect(t.transferFrom!(e.alice.address, e.bob.address, 1n)).to.be.revertedWithCustomError(
      e.datasets,
      "NonTransferable",
    );
    await expect(
      t["safeTransferFrom(address,address,uint256)"]!(e.alice.address, e.bob.address, 1n),
    ).to.be.revertedWithCustomError(e.datasets, "NonTransferable");
    await expect(t.approve!(e.bob.address, 1n)).to.be.revertedWithCustomError(e.datasets, "NonTransferable");
    await expect(t.setApprovalForAll!(e.bob.address, true)).to.be.revertedWithCustomError(
      e.datasets,
      "NonTransferable",
    );
    expect(await e.datasets.getApproved!(1n)).to.equal(ZeroAddress);
    expect(await e.datasets.ownerOf!(1n)).to.equal(e.alice.address);
  });

  it("tells its interfaces by ERC-165", async () => {
    for (const [interfaceId, yes] of [
      ["0x01ffc9a7", true],
      ["0x80ac58cd", true],
      ["0x5b5e139f", true],
      ["0xb45a3c0e", true],
      ["0xffffffff", false],
    ] as const) {
      expect(await e.datasets.supportsInterface!(interfaceId), interfaceId).to.equal(yes);
    }
  });

  describe("audit", () => {
    const audit = (who: typeof e.dave, records: bigint, version = 1n) => as(who).auditRecords!(1n, version, records);
    const audited = async (list: string[]) => (await e.datasets.forTraining!(1n, list)).audited as bigint;
    beforeEach(async () => {
      await dataset(e, e.alice, "d", 100n);
      await e.institutions.listAdmitter!(e.eve.address, true);
    });

    it("[attack 37] [attack 38] counts the smallest audit above 0 of the named, listed admitters, never above the claim", async () => {
      const both = [e.dave.address, e.eve.address];
      await expect(e.datasets.forTraining!(1n, both))
        .to.be.revertedWithCustomError(e.datasets, "NotAudited")
        .withArgs(1n, 1n);
      await expect(audit(e.dave, 101n)).to.be.revertedWithCustomError(e.datasets, "BadRecordCount").withArgs(101n);
      await audit(e.dave, 90n);
      expect(await audited(both)).to.equal(90n);
      await audit(e.eve, 80n);
      expect(await audited(both)).to.equal(80n);
      expect(await audited([...both].reverse())).to.equal(80n);
      expect(await audited([e.dave.address])).to.equal(90n);
      await e.institutions.listAdmitter!(e.eve.address, false);
      expect(await audited(both)).to.equal(90n);
      await audit(e.dave, 0n);
      await expect(e.datasets.forTraining!(1n, both)).to.be.revertedWithCustomError(e.datasets, "NotAudited");
    });

    it("does not carry an audit to the next version", async () => {
      await audit(e.dave, 90n);
      await as().addVersion!(1n, id("v2"), id("r"), id("schema 2"), 200n);
      await expect(e.datasets.forTraining!(1n, [e.dave.address]))
        .to.be.revertedWithCustomError(e.datasets, "NotAudited")
        .withArgs(1n, 2n);
      await audit(e.dave, 150n, 2n);
      expect(await e.datasets.forTraining!(1n, [e.dave.address])).to.deep.equal([
        e.alice.address,
        2n,
        id("schema 2"),
        150n,
      ]);
    });

    it("is for admitters and existing versions", async () => {
      await expect(audit(e.alice, 1n))
        .to.be.revertedWithCustomError(e.institutions, "NotAdmitter")
        .withArgs(e.alice.address);
      await expect(audit(e.dave, 1n, 2n))
        .to.be.revertedWithCustomError(e.datasets, "NoSuchVersion")
        .withArgs(1n, 2n);
    });
  });
});
