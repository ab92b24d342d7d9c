import { expect } from "chai";
import { FunctionFragment, Interface, type JsonFragment, id } from "ethers";
import hre from "hardhat";
import { type Economy, describeEconomy } from "../../fixtures/economy.ts";

/** ERC-7857's types, written out from its text (ethereum/ERCs ERCS/erc-7857.md at fdec3cad9eb45eab17ac5835cbea42f27f3be5a1). */
const PROOFS = "((bytes32,bytes32,bytes,bytes,bytes),(uint8,bytes32,bytes32,bytes,bytes,bytes,bytes))[]";
const ERC7857 = [
  "verifier()",
  `iTransfer(address,uint256,${PROOFS})`,
  `iClone(address,uint256,${PROOFS})`,
  "authorizeUsage(uint256,address)",
  "revokeAuthorization(uint256,address)",
  "approve(address,uint256)",
  "setApprovalForAll(address,bool)",
  "delegateAccess(address)",
  "ownerOf(uint256)",
  "authorizedUsersOf(uint256)",
  "getApproved(uint256)",
  "isApprovedForAll(address,address)",
  "getDelegateAccess(address)",
];
const STANDARDS: Record<string, { id: string; functions: string[] }> = {
  "ERC-165": { id: "0x01ffc9a7", functions: ["supportsInterface(bytes4)"] },
  "ERC-721": {
    id: "0x80ac58cd",
    functions: [
      "balanceOf(address)",
      "ownerOf(uint256)",
      "safeTransferFrom(address,address,uint256)",
      "safeTransferFrom(address,address,uint256,bytes)",
      "transferFrom(address,address,uint256)",
      "approve(address,uint256)",
      "setApprovalForAll(address,bool)",
      "getApproved(uint256)",
      "isApprovedForAll(address,address)",
    ],
  },
  "ERC-721 metadata": { id: "0x5b5e139f", functions: ["name()", "symbol()", "tokenURI(uint256)"] },
  "ERC-2981": { id: "0x2a55205a", functions: ["royaltyInfo(uint256,uint256)"] },
  "ERC-7857": { id: "0xee5a526e", functions: ERC7857 },
  "ERC-7857 metadata": { id: "0xaa18b754", functions: ["name()", "symbol()", "intelligentDataOf(uint256)"] },
};
const selector = (signature: string): string => id(signature).slice(0, 10);
const xor = (signatures: readonly string[]): string =>
  `0x${signatures
    .reduce((sum, s) => sum ^ BigInt(selector(s)), 0n)
    .toString(16)
    .padStart(8, "0")}`;
const functionsOf = async (name: string): Promise<string[]> => {
  const { abi } = await hre.artifacts.readArtifact(name);
  return new Interface(abi as readonly JsonFragment[]).fragments
    .filter((f): f is FunctionFragment => f.type === "function")
    .map((f) => f.format("sighash"));
};

describeEconomy("ModelINFT: interfaces", (get) => {
  let e: Economy;
  before(() => {
    e = get();
  });

  for (const [name, standard] of Object.entries(STANDARDS)) {
    it(`${name}: its id is that of its functions, every one of them is there, and it is advertised`, async () => {
      expect(xor(standard.functions)).to.equal(standard.id);
      const have = new Set(await functionsOf("ModelINFT"));
      expect(standard.functions.filter((f) => !have.has(f))).to.deep.equal([]);
      expect(await e.inft.supportsInterface!(standard.id)).to.equal(true);
    });
  }

  it("its own id is advertised, ERC-4906's too, 0xffffffff is not", async () => {
    expect(await e.inft.supportsInterface!(xor(await functionsOf("IModelINFT")))).to.equal(true);
    expect(await e.inft.supportsInterface!("0x49064906")).to.equal(true);
    expect(await e.inft.supportsInterface!("0xffffffff")).to.equal(false);
  });

  it("advertises no id but these: neither of any single function nor of 0G's reference interfaces", async () => {
    const known = new Set([...Object.values(STANDARDS).map((s) => s.id), xor(await functionsOf("IModelINFT"))]);
    const reference = ERC7857.filter((f) => !f.startsWith("iTransfer")).concat(
      `iTransferFrom(address,address,uint256,${PROOFS})`,
    );
    const candidates = [...(await functionsOf("ModelINFT")).map(selector), xor(reference), xor(reference.slice(1))];
    for (const candidate of candidates)
      if (!known.has(candidate)) expect(await e.inft.supportsInterface!(candidate), candidate).to.equal(false);
  });

  it("offers the names of 0G's reference contract beside the standard's, without a clash of selectors", async () => {
    const all = await functionsOf("ModelINFT");
    const offered = [
      `iTransferFrom(address,address,uint256,${PROOFS})`,
      `iCloneFrom(address,address,uint256,${PROOFS})`,
      "intelligentDatasOf(uint256)",
    ];
    expect(offered.filter((f) => !all.includes(f))).to.deep.equal([]);
    expect(new Set(all.map(selector)).size).to.equal(all.length);
  });

  it("the verifier is the deployment's, and answers to ERC-7857's function", async () => {
    expect(await e.inft.verifier!()).to.equal(e.modules.transfers);
    expect(await functionsOf("SealedTransfers")).to.include(`verifyTransferValidity(${PROOFS})`);
  });

  it("the interface of the standard has its functions and no other", async () => {
    expect((await functionsOf("IERC7857")).sort()).to.deep.equal([...ERC7857].sort());
    expect((await functionsOf("IERC7857DataVerifier")).sort()).to.deep.equal([`verifyTransferValidity(${PROOFS})`]);
  });
});
