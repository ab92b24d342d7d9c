/** The processes of a run: one a hospital, a keeper, a prover; each reports by JSON lines. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeKeys } from "@mednexus/hospital";
import { type Service, startService } from "../children.ts";
import { LABEL, type Institution, type World } from "./world.ts";
import type { DemoOptions } from "./options.ts";

export type ServiceEvent = Readonly<Record<string, unknown>> & { readonly event?: string };

export interface Setting {
  readonly world: World;
  readonly demo: DemoOptions;
  readonly rpcUrl: string;
  readonly relayUrl: string;
  readonly deploymentFile: string;
  /** Enrolled members from which on the keeper opens rounds; by default none, so that a revocation can fall between two of them. */
  readonly openFrom?: number;
  readonly onEvent: (from: string, event: ServiceEvent) => void;
  readonly onNoise: (from: string, line: string) => void;
}

/** How often services look at the chain. */
const POLL_MS = 150;

export function startHospital(institution: Institution, setting: Setting): Service {
  const { world, demo } = setting;
  const { statistics, training } = world.campaigns;
  const config = {
    rpcUrl: setting.rpcUrl,
    relayUrl: setting.relayUrl,
    deployment: setting.deploymentFile,
    dataDir: join(institution.folder, "state"),
    keyFile: join(institution.folder, "keys.json"),
    pollMs: POLL_MS,
    campaigns: [...(statistics === undefined ? [] : [statistics]), training].map(Number),
    policy: { minMembers: world.institutions.filter(({ data }) => data !== undefined).length === 2 ? 2 : 3 },
    ...(institution.data === undefined
      ? {}
      : {
          data: {
            csv: join(institution.folder, "data.csv"),
            label: LABEL,
            dataset: Number(institution.data.dataset),
            schema: join(institution.folder, "schema.json"),
            standardization:
              statistics === undefined ? { kind: "ranges" } : { kind: "statistics", campaign: Number(statistics) },
            trainer: { kind: demo.model },
            modelSeed: demo.seed % 2 ** 31,
          },
        }),
  };
  const file = join(institution.folder, "hospital.json");
  writeFileSync(file, JSON.stringify(config, null, 2));
  return startService(
    institution.name,
    ["hospital", "run", "--config", file],
    (event) => setting.onEvent(institution.name, event),
    (line) => setting.onNoise(institution.name, line),
  );
}

/** A keeper process; `role` decides what it does and whose account pays. */
export function startKeeper(role: "keeper" | "prover", folder: string, setting: Setting): Service {
  const actor = setting.world.actors[role];
  const keyFile = join(folder, `${role}-key.json`);
  if (!existsSync(keyFile)) writeKeys(keyFile, { account: actor.wallet.privateKey, share: 1n });
  const config = {
    rpcUrl: setting.rpcUrl,
    relayUrl: setting.relayUrl,
    deployment: setting.deploymentFile,
    dataDir: join(folder, `${role}-state`),
    keyFile,
    pollMs: POLL_MS,
    // No campaign has that many members.
    openFrom: setting.openFrom ?? 1_000_000,
    roles:
      role === "keeper"
        ? { keeper: true, claims: true, prover: false }
        : { keeper: false, claims: false, prover: true },
    // A local chain has one history and mines when there is something to mine.
    confirmations: 1,
    staleAfterMs: 0,
  };
  const file = join(folder, `${role}.json`);
  writeFileSync(file, JSON.stringify(config, null, 2));
  return startService(
    role,
    ["keeper", "run", "--config", file],
    (event) => setting.onEvent(role, event),
    (line) => setting.onNoise(role, line),
  );
}
