// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Module, Modules} from "../access/Module.sol";
import {ICampaignRegistry} from "../interfaces/ICampaignRegistry.sol";
import {IConsentRegistry} from "../interfaces/IConsentRegistry.sol";
import {IInstitutionRegistry} from "../interfaces/IInstitutionRegistry.sol";
import {IModelVersions} from "../interfaces/IModelVersions.sol";
import {IProofVerifier} from "../interfaces/IProofVerifier.sol";
import {IProtocolParameters} from "../interfaces/IProtocolParameters.sol";
import {IRoundManager} from "../interfaces/IRoundManager.sol";
import {IRoundSettlement} from "../interfaces/IRoundSettlement.sol";
import {IStake} from "../interfaces/IStake.sol";
import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";
import {Bn254} from "../libraries/Bn254.sol";
import {Transcript} from "../libraries/Transcript.sol";
import {G1} from "../types/Curve.sol";
import {CampaignId, DatasetId, ModelId, RoundId, SrsId, VerifierId} from "../types/Ids.sol";
import {CampaignTerms, RoundKind, RoundState, UpdateSubmission, Windows} from "../types/Training.sol";
import {CommitteeDraw} from "./CommitteeDraw.sol";
import {FrozenSet} from "./FrozenSet.sol";
import {Weights} from "./Weights.sol";

