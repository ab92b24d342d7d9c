/**
 * Shares travel under ECIES on G1 with a fresh ephemeral key per member, node and context. The scheme is built to be
 * judged on chain: the member proves that it knows e, and a node that complains reveals K = sk·E for this one
 * ciphertext with a proof, which tells nothing about its other keys.
 */
import { keccak_256 } from "@noble/hashes/sha3.js";
import { getBytes } from "ethers";
import { bytesToBigint, writeWord } from "./bytes.ts";
import { assertG1, type Curve, equalG1, type G1, G1_GENERATOR } from "./curve.ts";
import { chunkHashes } from "./encoding.ts";
import { CipherError } from "./errors.ts";
import { Fr, FR_MODULUS } from "./field.ts";
import { randomNonZeroFr, type RandomBytes } from "./random.ts";
import { assertNode, type Share } from "./shares.ts";
import { ciphertextDigest, dleqChallenge, type Hash, schnorrChallenge, shareContextHash } from "./transcript.ts";

/** A node's encryption key: PK = sk·G, sk in [1, r). */
export interface KeyPair {
  readonly secret: bigint;
  readonly publicKey: G1;
}

/** Knowledge of log_G P: zG = R + cP. */
export interface SchnorrProof {
  readonly r: G1;
  readonly z: bigint;
}

/** log_G PK = log_E K: zG = R1 + c·PK and zE = R2 + c·K. */
export interface DleqProof {
  readonly r1: G1;
  readonly r2: G1;
  readonly z: bigint;
}

/** One share, encrypted to one node. */
export interface Ciphertext {
  readonly s: number;
  readonly e: G1;
  readonly proof: SchnorrProof;
  /** n + 4 words x_j + mask_j. */
  readonly words: readonly bigint[];
}

/** What a complaining node shows: the shared point of one ciphertext, proved. */
export interface KeyReveal {
  readonly k: G1;
  readonly proof: DleqProof;
}

export function generateKeyPair(curve: Curve, random?: RandomBytes): KeyPair {
  const secret = randomNonZeroFr(random);
  return { secret, publicKey: curve.mul(G1_GENERATOR, secret) };
}

/** Proves knowledge of a secret key, bound to `bound`: a ctxShare, or a `keyContextHash` when a key is registered. */
export function proveKey(curve: Curve, keys: KeyPair, bound: Hash, random?: RandomBytes): SchnorrProof {
  const nonce = generateKeyPair(curve, random);
  const c = schnorrChallenge(bound, keys.publicKey, nonce.publicKey);
  return { r: nonce.publicKey, z: Fr.from(nonce.secret + c * keys.secret) };
}

/** False, not an error, for points off the curve or at infinity and for a z at or above r: they come from others. */
export function verifyKey(curve: Curve, publicKey: G1, bound: Hash, proof: SchnorrProof): boolean {
  if (!areKeys(publicKey, proof.r) || !Fr.isCanonical(proof.z)) return false;
  const c = schnorrChallenge(bound, publicKey, proof.r);
  return equalG1(curve.mul(G1_GENERATOR, proof.z), curve.add(proof.r, curve.mul(publicKey, c)));
}

/**
 * mask_j = 512 bits of keccak256(K, ctxShare, 2j) ‖ keccak256(K, ctxShare, 2j + 1), reduced modulo r: 256 bits
 * alone would be visibly biased. The 128-byte preimage is abi.encode of four static words.
 */
export function masks(k: G1, ctxShare: Hash, count: number): bigint[] {
  const preimage = new Uint8Array(128);
  writeWord(preimage, 0, k.x);
  writeWord(preimage, 32, k.y);
  preimage.set(getBytes(ctxShare), 64);
  const digest = (index: number): bigint => {
    writeWord(preimage, 96, BigInt(index));
    return bytesToBigint(keccak_256(preimage));
  };
  return Array.from({ length: count }, (_, j) => ((digest(2 * j) << 256n) | digest(2 * j + 1)) % FR_MODULUS);
}

/**
 * Encrypts a share to `publicKey`, bound to the update's context and commitment.
 * @throws CurveError for a key off the curve or at infinity
 */
