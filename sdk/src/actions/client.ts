import { Contract, Interface, isError } from "ethers";
import type {
  BaseContractMethod,
  ContractRunner,
  ContractTransaction,
  InterfaceAbi,
  LogDescription,
  Overrides,
  Provider,
  Signer,
  TransactionReceipt,
} from "ethers";
import * as abi from "../generated/abi/index.ts";
import type * as types from "../generated/types/index.ts";
import type { TypedContractMethod } from "../generated/types/common.ts";
import type { Deployment } from "../deployment.ts";
import { CONTRACTS } from "../deployment.ts";
import { MedNexusError } from "../errors.ts";
import { bumpedFees, gasLimit, initialFees, type Market } from "./fees.ts";

/** Every contract of a deployment, typed. The names are those of `Deployment.addresses`. */
export interface Contracts {
  vault: types.Vault;
  parameters: types.ProtocolParameters;
  stake: types.Stake;
  institutions: types.InstitutionRegistry;
  datasets: types.DatasetRegistry;
  consent: types.ConsentRegistry;
  inft: types.ModelINFT;
  versions: types.ModelVersions;
  verifiers: types.VerifierRegistry;
  proofVerifier: types.ProofVerifier;
  rules: types.TrainingRules;
  campaigns: types.CampaignRegistry;
  rounds: types.RoundManager;
  disputes: types.ShareDisputes;
  sums: types.NodeSums;
  settlement: types.RoundSettlement;
  attestations: types.AttestationRegistry;
  transfers: types.SealedTransfers;
  licenses: types.LicenseMarket;
  compute: types.ComputeMarket;
  receipts: types.JobReceipts;
}

/** ABI of each deployed contract. */
export const CONTRACT_ABI = {
  vault: abi.vaultAbi,
  parameters: abi.protocolParametersAbi,
  stake: abi.stakeAbi,
  institutions: abi.institutionRegistryAbi,
  datasets: abi.datasetRegistryAbi,
  consent: abi.consentRegistryAbi,
  inft: abi.modelINFTAbi,
  versions: abi.modelVersionsAbi,
  verifiers: abi.verifierRegistryAbi,
  proofVerifier: abi.proofVerifierAbi,
  rules: abi.trainingRulesAbi,
  campaigns: abi.campaignRegistryAbi,
  rounds: abi.roundManagerAbi,
  disputes: abi.shareDisputesAbi,
  sums: abi.nodeSumsAbi,
  settlement: abi.roundSettlementAbi,
  attestations: abi.attestationRegistryAbi,
  transfers: abi.sealedTransfersAbi,
  licenses: abi.licenseMarketAbi,
  compute: abi.computeMarketAbi,
  receipts: abi.jobReceiptsAbi,
} as const satisfies Record<keyof Contracts, InterfaceAbi>;

/** A contract refused. `code` is `REVERT_<ErrorName>`; `args` are the error's values by name. */
export class RevertError extends MedNexusError {
  readonly errorName: string;
  readonly args: Record<string, unknown>;

  constructor(errorName: string, args: Record<string, unknown>, cause: unknown) {
    const shown = Object.entries(args).map(([name, value]) => `${name}: ${String(value)}`);
    super(`REVERT_${errorName}`, `the contract refused: ${errorName}(${shown.join(", ")})`, { cause });
    this.errorName = errorName;
    this.args = args;
  }
}

/** What a sent and mined transaction did. */
export interface Executed {
  receipt: TransactionReceipt;
  gasUsed: bigint;
  events: LogDescription[];
}

// Parsed once: for every handle anew, twenty-one ABIs would cost more time than the transaction that follows.
const interfaces = new Map(CONTRACTS.map((name) => [name, new Interface(CONTRACT_ABI[name])]));

// One interface per kind over all contracts: an inner call may revert, or log, from any of them.
const everything = new Interface([
  ...new Map(
    [...interfaces.values()]
      .flatMap((one) => one.fragments)
      .filter((fragment) => fragment.type === "error" || fragment.type === "event")
      .map((fragment) => [fragment.type + fragment.format("sighash"), fragment]),
  ).values(),
]);

/** Typed handles on every contract; `runner` is a provider (reads) or a signer (reads and writes). */
export function connect(deployment: Deployment, runner: ContractRunner): Contracts {
  const entries = CONTRACTS.map((name) => [
    name,
    new Contract(deployment.addresses[name], interfaces.get(name)!, runner),
  ]);
  return Object.fromEntries(entries) as Contracts;
}

/** Turns whatever ethers threw into a RevertError (contract refused), or a retryable `RPC_FAILED`. */
export function decodeFailure(cause: unknown): MedNexusError {
  if (cause instanceof MedNexusError) return cause;
  const data = revertData(cause);
  if (data !== undefined) {
    const parsed = everything.parseError(data);
    if (parsed !== null) {
      const names = parsed.fragment.inputs.map((input, i) => input.name || String(i));
      return new RevertError(parsed.name, Object.fromEntries(names.map((name, i) => [name, parsed.args[i]])), cause);
    }
    return new RevertError("Unknown", { data }, cause);
  }
  if (isError(cause, "CALL_EXCEPTION"))
    return new RevertError(cause.reason === null ? "Unknown" : "Require", { reason: cause.reason }, cause);
  const text = cause instanceof Error ? cause.message : String(cause);
  return new MedNexusError("RPC_FAILED", `the chain could not be asked: ${text}`, { cause, retryable: true });
}

