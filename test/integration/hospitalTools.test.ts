import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { getBytes, toUtf8Bytes, Wallet } from "ethers";
import {
  agreePair,
  archiveOf,
  type Check,
  doctor,
  dryRun,
  enrol,
  generateKeys,
  grantsOf,
  joinPool,
  keptVersion,
  localStoreOf,
  provideStake,
  publishGrants,
  publishVersion,
  registerDataset,
  registerInstitution,
  revocationKit,
  runHospital,
  schemaHash,
  setDataTerms,
  type NodeEvent,
} from "@mednexus/hospital";
import {
  checkAgainstChain,
  Curve,
  grantLeaf,
  parseKit,
  readManifest,
  readRegisteredVersion,
  relayRevocation,
  signedRevocationSchema,
  signRevocation,
  verifyMerkleProof,
} from "@mednexus/sdk";
import { decryptTo } from "@mednexus/sdk/node";
import { type Hospital, schema, startTown, type Town } from "../fixtures/hospitals.ts";
import { deploySystem, type System, units } from "../fixtures/system.ts";
import { codeOf } from "../utils/codeOf.ts";

/** What an operator does with a node besides letting it run: enrol, look, rehearse, start, stop. */
describe("hospital tools on a real chain", function () {
  this.timeout(120_000);

  let system: System;
  let town: Town;
  let first: Hospital;
  let round: bigint;
  let campaign: bigint;

  before(async () => {
    system = await deploySystem();
    console.log(`      seed ${system.seed}`);
    town = await startTown(system, 3);
    ({ round, campaign } = await town.round());
    first = town.hospitals[0]!;
  });

  after(async () => {
    await town?.stop();
    await system?.connection.close();
  });

  describe("enrolment", () => {
    it("every step can be repeated and then changes nothing", async () => {
      const { context } = first;
      const nonce = await context.provider.getTransactionCount(context.address);
      await registerInstitution(context, await Curve.load(), "relay");
      await provideStake(context, units(1_000));
      await setDataTerms(context, first.dataset, { permission: 42, modifiers: [] });
      const subjects = grantsOf(context, first.dataset, 1).map(({ subject }) => subject);
      await publishGrants(context, first.dataset, subjects);
      await enrol(context, campaign, first.dataset);
      await joinPool(context, campaign);
      expect(await context.provider.getTransactionCount(context.address)).to.equal(nonce);
    });

    it("the stake's allowance was for exactly the stake: nothing is left of it", async () => {
      const { context } = first;
      const token = await system.token();
      expect(await token.allowance!(context.address, system.deployment.addresses.vault)).to.equal(0n);
      await provideStake(context, units(1_000) + 7n);
      expect(await system.contracts.stake.activeOf(context.address)).to.equal(units(1_000) + 7n);
      expect(await token.allowance!(context.address, system.deployment.addresses.vault)).to.equal(0n);
    });

    it("the dataset on chain is the table, encrypted: the chain gives the manifest, the manifest the ciphertext", async () => {
      const { context } = first;
      const chain = await readRegisteredVersion(context.contracts, 31337, first.dataset);
      const store = localStoreOf(context);
      const manifest = await readManifest(store, chain.manifestHash);
      await checkAgainstChain(manifest, chain);
      expect(manifest.schema).to.equal(schemaHash(schema));
      const table = readFileSync(join(first.folder, "data.csv"));
      const { key, dataset } = keptVersion(context, first.dataset);
      expect(dataset).to.equal(manifest.dataset);
      const out = join(first.folder, "decrypted.csv");
      await decryptTo(out, manifest, getBytes(key!), store);
      expect(readFileSync(out).equals(table)).to.equal(true);
      for (const file of readdirSync(store.folder, { recursive: true }) as string[]) {
        const path = join(store.folder, file);
        expect(statSync(path).mode & 0o077, file).to.equal(0);
        if (statSync(path).isFile()) expect(readFileSync(path).includes(table.subarray(0, 16)), file).to.equal(false);
      }
    });

    it("[attack 137] a rotated dataset is a new version on chain; the old manifest is refused as rolled back", async () => {
      const { context } = first;
      const bytes = toUtf8Bytes("a table of its own");
      const token = await registerDataset(context, { bytes, records: 1, schema: schemaHash(schema) });
      const [store, archive] = [localStoreOf(context), archiveOf(context)];
      const old = keptVersion(context, token);
      await archive.rotate(old.dataset, { readers: [] });
      expect(await publishVersion(context, archive, store, old.dataset)).to.equal(token);
      expect(await publishVersion(context, archive, store, old.dataset), "again: nothing to do").to.equal(token);
      const chain = await readRegisteredVersion(context.contracts, 31337, token);
      expect(chain.version).to.equal(2);
      await checkAgainstChain(await readManifest(store, chain.manifestHash), chain);
      const manifest = await readManifest(store, old.manifest);
      expect(await codeOf(checkAgainstChain(manifest, chain))).to.equal("ROLLED_BACK");
      const before = await readRegisteredVersion(context.contracts, 31337, token, 1);
      expect(await codeOf(checkAgainstChain(manifest, before))).to.equal("ROLLED_BACK");
      await checkAgainstChain(manifest, before, { allowOld: true });
    });

    it("[attack 76] one subject in two datasets is two leaves with two salts; a subject revokes with what it was given", async () => {
      const { context } = town.hospitals[2]!;
      const dataset = town.hospitals[2]!.dataset;
      const subject = new Wallet(`0x${"5a".repeat(32)}`);
      const before = grantsOf(context, dataset, 1);
      await publishGrants(context, dataset, [...before.map((grant) => grant.subject), subject.address]);
      const kept = grantsOf(context, dataset, 1);
      expect(kept.slice(0, before.length), "salts stay").to.deep.equal(before);
      expect(new Set(kept.map(({ salt }) => salt)).size).to.equal(kept.length);
      const files = readdirSync(join(town.hospitals[2]!.folder, "state")).filter((name) => name.startsWith("grants-"));
      for (const name of files)
        expect(statSync(join(town.hospitals[2]!.folder, "state", name)).mode & 0o077).to.equal(0);

      const kit = revocationKit(context, dataset, 1, subject.address);
      const { root } = await system.contracts.consent.grantRootOf(dataset, 1);
      const leaf = grantLeaf(dataset, 1, subject.address, kit.salt);
      expect(verifyMerkleProof(root, leaf, kit.proof)).to.equal(true);
      const [refused, signed] = [
        await codeOf(signRevocation(kit, Wallet.createRandom())),
        await signRevocation(kit, subject),
      ];
      expect(refused).to.equal("WRONG_KEY");
      const elsewhere = { ...system.deployment, chainId: 1 };
      expect(await codeOf(relayRevocation(system.contracts, elsewhere, signed))).to.equal("WRONG_CHAIN");
      await relayRevocation(
        system.contracts,
        system.deployment,
        parseKit(signedRevocationSchema, JSON.stringify(signed)),
      );
      expect(await system.contracts.consent.isRevoked(leaf)).to.equal(true);
      expect(() => revocationKit(context, dataset, 1, new Wallet(`0x${"5b".repeat(32)}`).address)).to.throw(/no grant/);
      expect(await codeOf(publishGrants(context, dataset, [subject.address, subject.address.toLowerCase()]))).to.equal(
        "BAD_GRANTS",
      );
      // The institution's answer: a root without the subject.
      await publishGrants(
        context,
        dataset,
        before.map((grant) => grant.subject),
      );
    });

    it("a pair round is not agreed to by a hospital whose policy wants more members; nor does it enrol", async () => {
      const terms = await system.terms({
        model: await system.model(),
        schemaHash: schemaHash(schema),
        pair: true,
        minParticipants: 2n,
        maxMembers: 2n,
      });
      const pair = await system.open(terms);
      expect(await codeOf(enrol(first.context, pair, first.dataset))).to.equal("POLICY_VETO");
      const knowing = { ...first.context, policy: { ...first.context.policy, minMembers: 2 } };
      await enrol(knowing, pair, first.dataset);
      const second = { ...town.hospitals[1]!.context, policy: { ...first.context.policy, minMembers: 2 } };
      await enrol(second, pair, town.hospitals[1]!.dataset);
      await agreePair(knowing, pair);
      await agreePair(second, pair);
      expect(await system.contracts.campaigns.pairAgreed(pair)).to.equal(true);
      expect(await codeOf(agreePair(first.context, pair))).to.equal("POLICY_VETO");
    });
  });

  describe("dry run", () => {
    it("names everything that would leave, with sizes, and sends nothing; what it prepared is what the node sends", async () => {
      await first.stop();
      const before = (await system.contracts.rounds.get(round)).submitted;
      const [run] = await dryRun(first.config());
      expect((await system.contracts.rounds.get(round)).submitted).to.equal(before);
      expect(run!.round).to.equal(round);
      const shares = run!.leaving.filter(({ field }) => field === "encrypted share");
      expect(shares).to.have.length(3);
      // A point, a size class, a tag.
      for (const { bytes } of shares) expect(bytes).to.equal(64 + 2 ** 14 + 16);
      expect(run!.leaving.map(({ field }) => field)).to.include.members([
        "commitment C",
        "share manifest",
        "hash h",
        "evaluation y",
        "opening W",
        "proof",
      ]);
      expect(run!.learns.map(({ who }) => who)).to.include("the relay");
      const again = await dryRun(first.config());
      expect(again).to.deep.equal([run]);

      await first.start();
      await first.tick();
      const logs = await system.contracts.rounds.queryFilter(
        system.contracts.rounds.filters.UpdateSubmitted(round, first.address),
      );
      const { detail } = logs[0]!.args;
      const field = (name: string): string => run!.leaving.find((one) => one.field === name)!.value;
      expect(field("share manifest")).to.equal(detail.shareManifest);
      expect(field("hash h")).to.equal(detail.h.toString());
      expect(field("commitment C")).to.equal(`(${detail.c.x}, ${detail.c.y})`);
    });
  });

  describe("doctor", () => {
    const failing = (checks: Check[]): string[] => checks.filter(({ ok }) => !ok).map(({ name }) => name);
    const clock = async (): Promise<number> => Number(await system.now());

    it("finds nothing at a node that works", async () => {
      const now = await clock();
      const checks = await doctor(first.config(), () => now);
      // The key may not be in this machine's cache, and complaints need coin beyond the stake.
      expect(
        failing(checks).filter((name) => !name.startsWith("proving key")),
        JSON.stringify(checks, null, 1),
      ).to.deep.equal([]);
      expect(checks.length).to.be.greaterThan(15);
    });

    it("says what is wrong and what to do, for each thing that can be", async () => {
      const now = await clock();
      const look = async (extra: object, at = now): Promise<string[]> =>
        failing(await doctor(first.config(extra), () => at));
      const has = async (name: string, extra: object, at?: number): Promise<void> => {
        const names = await look(extra, at);
        expect(
          names.some((one) => one.startsWith(name)),
          `${name} in ${names.join(", ")}`,
        ).to.equal(true);
      };
      await has("clock", {}, now + 3_600);
      await has("clock", {}, now - 3_600);
      await has("chain", { rpcUrl: "http://127.0.0.1:9" });
      await has("relay", { relayUrl: "http://127.0.0.1:9" });
      await has("relay", { relayUrl: town.rpcUrl });
      await has("witness 1", { witnessRpcUrls: ["http://127.0.0.1:9"] });
      await has("campaign 99", { campaigns: [99] });
      await has("policy", { policy: { minMembers: 9 } });
      await has("deployment file", { deployment: "nowhere.json" });
      await has("key file", { keyFile: "nowhere.json" });
      const { data } = JSON.parse(readFileSync(join(first.folder, "hospital.json"), "utf8")) as { data: object };
      await has("table", { data: { ...data, label: "no such column" } });
      await has("dataset", { data: { ...data, dataset: "99" } });
      await has("enrolment", { data: { ...data, dataset: town.hospitals[1]!.dataset.toString() } });

      const other = { keyFile: "other.json" };
      writeFileSync(
        join(first.folder, "other.json"),
        JSON.stringify({ account: `0x${"33".repeat(32)}`, share: `0x${"00".repeat(31)}07` }),
        { mode: 0o600 },
      );
      for (const name of ["registration", "gas money", "attestation", "stake", "complaint money"])
        await has(name, other);
      chmodSync(join(first.folder, "other.json"), 0o644);
      await has("key file", other);
      for (const check of (await doctor(first.config(other), () => now)).filter(({ ok }) => !ok))
        expect(check.remedy, check.name).to.be.a("string").and.not.equal("");
    });
  });

  describe("run", () => {
    it("waits for a chain that is not up yet, stops on abort, leaves the folder free", async () => {
      await first.stop();
      const events: NodeEvent[] = [];
      const log = (event: NodeEvent): void => void events.push(event);
      const early = new AbortController();
      const waiting = runHospital(first.config({ rpcUrl: "http://127.0.0.1:9" }), { signal: early.signal, log });
      setTimeout(() => early.abort(), 300);
      await waiting;
      expect(events.map(({ event, code }) => [event, code])).to.deep.equal([["trouble", "RPC_FAILED"]]);

      const controller = new AbortController();
      const running = runHospital(first.config(), { signal: controller.signal, log });
      expect(await until(() => events.some(({ event }) => event === "node-up"))).to.equal(true);
      expect(await codeOf(first.start()), "one process a folder").to.equal("STATE_IN_USE");
      controller.abort();
      await running;
      expect(events.at(-1)!.event).to.equal("node-down");
      await first.start();
    });

    it("refuses another account's or deployment's state", async () => {
      await first.stop();
      writeFileSync(
        join(first.folder, "third.json"),
        JSON.stringify({ account: generateKeys().account, share: `0x${"00".repeat(31)}07` }),
        { mode: 0o600 },
      );
      const signal = AbortSignal.timeout(20_000);
      expect(await codeOf(runHospital(first.config({ keyFile: "third.json" }), { signal, log: () => {} }))).to.equal(
        "WRONG_STATE",
      );
      await first.start();
    });

    it("[attack 126] a damaged key file is named, not quoted", async () => {
      await first.stop();
      const secret = toUtf8Bytes("77".repeat(32));
      writeFileSync(join(first.folder, "bad.json"), `{"account": "0x${Buffer.from(secret).toString()}", oops`, {
        mode: 0o600,
      });
      const error = await runHospital(first.config({ keyFile: "bad.json" }), {
        signal: AbortSignal.timeout(20_000),
        log: () => {},
      }).catch((cause: unknown) => cause);
      expect((error as { code?: string }).code).to.equal("BAD_KEY_FILE");
      expect(String(error) + String((error as Error).cause)).to.not.include("7777");
      await first.start();
    });
  });
});

async function until(holds: () => boolean): Promise<boolean> {
  for (let i = 0; i < 200 && !holds(); i++) await new Promise((done) => setTimeout(done, 50));
  return holds();
}
