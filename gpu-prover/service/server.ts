import { randomUUID, timingSafeEqual } from "node:crypto";
import { existsSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { toSnarkjs } from "@mednexus/circuits";
import { MedNexusError } from "@mednexus/sdk";
import { Metrics, METRICS_TYPE } from "@mednexus/sdk/node";
import type { Engine } from "../engine.ts";
import { readWtns } from "../groth16/wtns.ts";
import { readZkey } from "../groth16/zkey.ts";
import { hasEnded, type Job, Jobs, ServiceError } from "./jobs.ts";

export interface ServiceOptions {
  readonly folder: string;
  /** at least 16 characters; who holds it may submit witnesses and read proofs */
  readonly token: string;
  /** a port on loopback (0: any free one), or the path of a Unix socket */
  readonly listen: number | string;
  /** jobs proved at a time; default what the engine works on at once */
  readonly concurrency?: number;
  /** jobs waiting at most; one more is answered 429. Default 256 */
  readonly queue?: number;
  /** bytes of one witness or key at most. Default 1 GiB */
  readonly maxBody?: number;
  readonly clock?: () => number;
  readonly log?: (event: object) => void;
}

const MAX_WAIT = 30_000;

/**
 * The proving service. All but /health and /metrics wants `Authorization: Bearer TOKEN`.
 *   PUT  /keys                      zkey bytes → { key }
 *   POST /jobs?key=HASH[&id=ID][&priority=N][&deadline=UNIX_MS][&durable=1]   wtns bytes → 202 job; the same id again is the same job
 *   GET  /jobs/ID[?wait=MS]         the job, at once or when it ends
 *   DELETE /jobs/ID                 forgets it (not while it is proved)
 * Errors are { code, message }: 400 malformed, 401, 404, 409, 413 too large, 429 full (Retry-After), 503 stopping. Witnesses are in no log and in no answer.
 */
export class ProvingService {
  readonly #engine: Engine;
  readonly #options: ServiceOptions & Required<Omit<ServiceOptions, "concurrency">>;
  readonly #jobs: Jobs;
  readonly #server: Server;
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #running = new Set<Promise<void>>();
  readonly #metrics = new Metrics("mednexus_prover");
  #stopping = false;

  private constructor(engine: Engine, options: ServiceOptions) {
    this.#engine = engine;
    this.#options = { queue: 256, maxBody: 2 ** 30, clock: Date.now, log: () => {}, ...options };
    if (options.token.length < 16) throw new ServiceError("WEAK_TOKEN", "the token has fewer than 16 characters");
    for (const result of ["done", "failed", "expired", "refused"]) this.#metrics.add("jobs_total", 0, { result });
    this.#metrics.add("seconds_total", 0);
    this.#jobs = new Jobs(options.folder);
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => this.#refuse(response, error));
    });
    this.#server.requestTimeout = 0; // a large witness over a slow link is not an attack; the size limit holds
    this.#server.headersTimeout = 10_000;
  }

  /** @throws ServiceError WEAK_TOKEN; MedNexusError STATE_IN_USE, STATE_CORRUPT; the socket's own errors */
  static async start(engine: Engine, options: ServiceOptions): Promise<ProvingService> {
    const service = new ProvingService(engine, options);
    const { listen } = service.#options;
    // the state's lock is held, so whoever left this socket is gone
    if (typeof listen === "string" && existsSync(listen)) rmSync(listen);
    try {
      await new Promise<void>((done, failed) => {
        service.#server.once("error", failed);
        if (typeof listen === "string") {
          const mask = process.umask(0o177);
          service.#server.listen(listen, done);
          process.umask(mask);
        } else service.#server.listen(listen, "127.0.0.1", done);
      });
    } catch (error) {
      service.#jobs.close();
      throw error;
    }
    service.#pump();
    return service;
  }

  get url(): string {
    const address = this.#server.address();
    return typeof address === "string" ? `unix:${address}` : `http://127.0.0.1:${(address as AddressInfo).port}`;
  }

  /** Refuses new jobs, finishes the ones being proved, keeps the rest for the next start. */
  async stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    await Promise.all(this.#running);
    await new Promise<void>((done) => {
      this.#server.close(() => done());
      this.#server.closeAllConnections();
    });
    this.#jobs.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://localhost");
    const route = `${request.method} ${url.pathname}`;
    if (route === "GET /health")
      return send(response, this.#stopping ? 503 : 200, { healthy: !this.#stopping, engine: this.#engine.name });
    if (route === "GET /metrics") {
      response.writeHead(200, { "content-type": METRICS_TYPE }).end(this.#numbers());
      return;
    }
    if (!this.#authorized(request))
      return send(response, 401, { code: "UNAUTHORIZED", message: "give the service's token" });
    if (this.#stopping) return send(response, 503, { code: "STOPPING", message: "the service is stopping" });
    if (route === "PUT /keys") {
      const zkey = await this.#body(request);
      readZkey(zkey);
      return send(response, 200, { key: this.#jobs.addKey(zkey) });
    }
    if (route === "POST /jobs") return this.#submit(request, response, url.searchParams);
    const id = /^\/jobs\/([a-z0-9-]{1,64})$/.exec(url.pathname)?.[1];
    const job = id === undefined ? undefined : this.#jobs.get(id);
    if (id === undefined || job === undefined || !["GET", "DELETE"].includes(request.method ?? ""))
      return send(response, 404, { code: "NOT_FOUND", message: "no such job or route" });
    if (request.method === "DELETE") {
      if (job.state === "proving")
        return send(response, 409, { code: "JOB_RUNNING", message: `job ${id} is being proved` });
      this.#jobs.remove(id);
      this.#wake(id);
      return send(response, 200, { id });
    }
    const wait = Math.min(integer(url.searchParams, "wait", 0, 0, 3_600_000), MAX_WAIT);
    if (wait > 0 && !hasEnded(job) && job.state !== "interrupted") await this.#ended(id, wait, request);
    const now = this.#jobs.get(id);
    return now === undefined
      ? send(response, 404, { code: "NOT_FOUND", message: "the job was removed" })
      : send(response, 200, now);
  }

  async #submit(request: IncomingMessage, response: ServerResponse, query: URLSearchParams): Promise<void> {
    const key = query.get("key") ?? "";
    if (!this.#jobs.hasKey(key))
      throw new ServiceError("UNKNOWN_KEY", "key: upload the proving key first (PUT /keys), then name its hash");
    const id = query.get("id") ?? randomUUID();
    const known = this.#jobs.get(id);
    const waiting = this.#jobs.all().filter(({ state }) => state === "queued").length;
    if (known === undefined && waiting >= this.#options.queue) {
      this.#metrics.add("jobs_total", 1, { result: "refused" });
      request.resume();
      response.setHeader("retry-after", "5");
      return send(response, 429, { code: "QUEUE_FULL", message: `${waiting} jobs are waiting: try again later` });
    }
    const priority = integer(query, "priority", 0, -1000, 1000);
    const deadline = query.has("deadline") ? integer(query, "deadline", 0, 0, Number.MAX_SAFE_INTEGER) : undefined;
    const witness = await this.#body(request);
    readWtns(witness);
    const job = this.#jobs.add(
      {
        id,
        key,
        priority,
        ...(deadline === undefined ? {} : { deadline }),
        submittedAt: this.#options.clock(),
        durable: query.get("durable") === "1",
        state: "queued",
      },
      witness,
    );
    this.#options.log({ event: "job", id, key, priority });
    send(response, 202, job);
    this.#pump();
  }

  /** Starts what may start. */
  #pump(): void {
    while (!this.#stopping && this.#running.size < (this.#options.concurrency ?? this.#engine.inFlight ?? 1)) {
      const job = this.#jobs.next();
      if (job === undefined) return;
      if (job.deadline !== undefined && job.deadline <= this.#options.clock()) {
        this.#end(job.id, {
          state: "expired",
          error: { code: "EXPIRED", message: "its deadline passed before it began" },
        });
        continue;
      }
      const run = this.#run(job).finally(() => {
        this.#running.delete(run);
        this.#pump();
      });
      this.#running.add(run);
    }
  }

  async #run({ id, key }: Job): Promise<void> {
    const began = this.#options.clock();
    try {
      const witness = this.#jobs.witness(id);
      if (witness === undefined) throw new ServiceError("WITNESS_LOST", "its witness is gone: send the job again");
      this.#jobs.update(id, { state: "proving" });
      const { proof, publicInputs } = await this.#engine.prove(this.#jobs.key(key), witness);
      this.#end(id, { state: "done", proof: toSnarkjs(proof), publicSignals: publicInputs.map(String) });
    } catch (error) {
      const known = error instanceof MedNexusError;
      // an unforeseen message might quote what it failed on
      const shown = known
        ? { code: error.code, message: error.message }
        : { code: "INTERNAL", message: "the prover failed" };
      this.#end(id, { state: "failed", error: shown });
    } finally {
      this.#metrics.add("seconds_total", (this.#options.clock() - began) / 1000);
    }
  }

  #end(id: string, change: Partial<Job> & { state: "done" | "failed" | "expired" }): void {
    this.#metrics.add("jobs_total", 1, { result: change.state });
    this.#jobs.update(id, { ...change, finishedAt: this.#options.clock() });
    this.#options.log({ event: change.state, id, ...(change.error === undefined ? {} : { code: change.error.code }) });
    this.#wake(id);
  }

  #wake(id: string): void {
    for (const wake of this.#waiting.get(id) ?? []) wake();
    this.#waiting.delete(id);
  }

  #ended(id: string, ms: number, request: IncomingMessage): Promise<void> {
    return new Promise((done) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.#waiting.get(id)?.delete(finish);
        done();
      };
      const timer = setTimeout(finish, ms);
      request.on("close", finish);
      const list = this.#waiting.get(id) ?? new Set();
      this.#waiting.set(id, list.add(finish));
    });
  }

  #authorized(request: IncomingMessage): boolean {
    const given = Buffer.from(request.headers.authorization ?? "");
    const wanted = Buffer.from(`Bearer ${this.#options.token}`);
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  }

  async #body(request: IncomingMessage): Promise<Uint8Array<ArrayBuffer>> {
    const { maxBody } = this.#options;
    const tooLarge = new ServiceError("TOO_LARGE", `a body has at most ${maxBody} bytes`);
    if (Number(request.headers["content-length"] ?? 0) > maxBody) throw tooLarge;
    const parts: Buffer[] = [];
    let length = 0;
    for await (const part of request as AsyncIterable<Buffer>) {
      length += part.length;
      if (length > maxBody) throw tooLarge;
      parts.push(part);
    }
    const out = new Uint8Array(length);
    let at = 0;
    for (const part of parts) {
      out.set(part, at);
      at += part.length;
    }
    return out;
  }

  #refuse(response: ServerResponse, error: unknown): void {
    if (response.headersSent) return void response.destroy();
    if (!(error instanceof MedNexusError)) {
      this.#options.log({ event: "error", name: error instanceof Error ? error.name : "unknown" });
      return send(response, 500, { code: "INTERNAL", message: "the service failed" });
    }
    const status =
      error.code === "TOO_LARGE" ? 413 : error.code === "JOB_EXISTS" ? 409 : error.code.startsWith("STATE") ? 503 : 400;
    response.setHeader("connection", "close");
    send(response, status, { code: error.code, message: error.message });
  }

  #numbers(): string {
    for (const state of ["queued", "proving"] as const)
      this.#metrics.gauge(state, this.#jobs.all().filter((job) => job.state === state).length);
    return this.#metrics.text();
  }
}

function integer(query: URLSearchParams, name: string, otherwise: number, min: number, max: number): number {
  const text = query.get(name);
  if (text === null) return otherwise;
  const value = Number(text);
  if (!/^-?\d+$/.test(text) || value < min || value > max)
    throw new ServiceError("BAD_JOB", `${name}: a whole number from ${min} to ${max}`);
  return value;
}

const send = (response: ServerResponse, status: number, body: object): void => {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
};
