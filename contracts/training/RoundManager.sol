// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Module, Modules} from "../access/Module.sol";
import {ICampaignRegistry} from "../interfaces/ICampaignRegistry.sol";
import {IProofVerifier} from "../interfaces/IProofVerifier.sol";
import {IProtocolParameters} from "../interfaces/IProtocolParameters.sol";
import {IRoundManager} from "../interfaces/IRoundManager.sol";
import {IRoundSettlement} from "../interfaces/IRoundSettlement.sol";
import {IStake} from "../interfaces/IStake.sol";
import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";
import {Bn254} from "../libraries/Bn254.sol";
import {Transcript} from "../libraries/Transcript.sol";
import {G1} from "../types/Curve.sol";
import {CampaignId, DatasetId, RoundId} from "../types/Ids.sol";
import {RoundKind, RoundState, UpdateSubmission, Windows} from "../types/Training.sol";
import {RoundFreeze} from "./RoundFreeze.sol";
import {RoundOpening} from "./RoundOpening.sol";
import {Node, RoundData, RoundStorage, enter, leaveOut} from "./RoundStore.sol";
import {Weights} from "./Weights.sol";

/// @title RoundManager
/// @notice Orders a round up to its frozen set; holds no money. Bonds and node locks are taken from Stake; slashing is ShareDisputes' alone.
/// Opening, draw and freeze live in two linked libraries that act on this contract's storage: one contract would not fit.
/// @custom:oz-upgrades-unsafe-allow external-library-linking
contract RoundManager is IRoundManager, Module {
    /// @custom:storage-location erc7201:mednexus.storage.RoundManager
    struct RoundManagerStorage {
        RoundStorage state;
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
        RoundStorage storage $ = _storage();
        id = RoundId.wrap(++$.count);
        RoundOpening.open($.rounds[id], m, id, campaign);
        ICampaignRegistry(m.campaigns).reserveRound(campaign, id);
    }

    /// @inheritdoc IRoundManager
    function draw(RoundId id) external {
        RoundData storage d = _in(id, RoundState.Open);
        _requireUntil(uint256(d.round.openedAt) + d.terms.windows.draw);
        Modules storage m = _modules();
        if (RoundOpening.draw(d, m, id)) IRoundSettlement(m.settlement).payTip(id, msg.sender, "draw");
    }

    // --- commit

    /// @inheritdoc IRoundManager
    function submitUpdate(UpdateSubmission calldata s) external {
        RoundData storage d = _in(s.round, RoundState.Commit);
        Round storage r = d.round;
        _requireUntil(r.commitUntil);
        UpdateDetail memory detail = UpdateDetail(s.c, s.a, s.shareManifest, s.h, s.y, s.w, s.proof);
        _requirePoints(r, detail);
        Modules storage m = _modules();
        // A pair is two enrolled members who named each other; nobody can leave during a commit phase.
        if (d.terms.pair && !ICampaignRegistry(m.campaigns).pairAgreed(r.campaign)) revert NotPairAgreed(r.campaign);
        ICampaignRegistry.Eligibility memory e = ICampaignRegistry(m.campaigns).eligibility(r.campaign, msg.sender);
        if (!(e.dataset == s.dataset)) revert WrongDataset(e.dataset, s.dataset);
        Update storage u = _record(s.round, d, e, detail);
        IStake(m.stake).lock(msg.sender, d.terms.bond);
        if (r.eager) {
            IProofVerifier.Statement[] memory one = new IProofVerifier.Statement[](1);
            one[0] = _statement(_contextOf(_roundContext(s.round, r), u, e.normBound2), detail, e.normBound2);
            _requireProofs(r, one);
        }
    }

    /// @inheritdoc IRoundManager
    function verifyBatch(RoundId id, address[] calldata institutions, UpdateDetail[] calldata details) external {
        RoundData storage d = _existing(id);
        Round storage r = d.round;
        if (r.state != RoundState.Commit && r.state != RoundState.Share) revert WrongState(id, r.state);
        if (institutions.length != details.length) revert MemberListMismatch();
        Transcript.UpdateContext memory context = _roundContext(id, r);
        IProofVerifier.Statement[] memory statements = new IProofVerifier.Statement[](details.length);
        for (uint256 i; i < details.length; ++i) {
            UpdateDetail memory detail = details[i];
            (Update storage u, bytes32 key) = _known(id, institutions[i], detail);
            if (u.verified) revert AlreadyVerified(key);
            u.verified = true;
            emit UpdateVerified(id, institutions[i], u.index);
            uint256 normBound2 = _normBound2(d, u);
            statements[i] = _statement(_contextOf(context, u, normBound2), detail, normBound2);
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
        enter(id, r, RoundState.Share);
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

        Modules storage m = _modules();
        bool frozen = RoundFreeze.freeze(_storage(), m, id, institutions, cs);
        IRoundSettlement settlement = IRoundSettlement(m.settlement);
        settlement.payTip(id, msg.sender, "freeze");
        if (!frozen) settlement.fail(id);
    }

    // --- the other round modules

    /// @inheritdoc IRoundManager
    function exclude(RoundId id, bytes32 memberKey, bytes32 reason) external {
        _onlyModule(_modules().disputes);
        _in(id, RoundState.Share);
        Update storage u = _storage().updates[memberKey];
        if (!(u.round == id)) revert UnknownUpdate(memberKey);
        leaveOut(id, u, reason);
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
        RoundData storage d = _existing(id);
        Round storage r = d.round;
        RoundState from = r.state;
        bool legal;
        if (msg.sender == m.sums) {
            legal =
                (from == RoundState.Frozen && to == RoundState.Summed) ||
                (from == RoundState.Summed && to == RoundState.Frozen);
            d.frozen.summedAt = to == RoundState.Summed ? uint48(block.timestamp) : 0;
        } else {
            _onlyModule(m.settlement);
            if (to == RoundState.FailedEarly) legal = from < RoundState.Frozen;
            else if (to == RoundState.FailedSums) legal = from == RoundState.Frozen;
            else legal = from == RoundState.Summed && (to == RoundState.Finalized || to == RoundState.Closed);
        }
        if (!legal) revert IllegalTransition(from, to);
        enter(id, r, to);
    }

    /// @inheritdoc IRoundManager
    function finalizing(RoundId id) external returns (Finalizing memory f) {
        _onlyModule(_modules().settlement);
        RoundData storage d = _in(id, RoundState.Summed);
        Round storage r = d.round;
        if (r.kind != RoundKind.Training) revert WrongState(id, r.state);
        enter(id, r, RoundState.Finalized);
        (f.campaign, f.n, f.nodes) = (r.campaign, r.n, r.nodes);
        (f.model, f.baseVersion, f.aggregateVerifier) = (r.model, r.baseVersion, r.aggregateVerifier);
        (f.lambda, f.summedAt) = (d.frozen.lambda, d.frozen.summedAt);
        (f.keyHash, f.srsHash, f.setHash) = (r.aggregateKeyHash, r.srsHash, d.frozen.setHash);
        (f.base, f.cAgg) = (r.base, d.frozen.cAgg);
    }

    /// @inheritdoc IRoundManager
    function releaseBond(RoundId id, bytes32 memberKey) external {
        Modules storage m = _modules();
        if (msg.sender != m.disputes) _onlyModule(m.settlement);
        Update storage u = _storage().updates[memberKey];
        if (!(u.round == id)) revert UnknownUpdate(memberKey);
        if (u.bondReleased) return;
        u.bondReleased = true;
        IStake(m.stake).unlock(u.institution, _existing(id).terms.bond);
    }

    /// @inheritdoc IRoundManager
    function releaseNode(RoundId id, uint256 nodeIndex) external {
        Modules storage m = _modules();
        if (msg.sender != m.sums) _onlyModule(m.settlement);
        RoundData storage d = _existing(id);
        Node storage node = d.committee[nodeIndex];
        if (node.released) return;
        node.released = true;
        IStake(m.stake).unlock(node.account, d.terms.nodeLock);
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
        RoundData storage d = _existing(id);
        Update storage u;
        (u, memberKey) = _known(id, institution, detail);
        ctx = _contextOf(_roundContext(id, d.round), u, _normBound2(d, u));
    }

    /// @inheritdoc IRoundManager
    function shareDeadlines(
        RoundId id
    ) public view returns (uint64 complaintUntil, uint64 ciphertextUntil, uint64 revealUntil, uint64 openingUntil) {
        RoundData storage d = _existing(id);
        Windows storage w = d.terms.windows;
        complaintUntil = d.round.shareFrom + w.complaint;
        ciphertextUntil = complaintUntil + w.ciphertext;
        revealUntil = ciphertextUntil + w.reveal;
        openingUntil = revealUntil + w.opening;
    }

    /// @inheritdoc IRoundManager
    function deadReason(RoundId id) external view returns (bytes32) {
        RoundData storage d = _existing(id);
        Round storage r = d.round;
        if (r.state >= RoundState.Frozen) return 0;
        if (r.tooFew) return "participants";
        IVerifierRegistry verifiers = IVerifierRegistry(_modules().verifiers);
        if (!verifiers.isLive(r.updateVerifier)) return "verifier";
        if (r.kind == RoundKind.Training && !verifiers.isLive(r.aggregateVerifier)) return "verifier";
        if (r.state == RoundState.Open) {
            if (block.timestamp > uint256(r.openedAt) + d.terms.windows.draw) return "undrawn";
        } else if (r.state == RoundState.Commit) {
            if (block.timestamp > r.commitUntil && r.submitted < r.minParticipants) return "participants";
        } else {
            // Whatever keeps a freeze from happening, nobody's money waits for it for ever.
            (, , , uint64 openingUntil) = shareDeadlines(id);
            if (block.timestamp > uint256(openingUntil) + d.terms.windows.sums) return "unfrozen";
        }
        return 0;
    }

    // --- inside: commit

    function _requirePoints(Round storage r, UpdateDetail memory detail) private view {
        uint256 t = detail.a.length;
        if (t != r.threshold) revert WrongThreshold(t, r.threshold);
        Bn254.requireG1(detail.c);
        for (uint256 i; i < t; ++i) Bn254.requireG1(detail.a[i]);
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
        uint256 toCome = d.seatsToCome;
        uint256 seat = 1 << e.seat;
        if (toCome & seat == 0) revert AlreadySubmitted(msg.sender);
        u = _storage().updates[Transcript.memberKey(msg.sender, detail.c)];
        if (u.institution != address(0)) revert CommitmentReused(msg.sender);
        if (r.kind == RoundKind.Statistics && _storage().statisticsUsed[e.dataset][e.version])
            revert StatisticsUsed(e.dataset, e.version);

        d.seatsToCome = toCome ^ seat;
        (uint16 index, bool eager) = (r.submitted, r.eager);
        r.submitted = index + 1;
        if (eager) r.verified = index + 1;
        (u.institution, u.records, u.index, u.verified) = (msg.sender, e.records, index, eager);
        (u.dataset, u.datasetVersion, u.consentEpoch, u.round) = (e.dataset, e.version, e.consentEpoch, id);
        u.detailHash = _detailHash(detail);
        _announce(id, index, eager, e, detail);
    }

    function _announce(
        RoundId id,
        uint16 index,
        bool verified,
        ICampaignRegistry.Eligibility memory e,
        UpdateDetail memory detail
    ) private {
        emit UpdateSubmitted(
            id,
            msg.sender,
            e.dataset,
            index,
            verified,
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
        UpdateDetail memory detail
    ) private view returns (Update storage u, bytes32 key) {
        key = Transcript.memberKey(institution, detail.c);
        u = _storage().updates[key];
        if (!(u.round == id)) revert UnknownUpdate(key);
        if (u.detailHash != _detailHash(detail)) revert DetailMismatch(key);
    }

    /// The part of ctx that all members of a round share.
    function _roundContext(RoundId id, Round storage r) private view returns (Transcript.UpdateContext memory c) {
        (c.chainId, c.roundManager) = (block.chainid, address(this));
        (c.campaign, c.round, c.base) = (r.campaign, id, r.base);
        (c.keyHash, c.srsHash, c.n) = (r.updateKeyHash, r.srsHash, r.n);
        (c.nodes, c.threshold) = (r.nodes, r.threshold);
    }

    /// ctx of one member: fills the rest of `c` in place.
    function _contextOf(
        Transcript.UpdateContext memory c,
        Update storage u,
        uint256 normBound2
    ) private view returns (bytes32) {
        (c.institution, c.records, c.normBound2) = (u.institution, u.records, normBound2);
        (c.dataset, c.datasetVersion, c.consentEpoch) = (u.dataset, u.datasetVersion, u.consentEpoch);
        return Transcript.context(c);
    }

    function _normBound2(RoundData storage d, Update storage u) private view returns (uint256) {
        return Weights.normBound2(d.terms.normBound, u.records, d.terms.cap);
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

    // --- inside: state

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
