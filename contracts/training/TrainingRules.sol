// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Module, Modules} from "../access/Module.sol";
import {ICampaignRegistry} from "../interfaces/ICampaignRegistry.sol";
import {IInstitutionRegistry} from "../interfaces/IInstitutionRegistry.sol";
import {IModelINFT} from "../interfaces/IModelINFT.sol";
import {IModelVersions} from "../interfaces/IModelVersions.sol";
import {IProtocolParameters} from "../interfaces/IProtocolParameters.sol";
import {IRoundManager} from "../interfaces/IRoundManager.sol";
import {IStake} from "../interfaces/IStake.sol";
import {ITrainingRules} from "../interfaces/ITrainingRules.sol";
import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";
import {Bn254} from "../libraries/Bn254.sol";
import {RoundMoney} from "../libraries/RoundMoney.sol";
import {Transcript} from "../libraries/Transcript.sol";
import {G1} from "../types/Curve.sol";
import {CampaignId, ModelId, RoundId, VerifierId} from "../types/Ids.sol";
import {CampaignTerms, RoundKind, RoundState, Windows} from "../types/Training.sol";
import {CommitteeDraw} from "./CommitteeDraw.sol";
import {FrozenSet} from "./FrozenSet.sol";
import {TermsCheck} from "./TermsCheck.sol";
import {Weights} from "./Weights.sol";

