// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {IInstitutionRegistry} from "../interfaces/IInstitutionRegistry.sol";
import {IStake} from "../interfaces/IStake.sol";

/// @title CommitteeDraw: who sits on a round's committee, given the pool and a seed.
library CommitteeDraw {
    struct Rules {
        IInstitutionRegistry institutions;
        IStake stake;
        address[] admitters;
        bytes32 sponsorGroup; // excluded; zero: nobody
        bytes32 ownerGroup;
        uint256 seats; // S
        uint256 perGroup; // t
        uint256 nodeLock;
    }

    /// Moves the `i`-th candidate of the permutation that `seed` fixes to place `i` (Fisher–Yates, forward). Bias of the modulus: < 2^-249.
    function place(address[] memory pool, uint256 i, bytes32 seed) internal pure {
        uint256 j = i + (uint256(keccak256(abi.encode(seed, i))) % (pool.length - i));
        (pool[i], pool[j]) = (pool[j], pool[i]);
    }

    /// The first S eligible candidates in the permutation's order; seed zero keeps the given order. `count` < S: there are not enough.
    function pick(
        address[] memory candidates,
        bytes32 seed,
        Rules memory rules
    ) internal view returns (address[] memory nodes, uint256 count) {
        nodes = new address[](rules.seats);
        bytes32[] memory groups = new bytes32[](rules.seats);
        for (uint256 i; i < candidates.length && count < rules.seats; ++i) {
            if (seed != 0) place(candidates, i, seed);
            bytes32 group = _groupIfEligible(candidates[i], rules);
            if (group == 0) continue;
            uint256 taken;
            for (uint256 j; j < count; ++j) if (groups[j] == group) ++taken;
            if (taken >= rules.perGroup) continue;
            (nodes[count], groups[count]) = (candidates[i], group);
            ++count;
        }
    }

    /// `named` without those that are not in `pool`: nobody sits on a committee unasked.
    function present(address[] memory named, address[] memory pool) internal pure returns (address[] memory kept) {
        kept = new address[](named.length);
        uint256 count;
        for (uint256 i; i < named.length; ++i) {
            for (uint256 j; j < pool.length; ++j) {
                if (pool[j] != named[i]) continue;
                kept[count++] = named[i];
                break;
            }
        }
        // count <= kept.length: only shortens.
        assembly ("memory-safe") {
            mstore(kept, count)
        }
    }

    function _groupIfEligible(address node, Rules memory rules) private view returns (bytes32 group) {
        group = rules.institutions.groupOf(node, rules.admitters);
        if (group == rules.sponsorGroup || group == rules.ownerGroup) return 0;
        if (group == 0 || rules.stake.isSuspended(node) || rules.stake.freeOf(node) < rules.nodeLock) return 0;
    }
}
