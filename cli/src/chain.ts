import { rmSync } from "node:fs";
import { join } from "node:path";
import { HDNodeWallet, JsonRpcProvider, Mnemonic } from "ethers";
import { type Deployment, isDevnet, MedNexusError } from "@mednexus/sdk";
import { type DeployConfig, deployProtocol } from "../../deploy/operations/index.ts";

/** Hardhat's and anvil's published development mnemonic: accounts that everybody controls. */
const DEVELOPMENT_MNEMONIC = "test test test test test test test test test test test junk";

/** Development account number `index` of every Hardhat or anvil chain. INSECURE: public. */
export const developmentKey = (index: number): string =>
  HDNodeWallet.fromMnemonic(Mnemonic.fromPhrase(DEVELOPMENT_MNEMONIC), `m/44'/60'/0'/0/${index}`).privateKey;

export interface Devnet {
  readonly url: string;
  close(): Promise<void>;
}

/** Milliseconds between blocks when nobody sends anything: draws and finality wait for blocks. */
const BLOCK_MS = 500;

/** A Hardhat chain in this process, mining on demand and every half second. `port` 0 picks a free one. */
export async function startDevnet(port = 0, blockMs = BLOCK_MS, automine = true): Promise<Devnet> {
  const { default: hre } = await import("hardhat");
  const server = await hre.network.createServer(
    {
      network: "default",
      override: { allowBlocksWithSameTimestamp: true, mining: { auto: automine, interval: blockMs } },
    },
    "127.0.0.1",
    port,
  );
  const { address, port: bound } = await server.listen();
  return { url: `http://${address}:${bound}`, close: () => server.close() };
}

/** A provider that answers for the chain as it is now: no caching, quick receipts. */
export async function openProvider(url: string): Promise<JsonRpcProvider> {
  const probe = new JsonRpcProvider(url, undefined, { staticNetwork: true });
  try {
    const chainId = Number(await probe.send("eth_chainId", []));
    return new JsonRpcProvider(url, chainId, { staticNetwork: true, pollingInterval: 100, cacheTimeout: -1 });
  } catch (cause) {
    throw new MedNexusError("RPC_FAILED", `no chain answers at ${url}`, { cause, retryable: true });
  } finally {
    probe.destroy();
  }
}

/** Acts on the deployment's chain behind `url`. Errors: `RPC_FAILED`; `WRONG_CHAIN` when another one answers there. */
export async function onChain<T>(
  url: string,
  deployment: Deployment,
  act: (provider: JsonRpcProvider) => Promise<T>,
): Promise<T> {
  const provider = await openProvider(url);
  try {
    const { chainId } = await provider.getNetwork();
    if (Number(chainId) !== deployment.chainId)
      throw new MedNexusError(
        "WRONG_CHAIN",
        `the endpoint serves chain ${chainId}, the deployment is on ${deployment.chainId}`,
      );
    return await act(provider);
  } finally {
    provider.destroy();
  }
}

/** Refuses chains on which everything of the demo would be public money under public keys. */
export function requireDevnet(chainId: number): void {
  if (!isDevnet(chainId))
    throw new MedNexusError(
      "USAGE",
      `chain ${chainId} is not a development chain (31337 or 1337): this command uses public keys`,
    );
}

/** A build that takes longer than this is one from nothing, and is said. */
const BUILD_IS_SLOW_MS = 3_000;

/** Deploys through the Ignition modules. On devnets the journal is thrown away: the chain will be, too. */
export async function deployTo(
  url: string,
  config: DeployConfig,
  resume: boolean,
  say: (line: string) => void = console.error,
): Promise<Deployment> {
  const { default: hre } = await import("hardhat");
  // A fresh clone has no artifacts; with nothing changed this takes a second. Solidity tests are not deployed, and would double the time.
  const saying = setTimeout(
    () => say("compiling the contracts: about a minute, the first time only"),
    BUILD_IS_SLOW_MS,
  );
  await hre.tasks
    .getTask("build")
    .run({ quiet: true, noTests: true })
    .finally(() => clearTimeout(saying));
  const connection = await hre.network.create({ network: "devnet", override: { url } });
  const [deployer] = await connection.ethers.getSigners();
  if (deployer === undefined) throw new MedNexusError("NO_ACCOUNT", "the chain has no unlocked account to deploy with");
  const deploymentId = resume ? undefined : `devnet-${process.pid}-${Date.now()}`;
  try {
    return await deployProtocol(
      { ignition: connection.ignition, provider: connection.ethers.provider, deployer },
      config,
      deploymentId === undefined ? {} : { deploymentId },
    );
  } finally {
    await connection.close();
    if (deploymentId !== undefined)
      rmSync(join(hre.config.paths.ignition, "deployments", deploymentId), { recursive: true, force: true });
  }
}
