import hre from "hardhat";
import { type Circuit, devSrs, publishedKey } from "@mednexus/circuits";
import type { G1, G2, VerifyingKey } from "@mednexus/sdk";
import { type BaseContract, id, ZeroAddress } from "ethers";

export type Connection = Awaited<ReturnType<typeof hre.network.create>>;

/** Deploys behind an ERC-1967 proxy, initialised in its constructor; the first signer administers the authority. */
export async function deployProxy(connection: Connection, name: string, authority: string) {
  const { ethers } = connection;
  const implementation = await ethers.deployContract(name);
  const data = implementation.interface.encodeFunctionData("initialize", [authority]);
  const proxy = await ethers.deployContract("ERC1967Proxy", [await implementation.getAddress(), data]);
  return ethers.getContractAt(name, await proxy.getAddress());
}

/** Wires the given modules by name; those that a test does not need stay zero. */
export async function wire(contract: BaseContract, addresses: Record<string, string>): Promise<void> {
  const names = contract.interface.getFunction("wire")!.inputs[0]!.components!.map(({ name }) => name);
  const unknown = Object.keys(addresses).filter((name) => !names.includes(name));
  if (unknown.length > 0) throw new Error(`no such modules: ${unknown.join(", ")}`);
  await contract.getFunction("wire")(Object.fromEntries(names.map((name) => [name, addresses[name] ?? ZeroAddress])));
}

/** Registry and verifier with the development string; keys are registered by `register`. */
export async function deployVerification(chainId = 31337) {
  const connection = await hre.network.create({ network: "default", override: { chainId } });
  const { ethers } = connection;
  const signers = await ethers.getSigners();
  const authority = await ethers.deployContract("AccessManager", [signers[0]!.address]);
  const authorityAddress = await authority.getAddress();
  const registry = await deployProxy(connection, "VerifierRegistry", authorityAddress);
  const verifier = await deployProxy(connection, "ProofVerifier", authorityAddress);
  const addresses = { verifiers: await registry.getAddress(), proofVerifier: await verifier.getAddress() };
  await wire(verifier, addresses);
  await wire(registry, addresses);
  return { connection, ethers, signers, authority, authorityAddress, registry, verifier, addresses };
}

export type Verification = Awaited<ReturnType<typeof deployVerification>>;

/** Registers the development string; its id. */
export async function registerDevSrs({ registry }: Pick<Verification, "registry">): Promise<bigint> {
  const srs = await registry.registerSrs!.staticCall(devSrs.tauG1, devSrs.tauG2, true);
  await registry.registerSrs!(devSrs.tauG1, devSrs.tauG2, true);
  return srs;
}

/** Registers a key (the published one unless given); its id. */
export async function registerKey(
  { registry }: Pick<Verification, "registry">,
  circuit: Circuit,
  srs: bigint,
  n = 128,
  key: VerifyingKey = publishedKey(circuit, n),
): Promise<bigint> {
  const { alpha, beta, gamma, delta, ic } = key;
  const args = [id(circuit), n, srs, { alpha, beta, gamma, delta, ic }, true] as const;
  const verifier = await registry.registerVerifier!.staticCall(...args);
  await registry.registerVerifier!(...args);
  return verifier;
}

/** Six words of a pairing input. */
export const pairWords = (p: G1, q: G2): bigint[] => [p.x, p.y, q.xIm, q.xRe, q.yIm, q.yRe];
