import { readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { z } from "zod";
import { MedNexusError } from "@mednexus/sdk";
import { readJson } from "@mednexus/sdk/node";
import type { OutboxPolicy } from "./outbox.ts";

export const count = z.number().int().nonnegative();
const id = z.union([z.number().int().positive(), z.string().regex(/^[1-9]\d*$/)]).transform(BigInt);
export const amount = z.union([count, z.string().regex(/^\d+$/)]).transform(BigInt);

/** What every service on the chain is told. */
export const serviceSchema = z.strictObject({
  rpcUrl: z.url({ protocol: /^https?$/ }),
  deployment: z.string().describe("deployment file written by `mednexus deploy`"),
  dataDir: z.string().describe("transactions on their way and finished proofs; one service a folder"),
  keyFile: z.string().describe('JSON { "account": "0x…" }, readable by its owner only'),
  pollMs: z.number().int().min(20).max(60_000).default(2_000),
  /** Blocks on top of a transaction, its own included, before it counts as final. */
  confirmations: z.number().int().min(1).max(256).default(12),
  /** Milliseconds without a new block after which the endpoint counts as stale; 0: never. */
  staleAfterMs: count.default(120_000),
  fees: z
    .strictObject({
      /** Wei a gas. */
      max: amount.default(200_000_000_000n),
      /** Blocks that a transaction waits before its fee is raised. */
      bumpAfter: z.number().int().positive().default(4),
    })
    .prefault({}),
  /** What makes proofs: a GPU where there is one, a GPU or nothing, snarkjs. */
  proofs: z.enum(["auto", "gpu", "cpu"]).default("auto"),
  /** Loopback port for /metrics and /health; absent: none; 0: any free one. */
  metricsPort: z.number().int().min(0).max(65_535).optional(),
});

/** What composing any service needs of its configuration. */
export type ServiceConfig = z.infer<typeof serviceSchema> & {
  readonly relayUrl?: string | undefined;
  readonly limits: Pick<OutboxPolicy, "maxFailures" | "breakerLosses" | "breakerBlocks">;
};

/** A keeper's configuration file. Paths are relative to the file. The key is not in it: `keyFile` names it. */
export const configSchema = serviceSchema.extend({
  /** Where sums are fetched and models published; needed by provers only. */
  relayUrl: z.url({ protocol: /^https?$/ }).optional(),
  /** Powers-of-tau file; without it only devnets with the INSECURE development string can be proved for. */
  srsFile: z.string().optional(),
  /** Which campaigns; all when absent. */
  campaigns: z.array(id).min(1).optional(),
  roles: z
    .strictObject({ keeper: z.boolean(), prover: z.boolean(), claims: z.boolean() })
    .default({ keeper: true, prover: false, claims: false }),
  /** Rounds are opened only from so many enrolled members on; 0: the campaign's own minimum. */
  openFrom: count.default(0),
  limits: z
    .strictObject({
      maxFailures: z.number().int().positive().default(5),
      breakerLosses: z.number().int().positive().default(5),
      breakerBlocks: z.number().int().positive().default(50),
    })
    .prefault({}),
  prover: z
    .strictObject({
      /** Smallest unit of the token, on top of what gas costs. */
      minProfit: amount.default(0n),
      /** What 10^18 wei are worth in the token's smallest unit; 0: gas is free. */
      tokenPerEther: amount.default(0n),
      /** Assumed before the first simulation. */
      finalizeGas: amount.default(1_000_000n),
    })
    .prefault({}),
});

export type KeeperConfig = z.infer<typeof configSchema>;

/** Reads and checks a configuration file; its paths come back absolute. Errors: `BAD_CONFIG`, naming file and field. */
export function readKeeperConfig(path: string): KeeperConfig {
  const config = readJson(path, configSchema);
  if (config.roles.prover && config.relayUrl === undefined)
    throw new MedNexusError("BAD_CONFIG", `${path}: relayUrl: a prover fetches sums from a relay`);
  const at = (relative: string): string => resolve(dirname(path), relative);
  return {
    ...config,
    deployment: at(config.deployment),
    dataDir: at(config.dataDir),
    keyFile: at(config.keyFile),
    ...(config.srsFile === undefined ? {} : { srsFile: at(config.srsFile) }),
  };
}

const keyFileSchema = z.object({ account: z.string().regex(/^0x[0-9a-f]{64}$/, "0x and 64 lower-case hex digits") });

/** Errors: `BAD_KEY_FILE` when it is missing, malformed, or readable by others. */
export function readKeeperKey(path: string): string {
  try {
    if (process.platform !== "win32" && (statSync(path).mode & 0o077) !== 0)
      throw new MedNexusError("BAD_KEY_FILE", `${path} can be read by others: chmod 600 it`);
    return keyFileSchema.parse(JSON.parse(readFileSync(path, "utf8"))).account;
  } catch (error) {
    if (error instanceof MedNexusError) throw error;
    // Without the cause: a parser's message may quote what it read.
    throw new MedNexusError("BAD_KEY_FILE", `${path} is not a key file: { "account": "0x…" }`);
  }
}
