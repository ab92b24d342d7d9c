/**
 * How nodes reach each other with outbound connections only: a relay keeps signed messages under (topic, sender) and
 * blobs under their hash. The relay is trusted with nothing but availability: messages are signed, what they carry is
 * checked against the chain by its reader, shares are encrypted to their node, blobs are addressed by content.
 */
import { concat, getBytes, keccak256, toUtf8Bytes, verifyMessage } from "ethers";
import { MedNexusError } from "./errors.ts";
import type { Address, Hash } from "./transcript.ts";

/** Largest message or blob: a share of 4,096 parameters is 131 KB of words, as hex twice that. */
export const MAX_MESSAGE_BYTES = 4 * 2 ** 20;

/** Signs 32-byte digests as EIP-191 messages; an ethers signer is one. */
export interface MessageSigner {
  getAddress(): Promise<Address>;
  signMessage(message: Uint8Array): Promise<string>;
}

export interface Transport {
  /** Leaves a message under (topic, own address). Idempotent for equal bytes; a different second message is refused. */
  send(topic: string, body: Uint8Array): Promise<void>;
  /** The message that `from` left, signature checked; undefined when there is none. */
  receive(topic: string, from: Address): Promise<Uint8Array | undefined>;
  /** Stores content and returns its keccak256. */
  putBlob(content: Uint8Array): Promise<Hash>;
  /** Content by its hash, checked; undefined when the relay does not have it. */
  getBlob(hash: Hash): Promise<Uint8Array | undefined>;
}

export class TransportError extends MedNexusError {}

/** What a sender signs: the topic and the body's hash. */
export const messageDigest = (topic: string, body: Uint8Array): Uint8Array =>
  getBytes(keccak256(concat([keccak256(toUtf8Bytes(topic)), keccak256(body)])));

/** Whether `signature` is `from`'s over this message. */
export function isSignedBy(from: Address, topic: string, body: Uint8Array, signature: string): boolean {
  try {
    return verifyMessage(messageDigest(topic, body), signature).toLowerCase() === from.toLowerCase();
  } catch {
    return false;
  }
}

/** Topics of one deployment (chain and round manager) so that a relay can serve several. */
export const topics = (chainId: bigint, roundManager: Address) => {
  const scope = `${chainId}/${roundManager.toLowerCase()}`;
  return {
    /** Per update, not per sender: after a reorganisation one member may owe shares of another update. */
    share: (round: bigint, s: number, memberKey: Hash) => `${scope}/round/${round}/share/${s}/${memberKey}`,
    sum: (round: bigint, s: number) => `${scope}/round/${round}/sum/${s}`,
  };
};

/** A relay over HTTP. Connections are outbound only. */
export class HttpTransport implements Transport {
  readonly #url: string;
  readonly #signer: MessageSigner;
  readonly #timeoutMs: number;

  constructor(url: string, signer: MessageSigner, timeoutMs = 10_000) {
    this.#url = url.replace(/\/+$/, "");
    this.#signer = signer;
    this.#timeoutMs = timeoutMs;
  }

  async send(topic: string, body: Uint8Array): Promise<void> {
    const from = await this.#signer.getAddress();
    const signature = await this.#signer.signMessage(messageDigest(topic, body));
    const response = await this.#call("PUT", `/v1/mail/${from.toLowerCase()}/${encodeURIComponent(topic)}`, body, {
      "x-signature": signature,
    });
    if (response.status !== 204)
      throw new TransportError("RELAY_REFUSED", `the relay refused a message: ${await oneLine(response)}`);
  }

  async receive(topic: string, from: Address): Promise<Uint8Array | undefined> {
    const response = await this.#call("GET", `/v1/mail/${from.toLowerCase()}/${encodeURIComponent(topic)}`);
    if (response.status === 404) return undefined;
    const body = await this.#body(response);
    const signature = response.headers.get("x-signature") ?? "";
    if (!isSignedBy(from, topic, body, signature))
      throw new TransportError("BAD_SIGNATURE", `the relay returned a message that ${from} did not sign`);
    return body;
  }

  async putBlob(content: Uint8Array): Promise<Hash> {
    const hash = keccak256(content);
    const response = await this.#call("PUT", `/v1/blobs/${hash}`, content);
    if (response.status !== 204)
      throw new TransportError("RELAY_REFUSED", `the relay refused a blob: ${await oneLine(response)}`);
    return hash;
  }

  async getBlob(hash: Hash): Promise<Uint8Array | undefined> {
    const response = await this.#call("GET", `/v1/blobs/${hash}`);
    if (response.status === 404) return undefined;
    const content = await this.#body(response);
    if (keccak256(content) !== hash)
      throw new TransportError("BAD_BLOB", `the relay returned other content than ${hash}`);
    return content;
  }

  async #call(
    method: string,
    path: string,
    body?: Uint8Array,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    try {
      return await fetch(this.#url + path, {
        method,
        headers,
        signal: AbortSignal.timeout(this.#timeoutMs),
        redirect: "error",
        ...(body === undefined ? {} : { body: Uint8Array.from(body) }),
      });
    } catch (cause) {
      throw new TransportError("RELAY_UNREACHABLE", `the relay at ${this.#url} did not answer: is it running?`, {
        cause,
        retryable: true,
      });
    }
  }

  /** Reads a body without trusting its length. */
  async #body(response: Response): Promise<Uint8Array> {
    if (!response.ok)
      throw new TransportError("RELAY_FAILED", `the relay answered ${response.status}`, { retryable: true });
    const parts: Uint8Array[] = [];
    let size = 0;
    for await (const part of response.body ?? []) {
      size += part.length;
      if (size > MAX_MESSAGE_BYTES)
        throw new TransportError("TOO_LARGE", `the relay sent more than ${MAX_MESSAGE_BYTES} bytes`);
      parts.push(part);
    }
    return getBytes(concat(parts));
  }
}

async function oneLine(response: Response): Promise<string> {
  const text = (await response.text().catch(() => "")).slice(0, 200).replaceAll(/\s+/g, " ");
  return `${response.status} ${text}`.trim();
}
