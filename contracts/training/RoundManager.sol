// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Module, Modules} from "../access/Module.sol";
import {ICampaignRegistry} from "../interfaces/ICampaignRegistry.sol";
import {IConsentRegistry} from "../interfaces/IConsentRegistry.sol";
import {IProofVerifier} from "../interfaces/IProofVerifier.sol";
import {IProtocolParameters} from "../interfaces/IProtocolParameters.sol";
import {IRoundManager} from "../interfaces/IRoundManager.sol";
import {IRoundSettlement} from "../interfaces/IRoundSettlement.sol";
import {IStake} from "../interfaces/IStake.sol";
import {ITrainingRules} from "../interfaces/ITrainingRules.sol";
import {Bn254} from "../libraries/Bn254.sol";
import {CodeData} from "../libraries/CodeData.sol";
import {Transcript} from "../libraries/Transcript.sol";
import {G1} from "../types/Curve.sol";
import {CampaignId, DatasetId, RoundId} from "../types/Ids.sol";
import {ConsentRef, RoundKind, RoundState, UpdateDetail} from "../types/Training.sol";
import {Weights} from "./Weights.sol";

/// @title RoundManager
/// @notice Orders a round up to its frozen set; holds no money. Bonds and node locks are taken from Stake; slashing is ShareDisputes' alone.
/// What a round runs under and who is drawn is TrainingRules' to say.
contract RoundManager is IRoundManager, Module {
    /// One seat of a round's committee.
    struct Node {
        address account;
        bool acknowledged;
        bool released;
        G1 key; // as at the draw
    }

    /// One round. Its first slot is all that a submission writes of it; the rest of what `get` shows is in the snapshot.
    struct RoundData {
        RoundState state;
        uint8 acks;
        uint16 openComplaints;
        uint16 submitted;
        uint16 verified;
        uint64 commitUntil;
        uint64 drawBlock;
        uint64 shareFrom;
        address snapshot; // code holding abi.encode(ITrainingRules.Snapshot): immutable for good, and one copy reads all of it
        uint64 frozenAt;
        bool tooFew;
        address frozen; // code holding abi.encode(Frozen), once frozen
        uint48 summedAt; // counts while Summed and after
        uint256 seatsToCome; // bit per seat of the campaign: has not submitted in this round
        Node[] committee;
    }

    /// @custom:storage-location erc7201:mednexus.storage.RoundManager
    struct RoundManagerStorage {
        uint64 count;
        mapping(RoundId => RoundData) rounds;
        mapping(bytes32 memberKey => Update) updates;
        mapping(DatasetId => mapping(uint32 version => bool)) statisticsUsed;
    }

    /// Bytes of a statement about an update, for the verifier: proof (8 words), C, W, (h, r, y, B_i²).
    uint256 private constant STATEMENT = 0x200;

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
        RoundManagerStorage storage $ = _storage();
        id = RoundId.wrap(++$.count);
        RoundData storage d = $.rounds[id];
        d.snapshot = CodeData.store(ITrainingRules(m.rules).snapshotOf(campaign));
        ITrainingRules.Snapshot memory run = _run(d);
        Round memory r = run.round;
        d.drawBlock = uint64(block.number) + run.terms.drawDelay;
        emit RoundOpened(id, campaign, r.model, r.kind, r.baseVersion, r.base, d.drawBlock);
        _enter(id, d, RoundState.Open);
        ICampaignRegistry(m.campaigns).reserveRound(campaign, id);
    }

    /// @inheritdoc IRoundManager
    function draw(RoundId id) external {
        RoundData storage d = _in(id, RoundState.Open);
        ITrainingRules.Snapshot memory run = _run(d);
        _requireUntil(uint256(run.round.openedAt) + run.terms.windows.draw);
        bytes32 seed;
        if (run.terms.drawDelay != 0) {
            uint64 drawBlock = d.drawBlock;
            if (block.number <= drawBlock) revert DrawNotReady(drawBlock);
            bytes32 hash = blockhash(drawBlock);
            if (hash == 0) {
                drawBlock = uint64(block.number) + run.terms.drawDelay;
                d.drawBlock = drawBlock;
                emit DrawRearmed(id, drawBlock);
                return;
            }
            seed = keccak256(abi.encode(hash, block.chainid, id));
        }
        _seat(id, d, run, seed);
        _settlement().payTip(id, msg.sender, "draw");
    }

    // --- commit

    /// @inheritdoc IRoundManager
    function submitUpdate(RoundId id, DatasetId dataset, UpdateDetail calldata detail) external {
        RoundData storage d = _in(id, RoundState.Commit);
        _requireUntil(d.commitUntil);
        ITrainingRules.Snapshot memory run = _run(d);
        Round memory r = run.round;
        _requirePoints(r, detail);
        Modules storage m = _modules();
        // A pair is two enrolled members who named each other; nobody can leave during a commit phase.
        if (run.terms.pair && !ICampaignRegistry(m.campaigns).pairAgreed(r.campaign)) revert NotPairAgreed(r.campaign);
        ICampaignRegistry.Eligibility memory e = ICampaignRegistry(m.campaigns).eligibility(r.campaign, msg.sender);
        if (!(e.dataset == dataset)) revert WrongDataset(e.dataset, dataset);
        Update storage u = _record(id, d, r, e, detail);
        IStake(m.stake).lock(msg.sender, run.terms.bond);
        if (r.eager) {
            bytes memory statement = new bytes(STATEMENT);
            _state(statement, 0, _contextOf(_roundContext(id, r), u, e.normBound2), detail, e.normBound2);
            _requireProofs(r, statement);
            _shareIfComplete(id, d, r);
        }
    }

    /// @inheritdoc IRoundManager
    function verifyBatch(RoundId id, address[] calldata institutions, UpdateDetail[] calldata details) external {
        RoundData storage d = _existing(id);
        if (d.state != RoundState.Commit && d.state != RoundState.Share) revert WrongState(id, d.state);
        if (institutions.length != details.length) revert MemberListMismatch();
        ITrainingRules.Snapshot memory run = _run(d);
        Transcript.UpdateContext memory context = _roundContext(id, run.round);
        bytes memory statements = new bytes(STATEMENT * details.length);
        uint256 members;
        for (uint256 i; i < details.length; ++i) {
            UpdateDetail calldata detail = details[i];
            (Update storage u, bytes32 key) = _known(id, institutions[i], detail);
            if (u.verified) revert AlreadyVerified(key);
            u.verified = true;
            members |= 1 << u.index;
            uint256 normBound2 = _normBound2(run.terms, u);
            _state(statements, i, _contextOf(context, u, normBound2), detail, normBound2);
        }
        uint16 count = uint16(details.length); // <= submitted: each was unverified
        d.verified += count;
        emit UpdatesVerified(id, members, count);
        _requireProofs(run.round, statements);
        if (d.state == RoundState.Commit) _shareIfComplete(id, d, run.round);
    }

    /// @inheritdoc IRoundManager
    function endCommit(RoundId id) external {
        RoundData storage d = _in(id, RoundState.Commit);
        if (block.timestamp <= d.commitUntil) revert TooEarly(d.commitUntil);
        uint256 minParticipants = _run(d).round.minParticipants;
        if (d.submitted < minParticipants) revert TooFewParticipants(d.submitted, minParticipants);
        _share(id, d);
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
            d.acks += 1;
            emit SharesAcknowledged(id, msg.sender, i);
            return;
        }
        revert NotNode(msg.sender);
    }

    /// @inheritdoc IRoundManager
    function freeze(RoundId id, address[] calldata institutions, G1[] calldata cs) external {
        RoundData storage d = _in(id, RoundState.Share);
        if (d.openComplaints != 0) revert ComplaintsOpen(d.openComplaints);
        if (d.acks != d.committee.length || d.verified != d.submitted) {
            uint256 complaintUntil = uint256(d.shareFrom) + _run(d).terms.windows.complaint;
            if (block.timestamp <= complaintUntil) revert TooEarly(complaintUntil);
        }
        if (institutions.length != d.submitted || cs.length != d.submitted) revert MemberListMismatch();

        bool frozen = _freeze(id, d, institutions, cs);
        _settlement().payTip(id, msg.sender, "freeze");
        if (!frozen) _settlement().fail(id);
    }

    // --- the other round modules

    /// @inheritdoc IRoundManager
    function exclude(RoundId id, bytes32 memberKey, bytes32 reason) external {
        _onlyModule(_modules().disputes);
        _in(id, RoundState.Share);
        Update storage u = _updateIn(id, memberKey);
        _leaveOut(id, u, reason);
    }

    /// @inheritdoc IRoundManager
    function complaintOpened(RoundId id) external {
        _onlyModule(_modules().disputes);
        _in(id, RoundState.Share).openComplaints += 1;
    }

    /// @inheritdoc IRoundManager
    function complaintClosed(RoundId id) external {
        _onlyModule(_modules().disputes);
        _existing(id).openComplaints -= 1;
    }

    /// @inheritdoc IRoundManager
    function setState(RoundId id, RoundState to) external {
        Modules storage m = _modules();
        RoundData storage d = _existing(id);
        RoundState from = d.state;
        _onlyModule(to == RoundState.Frozen || to == RoundState.Summed ? m.sums : m.settlement);
        bool legal;
        if (to == RoundState.FailedEarly) legal = from < RoundState.Frozen;
        else if (to == RoundState.Summed || to == RoundState.FailedSums) legal = from == RoundState.Frozen;
        else legal = from == RoundState.Summed && to >= RoundState.Frozen;
        if (!legal) revert IllegalTransition(from, to);
        if (to == RoundState.Summed) d.summedAt = uint48(block.timestamp);
        else if (to == RoundState.Frozen) d.summedAt = 0;
        _enter(id, d, to);
    }

    /// @inheritdoc IRoundManager
    function releaseBond(RoundId id, bytes32 memberKey) external {
        Modules storage m = _modules();
        if (msg.sender != m.disputes) _onlyModule(m.settlement);
        Update storage u = _updateIn(id, memberKey);
        if (u.bondReleased) return;
        u.bondReleased = true;
        IStake(m.stake).unlock(u.institution, _run(_existing(id)).terms.bond);
    }

    /// @inheritdoc IRoundManager
    function releaseNode(RoundId id, uint256 nodeIndex) external {
        Modules storage m = _modules();
        if (msg.sender != m.sums) _onlyModule(m.settlement);
        RoundData storage d = _existing(id);
        Node storage node = d.committee[nodeIndex];
        if (node.released) return;
        node.released = true;
        IStake(m.stake).unlock(node.account, _run(d).terms.nodeLock);
    }

    // --- views

    /// @inheritdoc IRoundManager
    function get(RoundId id) external view returns (Round memory) {
        RoundData storage d = _existing(id);
        Round memory r = _run(d).round;
        (r.state, r.acks, r.openComplaints) = (d.state, d.acks, d.openComplaints);
        (r.submitted, r.verified, r.tooFew) = (d.submitted, d.verified, d.tooFew);
        (r.drawBlock, r.commitUntil, r.shareFrom, r.frozenAt) = (d.drawBlock, d.commitUntil, d.shareFrom, d.frozenAt);
        return r;
    }

    /// @inheritdoc IRoundManager
    function stateOf(RoundId id) external view returns (RoundState) {
        return _storage().rounds[id].state;
    }

    /// @inheritdoc IRoundManager
    function frozenOf(RoundId id) external view returns (Frozen memory) {
        return _frozen(_existing(id));
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
        ITrainingRules.Snapshot memory run = _run(d);
        ctx = _contextOf(_roundContext(id, run.round), u, _normBound2(run.terms, u));
    }

    // --- inside: draw

    /// Seats and locks the committee; the commit phase begins.
    function _seat(RoundId id, RoundData storage d, ITrainingRules.Snapshot memory run, bytes32 seed) private {
        Modules storage m = _modules();
        (address[] memory nodes, G1[] memory keys) = ITrainingRules(m.rules).committeeOf(run.round.campaign, seed);
        for (uint256 i; i < nodes.length; ++i) d.committee.push(Node(nodes[i], false, false, keys[i]));
        d.seatsToCome = type(uint256).max;
        d.commitUntil = uint64(block.timestamp) + run.terms.windows.commit;
        emit CommitteeDrawn(id, nodes, keys, d.commitUntil);
        _enter(id, d, RoundState.Commit);
        for (uint256 i; i < nodes.length; ++i) IStake(m.stake).lock(nodes[i], run.terms.nodeLock);
    }

    // --- inside: commit

    function _requirePoints(Round memory r, UpdateDetail calldata detail) private pure {
        uint256 t = detail.a.length;
        if (t != r.threshold) revert WrongThreshold(t, r.threshold);
        Bn254.requireG1(detail.c);
        for (uint256 i; i < t; ++i) Bn254.requireG1(detail.a[i]);
    }

    function _record(
        RoundId id,
        RoundData storage d,
        Round memory r,
        ICampaignRegistry.Eligibility memory e,
        UpdateDetail calldata detail
    ) private returns (Update storage u) {
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
        (uint16 index, bool eager) = (d.submitted, r.eager);
        d.submitted = index + 1;
        if (eager) d.verified = index + 1;
        (u.institution, u.records, u.index, u.verified) = (msg.sender, e.records, index, eager);
        (u.dataset, u.datasetVersion, u.consentEpoch, u.round) = (e.dataset, e.version, e.consentEpoch, id);
        u.detailHash = Transcript.detailHash(detail);
        _announce(id, index, eager, e, detail);
    }

    function _announce(
        RoundId id,
        uint16 index,
        bool verified,
        ICampaignRegistry.Eligibility memory e,
        UpdateDetail calldata detail
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

    function _updateIn(RoundId id, bytes32 key) private view returns (Update storage u) {
        u = _storage().updates[key];
        if (!(u.round == id)) revert UnknownUpdate(key);
    }

    /// The stored update that `detail` describes, byte for byte.
    function _known(
        RoundId id,
        address institution,
        UpdateDetail calldata detail
    ) private view returns (Update storage u, bytes32 key) {
        key = Transcript.memberKey(institution, detail.c);
        u = _updateIn(id, key);
        if (u.detailHash != Transcript.detailHash(detail)) revert DetailMismatch(key);
    }

    /// The part of ctx that all members of a round share.
    function _roundContext(RoundId id, Round memory r) private view returns (Transcript.UpdateContext memory c) {
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

    function _normBound2(ITrainingRules.RoundTerms memory t, Update storage u) private view returns (uint256) {
        return Weights.normBound2(t.normBound, u.records, t.cap);
    }

    /// Writes the `index`-th statement: r is drawn here from everything that was fixed before it, B_i² comes from the registries.
    function _state(
        bytes memory statements,
        uint256 index,
        bytes32 ctx,
        UpdateDetail calldata detail,
        uint256 normBound2
    ) private pure {
        uint256 r = Transcript.linkChallenge(ctx, detail);
        // The callers have allocated index + 1 statements. A detail's head in calldata: C at 0, h at 0x80, y at 0xa0, W at 0xc0, proof at 0x100.
        assembly ("memory-safe") {
            let to := add(add(statements, 0x20), mul(index, STATEMENT))
            calldatacopy(to, add(detail, 0x100), 0x100)
            calldatacopy(add(to, 0x100), detail, 0x40)
            calldatacopy(add(to, 0x140), add(detail, 0xc0), 0x40)
            mstore(add(to, 0x180), calldataload(add(detail, 0x80)))
            mstore(add(to, 0x1a0), r)
            mstore(add(to, 0x1c0), calldataload(add(detail, 0xa0)))
            mstore(add(to, 0x1e0), normBound2)
        }
    }

    /// The commit phase ends with the act that leaves nothing to wait for: every member's update is in, and verified.
    function _shareIfComplete(RoundId id, RoundData storage d, Round memory r) private {
        uint256 submitted = d.submitted;
        if (d.verified != submitted || submitted < r.minParticipants) return;
        if (submitted == ICampaignRegistry(_modules().campaigns).memberCount(r.campaign)) _share(id, d);
    }

    function _share(RoundId id, RoundData storage d) private {
        d.shareFrom = uint64(block.timestamp);
        emit CommitEnded(id, d.shareFrom);
        _enter(id, d, RoundState.Share);
    }

    function _requireProofs(Round memory r, bytes memory statements) private view {
        if (!IProofVerifier(_modules().proofVerifier).verify(r.updateVerifier, statements)) revert ProofRejected();
    }

    // --- inside: freeze

    /// Freezes the set, or marks the round as having too few (false). `institutions` and `cs` name every submission in order.
    function _freeze(
        RoundId id,
        RoundData storage d,
        address[] calldata institutions,
        G1[] calldata cs
    ) private returns (bool) {
        bytes32[] memory keys = new bytes32[](cs.length);
        for (uint256 i; i < keys.length; ++i) keys[i] = Transcript.memberKey(institutions[i], cs[i]);
        RoundKind kind = _run(d).round.kind;
        (uint256[] memory weights, ConsentRef[] memory refs) = _weights(id, kind, keys);
        bytes memory set = ITrainingRules(_modules().rules).frozenOf(id, keys, weights, cs);
        if (set.length == 0) {
            d.tooFew = true;
            return false;
        }
        _nameConsents(set, refs);
        (d.frozen, d.frozenAt) = (CodeData.store(set), uint64(block.timestamp));
        Frozen memory f = _frozen(d);
        if (kind == RoundKind.Statistics) _useUp(keys, f.included);
        emit RoundFrozen(id, f.setHash, f.cAgg, f.included, f.count, f.totalRecords, f.lambda);
        _enter(id, d, RoundState.Frozen);
        return true;
    }

    /// Fills the consents' hash into `set` = abi.encode(Frozen), whose words are setHash, cAgg (2), consentSetHash, included, …. `refs`, all submissions' in
    /// order, is cut down to the included ones.
    function _nameConsents(bytes memory set, ConsentRef[] memory refs) private view {
        uint256 included;
        assembly ("memory-safe") {
            included := mload(add(set, 0xa0))
        }
        uint256 count;
        for (uint256 i; i < refs.length; ++i) {
            if ((included >> i) & 1 == 1) refs[count++] = refs[i];
        }
        // count <= refs.length: an array made shorter in its own memory.
        assembly ("memory-safe") {
            mstore(refs, count)
        }
        bytes32 hash = Transcript.consentSetHash(_modules().consent, refs);
        assembly ("memory-safe") {
            mstore(add(set, 0x80), hash)
        }
    }

    /// n̂ of those that stay, 0 of those that do not: unverified, excluded, consent not as committed, a dataset version that a statistics set has used.
    function _weights(
        RoundId id,
        RoundKind kind,
        bytes32[] memory keys
    ) private returns (uint256[] memory weights, ConsentRef[] memory refs) {
        RoundManagerStorage storage $ = _storage();
        weights = new uint256[](keys.length);
        refs = new ConsentRef[](keys.length);
        for (uint256 i; i < keys.length; ++i) {
            Update storage u = $.updates[keys[i]];
            // Index = place for all of them: nothing is left out, twice in, or from elsewhere.
            if (!(u.round == id) || u.index != i) revert MemberListMismatch();
            refs[i] = ConsentRef(u.dataset, u.datasetVersion, u.consentEpoch);
        }
        uint256 moved = IConsentRegistry(_modules().consent).movedSince(refs);
        for (uint256 i; i < keys.length; ++i) {
            Update storage u = $.updates[keys[i]];
            if (!u.verified || u.excluded) continue;
            if ((moved >> i) & 1 == 1) _leaveOut(id, u, "consent");
            else if (kind == RoundKind.Statistics && $.statisticsUsed[u.dataset][u.datasetVersion])
                _leaveOut(id, u, "statistics");
            else weights[i] = u.records;
        }
    }

    /// From here on sums over these members may exist. A dataset version in two such sets could be read off the difference of their sums.
    function _useUp(bytes32[] memory keys, uint256 included) private {
        RoundManagerStorage storage $ = _storage();
        for (uint256 i; i < keys.length; ++i) {
            if ((included >> i) & 1 == 0) continue;
            Update storage u = $.updates[keys[i]];
            $.statisticsUsed[u.dataset][u.datasetVersion] = true;
        }
    }

    // --- inside: state

    /// Both ways into a state: the word in storage and the event.
    function _enter(RoundId id, RoundData storage d, RoundState state) private {
        d.state = state;
        emit RoundStateChanged(id, state);
    }

    /// Marks a submission as left out of the frozen set.
    function _leaveOut(RoundId id, Update storage u, bytes32 reason) private {
        u.excluded = true;
        emit MemberExcluded(id, u.institution, u.index, reason);
    }

    function _settlement() private view returns (IRoundSettlement) {
        return IRoundSettlement(_modules().settlement);
    }

    /// What the round runs under.
    function _run(RoundData storage d) private view returns (ITrainingRules.Snapshot memory run) {
        address at = d.snapshot;
        // Behind the STOP byte, abi.encode lays the words out in the order of the fields, nested structs in place: 27 words of Round before its last field,
        // base (2 words), 7 of RoundTerms before its last, windows (11). Solidity has allocated all four; the encoder has checked every value.
        assembly ("memory-safe") {
            let round := mload(run)
            let terms := mload(add(run, 0x20))
            extcodecopy(at, round, 0x001, 0x360)
            extcodecopy(at, mload(add(round, 0x360)), 0x361, 0x040)
            extcodecopy(at, terms, 0x3a1, 0x0e0)
            extcodecopy(at, mload(add(terms, 0x0e0)), 0x481, 0x160)
        }
    }

    /// All zero before the freeze. Laid out as in _run: setHash, cAgg (2 words), six more; summedAt moves, so storage has it.
    function _frozen(RoundData storage d) private view returns (Frozen memory f) {
        address at = d.frozen;
        assembly ("memory-safe") {
            extcodecopy(at, f, 0x01, 0x20)
            extcodecopy(at, mload(add(f, 0x20)), 0x21, 0x40)
            extcodecopy(at, add(f, 0x40), 0x61, 0xc0)
        }
        f.summedAt = d.summedAt;
    }

    function _existing(RoundId id) private view returns (RoundData storage d) {
        d = _storage().rounds[id];
        if (d.state == RoundState.None) revert NoSuchRound(id);
    }

    function _in(RoundId id, RoundState state) private view returns (RoundData storage d) {
        d = _existing(id);
        if (d.state != state) revert WrongState(id, d.state);
    }

    /// The last second of a window belongs to the actor; what follows a window begins a second later.
    function _requireUntil(uint256 until) private view {
        if (block.timestamp > until) revert TooLate(until);
    }

    function _storage() private pure returns (RoundManagerStorage storage $) {
        assembly {
            $.slot := SLOT
        }
    }
}
