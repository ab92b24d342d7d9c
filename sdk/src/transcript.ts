/**
 * Every hash that two implementers must agree on. One rule: keccak256(abi.encode(TAG, …)) with a tag of its own per
 * purpose, never encodePacked; a challenge is that hash as an integer modulo r. Contracts recompute all of these from
 * their own state and never accept one from a caller.
 */
import { AbiCoder, id, keccak256, type TypedDataDomain, type TypedDataField } from "ethers";
import type { G1, G2 } from "./curve.ts";
import { FR_MODULUS } from "./field.ts";

/** A 0x-prefixed 32-byte hash. */
export type Hash = string;
/** A 0x-prefixed 20-byte address. */
export type Address = string;

const coder = AbiCoder.defaultAbiCoder();
const hash = (types: readonly string[], values: readonly unknown[]): Hash => keccak256(coder.encode(types, values));
const toChallenge = (digest: Hash): bigint => BigInt(digest) % FR_MODULUS;

const G1_TYPE = "tuple(uint256 x,uint256 y)";
const G2_TYPE = "tuple(uint256 xIm,uint256 xRe,uint256 yIm,uint256 yRe)";

/** TAG(name) = keccak256("mednexus.<name>.v1"). */
export const tag = (name: string): Hash => id(`mednexus.${name}.v1`);

/** What one update is bound to; the contract builds it from storage. */
export interface UpdateContext {
  readonly chainId: bigint;
  readonly roundManager: Address;
  readonly campaign: bigint;
  readonly round: bigint;
  /** C_M(t), the model commitment that the round starts from; infinity for the zero model. */
  readonly base: G1;
  readonly keyHash: Hash;
  readonly srsHash: Hash;
  readonly n: number;
  /** B_i², derived from the registry's counts. */
  readonly normBound2: bigint;
  /** S, committee size. */
  readonly nodes: number;
  /** t, privacy threshold. */
  readonly threshold: number;
  readonly institution: Address;
  readonly dataset: bigint;
  readonly datasetVersion: number;
  readonly consentEpoch: bigint;
  /** n̂_i = min(audited count, campaign cap). */
  readonly records: bigint;
}

const UPDATE_CONTEXT =
  `tuple(uint256 chainId,address roundManager,uint64 campaign,uint64 round,${G1_TYPE} base,bytes32 keyHash,` +
  "bytes32 srsHash,uint32 n,uint256 normBound2,uint8 nodes,uint8 threshold,address institution,uint64 dataset," +
  "uint32 datasetVersion,uint64 consentEpoch,uint64 records)";

/** What one aggregation is bound to, its payee and its maker's claims included. */
export interface AggregateContext {
  readonly chainId: bigint;
  readonly roundSettlement: Address;
  readonly campaign: bigint;
  readonly round: bigint;
  readonly model: bigint;
  readonly base: G1;
  readonly setHash: Hash;
  /** λ_t. */
  readonly lambda: bigint;
  readonly keyHash: Hash;
  readonly srsHash: Hash;
  readonly n: number;
  readonly payee: Address;
  readonly storageRoot: Hash;
  readonly artefactRoot: Hash;
}

const AGGREGATE_CONTEXT =
  `tuple(uint256 chainId,address roundSettlement,uint64 campaign,uint64 round,uint64 model,${G1_TYPE} base,` +
  "bytes32 setHash,uint256 lambda,bytes32 keyHash,bytes32 srsHash,uint32 n,address payee,bytes32 storageRoot," +
  "bytes32 artefactRoot)";

/** What an imported base model is bound to. */
export interface ImportContext {
  readonly chainId: bigint;
  readonly modelVersions: Address;
  readonly model: bigint;
  readonly keyHash: Hash;
  readonly srsHash: Hash;
  readonly n: number;
}

export const updateContextHash = (context: UpdateContext): Hash =>
  hash(["bytes32", UPDATE_CONTEXT], [tag("ctx"), context]);

/** r of an update: bound to the context, the commitment, its share polynomial, every ciphertext and h. */
export const linkChallenge = (ctx: Hash, c: G1, a: readonly G1[], shareManifest: Hash, h: bigint): bigint =>
  toChallenge(
    hash(
      ["bytes32", "bytes32", G1_TYPE, `${G1_TYPE}[]`, "bytes32", "uint256"],
      [tag("link"), ctx, c, a, shareManifest, h],
    ),
  );

/** ctxShare of node s (index + 1) under the ephemeral key E. */
export const shareContextHash = (ctx: Hash, c: G1, s: number, e: G1): Hash =>
  hash(["bytes32", "bytes32", G1_TYPE, "uint256", G1_TYPE], [tag("share"), ctx, c, s, e]);

