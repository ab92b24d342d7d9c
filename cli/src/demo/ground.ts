import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonRpcProvider } from "ethers";
import type { Deployment } from "@mednexus/sdk";
import { deployTo, openProvider, requireDevnet, startDevnet } from "../chain.ts";
import { DEVNET_CONFIG } from "../commands/devnet.ts";
import { readDeployConfig } from "../../../deploy/operations/index.ts";
import type { DemoOptions } from "./options.ts";

/** What undoes what was started; to be run newest first. */
export type Cleanups = (() => Promise<void> | void)[];

/** Where a federation stands: a folder, and a local chain with the contracts on it. */
export interface Ground {
  readonly folder: string;
  readonly url: string;
  readonly provider: JsonRpcProvider;
  readonly deployment: Deployment;
  readonly deploymentFile: string;
}

/** Starts a chain (or takes the one named) and deploys for one circuit size. Errors: `RPC_FAILED`, `USAGE` on any but a development chain. */
export async function openGround(
  { rpc, size, say }: Pick<DemoOptions, "rpc" | "size"> & { readonly say: (line: string) => void },
  cleanups: Cleanups,
): Promise<Ground> {
  const folder = mkdtempSync(join(tmpdir(), "mednexus-demo-"));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  const url = rpc ?? (await openChain(cleanups));
  const provider = await openProvider(url);
  cleanups.push(() => provider.destroy());
  requireDevnet(Number((await provider.getNetwork()).chainId));
  say(`chain at ${url}`);
  const deployment = await deployTo(url, { ...readDeployConfig(DEVNET_CONFIG), sizes: [size] }, false, say);
  say(
    `deployed ${Object.keys(deployment.addresses).length} contracts; admin ${deployment.admin} (INSECURE development account)`,
  );
  const deploymentFile = join(folder, "deployment.json");
  writeFileSync(deploymentFile, JSON.stringify(deployment));
  return { folder, url, provider, deployment, deploymentFile };
}

async function openChain(cleanups: Cleanups): Promise<string> {
  const devnet = await startDevnet();
  cleanups.push(() => devnet.close());
  return devnet.url;
}
