// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

/// @title Weights: the two quotients that records enter. Terms bound B < 2^32, cap < 2^56, λ·2^f·cap < 2^64, so nothing here overflows.
library Weights {
    /// B_i² = ⌊B²·n̂²/cap²⌋ for 1 <= n̂ <= cap.
    function normBound2(uint256 normBound, uint256 records, uint256 cap) internal pure returns (uint256) {
        return (normBound * normBound * records * records) / (cap * cap);
    }

    /// λ_t = ⌊λ·2^f·cap/Σn̂⌋ for Σn̂ >= 1.
    function lambda(uint256 lambdaF, uint256 cap, uint256 total) internal pure returns (uint64) {
        return uint64((lambdaF * cap) / total);
    }
}
