/** Inference jobs of the story: what each side does between a request and a settlement. */
import { hexlify, id } from "ethers";
import {
  acknowledgeJob,
  authorizeUsage,
  decodeJobInput,
  decodeJobWeights,
  encodeJobInput,
  encodeModel,
  infer,
  inferenceWitness,
  inputHash,
  JOB_DEFAULTS,
  jobDeposit,
  jobReceipt,
  type JobTerms,
  lift,
  lockJob,
  MedNexusError,
  publishProverKey,
  randomFr,
  receiveParcel,
  requestJob,
  sendParcel,
  settleJob,
  type Settlement,
  systemRandom,
  verifierId,
} from "@mednexus/sdk";
import {
  logit,
  LOGIT_TOLERANCE,
  type Model,
  probabilityText,
  type Query,
  ROYALTY_BPS,
  SIZE,
  SPLIT,
  tokens,
} from "./assets.ts";
import { type Market, type Party, UNIT } from "./parties.ts";
import type { Check, Teller } from "./teller.ts";

/** Prices and windows of every job here: fee 10 to 40 over an hour, 100 at stake. */
export const JOB = {
  feeMin: 10n * UNIT,
  feeMax: 40n * UNIT,
  collateral: 100n * UNIT,
  ramp: 3_600,
  ackWindow: 900,
  lockWindow: 1_800,
} as const;
const DEADLINE = 6 * 3_600;
const BPS = 10_000n;

export interface Job {
  readonly id: bigint;
  readonly terms: JobTerms;
  readonly deposit: bigint;
  readonly salt: bigint;
  readonly query: Query;
}

/** A prover that says to which key parcels for it are sealed, and puts up its stake. */
export async function readyProver(market: Market, prover: Party, stake: bigint): Promise<void> {
  await market.give(prover, stake);
  await prover.token.ensureAllowance(market.deployment.addresses.vault, stake);
  await prover.contracts.stake.deposit(stake).then((sent) => sent.wait());
  market.due(prover, -stake);
  await publishProverKey(prover.transport, market.deployment, prover.reader);
}

/** The owner lists who may run its model, for a day. */
export async function authorize(market: Market, owner: Party, model: bigint, provers: readonly Party[]): Promise<void> {
  const until = (await market.now()) + 86_400n;
  for (const { address } of provers) await authorizeUsage(owner.contracts, model, address, until);
}

/** The sponsor commits to its input and escrows the most that the job can cost, by permit: one transaction. */
export async function request(
  market: Market,
  sponsor: Party,
  model: Model,
  query: Query,
  change: Partial<JobTerms>,
): Promise<Job> {
  const salt = randomFr(systemRandom);
  const terms: JobTerms = {
    ...JOB_DEFAULTS,
    ...JOB,
    sponsor: sponsor.address,
    model: model.id,
    modelRoot: model.root,
    verifier: verifierId(market.deployment, "inference", SIZE),
    inputCommitment: inputHash(query.input, salt),
    privateInput: true,
    sealedWeights: true,
    deadline: (await market.now()) + BigInt(DEADLINE),
    ...change,
  };
  const deposit = await jobDeposit(sponsor.contracts, terms);
  await market.give(sponsor, deposit);
  const permit = await market.permit(sponsor, deposit);
  const { job } = await requestJob(sponsor.contracts, terms, { permit });
  market.due(sponsor, -deposit);
  return { id: job, terms, deposit, salt, query };
}

