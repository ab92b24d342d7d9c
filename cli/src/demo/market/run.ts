/** The market demo: from empty contracts to everybody paid, on a local chain that ends with it. */
import { fileURLToPath } from "node:url";
import { loadKeys } from "@mednexus/circuits";
import { namedScenario, startRelay } from "@mednexus/hospital";
import { pause } from "@mednexus/sdk/node";
import { Interrupted } from "../../exit.ts";
import { type Cleanups, openGround } from "../ground.ts";
import { checkConservation, type Conservation } from "../money.ts";
import type { Payment } from "../report.ts";
import { SIZE } from "./assets.ts";
import type { MarketOptions } from "./options.ts";
import { Market } from "./parties.ts";
import { tellStory } from "./story.ts";
import { type StepResult, Teller } from "./teller.ts";

const DATA_FOLDER = fileURLToPath(new URL("../../../data", import.meta.url));

export interface MarketResult {
  readonly version: 1;
  readonly steps: readonly StepResult[];
  readonly payments: readonly Payment[];
  readonly conservation: readonly Conservation[];
  readonly ok: boolean;
}

export interface MarketUi {
  say(line: string): void;
  /** Once all is done, before what --keep leaves running ends. `names`: parties by lower-case address. */
  report(result: MarketResult, names: ReadonlyMap<string, string>): void;
}

/** Runs everything and tears it down again. Errors: INTERRUPTED and whatever the ground throws; what breaks in the story is in the result. */
export async function runMarket(options: MarketOptions, ui: MarketUi, signal: AbortSignal): Promise<MarketResult> {
  const cleanups: Cleanups = [];
  const guard = (): void => {
    if (signal.aborted) throw new Interrupted();
  };
  try {
    const scenario = namedScenario("wdbc", DATA_FOLDER, { seed: options.seed, hospitals: 2, split: "iid" });
    ui.say(`seed ${options.seed}; one table of tumour biopsies, half of it the lab's, half the hospital's`);
    await ensureKeys(ui, guard);
    const ground = await openGround({ size: SIZE, say: ui.say }, cleanups);
    guard();
    const relay = await startRelay();
    cleanups.push(() => relay.close());
    const market = await Market.open(ground, relay, SIZE, cleanups);
    guard();

    const teller = new Teller(ground.provider, signal, ui.say);
    await tellStory(market, scenario, options.seed, teller);
    guard();

    const { admin } = market.parties;
    const treasury = await admin.contracts.parameters.treasury();
    const conservation = [await checkConservation(admin.contracts, ground.deployment, ground.provider, treasury)];
    const result: MarketResult = {
      version: 1,
      steps: teller.steps,
      payments: await market.payments(),
      conservation,
      ok: teller.ok && conservation.every(({ ok }) => ok),
    };
    const parties = Object.values(market.parties);
    ui.report(result, new Map(parties.map(({ name, address }) => [address.toLowerCase(), name])));
    if (options.keep) {
      ui.say(`\nkept running until Ctrl-C:\n  chain    ${ground.url}\n  relay    ${relay.url}`);
      while (!signal.aborted) await pause(60_000, signal);
    }
    return result;
  } catch (error) {
    guard();
    throw error;
  } finally {
    for (const cleanup of cleanups.reverse()) await Promise.resolve(cleanup()).catch(() => {});
  }
}

async function ensureKeys(ui: Pick<MarketUi, "say">, guard: () => void): Promise<void> {
  for (const [circuit, n] of [
    ["update", SIZE],
    ["aggregate", SIZE],
    ["inference", SIZE],
    ["rekey", 1],
  ] as const) {
    await loadKeys(circuit, n, {
      onProgress: (stage) => {
        if (stage !== "cached") ui.say(`proving key of ${circuit}(${n}): ${stage} (INSECURE development key)`);
      },
    });
    guard();
  }
}
