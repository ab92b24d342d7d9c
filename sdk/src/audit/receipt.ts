/** Recomputes what a settled receipt claims, from chain and storage. */
import { type Log, type Result, verifyTypedData, ZeroHash } from "ethers";
import { feeAt, JOB_STATES, jobTerms, type JobTerms } from "../actions/jobs.ts";
import { auditConsentRefs } from "../consent/audit.ts";
import { MedNexusError } from "../errors.ts";
import {
  jobTermsHash,
  outputCommitment,
  type Receipt,
  RECEIPT_TYPE,
  receiptDigest,
  receiptInclusion,
  receiptRoot,
  verifyReceiptInclusion,
} from "../receipts.ts";
import { type Hash, typedDataDomain } from "../transcript.ts";
import {
  checkAttestation,
  checkWindow,
  type Evidence,
  evidenceOf,
  FIELDS,
  findAttested,
  receiptOf,
} from "./evidence.ts";
import { type AuditReader, checkManifest, scanAll, verifyingKey } from "./reader.ts";
import { Audit, type AuditReport, CannotCheck, must, same } from "./report.ts";

/** What to audit: a job's settled receipt, a digest, or a receipt that somebody shows. */
export type ReceiptClaim = { readonly job: bigint } | { readonly digest: Hash } | { readonly receipt: Receipt };

const BPS = 10_000n;

interface Settled {
  readonly receipt: Receipt;
  readonly digest: Hash;
  readonly batch: bigint;
  readonly log: Log;
}

