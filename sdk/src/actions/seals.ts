/**
 * Sealed model tokens: sealing, and handing the key over with the token.
 *
 *   creator    mintModel(…)                                       show SEAL_PROMISE to whoever mints in order to seal
 *   owner      sealWeights(…)                                     once, and again with fresh data and key
 *   receiver   offer = readSealOffer(…); consent = signSealConsent(offer, …)
 *   owner      witness = rekeyFor(…); proof by the circuit `rekey`; transferSealed(…, rekeyedProof(…))
 *   receiver   readModelKey(…)                                    then contentKey(k) decrypts the data
 *
 * The receiver signs before it sees the sealed key, which the transfer makes public: neither can run off with the other's half.
 * An old owner, and anybody it told, keeps the key and the data for ever: a sale adds a reader and removes none.
 */
import { AbiCoder, type Signer, type TypedDataField } from "ethers";
import type { Deployment } from "../deployment.ts";
import { aggregateHash } from "../encoding.ts";
import { MedNexusError } from "../errors.ts";
import type { RekeyWitness } from "../prover.ts";
import { type RandomBytes, systemRandom } from "../random.ts";
import {
  modelKeyHash,
  openModelKey,
  randomModelKey,
  rekey,
  type SealedKey,
  sealModelKey,
  type SealPublicKey,
} from "../sealed.ts";
import { storeSealedModel } from "../storage/sealedModel.ts";
import type { BlobStore } from "../storage/store.ts";
import { type Address, type Hash, type Proof, sealBinding, typedDataDomain } from "../transcript.ts";
import { type Contracts, eventArgs, execute, type Executed } from "./client.ts";

/**
 * What whoever mints to seal, seals, sells or buys a sealed model is told before it signs, by every command that does it (ModelINFT): show it wherever you call
 * mintModel, sealWeights, sealModel, signSealConsent, transferSealed or cloneSealed.
 */
export const SEAL_PROMISE: readonly string[] = [
  "what the seal promises: whoever receives the token by proof can open the key behind its key hash",
  "what it cannot: earlier owners, and anybody they told, keep key and data for ever; a sale adds a reader and removes none",
  "nobody proves that the data are a good model, or the one that was advertised: judge that before you sign",
  "a model trained in open campaigns is known to whoever holds t + 1 node sums, so it cannot be sealed",
];

const coder = AbiCoder.defaultAbiCoder();
const ORDER = "tuple(uint64 model,address from,address to,bool clone,uint64 sequence,uint64 deadline)";
const PROOF =
  "tuple(tuple(uint256 x,uint256 y) a,tuple(uint256 xIm,uint256 xRe,uint256 yIm,uint256 yRe) b,tuple(uint256 x,uint256 y) c)";

/** What one sealing is for; Solidity's SealOrder. */
export interface SealOrder {
  readonly model: bigint;
  /** the present owner */
  readonly from: Address;
  readonly to: Address;
  /** false: the token moves; true: another token is minted */
  readonly clone: boolean;
  /** of the new sealing: one more than the token's last */
  readonly sequence: bigint;
  /** unix seconds, the last one at which it is valid */
  readonly deadline: bigint;
}

/** What the receiver agrees to receive. */
export interface SealOffer {
  readonly order: SealOrder;
  readonly oldDataHash: Hash;
  /** equal to oldDataHash unless an attested enclave has encrypted the data anew */
  readonly newDataHash: Hash;
  readonly keyHash: bigint;
  /** the Baby Jubjub key for which the receiver wants the model's key sealed */
  readonly receiver: SealPublicKey;
}

/** ERC-7857's TransferValidityProof. */
export interface TransferProof {
  readonly accessProof: {
    oldDataHash: Hash;
    newDataHash: Hash;
    nonce: string;
    encryptedPubKey: string;
    proof: string;
  };
  readonly ownershipProof: {
    oracleType: bigint;
    oldDataHash: Hash;
    newDataHash: Hash;
    sealedKey: string;
    encryptedPubKey: string;
    nonce: string;
    proof: string;
  };
}

/** The receiver's consent; verifyingContract SealedTransfers. */
export const SEALED_CONSENT: Record<string, TypedDataField[]> = {
  SealedConsent: [
    { name: "model", type: "uint64" },
    { name: "from", type: "address" },
    { name: "to", type: "address" },
    { name: "clone", type: "bool" },
    { name: "sequence", type: "uint64" },
    { name: "deadline", type: "uint64" },
    { name: "oldDataHash", type: "bytes32" },
    { name: "newDataHash", type: "bytes32" },
    { name: "keyHash", type: "uint256" },
    { name: "keyX", type: "uint256" },
    { name: "keyY", type: "uint256" },
  ],
};

