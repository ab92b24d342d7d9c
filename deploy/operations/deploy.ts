import type { NetworkConnection } from "hardhat/types/network";
import type { BaseContract, Provider, Signer } from "ethers";
import { MedNexusError, type Deployment, isDevnet } from "@mednexus/sdk";
import MedNexus from "../modules/MedNexus.ts";
import TestStablecoin from "../modules/TestStablecoin.ts";
import type { DeployConfig } from "./config.ts";
import { configure } from "./configure.ts";

/** The parts of a Hardhat connection a deploy needs. */
export interface DeployConnection {
  readonly ignition: NetworkConnection["ignition"];
  readonly provider: Provider;
  readonly deployer: Signer;
}

/**
 * Deploys every contract through the Ignition modules, wires them, registers keys and roles, and returns what services
 * need to know. Errors: `TOKEN_NEEDED` off devnets without a token; reverts by name.
 */
export async function deployProtocol(
  connection: DeployConnection,
  config: DeployConfig,
  options: { deploymentId?: string } = {},
): Promise<Deployment> {
  const { ignition, provider, deployer } = connection;
  const chainId = Number((await provider.getNetwork()).chainId);
  const startBlock = await provider.getBlockNumber();
  const deployerAddress = await deployer.getAddress();
  const common = { defaultSender: deployerAddress, ...options };
  let { token } = config;
  if (token === undefined) {
    if (!isDevnet(chainId))
      throw new MedNexusError(
        "TOKEN_NEEDED",
        `chain ${chainId} is not a devnet: name the stablecoin in the configuration`,
      );
    const test = await ignition.deploy(TestStablecoin, { ...common });
    token = await test.token.getAddress();
  }
  const { parameters } = config;
  const contracts = await ignition.deploy(MedNexus, {
    ...common,
    parameters: {
      // The deploying account administers until everything is configured; `configure` hands the role on.
      Authority: { admin: deployerAddress },
      Vault: { moduleDelay: config.moduleDelay },
      ProtocolParameters: { parameters: { ...parameters }, treasury: config.treasury ?? deployerAddress },
      Stake: { token },
      NodeSums: { finalityBlocks: config.finalityBlocks },
    },
  });
  const { authority, ...modules } = contracts;
  const addresses = Object.fromEntries(
    await Promise.all(
      Object.entries(modules).map(async ([name, contract]) => [name, await (contract as BaseContract).getAddress()]),
    ),
  );
  return configure(
    {
      version: 1,
      network: config.network,
      chainId,
      startBlock,
      admin: config.admin ?? deployerAddress,
      authority: await authority.getAddress(),
      token: token!,
      addresses: addresses as Deployment["addresses"],
      srs: 0,
      verifiers: {},
    },
    deployer,
    config,
  );
}