export function encryptShare(
  curve: Curve,
  publicKey: G1,
  ctx: Hash,
  commitment: G1,
  share: Share,
  random?: RandomBytes,
): Ciphertext {
  assertNode(share.s);
  assertG1(publicKey, "node key");
  share.words.forEach((w, j) => Fr.assertCanonical(w, `share word ${j}`));
  const ephemeral = generateKeyPair(curve, random);
  const e = ephemeral.publicKey;
  const ctxShare = shareContextHash(ctx, commitment, share.s, e);
  const mask = masks(curve.mul(publicKey, ephemeral.secret), ctxShare, share.words.length);
  return {
    s: share.s,
    e,
    proof: proveKey(curve, ephemeral, ctxShare, random),
    words: share.words.map((w, j) => Fr.add(w, mask[j]!)),
  };
}

/** Whether the sender knew e for exactly this context, commitment and node. False for malformed input. */
export function verifyEphemeral(
  curve: Curve,
  ctx: Hash,
  commitment: G1,
  ciphertext: Pick<Ciphertext, "s" | "e" | "proof">,
): boolean {
  const { s, e, proof } = ciphertext;
  return areKeys(e) && verifyKey(curve, e, shareContextHash(ctx, commitment, s, e), proof);
}

/**
 * Decrypts with the node's secret key. Refuses an E without a valid proof, so that nobody makes a node act as an
 * oracle for somebody else's E. Whether the share is right is for `checkShare`.
 * @throws CipherError EPHEMERAL_PROOF; EncodingError NON_CANONICAL
 */
export function decryptShare(curve: Curve, secret: bigint, ctx: Hash, commitment: G1, ciphertext: Ciphertext): Share {
  if (!verifyEphemeral(curve, ctx, commitment, ciphertext)) {
    throw new CipherError("EPHEMERAL_PROOF", `ciphertext for node ${ciphertext.s}: the ephemeral key is not proved`);
  }
  return unmask(curve.mul(ciphertext.e, secret), ctx, commitment, ciphertext);
}

/** Decrypts with a revealed K, as the contract does. Throws EncodingError NON_CANONICAL. */
export function unmask(k: G1, ctx: Hash, commitment: G1, ciphertext: Ciphertext): Share {
  const { s, e, words } = ciphertext;
  const mask = masks(k, shareContextHash(ctx, commitment, s, e), words.length);
  return { s, words: words.map((w, j) => Fr.sub(Fr.assertCanonical(w, `cipher word ${j}`), mask[j]!)) };
}

/** Reveals K = sk·E of one ciphertext with a Chaum–Pedersen proof bound to its context (CRYPTO 1992). */
export function revealKey(curve: Curve, keys: KeyPair, ctxShare: Hash, e: G1, random?: RandomBytes): KeyReveal {
  assertG1(e, "ephemeral key");
  const k = curve.mul(e, keys.secret);
  const nonce = randomNonZeroFr(random);
  const [r1, r2] = [curve.mul(G1_GENERATOR, nonce), curve.mul(e, nonce)];
  const c = dleqChallenge(ctxShare, keys.publicKey, e, k, r1, r2);
  return { k, proof: { r1, r2, z: Fr.from(nonce + c * keys.secret) } };
}

/** Whether K = sk·E for the sk behind `publicKey`. False for malformed points or scalars. */
export function verifyReveal(curve: Curve, publicKey: G1, ctxShare: Hash, e: G1, reveal: KeyReveal): boolean {
  const { k, proof } = reveal;
  if (!areKeys(publicKey, e, k, proof.r1, proof.r2) || !Fr.isCanonical(proof.z)) return false;
  const c = dleqChallenge(ctxShare, publicKey, e, k, proof.r1, proof.r2);
  return (
    equalG1(curve.mul(G1_GENERATOR, proof.z), curve.add(proof.r1, curve.mul(publicKey, c))) &&
    equalG1(curve.mul(e, proof.z), curve.add(proof.r2, curve.mul(k, c)))
  );
}

/** The digest that the share manifest lists for this ciphertext. */
export function digestOf(ciphertext: Ciphertext): Hash {
  const { s, e, proof, words } = ciphertext;
  return ciphertextDigest(s, e, proof.r, proof.z, chunkHashes(words));
}

function areKeys(...points: readonly G1[]): boolean {
  try {
    points.forEach((p) => assertG1(p, "key"));
    return true;
  } catch {
    return false;
  }
}
