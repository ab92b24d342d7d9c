/**
 * Time of a whole round with real proofs, phase by phase: two hospitals and a committee-only institution, 128 parameters, a devnet that makes a block
 * every 500 ms and at no other time, and the processes that run in earnest: three hospitals, a keeper, a prover.
 *   node bench/round.ts [--rounds 5] [--json]
 * The first round is a warm-up and is not counted. Exit code 1 if a target is missed. The contracts must have been built (npm run bench:round does).
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { SnarkjsBackend } from "@mednexus/circuits";
import { openBackend } from "@mednexus/gpu-prover";
import { namedScenario, startRelay } from "@mednexus/hospital";
import {
  aggregateHash,
  connect,
  Curve,
  evaluate,
  execute,
  lower,
  type ProverBackend,
  quantize,
  randomFr,
  randomFrVector,
  readRound,
  systemRandom,
  updateHash,
  updateVector,
} from "@mednexus/sdk";
import type { JsonRpcProvider } from "ethers";
import { deployTo, openProvider, startDevnet } from "../cli/src/chain.ts";
import { type Service, stopServices } from "../cli/src/children.ts";
import { DEVNET_CONFIG } from "../cli/src/commands/devnet.ts";
import type { DemoOptions } from "../cli/src/demo/options.ts";
import { type ServiceEvent, startHospital, startKeeper } from "../cli/src/demo/services.ts";
import { buildWorld, type World } from "../cli/src/demo/world.ts";
import { readDeployConfig } from "../deploy/operations/index.ts";
import { machine, machineLine, median, met, table, type Target, targetTable } from "./lib/report.ts";

const SIZE = 128;
const BLOCK_MS = 500;
/** Gives up on a round after this long. */
const PATIENCE_MS = 120_000;

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "5" }, json: { type: "boolean", default: false } },
});
if (!/^[1-9]\d?$/.test(values.rounds)) throw new Error(`--rounds ${values.rounds}: give a whole number from 1 to 99`);
const measured = Number(values.rounds);
const say = (line: string): void => {
  if (!values.json) console.error(line);
};

/** Milliseconds of one round. The first group adds up to `whole`; the second is what processes say of themselves inside those phases, slowest hospital. */
interface RoundTimes {
  readonly open: number;
  readonly draw: number;
  readonly update: number;
  readonly acknowledge: number;
  readonly freeze: number;
  readonly sums: number;
  readonly finalize: number;
  readonly whole: number;
  readonly blocks: number;
  readonly train: number;
  readonly prove: number;
  readonly aggregate: number;
}

const PHASES: readonly (readonly [keyof RoundTimes, string])[] = [
  ["open", "open: openRound sent → in a block"],
  ["draw", "draw: block to draw from, keeper draws"],
  ["update", "update: train, commit, encrypt, prove, submit, both hospitals"],
  ["acknowledge", "acknowledge: nodes check shares and say so"],
  ["freeze", "freeze: keeper"],
  ["sums", "sums: final freeze, t + 1 nodes post"],
  ["finalize", "finalize: prover collects sums, proves, submits"],
  ["whole", "**whole round**"],
  ["blocks", "blocks"],
  ["train", "inside update: training"],
  ["prove", "inside update: proof, both hospitals at once"],
  ["aggregate", "inside finalize: proof"],
];

/** When each block was seen, in milliseconds: block timestamps are whole seconds. */
class BlockClock {
  readonly #seen = new Map<number, number>();
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;

  constructor(provider: JsonRpcProvider) {
    this.#done = this.#follow(provider);
  }

  async #follow(provider: JsonRpcProvider): Promise<void> {
    let last = -1;
    while (!this.#stop.signal.aborted) {
      const head = Number(await provider.send("eth_blockNumber", []));
      const now = performance.now();
      for (let block = last === -1 ? head : last + 1; block <= head; block++) this.#seen.set(block, now);
      last = head;
      await sleep(20);
    }
  }

  at(block: number): number {
    const time = this.#seen.get(block);
    if (time === undefined) throw new Error(`block ${block} was not seen`);
    return time;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }
}

