// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

/// @title ProtocolParameters: what the governor may change, inside hard bounds; and the guardian's pause of entries.
/// @notice Relation kept for all legal values: maxDisputeWindows < unbonding < upgradeDelay. Campaigns and rounds snapshot
/// what they run under (P10).
interface IProtocolParameters {
    struct Parameters {
        uint32 minWindow; // s; each campaign window is at least this; 5 minutes (devnets: 1 s) .. 1 day
        uint32 maxDisputeWindows; // s; sum of a campaign's windows from commit to answer is at most this; 8 · minWindow .. 14 days
        uint32 unbonding; // s; 15..60 days (hard)
        uint32 upgradeDelay; // s; 16..90 days (hard)
        uint16 protocolFeeBps; // of data pool + committee pool + prover fee, on top; <= 500
        uint16 treasuryCutBps; // of each slash; 2,000..10,000
        uint16 suspendAfter; // misses; 1..100
        uint32 suspension; // s a suspension lasts; 1..365 days
        uint128 minBond; // smallest unit; 1..1,000,000 whole tokens, as the two below
        uint128 minNodeLock;
        uint128 minComplaintBond;
    }

    event ParametersChanged(Parameters parameters);
    event TreasuryChanged(address treasury);
    event EntriesPaused(address indexed guardian, uint64 until);
    event EntriesResumed(address indexed by);

    error OutOfBounds(bytes32 parameter, uint256 value, uint256 min, uint256 max);
    error RelationBroken(uint256 disputeWindows, uint256 unbonding, uint256 upgradeDelay);
    error PauseTooLong(uint256 requested, uint256 remaining);
    error TooManyPauses(uint256 limit);
    error ZeroTreasury();
    error EntriesArePaused(uint64 until);

    function set(Parameters calldata parameters) external; // governor
    function setTreasury(address treasury) external; // governor
    /// Guardian. Entries (campaign, round, job, new stake) stop until now + `duration`; exits, answers and revocations never do. Within any 30 days, wherever
    /// they start, at most 7 days are paused. A call while paused moves the end of the running pause; at most 8 pauses in 30 days.
    function pauseEntries(uint32 duration) external;
    function resumeEntries() external; // guardian or governor

    function get() external view returns (Parameters memory);
    function treasury() external view returns (address);
    function requireEntriesOpen() external view;
    function entriesPausedUntil() external view returns (uint64);
}
