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
  /** Memory for all messages and blobs; beyond it new ones are refused with 507. */
  readonly capacityBytes?: number;
}

export interface Relay {
  readonly url: string;
  close(): Promise<void>;
}

/** A relay that keeps everything in memory: senders repeat what matters until the chain has moved on. */
export async function startRelay(options: RelayOptions = {}): Promise<Relay> {
  const { port = 0, host = "127.0.0.1", allows = async () => true, capacityBytes = 512 * 2 ** 20 } = options;
  const mail = new Map<string, { body: Uint8Array; signature: string }>();
  const blobs = new Map<string, Uint8Array>();
  let held = 0;

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
        const content = blobs.get(name);
        return content === undefined ? reply(response, 404) : reply(response, 200, content);
      }
      if (request.method !== "PUT") return reply(response, 405);
      const content = await read(request);
      if (content === undefined) return reply(response, 413, `more than ${MAX_MESSAGE_BYTES} bytes`);
      if (keccak256(content) !== name) return reply(response, 400, "the content does not hash to its name");
      if (!blobs.has(name)) {
        if (held + content.length > capacityBytes) return reply(response, 507, "the relay is full");
        held += content.length;
        blobs.set(name, content);
      }
      return reply(response, 204);
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
          : reply(response, 200, found.body, { "x-signature": found.signature });
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
      if (held + body.length > capacityBytes) return reply(response, 507, "the relay is full");
      held += body.length;
      mail.set(key, { body, signature });
      return reply(response, 204);
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

/** The whole body, or undefined when it is too large. */
async function read(request: IncomingMessage): Promise<Uint8Array | undefined> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > MAX_MESSAGE_BYTES) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts);
}
