// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {INodeSums} from "../interfaces/INodeSums.sol";
import {IProofVerifier} from "../interfaces/IProofVerifier.sol";
import {IRoundManager} from "../interfaces/IRoundManager.sol";
import {Bn254} from "../libraries/Bn254.sol";
import {Kzg} from "../libraries/Kzg.sol";
import {Purposes} from "../libraries/Purposes.sol";
import {Transcript} from "../libraries/Transcript.sol";
import {TypedData} from "../libraries/TypedData.sol";
import {G1} from "../types/Curve.sol";
import {RoundId} from "../types/Ids.sol";
import {Prices, RoundState, UpdateDetail, Windows} from "../types/Training.sol";
import {DisputeBase} from "./DisputeBase.sol";

/// @title NodeSums: digests of the nodes' sums after the freeze, demands for the words behind them, faults.
/// @notice Times, all bounded: a sum is posted until sumsUntil = frozenAt + windows.sums, and once t+1 stand only within windows.challenge of that moment.
/// Demands run until windows.challenge after the last posted sum (until sumsUntil while fewer than t+1 stand); each is answered within windows.answer, which for
/// a node that has posted nothing counts from sumsUntil. A sum that was proven cannot be demanded again.
/// A fault takes the sum away; with fewer than t+1 left the round falls back from Summed to Frozen, where other nodes may still post until sumsUntil and
/// the round fails after it. A round that was finalized stays finalized: its proof showed the exact sum, whatever the digests say.
contract NodeSums is DisputeBase, INodeSums {
    struct Sum {
        bytes32 digest; // zero: nothing posted
        address demander; // zero: never demanded
        uint64 answerUntil;
        uint32 nextChunk;
        uint256 value; // of the words at the digest's challenge, summed over chunks
        bytes32[] chunkHashes;
    }

    struct RoundSums {
        uint64 summedAt; // t+1 stand since; zero: they do not
        uint64 lastPostedAt;
        uint8 openDemands;
        uint256 gathered; // bitmap over submissions whose A points are in `points`
        // bitmaps over nodes:
        uint256 standing;
        uint256 open; // demanded, neither proven nor faulted
        uint256 faulted;
        uint256 equivocated;
        G1[] points; // Σ_i A_{i,k}, k = 1..t
        mapping(uint256 nodeIndex => Sum) sums;
    }

    /// @custom:storage-location erc7201:mednexus.storage.NodeSums
    struct SumsStorage {
        uint64 finalityBlocks; // after the freeze block, before nodes post
        mapping(RoundId => RoundSums) rounds;
    }

    // keccak256(abi.encode(uint256(keccak256("mednexus.storage.NodeSums")) - 1)) & ~bytes32(uint256(0xff)); recomputed in a test
    bytes32 private constant SLOT = 0xb9024b39cd35c230d745020d53410f7daa3cf5e3963bf32a38fc863f6e78de00;

    bytes32 private constant OFFENCE_SUM = "sum";
    bytes32 private constant OFFENCE_EQUIVOCATION = "equivocation";
    bytes32 private constant SET_SIGNATURE = keccak256("SetSignature(uint64 round,bytes32 setHash)");

    /// @param finalityBlocks blocks after the freeze block before a node may post its sum (and sign its set): the chain's depth of finality.
    function initialize(address authority, uint64 finalityBlocks) external initializer {
        __Module_init(authority);
        _sumsStorage().finalityBlocks = finalityBlocks;
    }

    /// @inheritdoc INodeSums
    function postSum(RoundId round, bytes32 setHash, bytes32[] calldata chunkHashes) external {
        IRoundManager.Round memory r = _requireAfterFreeze(round);
        uint256 nodeIndex = _indexOf(round, msg.sender);
        IRoundManager.Frozen memory frozen = _rounds().frozenOf(round);
        uint256 finalAt = uint256(frozen.blockNumber) + _sumsStorage().finalityBlocks;
        if (block.number <= finalAt) revert FreezeNotFinal(finalAt);
        if (setHash != frozen.setHash) revert WrongSet(setHash, frozen.setHash);
        if (chunkHashes.length != _chunkCount(r.n)) revert BadChunk(chunkHashes.length);

        RoundSums storage $ = _sums(round);
        Sum storage sum = $.sums[nodeIndex];
        if (sum.digest != 0 || $.faulted & _bit(nodeIndex) != 0) revert SumExists(nodeIndex);
        _requireUntil(_postUntil(r, $));

        sum.digest = Transcript.sumDigest(round, nodeIndex + 1, setHash, chunkHashes);
        sum.chunkHashes = chunkHashes;
        $.standing |= _bit(nodeIndex);
        $.lastPostedAt = uint64(block.timestamp);
        emit SumPosted(round, msg.sender, nodeIndex, setHash, sum.digest, chunkHashes);
        if ($.summedAt == 0 && _count($.standing) > r.threshold) {
            $.summedAt = uint64(block.timestamp);
            emit RoundSummed(round, $.summedAt);
            _rounds().setState(round, RoundState.Summed);
        }
    }

    /// @inheritdoc INodeSums
    function demandSum(RoundId round, uint256 nodeIndex) external {
        IRoundManager.Round memory r = _requireAfterFreeze(round);
        _nodeAt(round, nodeIndex);
        RoundSums storage $ = _sums(round);
        Sum storage sum = $.sums[nodeIndex];
        if (sum.demander != address(0)) revert AlreadyDemanded(nodeIndex);
        Windows memory windows = _windows(r.campaign);
        uint64 sumsUntil = r.frozenAt + windows.sums;
        _requireUntil($.summedAt == 0 ? sumsUntil : $.lastPostedAt + windows.challenge);
        bool posted = sum.digest != 0;
        // Once a proof has shown the sum, a node that never posted owes nothing.
        if (!posted && r.state == RoundState.Finalized) revert NoSum(nodeIndex);

        sum.demander = msg.sender;
        uint64 from = posted || block.timestamp > sumsUntil ? uint64(block.timestamp) : sumsUntil;
        sum.answerUntil = from + windows.answer;
        $.open |= _bit(nodeIndex);
        ++$.openDemands;
        emit SumDemanded(round, nodeIndex, msg.sender, sum.answerUntil);
        _pullBond(r.campaign, demandId(round, nodeIndex));
    }

    /// @inheritdoc INodeSums
    function answerSum(RoundId round, uint256 nodeIndex, uint256 chunk, bytes calldata words) external {
        Sum storage sum = _demanded(round, nodeIndex);
        if (chunk != sum.nextChunk) revert ChunkOutOfOrder(chunk, sum.nextChunk);
        if (chunk >= sum.chunkHashes.length) revert BadChunk(chunk);
        uint256 n = _rounds().get(round).n;
        if (words.length != _chunkBytes(n, chunk) || keccak256(words) != sum.chunkHashes[chunk]) revert BadChunk(chunk);
        (uint256[] memory part, uint256 firstBad) = Kzg.readWords(words);
        if (firstBad != type(uint256).max) revert NonCanonicalWord(chunk, firstBad);

        uint256 offset = chunk * Transcript.CHUNK_WORDS;
        uint256 z = Transcript.sumChallenge(sum.digest);
        sum.value = addmod(sum.value, Kzg.partialEvaluation(part, offset, n, z), Bn254.R);
        sum.nextChunk = uint32(chunk + 1);
        emit SumChunk(round, nodeIndex, chunk, words);
    }

    /// @inheritdoc INodeSums
    function gatherSharePoints(
        RoundId round,
        address[] calldata institutions,
        UpdateDetail[] calldata details
    ) external {
        IRoundManager.Round memory r = _requireAfterFreeze(round);
        uint256 included = _rounds().frozenOf(round).included;
        RoundSums storage $ = _sums(round);
        if (institutions.length != details.length) revert IRoundManager.MemberListMismatch();
        uint256 gathered = $.gathered;
        G1[] memory points = gathered == 0 ? new G1[](r.threshold) : $.points;
        for (uint256 i; i < details.length; ++i) {
            uint256 bit = _requireDetail(round, institutions[i], details[i]);
            if (included & bit == 0) revert IRoundManager.MemberListMismatch();
            if (gathered & bit != 0) continue;
            gathered |= bit;
            for (uint256 k; k < points.length; ++k) points[k] = Bn254.add(points[k], details[i].a[k]);
        }
        $.gathered = gathered;
        _storePoints($.points, points);
    }

    /// @inheritdoc INodeSums
    function proveSum(RoundId round, uint256 nodeIndex, G1 calldata w) external {
        Sum storage sum = _demanded(round, nodeIndex);
        RoundSums storage $ = _sums(round);
        IRoundManager.Round memory r = _rounds().get(round);
        IRoundManager.Frozen memory frozen = _rounds().frozenOf(round);
        bool complete = sum.digest != 0 && sum.nextChunk == sum.chunkHashes.length && $.gathered == frozen.included;
        if (!complete) revert AnswerIncomplete();
        G1 memory expected = _atPoint(frozen.cAgg, $.points, nodeIndex + 1);
        IProofVerifier verifier = IProofVerifier(_modules().proofVerifier);
        uint256 z = Transcript.sumChallenge(sum.digest);
        if (!verifier.verifyOpening(r.srs, expected, z, sum.value, w)) revert BadOpening();

        _closeDemand($, nodeIndex);
        emit SumAnswered(round, nodeIndex);
        _payBond(r.campaign, demandId(round, nodeIndex), _nodeAt(round, nodeIndex));
    }

    /// @inheritdoc INodeSums
    function faultSum(RoundId round, uint256 nodeIndex) external {
        RoundSums storage $ = _sums(round);
        Sum storage sum = $.sums[nodeIndex];
        if ($.open & _bit(nodeIndex) == 0) revert NotDemanded(nodeIndex);
        if (block.timestamp <= sum.answerUntil) revert WrongWindow(sum.answerUntil + 1, type(uint64).max);
        IRoundManager.Round memory r = _rounds().get(round);

        _closeDemand($, nodeIndex);
        $.faulted |= _bit(nodeIndex);
        $.standing &= ~_bit(nodeIndex);
        emit SumFaulted(round, nodeIndex, OFFENCE_SUM);
        if (r.state == RoundState.Summed && _count($.standing) <= r.threshold) {
            $.summedAt = 0;
            _rounds().setState(round, RoundState.Frozen);
        }

        bytes32 id = demandId(round, nodeIndex);
        Prices memory prices = _prices(r.campaign);
        _payBond(r.campaign, id, sum.demander);
        _rounds().releaseNode(round, nodeIndex);
        // Members are owed nothing by this node if their model was proven; else they may yet lose their pay (RoundSettlement shares it out, or not).
        uint256 membersLoss = r.state == RoundState.Finalized ? 0 : prices.dataPool;
        address node = _nodeAt(round, nodeIndex);
        uint256 cost = prices.complaintBond;
        _slash(round, Penalty(node, prices.nodeLock, sum.demander, cost, membersLoss, OFFENCE_SUM, id));
    }

    /// @inheritdoc INodeSums
    function reportEquivocation(
        RoundId round,
        uint256 nodeIndex,
        bytes32 setHashA,
        bytes calldata signatureA,
        bytes32 setHashB,
        bytes calldata signatureB
    ) external {
        address node = _nodeAt(round, nodeIndex);
        RoundSums storage $ = _sums(round);
        if (
            setHashA == setHashB ||
            $.equivocated & _bit(nodeIndex) != 0 ||
            !_isBound($.sums[nodeIndex].digest != 0, round, node, setHashA, signatureA) ||
            !_isBound(false, round, node, setHashB, signatureB)
        ) revert NotEquivocation();
        $.equivocated |= _bit(nodeIndex);
        emit Equivocation(round, node, setHashA, setHashB);

        IRoundManager rounds = _rounds();
        Prices memory prices = _prices(rounds.get(round).campaign);
        rounds.releaseNode(round, nodeIndex);
        bytes32 id = keccak256(abi.encode(OFFENCE_EQUIVOCATION, round, nodeIndex));
        uint256 cost = prices.complaintBond;
        _slash(round, Penalty(node, prices.nodeLock, msg.sender, cost, 0, OFFENCE_EQUIVOCATION, id));
    }

    /// @inheritdoc INodeSums
    function demandId(RoundId round, uint256 nodeIndex) public pure returns (bytes32) {
        return keccak256(abi.encode(OFFENCE_SUM, round, nodeIndex));
    }

    /// @inheritdoc INodeSums
    function sumsStanding(RoundId round) external view returns (uint256 count, uint256 bitmap, uint64 summedAt) {
        RoundSums storage $ = _sums(round);
        return (_count($.standing), $.standing, $.summedAt);
    }

    /// @inheritdoc INodeSums
    function earning(RoundId round) external view returns (uint256 bitmap) {
        RoundSums storage $ = _sums(round);
        return $.standing & ~$.equivocated;
    }

    /// @inheritdoc INodeSums
    function sumsFinal(RoundId round) external view returns (bool) {
        RoundSums storage $ = _sums(round);
        if ($.summedAt == 0 || $.openDemands != 0) return false;
        return block.timestamp > $.lastPostedAt + _windows(_rounds().get(round).campaign).challenge;
    }

    /// @inheritdoc INodeSums
    function sumDigestOf(RoundId round, uint256 nodeIndex) external view returns (bytes32) {
        return _sums(round).sums[nodeIndex].digest;
    }

    /// @inheritdoc INodeSums
    function openDemands(RoundId round) external view returns (uint256) {
        return _sums(round).openDemands;
    }

    /// @inheritdoc INodeSums
    function faultedNodes(RoundId round) external view returns (uint256 bitmap) {
        return _sums(round).faulted;
    }

    function _purpose() internal pure override returns (bytes32) {
        return Purposes.SUMS;
    }

    function _sums(RoundId round) private view returns (RoundSums storage) {
        return _sumsStorage().rounds[round];
    }

    function _bit(uint256 index) private pure returns (uint256) {
        return 1 << index;
    }

    /// The node signed (round, setHash), or posted its sum over the frozen set and so bound itself by its own transaction (empty signature).
    function _isBound(
        bool posted,
        RoundId round,
        address node,
        bytes32 setHash,
        bytes calldata signature
    ) private view returns (bool) {
        if (posted && signature.length == 0) return setHash == _rounds().frozenOf(round).setHash;
        bytes32 digest = TypedData.digest(keccak256(abi.encode(SET_SIGNATURE, round, setHash)));
        return TypedData.isSignedBy(node, digest, signature);
    }

    /// Last second at which a sum may be posted: one that comes once t+1 stand leaves time to demand it.
    function _postUntil(IRoundManager.Round memory r, RoundSums storage $) private view returns (uint64) {
        Windows memory windows = _windows(r.campaign);
        uint64 sumsUntil = r.frozenAt + windows.sums;
        if ($.summedAt == 0) return sumsUntil;
        uint64 challengeUntil = $.summedAt + windows.challenge;
        return challengeUntil < sumsUntil ? challengeUntil : sumsUntil;
    }

    function _closeDemand(RoundSums storage $, uint256 nodeIndex) private {
        $.open &= ~_bit(nodeIndex);
        --$.openDemands;
    }

    function _demanded(RoundId round, uint256 nodeIndex) private view returns (Sum storage sum) {
        RoundSums storage $ = _sums(round);
        if ($.open & _bit(nodeIndex) == 0) revert NotDemanded(nodeIndex);
        sum = $.sums[nodeIndex];
        _requireUntil(sum.answerUntil);
    }

    /// Bit of the submission in this round that `institution` made with detail `d`.
    function _requireDetail(
        RoundId round,
        address institution,
        UpdateDetail calldata d
    ) private view returns (uint256) {
        bytes32 memberKey = Transcript.memberKey(institution, d.c);
        IRoundManager.Update memory update = _rounds().updateOf(memberKey);
        if (!(update.round == round) || update.detailHash != Transcript.detailHash(d))
            revert IRoundManager.DetailMismatch(memberKey);
        return _bit(update.index);
    }

    function _storePoints(G1[] storage stored, G1[] memory points) private {
        for (uint256 k; k < points.length; ++k) {
            if (k == stored.length) stored.push();
            stored[k] = points[k];
        }
    }

    function _requireAfterFreeze(RoundId round) private view returns (IRoundManager.Round memory r) {
        r = _rounds().get(round);
        bool after_ = r.state == RoundState.Frozen || r.state == RoundState.Summed || r.state == RoundState.Finalized;
        if (!after_) revert NotFrozen(round);
    }

    function _requireUntil(uint64 until) private view {
        if (block.timestamp > until) revert WrongWindow(0, until);
    }

    function _indexOf(RoundId round, address node) private view returns (uint256) {
        (address[] memory nodes, ) = _rounds().committeeOf(round);
        for (uint256 i; i < nodes.length; ++i) {
            if (nodes[i] == node) return i;
        }
        revert NotNode(node, type(uint256).max);
    }

    function _count(uint256 bitmap) private pure returns (uint256 count) {
        for (; bitmap != 0; bitmap &= bitmap - 1) ++count;
    }

    function _sumsStorage() private pure returns (SumsStorage storage $) {
        assembly {
            $.slot := SLOT
        }
    }
}
