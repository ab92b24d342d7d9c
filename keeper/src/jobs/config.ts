import { z } from "zod";
import { field, pathsBeside, readJson } from "@mednexus/sdk/node";
import { serviceSchema } from "../config.ts";

/** A job prover's configuration file. Paths are relative to the file. The key is not in it: `keyFile` names it. */
export const proverConfigSchema = serviceSchema.extend({
  /** Where private inputs are left and public blobs are. */
  relayUrl: field.url,
  /** Folder with models that no relay has: M̃ ‖ P̃ as published, in files of any name. */
  modelsDir: z.string().optional(),
  limits: z
    .strictObject({
      maxFailures: z.number().int().positive().default(5),
      /** So many locks lost, or transactions reverted in a row, within `breakerBlocks` and nothing is locked until they are past. */
      breakerLosses: z.number().int().positive().default(3),
      breakerBlocks: z.number().int().positive().default(7_200),
      /** Ends the process instead, exit code 1. */
      exitOnBreaker: z.boolean().default(false),
      /** Inputs that a sponsor may fail to bring within `breakerBlocks`. */
      withheldInputs: z.number().int().positive().default(2),
      /** Attempts at one job's proof, restarts included. */
      attempts: z.number().int().min(1).max(16).default(3),
      /** Locks at a time. */
      locks: z.number().int().min(1).max(64).default(4),
      /** Token units of collateral at a time; absent: all free stake. */
      collateral: field.amount.optional(),
    })
    .prefault({}),
  economics: z
    .strictObject({
      /** Token units that must remain after gas and risk. */
      minProfit: field.amount.default(0n),
      /** What 10^18 wei are worth in the token's smallest unit; 0: gas is free. */
      tokenPerEther: field.amount.default(0n),
      /** Gas of lock, acknowledgement and settlement. */
      lockGas: field.amount.default(250_000n),
      acknowledgeGas: field.amount.default(80_000n),
      settleGas: field.amount.default(450_000n),
      /** Percent of the base fee at the lock that later blocks are reckoned with. */
      gasMargin: z.number().int().min(100).max(10_000).default(150),
      /** Hundredths of a percent of the collateral that a lock is expected to cost. */
      riskBps: z.number().int().min(0).max(10_000).default(50),
    })
    .prefault({}),
  timing: z
    .strictObject({
      /** Seconds for a proof of which none was measured yet. */
      provingSeconds: z.number().positive().default(60),
      /** The measured time is multiplied by it. */
      margin: z.number().min(1).default(2),
      /** Seconds from a finished proof to its block. */
      deliverySeconds: field.count.default(90),
    })
    .prefault({}),
  /** Credits are withdrawn from this many token units on; 0: never. */
  collectFrom: field.amount.default(0n),
});

export type ProverConfig = z.infer<typeof proverConfigSchema>;

/** Reads and checks a configuration file; its paths come back absolute. Errors: `BAD_CONFIG`, naming file and field. */
export const readProverConfig = (path: string): ProverConfig =>
  pathsBeside(path, readJson(path, proverConfigSchema), ["deployment", "dataDir", "keyFile", "modelsDir"]);
