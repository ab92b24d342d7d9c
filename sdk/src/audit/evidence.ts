/** What settled a receipt: the words and proofs in the transactions that carried them, called directly on JobReceipts. */
import { p256 } from "@noble/curves/nist.js";
import { computeAddress, getBytes, id, recoverAddress, type Result, type TransactionResponse } from "ethers";
import type { JobTerms } from "../actions/jobs.ts";
import { type Receipt, RECEIPT_TYPE, receiptDigest } from "../receipts.ts";
import type { Hash, Proof } from "../transcript.ts";
import { type AuditReader, scanAll } from "./reader.ts";
import { CannotCheck, must, same } from "./report.ts";

export const FIELDS = RECEIPT_TYPE["Receipt"]!.map(({ name }) => name as keyof Receipt);
/** IAttestationRegistry.Algorithm */
const [SECP256K1, P256] = [1n, 2n];

export const receiptOf = (raw: Result): Receipt =>
  Object.fromEntries(FIELDS.map((field) => [field, raw[field]])) as unknown as Receipt;

/** The prover's word for its receipt, and the output with its proof, or what an attestor signed. */
export interface Evidence {
  readonly signature: string;
  readonly from: string;
  readonly proven?: { readonly decision: bigint; readonly score: bigint; readonly proof: Proof };
  readonly attestation?: string;
}

/** From the log of ReceiptAttested where there is one. */
export interface Attested {
  readonly attestor: bigint;
  readonly blockNumber: number;
  readonly transactionHash: Hash;
}

export async function findAttested(reader: AuditReader, job: bigint, digest: Hash): Promise<Attested | undefined> {
  const { receipts } = reader.contracts;
  const [log] = await scanAll(reader, (from, to) =>
    receipts.queryFilter(receipts.filters.ReceiptAttested(job, digest), from, to),
  );
  return log && { attestor: log.args.attestor, blockNumber: log.blockNumber, transactionHash: log.transactionHash };
}

/** undefined: it came through another contract. */
export function evidenceOf(
  { contracts, deployment }: AuditReader,
  tx: TransactionResponse,
  digest: Hash,
): Evidence | undefined {
  const { receipts } = contracts;
  if (tx.to?.toLowerCase() !== deployment.addresses.receipts.toLowerCase()) return undefined;
  const call = receipts.interface.parseTransaction(tx);
  const { from } = tx;
  const isIt = (receipt: Result): boolean =>
    receiptDigest(BigInt(deployment.chainId), deployment.addresses.receipts, receiptOf(receipt)) === digest;
  if (call?.name === "attest") {
    const { receipt, proverSignature, attestation } = call.args;
    return isIt(receipt as Result) ? { signature: proverSignature, from, attestation } : undefined;
  }
  if (call?.name !== "settle" && call?.name !== "settleBatch") return undefined;
  const items = (call.name === "settle" ? [call.args[0]] : [...(call.args[0] as Result)]) as readonly Result[];
  const item = items.find(({ receipt }) => isIt(receipt as Result));
  if (item === undefined) return undefined;
  const { output, signature } = item as unknown as {
    signature: string;
    output: { decision: bigint; score: bigint; proof: Proof };
  };
  const { a, b, c } = output.proof;
  const proof: Proof = {
    a: { x: a.x, y: a.y },
    b: { xIm: b.xIm, xRe: b.xRe, yIm: b.yIm, yRe: b.yRe },
    c: { x: c.x, y: c.y },
  };
  return { signature, from, proven: { decision: output.decision, score: output.score, proof } };
}

/** A key that the job accepts, listed for receipts and not revoked when it was used, has signed the digest. */
export async function checkAttestation(
  reader: AuditReader,
  terms: JobTerms,
  { attestor, blockNumber }: Attested,
  digest: Hash,
  signature: string | undefined,
): Promise<void> {
  const { attestations } = reader.contracts;
  must(`the job does not accept attestor ${attestor}`, terms.attesters.includes(Number(attestor)));
  const { kind, algorithm, x, y, listedAt } = await attestations.attestorOf(attestor);
  same("what the attestor's key is listed for", kind, id("compute"));
  const at = (await reader.provider.getBlock(blockNumber))!.timestamp;
  must("the attestor's key was listed later", listedAt <= BigInt(at));
  const revoked = await scanAll(reader, (from, to) =>
    attestations.queryFilter(attestations.filters.AttestorRevoked(attestor), from, to),
  );
  must(
    "the attestor's key had been revoked",
    revoked.every((log) => log.blockNumber >= blockNumber),
  );
  if (signature === undefined) throw new CannotCheck("attested through another contract: no signature to be seen");
  must("the attestor's signature does not verify", isAttested(algorithm, x, y, digest, signature));
}

/** As AttestationRegistry.isValid: secp256k1 over 65 bytes, P-256 over 64, low s both. */
function isAttested(algorithm: bigint, x: Hash, y: Hash, digest: Hash, signature: string): boolean {
  const point = `0x04${x.slice(2)}${y.slice(2)}`;
  try {
    if (algorithm === SECP256K1) return recoverAddress(digest, signature) === computeAddress(point);
    if (algorithm !== P256) return false;
    return p256.verify(getBytes(signature), getBytes(digest), getBytes(point), { prehash: false, lowS: true });
  } catch {
    return false; // not even of the form
  }
}

/** Nobody could settle it before it could have been contradicted. Returns the window's last second. */
export async function checkWindow(
  reader: AuditReader,
  terms: JobTerms,
  { blockNumber }: Attested,
  job: bigint,
  digest: Hash,
  settledIn: number,
): Promise<number> {
  const { compute } = reader.contracts;
  const [attestedAt, settledAt] = await Promise.all(
    [blockNumber, settledIn].map(async (number) => (await reader.provider.getBlock(number))!.timestamp),
  );
  const events = await scanAll(reader, (from, to) => compute.queryFilter(compute.filters.JobAttested(job), from, to));
  const event = events.find(({ args }) => args.digest === digest);
  must("the market knows of no such attestation", event !== undefined);
  const until = attestedAt! + Number(terms.challengeWindow);
  same("end of the challenge window", event!.args.until, until);
  must("settled before its challenge window was over", settledAt! > until);
  return until;
}
