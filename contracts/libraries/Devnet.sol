// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

/// Chains on which keys with a known trapdoor and money that anybody can mint are tolerated.
library Devnet {
    /// 31337: Hardhat and anvil; 1337: geth --dev and ganache. Neither may be used by a public chain (EIP-155 registry).
    function here() internal view returns (bool) {
        return block.chainid == 31337 || block.chainid == 1337;
    }
}
