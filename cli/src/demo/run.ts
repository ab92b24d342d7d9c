/** The main job: a whole federation on a local chain, from empty contracts to everybody paid. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { JsonRpcProvider } from "ethers";
import { loadKeys } from "@mednexus/circuits";
import {
  baselines,
  createModel,
  localTrainer,
  namedScenario,
  type Rows,
  rangeStandardizer,
  readCsv,
  type Relay,
  type Scenario,
  type Standardizer,
  standardizeRows,
  startRelay,
  statisticsOf,
  tableScenario,
} from "@mednexus/hospital";
import { compareWithChain, startIndexer, type History } from "@mednexus/indexer";
import { FileStore, pause } from "@mednexus/sdk/node";
import {
  type CommitKey,
  connect,
  Curve,
  decodeFailure,
  execute,
  HttpTransport,
  loadCommitKey,
  MedNexusError,
  modelVector,
  readFrozen,
  readRound,
  realValues,
  RevertError,
  type RoundView,
} from "@mednexus/sdk";
import { type Service, stopServices } from "../children.ts";
import { Interrupted } from "../exit.ts";
import { type Cleanups, openGround } from "./ground.ts";
import { checkConservation, unclaimedRounds } from "./money.ts";
import type { DemoOptions } from "./options.ts";
import { type DemoResult, readPayments, ROUND_HEADER, roundLine, type RoundResult } from "./report.ts";
import { type ServiceEvent, startHospital, startKeeper } from "./services.ts";
import { buildWorld, dropSubject, revoke, type World } from "./world.ts";

const DATA_FOLDER = fileURLToPath(new URL("../../data", import.meta.url));

/** Longest a round may take before the run gives up, seconds, by circuit size. */
const PATIENCE: Record<DemoOptions["size"], number> = { 128: 180, 1024: 1800, 4096: 7200 };

export interface Ui {
  say(line: string): void;
  /** Once all is done, before what --keep leaves running ends. `names`: parties by lower-case address. */
  report(result: DemoResult, names: ReadonlyMap<string, string>): void;
}

/** The scenario a run is about. Errors: BAD_INPUT for unusable data. */
export function loadScenario(demo: DemoOptions): Scenario {
  const division = { seed: demo.seed, hospitals: demo.hospitals, split: demo.split };
  if (demo.source.kind === "named") return namedScenario(demo.source.name, DATA_FOLDER, division);
  return tableScenario(demo.source.file, readCsv(demo.source.file, { label: demo.source.label }), division);
}