/** Wei a gas that `execute` pays at most where its caller names no `maxFeePerGas`. */
const MAX_FEE_PER_GAS = 200_000_000_000n;

export interface Patience {
  /** Milliseconds without inclusion after which the fees are raised. */
  readonly bumpMs: number;
  /** A transaction that nobody includes must not hold up whoever sent it for ever. */
  readonly giveUpMs: number;
}

const PATIENCE: Patience = { bumpMs: 30_000, giveUpMs: 180_000 };

/**
 * Simulates, sends, raises the fees while nobody includes it, and waits for one confirmation. `overrides.maxFeePerGas`: the most that is ever paid.
 * Errors: RevertError when the simulation or the mined transaction reverts; retryable: `FEE_CAPPED` when the chain asks for more than the
 * cap (nothing is sent then), `TX_DROPPED` when it was not included in time, `RPC_FAILED` otherwise.
 */
export async function execute<A extends unknown[], R>(
  method: TypedContractMethod<A, R, "nonpayable">,
  args: A,
  overrides: Overrides = {},
  patience: Patience = PATIENCE,
): Promise<Executed> {
  try {
    const call = method as unknown as BaseContractMethod & { readonly _contract: Contract };
    const signer = call._contract.runner as Signer;
    const { maxFeePerGas, ...others } = overrides;
    // The estimate is the simulation: it reverts with the same data.
    const limit = others.gasLimit ?? gasLimit(await call.estimateGas(...args, others));
    const request = await call.populateTransaction(...args, { ...others, gasLimit: limit });
    const receipt = await include(signer, request, BigInt(maxFeePerGas ?? MAX_FEE_PER_GAS), patience);
    return { receipt, gasUsed: receipt.gasUsed, events: decodeLogs(receipt) };
  } catch (cause) {
    throw decodeFailure(cause);
  }
}

/** Sends, and sends again with higher fees under the same nonce, until one of the transactions is mined. */
async function include(
  signer: Signer,
  request: ContractTransaction,
  cap: bigint,
  { bumpMs, giveUpMs }: Patience,
): Promise<TransactionReceipt> {
  const provider = signer.provider!;
  let fees = initialFees(await market(provider), cap);
  if (fees === undefined)
    throw new MedNexusError("FEE_CAPPED", `the chain asks for more than ${cap} wei a gas`, { retryable: true });
  const first = await signer.sendTransaction({ ...request, ...fees });
  const hashes = [first.hash];
  const sentAt = Date.now();
  for (let bumpAt = sentAt + bumpMs; Date.now() < sentAt + giveUpMs;) {
    for (const hash of hashes) {
      const receipt = await provider.getTransactionReceipt(hash);
      if (receipt?.status === 0) throw new RevertError("Unknown", { hash }, undefined);
      if (receipt !== null) return receipt;
    }
    if (Date.now() >= bumpAt) {
      bumpAt = Date.now() + bumpMs;
      const higher = bumpedFees(fees, await market(provider), cap);
      if (higher !== undefined) {
        fees = higher;
        // Mined meanwhile, or refused by a node that saw the fees otherwise: the receipts say.
        const again = signer.sendTransaction({ ...request, ...fees, nonce: first.nonce });
        hashes.push(
          ...(await again.then(
            ({ hash }) => [hash],
            () => [],
          )),
        );
      }
    }
    // A block of a development chain is there at once, of others after seconds.
    await new Promise((done) => setTimeout(done, Date.now() < sentAt + 5_000 ? 100 : 1_000));
  }
  throw new MedNexusError("TX_DROPPED", "the transaction was not included in time", { retryable: true });
}

/** What the chain asks for now. */
async function market(provider: Provider): Promise<Market> {
  // ethers offers twice the base fee and the tip.
  const { maxFeePerGas, maxPriorityFeePerGas } = await provider.getFeeData();
  const tip = maxPriorityFeePerGas ?? 0n;
  return { baseFee: ((maxFeePerGas ?? tip) - tip) / 2n, tip };
}

/** Known events of a receipt, in log order. */
export function decodeLogs(receipt: {
  logs: readonly { topics: readonly string[]; data: string }[];
}): LogDescription[] {
  return receipt.logs.flatMap((log) => {
    try {
      return everything.parseLog(log) ?? [];
    } catch {
      // ERC-20 and ERC-721 share the topic of Transfer and Approval but not what is indexed: a token's log is none of ours.
      return [];
    }
  });
}

/** The arguments of the first event of this name. Throws `NO_EVENT` when absent. */
export function eventArgs(executed: Executed, name: string): LogDescription["args"] {
  const event = executed.events.find((candidate) => candidate.name === name);
  if (event === undefined) throw new MedNexusError("NO_EVENT", `the transaction emitted no ${name}`);
  return event.args;
}

function revertData(error: unknown): string | undefined {
  for (
    let e = error as { data?: unknown; error?: unknown; info?: { error?: unknown }; cause?: unknown } | undefined,
      depth = 0;
    e !== null && typeof e === "object" && depth < 6;
    depth++
  ) {
    const data = (e.data as { data?: unknown } | undefined)?.data ?? e.data;
    if (typeof data === "string" && data.startsWith("0x") && data.length >= 10) return data;
    e = (e.error ?? e.info?.error ?? e.cause) as typeof e;
  }
  return undefined;
}
