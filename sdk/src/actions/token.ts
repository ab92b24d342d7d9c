import { Contract, Signature, type Signer, type TypedDataField, ZeroHash } from "ethers";
import type { Address } from "../transcript.ts";
import { decodeFailure } from "./client.ts";

const ERC20 = [
  "function balanceOf(address) view returns (uint256)",
  "function allowance(address,address) view returns (uint256)",
  "function approve(address,uint256) returns (bool)",
  "function mint(address,uint256)",
  "function transfer(address,uint256) returns (bool)",
  "function decimals() view returns (uint8)",
  "function symbol() view returns (string)",
  "function nonces(address) view returns (uint256)",
  "function eip712Domain() view returns (bytes1 fields,string name,string version,uint256 chainId,address verifyingContract,bytes32 salt,uint256[] extensions)",
];

/** Solidity's Permit: an allowance of the vault by signature, in the transaction that spends it. */
export interface Permit {
  /** unix seconds; 0: none, the allowance stands already */
  readonly deadline: bigint;
  readonly v: number;
  readonly r: string;
  readonly s: string;
}

export const NO_PERMIT: Permit = { deadline: 0n, v: 0, r: ZeroHash, s: ZeroHash };

const PERMIT: Record<string, TypedDataField[]> = {
  Permit: [
    { name: "owner", type: "address" },
    { name: "spender", type: "address" },
    { name: "value", type: "uint256" },
    { name: "nonce", type: "uint256" },
    { name: "deadline", type: "uint256" },
  ],
};

/** The parts of ERC-20 that services use; `mint` exists on the test stablecoin only. */
export interface Token {
  balanceOf(owner: Address): Promise<bigint>;
  /** Sets the allowance to exactly `amount` where it is lower: the vault pulls no more than its owner means it to. */
  ensureAllowance(spender: Address, amount: bigint): Promise<void>;
  mint(to: Address, amount: bigint): Promise<void>;
  transfer(to: Address, amount: bigint): Promise<void>;
  allowance(owner: Address, spender: Address): Promise<bigint>;
  /** EIP-2612, for exactly `amount` until `deadline` (unix seconds); the token has to name its domain (EIP-5267). */
  signPermit(spender: Address, amount: bigint, deadline: bigint): Promise<Permit>;
}

export function tokenAt(address: Address, signer: Signer): Token {
  const contract = new Contract(address, ERC20, signer);
  const call = async (method: string, ...args: unknown[]): Promise<void> => {
    try {
      await (await contract.getFunction(method).send(...args)).wait();
    } catch (cause) {
      throw decodeFailure(cause);
    }
  };
  return {
    balanceOf: (owner) => contract.getFunction("balanceOf").staticCall(owner) as Promise<bigint>,
    ensureAllowance: async (spender, amount) => {
      const current = (await contract
        .getFunction("allowance")
        .staticCall(await signer.getAddress(), spender)) as bigint;
      if (current < amount) await call("approve", spender, amount);
    },
    mint: (to, amount) => call("mint", to, amount),
    transfer: (to, amount) => call("transfer", to, amount),
    allowance: (owner, spender) => contract.getFunction("allowance").staticCall(owner, spender) as Promise<bigint>,
    signPermit: async (spender, value, deadline) => {
      const owner = await signer.getAddress();
      const [nonce, { name, version, chainId, verifyingContract }] = await Promise.all([
        contract.getFunction("nonces").staticCall(owner) as Promise<bigint>,
        contract.getFunction("eip712Domain").staticCall(),
      ]);
      const domain = { name, version, chainId, verifyingContract };
      const signature = await signer.signTypedData(domain, PERMIT, { owner, spender, value, nonce, deadline });
      const { v, r, s } = Signature.from(signature);
      return { deadline, v, r, s };
    },
  };
}