/** Runs everything and tears it down again. Errors: BAD_INPUT, INTERRUPTED, ROUND_STUCK and whatever a part throws. */
export async function runDemo(demo: DemoOptions, ui: Ui, signal: AbortSignal): Promise<DemoResult> {
  const scenario = loadScenario(demo);
  const features = scenario.ranges.length;
  const trainer = localTrainer(createModel(demo.model, features, demo.size));
  const cleanups: Cleanups = [];
  const events: { from: string; event: ServiceEvent }[] = [];
  const guard = (): void => {
    if (signal.aborted) throw new Interrupted();
  };
  try {
    ui.say(
      `scenario ${scenario.name}: ${scenario.hospitals.length} hospitals with ${scenario.hospitals.map(({ rows }) => rows.X.length).join(", ")} rows of ${features} features; ${scenario.evaluation.X.length} rows held out; seed ${demo.seed}`,
    );

    await ensureKeys(demo, ui);
    guard();
    const ground = await openGround({ ...demo, say: ui.say }, cleanups);
    const { folder, url: rpcUrl, provider, deployment, deploymentFile } = ground;
    guard();

    const indexing = startIndexer({ rpcUrl, deployment, pollingMs: 500 });
    indexing.catch(() => {});
    cleanups.push(async () => (await indexing.catch(() => undefined))?.stop());
    const relay: Relay = await startRelay();
    cleanups.push(() => relay.close());
    const world = await buildWorld({ demo, scenario, deployment, provider, folder, say: ui.say });
    guard();

    const services = new Map<string, Service>();
    cleanups.push(() => stopServices([...services.values()]));
    const setting = {
      world,
      demo,
      rpcUrl,
      relayUrl: relay.url,
      deploymentFile,
      onEvent: (from: string, event: ServiceEvent) => {
        events.push({ from, event });
        if (event.event === "trouble")
          ui.say(`  ${from}: ${String(event["code"] ?? "")} ${String(event["message"] ?? "")}`);
      },
      onNoise: (from: string, line: string) => ui.say(`  ${from}: ${line}`),
    };
    for (const institution of world.institutions) services.set(institution.name, startHospital(institution, setting));
    for (const role of ["keeper", "prover"] as const) services.set(role, startKeeper(role, folder, setting));
    ui.say(`started ${services.size} processes: ${[...services.keys()].join(", ")}`);

    const watch = watcher({ demo, scenario, world, provider, relay, services, events, signal, folder, trainer });
    let standardizer: Standardizer;
    if (world.campaigns.statistics === undefined) {
      standardizer = rangeStandardizer(scenario.ranges);
      if (scenario.hospitals.length === 2) {
        ui.say(
          "pair round: both members agreed on chain. What it reveals: each hospital learns the other's update, exactly (the sum minus its own); the third institution holds one share, which says nothing alone",
        );
      }
    } else {
      const round = await watch.round(world.campaigns.statistics);
      standardizer = await statisticsOf(watch.reader, world.campaigns.statistics, scenario.ranges);
      ui.say(
        `statistics round ${round.id}: means and deviations of ${features} features from the sum over ${(await readFrozen(world.actors.admin.contracts, round.id)).count} hospitals; no hospital's own mean left it`,
      );
    }

    ui.say("");
    ui.say(ROUND_HEADER);
    const rounds: RoundResult[] = [];
    const evaluation = standardizeRows(standardizer, scenario.evaluation);
    const revokeAfter = Math.ceil(demo.rounds / 3);
    for (let number = 1; number <= demo.rounds; number++) {
      const result = await watch.training(number, evaluation);
      rounds.push(result);
      ui.say(roundLine(result));
      if (number === revokeAfter && number < demo.rounds) await revocation({ world, services, setting, ui });
    }

    const { pooled, alone } = await baselines(scenario, createModel(demo.model, features, demo.size), demo.seed);
    ui.say("");
    ui.say("settling: challenge windows, claims, withdrawals");
    await watch.settled();
    await withdrawAll(world);
    const { admin, sponsor } = world.actors;
    const treasury = await admin.contracts.parameters.treasury();
    const conservation = [await checkConservation(admin.contracts, deployment, provider, treasury)];
    const payments = await readPayments(admin.contracts, deployment, provider, {
      treasury,
      sponsor: sponsor.wallet.address,
    });
    const history = await indexing;
    const head = await provider.getBlockNumber();
    await history.waitForBlock(head);
    const compared = await compareWithChain(provider, deployment, history, head);
    for (const difference of compared.differences.slice(0, 10)) ui.say(`  indexer: ${difference}`);
    const proofs = await countProofs(world, provider);
    const checks: [string, boolean][] = [
      ["every round was finalized by proof", rounds.length === demo.rounds],
      ["money is conserved to the wei", conservation.every(({ ok }) => ok)],
      ["every proof made was verified on chain", proofs.made === proofs.verifiedOnChain && proofs.made > 0],
      [
        "every institution was paid",
        world.institutions.every(({ wallet }) =>
          payments.some(({ party }) => party.toLowerCase() === wallet.address.toLowerCase()),
        ),
      ],
      ["the indexer's rows equal the chain's", compared.equalToChain],
    ];
    for (const [what, held] of checks) if (!held) ui.say(`CHECK FAILED: ${what}`);
    const result: DemoResult = {
      version: 1,
      scenario: scenario.name,
      hospitals: scenario.hospitals.length,
      rounds,
      accuracy: { federated: rounds.at(-1)?.accuracy ?? 0, pooled, alone },
      payments,
      conservation,
      proofs,
      history: { rows: compared.rows, equalToChain: compared.equalToChain },
      ok: checks.every(([, held]) => held),
    };
    const names = new Map(
      [...Object.values(world.actors), ...world.institutions].map(({ name, wallet }) => [
        wallet.address.toLowerCase(),
        name,
      ]),
    );
    names.set(treasury.toLowerCase(), "treasury");
    ui.report(result, names);
    if (demo.keep) await keepRunning(rpcUrl, history, signal, ui);
    return result;
  } catch (error) {
    if (signal.aborted) throw new Interrupted();
    for (const line of lastWords(events)) ui.say(line);
    throw error;
  } finally {
    for (const cleanup of cleanups.reverse()) await Promise.resolve(cleanup()).catch(() => {});
  }
}

/** What each process said last: where to look when a run did not end well. */
function lastWords(events: readonly { from: string; event: ServiceEvent }[]): string[] {
  const names = [...new Set(events.map(({ from }) => from))];
  return names.flatMap((name) =>
    events
      .filter(({ from }) => from === name)
      .slice(-4)
      .map(({ event }) => `  ${name}: ${JSON.stringify(event)}`),
  );
}

