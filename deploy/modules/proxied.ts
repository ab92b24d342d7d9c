import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";
import type { ArgumentType, IgnitionModuleBuilder } from "@nomicfoundation/ignition-core";
import Authority from "./Authority.ts";

/**
 * One upgradeable contract: implementation, ERC-1967 proxy initialised inside its constructor (so nobody can initialise it first), handle.
 * Every `initialize` takes the authority first; `more` gives what follows. `libraries`: those that its code links to.
 */
export function proxied<Name extends string>(
  contract: Name,
  more: (m: IgnitionModuleBuilder) => ArgumentType[] = () => [],
  libraries: readonly string[] = [],
) {
  return buildModule(contract, (m) => {
    const { authority } = m.useModule(Authority);
    const linked = Object.fromEntries(libraries.map((name) => [name, m.library(name)]));
    const implementation = m.contract(contract, [], { id: "Implementation", libraries: linked });
    const data = m.encodeFunctionCall(implementation, "initialize", [authority, ...more(m)]);
    const proxy = m.contract("ERC1967Proxy", [implementation, data], { id: "Proxy" });
    return { instance: m.contractAt(contract, proxy, { id: "Instance" }) };
  });
}
