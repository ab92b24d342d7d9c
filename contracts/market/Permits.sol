// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {Permit} from "../types/Market.sol";

/// @title Permits: an allowance by signature, in the transaction that spends it.
library Permits {
    /// A signature that fails may have been used by somebody in front of us: then the allowance stands, and the transfer that follows decides.
    function spend(address token, address owner, address spender, uint256 amount, Permit calldata permit) internal {
        if (permit.deadline == 0) return;
        try
            IERC20Permit(token).permit(owner, spender, amount, permit.deadline, permit.v, permit.r, permit.s)
        {} catch {}
    }
}
