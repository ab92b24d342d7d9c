import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DataUse, grantLeaf, merkleProof, merkleRoot, type RevocationKit, toFhir } from "@mednexus/sdk";
import { expect } from "chai";
import { id, Wallet } from "ethers";
import { mednexus } from "../e2e/command.ts";
import { serveRpc } from "../fixtures/rpc.ts";
import { deploySystem, GAS, type System } from "../fixtures/system.ts";

describe("mednexus consent", () => {
  let folder: string;
  const at = (name: string) => join(folder, name);
  const write = (name: string, value: unknown): string => {
    writeFileSync(at(name), JSON.stringify(value));
    return at(name);
  };
  before(() => (folder = mkdtempSync(join(tmpdir(), "mednexus-consent-"))));
  after(() => rmSync(folder, { recursive: true, force: true }));

  const use: DataUse = {
    permission: 7,
    modifiers: [15, 21],
    disease: "MONDO:0018982",
    regions: ["DE"],
    notAfter: 1_890_000_000,
  };
  const record = { id: "c1", subject: { reference: "Patient/1" }, date: "2026-03-01" };

  it("imports a FHIR consent, exports the same again, and keeps the record to itself", async () => {
    const file = write("consent.json", toFhir(use, record));
    const { code, stdout } = await mednexus(["consent", "import", file, "--out", at("local.json"), "--json"]);
    expect(code).to.equal(0);
    expect(JSON.parse(stdout).use).to.deep.equal(use);
    expect(stdout).to.not.include("Patient/1");
    expect(statSync(at("local.json")).mode & 0o077).to.equal(0);
    const back = await mednexus(["consent", "export", at("local.json")]);
    expect(JSON.parse(back.stdout)).to.deep.equal(toFhir(use, record));
  });

  it("names what does not map, exit code 1; bad files, exit code 2", async () => {
    const { examples } = JSON.parse(readFileSync(new URL("../vectors/fhirConsents.json", import.meta.url), "utf8"));
    const file = write(
      "basic.json",
      examples.find((one: { id: string }) => one.id === "consent-example-pkb"),
    );
    const refused = await mednexus(["consent", "import", file]);
    expect([refused.code, refused.stdout]).to.deep.equal([1, ""]);
    expect(refused.stderr).to.include("Consent.provision[0].securityLabel: ");
    const bad: [string[], string][] = [
      [["export", write("bad.json", { use: { ...use, permission: 5 } })], "permission"],
      [["revoke", "--kit", write("kit.json", {})], "MEDNEXUS_SUBJECT_KEY|version"],
    ];
    for (const [args, named] of bad) {
      const { code, stderr } = await mednexus(["consent", ...args]);
      expect(code, args.join(" ")).to.equal(2);
      expect(stderr, args.join(" ")).to.match(new RegExp(named));
    }
  });

  describe("on a chain", () => {
    let system: System;
    let rpc: Awaited<ReturnType<typeof serveRpc>>;
    const subject = new Wallet(`0x${"5c".repeat(32)}`);
    const salt = id("salt");
    let kit: RevocationKit;

    before(async () => {
      system = await deploySystem();
      rpc = await serveRpc(system.connection.provider as never);
      const { signer, dataset } = await system.institution();
      const leaves = [grantLeaf(dataset, 1, subject.address, salt), id("another")];
      await system.done(system.as(signer).consent.setGrants(dataset, merkleRoot(leaves), 5, false, GAS));
      const { chainId, addresses } = system.deployment;
      kit = {
        version: 1,
        chainId,
        registry: addresses.consent,
        dataset: String(dataset),
        datasetVersion: 1,
        subject: subject.address,
        salt,
        proof: merkleProof(leaves, 0),
      };
      write("deployment.json", system.deployment);
      process.env["MEDNEXUS_SUBJECT_KEY"] = subject.privateKey;
      process.env["MEDNEXUS_RELAYER_KEY"] = (await system.wallet("relayer")).privateKey;
    });
    after(async () => {
      delete process.env["MEDNEXUS_SUBJECT_KEY"];
      delete process.env["MEDNEXUS_RELAYER_KEY"];
      await rpc.close();
      await system.connection.close();
    });

    it("signs offline, relays for a subject without ether, and shows the epoch that moved", async () => {
      const chain = ["--rpc", rpc.rpcUrl, "--deployment", at("deployment.json")];
      const status = async () =>
        JSON.parse((await mednexus(["consent", "status", ...chain, "--dataset", kit.dataset, "--json"])).stdout);
      expect(await status()).to.include({ epoch: "3", version: 1, custodial: false, roundedCount: 5 });
      const file = write("kit.json", kit);
      const signed = await mednexus(["consent", "revoke", "--kit", file, "--out", at("signed.json")]);
      expect([signed.code, signed.stderr]).to.deep.equal([0, ""]);
      expect(
        await system.contracts.consent.isRevoked(grantLeaf(BigInt(kit.dataset), 1, subject.address, salt)),
      ).to.equal(false);
      const relayed = await mednexus(["consent", "revoke", "--signed", at("signed.json"), ...chain, "--json"]);
      expect(relayed.code, relayed.stderr).to.equal(0);
      expect(JSON.parse(relayed.stdout).dataset).to.equal(kit.dataset);
      expect((await status()).epoch).to.equal("4");
      const again = await mednexus(["consent", "revoke", "--signed", at("signed.json"), ...chain]);
      expect([again.code, again.stderr.includes("AlreadyRevoked")]).to.deep.equal([1, true]);
    });

    it("refuses another subject's key and another chain's kit, exit code 2", async () => {
      process.env["MEDNEXUS_SUBJECT_KEY"] = Wallet.createRandom().privateKey;
      const wrong = await mednexus(["consent", "revoke", "--kit", write("kit.json", kit)]);
      expect([wrong.code, wrong.stderr.split(":")[0]]).to.deep.equal([2, "WRONG_KEY"]);
      process.env["MEDNEXUS_SUBJECT_KEY"] = subject.privateKey;
      const chain = ["--rpc", rpc.rpcUrl, "--deployment", at("deployment.json")];
      const other = await mednexus(["consent", "revoke", "--kit", write("kit.json", { ...kit, chainId: 1 }), ...chain]);
      expect([other.code, other.stderr.split(":")[0]]).to.deep.equal([2, "WRONG_CHAIN"]);
    });
  });
});
