import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";

import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Deployment, MedNexusError } from "@mednexus/sdk";
import type { EntityName, Row } from "../history/index.ts";
import { ponderDialect, post, readRows } from "./rows.ts";

export interface IndexerOptions {
  readonly rpcUrl: string;
  readonly deployment: Deployment;
  /** Where the database and the log lie. Must be empty: a database of another chain under the same id would be believed. Default: a new temporary folder, removed by `stop`. */
  readonly dataDir?: string;
  /** Default: any free port, on 127.0.0.1. */
  readonly port?: number;
  /** How often the chain's head is asked for, ms. */
  readonly pollingMs?: number;
  /** Postgres instead of PGlite. */
  readonly databaseUrl?: string;
}

/** A history that can be asked: the indexer and the subgraph offer the same. */
export interface History {
  /** GraphQL endpoint. */
  readonly url: string;
  /** Resolves once everything up to this block is in the rows. Throws INDEXER_BEHIND after `timeoutMs`, INDEXER_DOWN if the process ended. */
  waitForBlock(block: number, timeoutMs?: number): Promise<void>;
  /** All rows of one entity, by id. */
  rows(entity: EntityName): Promise<Map<string, Row>>;
  /** `SIGKILL`: as a crash would. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** A busy machine takes its time; a process that ended is noticed at once. */
export const PATIENCE_MS = 180_000;

const ROOT = resolve(import.meta.dirname, "..");

const isLocal = (url: string): boolean => ["127.0.0.1", "localhost", "[::1]"].includes(new URL(url).hostname);

/** A free TCP port on 127.0.0.1. */
export function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const server = createServer();
    server.on("error", fail);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => done(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

/** Kills this child's group should the process end without `endGroup`: nothing is left behind by a failed test or demo. */
export function leash<C extends ChildProcess>(child: C): C {
  const kill = (): void => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
      process.kill(-child.pid, "SIGKILL");
  };
  process.once("exit", kill);
  child.once("exit", () => process.off("exit", kill));
  return child;
}

/** Ends a child that leads its own process group, and the group with it. */
export async function endGroup(
  child: ChildProcess,
  signal: NodeJS.Signals = "SIGTERM",
  graceMs = 5_000,
): Promise<void> {
  if (child.pid === undefined) return;
  const pid = child.pid;
  const send = (s: NodeJS.Signals): void => {
    try {
      process.kill(-pid, s);
    } catch {
      // the group is gone
    }
  };
  if (child.exitCode === null && child.signalCode === null) {
    const gone = new Promise<void>((done) => child.once("exit", () => done()));
    send(signal);
    const timer = setTimeout(() => send("SIGKILL"), graceMs);
    await gone;
    clearTimeout(timer);
  }
  send("SIGKILL"); // grandchildren
}

/** Polls until `done` says true. Throws as `startIndexer` documents. */
export async function poll(
  child: ChildProcess,
  what: string,
  timeoutMs: number,
  log: string,
  done: () => Promise<boolean>,
): Promise<void> {
  const until = Date.now() + timeoutMs;
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null) {
      const tail = readFileSync(log, "utf8").slice(-2_000);
      throw new MedNexusError(
        "INDEXER_DOWN",
        `${what}: the process ended (${child.exitCode ?? child.signalCode}): ${tail}`,
      );
    }
    try {
      if (await done()) return;
    } catch {
      // not listening yet
    }
    if (Date.now() > until)
      throw new MedNexusError("INDEXER_BEHIND", `${what}: not within ${timeoutMs} ms`, { retryable: true });
    await new Promise((r) => setTimeout(r, 100));
  }
}

/** Runs Ponder as a child process of its own group. Resolves when it listens; rows are complete only after `waitForBlock`. */
export async function startIndexer(options: IndexerOptions): Promise<History> {
  const dir = options.dataDir ?? mkdtempSync(join(tmpdir(), "mednexus-indexer-"));
  mkdirSync(dir, { recursive: true });
  const deploymentFile = join(dir, "deployment.json");
  writeFileSync(deploymentFile, JSON.stringify(options.deployment));
  const port = options.port ?? (await freePort());
  const log = join(dir, "indexer.log");
  const output = openSync(log, "a");
  const ponder = join(dirname(fileURLToPath(import.meta.resolve("ponder"))), "bin/ponder.js");
  const { DATABASE_URL: _, ...inherited } = process.env;
  const child = leash(
    spawn(
      process.execPath,
      [ponder, "start", "--schema", "mednexus", "--root", ROOT, "--port", String(port), "--hostname", "127.0.0.1"],
      {
        // Ponder writes generated/schema.graphql under its working directory.
        cwd: dir,
        detached: true,
        stdio: ["ignore", output, output],
        env: {
          ...inherited,
          PONDER_TELEMETRY_DISABLED: "true",
          MEDNEXUS_DEPLOYMENT: deploymentFile,
          MEDNEXUS_RPC_URL: options.rpcUrl,
          MEDNEXUS_RPC_LANES: isLocal(options.rpcUrl) ? "8" : "1",
          MEDNEXUS_POLLING_MS: String(options.pollingMs ?? 250),
          MEDNEXUS_INDEXER_DIR: join(dir, "pglite"),
          ...(options.databaseUrl === undefined ? {} : { DATABASE_URL: options.databaseUrl }),
        },
      },
    ),
  );
  closeSync(output); // the child has its own

  const base = `http://127.0.0.1:${port}`;
  const stop = async (signal?: NodeJS.Signals): Promise<void> => {
    await endGroup(child, signal);
    if (options.dataDir === undefined) rmSync(dir, { recursive: true, force: true });
  };
  try {
    await poll(child, "indexer start", PATIENCE_MS, log, async () => (await fetch(`${base}/health`)).ok);
  } catch (cause) {
    await stop();
    throw cause;
  }
  return {
    url: `${base}/graphql`,
    // Not /ready: that is 200 before the head is reached.
    waitForBlock: (block, timeoutMs = PATIENCE_MS) =>
      poll(child, `block ${block}`, timeoutMs, log, async () => {
        const status = (await (await fetch(`${base}/status`)).json()) as Record<string, { block: { number: number } }>;
        return (status["mednexus"]?.block.number ?? -1) >= block;
      }),
    rows: (entity) => readRows(entity, ponderDialect, post(`${base}/graphql`)),
    stop,
  };
}
