// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

/// @title Stake: one stake per party in the protocol's stablecoin, locked by modules, slashed for objective offences only.
/// @notice stake(party) = active + unbonding. Locks are taken from active stake only (free = active − locked). A slash reaches locked, free
/// and unbonding stake, in that order. Unbonding lasts longer than every dispute window (P6).
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
    event Reinstated(address indexed party);

    error NotLocker(address caller);
    error InsufficientFreeStake(address party, uint256 free, uint256 needed);
    error InsufficientLock(address party, address module, uint256 locked, uint256 needed);
    error StillUnbonding(uint64 releaseAt);
    error TooManyUnbondings(address party, uint256 limit);
    error PartySuspended(address party);
    error ZeroAmount();

    /// Pulls `amount` of the stake token from the caller through the vault. An entry: refused while entries are paused.
    function deposit(uint256 amount) external;
    /// Starts unbonding free active stake. At most 16 entries at a time.
    function unbond(uint256 amount) external returns (uint256 index);
    /// Credits a matured entry to the caller's vault credit. Never paused.
    function withdrawUnbonded(uint256 index) external;

    /// Modules only. Locks free active stake; refuses suspended parties.
    function lock(address party, uint256 amount) external;
    /// Modules only. Releases the calling module's own lock.
    function unlock(address party, uint256 amount) external;
    /// Modules only. Slashes up to `amount` of what `party` has (locks of the calling module shrink first), at least 20 % of it to the treasury;
    /// min(loss, 80 %) goes to vault (compPurpose, compParty), which must belong to the calling module. Counts a miss; suspends after N misses.
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
}
