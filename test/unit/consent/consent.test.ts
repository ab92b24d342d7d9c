import {
  REVOCATION,
  grantLeaf,
  merkleProof,
  merkleRoot,
  mondoLeaf,
  mondoTree,
  purposeHash,
  typedDataDomain,
} from "@mednexus/sdk";
import { expect } from "chai";
import { type HDNodeWallet, Wallet, ZeroAddress, ZeroHash, id, toBeHex } from "ethers";
import { DAY, type Economy, describeEconomy } from "../../fixtures/economy.ts";
import { attested, dataset } from "../../fixtures/institutions.ts";
import { seededRandom } from "../../vectors/seeded.ts";

const bit = (...codes: number[]) => codes.reduce((bits, code) => bits | (1n << BigInt(code)), 0n);
const NRES = 4,
  HMB = 6,
  DS = 7,
  POA = 11,
  GRU = 42;
const CANCER = id("MONDO:0004992"),
  BREAST = id("MONDO:0007254"),
  NPC = id("MONDO:0018982");

interface Terms {
  permission: number;
  modifiers: bigint;
  disease: string;
  regions: string[];
  users: string[];
  projects: string[];
  institutions: string[];
  notBefore: bigint;
  notAfter: bigint;
}
const terms = (change: Partial<Terms> = {}): Terms => ({
  permission: GRU,
  modifiers: 0n,
  disease: ZeroHash,
  regions: [],
  users: [],
  projects: [],
  institutions: [],
  notBefore: 0n,
  notAfter: 0n,
  ...change,
});
const wanted = (change: object = {}) => ({
  permission: HMB,
  modifiers: 0n,
  disease: ZeroHash,
  region: ZeroHash,
  project: ZeroHash,
  user: ZeroAddress,
  ...change,
});