/** An enclave's word for a sealing, `consent` being the digest of the receiver's; verifyingContract SealedTransfers. */
export const SEALED_ATTESTATION: Record<string, TypedDataField[]> = {
  SealedAttestation: [
    { name: "consent", type: "bytes32" },
    { name: "ex", type: "uint256" },
    { name: "ey", type: "uint256" },
    { name: "c", type: "uint256" },
  ],
};

export const sealDomain = (deployment: Deployment) =>
  typedDataDomain(BigInt(deployment.chainId), deployment.addresses.transfers);

export const consentMessage = ({ order, receiver, ...rest }: SealOffer) => ({
  ...order,
  ...rest,
  keyX: receiver.x,
  keyY: receiver.y,
});

/** `binding` of the `sequence`-th sealing of `model`, for `holder` (SealedKeys). */
export const bindingOf = (deployment: Deployment, model: bigint, holder: Address, sequence: bigint): bigint =>
  sealBinding({ chainId: BigInt(deployment.chainId), registry: deployment.addresses.inft, model, holder, sequence });

/** The present seal of a model. Throws `NOT_SEALED`. */
export async function readSeal(contracts: Pick<Contracts, "inft">, model: bigint) {
  const { dataHash, keyHash, key, holder, binding, sequence } = await contracts.inft.sealOf(model);
  if (sequence === 0n) throw new MedNexusError("NOT_SEALED", `model ${model} is not sealed`);
  const sealed: SealedKey = { ex: key.ex, ey: key.ey, c: key.c };
  return { dataHash, keyHash, key: sealed, holder: { x: holder.x, y: holder.y }, binding, sequence };
}

/** What can be offered of a model now, with its data as they are. Throws `NOT_SEALED`. */
export async function readSealOffer(
  contracts: Pick<Contracts, "inft">,
  request: { model: bigint; to: Address; receiver: SealPublicKey; deadline: bigint; clone?: boolean },
): Promise<SealOffer> {
  const { model, to, receiver, deadline, clone = false } = request;
  const current = await readSeal(contracts, model);
  const from = await contracts.inft.ownerOfModel(model);
  return {
    order: { model, from, to, clone, sequence: current.sequence + 1n, deadline },
    oldDataHash: current.dataHash,
    newDataHash: current.dataHash,
    keyHash: current.keyHash,
    receiver,
  };
}

/** The receiver's, or its assistant's, signature. Look at the data and at what is paid for them first. */
export const signSealConsent = (signer: Signer, deployment: Deployment, offer: SealOffer): Promise<string> =>
  signer.signTypedData(sealDomain(deployment), SEALED_CONSENT, consentMessage(offer));

/**
 * Mints a plain token to `to`; its model id. Signer: the creator. Royalty (<= 1,000 basis points), split (1 to 8 payees, 10,000 basis points in all) and
 * runtimeHash, of the runtime spec, are fixed for ever. What sealing it will promise, and what not: SEAL_PROMISE, to be said before it is minted.
 */
export async function mintModel(
  contracts: Pick<Contracts, "inft">,
  request: {
    to: Address;
    royaltyBps: bigint;
    split: readonly { readonly account: Address; readonly bps: bigint }[];
    runtimeHash: Hash;
    uri: string;
  },
): Promise<Executed & { model: bigint }> {
  const { to, royaltyBps, split, runtimeHash, uri } = request;
  const sent = await execute(contracts.inft.mint, [to, royaltyBps, [...split], runtimeHash, uri]);
  return { ...sent, model: eventArgs(sent, "ModelMinted").model as bigint };
}

/**
 * Encrypts M̃ ‖ P̃ into `store` under a fresh key and seals that for the owner (signer of `contracts`), first or anew. Say SEAL_PROMISE first.
 * Errors: `WRONG_WEIGHTS`: another vector than the one behind the model's latest version, where it has one.
 */
export async function sealWeights(
  context: {
    readonly contracts: Pick<Contracts, "inft" | "versions">;
    readonly deployment: Deployment;
    readonly store: BlobStore;
    readonly random?: RandomBytes;
  },
  request: { model: bigint; vector: readonly bigint[]; holder: SealPublicKey },
): Promise<Executed & { dataHash: Hash; key: bigint }> {
  const { contracts, deployment, store, random = systemRandom } = context;
  const { model, vector, holder } = request;
  const [owner, schema, { n }] = await Promise.all([
    contracts.inft.ownerOfModel(model),
    contracts.inft.runtimeHashOf(model),
    contracts.versions.lineageOf(model),
  ]);
  if (n !== 0n && (await contracts.versions.latestOf(model))[1].h !== aggregateHash(vector))
    throw new MedNexusError("WRONG_WEIGHTS", `these are not the weights of model ${model}'s latest version`);
  const key = randomModelKey(random);
  const facts = { chainId: deployment.chainId, registry: deployment.addresses.inft, owner, schema };
  const dataHash = await storeSealedModel(store, key, vector, facts, random);
  return { ...(await sealModel(contracts, deployment, { model, dataHash, key, holder }, random)), dataHash, key };
}

