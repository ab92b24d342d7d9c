// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Modules} from "../access/Module.sol";
import {ICampaignRegistry} from "../interfaces/ICampaignRegistry.sol";
import {IInstitutionRegistry} from "../interfaces/IInstitutionRegistry.sol";
import {IModelVersions} from "../interfaces/IModelVersions.sol";
import {IRoundManager} from "../interfaces/IRoundManager.sol";
import {IStake} from "../interfaces/IStake.sol";
import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";
import {G1} from "../types/Curve.sol";
import {CampaignId, RoundId, VerifierId} from "../types/Ids.sol";
import {CampaignTerms, RoundKind, RoundState} from "../types/Training.sol";
import {CommitteeDraw} from "./CommitteeDraw.sol";
import {Node, RoundData, RoundTerms, enter} from "./RoundStore.sol";

/// @title RoundOpening: a round's snapshot and its committee, written into RoundManager's storage.
library RoundOpening {
    /// Snapshots base, keys and terms (P10). Refuses a round that could not succeed: it would only burn the sponsor's tips.
    function open(RoundData storage d, Modules storage m, RoundId id, CampaignId campaign) external {
        ICampaignRegistry campaigns = ICampaignRegistry(m.campaigns);
        CampaignTerms memory terms = campaigns.termsOf(campaign);
        uint256 enrolled = campaigns.memberCount(campaign);
        if (enrolled < terms.minParticipants) revert IRoundManager.TooFewEnrolled(enrolled, terms.minParticipants);
        if (terms.pair && !campaigns.pairAgreed(campaign)) revert IRoundManager.NotPairAgreed(campaign);
        uint256 offered = campaigns.poolOf(campaign).length;
        if (offered < terms.nodes) revert IRoundManager.PoolTooSmall(offered, terms.nodes);

        IRoundManager.Round storage r = d.round;
        _copyTerms(d.terms, terms);
        (r.campaign, r.model, r.kind) = (campaign, terms.model, terms.kind);
        (r.nodes, r.threshold, r.eager) = (terms.nodes, terms.threshold, terms.eager);
        (r.minParticipants, r.maxShareBps) = (terms.minParticipants, terms.maxShareBps);
        (r.openedAt, r.drawBlock) = (uint64(block.timestamp), uint64(block.number) + terms.drawDelay);
        _copyKeys(r, m, terms);
        emit IRoundManager.RoundOpened(id, campaign, r.model, r.kind, r.baseVersion, r.base, r.drawBlock);
        enter(id, r, RoundState.Open);
    }

    /// Seats and locks the committee, or re-arms the draw when the block's hash is gone. True iff the committee sits.
    function draw(RoundData storage d, Modules storage m, RoundId id) external returns (bool) {
        IRoundManager.Round storage r = d.round;
        bytes32 seed;
        if (d.terms.drawDelay != 0) {
            if (block.number <= r.drawBlock) revert IRoundManager.DrawNotReady(r.drawBlock);
            bytes32 hash = blockhash(r.drawBlock);
            if (hash == 0) {
                r.drawBlock = uint64(block.number) + d.terms.drawDelay;
                emit IRoundManager.DrawRearmed(id, r.drawBlock);
                return false;
            }
            seed = keccak256(abi.encode(hash, block.chainid, id));
        }
        address[] memory nodes = _pick(r, m, seed);
        G1[] memory keys = new G1[](nodes.length);
        for (uint256 i; i < nodes.length; ++i) {
            keys[i] = IInstitutionRegistry(m.institutions).shareKeyOf(nodes[i]);
            d.committee.push(Node(nodes[i], false, false, keys[i]));
        }
        d.seatsToCome = type(uint256).max;
        r.commitUntil = uint64(block.timestamp) + d.terms.windows.commit;
        emit IRoundManager.CommitteeDrawn(id, nodes, keys, r.commitUntil);
        enter(id, r, RoundState.Commit);
        for (uint256 i; i < nodes.length; ++i) IStake(m.stake).lock(nodes[i], d.terms.nodeLock);
        return true;
    }

    function _copyTerms(RoundTerms storage to, CampaignTerms memory terms) private {
        (to.cap, to.lambdaF, to.normBound) = (terms.cap, terms.lambdaF, uint32(terms.normBound)); // B < 2^32 by the terms
        (to.pair, to.drawDelay) = (terms.pair, terms.drawDelay);
        (to.bond, to.nodeLock) = (terms.prices.bond, terms.prices.nodeLock);
        to.windows = terms.windows;
    }

    function _copyKeys(IRoundManager.Round storage r, Modules storage m, CampaignTerms memory terms) private {
        IVerifierRegistry verifiers = IVerifierRegistry(m.verifiers);
        IVerifierRegistry.VerifierInfo memory update = _live(verifiers, terms.updateVerifier);
        (r.updateVerifier, r.n, r.srs) = (terms.updateVerifier, update.n, update.srs);
        r.updateKeyHash = update.keyHash;
        (, , r.srsHash) = verifiers.srsOf(update.srs);
        if (terms.kind == RoundKind.Statistics) return; // no base: infinity
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

    function _pick(
        IRoundManager.Round storage r,
        Modules storage m,
        bytes32 seed
    ) private view returns (address[] memory nodes) {
        ICampaignRegistry campaigns = ICampaignRegistry(m.campaigns);
        CampaignTerms memory terms = campaigns.termsOf(r.campaign);
        CommitteeDraw.Rules memory rules;
        (rules.institutions, rules.stake) = (IInstitutionRegistry(m.institutions), IStake(m.stake));
        (rules.sponsorGroup, rules.ownerGroup) = campaigns.excludedGroups(r.campaign);
        (rules.seats, rules.perGroup, rules.nodeLock) = (terms.nodes, terms.threshold, terms.prices.nodeLock);
        rules.admitters = terms.admitters;
        address[] memory candidates = campaigns.poolOf(r.campaign);
        if (terms.drawDelay == 0) candidates = CommitteeDraw.present(terms.committee, candidates);
        uint256 count;
        (nodes, count) = CommitteeDraw.pick(candidates, seed, rules);
        if (count < terms.nodes) revert IRoundManager.PoolTooSmall(count, terms.nodes);
    }
}