/** Locks; input and weights come sealed to the locker; it checks both against the chain and acknowledges. */
export async function take(
  market: Market,
  job: Job,
  parties: { prover: Party; sponsor: Party; owner: Party; model: Pick<Model, "vector"> },
): Promise<{ fee: bigint; until: bigint; received: { vector: bigint[]; input: readonly bigint[]; salt: bigint } }> {
  const { prover, sponsor, owner, model } = parties;
  const { deployment } = market;
  const { fee } = await lockJob(prover.contracts, job.id, job.terms);
  const send = (from: Party, kind: "input" | "weights", content: Uint8Array) =>
    sendParcel(
      { deployment, contracts: from.contracts, transport: from.transport },
      from.address,
      job.id,
      kind,
      content,
    );
  await send(sponsor, "input", encodeJobInput({ input: job.query.input, salt: job.salt }));
  await send(owner, "weights", encodeModel(model.vector));

  const open = async (from: Party, kind: "input" | "weights"): Promise<Uint8Array> => {
    const at = { deployment, transport: prover.transport };
    const parcel = await receiveParcel(at, prover.reader, prover.address, from.address, job.id, kind);
    if (parcel === undefined) throw new MedNexusError("NO_PARCEL", `${from.name} left no ${kind} for job ${job.id}`);
    return parcel;
  };
  const { input, salt } = decodeJobInput(await open(sponsor, "input"), SIZE, job.terms.inputCommitment);
  const vector = decodeJobWeights(await open(owner, "weights"), SIZE, job.terms.modelRoot);
  const until = await acknowledgeJob(prover.contracts, job.id, job.terms);
  return { fee, until: BigInt(until), received: { vector, input, salt } };
}

/** Proves what the prover holds and settles; the money as the rules have it is noted for every payee. */
export async function deliver(
  market: Market,
  job: Job,
  prover: Party,
  received: { vector: bigint[]; input: readonly bigint[]; salt: bigint },
  classes: readonly [string, string],
  { tell }: Pick<Teller, "tell">,
  check: Check,
): Promise<Settlement> {
  const startedAt = await market.now();
  const witness = inferenceWitness(received.vector, received.input, received.salt);
  const from = performance.now();
  const { proof } = await market.backend.prove("inference", SIZE, witness);
  const seconds = ((performance.now() - from) / 1000).toFixed(1);
  const { decision, score } = witness;
  const receipt = await jobReceipt(
    { contracts: prover.contracts, deployment: market.deployment },
    job,
    prover.address,
    { decision, score },
    {
      executionHash: id(`trace of job ${job.id}`),
      resultUriHash: hexlify(systemRandom(32)),
      startedAt,
      endedAt: await market.now(),
    },
  );
  const settled = await settleJob(prover.contracts, {
    terms: job.terms,
    receipt,
    signature: "0x",
    output: { decision, score, proof },
  });
  const exact = infer(received.vector, received.input);
  check("the proven output is the exact one", lift([score])[0] === exact.score && (decision === 1n) === exact.decision);
  const off = Math.abs(logit(exact.score) - job.query.logit);
  check("up to rounding it is what the trained model says", off < LOGIT_TOLERANCE);
  tell(
    `proved in ${seconds} s and settled on chain: class ${classes[Number(decision)]!}, probability of class ${classes[1]} ${probabilityText(exact.score)}`,
  );

  const { fee } = await market.parties.admin.contracts.compute.jobOf(job.id);
  const rules = await payout(market, fee);
  check("the fee is the lock's", settled.fee === fee);
  check(
    "royalty and protocol's fee are by rule",
    settled.royalty === rules.royalty && settled.protocolFee === rules.protocol,
  );
  check(
    "the rest of the deposit is the sponsor's",
    settled.refund === job.deposit - fee - rules.royalty - rules.protocol,
  );
  for (const [name, amount] of Object.entries(rules.split)) market.due(market.parties[name as "lab"], amount);
  market.due(market.parties.admin, rules.protocol);
  market.due(prover, fee + settled.collected);
  market.due(market.parties.researcher, job.deposit - fee - rules.royalty - rules.protocol);
  tell(
    `paid: prover ${tokens(fee + settled.collected)}, royalty ${tokens(rules.royalty)}, protocol ${tokens(rules.protocol)}, back to the sponsor ${tokens(settled.refund)}`,
  );
  return settled;
}

/** What the rules take of a fee, counted here and not by the contracts. */
export async function payout(
  market: Market,
  fee: bigint,
): Promise<{ royalty: bigint; protocol: bigint; split: Record<keyof typeof SPLIT, bigint> }> {
  const { protocolFeeBps } = await market.parties.admin.contracts.parameters.get();
  const whole = (fee * ROYALTY_BPS) / BPS;
  const split = { lab: (whole * SPLIT.lab) / BPS, university: (whole * SPLIT.university) / BPS };
  return { royalty: split.lab + split.university, protocol: (fee * BigInt(protocolFeeBps)) / BPS, split };
}
