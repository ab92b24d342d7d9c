// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Module} from "../access/Module.sol";

/// Stake's storage with a field put in front: what a layout check has to refuse.
contract StakeShifted is Module {
    struct Account {
        uint96 active;
        uint96 locked;
        uint40 suspendedUntil;
        uint24 misses;
        uint96 unbonding;
        uint96 jobLocked;
    }

    struct Unbonding {
        uint96 amount;
        uint64 startedAt;
        uint32 duration;
    }

    /// @custom:storage-location erc7201:mednexus.storage.Stake
    struct StakeStorage {
        uint256 inserted;
        address token;
        mapping(address party => Account) accounts;
        mapping(address party => Unbonding[16]) unbondings;
    }
}

/// Stake's storage with a field at the end, and a function that the old code lacks: a legal upgrade.
contract StakeExtended is Module {
    struct Account {
        uint96 active;
        uint96 locked;
        uint40 suspendedUntil;
        uint24 misses;
        uint96 unbonding;
        uint96 jobLocked;
    }

    struct Unbonding {
        uint96 amount;
        uint64 startedAt;
        uint32 duration;
    }

    /// @custom:storage-location erc7201:mednexus.storage.Stake
    struct StakeStorage {
        address token;
        mapping(address party => Account) accounts;
        mapping(address party => Unbonding[16]) unbondings;
        uint256 appended;
    }

    bytes32 private constant STAKE_SLOT = 0x902244109a0d106b52406564665a3c79026c794938cbfd6ad9b8ec0204633f00;

    function activeOf(address party) external view returns (uint256) {
        return _stake().accounts[party].active;
    }

    function version() external pure returns (uint256) {
        return 2;
    }

    function _stake() private pure returns (StakeStorage storage $) {
        assembly {
            $.slot := STAKE_SLOT
        }
    }
}

/// Any module's next version, with something to set up: closed to everybody but the authority, so that an upgrade that forgot the call gives nobody an opening.
contract NextModule is Module {
    /// @custom:storage-location erc7201:mednexus.storage.NextModule
    struct NextStorage {
        uint256 value;
    }

    bytes32 private constant NEXT_SLOT = 0x046f0e16c908a6d714d9cce477bbc3cde443c901bd19d121968382a773012900;

    function initializeNext(uint256 value) external restricted reinitializer(2) {
        _next().value = value;
    }

    function next() external view returns (uint256) {
        return _next().value;
    }

    function _next() private pure returns (NextStorage storage $) {
        assembly {
            $.slot := NEXT_SLOT
        }
    }
}
