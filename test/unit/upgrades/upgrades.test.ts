import { readFileSync } from "node:fs";
import { upgrades } from "@openzeppelin/hardhat-upgrades";
import { expect } from "chai";
import { CONTRACT_ABI, CONTRACTS } from "@mednexus/sdk";
import { Contract, type EventLog, type ParamType } from "ethers";
import hre from "hardhat";
import { type Economy, describeEconomy, erc7201 } from "../../fixtures/economy.ts";
import { type System, deploySystem } from "../../fixtures/system.ts";
import { solidityFiles } from "../../utils/sources.ts";

const IMPLEMENTATION_SLOT = "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc";
/** Every contract of a deployment but the vault, which is no proxy. */
const PROXIES = CONTRACTS.filter((name) => name !== "vault");
const NAMES = [
  "ProtocolParameters",
  "Stake",
  "InstitutionRegistry",
  "DatasetRegistry",
  "ConsentRegistry",
  "ModelINFT",
  "ModelVersions",
  "VerifierRegistry",
  "ProofVerifier",
  "TrainingRules",
  "CampaignRegistry",
  "RoundManager",
  "ShareDisputes",
  "NodeSums",
  "RoundSettlement",
  "AttestationRegistry",
  "SealedTransfers",
  "LicenseMarket",
  "ComputeMarket",
  "JobReceipts",
];

/** Arguments of the right types for any function: its own address wherever one is asked for, else zeros. */
const zeros = (inputs: readonly ParamType[], address: string): unknown[] =>
  inputs.map((input) => {
    if (input.baseType === "tuple") return zeros(input.components!, address);
    if (input.baseType === "array") return [];
    if (input.type === "address") return address;
    if (input.type.startsWith("bytes")) return `0x${"00".repeat(Number(input.type.slice(5) || 0))}`;
    return input.type === "string" ? "" : input.type === "bool" ? false : 0n;
  });

describe("every proxy of a deployment", () => {
  let s: System;
  let restore: () => Promise<void>;
  before(async () => {
    s = await deploySystem();
  });
  beforeEach(async () => {
    restore = (await s.connection.networkHelpers.takeSnapshot()).restore;
  });
  afterEach(() => restore());
  after(() => s.connection.close());

  const stranger = () => s.signers[9]!;
  const at = (name: (typeof PROXIES)[number], signer = s.signers[0]!, address = s.deployment.addresses[name]) =>
    new Contract(address, CONTRACT_ABI[name], signer);
  const implementationOf = async (address: string) =>
    `0x${(await s.ethers.provider.getStorage(address, IMPLEMENTATION_SLOT)).slice(26)}`;
  const refused = (sent: Promise<unknown>, contract: Contract, error: string) =>
    expect(sent, error).to.be.revertedWithCustomError(contract, error);

  for (const name of PROXIES) {
    it(`[attack 48] [attack 49] ${name}: neither proxy nor bare implementation can be initialised again, or wired by anybody`, async () => {
      const proxy = at(name, stranger());
      const bare = at(name, stranger(), await implementationOf(s.deployment.addresses[name]));
      const self = await stranger().getAddress();
      for (const contract of [proxy, bare]) {
        const args = zeros(contract.interface.getFunction("initialize")!.inputs, self);
        await refused(contract.getFunction("initialize")(...args) as Promise<unknown>, proxy, "InvalidInitialization");
        await refused(
          contract.getFunction("wire")(s.deployment.addresses) as Promise<unknown>,
          proxy,
          "AccessManagedUnauthorized",
        );
      }
      await refused(
        bare.getFunction("upgradeToAndCall")(await bare.getAddress(), "0x") as Promise<unknown>,
        proxy,
        "UUPSUnauthorizedCallContext",
      );
    });

    it(`[attack 50] ${name}: is born initialised, so that nobody can come first`, async () => {
      const proxy = at(name);
      const [event] = await proxy.queryFilter("Initialized");
      const receipt = await event!.getTransactionReceipt();
      expect(receipt.contractAddress).to.equal(await proxy.getAddress());
    });

    it(`${name}: only the authority upgrades and wires, and wires once`, async () => {
      const proxy = at(name);
      const same = await implementationOf(s.deployment.addresses[name]);
      await refused(
        at(name, stranger()).getFunction("upgradeToAndCall")(same, "0x") as Promise<unknown>,
        proxy,
        "AccessManagedUnauthorized",
      );
      await refused(proxy.getFunction("wire")(s.deployment.addresses) as Promise<unknown>, proxy, "AlreadyWired");
      const [event] = await proxy.queryFilter("Wired");
      for (const wired of [await proxy.getFunction("modules")(), (event as EventLog).args["modules"]])
        expect(wired.toObject()).to.deep.equal(s.deployment.addresses);
      await refused(
        proxy.getFunction("upgradeToAndCall")(s.deployment.addresses.vault, "0x") as Promise<unknown>,
        proxy,
        "ERC1967InvalidImplementation",
      );
    });

    it(`[attack 52] ${name}: an upgrade that skips its reinitialiser leaves nothing that a stranger could set`, async () => {
      const next = await s.ethers.deployContract("NextModule");
      const proxy = at(name);
      const upgraded = next.attach(s.deployment.addresses[name]) as unknown as Contract;
      const byStranger = upgraded.connect(stranger()) as Contract;
      await proxy.getFunction("upgradeToAndCall")(await next.getAddress(), "0x");
      await refused(
        byStranger.getFunction("initializeNext")(1n) as Promise<unknown>,
        upgraded,
        "AccessManagedUnauthorized",
      );
      expect(await upgraded.getFunction("next")()).to.equal(0n);
      await upgraded.getFunction("initializeNext")(2n);
      await refused(upgraded.getFunction("initializeNext")(3n) as Promise<unknown>, upgraded, "InvalidInitialization");
      expect(await upgraded.getFunction("next")()).to.equal(2n);
    });
  }
});

