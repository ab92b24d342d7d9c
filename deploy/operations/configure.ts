import { Contract, id as keccakText, type Signer } from "ethers";
import { devSrs, published, publishedKey } from "@mednexus/circuits";
import { connect, type Deployment, eventArgs, execute, isDevnet, MedNexusError, type Contracts } from "@mednexus/sdk";
import type { DeployConfig } from "./config.ts";

/** Role of the guardian in the AccessManager: stops entries, retires verifier ids; nothing else. */
export const GUARDIAN_ROLE = 1n;
const ADMIN_ROLE = 0n;

const ACCESS_MANAGER = [
  "function hasRole(uint64 roleId, address account) view returns (bool isMember, uint32 executionDelay)",
  "function getTargetFunctionRole(address target, bytes4 selector) view returns (uint64)",
  "function setTargetFunctionRole(address target, bytes4[] selectors, uint64 roleId)",
  "function grantRole(uint64 roleId, address account, uint32 executionDelay)",
  "function renounceRole(uint64 roleId, address callerConfirmation)",
];

/**
 * Brings a deployment to what its configuration says, and says what it found: keys, roles, the admin. Every step looks
 * before it acts, so that a second run changes nothing.
 */
export async function configure(deployment: Deployment, admin: Signer, config: DeployConfig): Promise<Deployment> {
  const contracts = connect(deployment, admin);
  const keys = config.insecureKeys
    ? await registerInsecureKeys(contracts, deployment, config.sizes)
    : { srs: deployment.srs, verifiers: deployment.verifiers };
  const manager = new Contract(deployment.authority, ACCESS_MANAGER, admin);
  const send = async (method: string, ...args: unknown[]): Promise<void> => {
    await (await manager.getFunction(method).send(...args)).wait();
  };
  const self = await admin.getAddress();
  const guardian = config.guardian ?? self;
  const guarded: [string, string[]][] = [
    [
      deployment.addresses.parameters,
      ["pauseEntries", "resumeEntries"].map(
        (name) => contracts.parameters.interface.getFunction(name as "pauseEntries").selector,
      ),
    ],
    [deployment.addresses.vault, [contracts.vault.interface.getFunction("cancelAssignment").selector]],
    [deployment.addresses.verifiers, [contracts.verifiers.interface.getFunction("retire").selector]],
    [deployment.addresses.attestations, [contracts.attestations.interface.getFunction("revoke").selector]],
  ];
  for (const [target, selectors] of guarded) {
    const current = await Promise.all(
      selectors.map(
        (selector) => manager.getFunction("getTargetFunctionRole").staticCall(target, selector) as Promise<bigint>,
      ),
    );
    if (current.some((role) => role !== GUARDIAN_ROLE))
      await send("setTargetFunctionRole", target, selectors, GUARDIAN_ROLE);
  }
  const holds = async (role: bigint, account: string): Promise<boolean> =>
    ((await manager.getFunction("hasRole").staticCall(role, account)) as [boolean])[0];
  // The governor may do what the guardian may: resume, retire, cancel.
  for (const account of [guardian, deployment.admin])
    if (!(await holds(GUARDIAN_ROLE, account))) await send("grantRole", GUARDIAN_ROLE, account, 0);
  if (deployment.admin.toLowerCase() !== self.toLowerCase()) {
    if (!(await holds(ADMIN_ROLE, deployment.admin))) await send("grantRole", ADMIN_ROLE, deployment.admin, 0);
    await send("renounceRole", ADMIN_ROLE, self);
  }
  return { ...deployment, ...keys };
}

/** Registers the INSECURE development string and keys, those that are not registered yet. */
async function registerInsecureKeys(
  contracts: Contracts,
  deployment: Deployment,
  sizes: readonly number[],
): Promise<Pick<Deployment, "srs" | "verifiers">> {
  if (!isDevnet(deployment.chainId))
    throw new MedNexusError(
      "INSECURE_KEYS",
      `chain ${deployment.chainId} is not a devnet: development keys are public`,
    );
  const { verifiers } = contracts;
  const known = await verifiers.queryFilter(verifiers.filters.SrsRegistered(), deployment.startBlock);
  let srs = Number(known.find((log) => log.args.srsHash === devSrs.hash)?.args.srs ?? 0n);
  if (srs === 0)
    srs = Number(
      eventArgs(await execute(verifiers.registerSrs, [devSrs.tauG1, devSrs.tauG2, true]), "SrsRegistered").srs,
    );
  const registered = await verifiers.queryFilter(verifiers.filters.VerifierRegistered(), deployment.startBlock);
  const ids: Deployment["verifiers"] = {};
  for (const { circuit, n } of published) {
    // a circuit without vectors has size 1, whatever sizes of model a network serves
    if (n !== 1 && !sizes.includes(n)) continue;
    const bySize = (ids[circuit] ??= {});
    const { keyHash, ...key } = publishedKey(circuit, n);
    const found = registered.find((log) => log.args.keyHash === keyHash && Number(log.args.srs) === srs);
    if (found !== undefined) {
      bySize[n] = Number(found.args.verifier);
      continue;
    }
    const material = { ...key, ic: [...key.ic] };
    bySize[n] = Number(
      eventArgs(
        await execute(verifiers.registerVerifier, [keccakText(circuit), n, srs, material, true]),
        "VerifierRegistered",
      ).verifier,
    );
  }
  return { srs, verifiers: ids };
}
