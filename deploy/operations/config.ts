import { readJson, z } from "@mednexus/sdk/node";

const address = z.string().regex(/^0x[0-9a-fA-F]{40}$/);
const seconds = z.number().int().positive();
const amount = z.string().regex(/^\d+$/).transform(BigInt);

/** One network's configuration; fields are explained in deploy/config/README.md. */
const configSchema = z.strictObject({
  network: z.string(),
  insecureKeys: z.boolean(),
  finalityBlocks: z.number().int().nonnegative(),
  moduleDelay: seconds,
  sizes: z.array(z.union([z.literal(128), z.literal(1024), z.literal(4096)])),
  token: address.optional(),
  admin: address.optional(),
  guardian: address.optional(),
  treasury: address.optional(),
  parameters: z.strictObject({
    minWindow: seconds,
    maxDisputeWindows: seconds,
    unbonding: seconds,
    upgradeDelay: seconds,
    protocolFeeBps: z.number().int().nonnegative(),
    treasuryCutBps: z.number().int().nonnegative(),
    suspendAfter: z.number().int().positive(),
    suspension: seconds,
    minBond: amount,
    minNodeLock: amount,
    minComplaintBond: amount,
  }),
});

export type DeployConfig = z.infer<typeof configSchema>;

/** Errors: `BAD_CONFIG`, one line naming the file and the field. */
export const readDeployConfig = (path: string): DeployConfig => readJson(path, configSchema);
