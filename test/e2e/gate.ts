import { createServer, request as send } from "node:http";
import type { AddressInfo } from "node:net";

/** One request of the process behind a gate. */
export interface Passing {
  readonly method: string;
  /** Decoded. */
  readonly path: string;
  readonly body: string;
}

/** `before`: the process dies with its request unsent; `after`: with the answer to it unread. */
export type Verdict = "pass" | "before" | "after";

export interface Gate {
  readonly url: string;
  close(): Promise<void>;
}

/** A proxy in front of `target` for one process: `judge` sees each request, and `kill` is called at the moment it names. */
export async function startGate(
  target: string,
  judge: (passing: Passing) => Verdict,
  kill: () => Promise<unknown>,
): Promise<Gate> {
  const server = createServer((incoming, outgoing) => {
    const parts: Buffer[] = [];
    incoming.on("error", () => {});
    incoming.on("data", (part: Buffer) => parts.push(part));
    incoming.on("end", () => {
      const body = Buffer.concat(parts);
      const { method = "GET", url = "/", headers } = incoming;
      const verdict = judge({ method, path: decodeURIComponent(url), body: body.toString() });
      const cut = (): void => void kill().then(() => outgoing.destroy());
      if (verdict === "before") return cut();
      const forwarded = send(new URL(url, target), { method, headers: { ...headers, host: new URL(target).host } });
      forwarded.on("error", () => outgoing.destroy());
      forwarded.on("response", (answer) => {
        const answered: Buffer[] = [];
        answer.on("data", (part: Buffer) => answered.push(part));
        answer.on("error", () => outgoing.destroy());
        answer.on("end", () => {
          if (verdict === "after") return cut();
          outgoing.writeHead(answer.statusCode ?? 502, answer.headers).end(Buffer.concat(answered));
        });
      });
      forwarded.end(body);
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}