/// @title TrainingRules: see ITrainingRules
contract TrainingRules is ITrainingRules, Module {
    function initialize(address authority) external initializer {
        __Module_init(authority);
    }

    /// @inheritdoc ITrainingRules
    function openingOf(CampaignTerms calldata terms, address sponsor) external view returns (Opening memory o) {
        Modules storage m = _modules();
        IProtocolParameters.Parameters memory limits = IProtocolParameters(m.parameters).get();
        IInstitutionRegistry institutions = IInstitutionRegistry(m.institutions);
        TermsCheck.check(terms, limits, sponsor);
        TermsCheck.checkVerifiers(terms, IVerifierRegistry(m.verifiers), IModelVersions(m.versions));
        TermsCheck.checkAdmitters(terms, institutions);

        o.sponsorGroup = institutions.groupOf(sponsor, terms.admitters);
        uint16 royaltyBps;
        if (ModelId.unwrap(terms.model) != 0) {
            o.owner = IModelINFT(m.inft).ownerOfModel(terms.model);
            o.ownerGroup = institutions.groupOf(o.owner, terms.admitters);
            royaltyBps = IModelINFT(m.inft).royaltyBpsOf(terms.model);
        }
        uint256 cost = RoundMoney.cost(terms.prices, terms.kind, royaltyBps, limits.protocolFeeBps);
        if (cost > type(uint128).max) revert ICampaignRegistry.BadTerms("prices");
        (o.roundCost, o.protocolFeeBps, o.idleLimit) = (uint128(cost), limits.protocolFeeBps, limits.unbonding);
    }

    /// @inheritdoc ITrainingRules
    function snapshotOf(CampaignId campaign) external view returns (bytes memory) {
        ICampaignRegistry campaigns = ICampaignRegistry(_modules().campaigns);
        CampaignTerms memory terms = campaigns.termsOf(campaign);
        uint256 enrolled = campaigns.memberCount(campaign);
        if (enrolled < terms.minParticipants) revert IRoundManager.TooFewEnrolled(enrolled, terms.minParticipants);
        if (terms.pair && !campaigns.pairAgreed(campaign)) revert IRoundManager.NotPairAgreed(campaign);
        uint256 offered = campaigns.poolOf(campaign).length;
        if (offered < terms.nodes) revert IRoundManager.PoolTooSmall(offered, terms.nodes);

        Snapshot memory s;
        IRoundManager.Round memory r = s.round;
        (r.campaign, r.model, r.kind) = (campaign, terms.model, terms.kind);
        (r.nodes, r.threshold, r.eager) = (terms.nodes, terms.threshold, terms.eager);
        (r.minParticipants, r.maxShareBps) = (terms.minParticipants, terms.maxShareBps);
        r.openedAt = uint64(block.timestamp);
        _keys(r, terms);
        RoundTerms memory t = s.terms;
        (t.cap, t.lambdaF, t.normBound) = (terms.cap, terms.lambdaF, terms.normBound);
        (t.pair, t.drawDelay, t.windows) = (terms.pair, terms.drawDelay, terms.windows);
        (t.bond, t.nodeLock) = (terms.prices.bond, terms.prices.nodeLock);
        return abi.encode(s);
    }

    /// @inheritdoc ITrainingRules
    function committeeOf(
        CampaignId campaign,
        bytes32 seed
    ) external view returns (address[] memory nodes, G1[] memory keys) {
        Modules storage m = _modules();
        ICampaignRegistry campaigns = ICampaignRegistry(m.campaigns);
        CampaignTerms memory terms = campaigns.termsOf(campaign);
        CommitteeDraw.Rules memory rules;
        (rules.institutions, rules.stake) = (IInstitutionRegistry(m.institutions), IStake(m.stake));
        (rules.sponsorGroup, rules.ownerGroup) = campaigns.excludedGroups(campaign);
        (rules.seats, rules.perGroup, rules.nodeLock) = (terms.nodes, terms.threshold, terms.prices.nodeLock);
        rules.admitters = terms.admitters;
        address[] memory candidates = campaigns.poolOf(campaign);
        if (terms.drawDelay == 0) (candidates, seed) = (CommitteeDraw.present(terms.committee, candidates), 0);
        uint256 count;
        (nodes, count) = CommitteeDraw.pick(candidates, seed, rules);
        if (count < terms.nodes) revert IRoundManager.PoolTooSmall(count, terms.nodes);
        keys = new G1[](count);
        for (uint256 i; i < count; ++i) keys[i] = rules.institutions.shareKeyOf(nodes[i]);
    }

    /// @inheritdoc ITrainingRules
    function frozenOf(
        RoundId round,
        bytes32[] calldata keys,
        uint256[] memory weights,
        G1[] calldata cs
    ) external view returns (bytes memory) {
        Modules storage m = _modules();
        IRoundManager.Round memory r = IRoundManager(m.rounds).get(round);
        (uint256 count, uint256 total) = FrozenSet.dropDominant(weights, r.maxShareBps);
        if (count < r.minParticipants) return "";
        IRoundManager.Frozen memory f;
        (f.count, f.totalRecords, f.blockNumber) = (uint16(count), uint64(total), uint64(block.number));
        bytes32[] memory included = new bytes32[](count);
        uint256 next;
        for (uint256 i; i < weights.length; ++i) {
            if (weights[i] == 0) continue;
            included[next++] = keys[i];
            f.included |= 1 << i;
            Bn254.addTo(f.cAgg, cs[i].x, cs[i].y);
        }
        f.setHash = Transcript.setHash(m.rounds, round, included);
        if (r.kind == RoundKind.Training) {
            (uint64 cap, uint64 lambdaF, ) = ICampaignRegistry(m.campaigns).weightsOf(r.campaign);
            f.lambda = Weights.lambda(lambdaF, cap, total);
        }
        return abi.encode(f);
    }

    /// @inheritdoc ITrainingRules
    function shareDeadlines(
        RoundId round
    ) external view returns (uint64 complaintUntil, uint64 ciphertextUntil, uint64 revealUntil, uint64 openingUntil) {
        Modules storage m = _modules();
        IRoundManager.Round memory r = IRoundManager(m.rounds).get(round);
        return _deadlines(r.shareFrom, ICampaignRegistry(m.campaigns).windowsOf(r.campaign));
    }

    /// @inheritdoc ITrainingRules
    function deadReason(RoundId round) external view returns (bytes32) {
        Modules storage m = _modules();
        IRoundManager.Round memory r = IRoundManager(m.rounds).get(round);
        if (r.state >= RoundState.Frozen) return 0;
        if (r.tooFew) return "participants";
        IVerifierRegistry verifiers = IVerifierRegistry(m.verifiers);
        if (!verifiers.isLive(r.updateVerifier)) return "verifier";
        if (r.kind == RoundKind.Training && !verifiers.isLive(r.aggregateVerifier)) return "verifier";
        Windows memory w = ICampaignRegistry(m.campaigns).windowsOf(r.campaign);
        if (r.state == RoundState.Open) {
            if (block.timestamp > uint256(r.openedAt) + w.draw) return "undrawn";
        } else if (r.state == RoundState.Commit) {
            if (block.timestamp > r.commitUntil && r.submitted < r.minParticipants) return "participants";
        } else {
            // Whatever keeps a freeze from happening, nobody's money waits for it for ever.
            (, , , uint64 openingUntil) = _deadlines(r.shareFrom, w);
            if (block.timestamp > uint256(openingUntil) + w.sums) return "unfrozen";
        }
        return 0;
    }

    function _deadlines(
        uint64 shareFrom,
        Windows memory w
    ) private pure returns (uint64 complaintUntil, uint64 ciphertextUntil, uint64 revealUntil, uint64 openingUntil) {
        complaintUntil = shareFrom + w.complaint;
        ciphertextUntil = complaintUntil + w.ciphertext;
        revealUntil = ciphertextUntil + w.reveal;
        openingUntil = revealUntil + w.opening;
    }

    /// The circuits' live keys and, for training, the model's last proven version. A statistics round has no base: infinity.
    function _keys(IRoundManager.Round memory r, CampaignTerms memory terms) private view {
        Modules storage m = _modules();
        IVerifierRegistry verifiers = IVerifierRegistry(m.verifiers);
        IVerifierRegistry.VerifierInfo memory update = _live(verifiers, terms.updateVerifier);
        (r.updateVerifier, r.n, r.srs) = (terms.updateVerifier, update.n, update.srs);
        r.updateKeyHash = update.keyHash;
        (, , r.srsHash) = verifiers.srsOf(update.srs);
        if (terms.kind == RoundKind.Statistics) return;
        r.aggregateVerifier = terms.aggregateVerifier;
        r.aggregateKeyHash = _live(verifiers, terms.aggregateVerifier).keyHash;
        (uint32 version, IModelVersions.Version memory latest) = IModelVersions(m.versions).latestOf(terms.model);
        (r.baseVersion, r.base) = (version, latest.c);
    }

    function _live(
        IVerifierRegistry verifiers,
        VerifierId id
    ) private view returns (IVerifierRegistry.VerifierInfo memory info) {
        info = verifiers.infoOf(id);
        if (info.retired) revert IVerifierRegistry.VerifierIsRetired(id);
    }
}