/// @title RoundManager
/// @notice Orders a round up to its frozen set; holds no money. Bonds and node locks are taken from Stake; slashing is ShareDisputes' alone.
contract RoundManager is IRoundManager, Module {
    struct Node {
        address account;
        bool acknowledged;
        bool released;
        G1 key; // as at the draw
    }

    struct RoundData {
        Round round;
        Frozen frozen;
        uint256 seatsToCome; // bit per seat of the campaign: has not submitted in this round
        Node[] committee;
    }

    /// @custom:storage-location erc7201:mednexus.storage.RoundManager
    struct RoundStorage {
        uint64 count;
        mapping(RoundId => RoundData) rounds;
        mapping(bytes32 memberKey => Update) updates;
        mapping(DatasetId => mapping(uint32 version => bool)) statisticsUsed;
    }

    // keccak256(abi.encode(uint256(keccak256("mednexus.storage.RoundManager")) - 1)) & ~bytes32(uint256(0xff)); recomputed in a test
    bytes32 private constant SLOT = 0xa580976b876b91ac5e230594b53fb0afaae28425639ba7510e1c741fd968a300;

    function initialize(address authority) external initializer {
        __Module_init(authority);
    }

    // --- open and draw

    /// @inheritdoc IRoundManager
    function openRound(CampaignId campaign) external returns (RoundId id) {
        Modules storage m = _modules();
        IProtocolParameters(m.parameters).requireEntriesOpen();
        ICampaignRegistry campaigns = ICampaignRegistry(m.campaigns);
        CampaignTerms memory terms = campaigns.termsOf(campaign);
        // A round that cannot succeed would only burn the sponsor's tips.
        uint256 enrolled = campaigns.memberCount(campaign);
        if (enrolled < terms.minParticipants) revert TooFewEnrolled(enrolled, terms.minParticipants);
        if (terms.pair && !campaigns.pairAgreed(campaign)) revert NotPairAgreed(campaign);
        uint256 offered = campaigns.poolOf(campaign).length;
        if (offered < terms.nodes) revert PoolTooSmall(offered, terms.nodes);

        RoundStorage storage $ = _storage();
        id = RoundId.wrap(++$.count);
        Round storage r = $.rounds[id].round;
        _snapshot(r, campaign, terms);
        emit RoundOpened(id, campaign, r.model, r.kind, r.baseVersion, r.base, r.drawBlock);
        _enter(id, r, RoundState.Open);
        campaigns.reserveRound(campaign, id);
    }

    /// @inheritdoc IRoundManager
    function draw(RoundId id) external {
        RoundData storage d = _in(id, RoundState.Open);
        Round storage r = d.round;
        Modules storage m = _modules();
        CampaignTerms memory terms = ICampaignRegistry(m.campaigns).termsOf(r.campaign);
        _requireUntil(uint256(r.openedAt) + terms.windows.draw);

        bytes32 seed;
        if (terms.drawDelay != 0) {
            if (block.number <= r.drawBlock) revert DrawNotReady(r.drawBlock);
            bytes32 hash = blockhash(r.drawBlock);
            if (hash == 0) {
                r.drawBlock = uint64(block.number) + terms.drawDelay;
                emit DrawRearmed(id, r.drawBlock);
                return;
            }
            seed = keccak256(abi.encode(hash, block.chainid, id));
        }
        _seat(id, d, terms, seed);
        IRoundSettlement(m.settlement).payTip(id, msg.sender, "draw");
    }

    // --- commit

    /// @inheritdoc IRoundManager
    function submitUpdate(UpdateSubmission calldata s) external {
        RoundData storage d = _in(s.round, RoundState.Commit);
        Round storage r = d.round;
        _requireUntil(r.commitUntil);
        _requirePoints(r, s);
        Modules storage m = _modules();
        // A pair is two enrolled members who named each other; nobody can leave during a commit phase.
        if (r.minParticipants == 2 && !ICampaignRegistry(m.campaigns).pairAgreed(r.campaign))
            revert NotPairAgreed(r.campaign);
        ICampaignRegistry.Eligibility memory e = ICampaignRegistry(m.campaigns).eligibility(r.campaign, msg.sender);
        if (!(e.dataset == s.dataset)) revert WrongDataset(e.dataset, s.dataset);
        UpdateDetail memory detail = UpdateDetail(s.c, s.a, s.shareManifest, s.h, s.y, s.w, s.proof);
        Update storage u = _record(s.round, d, e, detail);
        IStake(m.stake).lock(msg.sender, e.bond);
        if (r.eager) {
            IProofVerifier.Statement[] memory one = new IProofVerifier.Statement[](1);
            one[0] = _statement(_contextOf(s.round, r, u, e.normBound2), detail, e.normBound2);
            _requireProofs(r, one);
        }
    }

    /// @inheritdoc IRoundManager
    function verifyBatch(RoundId id, address[] calldata institutions, UpdateDetail[] calldata details) external {
        Round storage r = _storage().rounds[id].round;
        if (r.state != RoundState.Commit && r.state != RoundState.Share) revert WrongState(id, r.state);
        if (institutions.length != details.length) revert MemberListMismatch();
        (uint64 cap, , uint64 normBound) = ICampaignRegistry(_modules().campaigns).weightsOf(r.campaign);
        IProofVerifier.Statement[] memory statements = new IProofVerifier.Statement[](details.length);
        for (uint256 i; i < details.length; ++i) {
            Update storage u = _known(id, institutions[i], details[i]);
            if (u.verified) revert AlreadyVerified(Transcript.memberKey(institutions[i], details[i].c));
            u.verified = true;
            emit UpdateVerified(id, institutions[i], u.index);
            uint256 normBound2 = Weights.normBound2(normBound, u.records, cap);
            statements[i] = _statement(_contextOf(id, r, u, normBound2), details[i], normBound2);
        }
        r.verified += uint16(details.length); // <= submitted: each was unverified
        _requireProofs(r, statements);
    }

    /// @inheritdoc IRoundManager
    function endCommit(RoundId id) external {
        Round storage r = _in(id, RoundState.Commit).round;
        uint256 submitted = r.submitted;
        bool everybody =
            r.verified == submitted && submitted == ICampaignRegistry(_modules().campaigns).memberCount(r.campaign);
        if (!everybody && block.timestamp <= r.commitUntil) revert TooEarly(r.commitUntil);
        if (submitted < r.minParticipants) revert TooFewParticipants(submitted, r.minParticipants);
        r.shareFrom = uint64(block.timestamp);
        emit CommitEnded(id, r.shareFrom);
        _enter(id, r, RoundState.Share);
    }

    // --- share and freeze

    /// @inheritdoc IRoundManager
    function acknowledgeShares(RoundId id) external {
        RoundData storage d = _in(id, RoundState.Share);
        for (uint256 i; i < d.committee.length; ++i) {
            Node storage node = d.committee[i];
            if (node.account != msg.sender) continue;
            if (node.acknowledged) revert AlreadyAcknowledged(msg.sender);
            node.acknowledged = true;
            d.round.acks += 1;
            emit SharesAcknowledged(id, msg.sender, i);
            return;
        }
        revert NotNode(msg.sender);
    }

    /// @inheritdoc IRoundManager
    function freeze(RoundId id, address[] calldata institutions, G1[] calldata cs) external {
        RoundData storage d = _in(id, RoundState.Share);
        Round storage r = d.round;
        if (r.openComplaints != 0) revert ComplaintsOpen(r.openComplaints);
        if (r.acks != r.nodes || r.verified != r.submitted) {
            (uint64 complaintUntil, , , ) = shareDeadlines(id);
            if (block.timestamp <= complaintUntil) revert TooEarly(complaintUntil);
        }
        if (institutions.length != r.submitted || cs.length != r.submitted) revert MemberListMismatch();

        (bytes32[] memory keys, uint256[] memory weights) = _candidates(id, r.kind, institutions, cs);
        (uint256 count, uint256 total) = FrozenSet.dropDominant(weights, r.maxShareBps);
        bool tooFew = count < r.minParticipants;
        if (tooFew) r.tooFew = true;
        else _fix(id, d, keys, weights, cs, count, total);

        IRoundSettlement settlement = IRoundSettlement(_modules().settlement);
        settlement.payTip(id, msg.sender, "freeze");
        if (tooFew) settlement.fail(id);
    }

    // --- the other round modules

    /// @inheritdoc IRoundManager
    function exclude(RoundId id, bytes32 memberKey, bytes32 reason) external {
        _onlyModule(_modules().disputes);
        _in(id, RoundState.Share);
        Update storage u = _storage().updates[memberKey];
        if (!(u.round == id)) revert UnknownUpdate(memberKey);
        _leaveOut(id, u, reason);
    }

    /// @inheritdoc IRoundManager
    function complaintOpened(RoundId id) external {
        _onlyModule(_modules().disputes);
        _in(id, RoundState.Share).round.openComplaints += 1;
    }

    /// @inheritdoc IRoundManager
    function complaintClosed(RoundId id) external {
        _onlyModule(_modules().disputes);
        _existing(id).round.openComplaints -= 1;
    }

    /// @inheritdoc IRoundManager
    function setState(RoundId id, RoundState to) external {
        Modules storage m = _modules();
        Round storage r = _existing(id).round;
        RoundState from = r.state;
        bool legal;
        if (msg.sender == m.sums) {
            legal =
                (from == RoundState.Frozen && to == RoundState.Summed) ||
                (from == RoundState.Summed && to == RoundState.Frozen);
        } else {
            _onlyModule(m.settlement);
            if (to == RoundState.FailedEarly) legal = from < RoundState.Frozen;
            else if (to == RoundState.FailedSums) legal = from == RoundState.Frozen;
            else legal = from == RoundState.Summed && (to == RoundState.Finalized || to == RoundState.Closed);
        }
        if (!legal) revert IllegalTransition(from, to);
        _enter(id, r, to);
    }

    /// @inheritdoc IRoundManager
    function releaseBond(RoundId id, bytes32 memberKey) external {
        Modules storage m = _modules();
        if (msg.sender != m.disputes) _onlyModule(m.settlement);
        Update storage u = _storage().updates[memberKey];
        if (!(u.round == id)) revert UnknownUpdate(memberKey);
        if (u.bondReleased) return;
        u.bondReleased = true;
        CampaignId campaign = _existing(id).round.campaign;
        IStake(m.stake).unlock(u.institution, ICampaignRegistry(m.campaigns).pricesOf(campaign).bond);
    }

    /// @inheritdoc IRoundManager
    function releaseNode(RoundId id, uint256 nodeIndex) external {
        Modules storage m = _modules();
        if (msg.sender != m.sums) _onlyModule(m.settlement);
        RoundData storage d = _existing(id);
        Node storage node = d.committee[nodeIndex];
        if (node.released) return;
        node.released = true;
        IStake(m.stake).unlock(node.account, ICampaignRegistry(m.campaigns).pricesOf(d.round.campaign).nodeLock);
    }

    // --- views

    /// @inheritdoc IRoundManager
    function get(RoundId id) external view returns (Round memory) {
        return _existing(id).round;
    }

    /// @inheritdoc IRoundManager
    function stateOf(RoundId id) external view returns (RoundState) {
        return _storage().rounds[id].round.state;
    }

    /// @inheritdoc IRoundManager
    function frozenOf(RoundId id) external view returns (Frozen memory) {
        return _existing(id).frozen;
    }

    /// @inheritdoc IRoundManager
    function updateOf(bytes32 memberKey) external view returns (Update memory) {
        return _storage().updates[memberKey];
    }

    /// @inheritdoc IRoundManager
    function statisticsUsed(DatasetId dataset, uint32 version) external view returns (bool) {
        return _storage().statisticsUsed[dataset][version];
    }

    /// @inheritdoc IRoundManager
    function committeeOf(RoundId id) external view returns (address[] memory nodes, G1[] memory keys) {
        Node[] storage committee = _existing(id).committee;
        nodes = new address[](committee.length);
        keys = new G1[](committee.length);
        for (uint256 i; i < nodes.length; ++i) (nodes[i], keys[i]) = (committee[i].account, committee[i].key);
    }

    /// @inheritdoc IRoundManager
    function contextOf(
        RoundId id,
        address institution,
        UpdateDetail calldata detail
    ) external view returns (bytes32 ctx, bytes32 memberKey) {
        Round storage r = _existing(id).round;
        Update storage u = _known(id, institution, detail);
        (uint64 cap, , uint64 normBound) = ICampaignRegistry(_modules().campaigns).weightsOf(r.campaign);
        ctx = _contextOf(id, r, u, Weights.normBound2(normBound, u.records, cap));
        memberKey = Transcript.memberKey(institution, detail.c);
    }

    /// @inheritdoc IRoundManager
    function shareDeadlines(
        RoundId id
    ) public view returns (uint64 complaintUntil, uint64 ciphertextUntil, uint64 revealUntil, uint64 openingUntil) {
        Round storage r = _existing(id).round;
        Windows memory w = ICampaignRegistry(_modules().campaigns).windowsOf(r.campaign);
        complaintUntil = r.shareFrom + w.complaint;
        ciphertextUntil = complaintUntil + w.ciphertext;
        revealUntil = ciphertextUntil + w.reveal;
        openingUntil = revealUntil + w.opening;
    }

    /// @inheritdoc IRoundManager
    function deadReason(RoundId id) external view returns (bytes32) {
        Round storage r = _existing(id).round;
        if (r.state >= RoundState.Frozen) return 0;
        Modules storage m = _modules();
        if (r.tooFew) return "participants";
        IVerifierRegistry verifiers = IVerifierRegistry(m.verifiers);
        if (!verifiers.isLive(r.updateVerifier)) return "verifier";
        if (r.kind == RoundKind.Training && !verifiers.isLive(r.aggregateVerifier)) return "verifier";
        if (r.state == RoundState.Commit)
            return
                block.timestamp > r.commitUntil && r.submitted < r.minParticipants
                    ? bytes32("participants")
                    : bytes32(0);
        Windows memory w = ICampaignRegistry(m.campaigns).windowsOf(r.campaign);
        if (r.state == RoundState.Open)
            return block.timestamp > uint256(r.openedAt) + w.draw ? bytes32("undrawn") : bytes32(0);
        // Whatever keeps a freeze from happening, nobody's money waits for it for ever.
        (, , , uint64 openingUntil) = shareDeadlines(id);
        return block.timestamp > uint256(openingUntil) + w.sums ? bytes32("unfrozen") : bytes32(0);
    }

    // --- inside: open and draw

    function _snapshot(Round storage r, CampaignId campaign, CampaignTerms memory terms) private {
        Modules storage m = _modules();
        IVerifierRegistry verifiers = IVerifierRegistry(m.verifiers);
        IVerifierRegistry.VerifierInfo memory update = _liveInfo(verifiers, terms.updateVerifier);
        (r.campaign, r.model, r.kind) = (campaign, terms.model, terms.kind);
        (r.nodes, r.threshold, r.eager) = (terms.nodes, terms.threshold, terms.eager);
        (r.minParticipants, r.maxShareBps) = (terms.minParticipants, terms.maxShareBps);
        (r.n, r.srs, r.updateVerifier, r.updateKeyHash) = (update.n, update.srs, terms.updateVerifier, update.keyHash);
        (, , r.srsHash) = verifiers.srsOf(update.srs);
        if (terms.kind == RoundKind.Training) {
            r.aggregateVerifier = terms.aggregateVerifier;
            r.aggregateKeyHash = _liveInfo(verifiers, terms.aggregateVerifier).keyHash;
            (uint32 version, IModelVersions.Version memory latest) = IModelVersions(m.versions).latestOf(terms.model);
            (r.baseVersion, r.base) = (version, latest.c);
        }
        r.openedAt = uint64(block.timestamp);
        r.drawBlock = uint64(block.number) + terms.drawDelay;
    }

    function _liveInfo(
        IVerifierRegistry verifiers,
        VerifierId id
    ) private view returns (IVerifierRegistry.VerifierInfo memory info) {
        info = verifiers.infoOf(id);
        if (info.retired) revert IVerifierRegistry.VerifierIsRetired(id);
    }

    function _seat(RoundId id, RoundData storage d, CampaignTerms memory terms, bytes32 seed) private {
        Modules storage m = _modules();
        Round storage r = d.round;
        CommitteeDraw.Rules memory rules;
        rules.institutions = IInstitutionRegistry(m.institutions);
        rules.stake = IStake(m.stake);
        rules.admitters = terms.admitters;
        (rules.sponsorGroup, rules.ownerGroup) = ICampaignRegistry(m.campaigns).excludedGroups(r.campaign);
        (rules.seats, rules.perGroup, rules.nodeLock) = (terms.nodes, terms.threshold, terms.prices.nodeLock);

        address[] memory candidates = ICampaignRegistry(m.campaigns).poolOf(r.campaign);
        if (seed == 0) candidates = CommitteeDraw.present(terms.committee, candidates);
        (address[] memory nodes, uint256 count) = CommitteeDraw.pick(candidates, seed, rules);
        if (count < terms.nodes) revert PoolTooSmall(count, terms.nodes);

        G1[] memory keys = new G1[](nodes.length);
        for (uint256 i; i < nodes.length; ++i) {
            keys[i] = rules.institutions.shareKeyOf(nodes[i]);
            d.committee.push(Node(nodes[i], false, false, keys[i]));
        }
        d.seatsToCome = type(uint256).max;
        r.commitUntil = uint64(block.timestamp) + terms.windows.commit;
        emit CommitteeDrawn(id, nodes, keys, r.commitUntil);
        _enter(id, r, RoundState.Commit);
        for (uint256 i; i < nodes.length; ++i) rules.stake.lock(nodes[i], terms.prices.nodeLock);
    }

    // --- inside: commit

    function _requirePoints(Round storage r, UpdateSubmission calldata s) private view {
        if (s.a.length != r.threshold) revert WrongThreshold(s.a.length, r.threshold);
        Bn254.requireG1(s.c);
        for (uint256 i; i < s.a.length; ++i) Bn254.requireG1(s.a[i]);
    }

    function _record(
        RoundId id,
        RoundData storage d,
        ICampaignRegistry.Eligibility memory e,
        UpdateDetail memory detail
    ) private returns (Update storage u) {
        Round storage r = d.round;
        // A weight too small to move one quantized unit would be paid for nothing.
        if (e.normBound2 == 0) revert ZeroWeight();
        uint256 seat = 1 << e.seat;
        if (d.seatsToCome & seat == 0) revert AlreadySubmitted(msg.sender);
        u = _storage().updates[Transcript.memberKey(msg.sender, detail.c)];
        if (u.institution != address(0)) revert CommitmentReused(msg.sender);
        if (r.kind == RoundKind.Statistics && _storage().statisticsUsed[e.dataset][e.version])
            revert StatisticsUsed(e.dataset, e.version);

        d.seatsToCome &= ~seat;
        uint16 index = r.submitted;
        r.submitted = index + 1;
        if (r.eager) r.verified = index + 1;
        (u.institution, u.records, u.index, u.verified) = (msg.sender, e.records, index, r.eager);
        (u.dataset, u.datasetVersion, u.consentEpoch, u.round) = (e.dataset, e.version, e.consentEpoch, id);
        u.detailHash = _detailHash(detail);
        _announce(id, index, e, detail);
        if (r.eager) emit UpdateVerified(id, msg.sender, index);
    }

    function _announce(
        RoundId id,
        uint16 index,
        ICampaignRegistry.Eligibility memory e,
        UpdateDetail memory detail
    ) private {
        emit UpdateSubmitted(
            id,
            msg.sender,
            e.dataset,
            index,
            e.version,
            e.consentEpoch,
            e.records,
            e.normBound2,
            detail
        );
    }

    function _detailHash(UpdateDetail memory d) private pure returns (bytes32) {
        return keccak256(abi.encode(d.a, d.shareManifest, d.h, d.y, d.w, d.proof));
    }

    /// The stored update that `detail` describes, byte for byte.
    function _known(
        RoundId id,
        address institution,
        UpdateDetail calldata detail
    ) private view returns (Update storage u) {
        bytes32 key = Transcript.memberKey(institution, detail.c);
        u = _storage().updates[key];
        if (!(u.round == id)) revert UnknownUpdate(key);
        if (u.detailHash != _detailHash(detail)) revert DetailMismatch(key);
    }

    function _contextOf(
        RoundId id,
        Round storage r,
        Update storage u,
        uint256 normBound2
    ) private view returns (bytes32) {
        Transcript.UpdateContext memory c;
        (c.chainId, c.roundManager) = (block.chainid, address(this));
        (c.campaign, c.round, c.base) = (r.campaign, id, r.base);
        (c.keyHash, c.srsHash, c.n) = (r.updateKeyHash, r.srsHash, r.n);
        (c.normBound2, c.nodes, c.threshold) = (normBound2, r.nodes, r.threshold);
        (c.institution, c.dataset, c.datasetVersion) = (u.institution, u.dataset, u.datasetVersion);
        (c.consentEpoch, c.records) = (u.consentEpoch, u.records);
        return Transcript.context(c);
    }

    /// What the verifier is asked: r is drawn here from everything that was fixed before it, B_i² comes from the registries.
    function _statement(
        bytes32 ctx,
        UpdateDetail memory detail,
        uint256 normBound2
    ) private pure returns (IProofVerifier.Statement memory s) {
        s.inputs = new uint256[](4);
        s.inputs[0] = detail.h;
        s.inputs[1] = Transcript.linkChallenge(ctx, detail.c, detail.a, detail.shareManifest, detail.h);
        s.inputs[2] = detail.y;
        s.inputs[3] = normBound2;
        (s.proof, s.c, s.w) = (detail.proof, detail.c, detail.w);
    }

    function _requireProofs(Round storage r, IProofVerifier.Statement[] memory statements) private view {
        if (!IProofVerifier(_modules().proofVerifier).verify(r.updateVerifier, statements)) revert ProofRejected();
    }

    // --- inside: freeze

    /// Keys of all submissions in order, and the weights of those that stay: verified, not excluded, consent as committed.
    function _candidates(
        RoundId id,
        RoundKind kind,
        address[] calldata institutions,
        G1[] calldata cs
    ) private returns (bytes32[] memory keys, uint256[] memory weights) {
        RoundStorage storage $ = _storage();
        keys = new bytes32[](cs.length);
        weights = new uint256[](cs.length);
        DatasetId[] memory datasets = new DatasetId[](cs.length);
        uint64[] memory committed = new uint64[](cs.length);
        for (uint256 i; i < cs.length; ++i) {
            keys[i] = Transcript.memberKey(institutions[i], cs[i]);
            Update storage u = $.updates[keys[i]];
            // Index = place for all of them: nothing is left out, twice in, or from elsewhere.
            if (!(u.round == id) || u.index != i) revert MemberListMismatch();
            (datasets[i], committed[i]) = (u.dataset, u.consentEpoch);
            if (u.verified && !u.excluded) weights[i] = u.records;
        }
        uint64[] memory epochs = IConsentRegistry(_modules().consent).epochsOf(datasets);
        for (uint256 i; i < cs.length; ++i) {
            if (weights[i] == 0) continue;
            Update storage u = $.updates[keys[i]];
            if (epochs[i] != committed[i]) _leaveOut(id, u, "consent");
            else if (kind == RoundKind.Statistics && $.statisticsUsed[u.dataset][u.datasetVersion])
                _leaveOut(id, u, "statistics");
            else continue;
            weights[i] = 0;
        }
    }

    function _leaveOut(RoundId id, Update storage u, bytes32 reason) private {
        u.excluded = true;
        emit MemberExcluded(id, u.institution, u.index, reason);
    }

    function _fix(
        RoundId id,
        RoundData storage d,
        bytes32[] memory keys,
        uint256[] memory weights,
        G1[] calldata cs,
        uint256 count,
        uint256 total
    ) private {
        Round storage r = d.round;
        bytes32[] memory included = new bytes32[](count);
        uint256 bitmap;
        uint256 next;
        G1 memory sum;
        for (uint256 i; i < weights.length; ++i) {
            if (weights[i] == 0) continue;
            included[next++] = keys[i];
            bitmap |= 1 << i;
            Bn254.addTo(sum, cs[i].x, cs[i].y);
        }
        if (r.kind == RoundKind.Statistics) _useUp(included);

        Frozen storage f = d.frozen;
        (f.setHash, f.cAgg, f.included) = (Transcript.setHash(address(this), id, included), sum, bitmap);
        (f.count, f.totalRecords, f.blockNumber) = (uint16(count), uint64(total), uint64(block.number));
        if (r.kind == RoundKind.Training) {
            (uint64 cap, uint64 lambdaF, ) = ICampaignRegistry(_modules().campaigns).weightsOf(r.campaign);
            f.lambda = Weights.lambda(lambdaF, cap, total);
        }
        r.frozenAt = uint64(block.timestamp);
        emit RoundFrozen(id, f.setHash, sum, bitmap, f.count, f.totalRecords, f.lambda);
        _enter(id, r, RoundState.Frozen);
    }

    /// From here on sums over these members may exist. A dataset version in two such sums could be read off their difference.
    function _useUp(bytes32[] memory included) private {
        RoundStorage storage $ = _storage();
        for (uint256 i; i < included.length; ++i) {
            Update storage u = $.updates[included[i]];
            $.statisticsUsed[u.dataset][u.datasetVersion] = true;
        }
    }

    // --- inside: state

    function _enter(RoundId id, Round storage r, RoundState state) private {
        r.state = state;
        emit RoundStateChanged(id, state);
    }

    function _existing(RoundId id) private view returns (RoundData storage d) {
        d = _storage().rounds[id];
        if (d.round.state == RoundState.None) revert NoSuchRound(id);
    }

    function _in(RoundId id, RoundState state) private view returns (RoundData storage d) {
        d = _existing(id);
        if (d.round.state != state) revert WrongState(id, d.round.state);
    }

    /// The last second of a window belongs to the actor; what follows a window begins a second later.
    function _requireUntil(uint256 until) private view {
        if (block.timestamp > until) revert TooLate(until);
    }

    function _storage() private pure returns (RoundStorage storage $) {
        assembly {
            $.slot := SLOT
        }
    }
}
