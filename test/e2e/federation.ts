/** The demo's federation with a gate between every process and the world, so that a test can kill it at an exact moment. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { JsonRpcProvider } from "ethers";
import { namedScenario, startRelay } from "@mednexus/hospital";
import { connect, type Contracts, execute, readRound, type RoundStateName } from "@mednexus/sdk";
import { type Service, stopServices } from "../../cli/src/children.ts";
import { type Cleanups, openGround } from "../../cli/src/demo/ground.ts";
import { readDemoOptions } from "../../cli/src/demo/options.ts";
import { type ServiceEvent, type Setting, startHospital, startKeeper } from "../../cli/src/demo/services.ts";
import { buildWorld, type Institution, type World } from "../../cli/src/demo/world.ts";
import { type Passing, startGate, type Verdict } from "./gate.ts";

/** Rows of every hospital, and windows short enough to wait for and long enough for a busy machine. */
const DATA = fileURLToPath(new URL("../../cli/data", import.meta.url));
const TIMING = { commit: 240, dispute: 15, settle: 1 };

export type Judge = (passing: Passing) => Verdict;
const pass: Judge = () => "pass";

export class Federation {
  readonly world: World;
  readonly contracts: Contracts;
  readonly provider: JsonRpcProvider;
  readonly rpcUrl: string;
  readonly relayUrl: string;
  /** What every process said. */
  readonly events: { readonly from: string; readonly event: ServiceEvent }[] = [];
  /** What left each process, by its name. */
  readonly sent = new Map<string, Passing[]>();
  /** Enrolled members from which on the next keeper started opens rounds itself. */
  openFrom = Infinity;
  readonly #setting: Pick<Setting, "world" | "demo" | "deploymentFile">;
  readonly #services = new Map<string, Service>();
  readonly #gates = new Map<string, { rpcUrl: string; relayUrl: string }>();
  readonly #judges = new Map<string, Judge>();
  readonly #folder: string;
  readonly #cleanups: Cleanups;

  private constructor(given: {
    setting: Pick<Setting, "world" | "demo" | "deploymentFile">;
    rpcUrl: string;
    relayUrl: string;
    provider: JsonRpcProvider;
    folder: string;
    cleanups: Cleanups;
  }) {
    this.world = given.setting.world;
    this.provider = given.provider;
    this.contracts = connect(this.world.deployment, given.provider);
    this.relayUrl = given.relayUrl;
    this.#setting = given.setting;
    this.rpcUrl = given.rpcUrl;
    this.#folder = given.folder;
    this.#cleanups = given.cleanups;
    given.cleanups.push(() => stopServices([...this.#services.values()]));
  }

  /** Four hospitals, three of them drawn as nodes each round; nothing runs yet. */
  static async open(rounds: number, seed: number): Promise<Federation> {
    const cleanups: Cleanups = [];
    try {
      const demo = readDemoOptions({ rounds: String(rounds), seed: String(seed) });
      const { hospitals, size, split } = demo;
      const scenario = namedScenario("wdbc", DATA, { seed, hospitals, split });
      const ground = await openGround({ size, say: () => {} }, cleanups);
      const relay = await startRelay();
      cleanups.push(() => relay.close());
      const world = await buildWorld({
        ...ground,
        demo,
        // One campaign is enough here.
        scenario: { ...scenario, standardization: "ranges" },
        say: () => {},
        timing: TIMING,
      });
      const setting = { world, demo, deploymentFile: ground.deploymentFile };
      const { url: rpcUrl, folder, provider } = ground;
      return new Federation({ setting, rpcUrl, relayUrl: relay.url, provider, folder, cleanups });
    } catch (error) {
      await cleanUp(cleanups);
      throw error;
    }
  }

  close(): Promise<void> {
    return cleanUp(this.#cleanups);
  }

  get names(): string[] {
    return [...this.world.institutions.map(({ name }) => name), "keeper", "prover"];
  }

  institution(name: string): Institution {
    return this.world.institutions.find((one) => one.name === name)!;
  }

  /** Where an institution's node keeps its state. */
  stateOf(name: string): string {
    return join(this.institution(name).folder, "state");
  }

  isAlive(name: string): boolean {
    const child = this.#services.get(name)?.process;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  async start(name: string): Promise<void> {
    if (this.isAlive(name)) return;
    this.#judges.delete(name);
    const setting: Setting = {
      ...this.#setting,
      ...(await this.#gateOf(name)),
      openFrom: Math.min(this.openFrom, 1_000_000),
      onEvent: (from, event) => void this.events.push({ from, event }),
      onNoise: (from, line) => void this.events.push({ from, event: { event: "noise", line } }),
    };
    const service =
      name === "keeper" || name === "prover"
        ? startKeeper(name, this.#folder, setting)
        : startHospital(this.institution(name), setting);
    this.#services.set(name, service);
  }

  /** Kills the process at the request that `judge` names. */
  doom(name: string, judge: Judge): void {
    this.#judges.set(name, judge);
  }

  async kill(name: string): Promise<void> {
    const service = this.#services.get(name);
    service?.process.kill("SIGKILL");
    await service?.ended;
  }

  async openRound(): Promise<bigint> {
    const { rounds, campaigns } = this.world.actors.sponsor.contracts;
    await execute(rounds.openRound, [this.world.campaigns.training]);
    return (await campaigns.get(this.world.campaigns.training)).liveRound;
  }

  reached(round: bigint, ...states: RoundStateName[]): Promise<void> {
    return this.until(`round ${round} ${states.join(" or ")}`, async () =>
      states.includes((await readRound(this.contracts, round)).state),
    );
  }

  async until(what: string, holds: () => Promise<boolean> | boolean, seconds = 600): Promise<void> {
    for (const end = Date.now() + seconds * 1000; Date.now() < end;) {
      if (await holds()) return;
      await new Promise((done) => setTimeout(done, 100));
    }
    const last = this.events.slice(-25).map(({ from, event }) => `${from}: ${JSON.stringify(event)}`);
    throw new Error(`not within ${seconds} s: ${what}\n${last.join("\n")}`);
  }

  async #gateOf(name: string): Promise<{ rpcUrl: string; relayUrl: string }> {
    const there = this.#gates.get(name);
    if (there !== undefined) return there;
    const sent: Passing[] = [];
    this.sent.set(name, sent);
    const judge: Judge = (passing) => {
      const verdict = (this.#judges.get(name) ?? pass)(passing);
      if (verdict !== "before") sent.push(passing);
      // One death each.
      if (verdict !== "pass") this.#judges.delete(name);
      return verdict;
    };
    const open = async (target: string): Promise<string> => {
      const gate = await startGate(target, judge, () => this.kill(name));
      this.#cleanups.push(() => gate.close());
      return gate.url;
    };
    const gates = { rpcUrl: await open(this.rpcUrl), relayUrl: await open(this.relayUrl) };
    this.#gates.set(name, gates);
    return gates;
  }
}

async function cleanUp(cleanups: Cleanups): Promise<void> {
  for (const cleanup of cleanups.reverse()) await Promise.resolve(cleanup()).catch(() => {});
}
