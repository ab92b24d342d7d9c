import { readFileSync } from "node:fs";
import { upgrades } from "@openzeppelin/hardhat-upgrades";
import { expect } from "chai";
import type { Contract } from "ethers";
import hre from "hardhat";
import { type Economy, describeEconomy, erc7201, parameters } from "../../fixtures/economy.ts";
import { solidityFiles } from "../../utils/sources.ts";

const IMPLEMENTATION_SLOT = "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc";
const PROXIES = ["params", "stake", "institutions", "datasets", "consent", "inft"] as const;
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
];

describeEconomy("upgrades", (get) => {
  let e: Economy;
  beforeEach(() => {
    e = get();
  });
  const initialize = async (contract: Contract, name: (typeof PROXIES)[number]) => {
    const authority = await e.authority.getAddress();
    const more: Partial<Record<(typeof PROXIES)[number], unknown[]>> = {
      params: [parameters, e.eve.address],
      stake: [e.eve.address],
    };
    return e.as(contract, e.eve).initialize!(authority, ...(more[name] ?? []));
  };
  const implementationOf = async (contract: Contract) =>
    `0x${(await e.ethers.provider.getStorage(await contract.getAddress(), IMPLEMENTATION_SLOT)).slice(26)}`;

  for (const name of PROXIES) {
    it(`[attack 48] [attack 49] ${name}: neither proxy nor bare implementation can be initialised again`, async () => {
      const proxy = e[name];
      await expect(initialize(proxy, name)).to.be.revertedWithCustomError(proxy, "InvalidInitialization");
      const bare = proxy.attach(await implementationOf(proxy)) as Contract;
      await expect(initialize(bare, name)).to.be.revertedWithCustomError(proxy, "InvalidInitialization");
      await expect(e.as(bare, e.eve).upgradeToAndCall!(await bare.getAddress(), "0x")).to.be.revertedWithCustomError(
        proxy,
        "UUPSUnauthorizedCallContext",
      );
      await expect(bare.wire!(e.modules)).to.be.revertedWithCustomError(proxy, "AccessManagedUnauthorized"); // its authority is nobody
    });

    it(`[attack 50] ${name}: is born initialised, so that nobody can come first`, async () => {
      const [event] = await e[name].queryFilter("Initialized");
      const receipt = await event!.getTransactionReceipt();
      expect(receipt.contractAddress).to.equal(await e[name].getAddress());
    });

    it(`${name}: only the authority upgrades and wires, and wires once`, async () => {
      const proxy = e[name];
      const same = await implementationOf(proxy);
      await expect(e.as(proxy, e.eve).upgradeToAndCall!(same, "0x"))
        .to.be.revertedWithCustomError(proxy, "AccessManagedUnauthorized")
        .withArgs(e.eve.address);
      await expect(e.as(proxy, e.guardian).upgradeToAndCall!(same, "0x")).to.be.revertedWithCustomError(
        proxy,
        "AccessManagedUnauthorized",
      );
      await expect(e.as(proxy, e.eve).wire!(e.modules)).to.be.revertedWithCustomError(
        proxy,
        "AccessManagedUnauthorized",
      );
      await expect(proxy.wire!(e.modules)).to.be.revertedWithCustomError(proxy, "AlreadyWired");
      await expect(proxy.upgradeToAndCall!(e.modules.vault, "0x")).to.be.revertedWithCustomError(
        proxy,
        "ERC1967InvalidImplementation",
      );
    });
  }

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
    for (const name of NAMES) {
      const { sourceName } = await hre.artifacts.readArtifact(name);
      const id = await hre.artifacts.getBuildInfoId(`${sourceName}:${name}`);
      const path = await hre.artifacts.getBuildInfoOutputPath(id!);
      const output = JSON.parse(readFileSync(path!, "utf8"));
      const entry = Object.entries(
        output.output.contracts as Record<string, Record<string, { storageLayout: { storage: unknown[] } }>>,
      ).find(([, c]) => name in c);
      expect(entry![1][name]!.storageLayout.storage, name).to.deep.equal([]);
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