/** Every check on its own: one that fails hides no other. Throws `NO_RECEIPT` when nothing settled answers to the claim at all. */
export async function auditReceipt(reader: AuditReader, claim: ReceiptClaim): Promise<AuditReport> {
  const { contracts, deployment, provider } = reader;
  const { compute, receipts, versions, datasets, inft } = contracts;
  const chainId = BigInt(deployment.chainId);
  const audit = new Audit();
  const settled = await findSettled(reader, claim);
  const { receipt, digest, batch, log } = settled;
  const subject = `receipt ${digest} of job ${receipt.job}`;

  if ("receipt" in claim)
    await audit.check("claim", () => {
      for (const field of FIELDS) same(field, settled.receipt[field], claim.receipt[field]);
      return "every field is the one that was settled";
    });
  await audit.check("digest", () => {
    same("digest", digest, receiptDigest(chainId, deployment.addresses.receipts, receipt));
    return digest;
  });
  await audit.check("batch", async () => {
    const all = await scanAll(reader, (from, to) =>
      receipts.queryFilter(receipts.filters.ReceiptSettled(undefined, undefined, batch), from, to),
    );
    const digests = all.map(({ args }) => args.digest);
    const root = await receipts.rootOf(batch);
    same(`root of batch ${batch}`, root, receiptRoot(digests));
    const path = receiptInclusion(digests, digests.indexOf(digest));
    must("the inclusion proof fails", verifyReceiptInclusion(root, digest, path));
    must("the contract refuses the inclusion proof", await receipts.isIncluded(batch, digest, path));
    return `one of ${digests.length} in batch ${batch}`;
  });

  const [requested] = await scanAll(reader, (from, to) =>
    compute.queryFilter(compute.filters.JobRequested(receipt.job), from, to),
  );
  if (requested === undefined)
    throw new MedNexusError("EVENTS_MISSING", `job ${receipt.job} has no request`, { retryable: true });
  const terms = jobTerms(requested.args.terms as unknown as Result);
  const job = await compute.jobOf(receipt.job);
  await audit.check("terms", () => {
    const hash = jobTermsHash(terms as unknown as Record<string, unknown>);
    same("terms hash on chain", job.termsHash, hash);
    same("terms hash of the receipt", receipt.termsHash, hash);
    same("model", receipt.model, terms.model);
    same("model version", receipt.modelVersion, terms.modelVersion);
    same("input commitment", receipt.inputCommitment, terms.inputCommitment);
    return hash;
  });
  await audit.check("prover", () => {
    same("job's prover", job.prover, receipt.prover);
    must(`the job is ${JOB_STATES[Number(job.state)]}`, JOB_STATES[Number(job.state)] === "Settled");
    must("the prover is not on the sponsor's list", isListed(terms, receipt.prover));
    return receipt.prover;
  });
  await audit.check("times", async () => {
    const block = (await provider.getBlock(log.blockNumber))!;
    must(
      "it ends before it starts, or after its settlement",
      receipt.startedAt <= receipt.endedAt && receipt.endedAt <= BigInt(block.timestamp),
    );
    return `${receipt.startedAt} to ${receipt.endedAt}`;
  });
  await audit.check("model root", async () => {
    same("h_M", (await versions.versionOf(terms.model, terms.modelVersion)).h, terms.modelRoot);
    return `model ${terms.model} version ${terms.modelVersion}`;
  });

  const attested = await findAttested(reader, receipt.job, digest);
  const tx = await provider.getTransaction((attested ?? log).transactionHash);
  const evidence = tx === null ? undefined : evidenceOf(reader, tx, digest);
  const word = (): Evidence => {
    if (evidence === undefined)
      throw new CannotCheck("not in the transaction: it came through another contract, or an event of it is missing");
    return evidence;
  };
  const shown = (): NonNullable<Evidence["proven"]> => {
    if (attested !== undefined) throw new CannotCheck("attested, not proved: it rests on the attestor's hardware");
    const { proven } = word();
    if (proven === undefined) throw new CannotCheck("an attestation without its event");
    return proven;
  };
  if (attested !== undefined) {
    await audit.check("attestation", async () => {
      await checkAttestation(reader, terms, attested, digest, evidence?.attestation);
      return `signed by the key of attestor ${attested.attestor}`;
    });
    await audit.check("challenge window", async () => {
      const until = await checkWindow(reader, terms, attested, receipt.job, digest, log.blockNumber);
      return `nobody contradicted it until ${until}`;
    });
  }
  await audit.check("output", () => {
    const { decision, score } = shown();
    same("output commitment", receipt.outputCommitment, outputCommitment(decision, score));
    return `decision ${decision}`;
  });
  await audit.check("proof", async () => {
    const { decision, score, proof } = shown();
    const { key, n } = await verifyingKey(reader, "inference", terms.verifier);
    const inputs = [terms.modelRoot, terms.inputCommitment, decision, score];
    must("the proof does not verify", await reader.verify(key, inputs, proof));
    return `inference(${n}) under the published key`;
  });
  await audit.check("signature", async () => {
    const { signature, from } = word();
    if (from.toLowerCase() === receipt.prover.toLowerCase()) return "sent by the prover itself";
    if ((await provider.getCode(receipt.prover)) !== "0x")
      throw new CannotCheck("the prover is a contract: it says yes or no of today, not of then");
    const domain = typedDataDomain(chainId, deployment.addresses.receipts);
    same("signer", receipt.prover, verifyTypedData(domain, RECEIPT_TYPE, receipt, signature));
    return "signed by the prover";
  });

  await audit.check("dataset", async () => {
    const none = terms.dataset === 0n;
    const manifest = none ? ZeroHash : (await datasets.versionOf(terms.dataset, terms.datasetVersion)).manifestHash;
    same("manifest hash", receipt.datasetHash, manifest);
    return none ? "no dataset" : `dataset ${terms.dataset} version ${terms.datasetVersion}`;
  });
  if (terms.dataset !== 0n)
    await audit.check("manifest", async () => {
      await checkManifest(reader, terms.dataset, Number(terms.datasetVersion));
      return "the store has it, and it is what was registered";
    });
  const history = await readHistory(reader, receipt.job);
  await audit.check("consent", async () => {
    const { dataset, datasetVersion: version } = terms;
    if (dataset === 0n) {
      same("consent hash", receipt.consentHash, ZeroHash);
      return "no dataset";
    }
    const ref = { dataset, version, epoch: history.consentEpoch };
    const { computed, states } = await auditConsentRefs(reader, [ref], receipt.consentHash);
    same("consent hash", receipt.consentHash, computed);
    must("no consent stood at the lock", states[0]!.standing);
    return `dataset ${dataset} at epoch ${ref.epoch}`;
  });

  await audit.check("fee", () => {
    same("fee of the lock", history.fee, feeAt(terms, BigInt(history.elapsed)));
    same("fee paid", history.paid.fee, history.fee);
    return `${history.fee} after ${history.elapsed} s of a ramp of ${terms.ramp} s`;
  });
  await audit.check("payments", async () => {
    const { fee, collected, royalty, protocolFee, refund } = history.paid;
    const [rate, payees] = await Promise.all([inft.royaltyBpsOf(terms.model), inft.splitOf(terms.model)]);
    const split = payees as unknown as readonly { readonly bps: bigint }[];
    const whole = (fee * rate) / BPS;
    same("royalty", royalty, whole === 0n ? 0n : split.reduce((paid, { bps }) => paid + (whole * bps) / BPS, 0n));
    same("protocol's fee", protocolFee, (fee * job.protocolFeeBps) / BPS);
    same("collected collateral", collected, history.collected);
    same("refund", refund, requested.args.deposit - fee - royalty - protocolFee);
    return `fee ${fee}, collected ${collected}, royalty ${royalty}, protocol ${protocolFee}, refund ${refund}`;
  });
  await audit.check("execution trace", () => {
    throw new CannotCheck("the prover keeps it and its hash is the prover's word");
  });
  await audit.check("result", () => {
    throw new CannotCheck("where it lies is the prover's word");
  });
  return audit.report(subject);
}

