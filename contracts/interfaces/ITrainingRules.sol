// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {CampaignId, RoundId} from "../types/Ids.sol";
import {G1} from "../types/Curve.sol";
import {CampaignTerms, Windows} from "../types/Training.sol";
import {IRoundManager} from "./IRoundManager.sol";

/// @title TrainingRules: which campaign may open, what a round runs under, who sits on its committee, which set it freezes.
/// @notice Answers from the registries alone: it keeps no state, holds no money and may do nothing. CampaignRegistry and RoundManager ask, check that the caller may
/// act, and write down the answer. Every answer is the same for every caller.
interface ITrainingRules {
    /// What a campaign snapshots besides its terms.
    struct Opening {
        address owner; // of the model, whose approval must be seen; zero: no model
        bytes32 sponsorGroup; // now; zero: not attested
        bytes32 ownerGroup;
        uint128 roundCost;
        uint16 protocolFeeBps;
        uint32 idleLimit; // s
    }

    /// What a round reads of its campaign's terms again and again.
    struct RoundTerms {
        uint128 bond;
        uint128 nodeLock;
        uint64 cap;
        uint64 lambdaF; // λ·2^f
        uint64 normBound; // B
        uint8 drawDelay;
        bool pair;
        Windows windows;
    }

    /// What a round runs under: all that does not move of IRoundManager.Round, and its terms. What moves is zero.
    struct Snapshot {
        IRoundManager.Round round;
        RoundTerms terms;
    }

    /// Reverts ICampaignRegistry.BadTerms, naming what is wrong, unless `sponsor` may open a campaign with these terms now.
    function openingOf(CampaignTerms calldata terms, address sponsor) external view returns (Opening memory);
    /// abi.encode(Snapshot) as of now (P10). Refuses a round that could not succeed: it would only burn the sponsor's tips.
    function snapshotOf(CampaignId campaign) external view returns (bytes memory);
    /// The committee that `seed` draws from the campaign's pool, with its share keys; a campaign that names its committee ignores the seed.
    /// Reverts IRoundManager.PoolTooSmall when there are not enough eligible nodes.
    function committeeOf(
        CampaignId campaign,
        bytes32 seed
    ) external view returns (address[] memory nodes, G1[] memory keys);
    /// abi.encode(IRoundManager.Frozen), its consentSetHash left zero, of the set that a round freezes now; empty when fewer than its minimum stay. `weights`: n̂ in submission
    /// order, 0: left out already; those over maxShare of the rest are left out too. `keys` and `cs`: member key and C of every submission in the same order.
    function frozenOf(
        RoundId round,
        bytes32[] calldata keys,
        uint256[] memory weights,
        G1[] calldata cs
    ) external view returns (bytes memory);
    /// End of the share phase's sub-windows for a round: complaint, ciphertext, reveal, opening.
    function shareDeadlines(
        RoundId round
    ) external view returns (uint64 complaintUntil, uint64 ciphertextUntil, uint64 revealUntil, uint64 openingUntil);
    /// Why a round before its freeze can only fail now ("undrawn", "participants", "unfrozen", "verifier"); zero: it can still go on, or is past the freeze.
    function deadReason(RoundId round) external view returns (bytes32);
}
