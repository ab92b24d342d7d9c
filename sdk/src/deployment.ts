import { z } from "zod";
import { MedNexusError } from "./errors.ts";

/** Names of the deployed contracts, in the order in which `Modules` lists them on chain. */
export const CONTRACTS = [
  "vault",
  "parameters",
  "stake",
  "institutions",
  "datasets",
  "consent",
  "inft",
  "versions",
  "verifiers",
  "proofVerifier",
  "rules",
  "campaigns",
  "rounds",
  "disputes",
  "sums",
  "settlement",
  "attestations",
  "transfers",
  "licenses",
  "compute",
  "receipts",
] as const;

export type ContractName = (typeof CONTRACTS)[number];

const address = z.string().regex(/^0x[0-9a-fA-F]{40}$/, "an address of 20 hex bytes");

/** What a deploy writes and every service reads: where the contracts are and which verifier ids serve which circuit size. */
export const deploymentSchema = z.object({
  version: z.literal(1),
  network: z.string(),
  chainId: z.number().int().positive(),
  /** First block that can hold an event of this deployment. */
  startBlock: z.number().int().nonnegative(),
  /** Holder of the AccessManager's admin role; an account on devnets, the Governor in production. */
  admin: address,
  authority: address,
  token: address,
  addresses: z.object(
    Object.fromEntries(CONTRACTS.map((name) => [name, address])) as Record<ContractName, typeof address>,
  ),
  srs: z.number().int().positive(),
  /** Verifier ids by circuit and size, e.g. { update: { "128": 1 } }. */
  verifiers: z.record(z.string(), z.record(z.string(), z.number().int().positive())),
});

export type Deployment = z.infer<typeof deploymentSchema>;

/** Parses a deployment file's text. Throws `BAD_DEPLOYMENT` naming the first wrong field. */
export function parseDeployment(text: string): Deployment {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new MedNexusError("BAD_DEPLOYMENT", "the deployment file is not JSON", { cause });
  }
  const result = deploymentSchema.safeParse(json);
  if (!result.success) {
    const issue = result.error.issues[0];
    throw new MedNexusError("BAD_DEPLOYMENT", `deployment file: ${issue?.path.join(".") || "root"}: ${issue?.message}`);
  }
  return result.data;
}

/** The verifier id for a circuit at vector length n. Throws `NO_VERIFIER` where the deployment registered none. */
export function verifierId(deployment: Deployment, circuit: string, n: number): number {
  const id = deployment.verifiers[circuit]?.[String(n)];
  if (id === undefined)
    throw new MedNexusError("NO_VERIFIER", `this deployment has no verifier for ${circuit} at n = ${n}`);
  return id;
}

/** Chain ids that only local development chains use: 31337 (Hardhat, anvil) and 1337 (geth --dev). INSECURE keys are refused on all others. */
export const isDevnet = (chainId: number): boolean => chainId === 31337 || chainId === 1337;
