// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {CampaignId, ModelId, RoundId} from "../types/Ids.sol";
import {G1, Proof} from "../types/Curve.sol";

/// @title RoundSettlement: finalize, fail, close, claim.
/// @notice Holds each round's reserved escrow (vault purpose ROUND, party = round id). Money moves by pull: claims credit the vault, owners withdraw.
interface IRoundSettlement {
    struct Finalization {
        RoundId round;
        uint256 h; // h_M
        uint256 y; // y_M
        G1 w;
        Proof proof;
        // inside r_M, so that a copied proof publishes what its maker did and pays its maker:
        bytes32 storageRoot; // claims that readers check
        bytes32 artefactRoot;
        address payee;
    }

    event RoundFinalized(
        RoundId indexed round,
        CampaignId indexed campaign,
        ModelId indexed model,
        uint32 version,
        address payee,
        uint256 proverFee,
        G1 c,
        uint256 h
    );
    event RoundClosedUnproven(RoundId indexed round, bool verifierRetired);
    event StatisticsCompleted(RoundId indexed round);
    event RoundFailed(RoundId indexed round, bool afterFreeze, bytes32 reason);
    event Claimed(RoundId indexed round, address indexed party, bytes32 indexed role, address token, uint256 amount);
    event TipPaid(RoundId indexed round, address indexed keeper, bytes32 action, uint256 amount);
    /// To the campaign's escrow if the round failed, else to the sponsor's credit.
    event SponsorRefunded(RoundId indexed round, CampaignId indexed campaign, uint256 amount);

    error WrongState(RoundId round);
    error TooEarly(uint256 until);
    /// Sums may still be posted, demanded or faulted.
    error SumsNotFinal(RoundId round);
    /// Nothing has gone wrong that cannot be mended yet (ITrainingRules.deadReason).
    error StillAlive(RoundId round);
    error AggregateRejected();
    error NothingToClaim(RoundId round, address party, bytes32 role);
    error ZeroPayee();
    error NotMember(RoundId round, address party);
    error NotNode(RoundId round, address party);
    error DemandsOpen(uint256 count);

    /// Anybody: the first valid aggregate proof wins the ramped fee and the tip for its named payee, whoever sends it. Training rounds in state Summed.
    function finalize(Finalization calldata f) external;
    /// Anybody: statistics rounds, once sums are final.
    function completeStatistics(RoundId round) external;
    /// Anybody: a round stuck before the freeze (undrawn past its window, too few participants, verifier retired) or after it with sums missing past the sums window.
    function fail(RoundId round) external;
    /// Anybody: once sums stand and the verifier is retired, or closeDeadline has passed.
    function closeUnproven(RoundId round) external;

    /// Anybody: the member's data share (or show-up fee, or compensation) to its credit, and its bond's release. After the sums are final, or the round's end.
    function claimMember(RoundId round, bytes32 memberKey) external;
    /// Anybody for the node at `nodeIndex`: committee share and lock release, once sums are final (or the round failed early).
    function claimNode(RoundId round, uint256 nodeIndex) external;
    /// Anybody, once: royalty to the model's split, protocol fee to the treasury, and to the sponsor what no claim covers: unused ramp and remainders. (The prover's fee is credited by `finalize` itself.)
    function claimFees(RoundId round) external;

    /// Prover fee if finalize ran now (smallest unit).
    function proverFeeNow(RoundId round) external view returns (uint256);
    /// RoundManager only ("draw", "freeze"): pays a keeper's tip out of the round's account.
    function payTip(RoundId round, address keeper, bytes32 action) external;
}