/** Milliseconds of single proofs with nothing else of ours running, the first left out: keys are loaded in it. */
async function proofsAlone(prover: ProverBackend, circuit: "update" | "aggregate", count: number): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i <= count; i++) {
    const delta = Float64Array.from({ length: SIZE }, () => Math.random() / 16);
    const integers = quantize(delta, { n: SIZE, updateBits: 12, records: 1n, cap: 1n });
    const blinders = randomFrVector(4, systemRandom);
    const r = randomFr(systemRandom);
    const vector = updateVector(integers, blinders);
    const statement = { r, y: evaluate(vector, r), values: lower(integers), blinders };
    const started = performance.now();
    if (circuit === "update") {
      const normBound2 = integers.reduce((sum, value) => sum + value * value, 0n);
      await prover.prove("update", SIZE, { ...statement, h: updateHash(integers, blinders), normBound2 });
    } else {
      await prover.prove("aggregate", SIZE, { ...statement, h: aggregateHash(vector) });
    }
    if (i > 0) times.push(performance.now() - started);
  }
  return times;
}

async function measureRound(options: {
  world: World;
  provider: JsonRpcProvider;
  clock: BlockClock;
  events: readonly ServiceEvent[];
  services: readonly Service[];
}): Promise<RoundTimes> {
  const { world, provider, clock, events, services } = options;
  const reader = connect(world.deployment, provider);
  const { contracts } = world.actors.sponsor;
  const seen = events.length;
  const started = performance.now();
  await execute(contracts.rounds.openRound, [world.campaigns.training]);
  const { liveRound: id } = await reader.campaigns.get(world.campaigns.training);
  for (;;) {
    const { state } = await readRound(reader, id);
    if (state === "Finalized") break;
    const dead = services.find(({ process: { exitCode, signalCode } }) => exitCode !== null || signalCode !== null);
    if (dead !== undefined) throw new Error(`${dead.name} ended`);
    if (state === "FailedEarly" || state === "FailedSums" || performance.now() - started > PATIENCE_MS)
      throw new Error(`round ${id} is ${state} after ${Math.round(performance.now() - started)} ms`);
    await sleep(100);
  }
  const { rounds, sums, settlement } = reader;
  const [drawn, submitted, acknowledged, frozen, posted, finalized] = await Promise.all([
    rounds.queryFilter(rounds.filters.CommitteeDrawn(id)),
    rounds.queryFilter(rounds.filters.UpdateSubmitted(id)),
    rounds.queryFilter(rounds.filters.SharesAcknowledged(id)),
    rounds.queryFilter(rounds.filters.RoundFrozen(id)),
    sums.queryFilter(sums.filters.RoundSummed(id)),
    settlement.queryFilter(settlement.filters.RoundFinalized(id)),
  ]);
  const [opened] = await rounds.queryFilter(rounds.filters.RoundOpened(id));
  const blocks = [[opened!], drawn, submitted, acknowledged, frozen, posted, finalized].map((logs) =>
    Math.max(...logs.map(({ blockNumber }) => blockNumber)),
  );
  const times = [started, ...blocks.map((block) => clock.at(block))];
  const [open, draw, update, acknowledge, freeze, sums_, finalize] = times.slice(1).map((time, i) => time - times[i]!);
  const mine = events.slice(seen);
  const longest = (event: string, field: string, unit: number): number =>
    Math.max(...mine.filter((one) => one.event === event).map((one) => Number(one[field]) * unit));
  return {
    open: open!,
    draw: draw!,
    update: update!,
    acknowledge: acknowledge!,
    freeze: freeze!,
    sums: sums_!,
    finalize: finalize!,
    whole: times.at(-1)! - started,
    blocks: blocks.at(-1)! - blocks[0]! + 1,
    train: longest("submitted", "train", 1000),
    prove: longest("submitted", "prove", 1000),
    aggregate: longest("proved", "proveMs", 1),
  };
}

