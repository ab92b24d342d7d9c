import { randomUUID } from "node:crypto";
import { request } from "node:http";
import { fromSnarkjs } from "@mednexus/circuits";
import type { Proved } from "@mednexus/sdk";
import type { Engine } from "../engine.ts";
import { type Job, ServiceError } from "./jobs.ts";

export interface ClientOptions {
  /** http://127.0.0.1:PORT, or unix:PATH */
  readonly url: string;
  readonly token: string;
  readonly priority?: number;
  /** the service may keep the witness on its disk until the job ends */
  readonly durable?: boolean;
  /** how long a service that is down is waited for, ms; default 60 s */
  readonly patience?: number;
}

/** Answers that are worth the same question again. */
const RETRY = new Set([429, 500, 502, 503]);

/**
 * An Engine that is a proving service elsewhere on this machine. A service that restarts, is full or drops the connection is asked again; a job whose witness
 * went down with it is sent again under the same id, so nothing is proved twice and nothing is lost.
 */
export class ServiceEngine implements Engine {
  readonly #options: ClientOptions;
  readonly #keys = new WeakMap<Uint8Array, string>();

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  get name(): string {
    return `service: ${this.#options.url}`;
  }

  /** @throws ServiceError SERVICE_UNREACHABLE, and the job's own error by its code */
  async prove(zkey: Uint8Array, wtns: Uint8Array): Promise<Proved> {
    const key = await this.#key(zkey);
    const id = randomUUID();
    const { priority = 0, durable = false } = this.#options;
    const path = `/jobs?key=${key}&id=${id}&priority=${priority}${durable ? "&durable=1" : ""}`;
    let job = (await this.#ask("POST", path, wtns)) as Job;
    while (!["done", "failed", "expired"].includes(job.state)) {
      const sendAgain = job.state === "interrupted";
      job = (await (sendAgain ? this.#ask("POST", path, wtns) : this.#ask("GET", `/jobs/${id}?wait=30000`))) as Job;
    }
    await this.#ask("DELETE", `/jobs/${id}`).catch(() => {});
    if (job.state !== "done") throw new ServiceError(job.error!.code, job.error!.message);
    return { proof: fromSnarkjs(job.proof as never), publicInputs: job.publicSignals!.map(BigInt) };
  }

  async close(): Promise<void> {}

  async #key(zkey: Uint8Array): Promise<string> {
    let key = this.#keys.get(zkey);
    if (key === undefined) {
      ({ key } = (await this.#ask("PUT", "/keys", zkey)) as { key: string });
      this.#keys.set(zkey, key);
    }
    return key;
  }

  async #ask(method: string, path: string, body?: Uint8Array): Promise<unknown> {
    const until = Date.now() + (this.#options.patience ?? 60_000);
    for (let wait = 100; ; wait = Math.min(2 * wait, 2000)) {
      let answer: { status: number; text: string } | undefined;
      try {
        answer = await this.#send(method, path, body);
      } catch (cause) {
        if (Date.now() > until)
          throw new ServiceError("SERVICE_UNREACHABLE", `${this.#options.url} does not answer`, {
            cause,
            retryable: true,
          });
      }
      if (answer !== undefined) {
        if (answer.status < 400) return JSON.parse(answer.text);
        if (!RETRY.has(answer.status) || Date.now() > until) {
          const { code, message } = JSON.parse(answer.text) as { code: string; message: string };
          throw new ServiceError(code, message);
        }
      }
      await new Promise((done) => setTimeout(done, wait));
    }
  }

  #send(method: string, path: string, body?: Uint8Array): Promise<{ status: number; text: string }> {
    const { url, token } = this.#options;
    const headers = { authorization: `Bearer ${token}`, ...(body ? { "content-length": body.length } : {}) };
    const unix = url.startsWith("unix:");
    const to = unix ? { socketPath: url.slice(5) } : { host: new URL(url).hostname, port: new URL(url).port };
    return new Promise((done, failed) => {
      const asked = request({ ...to, path, method, headers }, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (part: string) => (text += part));
        response.on("end", () => done({ status: response.statusCode ?? 500, text }));
        response.on("error", failed);
      });
      asked.on("error", failed);
      asked.end(body);
    });
  }
}
