/**
 * Compute jobs, as each party acts on them.
 *
 *   sponsor   requestJob(…)                                       deposits fee, royalty and protocol's fee
 *   prover    lockJob(…)                                          its stake is held
 *   sponsor   sendParcel(…) to the locker, off chain              private input; sealed weights: the model's owner
 *   prover    receiveParcel(…), acknowledgeJob(…)                 from here on lateness costs
 *             proof by the circuit `inference`; settleJob(…, { receipt: await jobReceipt(…), … })
 *   anybody   expireJob(…), endJob(…)
 *
 * Whoever acts shows the job's terms: readJob finds them on chain. Amounts in the smallest unit of the stake token, times in seconds.
 */
import { id, type Provider, type Result, type Signer, ZeroHash } from "ethers";
import type { Deployment } from "../deployment.ts";
import { MedNexusError } from "../errors.ts";
import { jobTermsHash, outputCommitment, type ProvenOutput, type Receipt, RECEIPT_TYPE } from "../receipts.ts";
import { type Address, consentSetHash, type Hash, type Purpose, typedDataDomain } from "../transcript.ts";
import { type Contracts, eventArgs, execute, type Executed } from "./client.ts";
import { NO_PURPOSE } from "./licenses.ts";
import { scanLogs } from "./read.ts";
import { NO_PERMIT, type Permit } from "./token.ts";

/** Solidity's JobTerms; see there for each field. */
export interface JobTerms {
  readonly kind: Hash;
  readonly sponsor: Address;
  readonly model: bigint;
  readonly modelVersion: number;
  readonly modelRoot: bigint;
  readonly verifier: number;
  readonly modelLicense: bigint;
  readonly dataset: bigint;
  readonly datasetVersion: number;
  readonly datasetLicense: bigint;
  readonly purpose: Purpose;
  readonly inputCommitment: bigint;
  readonly privateInput: boolean;
  readonly sealedWeights: boolean;
  readonly feeMin: bigint;
  readonly feeMax: bigint;
  readonly collateral: bigint;
  readonly ramp: number;
  readonly ackWindow: number;
  readonly lockWindow: number;
  readonly challengeWindow: number;
  readonly deadline: bigint;
  readonly provers: readonly Address[];
  readonly attesters: readonly number[];
}

/** IComputeMarket.State, in its order. */
export const JOB_STATES = ["None", "Open", "Locked", "Attested", "Settled", "Ended"] as const;
export type JobState = (typeof JOB_STATES)[number];

export interface JobView {
  readonly id: bigint;
  readonly terms: JobTerms;
  readonly deposit: bigint;
  readonly inputUri: string;
  readonly state: JobState;
  /** of the standing or last lock */
  readonly prover: Address;
  readonly acknowledged: boolean;
  /** end of the acknowledgement, lock or challenge window, unix seconds */
  readonly until: number;
  /** of the standing or last lock */
  readonly fee: bigint;
  /** collateral of expired locks, for whoever delivers */
  readonly collected: bigint;
  /** of the lock; 0: no dataset */
  readonly consentEpoch: bigint;
}

/** What a prover hands in; Solidity's ProvenReceipt. */
export interface ProvenReceipt {
  readonly terms: JobTerms;
  readonly receipt: Receipt;
  /** of the prover; "0x" where it sends the receipt itself */
  readonly signature: string;
  readonly output: ProvenOutput;
}

/** What a job settled for. */
export interface Settlement {
  readonly fee: bigint;
  readonly collected: bigint;
  readonly royalty: bigint;
  readonly protocolFee: bigint;
  readonly refund: bigint;
}

type Market = Pick<Contracts, "compute">;

/** What a job that says nothing about it has: no licences, no dataset, a public input, no attesters. */
export const JOB_DEFAULTS = {
  kind: id("inference"),
  modelVersion: 0,
  modelLicense: 0n,
  dataset: 0n,
  datasetVersion: 0,
  datasetLicense: 0n,
  purpose: NO_PURPOSE,
  privateInput: false,
  sealedWeights: false,
  ackWindow: 0,
  challengeWindow: 0,
  provers: [],
  attesters: [],
} as const satisfies Partial<JobTerms>;

/** ethers wants arrays it could write to. */
const mutable = ({ provers, attesters, ...rest }: JobTerms) => ({
  ...rest,
  provers: [...provers],
  attesters: [...attesters],
});

