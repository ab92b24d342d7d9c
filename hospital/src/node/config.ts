import { z } from "zod";
import { field, pathsBeside, readJson, serviceFields, zeroGConfigSchema } from "@mednexus/sdk/node";
import type { FeatureRange } from "../data/standardize.ts";
import { POLICY_DEFAULTS } from "../policy/policy.ts";

/** A hospital node's configuration file. Paths are relative to the file. Secrets are not in it: `keyFile` names them. */
export const configSchema = z
  .object({
    ...serviceFields,
    /** Other operators' endpoints of the same chain: all must show the same committee before shares are made. */
    witnessRpcUrls: z.array(field.url).default([]),
    relayUrl: field.url,
    dataDir: z.string().describe("where this node keeps its state; back it up"),
    keyFile: z.string().describe("made by `mednexus hospital keygen`"),
    /** Powers-of-tau file; without it only devnets with the INSECURE development string can be served. */
    srsFile: z.string().optional(),
    campaigns: z.array(field.id).min(1),
    policy: z
      .object({
        permissions: z.array(field.count).default([...POLICY_DEFAULTS.permissions]),
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
        dataset: field.id,
        /** Feature names, class names and public ranges, the same file for every member. */
        schema: z.string(),
        standardization: z.discriminatedUnion("kind", [
          z.object({ kind: z.literal("ranges") }),
          z.object({ kind: z.literal("statistics"), campaign: field.id }),
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
        modelSeed: field.count.default(0),
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

/** Reads and checks a configuration file; its paths come back absolute. Errors: `BAD_CONFIG`, naming file and field. */
export function readConfig(path: string): Config {
  const config = readJson(path, configSchema);
  const { storage, data } = config;
  return {
    ...pathsBeside(path, config, ["deployment", "dataDir", "keyFile", "srsFile"]),
    storage: pathsBeside(path, storage, ["folder"]),
    ...(data === undefined ? {} : { data: pathsBeside(path, data, ["csv", "schema"]) }),
  };
}
