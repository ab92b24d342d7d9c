/** What an institution does on chain before it can take part: registration, datasets, consent, stake, campaigns. Each step looks first and can be repeated. */
import { hexlify, ZeroHash } from "ethers";
import {
  type Address,
  chainTerms,
  type Curve,
  type DataUse,
  execute,
  grantLeaf,
  type Hash,
  keyContextHash,
  MedNexusError,
  merkleProof,
  merkleRoot,
  proveKey,
  readTerms,
  type RevocationKit,
  tokenAt,
} from "@mednexus/sdk";
import { requirePolicy } from "../policy/policy.ts";
import type { NodeContext } from "./context.ts";

export type Acting = Pick<
  NodeContext,
  "contracts" | "deployment" | "signer" | "address" | "shareKeys" | "random" | "store" | "policy"
>;

/** Registers this institution with its share key and a proof that it holds the secret. Nothing to do where it is registered with that key. */
export async function registerInstitution(context: Acting, curve: Curve, endpoint = ""): Promise<void> {
  const { contracts, deployment, address, shareKeys } = context;
  const bound = keyContextHash(BigInt(deployment.chainId), deployment.addresses.institutions, address);
  const proof = proveKey(curve, shareKeys, bound, context.random);
  if (!(await contracts.institutions.isRegistered(address))) {
    await execute(contracts.institutions.register, [shareKeys.publicKey, proof, endpoint]);
    return;
  }
  const known = await contracts.institutions.shareKeyOf(address);
  if (known.x === shareKeys.publicKey.x && known.y === shareKeys.publicKey.y) return;
  await execute(contracts.institutions.rotateShareKey, [shareKeys.publicKey, proof]);
}

/** Sets a dataset's data-use terms for its current version; nothing to do where it has some: they can be set once a version. */
export async function setDataTerms(context: Acting, dataset: bigint, use: DataUse): Promise<void> {
  const version = await context.contracts.datasets.currentVersion(dataset);
  if ((await context.contracts.consent.termsHashOf(dataset, version)) !== ZeroHash) return;
  await execute(context.contracts.consent.setTerms, [dataset, chainTerms(use)]);
}

/** One subject's grant: the pseudonymous key that can revoke it and the salt that hides it on chain. */
export interface Grant {
  readonly subject: Address;
  readonly salt: Hash;
}

const grantsKey = (dataset: bigint, version: number): string => `grants-${dataset}-${version}`;

/** The grants of a dataset version as this institution keeps them; order is the tree's. */
export const grantsOf = (context: Pick<Acting, "store">, dataset: bigint, version: number): readonly Grant[] =>
  context.store.read<Grant[]>(grantsKey(dataset, version)) ?? [];

/**
 * Publishes the grant root over exactly these subjects of the current version. Salts of subjects who granted before
 * are kept, others drawn; they are on disk, owner-readable, before the root is sent. The count is rounded down to a
 * multiple of 5. `custodial`: the institution holds the subjects' keys.
 */
export async function publishGrants(
  context: Acting,
  dataset: bigint,
  subjects: readonly Address[],
  custodial = false,
): Promise<readonly Grant[]> {
  const unique = new Set(subjects.map((subject) => subject.toLowerCase()));
  if (unique.size !== subjects.length || subjects.length === 0)
    throw new MedNexusError("BAD_GRANTS", "grants need at least one subject key, each once");
  const version = Number(await context.contracts.datasets.currentVersion(dataset));
  const known = new Map(grantsOf(context, dataset, version).map(({ subject, salt }) => [subject.toLowerCase(), salt]));
  const grants = subjects.map((subject): Grant => ({
    subject,
    salt: known.get(subject.toLowerCase()) ?? hexlify(context.random(32)),
  }));
  context.store.write(grantsKey(dataset, version), grants);
  const root = merkleRoot(leaves(dataset, version, grants));
  const { root: current } = await context.contracts.consent.grantRootOf(dataset, version);
  if (current !== root)
    await execute(context.contracts.consent.setGrants, [dataset, root, 5 * Math.floor(grants.length / 5), custodial]);
  return grants;
}

const leaves = (dataset: bigint, version: number, grants: readonly Grant[]): Hash[] =>
  grants.map(({ subject, salt }) => grantLeaf(dataset, version, subject, salt));

/** What a subject needs to revoke without the institution: hand it over with the consent form. Errors: `NO_GRANT`. */
export function revocationKit(
  context: Pick<Acting, "store" | "deployment">,
  dataset: bigint,
  version: number,
  subject: Address,
): RevocationKit {
  const grants = grantsOf(context, dataset, version);
  const index = grants.findIndex((grant) => grant.subject.toLowerCase() === subject.toLowerCase());
  const grant = grants[index];
  if (grant === undefined)
    throw new MedNexusError("NO_GRANT", `dataset ${dataset} version ${version} has no grant of ${subject}`);
  const { chainId, addresses } = context.deployment;
  return {
    version: 1,
    chainId,
    registry: addresses.consent,
    dataset: String(dataset),
    datasetVersion: version,
    ...grant,
    proof: merkleProof(leaves(dataset, version, grants), index),
  };
}

/** Brings active stake up to `amount` (smallest unit): deposits what is missing, under an allowance of exactly that. */
export async function provideStake(context: Acting, amount: bigint): Promise<void> {
  const { contracts, deployment, signer, address } = context;
  const missing = amount - (await contracts.stake.activeOf(address));
  if (missing <= 0n) return;
  await tokenAt(await contracts.stake.token(), signer).ensureAllowance(deployment.addresses.vault, missing);
  await execute(contracts.stake.deposit, [missing]);
}

/** Joins a campaign as a member, if this hospital's policy allows its terms. */
export async function enrol(context: Acting, campaign: bigint, dataset: bigint): Promise<void> {
  requirePolicy(context.policy, await readTerms(context.contracts, campaign));
  if ((await context.contracts.campaigns.datasetOf(campaign, context.address)) !== 0n) return;
  await execute(context.contracts.campaigns.enrol, [campaign, dataset]);
}

/** Offers this institution as a committee node. */
export async function joinPool(context: Acting, campaign: bigint): Promise<void> {
  const pool = await context.contracts.campaigns.poolOf(campaign);
  if (pool.some((node) => node.toLowerCase() === context.address.toLowerCase())) return;
  await execute(context.contracts.campaigns.joinPool, [campaign]);
}

/** Agrees to a pair round with the other enrolled member: each will learn the other's update from the sum. Needs policy.minMembers = 2. */
export async function agreePair(context: Acting, campaign: bigint): Promise<void> {
  requirePolicy(context.policy, await readTerms(context.contracts, campaign));
  await execute(context.contracts.campaigns.agreePair, [campaign]);
}