/** What a lock costs after `elapsed` seconds spent open (JobRules.feeAt): feeMin at 0, feeMax from `ramp` on, rounded down between. */
export function feeAt(terms: Pick<JobTerms, "feeMin" | "feeMax" | "ramp">, elapsed: bigint): bigint {
  const { feeMin, feeMax, ramp } = terms;
  return elapsed >= BigInt(ramp) ? feeMax : feeMin + ((feeMax - feeMin) * elapsed) / BigInt(ramp);
}

/** What the vault takes from the sponsor when the job is requested now. */
export const jobDeposit = ({ compute }: Market, terms: JobTerms): Promise<bigint> => compute.depositFor(mutable(terms));

/** The sponsor (signer): opens a job. Reverts BadTerms naming the field, or by the names of consent and licences. */
export async function requestJob(
  contracts: Market,
  terms: JobTerms,
  { inputUri = "", permit = NO_PERMIT }: { inputUri?: string; permit?: Permit } = {},
): Promise<{ job: bigint; deposit: bigint }> {
  const { job, deposit } = eventArgs(
    await execute(contracts.compute.request, [mutable(terms), inputUri, permit]),
    "JobRequested",
  );
  return { job: job as bigint, deposit: deposit as bigint };
}

/** A prover: locks at the fee of this moment. Reverts ProverNotAccepted, ProverNotAuthorised, PartySuspended, and as consent refuses. */
export async function lockJob(
  contracts: Market,
  job: bigint,
  terms: JobTerms,
): Promise<{ fee: bigint; until: number; consentEpoch: bigint }> {
  const { fee, until, consentEpoch } = eventArgs(
    await execute(contracts.compute.lock, [job, mutable(terms)]),
    "JobLocked",
  );
  return { fee: fee as bigint, until: Number(until), consentEpoch: consentEpoch as bigint };
}

/** The locker, once it holds input and weights: until when it has to deliver. Reverts NotLocker, TooLate. */
export const acknowledgeJob = async (contracts: Market, job: bigint, terms: JobTerms): Promise<number> =>
  Number(
    eventArgs(await execute(contracts.compute.acknowledge, [job, mutable(terms)]), "JobAcknowledged").until as bigint,
  );

/** Before the acknowledgement: the locker, or anybody after its window. Reverts TooEarly, WrongState. */
export const abandonJob = (contracts: Market, job: bigint, terms: JobTerms): Promise<Executed> =>
  execute(contracts.compute.abandon, [job, mutable(terms)]);

/** The sponsor, while nobody has acknowledged: what it gets back. Reverts NotSponsor, WrongState. */
export const cancelJob = async (contracts: Market, job: bigint, terms: JobTerms): Promise<bigint> =>
  eventArgs(await execute(contracts.compute.cancel, [job, mutable(terms)]), "JobEnded").refund as bigint;

/** Anybody, after the lock's window: what the prover lost, and what of it waits for whoever delivers. Reverts TooEarly, NotAcknowledged. */
export async function expireJob(
  contracts: Market,
  job: bigint,
  terms: JobTerms,
): Promise<{ slashed: bigint; collected: bigint }> {
  const { slashed, collected } = eventArgs(
    await execute(contracts.compute.expire, [job, mutable(terms)]),
    "LockExpired",
  );
  return { slashed: slashed as bigint, collected: collected as bigint };
}

/** Anybody, after the deadline or once the verifier is retired: what the sponsor gets back. Reverts TooEarly. */
export const endJob = async (contracts: Market, job: bigint, terms: JobTerms): Promise<bigint> =>
  eventArgs(await execute(contracts.compute.end, [job, mutable(terms)]), "JobEnded").refund as bigint;

/** Settles one receipt by its proof. Reverts BadReceipt naming the field, ProofRejected, NotLocker, TooLate, NotAcknowledged. */
export async function settleJob(contracts: Pick<Contracts, "receipts">, item: ProvenReceipt): Promise<Settlement> {
  const { terms } = item;
  const { fee, collected, royalty, protocolFee, refund } = eventArgs(
    await execute(contracts.receipts.settle, [{ ...item, terms: mutable(terms) }]),
    "JobSettled",
  ) as unknown as Settlement;
  return { fee, collected, royalty, protocolFee, refund };
}

