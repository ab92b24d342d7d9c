/**
 * What the relay sees of a message for one node: bytes of one of a few lengths. ECIES on G1 to the node's registered key,
 * AES-256-GCM under HKDF-SHA256(E·sk, E, receiver, sender, topic), a key a message: it opens for nobody else, under no other topic and as
 * no other sender's. Who left it is the transport's signature to say. Not forward secret: whoever
 * learns the node's key later can open what was recorded, here as in the chain's own complaints.
 */
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { concat, getBytes, keccak256, toUtf8Bytes } from "ethers";
import { bytesToBigint, packWords, wordBytes } from "./bytes.ts";
import { type Curve, type G1, G1_GENERATOR, assertG1 } from "./curve.ts";
import type { KeyPair } from "./ecies.ts";
import { CipherError } from "./errors.ts";
import { FR_MODULUS } from "./field.ts";
import type { Address } from "./transcript.ts";

/** Where a message is left and whose it is: what the transport's signature covers, too. */
export interface Route {
  readonly topic: string;
  readonly from: Address;
}

const TAG = toUtf8Bytes("mednexus.mail.v1");
const TAG_EPHEMERAL = toUtf8Bytes("mednexus.mail.ephemeral.v1");
const POINT = 64;
const LENGTH = 4;
const GCM_TAG = 16;
/** Contents are padded to a power of two of bytes, at least this. */
const SMALLEST = 4096;

/** Every message's nonce: its key is used once. */
const NONCE = new Uint8Array(12);

const routeBytes = ({ topic, from }: Route): Uint8Array => getBytes(concat([keccak256(toUtf8Bytes(topic)), from]));

/** Bound to both points and the route: whatever differs, the key differs. */
function contentKey(k: G1, e: G1, receiver: G1, route: Route): Promise<CryptoKey> {
  const secret = packWords([k.x, k.y]);
  const info = getBytes(concat([TAG, packWords([e.x, e.y, receiver.x, receiver.y]), routeBytes(route)]));
  const key = hkdf(sha256, secret, undefined, info, 32) as Uint8Array<ArrayBuffer>;
  return globalThis.crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt", "decrypt"]);
}

/** Bytes of padded contents: what can be seen of how long a message is. */
function sizeClass(length: number): number {
  let size = SMALLEST;
  while (size < LENGTH + length) size *= 2;
  return size;
}

/** Bytes of a message this long, sealed. */
export const mailBytes = (length: number): number => POINT + sizeClass(length) + GCM_TAG;

/** Length ‖ body ‖ zeros. */
function pad(body: Uint8Array): Uint8Array<ArrayBuffer> {
  const padded = new Uint8Array(sizeClass(body.length));
  new DataView(padded.buffer).setUint32(0, body.length);
  padded.set(body, LENGTH);
  return padded;
}

/**
 * Seals `body` for the holder of `receiver`. The ephemeral key follows from the sender's secret and all that is sealed: the same
 * message sealed again, after a restart, is the same bytes, and two messages never share a key.
 * @throws CurveError for a key off the curve or at infinity
 */
export async function sealMail(
  curve: Curve,
  sender: Pick<KeyPair, "secret">,
  receiver: G1,
  route: Route,
  body: Uint8Array,
): Promise<Uint8Array> {
  assertG1(receiver, "receiver's key");
  const about = getBytes(
    concat([TAG_EPHEMERAL, packWords([receiver.x, receiver.y]), routeBytes(route), keccak256(body)]),
  );
  const wide = bytesToBigint(hkdf(sha256, wordBytes(sender.secret), undefined, about, 64));
  const secret = 1n + (wide % (FR_MODULUS - 1n));
  const e = curve.mul(G1_GENERATOR, secret);
  const key = await contentKey(curve.mul(receiver, secret), e, receiver, route);
  const sealed = await globalThis.crypto.subtle.encrypt({ name: "AES-GCM", iv: NONCE }, key, pad(body));
  return getBytes(concat([packWords([e.x, e.y]), new Uint8Array(sealed)]));
}

/**
 * Opens what `sealMail` made for these keys and this route.
 * @throws CipherError BAD_MAIL for anything else, saying nothing of what differs
 */
export async function openMail(curve: Curve, keys: KeyPair, route: Route, mail: Uint8Array): Promise<Uint8Array> {
  try {
    const e = { x: bytesToBigint(mail.subarray(0, 32)), y: bytesToBigint(mail.subarray(32, POINT)) };
    assertG1(e, "ephemeral key");
    const key = await contentKey(curve.mul(e, keys.secret), e, keys.publicKey, route);
    const sealed = mail.slice(POINT) as Uint8Array<ArrayBuffer>;
    const padded = new Uint8Array(await globalThis.crypto.subtle.decrypt({ name: "AES-GCM", iv: NONCE }, key, sealed));
    const length = new DataView(padded.buffer).getUint32(0);
    if (length > padded.length - LENGTH) throw new RangeError("length");
    return padded.slice(LENGTH, LENGTH + length);
  } catch {
    // No cause: it could tell a damaged message from one for another node.
    throw new CipherError("BAD_MAIL", "the sealed message is damaged, for another node, or of another message");
  }
}
