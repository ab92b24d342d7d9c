/**
 * Audits of what rests on datasets and on attestations: manifests in a store, consents, attestors' words. Every recomputed fact has a node or a store
 * that lies about it, and the audit names it; what is not there is said to be unchecked. Proofs' own audits: prover.test.ts, keeper.test.ts.
 */
import { p256 } from "@noble/curves/nist.js";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type AuditReader,
  type AuditReport,
  auditReceipt,
  auditVersion,
  connect,
  encodeManifest,
  FORMAT,
  type Receipt,
} from "@mednexus/sdk";
import { LocalStore } from "@mednexus/sdk/node";
import { expect } from "chai";
import { getBytes, hexlify, id, JsonRpcProvider, SigningKey, type Wallet, ZeroHash } from "ethers";
import { mednexus } from "../e2e/command.ts";
import { auditReader, named } from "../fixtures/audit.ts";
import { deployMarket, GAS, type Job, type Market, type ProvenReceipt, research } from "../fixtures/market.ts";
import { type Lie, lieOfEvent, lieOfInput, lieOfView, LyingNode, serveRpc } from "../fixtures/rpc.ts";
import { finalized, summed } from "../fixtures/settle.ts";
import { type Institution, SCHEMA } from "../fixtures/system.ts";

const KIND = id("compute");
const WINDOW = 900n;
const RECORDS = 1_000n;

