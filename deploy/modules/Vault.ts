import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";
import Authority from "./Authority.ts";

/** The vault is not a proxy: no vote and no key can change the code that holds the money. */
export default buildModule("Vault", (m) => {
  const { authority } = m.useModule(Authority);
  const instance = m.contract("Vault", [authority, m.getParameter("moduleDelay")], { id: "Vault" });
  return { instance };
});
