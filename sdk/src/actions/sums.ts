/** From node sums to what a round is about: the reconstructed sum, the next model. Used by provers, hospitals and auditors alike. */
import { getBytes, hexlify } from "ethers";
import { type CommitKey } from "../commitment.ts";
import { equalG1, type G1, isInfinity } from "../curve.ts";
import { BLINDERS, decodeWords, encodeWords } from "../encoding.ts";
import { MedNexusError } from "../errors.ts";
import { reconstruct, type Share } from "../shares.ts";
import type { Address, Hash } from "../transcript.ts";
import { topics, type Transport } from "../transport.ts";
import { accumulate } from "../update.ts";
import type { FrozenSet, RoundView, SubmittedUpdate } from "./read.ts";
import { includedUpdates } from "./read.ts";

/** What a node leaves for provers once the set is frozen. */
export interface SumMessage {
  readonly setHash: Hash;
  /** The n + 4 words of X^(s), 32 bytes each. */
  readonly words: Uint8Array;
}

export const encodeSum = (message: SumMessage): Uint8Array =>
  new TextEncoder().encode(JSON.stringify({ setHash: message.setHash, words: hexlify(message.words) }));

/** Throws `BAD_SUM` on anything that is not a sum message. */
export function decodeSum(body: Uint8Array): SumMessage {
  try {
    const { setHash, words } = JSON.parse(new TextDecoder().decode(body)) as { setHash: unknown; words: unknown };
    if (typeof setHash !== "string" || typeof words !== "string") throw new TypeError("fields");
    return { setHash, words: getBytes(words) };
  } catch (cause) {
    throw new MedNexusError("BAD_SUM", "a node left something that is not a sum", { cause });
  }
}

/** C_agg + Σ_k s^k Σ_{i in A} A_{i,k}: what node s's sum must commit to. */
export function sumCommitment(
  key: CommitKey,
  frozen: FrozenSet,
  included: readonly SubmittedUpdate[],
  threshold: number,
  s: number,
): G1 {
  const totals = Array.from({ length: threshold }, (_, k) =>
    key.curve.sum(included.map((update) => update.detail.a[k]!)),
  );
  return key.curve.evaluatePolynomial(frozen.cAgg, totals, BigInt(s));
}

/**
 * Fetches node sums, keeps those that match the chain's commitments, and interpolates (U ‖ P), n + 4 canonical words.
 * Errors: `SUMS_MISSING` (retryable) while fewer than t + 1 good sums are there.
 */
export async function collectSum(options: {
  key: CommitKey;
  transport: Transport;
  chainId: bigint;
  roundManager: Address;
  round: RoundView;
  committee: readonly { node: Address }[];
  updates: readonly SubmittedUpdate[];
  frozen: FrozenSet;
}): Promise<bigint[]> {
  const { key, transport, round, committee, frozen } = options;
  const included = includedUpdates(options.updates, frozen);
  const topic = topics(options.chainId, options.roundManager);
  const good: Share[] = [];
  const wrong: string[] = [];
  for (const [index, { node }] of committee.entries()) {
    if (good.length > round.threshold) break;
    const s = index + 1;
    try {
      const body = await transport.receive(topic.sum(round.id, s), node);
      if (body === undefined) continue;
      const message = decodeSum(body);
      const words = decodeWords(message.words);
      const expected = sumCommitment(key, frozen, included, round.threshold, s);
      if (
        message.setHash === frozen.setHash &&
        words.length === round.n + BLINDERS &&
        equalG1(await key.commit(words), expected)
      )
        good.push({ s, words });
      else wrong.push(`node ${s}: the sum is over another set or does not match the commitments`);
    } catch (error) {
      // One node's rubbish must not hide the others' sums.
      wrong.push(`node ${s}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (good.length <= round.threshold) {
    const why = wrong.length > 0 ? ` (${wrong.join("; ")})` : "";
    throw new MedNexusError(
      "SUMS_MISSING",
      `round ${round.id}: ${good.length} of ${round.threshold + 1} sums are there${why}`,
      { retryable: true },
    );
  }
  return reconstruct(good, round.threshold);
}

/** M̃ ‖ P̃ of the zero model: version 0 of a lineage that starts from nothing. */
export const zeroModel = (n: number): bigint[] => Array.from({ length: n + BLINDERS }, () => 0n);

/** M̃(t+1) ‖ P̃(t+1) of a round, checked against C_M(t) + λ_t·C_agg. Throws `MODEL_MISMATCH`. */
export async function nextModel(
  key: CommitKey,
  base: readonly bigint[],
  frozen: FrozenSet,
  sum: readonly bigint[],
  baseCommitment: G1,
): Promise<{ vector: bigint[]; commitment: G1 }> {
  const vector = accumulate(base, frozen.lambda, sum);
  const commitment = key.curve.add(baseCommitment, key.curve.mul(frozen.cAgg, frozen.lambda));
  if (!equalG1(await key.commit(vector), commitment))
    throw new MedNexusError("MODEL_MISMATCH", "the reconstructed model does not match its commitment");
  return { vector, commitment };
}

/** Whether a model vector is the one behind C_M; the zero model is behind infinity. */
export async function matchesModel(key: CommitKey, vector: readonly bigint[], commitment: G1): Promise<boolean> {
  if (vector.length !== key.n + BLINDERS) return false;
  const own = await key.commit(vector);
  return isInfinity(commitment) ? isInfinity(own) : equalG1(own, commitment);
}

/** A model artefact is the wire form of its n + 4 words; its storage root is the keccak256 of those bytes. */
export const encodeModel = (vector: readonly bigint[]): Uint8Array => encodeWords(vector);
export const decodeModel = (content: Uint8Array): bigint[] => decodeWords(content);
