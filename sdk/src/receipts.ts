/**
 * Receipts of compute jobs: what a prover signs, what identifies a job's terms, and how settled receipts are found again in their Merkle batch.
 * JobReceipts and ComputeMarket recompute every hash here.
 */
import { AbiCoder, keccak256, TypedDataEncoder, type TypedDataField } from "ethers";
import { z } from "zod";
import { computeMarketAbi, jobReceiptsAbi } from "./generated/abi/index.ts";
import { MedNexusError } from "./errors.ts";
import { merkleProof, merkleRoot, verifyMerkleProof } from "./merkle.ts";
import { type Address, type Hash, type Proof, tag, typedDataDomain } from "./transcript.ts";

const coder = AbiCoder.defaultAbiCoder();

/** EIP-712 type of a receipt; domain `typedDataDomain(chainId, JobReceipts)`. */
export const RECEIPT_TYPE: Record<string, TypedDataField[]> = {
  Receipt: [
    { name: "job", type: "uint64" },
    { name: "termsHash", type: "bytes32" },
    { name: "model", type: "uint64" },
    { name: "modelVersion", type: "uint32" },
    { name: "datasetHash", type: "bytes32" },
    { name: "consentHash", type: "bytes32" },
    { name: "inputCommitment", type: "uint256" },
    { name: "outputCommitment", type: "bytes32" },
    { name: "executionHash", type: "bytes32" },
    { name: "resultUriHash", type: "bytes32" },
    { name: "startedAt", type: "uint64" },
    { name: "endedAt", type: "uint64" },
    { name: "prover", type: "address" },
  ],
};

const bytes32 = z.string().regex(/^0x[0-9a-f]{64}$/, "32 bytes as lower-case hex");
const address = z.string().regex(/^0x[0-9a-fA-F]{40}$/, "an address of 20 hex bytes");
const uint = (bits: number) =>
  z
    .union([z.bigint(), z.string().regex(/^\d+$/).transform(BigInt)])
    .refine((value) => value >= 0n && value >> BigInt(bits) === 0n, `an unsigned integer of ${bits} bits`);

const receiptSchema = z.strictObject({
  job: uint(64),
  termsHash: bytes32,
  model: uint(64),
  modelVersion: uint(32),
  datasetHash: bytes32,
  consentHash: bytes32,
  inputCommitment: uint(256),
  outputCommitment: bytes32,
  executionHash: bytes32,
  resultUriHash: bytes32,
  startedAt: uint(64),
  endedAt: uint(64),
  prover: address,
});

/** What a prover says of one job; see Market.sol for each field. Times in unix seconds. */
export type Receipt = z.output<typeof receiptSchema>;

/** Reads a receipt from JSON (integers as decimal strings). Throws `BAD_RECEIPT` naming the first wrong field. */
export function parseReceipt(json: unknown): Receipt {
  const parsed = receiptSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new MedNexusError("BAD_RECEIPT", `receipt: ${issue?.path.join(".") || "root"}: ${issue?.message}`);
}

/** The EIP-712 digest: what is signed, and the leaf of the batch. */
export const receiptDigest = (chainId: bigint, receipts: Address, receipt: Receipt): Hash =>
  TypedDataEncoder.hash(typedDataDomain(chainId, receipts), RECEIPT_TYPE, receipt);

/** keccak256(abi.encode(TAG("output"), decision, score)). It binds and does not hide: outputs are few. */
export const outputCommitment = (decision: bigint, score: bigint): Hash =>
  keccak256(coder.encode(["bytes32", "uint256", "uint256"], [tag("output"), decision, score]));

const termsParameter = computeMarketAbi.find((item) => item.type === "function" && item.name === "request")!.inputs[0];

/** keccak256(abi.encode(terms)), by which ComputeMarket knows a job's terms; `terms` with the fields of JobTerms in Market.sol. */
export function jobTermsHash(terms: Readonly<Record<string, unknown>>): Hash {
  return keccak256(coder.encode([describe(termsParameter as Parameter)], [terms]));
}

interface Parameter {
  readonly name: string;
  readonly type: string;
  readonly components?: readonly Parameter[];
}
const describe = ({ name, type, components }: Parameter): string =>
  components === undefined
    ? `${type} ${name}`
    : `tuple(${components.map(describe).join(",")})${type.slice("tuple".length)} ${name}`;

const outputParameter = jobReceiptsAbi.find((item) => item.type === "function" && item.name === "challenge")!.inputs[2];

/** An output and the proof of it, as `challenge` takes them. */
export interface ProvenOutput {
  readonly decision: bigint;
  readonly score: bigint;
  readonly proof: Proof;
}

/** First step of a challenge: what is committed at least a block before the proof is shown. `salt`: 32 random bytes. */
export const challengeCommitment = (challenger: Address, job: bigint, output: ProvenOutput, salt: Hash): Hash =>
  keccak256(
    coder.encode(
      ["address", "uint64", describe(outputParameter as Parameter), "bytes32"],
      [challenger, job, output, salt],
    ),
  );

/** Root of a batch of settled receipts, by their digests in the order of their events. Throws EncodingError EMPTY_TREE. */
export const receiptRoot = (digests: readonly Hash[]): Hash => merkleRoot(digests);

/** Siblings that show the digest at `index` in its batch. Throws EncodingError LEAF_INDEX. */
export const receiptInclusion = (digests: readonly Hash[], index: number): Hash[] => merkleProof(digests, index);

export const verifyReceiptInclusion = (root: Hash, digest: Hash, proof: readonly Hash[]): boolean =>
  verifyMerkleProof(root, digest, proof);
