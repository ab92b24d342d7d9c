// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

/// @title Stake: one stake per party in the protocol's stablecoin, locked by modules, slashed for objective offences only.
/// @notice stake(party) = active + unbonding, and equals what the vault holds for the party. Locks are taken from active stake only
/// (free = active − locked, never below 0). A slash takes free stake, then unbonding stake, then locked stake, so that what other rounds rely on goes last.
/// It leaves the lock itself standing: whoever took a lock releases it once; stake deposited after a slash first backs standing locks.
/// Unbonding lasts longer than every dispute window (P6): no parameter can be set otherwise.
interface IStake {
    event Staked(address indexed party, uint256 amount);
    event UnbondingStarted(address indexed party, uint256 indexed index, uint256 amount, uint64 releaseAt);
    event Unbonded(address indexed party, uint256 amount);
    event Locked(address indexed party, address indexed module, uint256 amount);
    event Unlocked(address indexed party, address indexed module, uint256 amount);
    event Slashed(
        address indexed party,
        address indexed module,
        bytes32 indexed offence,
        uint256 amount,
        uint256 compensation,
        uint256 toTreasury
    );
    event Suspended(address indexed party, uint32 misses);

    error NotLocker(address caller);
    error NotSlasher(address caller);
    error ForeignPurpose(bytes32 purpose, address caller);
    error NoSuchUnbonding(address party, uint256 index);
    error StakeTooLarge(uint256 amount);
    error InsufficientFreeStake(address party, uint256 free, uint256 needed);
    error InsufficientLock(address party, address module, uint256 locked, uint256 needed);
    error StillUnbonding(uint64 releaseAt);
    error TooManyUnbondings(address party, uint256 limit);
    error PartySuspended(address party);
    error ZeroAmount();

    /// Pulls `amount` of the stake token from the caller through the vault. An entry: refused while entries are paused.
    function deposit(uint256 amount) external;
    /// Starts unbonding free active stake, for as long as ProtocolParameters says now; should the governor shorten the time later, the shorter one holds.
    /// At most 16 entries at a time. Never paused, also open to suspended parties.
    function unbond(uint256 amount) external returns (uint256 index);
    /// Credits a matured entry to the caller's vault credit. Never paused.
    function withdrawUnbonded(uint256 index) external;

    /// RoundManager and ComputeMarket only. Locks free active stake, which is one for both; refuses suspended parties.
    function lock(address party, uint256 amount) external;
    /// RoundManager and ComputeMarket only. Each releases no more than it has locked itself.
    function unlock(address party, uint256 amount) external;
    /// ShareDisputes, NodeSums, RoundSettlement and ComputeMarket only. Slashes up to `amount` of what `party` has, at least 20 % of it to the treasury (rounded up);
    /// min(loss, the rest) goes to vault (compPurpose, compParty), which must belong to the calling module. Counts a miss; N misses suspend the party for a time
    /// and start the count anew. Never fails because the party has too little.
    /// @return slashed what was taken, @return compensation what reached compPurpose.
    function slash(
        address party,
        uint256 amount,
        uint256 loss,
        bytes32 offence,
        bytes32 compPurpose,
        bytes32 compParty
    ) external returns (uint256 slashed, uint256 compensation);

    function token() external view returns (address);
    function activeOf(address party) external view returns (uint256);
    function lockedOf(address party) external view returns (uint256);
    function lockedBy(address party, address module) external view returns (uint256);
    function freeOf(address party) external view returns (uint256);
    function unbondingOf(address party) external view returns (uint256);
    function missesOf(address party) external view returns (uint32);
    function isSuspended(address party) external view returns (bool);
    /// Amount (0: empty slot, 0 <= index < 16) and the second from which it can be withdrawn.
    function unbondingAt(address party, uint256 index) external view returns (uint256 amount, uint64 releaseAt);
}