describeEconomy("ConsentRegistry", (get) => {
  let e: Economy;
  const random = seededRandom(13n);
  let subjects: { wallet: HDNodeWallet; salt: string }[];
  beforeEach(async () => {
    e = get();
    await attested(e, e.alice, e.dave, "group a", random);
    await attested(e, e.bob, e.dave, "group b", random);
    await dataset(e, e.alice, "d1");
    subjects = Array.from({ length: 5 }, (_, i) => ({ wallet: Wallet.createRandom(), salt: id(`salt ${i}`) }));
  });

  const consent = (who = e.alice) => e.as(e.consent, who);
  const leaves = (who = subjects, set = 1n, version = 1) =>
    who.map(({ wallet, salt }) => grantLeaf(set, version, wallet.address, salt));
  const grant = (who = subjects, count = 5n, version = 1) =>
    consent().setGrants!(1n, merkleRoot(leaves(who, 1n, version)), count, false);
  const allowed = (change: object = {}, version = 1n, set = 1n) =>
    e.consent.requireAllowed!(set, version, wanted(change));
  const refused = (reason: string, change: object = {}) =>
    expect(allowed(change))
      .to.be.revertedWithCustomError(e.consent, "PurposeRefused")
      .withArgs(1n, `0x${Buffer.from(reason).toString("hex").padEnd(64, "0")}`);
  const domain = async (chainId = 31337n, at = e.modules.consent) => typedDataDomain(chainId, at);
  const sign = async (i: number, message: object = {}, on = domain(), who = subjects) =>
    who[i]!.wallet.signTypedData(await on, REVOCATION, { dataset: 1n, leaf: leaves(who)[i]!, ...message });
  const revoke = async (i: number, signature?: string, from = e.eve, tree = subjects) =>
    consent(from).revoke!(
      1n,
      1n,
      subjects[i]!.wallet.address,
      subjects[i]!.salt,
      merkleProof(leaves(tree), tree.indexOf(subjects[i]!)),
      signature ?? (await sign(i)),
    );
  const open = async (change: Partial<Terms> = {}) => {
    await consent().setTerms!(1n, terms(change));
    await grant();
  };

  describe("terms", () => {
    it("come from the dataset's institution, once a version; a change is a new version with new grants", async () => {
      await expect(consent(e.bob).setTerms!(1n, terms()))
        .to.be.revertedWithCustomError(e.consent, "NotDatasetInstitution")
        .withArgs(1n, e.bob.address);
      await expect(allowed()).to.be.revertedWithCustomError(e.consent, "NoTerms").withArgs(1n, 1n);
      await expect(grant()).to.be.revertedWithCustomError(e.consent, "NoTerms");
      await expect(consent().setTerms!(1n, terms())).to.emit(e.consent, "TermsSet");
      await expect(consent().setTerms!(1n, terms({ permission: NRES })))
        .to.be.revertedWithCustomError(e.consent, "TermsFixed")
        .withArgs(1n, 1n);
      await expect(allowed()).to.be.revertedWithCustomError(e.consent, "NoGrants").withArgs(1n, 1n);
      await grant();
      expect(await allowed()).to.equal(2n);
    });

    it("[attack 73] consent for version 1 says nothing about version 2", async () => {
      await open();
      await e.as(e.datasets, e.alice).addVersion!(1n, id("v2"), id("r"), id("schema"), 10n);
      await expect(allowed({}, 2n)).to.be.revertedWithCustomError(e.consent, "NoTerms").withArgs(1n, 2n);
      await consent().setTerms!(1n, terms());
      await expect(allowed({}, 2n)).to.be.revertedWithCustomError(e.consent, "NoGrants").withArgs(1n, 2n);
      // Leaves of version 1 under version 2's root: a revocation for version 2 cannot be made from them, nor the other way round.
      await grant();
      await expect(
        consent().revoke!(
          1n,
          2n,
          subjects[0]!.wallet.address,
          subjects[0]!.salt,
          merkleProof(leaves(), 0),
          await sign(0),
        ),
      ).to.be.revertedWithCustomError(e.consent, "BadGrantProof");
    });

    it("refuses unknown permissions and, by name, modifiers that it cannot decide", async () => {
      for (const permission of [0, 5, 12, 43, 255]) {
        await expect(consent().setTerms!(1n, terms({ permission })))
          .to.be.revertedWithCustomError(e.consent, "UnknownPermission")
          .withArgs(permission);
      }
      for (const code of [0, 12, 16, 43, 63]) {
        await expect(consent().setTerms!(1n, terms({ modifiers: bit(code, 21) })))
          .to.be.revertedWithCustomError(e.consent, "UnsupportedModifier")
          .withArgs(bit(code));
      }
    });

    it("[attack 69] refuses parameters without their modifier and modifiers without their parameters", async () => {
      const long = Array.from({ length: 33 }, (_, i) => toBeHex(i + 1, 32));
      const cases: [string, Partial<Terms>][] = [
        ["disease", { permission: DS }],
        ["disease", { disease: CANCER }],
        ["regions", { modifiers: bit(22) }],
        ["regions", { regions: [id("FR")] }],
        ["regions", { modifiers: bit(22), regions: long }],
        ["users", { modifiers: bit(26) }],
        ["users", { users: [e.bob.address] }],
        ["projects", { modifiers: bit(27) }],
        ["projects", { projects: [id("p")] }],
        ["institutions", { modifiers: bit(28) }],
        ["institutions", { institutions: [e.bob.address] }],
        ["notBefore", { modifiers: bit(24) }],
        ["notBefore", { notBefore: 1n }],
        ["notAfter", { modifiers: bit(25) }],
        ["notAfter", { notAfter: 1n }],
      ];
      for (const [what, change] of cases) {
        await expect(consent().setTerms!(1n, terms(change)), what)
          .to.be.revertedWithCustomError(e.consent, "InconsistentTerms")
          .withArgs(`0x${Buffer.from(what).toString("hex").padEnd(64, "0")}`);
      }
    });
  });

  describe("purposes", () => {
    it("[attack 74] allows what the dataset's permission is above or equal to, and nothing wider", async () => {
      // Independent of the contract: rows dataset, columns purpose.
      const table: Record<number, number[]> = {
        [NRES]: [NRES, GRU, HMB, DS, POA],
        [GRU]: [GRU, HMB, DS, POA],
        [HMB]: [HMB, DS],
        [DS]: [DS],
        [POA]: [POA],
      };
      const { takeSnapshot } = e.networkHelpers;
      for (const [permission, within] of Object.entries(table)) {
        const snapshot = await takeSnapshot();
        await open({ permission: Number(permission), disease: Number(permission) === DS ? NPC : ZeroHash });
        for (const use of [NRES, GRU, HMB, DS, POA]) {
          const purpose = { permission: use, disease: use === DS ? NPC : ZeroHash };
          if (within.includes(use)) expect(await allowed(purpose), `${permission} → ${use}`).to.equal(2n);
          else await refused("permission", purpose);
        }
        await snapshot.restore();
      }
    });

    it("refuses malformed purposes", async () => {
      await open({ permission: NRES });
      await refused("malformed", { permission: 5 });
      await refused("malformed", { permission: DS });
      await refused("malformed", { permission: HMB, disease: NPC });
    });

    it("[attack 74] opens a narrower disease by a Merkle path in the governed MONDO root, once, and no other", async () => {
      await open({ permission: DS, disease: CANCER });
      const breast = { permission: DS, disease: BREAST };
      expect(await allowed({ permission: DS, disease: CANCER })).to.equal(2n);
      await refused("disease", breast);
      const tree = [mondoLeaf(CANCER, BREAST), mondoLeaf(NPC, BREAST), mondoLeaf(CANCER, NPC)];
      const prove = (a: string, d: string, i: number, of = tree) =>
        consent(e.eve).proveDisease!(a, d, merkleProof(of, i));
      await expect(prove(CANCER, BREAST, 0)).to.be.revertedWithCustomError(e.consent, "BadDiseasePath"); // no root yet
      await expect(consent(e.eve).setMondoRoot!(merkleRoot(tree))).to.be.revertedWithCustomError(
        e.consent,
        "AccessManagedUnauthorized",
      );
      await e.consent.setMondoRoot!(merkleRoot(tree));
      await expect(prove(CANCER, BREAST, 1))
        .to.be.revertedWithCustomError(e.consent, "BadDiseasePath")
        .withArgs(CANCER, BREAST);
      await expect(prove(BREAST, CANCER, 0), "the wrong way round").to.be.revertedWithCustomError(
        e.consent,
        "BadDiseasePath",
      );
      await prove(NPC, BREAST, 1); // another ancestor does not help
      await refused("disease", breast);
      await expect(prove(CANCER, BREAST, 0))
        .to.emit(e.consent, "DiseaseProven")
        .withArgs(merkleRoot(tree), CANCER, BREAST);
      expect(await allowed(breast)).to.equal(2n);
      // Another release: proven pairs no longer count until proven again.
      const next = [tree[0]!, mondoLeaf(CANCER, id("x"))];
      await e.consent.setMondoRoot!(merkleRoot(next));
      await refused("disease", breast);
      await prove(CANCER, BREAST, 0, next);
      await allowed(breast);
    });

    it("takes roots and paths of the SDK's tree: every descendant of a release, no other", async () => {
      await open({ permission: DS, disease: id("MONDO:0002561") });
      const tree = mondoTree(
        new Map([
          ["MONDO:0002561", []],
          ["MONDO:0001982", ["MONDO:0002561"]],
          ["MONDO:0018982", ["MONDO:0001982"]],
          ["MONDO:0004992", []],
          ["MONDO:0007254", ["MONDO:0004992"]],
        ]),
      );
      await e.consent.setMondoRoot!(tree.root);
      for (const below of ["MONDO:0001982", "MONDO:0018982"]) {
        const { ancestor, descendant, path } = tree.prove("MONDO:0002561", below);
        await refused("disease", { permission: DS, disease: descendant });
        await consent(e.eve).proveDisease!(ancestor, descendant, path);
        await allowed({ permission: DS, disease: descendant });
      }
      await refused("disease", { permission: DS, disease: BREAST });
    });

    it("asks the user for every claim that the terms name; 18 says 45 and 46", async () => {
      await open({ modifiers: bit(15, 19, 20, 29, 45, 46) });
      for (const missing of [15, 19, 20, 29, 45, 46])
        await refused("modifiers", { modifiers: bit(...[15, 19, 20, 29, 45, 46].filter((code) => code !== missing)) });
      await refused("modifiers");
      await allowed({ modifiers: bit(15, 19, 20, 29, 45, 46) });
      await allowed({ modifiers: bit(15, 19, 20, 29, 18, 21) });
    });

    describe("ethics approval", () => {
      const document = id("approval 2026-117, as a PDF");
      const claim = () => wanted({ modifiers: bit(21), user: e.bob.address, project: id("p") });
      const record = (purpose = claim(), until = 10_000_000_000n, from = e.bob, what = document) =>
        consent(from).recordEthicsApproval!(purpose, what, until);

      it("[attack 74] counts with a document that the purpose's user recorded for exactly this purpose", async () => {
        await open({ modifiers: bit(21) });
        await refused("modifiers", { ...claim(), modifiers: 0n });
        await refused("ethics", claim());
        await expect(record(claim(), 1n, e.eve))
          .to.be.revertedWithCustomError(e.consent, "NotPurposeUser")
          .withArgs(e.bob.address, e.eve.address);
        await expect(record({ ...claim(), modifiers: bit(19) })).to.be.revertedWithCustomError(
          e.consent,
          "NoEthicsClaim",
        );
        await expect(record(claim(), 1n, e.bob, ZeroHash)).to.be.revertedWithCustomError(e.consent, "NoDocument");
        await expect(record())
          .to.emit(e.consent, "EthicsApprovalRecorded")
          .withArgs(purposeHash(claim()), e.bob.address, document, 10_000_000_000n);
        expect([...(await e.consent.ethicsApprovalOf!(claim()))]).to.deep.equal([document, 10_000_000_000n]);
        expect(await allowed(claim())).to.equal(2n);
        // Every other purpose is another: a wider one, another project, region, user, more claims.
        for (const change of [
          { permission: GRU },
          { permission: DS, disease: NPC },
          { project: id("q") },
          { region: id("FR") },
          { user: e.carol.address },
          { modifiers: bit(19, 21) },
        ])
          await refused("ethics", { ...claim(), ...change });
      });

      it("[attack 64] ends after its last second, is renewed and withdrawn by a later record", async () => {
        await open({ modifiers: bit(21) });
        const until = BigInt(await e.networkHelpers.time.latest()) + DAY;
        await record(claim(), until);
        await e.networkHelpers.time.increaseTo(until);
        await allowed(claim());
        await e.networkHelpers.time.increaseTo(until + 1n);
        await refused("ethics", claim());
        await record(claim(), until + DAY, e.bob, id("renewed"));
        await allowed(claim());
        await record(claim(), 0n);
        await refused("ethics", claim());
      });

      it("is not asked for by terms that do not name it", async () => {
        await open();
        await allowed(claim());
      });
    });

    it("takes 45 and 46 together for 18, one alone not", async () => {
      await open({ modifiers: bit(18) });
      await refused("modifiers", { modifiers: bit(45) });
      await refused("modifiers", { modifiers: bit(46) });
      await allowed({ modifiers: bit(45, 46) });
      await allowed({ modifiers: bit(18) });
    });

    it("NPOA refuses ancestry research and every purpose that contains it", async () => {
      await open({ permission: NRES, modifiers: bit(44) });
      for (const permission of [POA, GRU, NRES]) await refused("ancestry", { permission });
      await allowed({ permission: HMB });
      await allowed({ permission: DS, disease: NPC });
    });

    it("decides regions, users, projects and institutions by their lists", async () => {
      await open({
        modifiers: bit(22, 26, 27, 28),
        regions: [id("FR"), id("DE")],
        users: [e.bob.address, e.carol.address],
        projects: [id("p")],
        institutions: [e.bob.address],
      });
      const good = { region: id("DE"), project: id("p"), user: e.bob.address };
      await allowed(good);
      await refused("region", { ...good, region: id("US") });
      await refused("region", { ...good, region: ZeroHash });
      await refused("user", { ...good, user: e.eve.address });
      await refused("project", { ...good, project: id("q") });
      await refused("institution", { ...good, user: e.carol.address });
      // An entry of one list is not an entry of another.
      await refused("project", { ...good, project: id("FR") });
    });

    it("[attack 64] holds a moratorium and a time limit to the second", async () => {
      const now = BigInt(await e.networkHelpers.time.latest());
      const [from, to] = [now + DAY, now + 2n * DAY];
      await open({ modifiers: bit(24, 25), notBefore: from, notAfter: to });
      await refused("moratorium");
      await e.networkHelpers.time.increaseTo(from - 1n);
      await refused("moratorium");
      await e.networkHelpers.time.increaseTo(from);
      await allowed();
      await e.networkHelpers.time.increaseTo(to);
      await allowed();
      await e.networkHelpers.time.increaseTo(to + 1n);
      await refused("time");
    });
  });

  describe("grants", () => {
    it("come from the institution, rounded, and bump the epoch", async () => {
      await consent().setTerms!(1n, terms());
      const root = merkleRoot(leaves());
      await expect(consent(e.bob).setGrants!(1n, root, 5n, false)).to.be.revertedWithCustomError(
        e.consent,
        "NotDatasetInstitution",
      );
      await expect(consent().setGrants!(1n, root, 7n, false))
        .to.be.revertedWithCustomError(e.consent, "CountNotRounded")
        .withArgs(7n);
      await consent().setGrants!(1n, root, 5n, true);
      const [storedRoot, count, custodial] = await e.consent.grantRootOf!(1n, 1n);
      expect([storedRoot, count, custodial, await e.consent.epochOf!(1n)]).to.deep.equal([root, 5n, true, 2n]);
      const ref = (dataset: bigint, epoch: bigint) => ({ dataset, version: 1n, epoch });
      expect(await e.consent.movedSince!([ref(1n, 2n), ref(1n, 1n), ref(2n, 0n), ref(2n, 1n)])).to.equal(0b1010n);
      await expect(e.consent.movedSince!(Array.from({ length: 257 }, () => ref(1n, 2n))))
        .to.be.revertedWithCustomError(e.consent, "TooManyRefs")
        .withArgs(257n);
    });

    it("[attack 71] take a day when they might re-admit somebody, and a withdrawal of all is at once", async () => {
      await open();
      await grant(subjects.slice(1));
      const { effectiveAt } = await e.consent.grantRootOf!(1n, 1n);
      await expect(allowed()).to.be.revertedWithCustomError(e.consent, "GrantsNotEffective").withArgs(1n, effectiveAt);
      await e.networkHelpers.time.increaseTo(effectiveAt - 1n);
      await expect(allowed()).to.be.revertedWithCustomError(e.consent, "GrantsNotEffective");
      await e.networkHelpers.time.increaseTo(effectiveAt);
      await allowed();
      await consent().setGrants!(1n, ZeroHash, 0n, false);
      await expect(allowed()).to.be.revertedWithCustomError(e.consent, "NoGrants");
      await grant();
      await expect(allowed()).to.be.revertedWithCustomError(e.consent, "GrantsNotEffective");
    });

    it("[attack 71] a revocation does not bring a waiting root, or a larger one, forward", async () => {
      await open();
      await grant();
      const waiting = (await e.consent.grantRootOf!(1n, 1n)).effectiveAt;
      await revoke(0);
      await grant(subjects.slice(1));
      expect((await e.consent.grantRootOf!(1n, 1n)).effectiveAt, "P7").to.equal(waiting);
      await e.networkHelpers.time.increaseTo(waiting);
      await revoke(1, undefined, e.eve, subjects.slice(1));
      await grant(subjects.slice(2), 10n);
      await expect(allowed()).to.be.revertedWithCustomError(e.consent, "GrantsNotEffective");
    });
  });

  describe("revocation", () => {
    it("[attack 72] refuses at once whatever is ordered after it, relayed by anybody, paused or not", async () => {
      await open();
      await e.as(e.params, e.guardian).pauseEntries!(DAY);
      await allowed();
      await expect(revoke(2)).to.emit(e.consent, "ConsentRevoked").withArgs(1n, 1n, leaves()[2], 3n, e.eve.address);
      expect(await e.consent.isRevoked!(leaves()[2])).to.equal(true);
      expect(await e.consent.epochOf!(1n)).to.equal(3n);
      await expect(allowed(), "P7").to.be.revertedWithCustomError(e.consent, "RevokedGrantsStale").withArgs(1n);
      await grant(subjects.filter((_, i) => i !== 2));
      expect(await allowed()).to.equal(4n);
    });

    it("[attack 72] in one block the order decides", async () => {
      await open();
      const probe = await e.ethers.deployContract("ConsentProbe");
      const read = () => probe.getFunction("read").send(e.modules.consent, 1n, 1n, wanted(), { gasLimit: 500_000n });
      const signature = await sign(0);
      await e.connection.provider.request({ method: "evm_setAutomine", params: [false] });
      const before = await read();
      const revocation = await consent(e.admin).revoke!(
        1n,
        1n,
        subjects[0]!.wallet.address,
        subjects[0]!.salt,
        merkleProof(leaves(), 0),
        signature,
        { gasLimit: 500_000n },
      );
      const after = await read();
      await e.networkHelpers.mine();
      await e.connection.provider.request({ method: "evm_setAutomine", params: [true] });
      const receipts = await Promise.all(
        [before, revocation, after].map((tx) => e.ethers.provider.getTransactionReceipt(tx.hash)),
      );
      expect(new Set(receipts.map((r) => r!.blockNumber)).size).to.equal(1);
      expect(receipts.map((r) => r!.status)).to.deep.equal([1, 1, 0]);
    });

    it("[attack 71] a root under which a leaf was revoked never comes back, and another root with the leaf is refused by the same signature", async () => {
      await open();
      const signature = await sign(0);
      await revoke(0, signature);
      await expect(revoke(0, signature), "[attack 63]")
        .to.be.revertedWithCustomError(e.consent, "AlreadyRevoked")
        .withArgs(leaves()[0]);
      await expect(grant()).to.be.revertedWithCustomError(e.consent, "RevokedGrantsStale").withArgs(1n);
      const sneaky = subjects.slice(0, 4); // leaves another out, keeps the revoked one
      await grant(sneaky);
      await allowed();
      await revoke(0, signature, e.eve, sneaky);
      await expect(allowed(), "P7").to.be.revertedWithCustomError(e.consent, "RevokedGrantsStale");
    });

    it("works with a proof under a former root: the institution cannot hide a subject's path", async () => {
      await open();
      await consent().setGrants!(1n, merkleRoot(leaves(subjects.slice(1))), 5n, false);
      await e.networkHelpers.time.increase(DAY);
      await allowed();
      await revoke(0);
      await expect(allowed()).to.be.revertedWithCustomError(e.consent, "RevokedGrantsStale");
    });

    it("[attack 66] a failed recovery is not the zero address's consent", async () => {
      const nobody = { wallet: { address: ZeroAddress } as HDNodeWallet, salt: id("nobody") };
      await consent().setTerms!(1n, terms());
      await grant([...subjects, nobody]);
      const garbage = `0x${"00".repeat(32)}${"00".repeat(31)}011b`;
      await expect(
        consent(e.eve).revoke!(
          1n,
          1n,
          ZeroAddress,
          nobody.salt,
          merkleProof(leaves([...subjects, nobody]), 5),
          garbage,
        ),
      )
        .to.be.revertedWithCustomError(e.consent, "BadRevocationSignature")
        .withArgs(ZeroAddress);
    });

    it("[attack 76] keeps datasets apart: a grant and a signature for one do nothing in another", async () => {
      await open();
      await dataset(e, e.bob, "d2");
      await consent(e.bob).setTerms!(2n, terms());
      // Worst case: a careless subject with one key and salt in both.
      await consent(e.bob).setGrants!(2n, merkleRoot(leaves(subjects, 2n)), 5n, false);
      expect(leaves(subjects, 2n)[0]).to.not.equal(leaves()[0]);
      const relay = async (set: bigint) =>
        consent(e.eve).revoke!(
          set,
          1n,
          subjects[0]!.wallet.address,
          subjects[0]!.salt,
          merkleProof(leaves(subjects, set), 0),
          await sign(0),
        );
      await expect(relay(2n)).to.be.revertedWithCustomError(e.consent, "BadRevocationSignature");
      await relay(1n);
      await allowed({}, 1n, 2n);
      expect(await e.consent.isRevoked!(leaves(subjects, 2n)[0])).to.equal(false);
    });

    it("refuses leaves that no root holds, inner nodes, and foreign salts", async () => {
      await open();
      const stranger = Wallet.createRandom();
      const leaf = grantLeaf(1n, 1, stranger.address, id("s"));
      const signature = await stranger.signTypedData(await domain(), REVOCATION, { dataset: 1n, leaf });
      await expect(
        consent(e.eve).revoke!(1n, 1n, stranger.address, id("s"), merkleProof(leaves(), 0), signature),
      ).to.be.revertedWithCustomError(e.consent, "BadGrantProof");
      await expect(
        consent(e.eve).revoke!(
          1n,
          1n,
          subjects[0]!.wallet.address,
          id("wrong"),
          merkleProof(leaves(), 0),
          await sign(0),
        ),
      ).to.be.revertedWithCustomError(e.consent, "BadGrantProof");
      await expect(
        consent(e.eve).revoke!(
          1n,
          1n,
          subjects[0]!.wallet.address,
          subjects[0]!.salt,
          merkleProof(leaves(), 0).slice(1),
          await sign(0),
        ),
      ).to.be.revertedWithCustomError(e.consent, "BadGrantProof");
    });
  });
});
