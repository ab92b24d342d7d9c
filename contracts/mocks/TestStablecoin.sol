// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {Devnet} from "../libraries/Devnet.sol";

/// @title TestStablecoin: 6 decimals, EIP-2612, anybody mints. For development chains only: the constructor refuses every other.
contract TestStablecoin is ERC20, ERC20Permit {
    error OnlyOnDevnets(uint256 chainId);

    constructor() ERC20("MedNexus Test Dollar", "TUSD") ERC20Permit("MedNexus Test Dollar") {
        if (!Devnet.here()) revert OnlyOnDevnets(block.chainid);
    }

    function mint(address to, uint256 amount) external {
        if (!Devnet.here()) revert OnlyOnDevnets(block.chainid);
        _mint(to, amount);
    }

    function decimals() public pure override returns (uint8) {
        return 6;
    }
}
