import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";

/** OpenZeppelin AccessManager: every role of the protocol. Its first admin is the deploying account until the Governor takes over. */
export default buildModule("Authority", (m) => {
  const authority = m.contract("AccessManager", [m.getParameter("admin")], { id: "AccessManager" });
  return { authority };
});
