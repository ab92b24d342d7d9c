import { getBytes, hexlify } from "ethers";
import {
  type Address,
  type Ciphertext,
  ciphertextDigest,
  Curve,
  encodeWords,
  type G1,
  type Hash,
  hashChunks,
  MedNexusError,
  openMail,
  type SchnorrProof,
  sealMail,
} from "@mednexus/sdk";
import type { NodeContext } from "./context.ts";

/**
 * A share's ciphertext as somebody else made it: public header, raw bytes, and the digests of the whole manifest. The
 * bytes may be no canonical words: a complaint must be able to name exactly what was committed to.
 */
export interface PostedShare {
  readonly e: G1;
  readonly proof: SchnorrProof;
  readonly bytes: Uint8Array;
  readonly digests: readonly Hash[];
}

/** What a member leaves under a node's share topic, in a sealed message. */
export function encodeShareMessage(message: { ciphertext: Ciphertext; digests: readonly Hash[] }): Uint8Array {
  const { e, proof, words } = message.ciphertext;
  return encodePosted({ e, proof, bytes: encodeWords(words), digests: message.digests });
}

export function encodePosted({ e, proof, bytes, digests }: PostedShare): Uint8Array {
  const json = {
    e: [e.x, e.y].map(String),
    proof: [proof.r.x, proof.r.y, proof.z].map(String),
    words: hexlify(bytes),
    digests,
  };
  return new TextEncoder().encode(JSON.stringify(json));
}

/** Leaves a message on the relay that only the holder of `receiver` can read. */
export async function leaveForNode(
  { transport, address, shareKeys }: Pick<NodeContext, "transport" | "address" | "shareKeys">,
  topic: string,
  receiver: G1,
  message: Uint8Array,
): Promise<void> {
  const route = { topic, from: address };
  await transport.send(topic, await sealMail(await Curve.load(), shareKeys, receiver, route, message));
}

/** What `from` left for this node, undefined when there is nothing. Errors: `BAD_SIGNATURE`, `BAD_MAIL`, `BAD_SHARE_MESSAGE`. */
export async function openShareMessage(
  { transport, shareKeys }: Pick<NodeContext, "transport" | "shareKeys">,
  topic: string,
  from: Address,
): Promise<PostedShare | undefined> {
  const mail = await transport.receive(topic, from);
  if (mail === undefined) return undefined;
  return decodeShareMessage(await openMail(await Curve.load(), shareKeys, { topic, from }, mail));
}

/** Errors: `BAD_SHARE_MESSAGE`; what the message says is checked against the manifest by its reader. */
export function decodeShareMessage(body: Uint8Array): PostedShare {
  try {
    const json = JSON.parse(new TextDecoder().decode(body)) as Record<"e" | "proof" | "digests" | "words", unknown>;
    const [x, y] = integers(json.e, 2);
    const [rx, ry, z] = integers(json.proof, 3);
    const { digests, words } = json;
    if (!Array.isArray(digests) || digests.some((d) => typeof d !== "string" || !/^0x[0-9a-f]{64}$/.test(d)))
      throw new TypeError("digests");
    if (typeof words !== "string") throw new TypeError("words");
    return {
      e: { x: x!, y: y! },
      proof: { r: { x: rx!, y: ry! }, z: z! },
      bytes: getBytes(words),
      digests: digests as Hash[],
    };
  } catch {
    // No cause: it would quote the message.
    throw new MedNexusError("BAD_SHARE_MESSAGE", "a member left something that is not a share");
  }
}

/** The digest that the manifest would list for this ciphertext as node s's. */
export const postedDigest = (s: number, { e, proof, bytes }: PostedShare): Hash =>
  ciphertextDigest(s, e, proof.r, proof.z, hashChunks(bytes));

/** Decimal strings of unsigned 256-bit integers, exactly `count` of them. */
function integers(value: unknown, count: number): bigint[] {
  if (!Array.isArray(value) || value.length !== count) throw new TypeError("integers");
  return value.map((text) => {
    if (typeof text !== "string" || !/^\d{1,78}$/.test(text) || BigInt(text) >> 256n !== 0n)
      throw new TypeError("integer");
    return BigInt(text);
  });
}