/** What an institution's encryption key is proved for when it registers. */
export const keyContextHash = (chainId: bigint, institutionRegistry: Address, institution: Address): Hash =>
  hash(["bytes32", "uint256", "address", "address"], [tag("key"), chainId, institutionRegistry, institution]);

/** `bound` is a ctxShare for an ephemeral key, a key context for a registered one. */
export const schnorrChallenge = (bound: Hash, e: G1, nonce: G1): bigint =>
  toChallenge(hash(["bytes32", "bytes32", G1_TYPE, G1_TYPE], [tag("schnorr"), bound, e, nonce]));

export const dleqChallenge = (ctxShare: Hash, pk: G1, e: G1, k: G1, r1: G1, r2: G1): bigint =>
  toChallenge(
    hash(
      ["bytes32", "bytes32", G1_TYPE, G1_TYPE, G1_TYPE, G1_TYPE, G1_TYPE],
      [tag("dleq"), ctxShare, pk, e, k, r1, r2],
    ),
  );

/** Digest of what member → node s sends: ephemeral key, its Schnorr proof (R, z), and the chunks. */
export const ciphertextDigest = (s: number, e: G1, r: G1, z: bigint, chunkHashes: readonly Hash[]): Hash =>
  hash(["bytes32", "uint256", G1_TYPE, G1_TYPE, "uint256", "bytes32[]"], [tag("cipher"), s, e, r, z, chunkHashes]);

/** Digests in node order. */
export const shareManifestHash = (digests: readonly Hash[]): Hash =>
  hash(["bytes32", "bytes32[]"], [tag("manifest"), digests]);

/** Where a share posted under a complaint is opened. */
export const shareEvaluationPoint = (ctxShare: Hash, digest: Hash, k: G1): bigint =>
  toChallenge(hash(["bytes32", "bytes32", "bytes32", G1_TYPE], [tag("eval"), ctxShare, digest, k]));

export const memberKey = (institution: Address, c: G1): Hash => hash(["address", G1_TYPE], [institution, c]);

/** The frozen set: keys of the included members in submission order. */
export const setHash = (chainId: bigint, roundManager: Address, round: bigint, memberKeys: readonly Hash[]): Hash =>
  hash(
    ["bytes32", "uint256", "address", "uint64", "bytes32[]"],
    [tag("set"), chainId, roundManager, round, memberKeys],
  );

/** Digest of the sum X^(s) that node s owes for a frozen set. */
export const sumDigest = (round: bigint, s: number, set: Hash, chunkHashes: readonly Hash[]): Hash =>
  hash(["bytes32", "uint64", "uint256", "bytes32", "bytes32[]"], [tag("sum"), round, s, set, chunkHashes]);

/** Where a posted sum is opened. */
export const sumEvaluationPoint = (digest: Hash): bigint =>
  toChallenge(hash(["bytes32", "bytes32"], [tag("sumEval"), digest]));

export const aggregateContextHash = (context: AggregateContext): Hash =>
  hash(["bytes32", AGGREGATE_CONTEXT], [tag("agg"), context]);

/** r_M: bound to ctx_M (or an import's `importAggregateHash`), the new model commitment and h_M. */
export const aggregateChallenge = (ctxM: Hash, model: G1, h: bigint): bigint =>
  toChallenge(hash(["bytes32", "bytes32", G1_TYPE, "uint256"], [tag("aggLink"), ctxM, model, h]));

export const importContextHash = (context: ImportContext): Hash =>
  hash(
    ["bytes32", "uint256", "address", "uint64", "bytes32", "bytes32", "uint32"],
    [tag("import"), context.chainId, context.modelVersions, context.model, context.keyHash, context.srsHash, context.n],
  );

/** r of an imported base's `update` proof: a link challenge with no shares. */
export const importChallenge = (ctxI: Hash, c: G1, h: bigint): bigint =>
  linkChallenge(ctxI, c, [], `0x${"00".repeat(32)}`, h);

/** The context of an imported base's `aggregate` proof. */
export const importAggregateHash = (ctxI: Hash): Hash => hash(["bytes32", "bytes32"], [tag("importAgg"), ctxI]);

/** A Groth16 verifying key as the registry stores it. */
export interface VerifyingKey {
  readonly alpha: G1;
  readonly beta: G2;
  readonly gamma: G2;
  readonly delta: G2;
  /** One point a public input, after the constant one. */
  readonly ic: readonly G1[];
}

/** Identity of a circuit of size n: ties circuit, contract and prover to one verifying key. */
export const keyHash = (circuit: string, n: number, key: VerifyingKey): Hash =>
  hash(
    ["bytes32", "uint32", G1_TYPE, G2_TYPE, G2_TYPE, G2_TYPE, `${G1_TYPE}[]`],
    [id(circuit), n, key.alpha, key.beta, key.gamma, key.delta, key.ic],
  );

