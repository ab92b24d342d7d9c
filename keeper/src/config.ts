import { z } from "zod";
import { field, pathsBeside, readJson, readKeyFile, serviceFields } from "@mednexus/sdk/node";
import type { OutboxPolicy } from "./outbox.ts";

/** What every service on the chain is told. */
export const serviceSchema = z.strictObject({
  ...serviceFields,
  dataDir: z.string().describe("transactions on their way and finished proofs; one service a folder"),
  keyFile: z.string().describe('JSON { "account": "0x…" }, readable by its owner only'),
  /** Blocks on top of a transaction, its own included, before it counts as final. */
  confirmations: z.number().int().min(1).max(256).default(12),
  /** Milliseconds without a new block after which the endpoint counts as stale; 0: never. */
  staleAfterMs: field.count.default(120_000),
  fees: z
    .strictObject({
      /** Wei a gas. */
      max: field.amount.default(200_000_000_000n),
      /** Blocks that a transaction waits before its fee is raised. */
      bumpAfter: z.number().int().positive().default(4),
    })
    .prefault({}),
  /** Loopback port for /metrics and /health; absent: none; 0: any free one. */
  metricsPort: z.number().int().min(0).max(65_535).optional(),
});

/** What composing any service needs of its configuration. */
export type ServiceConfig = z.infer<typeof serviceSchema> & {
  readonly relayUrl?: string | undefined;
  readonly limits: Pick<OutboxPolicy, "maxFailures" | "breakerLosses" | "breakerBlocks">;
};

/** A keeper's configuration file. Paths are relative to the file. The key is not in it: `keyFile` names it. */
export const configSchema = serviceSchema
  .extend({
    /** Where sums are fetched and models published; needed by provers only. */
    relayUrl: field.url.optional(),
    /** Powers-of-tau file; without it only devnets with the INSECURE development string can be proved for. */
    srsFile: z.string().optional(),
    /** Which campaigns; all when absent. */
    campaigns: z.array(field.id).min(1).optional(),
    roles: z
      .strictObject({ keeper: z.boolean(), prover: z.boolean(), claims: z.boolean() })
      .default({ keeper: true, prover: false, claims: false }),
    /** Rounds are opened only from so many enrolled members on; 0: the campaign's own minimum. */
    openFrom: field.count.default(0),
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
        minProfit: field.amount.default(0n),
        /** What 10^18 wei are worth in the token's smallest unit; 0: gas is free. */
        tokenPerEther: field.amount.default(0n),
        /** Assumed before the first simulation. */
        finalizeGas: field.amount.default(1_000_000n),
      })
      .prefault({}),
  })
  .refine(({ roles, relayUrl }) => !roles.prover || relayUrl !== undefined, {
    path: ["relayUrl"],
    error: "a prover fetches sums from a relay",
  });

export type KeeperConfig = z.infer<typeof configSchema>;

/** Reads and checks a configuration file; its paths come back absolute. Errors: `BAD_CONFIG`, naming file and field. */
export const readKeeperConfig = (path: string): KeeperConfig =>
  pathsBeside(path, readJson(path, configSchema), ["deployment", "dataDir", "keyFile", "srsFile"]);

const keyFileSchema = z.object({ account: field.secret });

/** Errors: `BAD_KEY_FILE`, see readKeyFile. */
export const readKeeperKey = (path: string): string =>
  readKeyFile(path, keyFileSchema, 'it has to hold { "account": "0x…" }').account;