async function keepRunning(rpcUrl: string, history: History, signal: AbortSignal, ui: Ui): Promise<void> {
  ui.say(`\nkept running until Ctrl-C:\n  chain    ${rpcUrl}\n  GraphQL  ${history.url}`);
  while (!signal.aborted) await pause(60_000, signal);
}

/** What a size needs on two cores, from the numbers in the circuits' README. */
const ESTIMATE: Record<DemoOptions["size"], string> = {
  128: "",
  1024: "size 1024: first key set-up about a minute, then 20 to 40 s a round on two cores",
  4096: "size 4096: first key set-up about 4 minutes and 4 GB of memory, then 1 to 3 minutes a round on two cores",
};

async function ensureKeys(demo: DemoOptions, ui: Ui): Promise<void> {
  if (ESTIMATE[demo.size] !== "") ui.say(ESTIMATE[demo.size]);
  const started = performance.now();
  let built = false;
  for (const circuit of ["update", "aggregate"] as const) {
    await loadKeys(circuit, demo.size, {
      onProgress: (stage, name, n) => {
        if (stage === "cached") return;
        built = true;
        ui.say(`proving key of ${name}(${n}): ${stage}`);
      },
    });
  }
  if (built)
    ui.say(
      `proving keys made in ${((performance.now() - started) / 1000).toFixed(1)} s and cached (INSECURE development keys)`,
    );
}

interface Watched {
  readonly demo: DemoOptions;
  readonly scenario: Scenario;
  readonly world: World;
  readonly provider: JsonRpcProvider;
  readonly relay: Relay;
  readonly services: ReadonlyMap<string, Service>;
  readonly events: readonly { from: string; event: ServiceEvent }[];
  readonly signal: AbortSignal;
  readonly folder: string;
  readonly trainer: ReturnType<typeof localTrainer>;
}

/** Opens rounds, follows them on chain, and reads what came out. */
function watcher(watched: Watched) {
  const { demo, world, provider, services, events, signal } = watched;
  const { deployment } = world;
  const { contracts } = world.actors.sponsor;
  const commitKeys = new Map<number, Promise<CommitKey>>();
  const reader = {
    contracts: connect(deployment, provider),
    provider,
    transport: new HttpTransport(watched.relay.url, world.actors.relayer.wallet),
    commitKey: (n: number): Promise<CommitKey> => {
      if (!commitKeys.has(n))
        commitKeys.set(
          n,
          Curve.load().then((curve) => loadCommitKey(curve, deployment, n)),
        );
      return commitKeys.get(n)!;
    },
    store: new FileStore(join(watched.folder, "reader")),
    deployment,
    log: () => {},
  };

  /** Opens the campaign's next round and waits for its end. */
  async function round(campaign: bigint): Promise<RoundView> {
    await execute(contracts.rounds.openRound, [campaign]);
    const { liveRound } = await contracts.campaigns.get(campaign);
    const until = Date.now() + PATIENCE[demo.size] * 1000;
    for (;;) {
      const view = await readRound(contracts, liveRound);
      if (view.state === "Finalized" || view.state === "Closed") return view;
      if (view.state === "FailedEarly" || view.state === "FailedSums")
        throw new MedNexusError("ROUND_FAILED", `round ${liveRound} ended as ${view.state}`);
      if (Date.now() > until)
        throw new MedNexusError(
          "ROUND_STUCK",
          `round ${liveRound} is still ${view.state} after ${PATIENCE[demo.size]} s`,
        );
      for (const [name, { process: child }] of services) {
        if (child.exitCode !== null || child.signalCode !== null)
          throw new MedNexusError("SERVICE_DIED", `${name} ended (${child.exitCode ?? child.signalCode})`);
      }
      await pause(100, signal);
      if (signal.aborted) throw new Interrupted();
    }
  }

  async function gasOf(transactionHash: string | undefined): Promise<number> {
    if (transactionHash === undefined) return 0;
    return Number((await provider.getTransactionReceipt(transactionHash))?.gasUsed ?? 0n);
  }

  async function training(number: number, evaluation: Rows): Promise<RoundResult> {
    const started = performance.now();
    const seen = events.length;
    const done = await round(world.campaigns.training);
    const total = (performance.now() - started) / 1000;
    const { rounds, settlement, versions } = reader.contracts;
    const from = deployment.startBlock;
    const [submitted, frozenLogs, finalized, frozen] = await Promise.all([
      rounds.queryFilter(rounds.filters.UpdateSubmitted(done.id), from),
      rounds.queryFilter(rounds.filters.RoundFrozen(done.id), from),
      settlement.queryFilter(settlement.filters.RoundFinalized(done.id), from),
      readFrozen(reader.contracts, done.id),
    ]);
    const version = Number(finalized[0]!.args.version);
    const { q, l } = await versions.lineageOf(world.model);
    const vector = await modelVector(reader, world.model, version, demo.size);
    const model = realValues(vector, { updateBits: Number(q), stepBits: Number(l) });
    const parameters = watched.trainer.init(demo.seed % 2 ** 31).map((value, j) => value + model[j]!);
    const { loss, accuracy } = await watched.trainer.evaluate(parameters, evaluation);
    const mine = events.slice(seen).map(({ event }) => event);
    const longest = (field: string, name: string): number =>
      Math.max(0, ...mine.filter(({ event }) => event === name).map((event) => Number(event[field] ?? 0)));
    return {
      round: number,
      members: frozen.count,
      accuracy,
      loss,
      seconds: {
        train: longest("train", "submitted"),
        prove: longest("prove", "submitted"),
        aggregate: longest("proveMs", "proved") / 1000,
        total,
      },
      gas: {
        submit: await Promise.all(submitted.map((log) => gasOf(log.transactionHash))),
        freeze: await gasOf(frozenLogs[0]?.transactionHash),
        finalize: await gasOf(finalized[0]?.transactionHash),
      },
    };
  }

  /** Waits until every round's account is empty and the campaigns have ended: all claims made. */
  async function settled(): Promise<void> {
    const { campaigns } = reader.contracts;
    const until = Date.now() + 120_000;
    for (;;) {
      const unclaimed = await unclaimedRounds(reader.contracts, deployment);
      const ids = [world.campaigns.statistics, world.campaigns.training].filter((campaign) => campaign !== undefined);
      const states = await Promise.all(ids.map(async (campaign) => Number((await campaigns.get(campaign)).state)));
      if (unclaimed === 0 && states.every((state) => state > 1)) return;
      if (Date.now() > until)
        throw new MedNexusError(
          "CLAIMS_STUCK",
          `${unclaimed} round accounts are not claimed, campaign states ${states.join(", ")}`,
        );
      await pause(200, signal);
      if (signal.aborted) throw new Interrupted();
    }
  }

  return { round, training, settled, reader };
}