export const srsHash = (tauG1: G1, tauG2: G2): Hash => hash([G1_TYPE, G2_TYPE], [tauG1, tauG2]);

/** A Groth16 proof; B in EIP-197 order. */
export interface Proof {
  readonly a: G1;
  readonly b: G2;
  readonly c: G1;
}

/** Leaf of one subject's grant; the salt keeps subjects unlinkable across datasets. */
export const grantLeaf = (dataset: bigint, datasetVersion: number, subjectKey: Address, salt: Hash): Hash =>
  hash(
    ["bytes32", "uint64", "uint32", "address", "bytes32"],
    [tag("grant"), dataset, datasetVersion, subjectKey, salt],
  );

/** Leaf of the tree of all (ancestor, descendant) pairs of a MONDO release; terms are keccak256 of their CURIEs. */
export const mondoLeaf = (ancestor: Hash, descendant: Hash): Hash =>
  hash(["bytes32", "bytes32", "bytes32"], [tag("mondo"), ancestor, descendant]);

/** What somebody wants data for; see Purpose in the contracts. */
export interface Purpose {
  /** DUO: 4 NRES, 6 HMB, 7 DS, 11 POA, 42 GRU. */
  readonly permission: number;
  /** Bitmap 1 << DUO code of the modifiers that the user claims to satisfy. */
  readonly modifiers: bigint;
  /** keccak256 of the MONDO CURIE; zero unless the permission is DS. */
  readonly disease: Hash;
  /** keccak256 of the ISO 3166-1 alpha-2 code; zero: unspecified. */
  readonly region: Hash;
  /** keccak256 of the project's id; zero: unspecified. */
  readonly project: Hash;
  readonly user: Address;
}

/** What an ethics approval is recorded for. */
export const purposeHash = (purpose: Purpose): Hash =>
  hash(
    ["bytes32", "tuple(uint8 permission,uint64 modifiers,bytes32 disease,bytes32 region,bytes32 project,address user)"],
    [tag("purpose"), purpose],
  );

/** One state of one dataset's consent: its epoch rises with every change of terms or grants and every revocation. */
export interface ConsentRef {
  readonly dataset: bigint;
  readonly version: number;
  readonly epoch: bigint;
}

/**
 * Under which consents a model version or a receipt came about. Order counts: members of the frozen set in submission
 * order, datasets of a receipt in the order that it lists them. `registry`: the ConsentRegistry whose epochs these are.
 */
export const consentSetHash = (chainId: bigint, registry: Address, refs: readonly ConsentRef[]): Hash =>
  hash(
    ["bytes32", "uint256", "address", "tuple(uint64 dataset,uint32 version,uint64 epoch)[]"],
    [tag("consentSet"), chainId, registry, refs],
  );

/** EIP-712 domain of one of the protocol's contracts. */
export const typedDataDomain = (chainId: bigint, verifyingContract: Address): TypedDataDomain => ({
  name: "MedNexus",
  version: "1",
  chainId,
  verifyingContract,
});

/** A committee node's word for one frozen set; verifyingContract NodeSums. Two different ones are slashed. */
export const SET_SIGNATURE: Record<string, TypedDataField[]> = {
  SetSignature: [
    { name: "round", type: "uint64" },
    { name: "setHash", type: "bytes32" },
  ],
};

/** A subject's withdrawal of one grant; verifyingContract ConsentRegistry. */
export const REVOCATION: Record<string, TypedDataField[]> = {
  Revocation: [
    { name: "dataset", type: "uint64" },
    { name: "leaf", type: "bytes32" },
  ],
};

/** A model owner's approval of a campaign's terms; verifyingContract CampaignRegistry. */
export const CAMPAIGN_APPROVAL: Record<string, TypedDataField[]> = {
  CampaignApproval: [
    { name: "model", type: "uint64" },
    { name: "termsHash", type: "bytes32" },
    { name: "sponsor", type: "address" },
    { name: "nonce", type: "uint256" },
    { name: "deadline", type: "uint64" },
  ],
};

/** Where a sealed model key is valid: the `sequence`-th sealing of one model's key, for one holder, in one registry. */
export interface SealPlace {
  readonly chainId: bigint;
  /** the contract that keeps the sealed key */
  readonly registry: Address;
  readonly model: bigint;
  readonly holder: Address;
  /** 0 at mint, then one more with every accepted sealing */
  readonly sequence: bigint;
}

/** `binding` of a sealed key: Solidity's Transcript.sealBinding. */
export const sealBinding = ({ chainId, registry, model, holder, sequence }: SealPlace): bigint =>
  toChallenge(
    hash(
      ["bytes32", "uint256", "address", "uint64", "address", "uint64"],
      [tag("seal"), chainId, registry, model, holder, sequence],
    ),
  );