describeEconomy("upgrades", (get) => {
  let e: Economy;
  beforeEach(() => {
    e = get();
  });
  it("an execution delay on the admin role delays upgrades", async () => {
    const delay = 16n * 86_400n;
    await e.authority.grantRole!(0n, e.dave.address, delay);
    const target = e.modules.stake;
    const next = await e.ethers.deployContract("StakeExtended");
    const data = e.stake.interface.encodeFunctionData("upgradeToAndCall", [await next.getAddress(), "0x"]);
    const manager = e.as(e.authority, e.dave);
    await expect(manager.execute!(target, data)).to.be.revertedWithCustomError(
      e.authority,
      "AccessManagerNotScheduled",
    );
    await manager.schedule!(target, data, 0);
    await e.networkHelpers.time.increase(delay - 10n);
    await expect(manager.execute!(target, data)).to.be.revertedWithCustomError(e.authority, "AccessManagerNotReady");
    await e.networkHelpers.time.increase(10n);
    await e.staked(e.alice, 77n);
    await manager.execute!(target, data);
    const upgraded = next.attach(target) as Contract;
    expect([await upgraded.version!(), await upgraded.activeOf!(e.alice.address)]).to.deep.equal([2n, 77n]);
  });

  it("[attack 51] the layout check refuses a shifted field and takes an appended one", async () => {
    const api = await upgrades(hre, e.connection);
    const options = { kind: "uups" as const, unsafeAllow: ["missing-initializer" as const] };
    const factory = (name: string) => e.ethers.getContractFactory(name);
    const shifted = await api
      .validateUpgrade(await factory("Stake"), await factory("StakeShifted"), options)
      .then(() => "", String);
    expect(shifted).to.match(/Inserted `inserted`/);
    await api.validateUpgrade(await factory("Stake"), await factory("StakeExtended"), options);
  });

  for (const name of NAMES) {
    it(`[attack 51] ${name} is safe to upgrade by upgrades-core's rules`, async () => {
      const api = await upgrades(hre, e.connection);
      await api.validateImplementation(await e.ethers.getContractFactory(name), { kind: "uups" });
    });
  }
});

describe("ERC-7201 namespaces", () => {
  const named = solidityFiles("contracts").flatMap((file) => {
    const text = readFileSync(file, "utf8");
    const names = [...text.matchAll(/@custom:storage-location erc7201:mednexus\.storage\.(\w+)/g)].map((m) => m[1]!);
    return names.map((name) => ({ file, name }));
  });

  it("are where their names say, and one a contract", () => {
    const own = named.filter(({ file }) => !file.includes("/mocks/"));
    expect(own.length).to.be.greaterThan(6);
    expect(new Set(own.map(({ name }) => name)).size, "a namespace used twice").to.equal(own.length);
    const texts = solidityFiles("contracts")
      .filter((file) => !file.includes("/mocks/"))
      .map((file) => readFileSync(file, "utf8"));
    const slots = texts.flatMap((text) => [...text.matchAll(/SLOT\s*=\s*(0x[0-9a-f]{64})/g)].map((m) => m[1]!));
    expect(slots.slice().sort()).to.deep.equal(own.map(({ name }) => erc7201(name)).sort());
  });

  it("no upgradeable contract keeps state outside one", async () => {
    type Layouts = Record<string, Record<string, { storageLayout: { storage: unknown[] } }>>;
    // One build makes them all, and its output is large.
    const outputs = new Map<string, Layouts>();
    for (const name of NAMES) {
      const { sourceName, inputSourceName } = await hre.artifacts.readArtifact(name);
      const id = await hre.artifacts.getBuildInfoId(`${sourceName}:${name}`);
      const path = (await hre.artifacts.getBuildInfoOutputPath(id!))!;
      if (!outputs.has(path)) outputs.set(path, JSON.parse(readFileSync(path, "utf8")).output.contracts);
      const { storage } = outputs.get(path)![inputSourceName!]![name]!.storageLayout;
      expect(storage, name).to.deep.equal([]);
    }
  });
});

describe("code size", () => {
  it("every core contract fits in 24,576 bytes", async () => {
    const sizes: string[] = [];
    for (const full of await hre.artifacts.getAllFullyQualifiedNames()) {
      if (!full.startsWith("contracts/") || full.includes("/mocks/") || full.includes("/interfaces/")) continue;
      const bytes = ((await hre.artifacts.readArtifact(full)).deployedBytecode.length - 2) / 2;
      sizes.push(full);
      expect(bytes, full).to.be.at.most(24_576);
    }
    expect(sizes.length).to.be.greaterThan(6);
  });
});
