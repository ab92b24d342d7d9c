import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect } from "chai";
import { memberKey, readFrozen, readRound, readUpdates, roundSum, sumValues, topics } from "@mednexus/sdk";
import { draftsOf } from "../../hospital/src/node/member.ts";
import { type Hospital, startTown, type Town } from "../fixtures/hospitals.ts";
import { deploySystem, type System } from "../fixtures/system.ts";
import { seededInt } from "../vectors/seeded.ts";

const script = join(import.meta.dirname, "../fixtures/hospitalProcess.ts");

/** One hospital is a process that is killed with SIGKILL; the others run in this one. */
describe("a hospital killed with SIGKILL", function () {
  this.timeout(400_000);

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
    await system.done(system.contracts.rounds.endCommit(round));
    await tickOthers();
    await system.pass(1_900n);
    await tickOthers();
    expect((await view(round)).openComplaints).to.be.greaterThan(0);
    const { openingUntil } = await system.contracts.rounds.shareDeadlines(round);
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
      await system.done(system.contracts.rounds.endCommit(round));
      await town.tick(2);
      expect((await view(round)).acks, town.troubles().join("\n")).to.equal(3);
      await freeze(round);
      expect((await readFrozen(system.contracts, round)).count).to.equal(4);
    }
  });
});
