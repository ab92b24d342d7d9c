// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {CampaignId, DatasetId, ModelId, RoundId, SrsId, VerifierId} from "../types/Ids.sol";
import {G1} from "../types/Curve.sol";
import {RoundKind, RoundState, UpdateDetail} from "../types/Training.sol";

/// @title RoundManager: open, draw, commit, verify, share, freeze.
/// @notice One round: Open → Commit → Share → Frozen → Summed → Finalized | Closed, or FailedEarly / FailedSums. Every state has a permissionless exit after its deadline (P9).
/// Points that many rounds never read again are not stored: updates are kept as hashes and re-supplied by callers from events.
interface IRoundManager {
    /// Snapshot and progress. Times are unix seconds. Field order is storage order: what a submission writes shares the first slot.
    struct Round {
        CampaignId campaign;
        RoundState state;
        RoundKind kind;
        uint8 nodes; // S
        uint8 threshold; // t
        bool eager;
        uint8 acks; // nodes that acknowledged all shares
        uint16 openComplaints;
        uint16 submitted;
        uint16 verified; // ever verified, those excluded later included
        uint32 n;
        uint64 commitUntil;
        ModelId model;
        uint32 baseVersion;
        VerifierId updateVerifier;
        VerifierId aggregateVerifier;
        SrsId srs;
        uint64 drawBlock;
        uint64 openedAt;
        uint64 shareFrom; // start of the share phase
        uint64 frozenAt;
        uint16 minParticipants;
        uint16 maxShareBps;
        bool tooFew; // the freeze left fewer than minParticipants
        bytes32 updateKeyHash;
        bytes32 aggregateKeyHash;
        bytes32 srsHash;
        G1 base; // C_M(t)
    }

    /// One accepted submission. Key: memberKey = keccak256(abi.encode(institution, C)), over all rounds: no institution submits one C twice.
    struct Update {
        address institution;
        uint64 records; // n̂
        uint16 index; // in submission order
        bool verified;
        bool excluded;
        DatasetId dataset;
        uint32 datasetVersion;
        uint64 consentEpoch;
        RoundId round;
        bool bondReleased;
        bytes32 detailHash; // keccak256(abi.encode(A[], shareManifest, h, y, W, proof))
    }

    /// What the freeze fixes.
    struct Frozen {
        bytes32 setHash;
        G1 cAgg;
        bytes32 consentSetHash; // Transcript.consentSetHash of the included members' (dataset, version, epoch), in submission order
        uint256 included; // bitmap over submission order
        uint16 count;
        uint64 totalRecords; // Σ n̂
        uint64 lambda; // λ_t, 0 for Statistics
        uint64 blockNumber;
        uint48 summedAt; // t+1 sums stand since; 0: they do not
    }

    event RoundOpened(
        RoundId indexed round,
        CampaignId indexed campaign,
        ModelId indexed model,
        RoundKind kind,
        uint32 baseVersion,
        G1 base,
        uint64 drawBlock
    );
    event DrawRearmed(RoundId indexed round, uint64 drawBlock);
    event CommitteeDrawn(RoundId indexed round, address[] nodes, G1[] keys, uint64 commitUntil);
    event UpdateSubmitted(
        RoundId indexed round,
        address indexed institution,
        DatasetId indexed dataset,
        uint16 index,
        bool verified, // eager rounds verify here, batched ones later (UpdatesVerified)
        uint32 datasetVersion,
        uint64 consentEpoch,
        uint64 records,
        uint256 normBound2,
        UpdateDetail detail
    );
    /// Batched rounds. In an eager round UpdateSubmitted says it: nothing unverified is stored.
    /// `members`: bitmap over submission order of one batch, `count` of them.
    event UpdatesVerified(RoundId indexed round, uint256 members, uint16 count);
    event CommitEnded(RoundId indexed round, uint64 shareFrom);
    event SharesAcknowledged(RoundId indexed round, address indexed node, uint256 nodeIndex);
    event MemberExcluded(RoundId indexed round, address indexed institution, uint16 index, bytes32 reason);
    event RoundFrozen(
        RoundId indexed round,
        bytes32 setHash,
        G1 cAgg,
        uint256 included,
        uint16 count,
        uint64 totalRecords,
        uint64 lambda
    );
    event RoundStateChanged(RoundId indexed round, RoundState state);

