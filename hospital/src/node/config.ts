import { dirname, resolve } from "node:path";
import { z } from "zod";
import { readJson, zeroGConfigSchema } from "@mednexus/sdk/node";
import type { FeatureRange } from "../data/standardize.ts";
import { POLICY_DEFAULTS } from "../policy/policy.ts";

const count = z.number().int().nonnegative();
const id = z.union([z.number().int().positive(), z.string().regex(/^[1-9]\d*$/)]).transform(BigInt);

/** A hospital node's configuration file. Paths are relative to the file. Secrets are not in it: `keyFile` names them. */
export const configSchema = z
  .object({
    rpcUrl: z.url({ protocol: /^https?$/ }),
    /** Other operators' endpoints of the same chain: all must show the same committee before shares are made. */
    witnessRpcUrls: z.array(z.url({ protocol: /^https?$/ })).default([]),
    relayUrl: z.url({ protocol: /^https?$/ }),
    deployment: z.string().describe("deployment file written by `mednexus deploy`"),
    dataDir: z.string().describe("where this node keeps its state; back it up"),
    keyFile: z.string().describe("made by `mednexus hospital keygen`"),
    /** Powers-of-tau file; without it only devnets with the INSECURE development string can be served. */
    srsFile: z.string().optional(),
    /** What makes proofs: a GPU where there is one, a GPU or nothing, snarkjs. */
    proofs: z.enum(["auto", "gpu", "cpu"]).default("auto"),
    pollMs: z.number().int().min(20).max(60_000).default(2_000),
    campaigns: z.array(id).min(1),
    policy: z
      .object({
        permissions: z.array(count).default([...POLICY_DEFAULTS.permissions]),
        sponsors: z.array(z.string()).default([...POLICY_DEFAULTS.sponsors]),
        minMembers: z.number().int().min(2).default(POLICY_DEFAULTS.minMembers),
        noise: z.number().min(0).max(4096).default(POLICY_DEFAULTS.noise),
        nodeKeys: z
          .record(z.string().regex(/^0x[0-9a-fA-F]{40}$/), z.string().regex(/^0x[0-9a-f]{64}$/))
          .default({ ...POLICY_DEFAULTS.nodeKeys }),
        repeatBase: z.boolean().default(POLICY_DEFAULTS.repeatBase),
      })
      .prefault({}),
    /** Where encrypted datasets are kept; without it, in a folder of dataDir. */
    storage: z
      .strictObject({
        folder: z.string().optional(),
        /** Also 0G Storage, through its SDK, which is installed separately. */
        zeroG: zeroGConfigSchema.optional(),
      })
      .prefault({}),
    data: z
      .object({
        csv: z.string(),
        label: z.string(),
        dataset: id,
        /** Feature names, class names and public ranges, the same file for every member. */
        schema: z.string(),
        standardization: z.discriminatedUnion("kind", [
          z.object({ kind: z.literal("ranges") }),
          z.object({ kind: z.literal("statistics"), campaign: id }),
        ]),
        trainer: z.discriminatedUnion("kind", [
          z.object({ kind: z.literal("logistic") }),
          z.object({ kind: z.literal("mlp") }),
          z.object({
            kind: z.literal("external"),
            command: z.tuple([z.string()], z.string()),
            parameters: z.number().int().positive(),
            timeoutSeconds: z.number().positive().default(600),
          }),
        ]),
        modelSeed: count.default(0),
      })
      .optional(),
  })
  .strict();

export type Config = z.infer<typeof configSchema>;

/** A schema file: what a campaign's datasets have in common. Its canonical JSON's keccak256 is the schema hash on chain. */
export const tableSchema = z
  .object({
    features: z
      .array(
        z
          .strictObject({ name: z.string(), min: z.number(), max: z.number(), typical: z.number().optional() })
          .transform(({ typical, ...range }): FeatureRange => (typical === undefined ? range : { ...range, typical })),
      )
      .min(1),
    classes: z.tuple([z.string(), z.string()]),
  })
  .strict();

export type TableSchema = z.infer<typeof tableSchema>;

/** A configuration with its paths made absolute. */
export function readConfig(path: string): Config {
  const config = readJson(path, configSchema);
  const at = (relative: string): string => resolve(dirname(path), relative);
  return {
    ...config,
    deployment: at(config.deployment),
    dataDir: at(config.dataDir),
    keyFile: at(config.keyFile),
    storage: {
      ...config.storage,
      ...(config.storage.folder === undefined ? {} : { folder: at(config.storage.folder) }),
    },
    ...(config.srsFile === undefined ? {} : { srsFile: at(config.srsFile) }),
    ...(config.data === undefined
      ? {}
      : { data: { ...config.data, csv: at(config.data.csv), schema: at(config.data.schema) } }),
  };
}