/** Anybody: credits the treasury with the protocol's fees of all jobs since the last time; how much that was. */
export const sweepFees = async (contracts: Market): Promise<bigint> =>
  eventArgs(await execute(contracts.compute.sweepFees, []), "FeesSwept").amount as bigint;

interface Reader {
  readonly contracts: Pick<Contracts, "compute" | "datasets">;
  readonly deployment: Deployment;
}

/**
 * What an honest prover says of a job that it has locked.
 * @param work hashes of the trace it keeps and of where the result lies; times in unix seconds, not after the block that takes it
 */
export async function jobReceipt(
  { contracts, deployment }: Reader,
  job: { readonly id: bigint; readonly terms: JobTerms },
  prover: Address,
  output: { readonly decision: bigint; readonly score: bigint },
  work: { executionHash: Hash; resultUriHash: Hash; startedAt: bigint; endedAt: bigint },
): Promise<Receipt> {
  const { terms } = job;
  const none = terms.dataset === 0n;
  const [{ consentEpoch }, data] = await Promise.all([
    contracts.compute.jobOf(job.id),
    none ? undefined : contracts.datasets.versionOf(terms.dataset, terms.datasetVersion),
  ]);
  const consent = { dataset: terms.dataset, version: terms.datasetVersion, epoch: consentEpoch };
  return {
    job: job.id,
    termsHash: jobTermsHash(mutable(terms)),
    model: terms.model,
    modelVersion: BigInt(terms.modelVersion),
    datasetHash: data?.manifestHash ?? ZeroHash,
    consentHash: none ? ZeroHash : consentSetHash(BigInt(deployment.chainId), deployment.addresses.consent, [consent]),
    inputCommitment: terms.inputCommitment,
    outputCommitment: outputCommitment(output.decision, output.score),
    ...work,
    prover,
  };
}

/** The prover's signature, with which anybody may hand its receipt in; verifyingContract JobReceipts. */
export const signReceipt = (signer: Signer, deployment: Deployment, receipt: Receipt): Promise<string> =>
  signer.signTypedData(
    typedDataDomain(BigInt(deployment.chainId), deployment.addresses.receipts),
    RECEIPT_TYPE,
    receipt,
  );

/** A job with its terms, which are checked against the hash that the chain keeps. Throws `NO_JOB`. */
export async function readJob(
  contracts: Market,
  deployment: Deployment,
  provider: Provider,
  job: bigint,
): Promise<JobView> {
  const { compute } = contracts;
  const [state, logs] = await Promise.all([
    compute.jobOf(job),
    scanLogs(
      (from, to) => compute.queryFilter(compute.filters.JobRequested(job), from, to),
      deployment.startBlock,
      await provider.getBlockNumber(),
    ),
  ]);
  const args = logs[0]?.args;
  if (args === undefined) throw new MedNexusError("NO_JOB", `there is no job ${job}`);
  const terms = jobTerms(args.terms as unknown as Result);
  if (jobTermsHash(mutable(terms)) !== state.termsHash)
    throw new MedNexusError("NO_JOB", `the terms of job ${job} are not the ones that the chain keeps`);
  const { prover, acknowledged, until, fee, collected, consentEpoch } = state;
  return {
    id: job,
    terms,
    deposit: args.deposit,
    inputUri: args.inputUri,
    state: JOB_STATES[Number(state.state)]!,
    prover,
    acknowledged,
    until: Number(until),
    fee,
    collected,
    consentEpoch,
  };
}

/** Terms as an event carries them, in this module's types. */
export function jobTerms(raw: Result): JobTerms {
  const t = raw.toObject(true) as Record<string, never> & { purpose: Record<string, never> };
  const numbers = ["modelVersion", "verifier", "datasetVersion", "ramp", "ackWindow", "lockWindow", "challengeWindow"];
  return {
    ...(t as unknown as JobTerms),
    ...Object.fromEntries(numbers.map((name) => [name, Number(t[name])])),
    purpose: { ...(t.purpose as unknown as Purpose), permission: Number(t.purpose["permission"]) },
    // Not from `t`: toObject makes an object of an empty list.
    provers: [...(raw["provers"] as Address[])],
    attesters: [...(raw["attesters"] as bigint[])].map(Number),
  };
}
