// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {Module} from "../access/Module.sol";
import {IProtocolParameters} from "../interfaces/IProtocolParameters.sol";
import {IStake} from "../interfaces/IStake.sol";
import {Devnet} from "../libraries/Devnet.sol";

/// @title ProtocolParameters: see IProtocolParameters.
contract ProtocolParameters is IProtocolParameters, Module {
    /// In any PAUSE_PERIOD; a ring of so many remembers all that count.
    uint256 public constant MAX_PAUSES = 8;

    struct Pause {
        uint64 from; // unix seconds
        uint64 until; // 0: unused entry
    }

    /// @custom:storage-location erc7201:mednexus.storage.ProtocolParameters
    struct ParametersStorage {
        Parameters parameters;
        address treasury;
        uint64 pausedUntil; // end of the latest pause
        uint8 latest; // its place in `pauses`
        Pause[MAX_PAUSES] pauses; // ring
    }

    // Hard bounds. Nobody changes them but an upgrade, after the upgrade delay.

    /// A member must get a transaction mined in it, with a fee bump: 25 blocks of 12 s. Devnets mine on demand.
    uint32 public constant MIN_WINDOW_FLOOR = 5 minutes;
    uint32 public constant MIN_WINDOW_CEILING = 1 days;
    /// commit, complaint, ciphertext, reveal, opening, sums, challenge, answer: with less, no campaign could open.
    uint32 public constant DISPUTE_WINDOWS = 8;
    uint32 public constant MAX_DISPUTE_WINDOWS = 14 days;
    /// A day more than the longest dispute, for inclusion and reorganisations. Stake relies on this bound, not only on the current values:
    /// a campaign may have opened under longer windows than those set since.
    uint32 public constant MIN_UNBONDING = MAX_DISPUTE_WINDOWS + 1 days;
    /// Below the vault's least module delay (61 days).
    uint32 public constant MAX_UNBONDING = 60 days;
    /// A day to notice, then unbond.
    uint32 public constant MIN_UPGRADE_DELAY = MIN_UNBONDING + 1 days;
    uint32 public constant MAX_UPGRADE_DELAY = 90 days;
    uint16 public constant MAX_PROTOCOL_FEE_BPS = 500;
    /// Makes slashing oneself through an accomplice a loss.
    uint16 public constant MIN_TREASURY_CUT_BPS = 2_000;
    uint16 public constant MAX_TREASURY_CUT_BPS = 10_000;
    uint16 public constant MAX_SUSPEND_AFTER = 100;
    uint32 public constant MIN_SUSPENSION = 1 days;
    uint32 public constant MAX_SUSPENSION = 365 days;
    /// Whole tokens: a higher bond would shut everybody out.
    uint256 public constant MAX_BOND_TOKENS = 1_000_000;

    uint64 public constant PAUSE_BUDGET = 7 days;
    uint64 public constant PAUSE_PERIOD = 30 days;

    // keccak256(abi.encode(uint256(keccak256("mednexus.storage.ProtocolParameters")) - 1)) & ~bytes32(uint256(0xff)); recomputed in a test
    bytes32 private constant PARAMETERS_SLOT = 0x5d24777edad95554b15fc5fc14da2199158f19f56ec05924bc65a939e65a0f00;

    function initialize(address authority, Parameters calldata parameters, address treasury_) external initializer {
        __Module_init(authority);
        _set(parameters);
        _setTreasury(treasury_);
    }

    /// @inheritdoc IProtocolParameters
    function set(Parameters calldata parameters) external restricted {
        _set(parameters);
    }

    /// @inheritdoc IProtocolParameters
    function setTreasury(address treasury_) external restricted {
        _setTreasury(treasury_);
    }

    /// @inheritdoc IProtocolParameters
    function pauseEntries(uint32 duration) external restricted {
        ParametersStorage storage $ = _parameters();
        uint64 from = uint64(block.timestamp);
        uint64 until = from + duration;
        if (from < $.pausedUntil) {
            from = $.pauses[$.latest].from; // moves the end of the running pause
        } else {
            uint8 next = uint8(($.latest + 1) % MAX_PAUSES);
            // The entry to be overwritten must have left every 30 days that hold a part of the new pause.
            if ($.pauses[next].until + PAUSE_PERIOD > until) revert TooManyPauses(MAX_PAUSES);
            $.latest = next;
        }
        $.pauses[$.latest] = Pause(from, until);
        _requireBudget($, until, duration);
        $.pausedUntil = until;
        emit EntriesPaused(msg.sender, until);
    }

    /// @inheritdoc IProtocolParameters
    function resumeEntries() external restricted {
        ParametersStorage storage $ = _parameters();
        if (block.timestamp >= $.pausedUntil) return;
        $.pauses[$.latest].until = uint64(block.timestamp);
        $.pausedUntil = uint64(block.timestamp);
        emit EntriesResumed(msg.sender);
    }

    /// @inheritdoc IProtocolParameters
    function get() external view returns (Parameters memory) {
        return _parameters().parameters;
    }

    /// @inheritdoc IProtocolParameters
    function treasury() external view returns (address) {
        return _parameters().treasury;
    }

    /// @inheritdoc IProtocolParameters
    function requireEntriesOpen() external view {
        uint64 until = _parameters().pausedUntil;
        if (block.timestamp < until) revert EntriesArePaused(until);
    }

    /// @inheritdoc IProtocolParameters
    function entriesPausedUntil() external view returns (uint64) {
        return _parameters().pausedUntil;
    }

    // --- internals

    /// The 30 days that end with the new pause hold at least as much of it, and of earlier ones, as any other 30 days do: sliding them back loses as much
    /// of the running pause as it can gain, sliding them on gains nothing until another pause is asked for. So one sum decides.
    function _requireBudget(ParametersStorage storage $, uint64 until, uint32 requested) private view {
        uint64 start = until - PAUSE_PERIOD;
        uint256 used;
        for (uint256 i; i < MAX_PAUSES; ++i) {
            Pause memory p = $.pauses[i];
            if (p.until > start) used += p.until - (p.from > start ? p.from : start);
        }
        if (used <= PAUSE_BUDGET) return;
        uint256 excess = used - PAUSE_BUDGET;
        revert PauseTooLong(requested, excess < requested ? requested - excess : 0);
    }

    function _set(Parameters calldata p) private {
        _bound("minWindow", p.minWindow, Devnet.here() ? 1 : MIN_WINDOW_FLOOR, MIN_WINDOW_CEILING);
        // minWindow <= 1 day, so that 8 of them fit below 14 days.
        uint256 leastDispute = DISPUTE_WINDOWS * p.minWindow;
        _bound("maxDisputeWindows", p.maxDisputeWindows, leastDispute, MAX_DISPUTE_WINDOWS);
        _bound("unbonding", p.unbonding, MIN_UNBONDING, MAX_UNBONDING);
        _bound("upgradeDelay", p.upgradeDelay, MIN_UPGRADE_DELAY, MAX_UPGRADE_DELAY);
        if (p.maxDisputeWindows >= p.unbonding || p.unbonding >= p.upgradeDelay) {
            revert RelationBroken(p.maxDisputeWindows, p.unbonding, p.upgradeDelay);
        }
        _bound("protocolFeeBps", p.protocolFeeBps, 0, MAX_PROTOCOL_FEE_BPS);
        _bound("treasuryCutBps", p.treasuryCutBps, MIN_TREASURY_CUT_BPS, MAX_TREASURY_CUT_BPS);
        _bound("suspendAfter", p.suspendAfter, 1, MAX_SUSPEND_AFTER);
        _bound("suspension", p.suspension, MIN_SUSPENSION, MAX_SUSPENSION);
        uint256 limit = _bondLimit();
        _bound("minBond", p.minBond, 1, limit);
        _bound("minNodeLock", p.minNodeLock, 1, limit);
        _bound("minComplaintBond", p.minComplaintBond, 1, limit);
        _parameters().parameters = p;
        emit ParametersChanged(p);
    }

    /// In the stake token's smallest unit. The deployer's first values come before there is a stake token and are not bound by it.
    function _bondLimit() private view returns (uint256) {
        address stake = _modules().stake;
        if (stake == address(0)) return type(uint128).max;
        return MAX_BOND_TOKENS * 10 ** IERC20Metadata(IStake(stake).token()).decimals();
    }

    function _setTreasury(address treasury_) private {
        if (treasury_ == address(0)) revert ZeroTreasury();
        _parameters().treasury = treasury_;
        emit TreasuryChanged(treasury_);
    }

    function _bound(bytes32 name, uint256 value, uint256 min, uint256 max) private pure {
        if (value < min || value > max) revert OutOfBounds(name, value, min, max);
    }

    function _parameters() private pure returns (ParametersStorage storage $) {
        assembly {
            $.slot := PARAMETERS_SLOT
        }
    }
}
