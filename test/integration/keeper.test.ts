/** A keeper drives whole rounds on a real deployment: hospitals only submit, acknowledge and sum. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { id as keccakText, keccak256, toBeHex, type Wallet, zeroPadValue } from "ethers";
import { trapdoor } from "@mednexus/circuits";
import { type Relay, startRelay } from "@mednexus/hospital";
import { composeKeeper, configSchema, type KeeperConfig, type KeeperEvent, type Service } from "@mednexus/keeper";
import {
  auditVersion,
  chunkHashes,
  decodeModel,
  encodeSum,
  encodeWords,
  evaluate,
  HttpTransport,
  lower,
  randomFrVector,
  readFrozen,
  shareCoefficients,
  shareFor,
  sumShares,
  topics,
  updateVector,
} from "@mednexus/sdk";
import { altered, auditReader, named } from "../fixtures/audit.ts";
import { deploySystem, DAY, GAS, type Institution, N, type System, units } from "../fixtures/system.ts";
import { seededInt } from "../vectors/seeded.ts";

const ROUND = keccakText("mednexus.purpose.round");

/** What a member keeps to itself, and so can hand to nodes. */
interface Secret {
  readonly values: bigint[];
  readonly vector: bigint[];
  readonly coefficients: readonly (readonly bigint[])[];
}

