import { readFileSync } from "node:fs";
import { parseDeployment } from "@mednexus/sdk";
import { createConfig } from "ponder";
import { contractNames, eventsOf, ruledEvents } from "./history/index.ts";

function env(name: string, fallback?: string): string {
  const value = process.env[name] ?? fallback;
  if (value === undefined || value === "") throw new Error(`${name} is not set`);
  return value;
}

/**
 * Ponder starts at 20 requests a second for each URL, and asks for every event's logs apart. A node of one's own takes more: the same URL
 * several times, told apart by a query that it ignores.
 */
const lanes = (url: string, count: number): string[] =>
  count === 1
    ? [url]
    : Array.from({ length: count }, (_, lane) => `${url}${url.includes("?") ? "&" : "?"}lane=${lane}`);

const deployment = parseDeployment(readFileSync(env("MEDNEXUS_DEPLOYMENT"), "utf8"));
const ruled = new Set([...ruledEvents()].map(([contract, event]) => `${contract}:${event.name}`));

export default createConfig({
  ordering: "omnichain",
  chains: {
    mednexus: {
      id: deployment.chainId,
      rpc: lanes(env("MEDNEXUS_RPC_URL"), Number(env("MEDNEXUS_RPC_LANES", "1"))),
      pollingInterval: Number(env("MEDNEXUS_POLLING_MS", "1000")),
    },
  },
  database:
    process.env["DATABASE_URL"] !== undefined
      ? { kind: "postgres", connectionString: process.env["DATABASE_URL"] }
      : { kind: "pglite", directory: env("MEDNEXUS_INDEXER_DIR", ".ponder/pglite") },
  contracts: Object.fromEntries(
    contractNames.map((name) => [
      name,
      {
        chain: "mednexus",
        abi: eventsOf(name).filter((event) => ruled.has(`${name}:${event.name}`)),
        address: deployment.addresses[name].toLowerCase() as `0x${string}`,
        startBlock: deployment.startBlock,
      },
    ]),
  ),
});