describe("Audit of datasets and attestations", function () {
  this.timeout(180_000);
  let market: Market;
  let node: LyingNode;
  let rpc: { rpcUrl: string; close(): Promise<void> };
  let provider: JsonRpcProvider;
  let folder: string;
  let reader: AuditReader;
  let members: Institution[];
  let model: bigint;
  let item: ProvenReceipt;
  /** By attestor's algorithm. */
  const attested: { attestor: bigint; job: Job; receipt: Receipt; attestation: string }[] = [];

  const secp = new SigningKey(id("an enclave's key"));
  const p256Secret = getBytes(id("another enclave's key"));
  const keys = [
    { point: secp.publicKey, sign: (digest: string) => secp.sign(digest).serialized },
    {
      point: hexlify(p256.getPublicKey(p256Secret, false)),
      sign: (digest: string) => hexlify(p256.sign(getBytes(digest), p256Secret, { prehash: false, lowS: true })),
    },
  ];
  const xy = (point: string): [string, string] => [`0x${point.slice(4, 68)}`, `0x${point.slice(68)}`];

  before(async () => {
    market = await deployMarket();
    const { system } = market;
    console.log(`      seed ${system.seed}`);
    folder = mkdtempSync(join(tmpdir(), "mednexus-audit-"));
    writeFileSync(join(folder, "deployment.json"), JSON.stringify(system.deployment));
    node = new LyingNode(system.connection.provider);
    rpc = await serveRpc(node);
    provider = new JsonRpcProvider(rpc.rpcUrl, 31337, { staticNetwork: true, cacheTimeout: -1 });
    reader = {
      ...auditReader(system),
      contracts: connect(system.deployment, provider),
      provider,
      store: new LocalStore(join(folder, "store")),
    };

    const { campaign, terms, members: all, nodes } = await system.campaign();
    [members, model] = [all, terms.model];
    for (const member of members) await describeData(member);
    const round = await system.committed(campaign);
    for (const member of members) await system.submit(round, member);
    await system.shared(round);
    await system.acknowledge(round, nodes);
    await system.freeze(round);
    await summed(system, round, nodes);
    await finalized(system, round, nodes[0]!);

    const [hospital] = members;
    const prover = await market.prover("one");
    const other = await system.wallet("relayer");
    const priced = await market.model();
    const use = { dataset: hospital!.dataset, datasetVersion: 2n, purpose: research(hospital!.address) };
    const locked = async (change = {}): Promise<Job> => {
      const job = await market.request(priced, { ...use, ...change }, hospital!.signer);
      await market.lock(job, prover);
      return job;
    };
    item = await market.proven(await locked(), prover);
    await market.done(market.as(other).receipts.settle(item, GAS));
    for (const [index, { point, sign }] of keys.entries())
      attested.push(await attest(BigInt(index + 1), point, sign, locked, prover, other));
  });

  /** A second version of a member's dataset whose manifest is in the store. */
  async function describeData(member: Institution): Promise<void> {
    const { system } = market;
    const salt = (): string => hexlify(system.random(32));
    const manifest = {
      format: FORMAT,
      chainId: 31337,
      registry: system.deployment.addresses.datasets.toLowerCase(),
      institution: member.address.toLowerCase(),
      dataset: salt(),
      version: 2,
      size: 100,
      previous: salt(),
      schema: SCHEMA,
      records: Number(RECORDS),
      root: salt(),
      keyCommitment: salt(),
      custody: null,
      salt: salt(),
    } as const;
    const hash = await new LocalStore(join(folder, "store")).put(encodeManifest(manifest));
    const own = market.as(member.signer).datasets;
    await market.done(own.addVersion(member.dataset, hash, manifest.root, SCHEMA, RECORDS, GAS));
    await market.done(market.as(system.admitter).datasets.auditRecords(member.dataset, 2, RECORDS, GAS));
    await system.consent(member);
  }

  /** Lists the key, and has a job settled by its word. */
  async function attest(
    algorithm: bigint,
    point: string,
    sign: (digest: string) => string,
    locked: (change: object) => Promise<Job>,
    prover: Wallet,
    other: Wallet,
  ) {
    const { attestations, receipts, compute } = market.contracts;
    const attestor = await attestations.list.staticCall(KIND, algorithm, ...xy(point), id("quote"));
    await market.done(attestations.list(KIND, algorithm, ...xy(point), id("quote"), GAS));
    const job = await locked({ attesters: [attestor], challengeWindow: WINDOW });
    const receipt = await market.receipt(job, prover, { decision: 0n, score: 7n });
    const attestation = sign(await receipts.digestOf(receipt));
    const word = await market.sign(prover, receipt);
    await market.done(market.as(other).receipts.attest(job.terms, receipt, word, attestor, attestation, GAS));
    await market.system.time.increaseTo((await compute.jobOf(job.id)).until + 1n);
    await market.done(market.as(other).receipts.release(job.terms, receipt, GAS));
    return { attestor, job, receipt, attestation };
  }

  afterEach(() => (node.lie = (_, answer) => answer));

  after(async () => {
    provider?.destroy();
    await rpc?.close();
    await market?.system.connection.close();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  /** Each lie makes an audit name the fact, and fail. */
  async function found(audit: () => Promise<AuditReport>, lies: readonly (readonly [string, Lie])[]): Promise<void> {
    for (const [fact, lie] of lies) {
      node.lie = lie;
      const report = await audit();
      expect(named(report, "failed"), `${fact} ${JSON.stringify(report.checks)}`).to.include(fact);
      expect(report.ok).to.equal(false);
    }
  }
  const command = (...args: string[]) =>
    mednexus(["audit", ...args, "--rpc", rpc.rpcUrl, "--deployment", join(folder, "deployment.json")]);
  const inStore = (): string[] => ["--store", join(folder, "store")];
  const manifestFile = async (dataset: bigint): Promise<string> => {
    const { manifestHash } = await market.contracts.datasets.versionOf(dataset, 2);
    const files = readdirSync(join(folder, "store"), { recursive: true, encoding: "utf8" });
    return join(
      folder,
      "store",
      files.find((file) => file.endsWith(manifestHash.slice(2)))!,
    );
  };
  /** While `act` runs, the stored manifest has other bytes, or (undefined) is not there. */
  async function altering(dataset: bigint, by: ((text: string) => string) | undefined, act: () => Promise<void>) {
    const file = await manifestFile(dataset);
    const bytes = readFileSync(file);
    rmSync(file);
    if (by !== undefined) writeFileSync(file, by(bytes.toString("utf8")));
    await act();
    writeFileSync(file, bytes);
  }
  const tampered = (text: string): string => text.replace(/"records":\d+/, '"records":7');
  const other = (): string => id("other");

  describe("a receipt of a dataset's record", () => {
    const audit = () => auditReceipt(reader, { job: item.receipt.job });

    it("is recomputed from chain and store", async () => {
      const report = await audit();
      expect(named(report, "failed"), JSON.stringify(report.checks)).to.deep.equal([]);
      expect(named(report, "ok")).to.include.members(["dataset", "manifest", "consent", "signature", "proof"]);
      expect(named(report, "unchecked")).to.deep.equal(["execution trace", "result"]);
      const said = await command("receipt", String(item.receipt.job), ...inStore());
      expect(said.code, said.stderr).to.equal(0);
      expect(said.stdout).to.match(/manifest +ok/);
      expect(said.stdout).to.match(/2 could not be checked$/m);
    });

    it("names what node or store lie about", async () => {
      const { contracts } = market;
      const version = (change: object): Lie => lieOfView(contracts.datasets, "versionOf", () => change);
      await found(audit, [
        ["dataset", version({ manifestHash: other() })],
        ["manifest", version({ recordCount: RECORDS + 1n })],
        ["manifest", version({ storageRoot: other() })],
        ["manifest", version({ schemaHash: other() })],
        ["manifest", lieOfView(contracts.datasets, "institutionOf", () => members[1]!.address)],
        [
          "consent",
          lieOfEvent(contracts.compute, "JobLocked", ({ consentEpoch }) => ({
            consentEpoch: (consentEpoch as bigint) - 1n,
          })),
        ],
        ["consent", lieOfEvent(contracts.consent, "GrantsSet", () => ({ root: ZeroHash }))],
        [
          "signature",
          lieOfInput(item.signature, await market.sign(await market.system.wallet("stranger"), item.receipt)),
        ],
      ]);
      const lied = await command("receipt", String(item.receipt.job), ...inStore());
      expect(lied.code, lied.stderr).to.equal(1);
      expect(lied.stdout).to.match(/signature +FAILED/);
      node.lie = (_, answer) => answer;
      await altering(members[0]!.dataset, tampered, async () => {
        expect(named(await audit(), "failed")).to.deep.equal(["manifest"]);
        const said = await command("receipt", String(item.receipt.job), ...inStore());
        expect(said.code, said.stderr).to.equal(1);
        expect(said.stdout).to.match(/manifest +FAILED/);
      });
    });

    it("says what it could not check", async () => {
      const { consent } = market.contracts;
      const said = await command("receipt", String(item.receipt.job));
      expect(said.code, said.stderr).to.equal(0);
      expect(said.stdout).to.match(/manifest +could not be checked +no store was given/);
      await altering(members[0]!.dataset, undefined, async () => {
        const report = await audit();
        expect(named(report, "unchecked")).to.deep.equal(["manifest", "execution trace", "result"]);
        expect(report.ok).to.equal(true);
      });
      // A truncated answer is neither a yes nor a no.
      node.lie = lieOfEvent(consent, "TermsSet", () => undefined);
      const report = await audit();
      expect(named(report, "unchecked")).to.include("consent");
      expect(named(report, "failed")).to.deep.equal([]);
    });
  });

  for (const [index, curve] of (["secp256k1", "P-256"] as const).entries())
    describe(`a receipt attested by a ${curve} key`, () => {
      const audit = () => auditReceipt(reader, { job: attested[index]!.job.id });

      it("is recomputed; that nobody proved it is said", async () => {
        const report = await audit();
        expect(named(report, "failed"), JSON.stringify(report.checks)).to.deep.equal([]);
        expect(named(report, "ok")).to.include.members(["attestation", "challenge window", "signature", "consent"]);
        expect(named(report, "unchecked")).to.deep.equal(["output", "proof", "execution trace", "result"]);
        const said = await command("receipt", String(attested[index]!.job.id), ...inStore());
        expect(said.code, said.stderr).to.equal(0);
        expect(said.stdout).to.match(/proof +could not be checked +attested, not proved/);
      });

      it("names what the node lies about", async () => {
        const { attestations, receipts, compute } = market.contracts;
        const { attestation, attestor } = attested[index]!;
        const [x, y] = xy(keys[1 - index]!.point);
        const ofKey = (change: object): Lie => lieOfView(attestations, "attestorOf", () => change);
        await found(audit, [
          ["attestation", ofKey({ x, y })],
          ["attestation", ofKey({ kind: id("reseal") })],
          ["attestation", ofKey({ algorithm: BigInt(2 - index) })],
          ["attestation", ofKey({ listedAt: 2n ** 40n })],
          ["attestation", lieOfInput(attestation, `0x${"11".repeat(32)}${attestation.slice(66)}`)],
          ["attestation", lieOfEvent(receipts, "ReceiptAttested", () => ({ attestor: attestor + 5n }))],
          ["challenge window", lieOfEvent(compute, "JobAttested", ({ until }) => ({ until: (until as bigint) + 1n }))],
          ["challenge window", lieOfEvent(compute, "JobAttested", () => ({ digest: other() }))],
        ]);
        const lied = await command("receipt", String(attested[index]!.job.id), ...inStore());
        expect(lied.code, lied.stderr).to.equal(1);
        expect(lied.stdout).to.match(/challenge window +FAILED/);
        node.lie = lieOfEvent(receipts, "ReceiptAttested", () => undefined);
        expect(named(await audit(), "unchecked"), "an event that is not shown").to.include("signature");
      });

      it("holds though the key was revoked later, and not if it had been before", async () => {
        const { attestations } = market.contracts;
        await market.done(attestations.revoke(attested[index]!.attestor, GAS));
        expect((await audit()).ok).to.equal(true);
        const early = { blockNumber: "0x1" };
        await found(audit, [["attestation", lieOfEvent(attestations, "AttestorRevoked", (args) => args, early)]]);
      });
    });

  it("settled before its window was over, an attested receipt is found out", async () => {
    const { job } = attested[0]!;
    const { receipts } = market.contracts;
    const [settled] = await receipts.queryFilter(receipts.filters.ReceiptSettled(job.id));
    const number = `0x${settled!.blockNumber.toString(16)}`;
    await found(
      () => auditReceipt(reader, { job: job.id }),
      [
        [
          "challenge window",
          ({ method, params }, answer) =>
            method === "eth_getBlockByNumber" && params?.[0] === number
              ? {
                  ...(answer as object),
                  timestamp: `0x${(Number((answer as { timestamp: string }).timestamp) - 10).toString(16)}`,
                }
              : answer,
        ],
      ],
    );
  });

  describe("a version of a model that datasets made", () => {
    const audit = () => auditVersion(reader, model, 1);

    it("is recomputed from chain and store; what only a relay has is said", async () => {
      const report = await audit();
      expect(named(report, "failed"), JSON.stringify(report.checks)).to.deep.equal([]);
      expect(named(report, "ok")).to.include.members(["consent set", "manifests", "frozen set"]);
      expect(named(report, "unchecked")).to.deep.equal(["published model", "artefact"]);
      const said = await command("version", String(model), "1", ...inStore());
      expect(said.code, said.stderr).to.equal(0);
      expect(said.stdout).to.match(/manifests +ok +the store has those of 3 datasets/);
      expect(said.stdout).to.match(/published model +could not be checked +no relay was given/);
    });

    it("names what node or store lie about", async () => {
      const { versions, consent, datasets } = market.contracts;
      await found(audit, [
        ["consent set", lieOfEvent(versions, "VersionAppended", () => ({ consentSetHash: other() }))],
        ["consent set", lieOfEvent(consent, "GrantsSet", () => ({ root: ZeroHash }))],
        ["manifests", lieOfView(datasets, "versionOf", () => ({ recordCount: RECORDS + 1n }))],
      ]);
      const lied = await command("version", String(model), "1", ...inStore());
      expect(lied.code, lied.stderr).to.equal(1);
      expect(lied.stdout).to.match(/manifests +FAILED +the chain has another recordCount/);
    });

    it("a manifest that is not there is unchecked, and hides none that is false", async () => {
      await altering(members[0]!.dataset, undefined, async () => {
        const report = await audit();
        expect(named(report, "unchecked")).to.include("manifests");
        expect(report.checks.find(({ name }) => name === "manifests")!.detail).to.include(
          `dataset ${members[0]!.dataset} version 2`,
        );
        expect(report.ok).to.equal(true);
        await altering(members[1]!.dataset, tampered, async () => {
          expect(named(await audit(), "failed")).to.deep.equal(["manifests"]);
        });
      });
      expect(named(await auditVersion({ ...reader, store: undefined as never }, model, 1), "unchecked")).to.include(
        "manifests",
      );
    });
  });
});