const isListed = ({ provers }: JobTerms, prover: string): boolean =>
  provers.length === 0 || provers.some((one) => one.toLowerCase() === prover.toLowerCase());

async function findSettled(reader: AuditReader, claim: ReceiptClaim): Promise<Settled> {
  const { receipts } = reader.contracts;
  const filter =
    "digest" in claim
      ? receipts.filters.ReceiptSettled(undefined, claim.digest)
      : receipts.filters.ReceiptSettled("job" in claim ? claim.job : claim.receipt.job);
  // A job settles once.
  const [log] = await scanAll(reader, (from, to) => receipts.queryFilter(filter, from, to));
  if (log === undefined) throw new MedNexusError("NO_RECEIPT", "no settled receipt answers to this");
  const { digest, batch, receipt: raw } = log.args;
  return { receipt: receiptOf(raw as unknown as Result), digest, batch, log };
}

interface History {
  /** Of the lock that delivered. */
  readonly fee: bigint;
  readonly consentEpoch: bigint;
  /** Seconds that the job was open before it. */
  readonly elapsed: number;
  /** What expired locks left. */
  readonly collected: bigint;
  readonly paid: Record<"fee" | "collected" | "royalty" | "protocolFee" | "refund", bigint>;
}

/** A job's clock and money, replayed from its events and their blocks' times. Throws `EVENTS_MISSING` (retryable) unless they lead to a settlement. */
async function readHistory(reader: AuditReader, job: bigint): Promise<History> {
  const { compute } = reader.contracts;
  const names = [
    "JobRequested",
    "JobLocked",
    "JobAcknowledged",
    "JobAttested",
    "LockAbandoned",
    "LockExpired",
    "ReceiptRefuted",
    "JobSettled",
  ] as const;
  const found = await Promise.all(
    names.map((name) =>
      scanAll(reader, (from, to) => compute.queryFilter(compute.filters[name](job) as never, from, to)),
    ),
  );
  const events = (found.flat() as unknown as (Log & { eventName: string; args: Record<string, bigint> })[]).sort(
    (a, b) => a.blockNumber - b.blockNumber || a.index - b.index,
  );
  let [rampStart, lockedAt, until, elapsed] = [0, 0, 0, 0];
  let [fee, consentEpoch, collected] = [0n, 0n, 0n];
  let paid: History["paid"] | undefined;
  for (const { eventName, args, blockNumber } of events) {
    const at = (await reader.provider.getBlock(blockNumber))!.timestamp;
    if (eventName === "JobRequested") rampStart = at;
    else if (eventName === "JobLocked") {
      [lockedAt, until, elapsed] = [at, Number(args["until"]), at - rampStart];
      [fee, consentEpoch] = [args["fee"]!, args["consentEpoch"]!];
    } else if (eventName === "JobAcknowledged" || eventName === "JobAttested") until = Number(args["until"]);
    else if (eventName === "LockAbandoned" || eventName === "ReceiptRefuted") rampStart += at - lockedAt;
    else if (eventName === "LockExpired") {
      rampStart += until - lockedAt;
      collected += args["collected"]!;
    } else paid = args as unknown as History["paid"];
  }
  if (paid === undefined)
    throw new MedNexusError("EVENTS_MISSING", `job ${job}: its events lead to no settlement`, { retryable: true });
  return { fee, consentEpoch, elapsed, collected, paid };
}
