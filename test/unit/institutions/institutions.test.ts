import { FR_MODULUS } from "@mednexus/sdk";
import { expect } from "chai";
import { ZeroHash, id } from "ethers";
import { DAY, type Economy, describeEconomy } from "../../fixtures/economy.ts";
import { attested, shareKey } from "../../fixtures/institutions.ts";
import { seededRandom } from "../../vectors/seeded.ts";

const Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583n;

describeEconomy("InstitutionRegistry", (get) => {
  let e: Economy;
  const random = seededRandom(7n);
  beforeEach(() => {
    e = get();
  });
  const registry = (who = e.alice) => e.as(e.institutions, who);

  describe("register", () => {
    it("takes a share key with a proof of its secret", async () => {
      const { key, proof } = await shareKey(e, e.alice, random);
      await expect(registry().register!(key, proof, "https://a.example")).to.emit(
        e.institutions,
        "InstitutionRegistered",
      );
      expect(await e.institutions.isRegistered!(e.alice.address)).to.equal(true);
      expect(await e.institutions.endpointOf!(e.alice.address)).to.equal("https://a.example");
      const [x, y] = await e.institutions.shareKeyOf!(e.alice.address);
      expect({ x, y }).to.deep.equal(key);
      await expect(registry().register!(key, proof, ""))
        .to.be.revertedWithCustomError(e.institutions, "AlreadyRegistered")
        .withArgs(e.alice.address);
    });

    it("[attack 19] [attack 20] [attack 21] refuses keys off the curve, not canonical, or at infinity", async () => {
      const { key, proof } = await shareKey(e, e.alice, random);
      for (const bad of [
        { x: key.x, y: key.y ^ 1n },
        { x: key.x + Q, y: key.y },
        { x: key.x, y: key.y + Q },
        { x: 0n, y: 0n },
      ]) {
        await expect(registry().register!(bad, proof, "")).to.be.revertedWithCustomError(
          e.institutions,
          "InvalidShareKey",
        );
      }
    });

    it("refuses a proof that is wrong in any part or not canonical", async () => {
      const { key, proof } = await shareKey(e, e.alice, random);
      const other = await shareKey(e, e.alice, random);
      for (const bad of [
        { r: proof.r, z: proof.z + 1n },
        { r: other.proof.r, z: proof.z },
        { r: { x: 0n, y: 0n }, z: proof.z },
        { r: { x: proof.r.x + Q, y: proof.r.y }, z: proof.z },
        { r: proof.r, z: proof.z + FR_MODULUS },
      ]) {
        await expect(registry().register!(key, bad, "")).to.be.revertedWithCustomError(
          e.institutions,
          "InvalidKeyProof",
        );
      }
      await expect(registry().register!(other.key, proof, "")).to.be.revertedWithCustomError(
        e.institutions,
        "InvalidKeyProof",
      );
    });

    it("[attack 60] [attack 61] refuses a proof for another chain, registry or institution", async () => {
      const wrongChain = await shareKey(e, e.alice, random, 1n);
      await expect(registry().register!(wrongChain.key, wrongChain.proof, "")).to.be.revertedWithCustomError(
        e.institutions,
        "InvalidKeyProof",
      );
      const elsewhere = { ...e, modules: { ...e.modules, institutions: e.modules.datasets } };
      const wrongRegistry = await shareKey(elsewhere, e.alice, random);
      await expect(registry().register!(wrongRegistry.key, wrongRegistry.proof, "")).to.be.revertedWithCustomError(
        e.institutions,
        "InvalidKeyProof",
      );
      const mine = await shareKey(e, e.alice, random);
      await expect(registry(e.bob).register!(mine.key, mine.proof, ""), "a copied key").to.be.revertedWithCustomError(
        e.institutions,
        "InvalidKeyProof",
      );
    });

    it("rotates keys by the same proof and bounds endpoints", async () => {
      const first = await shareKey(e, e.alice, random);
      await expect(registry().rotateShareKey!(first.key, first.proof)).to.be.revertedWithCustomError(
        e.institutions,
        "NotRegistered",
      );
      await expect(registry().setEndpoint!("x")).to.be.revertedWithCustomError(e.institutions, "NotRegistered");
      await expect(registry().register!(first.key, first.proof, "x".repeat(257)))
        .to.be.revertedWithCustomError(e.institutions, "EndpointTooLong")
        .withArgs(257n, 256n);
      await registry().register!(first.key, first.proof, "x".repeat(256));
      const next = await shareKey(e, e.alice, random);
      await expect(registry().rotateShareKey!(next.key, first.proof)).to.be.revertedWithCustomError(
        e.institutions,
        "InvalidKeyProof",
      );
      await registry().rotateShareKey!(next.key, next.proof);
      expect((await e.institutions.shareKeyOf!(e.alice.address))[0]).to.equal(next.key.x);
      await expect(registry().setEndpoint!("x".repeat(257))).to.be.revertedWithCustomError(
        e.institutions,
        "EndpointTooLong",
      );
      await registry().setEndpoint!("");
    });
  });

  describe("attestations", () => {
    const admitters = () => [e.dave.address, e.eve.address];

    it("[attack 42] counts only live attestations by named, listed admitters", async () => {
      const group = () => e.institutions.groupOf!(e.alice.address, admitters());
      const refuse = (list = admitters()) =>
        expect(e.institutions.requireAttested!(e.alice.address, list))
          .to.be.revertedWithCustomError(e.institutions, "NotAttested")
          .withArgs(e.alice.address);
      await refuse();
      await attested(e, e.alice, e.dave, "group a", random);
      expect(await e.institutions.requireAttested!(e.alice.address, admitters())).to.equal(id("group a"));
      await refuse([e.eve.address]);
      await refuse([]);
      await e.institutions.listAdmitter!(e.dave.address, false);
      await refuse();
      expect(await group()).to.equal(ZeroHash);
      // A second, listed admitter still counts, wherever it stands in the list.
      await e.institutions.listAdmitter!(e.eve.address, true);
      const now = BigInt(await e.networkHelpers.time.latest());
      await e.as(e.institutions, e.eve).attest!(e.alice.address, id("group e"), now + DAY);
      expect(await group()).to.equal(id("group e"));
      await e.as(e.institutions, e.eve).withdrawAttestation!(e.alice.address);
      await refuse();
      await e.as(e.institutions, e.dave).withdrawAttestation!(e.alice.address); // unlisted, still its own to withdraw
      await expect(e.as(e.institutions, e.dave).withdrawAttestation!(e.alice.address)).to.be.revertedWithCustomError(
        e.institutions,
        "NotAttested",
      );
    });

    it("[attack 64] holds until the second before expiry", async () => {
      await attested(e, e.alice, e.dave, "group a", random);
      const { expiresAt } = await e.institutions.attestationOf!(e.alice.address, e.dave.address);
      await e.networkHelpers.time.increaseTo(expiresAt - 1n);
      await e.institutions.requireAttested!(e.alice.address, admitters());
      await e.networkHelpers.time.increaseTo(expiresAt);
      await expect(e.institutions.requireAttested!(e.alice.address, admitters())).to.be.revertedWithCustomError(
        e.institutions,
        "NotAttested",
      );
      await expect(
        e.as(e.institutions, e.dave).attest!(e.alice.address, id("g"), expiresAt),
      ).to.be.revertedWithCustomError(e.institutions, "AttestationExpired");
    });

    it("lets the governor list and admit nobody", async () => {
      await expect(registry(e.eve).listAdmitter!(e.eve.address, true)).to.be.revertedWithCustomError(
        e.institutions,
        "AccessManagedUnauthorized",
      );
      await attested(e, e.alice, e.dave, "group a", random);
      await expect(registry(e.admin).attest!(e.alice.address, id("g"), 10n ** 12n))
        .to.be.revertedWithCustomError(e.institutions, "NotAdmitter")
        .withArgs(e.admin.address);
      await expect(registry(e.dave).attest!(e.bob.address, id("g"), 10n ** 12n)).to.be.revertedWithCustomError(
        e.institutions,
        "NotRegistered",
      );
      await expect(registry(e.dave).attest!(e.alice.address, ZeroHash, 10n ** 12n)).to.be.revertedWithCustomError(
        e.institutions,
        "ZeroGroup",
      );
    });
  });
});