/** Seals k for its owner (signer of `contracts`), first or anew. `key` fresh: randomModelKey(). Say SEAL_PROMISE first. */
export async function sealModel(
  contracts: Pick<Contracts, "inft">,
  deployment: Deployment,
  request: { model: bigint; dataHash: Hash; key: bigint; holder: SealPublicKey },
  random: RandomBytes = systemRandom,
): Promise<Executed> {
  const { model, dataHash, key, holder } = request;
  const [owner, { sequence }] = await Promise.all([contracts.inft.ownerOfModel(model), contracts.inft.sealOf(model)]);
  const sealed = sealModelKey(key, holder, bindingOf(deployment, model, owner, sequence + 1n), random);
  return execute(contracts.inft.seal, [model, dataHash, modelKeyHash(key), sealed, holder]);
}

/** What to prove so that the offer's receiver gets the key. Throws as `rekey`. */
export async function rekeyFor(
  contracts: Pick<Contracts, "inft">,
  deployment: Deployment,
  offer: SealOffer,
  secret: bigint,
  random: RandomBytes = systemRandom,
): Promise<RekeyWitness> {
  const current = await readSeal(contracts, offer.order.model);
  const { model, to, sequence } = offer.order;
  return rekey(
    {
      secret,
      current: current.key,
      currentBinding: current.binding,
      keyHash: current.keyHash,
      receiver: offer.receiver,
      nextBinding: bindingOf(deployment, model, to, sequence),
    },
    random,
  );
}

function transferProof(
  offer: SealOffer,
  key: SealedKey,
  consent: string,
  oracleType: bigint,
  proof: string,
): TransferProof {
  const { order, oldDataHash, newDataHash, keyHash, receiver } = offer;
  const nonce = coder.encode([ORDER], [order]);
  const encryptedPubKey = coder.encode(["uint256", "uint256"], [receiver.x, receiver.y]);
  const sealedKey = coder.encode(["uint256", "uint256", "uint256", "uint256"], [key.ex, key.ey, key.c, keyHash]);
  const data = { oldDataHash, newDataHash, nonce, encryptedPubKey };
  return {
    accessProof: { ...data, proof: consent },
    ownershipProof: { oracleType, ...data, sealedKey, proof },
  };
}

/** By the circuit `rekey`: `key` is the witness's `next`, `verifier` the id of its key. */
export const rekeyedProof = (
  offer: SealOffer,
  key: SealedKey,
  consent: string,
  verifier: bigint,
  proof: Proof,
): TransferProof => transferProof(offer, key, consent, 1n, coder.encode(["uint32", PROOF], [verifier, proof]));

/** By a listed enclave's signature over SEALED_ATTESTATION. It rests on the hardware, not on a proof. */
export const attestedProof = (
  offer: SealOffer,
  key: SealedKey,
  consent: string,
  attestor: bigint,
  signature: string,
): TransferProof => transferProof(offer, key, consent, 0n, coder.encode(["uint32", "bytes"], [attestor, signature]));

/** Moves the token with its key. Signer: owner or approved. Say SEAL_PROMISE first. */
export const transferSealed = (
  contracts: Pick<Contracts, "inft">,
  offer: SealOffer,
  proof: TransferProof,
): Promise<Executed> => execute(contracts.inft.iTransfer, [offer.order.to, offer.order.model, [proof]]);

/** Mints a clone to the receiver; its model id. Signer: owner or approved. Say SEAL_PROMISE first. */
export async function cloneSealed(
  contracts: Pick<Contracts, "inft">,
  offer: SealOffer,
  proof: TransferProof,
): Promise<Executed & { model: bigint }> {
  const sent = await execute(contracts.inft.iClone, [offer.order.to, offer.order.model, [proof]]);
  return { ...sent, model: eventArgs(sent, "Cloned").newTokenId as bigint };
}

/** The owner's: k of its model. Throws `NOT_SEALED`, or as `openModelKey`. */
export async function readModelKey(contracts: Pick<Contracts, "inft">, model: bigint, secret: bigint): Promise<bigint> {
  const current = await readSeal(contracts, model);
  return openModelKey(current.key, secret, current.binding, current.keyHash);
}

/** Until when (unix seconds, inclusive) `user` may use the model; without it, for as long as its owner stays the same. */
export const authorizeUsage = (
  contracts: Pick<Contracts, "inft">,
  model: bigint,
  user: Address,
  expiresAt: bigint = 2n ** 64n - 1n,
): Promise<Executed> => execute(contracts.inft.authorizeUsageUntil, [model, user, expiresAt]);

export const revokeUsage = (contracts: Pick<Contracts, "inft">, model: bigint, user: Address): Promise<Executed> =>
  execute(contracts.inft.revokeAuthorization, [model, user]);
