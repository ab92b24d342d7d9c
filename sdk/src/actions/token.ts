import { Contract, type Signer } from "ethers";
import type { Address } from "../transcript.ts";
import { decodeFailure } from "./client.ts";

const ERC20 = [
  "function balanceOf(address) view returns (uint256)",
  "function allowance(address,address) view returns (uint256)",
  "function approve(address,uint256) returns (bool)",
  "function mint(address,uint256)",
  "function decimals() view returns (uint8)",
  "function symbol() view returns (string)",
];

/** The parts of ERC-20 that services use; `mint` exists on the test stablecoin only. */
export interface Token {
  balanceOf(owner: Address): Promise<bigint>;
  /** Sets the allowance to exactly `amount` where it is lower: the vault pulls no more than its owner means it to. */
  ensureAllowance(spender: Address, amount: bigint): Promise<void>;
  mint(to: Address, amount: bigint): Promise<void>;
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
  };
}