    error NoSuchRound(RoundId round);
    error WrongState(RoundId round, RoundState state);
    error TooEarly(uint256 until);
    error TooLate(uint256 until);
    error DrawNotReady(uint256 drawBlock);
    error PoolTooSmall(uint256 eligible, uint256 needed);
    error WrongDataset(DatasetId expected, DatasetId given);
    error WrongThreshold(uint256 given, uint256 expected);
    error AlreadySubmitted(address institution);
    error CommitmentReused(address institution);
    error NotPairAgreed(CampaignId campaign);
    error TooFewEnrolled(uint256 enrolled, uint256 needed);
    error IllegalTransition(RoundState from, RoundState to);
    error ZeroWeight();
    error ProofRejected();
    error UnknownUpdate(bytes32 memberKey);
    error DetailMismatch(bytes32 memberKey);
    error AlreadyVerified(bytes32 memberKey);
    error NotNode(address caller);
    error AlreadyAcknowledged(address node);
    error ComplaintsOpen(uint256 count);
    error TooFewParticipants(uint256 count, uint256 needed);
    error MemberListMismatch();
    error StatisticsUsed(DatasetId dataset, uint32 version);

    /// Anybody, when the campaign is live, has rounds left and no live round. Snapshots base, verifier ids (must be live) and keys. An entry (pausable).
    function openRound(CampaignId campaign) external returns (RoundId);
    /// Anybody, after drawBlock and until openedAt + draw window; picks S nodes from the pool and locks their stake. More than 256 blocks late: re-arms instead.
    /// Fairness: the pool is closed from openRound to the draw, drawBlock was in the future when it closed, and one permutation of the pool follows from that
    /// block's hash alone; the first S eligible nodes in its order are taken. Who calls, when, and how often a reverting wrapper retries changes nothing. A node
    /// can make itself ineligible (withdraw stake) before the draw: that only gives its own seat to the next in the order. What remains is the block
    /// proposer's one choice to publish or lose its block; chains without usable block hashes name the committee (drawDelay 0), in pool and eligible all the same.
    function draw(RoundId round) external;
    /// An enrolled institution. Eager rounds verify here; batched rounds store. The submission (or verifyBatch) after which every enrolled member's update is in
    /// and verified ends the commit phase.
    function submitUpdate(RoundId round, DatasetId dataset, UpdateDetail calldata detail) external;
    /// Batched rounds: anybody, any subset of unverified updates, until the freeze. All or nothing per call; a bad one never blocks others since callers choose
    /// subsets, and an update left out by every poster is verified by its own member.
    function verifyBatch(RoundId round, address[] calldata institutions, UpdateDetail[] calldata details) external;
    /// Anybody: ends the commit phase after commitUntil, when some member has not submitted or, batched, was not verified.
    function endCommit(RoundId round) external;
    /// A committee node: the shares of all submitted, not excluded members arrived and check. When all nodes have said so (and nothing is left to verify), the
    /// share phase ends.
    function acknowledgeShares(RoundId round) external;
    /// Anybody, when the share phase is over and no complaint is open. `institutions` and `cs`: submitter and C of every submission in submission order
    /// (verified against stored keys). Leaves out unverified, excluded, those whose consent epoch moved, and, heaviest first, weights over maxShare.
    /// Below the minimum nothing freezes: the round fails early in the same transaction.
    function freeze(RoundId round, address[] calldata institutions, G1[] calldata cs) external;

    // --- ShareDisputes and RoundSettlement only
    /// ShareDisputes, in state Share: leaves the member out of the freeze. Does not touch its bond: the caller releases, then slashes it.
    function exclude(RoundId round, bytes32 memberKey, bytes32 reason) external;
    /// A complaint counts as open until nothing more can follow from it, a right to complain about the answered ciphertext included: `freeze` needs none open,
    /// and either all acknowledgements or the end of the complaint window. None can be open in any state but Share.
    function complaintOpened(RoundId round) external;
    function complaintClosed(RoundId round) external;
    /// NodeSums: Frozen → Summed, and Summed → Frozen when a faulted sum leaves fewer than t+1 standing. RoundSettlement: Summed → Finalized | Closed,
    /// Open | Commit | Share → FailedEarly, Frozen → FailedSums.
    function setState(RoundId round, RoundState state) external;
    /// ShareDisputes, RoundSettlement: releases one member's bond. A later call does nothing (an upheld complaint releases before it slashes; a claim comes after).
    function releaseBond(RoundId round, bytes32 memberKey) external;
    /// NodeSums, RoundSettlement: releases one node's lock. A later call does nothing.
    function releaseNode(RoundId round, uint256 nodeIndex) external;

    function get(RoundId round) external view returns (Round memory);
    function frozenOf(RoundId round) external view returns (Frozen memory);
    function stateOf(RoundId round) external view returns (RoundState);
    /// institution 0: unknown. The key is not bound to a round: compare `round`.
    function updateOf(bytes32 memberKey) external view returns (Update memory);
    function statisticsUsed(DatasetId dataset, uint32 version) external view returns (bool);
    function committeeOf(RoundId round) external view returns (address[] memory nodes, G1[] memory keys);
    /// Checks a re-supplied detail against the stored hash; reverts DetailMismatch. Returns ctx as the submission used it.
    function contextOf(
        RoundId round,
        address institution,
        UpdateDetail calldata detail
    ) external view returns (bytes32 ctx, bytes32 memberKey);
}
