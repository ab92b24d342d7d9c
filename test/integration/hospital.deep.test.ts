import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect } from "chai";
import {
  digestOf,
  execute,
  linkChallenge,
  lower,
  memberKey,
  readFrozen,
  readRound,
  readUpdates,
  roundSum,
  type RoundView,
  shareManifestHash,
  sumValues,
  topics,
  updateVector,
} from "@mednexus/sdk";
import { draftsOf, prepare, submissionOf } from "../../hospital/src/node/member.ts";
import {
  decodeShareMessage,
  encodePosted,
  encodeShareMessage,
  leaveForNode,
  type PostedShare,
  postedDigest,
} from "../../hospital/src/node/message.ts";
import { type Hospital, startTown, type Town } from "../fixtures/hospitals.ts";
import { deploySystem, type System } from "../fixtures/system.ts";
import { seededInt } from "../vectors/seeded.ts";

const script = join(import.meta.dirname, "../fixtures/hospitalProcess.ts");

/** One hospital is a process that is killed with SIGKILL; the others run in this one. */
describe("a hospital killed with SIGKILL", function () {
  this.timeout(1_800_000);

  let system: System;
  let town: Town;
  let killed: Hospital;
  let others: Hospital[];
  let child: ChildProcess | undefined;

  before(async () => {
    system = await deploySystem();
    console.log(`      seed ${system.seed}`);
    town = await startTown(system, 4);
    killed = town.hospitals[3]!;
    others = town.hospitals.slice(0, 3);
  });

  afterEach(() => child?.kill("SIGKILL"));

  after(async () => {
    await town?.stop();
    await system?.connection.close();
  });

  const view = (round: bigint) => readRound(system.contracts, round);
  const updatesOf = (round: bigint) =>
    readUpdates(system.contracts, system.connection.ethers.provider as never, round, 0);
  const tickOthers = async (): Promise<void> => {
    for (const hospital of others) await hospital.tick();
  };

  /** Runs the hospital as a process until `stop` says so of one of its events, or `afterMs` have passed; then SIGKILL. */
  async function runUntil(
    stop: (event: { event: string }) => boolean,
    extra: object,
    afterMs = 60_000,
  ): Promise<boolean> {
    killed.config(extra);
    child = spawn(process.execPath, [script, join(killed.folder, "hospital.json")], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let met = false;
    const exit = once(child, "exit");
    const timer = setTimeout(() => child!.kill("SIGKILL"), afterMs);
    for await (const line of createInterface({ input: child.stdout! })) {
      if (!stop(JSON.parse(line) as { event: string })) continue;
      met = true;
      child.kill("SIGKILL");
      break;
    }
    await exit;
    clearTimeout(timer);
    child = undefined;
    return met;
  }

  async function freeze(round: bigint): Promise<void> {
    const updates = await updatesOf(round);
    const [institutions, cs] = [updates.map(({ institution }) => institution), updates.map(({ detail }) => detail.c)];
    await system.done(system.contracts.rounds.freeze(round, institutions, cs));
    await system.mine(3);
  }

  it("after its commit, before its shares are delivered: excluded, slashed, the round goes on; its update stays secret", async () => {
    const { round, campaign } = await town.round();
    const { address } = killed;
    await killed.stop();
    // Its relay is dead, as if the kill came between the commit and the first delivery.
    expect(await runUntil(({ event }) => event === "submitted", { relayUrl: "http://127.0.0.1:9" })).to.equal(true);
    await tickOthers();
    expect((await view(round)).verified).to.equal(4);
    await tickOthers();
    await system.pass(1_900n);
    await tickOthers();
    expect((await view(round)).openComplaints).to.be.greaterThan(0);
    const { openingUntil } = await system.contracts.rules.shareDeadlines(round);
    const stake = await system.contracts.stake.activeOf(address);
    await system.pass(openingUntil - (await system.now()) + 1n);
    for (let i = 0; i < 3; i++) await tickOthers();
    await freeze(round);
    await tickOthers();
    await tickOthers();

    const update = (await updatesOf(round)).find(({ institution }) => institution === address)!;
    expect((await system.contracts.rounds.updateOf(update.memberKey)).excluded).to.equal(true);
    expect(await system.contracts.stake.activeOf(address)).to.be.lessThan(stake);
    expect((await view(round)).state).to.equal("Summed");
    expect((await readFrozen(system.contracts, round)).count).to.equal(3);
    const { sum } = await roundSum(others[0]!.context, round);
    const drafts = others.map((hospital) => draftsOf(hospital.context, round).at(-1)!);
    expect(sumValues(sum, 3)).to.deep.equal(
      drafts[0]!.values.map((_, j) => drafts.reduce((total, draft) => total + draft.values[j]!, 0n)),
    );
    // Nobody holds so much as a ciphertext of its share.
    for (let s = 1; s <= 3; s++) {
      const topic = topics(31337n, system.deployment.addresses.rounds).share(round, s, update.memberKey);
      expect(await others[0]!.context.transport.receive(topic, address)).to.equal(undefined);
    }
    const { disputes } = system.contracts;
    expect(await disputes.queryFilter(disputes.filters.CiphertextChunk(round))).to.have.length(0);
    // Back again it finds nothing to do and no trouble; it takes part in nothing twice.
    killed.campaigns = [campaign];
    killed.events.length = 0;
    await killed.start();
    await killed.tick();
    expect(killed.said("submitted").concat(killed.said("trouble"))).to.deep.equal([]);
  });

  it("at seeded moments of preparing, committing and delivering: one update on chain, whose secrets it has, in the set", async () => {
    for (let run = 0; run < 3; run++) {
      const { round } = await town.round();
      const { address } = killed;
      await killed.stop();
      const moments = Array.from({ length: 2 }, () => Number(seededInt(system.random, 1_500n, 6_000n)));
      for (const moment of moments) await runUntil(() => false, {}, moment);
      const files = readdirSync(join(killed.folder, "state")).filter((name) => name.endsWith(".json"));
      for (const name of files)
        expect(() => void JSON.parse(readFileSync(join(killed.folder, "state", name), "utf8")), name).to.not.throw();
      await killed.start();
      await killed.tick();
      await town.tick();
      const own = (await updatesOf(round)).filter(({ institution }) => institution === address);
      expect(own, `killed after ${moments.join(", ")} ms`).to.have.length(1);
      const draft = draftsOf(killed.context, round).find(
        ({ detail }) => memberKey(address, detail.c) === own[0]!.memberKey,
      );
      expect(draft, "its secrets").to.not.equal(undefined);
      await town.tick(2);
      expect((await view(round)).acks, town.troubles().join("\n")).to.equal(3);
      await freeze(round);
      expect((await readFrozen(system.contracts, round)).count).to.equal(4);
    }
  });
});

/** Ciphertexts that the manifest lists and that no honest member would make. */
describe("a member that commits to garbage for one node", function () {
  this.timeout(1_800_000);

  let system: System;
  let town: Town;

  before(async () => {
    system = await deploySystem(undefined, { suspendAfter: 100n }); // one liar, many rounds
    console.log(`      seed ${system.seed}`);
    town = await startTown(system, 4);
  });

  after(async () => {
    await town?.stop();
    await system?.connection.close();
  });

  const cases: [string, (honest: PostedShare, random: System["random"]) => PostedShare][] = [
    ["a word at or above r", (honest) => ({ ...honest, bytes: honest.bytes.map((byte, i) => (i < 32 ? 0xff : byte)) })],
    ["a word too few", (honest) => ({ ...honest, bytes: honest.bytes.slice(32) })],
    ["half a word too many", (honest) => ({ ...honest, bytes: Buffer.concat([honest.bytes, new Uint8Array(16)]) })],
    ["[attack 161] an ephemeral key that it does not know", (honest) => ({ ...honest, e: { x: 1n, y: 2n } })],
    ["an ephemeral key off the curve", (honest) => ({ ...honest, e: { x: 1n, y: 1n } })],
  ];

  for (const [what, tamper] of cases) {
    for (const way of ["delivered", "withheld"] as const) {
      it(`${what}, ${way}: excluded, no node stuck, the others' round goes on`, async () => {
        const { round } = await town.round();
        const at = await readRound(system.contracts, round);
        const seats = await town.seats(round);
        const liar = town.hospitals.find((hospital) => hospital !== seats[1])!;
        const posted = await commitTo(liar, at, 1, (honest) => tamper(honest, system.random));
        for (const hospital of town.hospitals) if (hospital !== liar) await hospital.tick();
        const key = memberKey(liar.address, posted.c);
        const { topicOf } = posted;
        for (const [s, share] of posted.shares.entries())
          if (s !== 1 || way === "delivered")
            await leaveForNode(
              liar.context,
              topicOf(s + 1, key),
              seats[s]!.context.shareKeys.publicKey,
              encodePosted(share),
            );
        await system.pass(1_900n);
        for (let i = 0; i < 2; i++) for (const hospital of town.hospitals) if (hospital !== liar) await hospital.tick();
        const { openingUntil } = await system.contracts.rules.shareDeadlines(round);
        await system.pass(openingUntil - (await system.now()) + 1n);
        for (let i = 0; i < 2; i++) for (const hospital of town.hospitals) if (hospital !== liar) await hospital.tick();
        expect((await system.contracts.rounds.updateOf(key)).excluded, town.troubles().join("\n")).to.equal(true);
        expect((await readRound(system.contracts, round)).openComplaints).to.equal(0);
      });
    }
  }
});

/** Submits a valid update whose manifest lists a tampered ciphertext for one seat; nothing is delivered. */
async function commitTo(liar: Hospital, round: RoundView, seat: number, tamper: (honest: PostedShare) => PostedShare) {
  const { context } = liar;
  const draft = await prepare(context, round);
  const digests = draft.ciphertexts.map(digestOf);
  const shares = draft.ciphertexts.map((ciphertext) => decodeShareMessage(encodeShareMessage({ ciphertext, digests })));
  shares[seat] = tamper(shares[seat]!);
  const listed = shares.map((share, i) => postedDigest(i + 1, share));
  const { c, a, h } = draft.detail;
  const key = await context.commitKey(round.n);
  const vector = updateVector(draft.values, draft.blinders);
  const shareManifest = shareManifestHash(listed);
  const r = linkChallenge(draft.ctx, c, a, shareManifest, h);
  const { y, w } = await key.open(vector, r);
  const { normBound2 } = await context.contracts.campaigns.eligibility(round.campaign, context.address);
  const witness = { h, r, y, normBound2, values: lower(draft.values), blinders: draft.blinders };
  const { proof } = await context.prover.prove("update", round.n, witness);
  const detail = { ...draft.detail, shareManifest, y, w, proof };
  await execute(context.contracts.rounds.submitUpdate, submissionOf({ ...draft, detail }, liar.dataset));
  const { addresses } = context.deployment;
  const topicOf = (s: number, member: string): string => topics(31337n, addresses.rounds).share(round.id, s, member);
  return { c, topicOf, shares: shares.map((share) => ({ ...share, digests: listed })) };
}