/** A patient withdraws consent between two rounds: the chain refuses the dataset until the hospital publishes grants without that patient. */
async function revocation(options: {
  world: World;
  services: Map<string, Service>;
  setting: Parameters<typeof startHospital>[1];
  ui: Ui;
}): Promise<void> {
  const { world, services, setting, ui } = options;
  const institution = world.institutions[0]!;
  const campaign = world.campaigns.training;
  await revoke(world, institution, 0);
  const refused = await world.actors.admin.contracts.campaigns.eligibility(campaign, institution.wallet.address).then(
    () => undefined,
    (error: unknown) => decodeFailure(error),
  );
  if (refused === undefined)
    throw new MedNexusError("REVOCATION_IGNORED", "the chain still admits a dataset whose consent was revoked");
  ui.say(
    `       a subject of ${institution.name} revoked by signature; the chain refuses its dataset (${refused instanceof RevertError ? refused.errorName : refused.code})`,
  );
  await stopServices([services.get(institution.name)!]);
  await dropSubject(world, institution, 0);
  services.set(institution.name, startHospital(institution, setting));
  ui.say(`       ${institution.name} published grants without that subject, removed the row, restarted`);
}

/** Everybody takes its credit out of the vault: only its owner can. */
export async function withdrawAll(world: World): Promise<void> {
  const { deployment, actors, institutions } = world;
  for (const { contracts, wallet } of [...Object.values(actors), ...institutions]) {
    const credit = await contracts.vault.creditOf(deployment.token, wallet.address);
    if (credit > 0n) await execute(contracts.vault.withdrawTo, [deployment.token, wallet.address, credit]);
  }
}

/** Update and aggregate proofs that were submitted, and those the contracts accepted. */
async function countProofs(
  world: World,
  provider: JsonRpcProvider,
): Promise<{ made: number; verifiedOnChain: number }> {
  const { deployment } = world;
  const { rounds, settlement } = connect(deployment, provider);
  const from = deployment.startBlock;
  const [submitted, batches, finalized] = await Promise.all([
    rounds.queryFilter(rounds.filters.UpdateSubmitted(), from),
    rounds.queryFilter(rounds.filters.UpdatesVerified(), from),
    settlement.queryFilter(settlement.filters.RoundFinalized(), from),
  ]);
  // Eager rounds verify inside the submission and say so in its event; batched ones later, in an event a batch.
  const eager = submitted.filter(({ args }) => args.verified).length;
  const batched = batches.reduce((sum, { args }) => sum + Number(args.count), 0);
  return { made: submitted.length + finalized.length, verifiedOnChain: eager + batched + finalized.length };
}
