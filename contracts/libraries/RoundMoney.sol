// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Prices, RoundKind} from "../types/Training.sol";

/// @title RoundMoney: what one round costs, by part. CampaignRegistry reserves by it, RoundSettlement pays by it: the same floors in both.
/// @notice roundCost = dataPool + committeePool + proverFeeMax + 3 tips + royalty + protocol fee, the last two on base = dataPool + committeePool + proverFeeMax.
/// A statistics round has no prover and no royalty.
library RoundMoney {
    uint256 internal constant BPS = 10_000;
    /// Draw, freeze, finalize.
    uint256 internal constant TIPS = 3;

    function proverFeeMax(Prices memory p, RoundKind kind) internal pure returns (uint256) {
        return kind == RoundKind.Training ? p.proverFeeMax : 0;
    }

    function base(Prices memory p, RoundKind kind) internal pure returns (uint256) {
        return uint256(p.dataPool) + p.committeePool + proverFeeMax(p, kind);
    }

    function royalty(Prices memory p, RoundKind kind, uint16 royaltyBps) internal pure returns (uint256) {
        return kind == RoundKind.Training ? (base(p, kind) * royaltyBps) / BPS : 0;
    }

    function protocolFee(Prices memory p, RoundKind kind, uint16 protocolFeeBps) internal pure returns (uint256) {
        return (base(p, kind) * protocolFeeBps) / BPS;
    }

    /// The royalty inside what a round reserved, to the unit: nobody has to be asked again for its rate.
    function reservedRoyalty(
        Prices memory p,
        RoundKind kind,
        uint16 protocolFeeBps,
        uint256 reserved
    ) internal pure returns (uint256) {
        return reserved - base(p, kind) - TIPS * p.tip - protocolFee(p, kind, protocolFeeBps);
    }

    function cost(
        Prices memory p,
        RoundKind kind,
        uint16 royaltyBps,
        uint16 protocolFeeBps
    ) internal pure returns (uint256) {
        return base(p, kind) + TIPS * p.tip + royalty(p, kind, royaltyBps) + protocolFee(p, kind, protocolFeeBps);
    }
}
