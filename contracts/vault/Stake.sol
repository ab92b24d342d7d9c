// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Module, Modules} from "../access/Module.sol";
import {IProtocolParameters} from "../interfaces/IProtocolParameters.sol";
import {IStake} from "../interfaces/IStake.sol";
import {IVault} from "../interfaces/IVault.sol";
import {Purposes} from "../libraries/Purposes.sol";

/// @title Stake: see IStake. The money itself lies in the vault under (STAKE, party).
contract Stake is IStake, Module {
    /// Entries a party may have unbonding: a slash walks through all of them, so the number is small and only the party's own doing.
    uint256 public constant MAX_UNBONDINGS = 16;

    /// First slot: all that RoundManager's `lock` touches. uint96 holds 7.9e10 whole tokens of 18 decimals.
    struct Account {
        uint96 active;
        uint96 locked; // by both lockers; may exceed `active` after a slash, until released
        uint40 suspendedUntil; // unix seconds
        uint24 misses; // since the last suspension
        uint96 unbonding;
        uint96 jobLocked; // the part of `locked` that ComputeMarket holds; the rest is RoundManager's
    }

    struct Unbonding {
        uint96 amount; // 0: empty
        uint64 startedAt; // unix seconds
        uint32 duration; // seconds
    }

    /// @custom:storage-location erc7201:mednexus.storage.Stake
    struct StakeStorage {
        address token;
        mapping(address party => Account) accounts;
        mapping(address party => Unbonding[MAX_UNBONDINGS]) unbondings;
    }

    // keccak256(abi.encode(uint256(keccak256("mednexus.storage.Stake")) - 1)) & ~bytes32(uint256(0xff)); recomputed in a test
    bytes32 private constant STAKE_SLOT = 0x902244109a0d106b52406564665a3c79026c794938cbfd6ad9b8ec0204633f00;

    uint256 private constant BPS = 10_000;

    function initialize(address authority, address token_) external initializer {
        if (token_ == address(0)) revert IVault.ZeroAddress();
        __Module_init(authority);
        _stake().token = token_;
    }

    // --- the party

    /// @inheritdoc IStake
    function deposit(uint256 amount) external {
        if (amount == 0) revert ZeroAmount();
        _parameters().requireEntriesOpen();
        StakeStorage storage $ = _stake();
        Account storage account = $.accounts[msg.sender];
        uint256 active = account.active + amount;
        // Also bounds active + unbonding, so that every sum below fits.
        if (amount > type(uint96).max || active + account.unbonding > type(uint96).max) revert StakeTooLarge(amount);
        account.active = uint96(active);
        emit Staked(msg.sender, amount);
        _vault().deposit($.token, Purposes.STAKE, _id(msg.sender), msg.sender, amount);
    }

    /// @inheritdoc IStake
    function unbond(uint256 amount) external returns (uint256 index) {
        if (amount == 0) revert ZeroAmount();
        StakeStorage storage $ = _stake();
        Account storage account = $.accounts[msg.sender];
        _requireFree(msg.sender, account, amount);
        Unbonding[MAX_UNBONDINGS] storage entries = $.unbondings[msg.sender];
        while (entries[index].amount != 0) {
            if (++index == MAX_UNBONDINGS) revert TooManyUnbondings(msg.sender, MAX_UNBONDINGS);
        }
        uint32 duration = _parameters().get().unbonding;
        // amount <= free <= active, and active + unbonding fits by `deposit`.
        unchecked {
            account.active -= uint96(amount);
            account.unbonding += uint96(amount);
        }
        entries[index] = Unbonding(uint96(amount), uint64(block.timestamp), duration);
        emit UnbondingStarted(msg.sender, index, amount, uint64(block.timestamp) + duration);
    }

    /// @inheritdoc IStake
    function withdrawUnbonded(uint256 index) external {
        StakeStorage storage $ = _stake();
        if (index >= MAX_UNBONDINGS) revert NoSuchUnbonding(msg.sender, index);
        Unbonding storage entry = $.unbondings[msg.sender][index];
        uint96 amount = entry.amount;
        if (amount == 0) revert NoSuchUnbonding(msg.sender, index);
        uint64 releaseAt = _releaseAt(entry);
        if (block.timestamp < releaseAt) revert StillUnbonding(releaseAt);
        delete $.unbondings[msg.sender][index];
        $.accounts[msg.sender].unbonding -= amount;
        emit Unbonded(msg.sender, amount);
        _vault().credit($.token, Purposes.STAKE, _id(msg.sender), msg.sender, amount);
    }

    // --- modules

    /// @inheritdoc IStake
    function lock(address party, uint256 amount) external {
        bool forJob = _isJobLocker();
        Account storage account = _stake().accounts[party];
        if (block.timestamp < account.suspendedUntil) revert PartySuspended(party);
        _requireFree(party, account, amount);
        unchecked {
            account.locked += uint96(amount); // locked + amount <= active
            if (forJob) account.jobLocked += uint96(amount); // <= locked
        }
        emit Locked(party, msg.sender, amount);
    }

    /// @inheritdoc IStake
    function unlock(address party, uint256 amount) external {
        bool forJob = _isJobLocker();
        Account storage account = _stake().accounts[party];
        uint256 own = _lockedFor(account, forJob);
        if (amount > own) revert InsufficientLock(party, msg.sender, own, amount);
        unchecked {
            account.locked -= uint96(amount); // amount <= own <= locked
            if (forJob) account.jobLocked -= uint96(amount); // own == jobLocked
        }
        emit Unlocked(party, msg.sender, amount);
    }

    /// @inheritdoc IStake
    function slash(
        address party,
        uint256 amount,
        uint256 loss,
        bytes32 offence,
        bytes32 compPurpose,
        bytes32 compParty
    ) external returns (uint256 slashed, uint256 compensation) {
        Modules storage m = _modules();
        bool slasher = msg.sender == m.disputes || msg.sender == m.sums || msg.sender == m.settlement;
        slasher = slasher || msg.sender == m.compute;
        if (!slasher) revert NotSlasher(msg.sender);
        // The money must reach an account of the module that computed the loss, or a slash could be sent astray.
        if (_vault().moduleOf(compPurpose) != msg.sender) revert ForeignPurpose(compPurpose, msg.sender);
        IProtocolParameters.Parameters memory p = _parameters().get();

        slashed = _take(party, amount);
        uint256 cut = Math.mulDiv(slashed, p.treasuryCutBps, BPS, Math.Rounding.Ceil);
        compensation = Math.min(loss, slashed - cut);
        emit Slashed(party, msg.sender, offence, slashed, compensation, slashed - compensation);
        _countMiss(party, p.suspendAfter, p.suspension);
        _pay(party, compPurpose, compParty, compensation, slashed - compensation);
    }

    // --- views

    /// @inheritdoc IStake
    function token() external view returns (address) {
        return _stake().token;
    }

    /// @inheritdoc IStake
    function activeOf(address party) external view returns (uint256) {
        return _stake().accounts[party].active;
    }

    /// @inheritdoc IStake
    function lockedOf(address party) external view returns (uint256) {
        return _stake().accounts[party].locked;
    }

    /// @inheritdoc IStake
    function lockedBy(address party, address module) external view returns (uint256) {
        Modules storage m = _modules();
        if (module != m.rounds && module != m.compute) return 0;
        return _lockedFor(_stake().accounts[party], module == m.compute);
    }

    /// @inheritdoc IStake
    function freeOf(address party) external view returns (uint256) {
        return _free(_stake().accounts[party]);
    }

    /// @inheritdoc IStake
    function unbondingOf(address party) external view returns (uint256) {
        return _stake().accounts[party].unbonding;
    }

    /// @inheritdoc IStake
    function missesOf(address party) external view returns (uint32) {
        return _stake().accounts[party].misses;
    }

    /// @inheritdoc IStake
    function isSuspended(address party) external view returns (bool) {
        return block.timestamp < _stake().accounts[party].suspendedUntil;
    }

    /// @inheritdoc IStake
    function unbondingAt(address party, uint256 index) external view returns (uint256 amount, uint64 releaseAt) {
        Unbonding storage entry = _stake().unbondings[party][index];
        amount = entry.amount;
        if (amount != 0) releaseAt = _releaseAt(entry);
    }

    // --- internals

    /// Takes up to `amount`: free stake first, then unbonding, then what is locked.
    function _take(address party, uint256 amount) private returns (uint256 taken) {
        Account storage account = _stake().accounts[party];
        uint256 active = account.active;
        uint256 unbonding = account.unbonding;
        taken = Math.min(amount, active + unbonding);

        uint256 fromFree = Math.min(taken, _free(account));
        uint256 fromUnbonding = Math.min(taken - fromFree, unbonding);
        // What is left of `taken` is at most the locked part of `active`.
        account.active = uint96(active - (taken - fromUnbonding));
        account.unbonding = uint96(unbonding - fromUnbonding);
        Unbonding[MAX_UNBONDINGS] storage entries = _stake().unbondings[party];
        for (uint256 i; fromUnbonding != 0; ++i) {
            uint256 part = Math.min(fromUnbonding, entries[i].amount);
            entries[i].amount -= uint96(part);
            fromUnbonding -= part;
        }
    }

    function _countMiss(address party, uint16 suspendAfter, uint32 suspension) private {
        Account storage account = _stake().accounts[party];
        uint24 misses = account.misses + 1; // at most suspendAfter <= 100, or one above when the governor lowered it
        if (misses < suspendAfter) {
            account.misses = misses;
            return;
        }
        account.misses = 0;
        account.suspendedUntil = uint40(block.timestamp + suspension);
        emit Suspended(party, misses);
    }

    function _pay(address party, bytes32 purpose, bytes32 to, uint256 compensation, uint256 toTreasury) private {
        address token_ = _stake().token;
        _vault().move(token_, Purposes.STAKE, _id(party), purpose, to, compensation);
        _vault().credit(token_, Purposes.STAKE, _id(party), _parameters().treasury(), toTreasury);
    }

    /// Whether ComputeMarket calls, or RoundManager; nobody else locks.
    function _isJobLocker() private view returns (bool forJob) {
        if (msg.sender == _modules().rounds) return false;
        if (msg.sender != _modules().compute) revert NotLocker(msg.sender);
        return true;
    }

    function _lockedFor(Account storage account, bool forJob) private view returns (uint256) {
        return forJob ? account.jobLocked : account.locked - account.jobLocked;
    }

    function _requireFree(address party, Account storage account, uint256 amount) private view {
        uint256 free = _free(account);
        if (amount > free) revert InsufficientFreeStake(party, free, amount);
    }

    function _free(Account storage account) private view returns (uint256) {
        return Math.saturatingSub(account.active, account.locked);
    }

    /// The shorter of the time that held at the start and the one that holds now: an entry never waits longer than a module replaced under today's rules.
    /// Both exceed every dispute window by ProtocolParameters' hard bounds.
    function _releaseAt(Unbonding storage entry) private view returns (uint64) {
        return entry.startedAt + uint64(Math.min(entry.duration, _parameters().get().unbonding));
    }

    function _vault() private view returns (IVault) {
        return IVault(_modules().vault);
    }

    function _parameters() private view returns (IProtocolParameters) {
        return IProtocolParameters(_modules().parameters);
    }

    function _id(address party) private pure returns (bytes32) {
        return bytes32(uint256(uint160(party)));
    }

    function _stake() private pure returns (StakeStorage storage $) {
        assembly {
            $.slot := STAKE_SLOT
        }
    }
}
