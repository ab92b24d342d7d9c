// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

/// @title FrozenSet: which weights stay in a set in which none may exceed a share of the whole.
library FrozenSet {
    uint256 private constant BPS = 10_000;

    /// Zeroes weights over `maxShareBps` of the sum of those that stay, heaviest first, of equals the latest first: whoever comes later never pushes out an
    /// earlier equal. Leaving out rather than failing keeps one heavy member from stopping every round; a sum that one member dominates would show its update.
    /// @param weights n̂ by submission order, 0: left out already; at most 256 of them, each < 2^64
    /// @return count of weights left, @return total their sum
    function dropDominant(
        uint256[] memory weights,
        uint256 maxShareBps
    ) internal pure returns (uint256 count, uint256 total) {
        for (uint256 i; i < weights.length; ++i) {
            if (weights[i] == 0) continue;
            total += weights[i];
            ++count;
        }
        while (count != 0) {
            uint256 heaviest;
            uint256 at;
            for (uint256 i; i < weights.length; ++i) {
                if (weights[i] >= heaviest) (heaviest, at) = (weights[i], i);
            }
            if (heaviest * BPS <= maxShareBps * total) break;
            weights[at] = 0;
            total -= heaviest;
            --count;
        }
    }
}