describe("Keeper on a whole deployment", function () {
  this.timeout(120_000);
  let system: System;
  let relay: Relay;
  let folder: string;
  const open: Service[] = [];
  /** What keepers said, for failures. */
  const said: string[] = [];

  before(async () => {
    system = await deploySystem();
    relay = await startRelay();
    folder = mkdtempSync(join(tmpdir(), "mednexus-keeper-"));
    writeFileSync(join(folder, "deployment.json"), JSON.stringify(system.deployment));
  });

  after(async () => {
    for (const keeper of open) await keeper.close();
    await relay?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function keeper(
    name: string,
    change: Partial<KeeperConfig> = {},
  ): Promise<{ keeper: Service; events: KeeperEvent[] }> {
    const wallet = await system.wallet(name);
    const keyFile = join(folder, `${name}.key.json`);
    writeFileSync(keyFile, JSON.stringify({ account: wallet.privateKey }), { mode: 0o600 });
    const events: KeeperEvent[] = [];
    const config = configSchema.parse({
      rpcUrl: "http://127.0.0.1:1",
      relayUrl: relay.url,
      deployment: join(folder, "deployment.json"),
      dataDir: join(folder, name),
      keyFile,
      confirmations: 1,
      staleAfterMs: 0,
    });
    const composed = await composeKeeper(
      { ...config, ...change },
      (event) => {
        events.push(event);
        said.push(
          Object.entries(event)
            .map(([field, value]) => `${field}=${value}`)
            .join(" "),
        );
      },
      {
        provider: system.ethers.provider as never,
      },
    );
    open.push(composed);
    return { keeper: composed, events };
  }

  /** A real vector with a real commitment and real share commitments; only its Groth16 proof is simulated. */
  async function submit(round: bigint, member: Institution): Promise<Secret> {
    const values = Array.from({ length: N }, () => seededInt(system.random, -900n, 900n));
    const vector = updateVector(values, randomFrVector(4, system.random));
    const coefficients = shareCoefficients(vector.length, 1, system.random);
    const commit = (words: readonly bigint[]) => system.simulator.commitment(evaluate(words, trapdoor.tau));
    const update = await system.update(round, member, {
      log: evaluate(vector, trapdoor.tau),
      a: coefficients.map(commit),
    });
    await system.submit(round, member, update);
    return { values, vector, coefficients };
  }

  async function postSum(round: bigint, node: Institution, secrets: readonly Secret[]): Promise<void> {
    const [committee] = await system.contracts.rounds.committeeOf(round);
    const s = [...committee].indexOf(node.address) + 1;
    const sum = sumShares(secrets.map(({ vector, coefficients }) => shareFor(vector, coefficients, s)));
    const { setHash } = await readFrozen(system.contracts, round);
    await system.done(system.as(node.signer).sums.postSum(round, setHash, chunkHashes(sum.words), GAS));
    const topic = topics(31337n, system.deployment.addresses.rounds).sum(round, s);
    await new HttpTransport(relay.url, node.signer as Wallet).send(
      topic,
      encodeSum({ setHash, words: encodeWords(sum.words) }),
    );
  }

  /** Ticks and mines until `reached`, as a chain with its own block times would. */
  async function until(what: string, keepers: readonly Service[], reached: () => Promise<boolean>): Promise<void> {
    for (let turn = 0; turn < 200; turn++) {
      for (const one of keepers) await one.tick();
      if (await reached()) return;
      await system.mine(1);
    }
    expect.fail(`${what} was not reached: ${said.slice(-30).join("; ")}`);
  }

  /** Of a version that a keeper has proved, and of the same with one answer of the chain or the relay altered. */
  async function audits(model: bigint, transport: HttpTransport): Promise<void> {
    const reader = auditReader(system, transport);
    const good = await auditVersion(reader, model, 2);
    expect(named(good, "failed"), JSON.stringify(good.checks)).to.deep.equal([]);
    expect(named(good, "unchecked"), "no store").to.deep.equal(["manifests"]);
    expect(good).to.include({ ok: true });
    const offline = await auditVersion({ ...reader, transport: { getBlob: async () => undefined } }, model, 2);
    expect(named(offline, "unchecked")).to.deep.equal(["published model", "artefact", "manifests"]);
    expect(offline).to.include({ ok: true, unchecked: 3 });
    const zero = await auditVersion(reader, model, 0);
    expect(named(zero, "failed")).to.deep.equal([]);

    const flip = async (root: string): Promise<Uint8Array> => {
      const content = Uint8Array.from((await transport.getBlob(root))!);
      content[31]! ^= 1;
      return content;
    };
    type Struct = { toObject(): Record<string, unknown> };
    const change = (field: string, by: (value: never) => unknown) => (answer: Struct) => {
      const plain = answer.toObject();
      return { ...plain, [field]: by(plain[field] as never) };
    };
    const more = (value: bigint): bigint => value + 1n;
    const wrong = [
      ["published model", { ...reader, transport: { getBlob: flip } }],
      ["lineage", altered(reader, "versions", "versionOf", change("h", more))],
      [
        "roots",
        altered(
          reader,
          "versions",
          "versionOf",
          change("dataHash", () => keccakText("other")),
        ),
      ],
      [
        "frozen set",
        altered(
          reader,
          "rounds",
          "frozenOf",
          change("setHash", () => keccakText("other")),
        ),
      ],
      ["sum of commitments", altered(reader, "rounds", "queryFilter", (logs: unknown[]) => logs.slice(1) as never)],
      ["step", altered(reader, "rounds", "frozenOf", change("lambda", more))],
      ["aggregate proof", { ...reader, verify: async () => false }],
      ["aggregate proof", { ...reader, published: (_: string, n: number) => reader.published("inference", n) }],
      [
        "consent set",
        altered(
          reader,
          "rounds",
          "frozenOf",
          change("included", (bits: bigint) => bits & ~1n),
        ),
      ],
      [
        "base",
        altered(
          reader,
          "rounds",
          "get",
          change("baseVersion", (v: bigint) => v - 1n),
        ),
      ],
    ] as const;
    for (const [check, liar] of wrong) {
      const report = await auditVersion(liar, model, 2);
      expect(named(report, "failed"), check).to.include(check);
      expect(report.ok).to.equal(false);
    }
  }

  it("opens, draws, ends the commit phase, freezes, proves, finalizes, claims and ends the campaign (P2, P9)", async () => {
    const { contracts } = system;
    const { campaign, terms, members, nodes } = await system.campaign({ terms: { rounds: 2n } });
    const { keeper: one, events } = await keeper("whole", { roles: { keeper: true, prover: true, claims: true } });
    const stateOf = async (round: bigint) => Number(await contracts.rounds.stateOf(round));
    const total = Array.from({ length: N }, () => 0n);
    for (let turn = 0; turn < 2; turn++) {
      const liveRound = async () => (await contracts.campaigns.get(campaign)).liveRound;
      await until(
        "a round in its commit phase",
        [one],
        async () => (await liveRound()) !== 0n && (await stateOf(await liveRound())) === 2,
      );
      const round = await liveRound();
      const secrets: Secret[] = [];
      for (const member of members) secrets.push(await submit(round, member));
      await until("the share phase", [one], async () => (await stateOf(round)) === 3);
      await system.acknowledge(round, nodes);
      await until("the freeze", [one], async () => (await stateOf(round)) === 4);
      await system.mine(2);
      for (const node of nodes.slice(0, 2)) await postSum(round, node, secrets);
      await until("the finalized round", [one], async () => {
        await new Promise((done) => setTimeout(done, 200)); // a real proof, on however busy a machine
        return (await stateOf(round)) === 6;
      });
      secrets.forEach(({ values }) => values.forEach((value, j) => (total[j]! += value)));
    }

    const [version, latest] = await contracts.versions.latestOf(terms.model);
    expect(version).to.equal(2n);
    const appended = (
      await contracts.versions.queryFilter(contracts.versions.filters.VersionAppended(terms.model, 2))
    )[0]!;
    const content = (await new HttpTransport(relay.url, members[0]!.signer).getBlob(appended.args.storageRoot))!;
    expect(keccak256(content)).to.equal(appended.args.storageRoot);
    const lambda = (terms.lambdaF * terms.cap) / 3_000n;
    expect(decodeModel(content).slice(0, N), "P2").to.deep.equal(lower(total.map((value) => value * lambda)));
    expect(latest.h).to.not.equal(0n);

    await audits(terms.model, new HttpTransport(relay.url, members[0]!.signer));

    await system.pass(2n * 3_600n + DAY);
    await until("the end of all claims", [one], async () => {
      const ended = Number((await contracts.campaigns.get(campaign)).state) === 2;
      const held = await Promise.all(
        [1n, 2n].map((id) => contracts.vault.heldOf(system.deployment.token, ROUND, zeroPadValue(toBeHex(id), 32))),
      );
      return ended && held.every((amount) => amount === 0n);
    });
    for (let more = 0; more < 4; more++) {
      await system.mine(1);
      await one.tick();
    }
    expect(
      events.filter(({ event }) => ["reverted", "quarantined", "trouble", "refused", "failed"].includes(event)),
    ).to.deep.equal([]);
    const confirmed = events.filter(({ event }) => event === "confirmed").map(({ job }) => job);
    expect(new Set(confirmed).size, "nothing is done twice").to.equal(confirmed.length);
    // draw, freeze and finalize tips of both rounds, and the fee of both
    const earned = await contracts.vault.creditOf(system.deployment.token, one.address);
    expect(earned >= 2n * (3n * units(2) + units(10)), `earned ${earned}`).to.equal(true);
    for (const node of nodes) expect(await contracts.stake.lockedOf(node.address)).to.equal(0n);
    for (const member of members) expect(await contracts.stake.lockedOf(member.address)).to.equal(0n);
  });

  it("[attack 113] two keepers, and a restart in the middle: everything once, the loser pays nothing", async () => {
    const { contracts } = system;
    const { campaign, members, nodes } = await system.campaign({ terms: { rounds: 1n, eager: false } });
    const roles = { keeper: true, prover: false, claims: true };
    const first = await keeper("first", { roles, campaigns: [campaign] });
    const second = await keeper("second", { roles, campaigns: [campaign] });
    const liveRound = async () => (await contracts.campaigns.get(campaign)).liveRound;
    const stateOf = async (round: bigint) => Number(await contracts.rounds.stateOf(round));
    const both = [first.keeper, second.keeper];
    await until(
      "a commit phase",
      both,
      async () => (await liveRound()) !== 0n && (await stateOf(await liveRound())) === 2,
    );
    const round = await liveRound();
    for (const member of members) await submit(round, member);
    // The same folder and key, another process.
    await second.keeper.close();
    const again = await keeper("second", { roles, campaigns: [campaign] });
    const keepers = [again.keeper, first.keeper];
    await until("the share phase, after verifyBatch", keepers, async () => (await stateOf(round)) === 3);
    expect((await contracts.rounds.get(round)).verified).to.equal(3n);
    await system.acknowledge(round, nodes);
    await until("the freeze", keepers, async () => (await stateOf(round)) === 4);
    await system.pass(7_201n);
    await until("the failure for missing sums", keepers, async () => (await stateOf(round)) === 9);
    await until(
      "the campaign's end",
      keepers,
      async () => Number((await contracts.campaigns.get(campaign)).state) === 2,
    );
    for (let more = 0; more < 4; more++) {
      await system.mine(1);
      for (const one of keepers) await one.tick();
    }
    const events = [...first.events, ...second.events, ...again.events];
    expect(events.filter(({ event }) => event === "reverted")).to.deep.equal([]);
    const confirmed = events.filter(({ event }) => event === "confirmed").map(({ job }) => job);
    expect(new Set(confirmed).size, "nothing is done twice").to.equal(confirmed.length);
    for (const { address } of [...members, ...nodes]) expect(await contracts.stake.lockedOf(address)).to.equal(0n);
  });
});
