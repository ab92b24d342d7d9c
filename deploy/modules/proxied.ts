import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";
import type { ArgumentType, IgnitionModuleBuilder } from "@nomicfoundation/ignition-core";
import Authority from "./Authority.ts";

/**
 * One upgradeable contract: implementation, ERC-1967 proxy initialised inside its constructor (so nobody can initialise it first), handle.
 * Every `initialize` takes the authority first; `more` gives what follows.
 */
export function proxied<Name extends string>(
  contract: Name,
  more: (m: IgnitionModuleBuilder) => ArgumentType[] = () => [],
) {
  return buildModule(contract, (m) => {
    const { authority } = m.useModule(Authority);
    const implementation = m.contract(contract, [], { id: "Implementation" });
    const data = m.encodeFunctionCall(implementation, "initialize", [authority, ...more(m)]);
    const proxy = m.contract("ERC1967Proxy", [implementation, data], { id: "Proxy" });
    return { instance: m.contractAt(contract, proxy, { id: "Instance" }) };
  });
}
