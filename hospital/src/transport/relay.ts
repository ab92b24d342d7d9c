import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { keccak256 } from "ethers";
import { isSignedBy, MAX_MESSAGE_BYTES } from "@mednexus/sdk";

export interface RelayOptions {
  /** 0 picks a free port. */
  readonly port?: number;
  /** Loopback unless said otherwise: a public relay belongs behind TLS. */
  readonly host?: string;
  /** Who may leave messages, e.g. registered institutions only. Default: any signer. */
  readonly allows?: (sender: string) => Promise<boolean>;
  /** Memory for all messages, and as much again for blobs. Beyond it the oldest are forgotten: senders repeat what still matters. */
  readonly capacityBytes?: number;
  /** Memory for one sender's messages; beyond it its own oldest are forgotten, nobody else's. */
  readonly senderBytes?: number;
}

export interface Relay {
  readonly url: string;
  close(): Promise<void>;
}

/** A relay that keeps everything in memory: senders repeat what matters until the chain has moved on. */
export async function startRelay(options: RelayOptions = {}): Promise<Relay> {
  const { port = 0, host = "127.0.0.1", allows = async () => true } = options;
  const { capacityBytes = 512 * 2 ** 20, senderBytes = 64 * 2 ** 20 } = options;
  const mail = new Memory(capacityBytes, senderBytes);
  const blobs = new Memory(capacityBytes, capacityBytes);

  const reply = (
    response: ServerResponse,
    status: number,
    body?: Uint8Array | string,
    headers: Record<string, string> = {},
  ): void => {
    response.writeHead(status, headers).end(body);
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [, version, kind, name = "", topicPart = ""] = (request.url ?? "").split("/");
    if (version !== "v1") return reply(response, 404, "no such path");
    if (kind === "blobs" && /^0x[0-9a-f]{64}$/.test(name)) {
      if (request.method === "GET") {
        const content = blobs.get(name)?.body;
        return content === undefined ? reply(response, 404) : reply(response, 200, content);
      }
      if (request.method !== "PUT") return reply(response, 405);
      const content = await read(request);
      if (content === undefined) return reply(response, 413, `more than ${MAX_MESSAGE_BYTES} bytes`);
      if (keccak256(content) !== name) return reply(response, 400, "the content does not hash to its name");
      return blobs.put(name, { body: content })
        ? reply(response, 204)
        : reply(response, 507, "too large for this relay");
    }
    if (kind === "mail" && /^0x[0-9a-f]{40}$/.test(name) && topicPart.length > 0 && topicPart.length <= 512) {
      let topic: string;
      try {
        topic = decodeURIComponent(topicPart);
      } catch {
        return reply(response, 400, "malformed topic");
      }
      const key = `${name}/${topic}`;
      const found = mail.get(key);
      if (request.method === "GET") {
        return found === undefined
          ? reply(response, 404)
          : reply(response, 200, found.body, { "x-signature": found.signature ?? "" });
      }
      if (request.method !== "PUT") return reply(response, 405);
      const signature = String(request.headers["x-signature"] ?? "");
      const body = await read(request);
      if (body === undefined) return reply(response, 413, `more than ${MAX_MESSAGE_BYTES} bytes`);
      if (!isSignedBy(name, topic, body, signature)) return reply(response, 401, "not signed by the sender it names");
      if (!(await allows(name))) return reply(response, 403, "this sender may not leave messages here");
      if (found !== undefined)
        return keccak256(found.body) === keccak256(body)
          ? reply(response, 204)
          : reply(response, 409, "another message is already there");
      return mail.put(key, { body, signature, sender: name })
        ? reply(response, 204)
        : reply(response, 507, "too large for this relay");
    }
    reply(response, 404, "no such path");
  };

  const server = createServer((request, response) => {
    handle(request, response).catch(() => {
      if (!response.headersSent) reply(response, 500);
      else response.destroy();
    });
  });
  server.requestTimeout = 30_000;
  server.headersTimeout = 10_000;
  await new Promise<void>((done, fail) => server.once("error", fail).listen(port, host, done));
  return {
    url: `http://${host}:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

interface Item {
  readonly body: Uint8Array;
  readonly signature?: string;
  /** Absent for blobs: they are nobody's. */
  readonly sender?: string;
}

/** Messages and blobs by key, oldest first, within bounds. */
class Memory {
  readonly #capacity: number;
  readonly #perSender: number;
  readonly #items = new Map<string, Item>();
  readonly #bySender = new Map<string, number>();
  #held = 0;

  constructor(capacity: number, perSender: number) {
    this.#capacity = capacity;
    this.#perSender = perSender;
  }

  get(key: string): Item | undefined {
    return this.#items.get(key);
  }

  /** Keeps an item unless something is there; makes room for it first. False when it can never fit. */
  put(key: string, item: Item): boolean {
    if (this.#items.has(key)) return true;
    const size = item.body.length;
    const { sender } = item;
    const limit = sender === undefined ? this.#capacity : this.#perSender;
    if (size > this.#capacity || size > limit) return false;
    const own = (): number => (sender === undefined ? 0 : (this.#bySender.get(sender) ?? 0));
    for (const [oldest, other] of this.#items) {
      if (own() + size <= limit) break;
      if (other.sender === sender) this.#forget(oldest);
    }
    for (const oldest of this.#items.keys()) {
      if (this.#held + size <= this.#capacity) break;
      this.#forget(oldest);
    }
    this.#count(item, size);
    this.#items.set(key, item);
    return true;
  }

  #forget(key: string): void {
    const item = this.#items.get(key)!;
    this.#items.delete(key);
    this.#count(item, -item.body.length);
  }

  #count({ sender }: Item, size: number): void {
    this.#held += size;
    if (sender === undefined) return;
    const total = (this.#bySender.get(sender) ?? 0) + size;
    if (total === 0) this.#bySender.delete(sender);
    else this.#bySender.set(sender, total);
  }
}

/** The whole body, or undefined when it is too large. */
async function read(request: IncomingMessage): Promise<Uint8Array | undefined> {
  if (Number(request.headers["content-length"] ?? 0) > MAX_MESSAGE_BYTES) return undefined;
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > MAX_MESSAGE_BYTES) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts);
}
