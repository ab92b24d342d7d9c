// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {ModelId, SrsId, VerifierId} from "../types/Ids.sol";
import {CampaignTerms, Prices, RoundKind, Windows} from "../types/Training.sol";
import {ICampaignRegistry} from "../interfaces/ICampaignRegistry.sol";
import {IInstitutionRegistry} from "../interfaces/IInstitutionRegistry.sol";
import {IModelVersions} from "../interfaces/IModelVersions.sol";
import {IProtocolParameters} from "../interfaces/IProtocolParameters.sol";
import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";

/// @title TermsCheck: which campaign terms are legal. Every refusal is ICampaignRegistry.BadTerms with the name of what is wrong.
library TermsCheck {
    uint256 internal constant BPS = 10_000;
    /// Bitmaps over submission order and over seats are one word.
    uint256 internal constant MAX_MEMBERS = 256;
    /// Committees are walked in loops, and ciphertexts grow with S.
    uint256 internal constant MAX_NODES = 15;
    uint256 internal constant MAX_ADMITTERS = 8;
    bytes32 internal constant UPDATE_CIRCUIT = keccak256("update");
    bytes32 internal constant AGGREGATE_CIRCUIT = keccak256("aggregate");

    function check(
        CampaignTerms calldata terms,
        IProtocolParameters.Parameters memory limits,
        address sponsor
    ) internal pure {
        _members(terms);
        _committee(terms);
        _weights(terms);
        _windows(terms.windows, limits);
        _prices(terms, limits);
        // A sponsor states its own name: terms with a list of users are checked against it.
        _require(terms.purpose.user == sponsor, "user");
    }

    function _members(CampaignTerms calldata terms) private pure {
        _require(terms.rounds != 0, "rounds");
        _require(terms.maxMembers <= MAX_MEMBERS, "members");
        if (terms.pair) {
            // A sum of two shows each to the other: both say so on chain (agreePair). Statistics need three whatever anybody agrees to.
            _require(terms.kind == RoundKind.Training, "statistics");
            _require(terms.maxMembers == 2 && terms.minParticipants == 2, "pair");
        } else {
            _require(terms.minParticipants >= 3, "participants");
        }
        _require(terms.minParticipants <= terms.maxMembers, "participants");
        // Equal weights must be able to satisfy it, or no set ever could.
        _require(terms.maxShareBps <= BPS && uint256(terms.maxShareBps) * terms.minParticipants >= BPS, "share");
    }

    function _committee(CampaignTerms calldata terms) private pure {
        uint256 s = terms.nodes;
        uint256 t = terms.threshold;
        _require(s <= MAX_NODES, "nodes");
        // t+1 of S reconstruct. 2t+1 <= S lets t nodes vanish without harm; a pair alone has nobody else to ask.
        _require(t != 0 && (s >= 2 * t + 1 || (terms.pair && s == 2 && t == 1)), "threshold");
        _require(terms.admitters.length != 0 && terms.admitters.length <= MAX_ADMITTERS, "admitters");
        if (terms.drawDelay != 0) {
            _require(terms.committee.length == 0, "committee");
            return;
        }
        _require(terms.committee.length == s, "committee");
        for (uint256 i; i < s; ++i) {
            _require(terms.committee[i] != address(0), "committee");
            for (uint256 j; j < i; ++j) _require(terms.committee[i] != terms.committee[j], "committee");
        }
    }

    function _weights(CampaignTerms calldata terms) private pure {
        // 256 weights sum to less than 2^64.
        _require(terms.cap != 0 && terms.cap <= type(uint56).max, "cap");
        // B² is the circuit's 64-bit input; then B²·n̂² < 2^176.
        _require(terms.normBound != 0 && terms.normBound <= type(uint32).max, "norm");
        if (terms.kind == RoundKind.Training) {
            _require(ModelId.unwrap(terms.model) != 0, "model");
            // λ_t = ⌊λ·2^f·cap/Σn̂⌋ fits its 64 bits for every Σn̂ >= 1.
            _require(terms.lambdaF != 0 && uint256(terms.lambdaF) * terms.cap <= type(uint64).max, "lambda");
        } else {
            _require(terms.lambdaF == 0, "lambda");
            _require(VerifierId.unwrap(terms.aggregateVerifier) == 0, "verifier");
        }
    }

    function _windows(Windows calldata w, IProtocolParameters.Parameters memory limits) private pure {
        uint256 least = limits.minWindow;
        _require(
            w.draw >= least &&
                w.commit >= least &&
                w.complaint >= least &&
                w.ciphertext >= least &&
                w.reveal >= least &&
                w.opening >= least &&
                w.sums >= least &&
                w.challenge >= least &&
                w.answer >= least &&
                w.ramp >= least,
            "window"
        );
        uint256 disputes = uint256(w.commit) + w.complaint + w.ciphertext + w.reveal + w.opening;
        disputes += uint256(w.sums) + w.challenge + w.answer;
        _require(disputes <= limits.maxDisputeWindows, "disputeWindows");
        _require(w.close >= uint256(w.ramp) + limits.unbonding, "close");
    }

    function _prices(CampaignTerms calldata terms, IProtocolParameters.Parameters memory limits) private pure {
        Prices calldata p = terms.prices;
        _require(p.proverFeeMin <= p.proverFeeMax, "proverFee");
        _require(terms.kind == RoundKind.Training || p.proverFeeMax == 0, "proverFee");
        // Show-up fees are paid out of the data pool that a round which fails early does not spend.
        _require(uint256(p.showUpFee) * terms.maxMembers <= p.dataPool, "showUpFee");
        _require(p.bond >= limits.minBond, "bond");
        _require(p.nodeLock >= limits.minNodeLock, "nodeLock");
        _require(p.complaintBond >= limits.minComplaintBond, "complaintBond");
    }

    /// Verifier ids are live, of the right circuits, one size and one SRS; the size is the model's.
    function checkVerifiers(
        CampaignTerms calldata terms,
        IVerifierRegistry verifiers,
        IModelVersions versions
    ) internal view {
        IVerifierRegistry.VerifierInfo memory update = verifiers.infoOf(terms.updateVerifier);
        _require(update.circuit == UPDATE_CIRCUIT && !update.retired, "verifier");
        if (terms.kind == RoundKind.Training) {
            IVerifierRegistry.VerifierInfo memory aggregate = verifiers.infoOf(terms.aggregateVerifier);
            _require(aggregate.circuit == AGGREGATE_CIRCUIT && !aggregate.retired, "verifier");
            _require(aggregate.n == update.n && SrsId.unwrap(aggregate.srs) == SrsId.unwrap(update.srs), "verifier");
            _require(versions.lineageOf(terms.model).n == update.n, "size");
        }
    }

    function checkAdmitters(CampaignTerms calldata terms, IInstitutionRegistry institutions) internal view {
        for (uint256 i; i < terms.admitters.length; ++i)
            _require(institutions.isAdmitter(terms.admitters[i]), "admitters");
    }

    function _require(bool ok, bytes32 what) private pure {
        if (!ok) revert ICampaignRegistry.BadTerms(what);
    }
}
