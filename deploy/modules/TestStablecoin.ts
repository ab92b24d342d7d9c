import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";

/** A 6-decimals test token with an open mint. Its constructor refuses any chain that is not a devnet. */
export default buildModule("TestStablecoin", (m) => ({ token: m.contract("TestStablecoin", []) }));
