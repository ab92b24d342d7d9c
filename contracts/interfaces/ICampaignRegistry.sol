// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {CampaignId, DatasetId, ModelId, RoundId} from "../types/Ids.sol";
import {CampaignTerms, Prices, Windows} from "../types/Training.sol";

/// @title CampaignRegistry: terms, prepaid escrow, enrolment, node pool.
/// @notice Escrow for all rounds and tips is prepaid when the campaign opens. Terms never change afterwards.
interface ICampaignRegistry {
    enum CampaignState {
        None,
        Live,
        Ended, // all rounds used
        Cancelled
    }

    /// Field order is storage order: what a round's end writes shares a slot.
    struct Campaign {
        CampaignState state;
        address sponsor;
        address token;
        uint16 roundsLeft;
        uint16 protocolFeeBps; // snapshot
        uint32 idleLimit; // s of idleness after which anybody may cancel: the unbonding time, snapshot
        uint128 roundCost; // what one round reserves
        RoundId liveRound; // 0: none
        uint64 idleFrom; // last opening or end of a round, or the campaign's opening
    }

    /// What a round's end needs of its campaign.
    struct Settling {
        address token;
        uint16 protocolFeeBps;
        uint128 roundCost;
        uint32 ramp; // s
        uint64 growth; // λ·2^f·B, of the model's bound by one round
        Prices prices;
    }

    /// Why a member may contribute now, and with what weight: everything that a submission asks the registries.
    struct Eligibility {
        DatasetId dataset;
        uint32 version; // current one
        uint8 seat; // 0-based place among the members; stable during a commit phase
        uint64 consentEpoch;
        uint64 records; // n̂ = min(audited, cap)
        uint256 normBound2; // B_i² = ⌊B²·n̂²/cap²⌋
    }

    event CampaignOpened(
        CampaignId indexed campaign,
        ModelId indexed model,
        address indexed sponsor,
        address token,
        uint256 escrow,
        bytes32 termsHash,
        CampaignTerms terms
    );
    event Enrolled(
        CampaignId indexed campaign,
        address indexed institution,
        DatasetId indexed dataset,
        bytes32 groupId
    );
    event Withdrew(CampaignId indexed campaign, address indexed institution);
    event NodeJoined(CampaignId indexed campaign, address indexed node, bytes32 groupId);
    event NodeLeft(CampaignId indexed campaign, address indexed node);
    event PairAgreed(CampaignId indexed campaign, address indexed institution);
    event RoundReserved(CampaignId indexed campaign, RoundId indexed round, uint256 amount);
    event CampaignEnded(CampaignId indexed campaign, CampaignState state, uint256 refund);

    error BadTerms(bytes32 what);
    error BadOwnerApproval(address owner);
    error NonceUsed(address owner, uint256 nonce);
    error ApprovalExpired(uint64 deadline);
    error NoSuchCampaign(CampaignId campaign);
    error CampaignNotLive(CampaignId campaign);
    error RoundLive(CampaignId campaign, RoundId round);
    error NotSponsor(CampaignId campaign, address caller);
    error AlreadyEnrolled(CampaignId campaign, address institution);
    error NotEnrolled(CampaignId campaign, address institution);
    error GroupTaken(CampaignId campaign, bytes32 groupId);
    error PoolFrozen(CampaignId campaign, RoundId round); // joining or leaving while a draw is pending
    error PoolFull(CampaignId campaign, uint256 limit);
    error WrongSchema(DatasetId dataset, bytes32 expected, bytes32 found);
    error PairDisagreement(CampaignId campaign);
    error GroupChanged(address institution, bytes32 enrolled, bytes32 found);
    error PoolMember(CampaignId campaign, address node);
    error NotPoolMember(CampaignId campaign, address node);
    error NotRegistered(address node);
    error InsufficientStake(address node, uint256 free, uint256 needed);
    error NoRoundsLeft(CampaignId campaign);
    error RoundsLeft(CampaignId campaign, uint256 rounds);

    /// Opens a campaign; the caller is the sponsor and prepays rounds × roundCost through the vault. `approval`: the model owner's EIP-712 signature
    /// CampaignApproval(model, termsHash, sponsor, nonce, deadline) (EOA or ERC-1271), not needed for Statistics with model 0. Attaches to the model.
    function open(
        CampaignTerms calldata terms,
        address token,
        uint256 nonce,
        uint64 deadline,
        bytes calldata approval
    ) external returns (CampaignId);
    /// Sponsor, when no round is live: unused escrow back to the sponsor, model detached. Anybody, once the campaign has idled for idleLimit (P9).
    function cancel(CampaignId campaign) external;
    /// Anybody, once the last round ended.
    function end(CampaignId campaign) external;

    /// An attested institution with an eligible dataset (schema, audit, terms and consent now). One a group, at most maxMembers.
    function enrol(CampaignId campaign, DatasetId dataset) external;
    /// Any time but during a commit phase; leaving then means not submitting.
    function withdraw(CampaignId campaign) external;
    /// Pair campaigns: both enrolled members say that each learns the other's update.
    function agreePair(CampaignId campaign) external;
    /// Attested, registered and staked: offers itself as committee node. At most 64 nodes; refused while a draw is pending.
    function joinPool(CampaignId campaign) external;
    function leavePool(CampaignId campaign) external;

    /// RoundManager only: reserves roundCost for a new round (moves it to the settlement's purpose) and marks it live.
    function reserveRound(CampaignId campaign, RoundId round) external;
    /// RoundSettlement only: the round is over (RoundSettlement.SponsorRefunded says what comes back).
    function roundOver(CampaignId campaign, RoundId round) external returns (Settling memory);

    function get(CampaignId campaign) external view returns (Campaign memory);
    function termsOf(CampaignId campaign) external view returns (CampaignTerms memory);
    function termsHashOf(CampaignId campaign) external view returns (bytes32);
    function membersOf(CampaignId campaign) external view returns (address[] memory);
    function memberCount(CampaignId campaign) external view returns (uint256);
    function windowsOf(CampaignId campaign) external view returns (Windows memory);
    function pricesOf(CampaignId campaign) external view returns (Prices memory);
    /// cap, λ·2^f and B.
    function weightsOf(CampaignId campaign) external view returns (uint64 cap, uint64 lambdaF, uint64 normBound);
    /// Reverts by name unless `institution` is enrolled, attested in the group it enrolled with, and its dataset has schema, audit and consent now.
    function eligibility(CampaignId campaign, address institution) external view returns (Eligibility memory);
    function datasetOf(CampaignId campaign, address institution) external view returns (DatasetId);
    function poolOf(CampaignId campaign) external view returns (address[] memory);
    function pairAgreed(CampaignId campaign) external view returns (bool);
    /// Groups that may not sit on the committee: the sponsor's and the model owner's (zero: none).
    function excludedGroups(CampaignId campaign) external view returns (bytes32 sponsorGroup, bytes32 ownerGroup);
}