const demo: DemoOptions = {
  source: { kind: "named", name: "wdbc" },
  hospitals: 2,
  rounds: measured + 1,
  size: SIZE,
  split: "skewed",
  seed: 1,
  model: "logistic",
  keep: false,
};
const cleanups: (() => Promise<void> | void)[] = [];
try {
  const curve = await Curve.load();
  const alone = async (prover: ProverBackend): Promise<{ update: number[]; aggregate: number[] }> => {
    const times = {
      update: await proofsAlone(prover, "update", 7),
      aggregate: await proofsAlone(prover, "aggregate", 7),
    };
    await prover.close();
    return times;
  };
  const snarkjs = await alone(new SnarkjsBackend(curve));
  const own = await alone(await openBackend("auto", curve, { log: say }));

  const folder = mkdtempSync(join(tmpdir(), "mednexus-bench-"));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  const chain = await startDevnet(0, BLOCK_MS);
  cleanups.push(() => chain.close());
  const provider = await openProvider(chain.url);
  cleanups.push(() => provider.destroy());
  const deployment = await deployTo(chain.url, { ...readDeployConfig(DEVNET_CONFIG), sizes: [SIZE] }, false);
  const deploymentFile = join(folder, "deployment.json");
  writeFileSync(deploymentFile, JSON.stringify(deployment));
  const relay = await startRelay();
  cleanups.push(() => relay.close());
  const scenario = namedScenario("wdbc", join(import.meta.dirname, "../cli/data"), demo);
  const world = await buildWorld({ demo, scenario, deployment, provider, folder, say });

  const events: ServiceEvent[] = [];
  const setting = {
    world,
    demo,
    rpcUrl: chain.url,
    relayUrl: relay.url,
    deploymentFile,
    onEvent: (from: string, event: ServiceEvent) => {
      events.push(event);
      if (event.event === "trouble") say(`  ${from}: ${String(event["code"])} ${String(event["message"])}`);
    },
    onNoise: (from: string, line: string) => say(`  ${from}: ${line}`),
  };
  const services: Service[] = [];
  cleanups.push(() => stopServices(services));
  for (const institution of world.institutions) services.push(startHospital(institution, setting));
  for (const role of ["keeper", "prover"] as const) services.push(startKeeper(role, folder, setting));
  const up = (): number => events.filter(({ event }) => event === "node-up" || event === "keeper-started").length;
  for (const until = performance.now() + PATIENCE_MS; up() < services.length; await sleep(50))
    if (performance.now() > until) throw new Error(`${up()} of ${services.length} processes came up`);

  // From here on blocks come every half second, with or without transactions.
  await provider.send("evm_setAutomine", [false]);
  const clock = new BlockClock(provider);
  cleanups.push(() => clock.stop());
  const rounds: RoundTimes[] = [];
  for (let number = 0; number <= measured; number++) {
    const times = await measureRound({ world, provider, clock, events, services });
    say(`round ${number}${number === 0 ? ", warm-up" : ""}: ${Math.round(times.whole)} ms, ${times.blocks} blocks`);
    if (number > 0) rounds.push(times);
  }

  const middle = (name: keyof RoundTimes): number => Math.round(median(rounds.map((round) => round[name])));
  const targets: Target[] = [
    { what: "one update proof alone, ms", measured: Math.round(median(own.update)), limit: 1_000 },
    { what: "whole round, ms", measured: middle("whole"), limit: 7_000 },
  ];
  const on = machine();
  if (values.json) {
    console.log(JSON.stringify({ machine: on, targets, proofsAlone: { ...own, snarkjs }, rounds }, null, 2));
  } else {
    console.log(`${machineLine(on)}; ${measured} rounds after a warm-up; a block every ${BLOCK_MS} ms\n`);
    console.log(
      table(
        ["phase", "median", "least", "most"],
        PHASES.map(([name, label]) => {
          const all = rounds.map((round) => Math.round(round[name]));
          return [name === "blocks" ? label : `${label}, ms`, middle(name), Math.min(...all), Math.max(...all)];
        }),
      ),
    );
    console.log(
      `\nproofs alone, median: update ${Math.round(median(own.update))} ms, aggregate ${Math.round(median(own.aggregate))} ms; by snarkjs ${Math.round(median(snarkjs.update))} and ${Math.round(median(snarkjs.aggregate))} ms\n`,
    );
    console.log(targetTable(targets));
  }
  process.exitCode = targets.every(met) ? 0 : 1;
} finally {
  for (const cleanup of cleanups.reverse()) await Promise.resolve(cleanup()).catch(() => {});
}
