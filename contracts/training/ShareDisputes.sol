// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {IProofVerifier} from "../interfaces/IProofVerifier.sol";
import {IRoundManager} from "../interfaces/IRoundManager.sol";
import {ITrainingRules} from "../interfaces/ITrainingRules.sol";
import {IShareDisputes} from "../interfaces/IShareDisputes.sol";
import {Bn254} from "../libraries/Bn254.sol";
import {Kzg} from "../libraries/Kzg.sol";
import {Purposes} from "../libraries/Purposes.sol";
import {Sigma} from "../libraries/Sigma.sol";
import {Transcript} from "../libraries/Transcript.sol";
import {DleqProof, G1} from "../types/Curve.sol";
import {RoundId} from "../types/Ids.sol";
import {Prices, RoundState, UpdateDetail} from "../types/Training.sol";
import {DisputeBase} from "./DisputeBase.sol";

/// @title ShareDisputes: a committee node says that a member's share is missing or bad.
/// @notice Four windows with fixed ends, which no complaint moves (ITrainingRules.shareDeadlines):
///   complaint  — `claimMissing`, `claimBad`;
///   ciphertext — `answerCiphertext` puts the ciphertext, never the share, on chain; none in time: upheld;
///   reveal     — `revealKey`, `evaluateChunk`; and `claimBad` by a node that got its ciphertext only as an answer. Not complete in time: the complaint is false;
///   opening    — `defend`; none in time: upheld. The defence has this whole window even if the key came in the last block of the one before.
/// Whatever the member committed to and cannot be read as a share (invalid key proof, wrong shape, word >= r) is upheld on the spot: the node could
/// not finish otherwise. A ciphertext that reuses another member's E carries a key proof for another context: upheld before K is revealed.
/// A complaint is open for the RoundManager until nothing more can follow from it, so a freeze cannot overtake it; it exists only in state Share.
contract ShareDisputes is DisputeBase, IShareDisputes {
    struct Complaint {
        address complainant;
        ComplaintStage stage;
        uint32 nextChunk;
        bytes32 shareManifest; // missing
        // bad:
        bytes32 digest;
        bytes32 ctxShare;
        G1 e;
        G1 k;
        uint256 z; // evaluation point
        uint256 value; // of the decrypted share at z, summed over chunks
        bytes32[] chunkHashes;
    }

    /// @custom:storage-location erc7201:mednexus.storage.ShareDisputes
    struct ComplaintStorage {
        mapping(bytes32 id => Complaint) complaints;
    }

    // keccak256(abi.encode(uint256(keccak256("mednexus.storage.ShareDisputes")) - 1)) & ~bytes32(uint256(0xff)); recomputed in a test
    bytes32 private constant SLOT = 0x9a70ee259d35a14b6da4f54e71f4e8a5c62560f54b02400501e4ab1c24d2d800;

    // The four windows.
    uint256 private constant COMPLAINT = 0;
    uint256 private constant CIPHERTEXT = 1;
    uint256 private constant REVEAL = 2;
    uint256 private constant OPENING = 3;

    bytes32 private constant OFFENCE_SHARE = "share";

    function initialize(address authority) external initializer {
        __Module_init(authority);
    }

    /// @inheritdoc IShareDisputes
    function claimMissing(
        RoundId round,
        address institution,
        UpdateDetail calldata detail,
        uint256 nodeIndex
    ) external {
        (, bytes32 memberKey) = _rounds().contextOf(round, institution, detail);
        _requireWithin(round, COMPLAINT);
        Complaint storage c = _open(round, memberKey, nodeIndex, ComplaintKind.Missing);
        c.shareManifest = detail.shareManifest;
        emit MissingClaimed(round, memberKey, nodeIndex);
    }

    /// @inheritdoc IShareDisputes
    function answerCiphertext(
        RoundId round,
        bytes32 memberKey,
        uint256 nodeIndex,
        CipherHeader calldata header,
        bytes32[] calldata digests,
        uint256 chunk,
        bytes calldata words
    ) external {
        Complaint storage c = _at(round, memberKey, nodeIndex, ComplaintKind.Missing, ComplaintStage.Claimed);
        _requireWithin(round, CIPHERTEXT);
        IRoundManager.Round memory r = _rounds().get(round);
        _requireInManifest(r.nodes, nodeIndex, header, digests, c.shareManifest);
        if (header.chunkHashes.length != _chunkCount(r.n)) revert BadChunk(header.chunkHashes.length);
        if (chunk != c.nextChunk) revert ChunkOutOfOrder(chunk, c.nextChunk);
        if (words.length != _chunkBytes(r.n, chunk) || keccak256(words) != header.chunkHashes[chunk])
            revert BadChunk(chunk);
        c.nextChunk = uint32(chunk + 1);
        emit CiphertextChunk(round, memberKey, nodeIndex, chunk, words);
        if (chunk + 1 == header.chunkHashes.length) {
            c.stage = ComplaintStage.Answered;
            emit CiphertextAnswered(round, memberKey, nodeIndex, header, digests);
        }
    }

    /// @inheritdoc IShareDisputes
    function claimBad(
        RoundId round,
        address institution,
        UpdateDetail calldata detail,
        uint256 nodeIndex,
        CipherHeader calldata header,
        bytes32[] calldata digests
    ) external {
        (bytes32 ctx, bytes32 memberKey) = _rounds().contextOf(round, institution, detail);
        IRoundManager.Round memory r = _rounds().get(round);
        _requireInManifest(r.nodes, nodeIndex, header, digests, detail.shareManifest);
        Complaint storage c = _open(round, memberKey, nodeIndex, ComplaintKind.Bad);
        bytes32 missing = complaintId(round, memberKey, nodeIndex, ComplaintKind.Missing);
        bool answered = _complaint(missing).stage == ComplaintStage.Answered;
        _requireWithin(round, answered ? REVEAL : COMPLAINT);

        c.digest = digests[nodeIndex];
        c.ctxShare = Transcript.shareContext(ctx, detail.c, nodeIndex + 1, header.e);
        emit BadClaimed(round, memberKey, nodeIndex, c.digest);
        if (answered) _settle(round, memberKey, nodeIndex, ComplaintKind.Missing, false, "answered");
        bool wellFormed = header.chunkHashes.length == _chunkCount(r.n);
        if (wellFormed && Sigma.isSchnorr(c.ctxShare, header.e, header.proof)) {
            c.e = header.e;
            c.chunkHashes = header.chunkHashes;
        } else {
            _settle(round, memberKey, nodeIndex, ComplaintKind.Bad, true, "header");
        }
    }

    /// @inheritdoc IShareDisputes
    function revealKey(
        RoundId round,
        bytes32 memberKey,
        uint256 nodeIndex,
        G1 calldata k,
        DleqProof calldata proof
    ) external {
        Complaint storage c = _at(round, memberKey, nodeIndex, ComplaintKind.Bad, ComplaintStage.Claimed);
        if (msg.sender != c.complainant) revert NotNode(msg.sender, nodeIndex);
        _requireWithin(round, REVEAL);
        (, G1[] memory keys) = _rounds().committeeOf(round);
        if (!Sigma.isDleq(c.ctxShare, keys[nodeIndex], c.e, k, proof)) revert BadKeyProof();
        c.stage = ComplaintStage.Revealed;
        c.k = k;
        c.z = Transcript.evalChallenge(c.ctxShare, c.digest, k);
        emit KeyRevealed(round, memberKey, nodeIndex, k, c.z);
    }

    /// @inheritdoc IShareDisputes
    function evaluateChunk(
        RoundId round,
        bytes32 memberKey,
        uint256 nodeIndex,
        uint256 chunk,
        bytes calldata words
    ) external {
        Complaint storage c = _at(round, memberKey, nodeIndex, ComplaintKind.Bad, ComplaintStage.Revealed);
        _requireWithin(round, REVEAL);
        if (chunk != c.nextChunk) revert ChunkOutOfOrder(chunk, c.nextChunk);
        if (keccak256(words) != c.chunkHashes[chunk]) revert BadChunk(chunk);
        uint256 n = _rounds().get(round).n;
        if (words.length != _chunkBytes(n, chunk)) {
            _settle(round, memberKey, nodeIndex, ComplaintKind.Bad, true, "shape");
            return;
        }
        (uint256[] memory share, uint256 firstBad) = Kzg.readWords(words);
        if (firstBad != type(uint256).max) {
            _settle(round, memberKey, nodeIndex, ComplaintKind.Bad, true, "word");
            return;
        }
        uint256 offset = chunk * Transcript.CHUNK_WORDS;
        Transcript.unmask(share, offset, c.k, c.ctxShare);
        c.value = addmod(c.value, Kzg.partialEvaluation(share, offset, n, c.z), Bn254.R);
        c.nextChunk = uint32(chunk + 1);
        if (chunk + 1 == c.chunkHashes.length) {
            c.stage = ComplaintStage.Evaluated;
            emit ShareEvaluated(round, memberKey, nodeIndex, c.value);
        }
    }

    /// @inheritdoc IShareDisputes
    function defend(
        RoundId round,
        address institution,
        UpdateDetail calldata detail,
        uint256 nodeIndex,
        G1 calldata w
    ) external {
        (, bytes32 memberKey) = _rounds().contextOf(round, institution, detail);
        Complaint storage c = _at(round, memberKey, nodeIndex, ComplaintKind.Bad, ComplaintStage.Evaluated);
        _requireWithin(round, OPENING);
        G1 memory expected = _atPoint(detail.c, detail.a, nodeIndex + 1);
        IProofVerifier verifier = IProofVerifier(_modules().proofVerifier);
        if (!verifier.verifyOpening(_rounds().get(round).srs, expected, c.z, c.value, w)) revert BadOpening();
        _settle(round, memberKey, nodeIndex, ComplaintKind.Bad, false, "defended");
    }

    /// @inheritdoc IShareDisputes
    function settleComplaint(RoundId round, bytes32 memberKey, uint256 nodeIndex) external {
        uint64[4] memory until = _deadlines(round);
        Complaint storage missing = _complaint(complaintId(round, memberKey, nodeIndex, ComplaintKind.Missing));
        Complaint storage bad = _complaint(complaintId(round, memberKey, nodeIndex, ComplaintKind.Bad));
        bool settled;
        if (missing.stage == ComplaintStage.Claimed && block.timestamp > until[CIPHERTEXT]) {
            _settle(round, memberKey, nodeIndex, ComplaintKind.Missing, true, "unanswered");
            settled = true;
        } else if (
            missing.stage == ComplaintStage.Answered &&
            (block.timestamp > until[REVEAL] || msg.sender == missing.complainant)
        ) {
            _settle(round, memberKey, nodeIndex, ComplaintKind.Missing, false, "answered");
            settled = true;
        }
        if (
            (bad.stage == ComplaintStage.Claimed || bad.stage == ComplaintStage.Revealed) &&
            block.timestamp > until[REVEAL]
        ) {
            _settle(round, memberKey, nodeIndex, ComplaintKind.Bad, false, "unproven");
            settled = true;
        } else if (bad.stage == ComplaintStage.Evaluated && block.timestamp > until[OPENING]) {
            _settle(round, memberKey, nodeIndex, ComplaintKind.Bad, true, "undefended");
            settled = true;
        }
        if (!settled) revert NothingDue(round, memberKey, nodeIndex);
    }

    /// @inheritdoc IShareDisputes
    function complaintId(
        RoundId round,
        bytes32 memberKey,
        uint256 nodeIndex,
        ComplaintKind kind
    ) public pure returns (bytes32) {
        return keccak256(abi.encode(round, memberKey, nodeIndex, kind));
    }

    /// @inheritdoc IShareDisputes
    function complaintOf(
        RoundId round,
        bytes32 memberKey,
        uint256 nodeIndex,
        ComplaintKind kind
    ) external view returns (ComplaintStage stage, address complainant, uint32 nextChunk, uint256 z, uint256 value) {
        Complaint storage c = _complaint(complaintId(round, memberKey, nodeIndex, kind));
        return (c.stage, c.complainant, c.nextChunk, c.z, c.value);
    }

    function _open(
        RoundId round,
        bytes32 memberKey,
        uint256 nodeIndex,
        ComplaintKind kind
    ) private returns (Complaint storage c) {
        IRoundManager.Round memory r = _rounds().get(round);
        if (r.state != RoundState.Share) revert IRoundManager.WrongState(round, r.state);
        if (_nodeAt(round, nodeIndex) != msg.sender) revert NotNode(msg.sender, nodeIndex);
        bytes32 id = complaintId(round, memberKey, nodeIndex, kind);
        c = _complaint(id);
        if (c.stage != ComplaintStage.None) revert ComplaintExists(id);
        c.complainant = msg.sender;
        c.stage = ComplaintStage.Claimed;
        _rounds().complaintOpened(round);
        // Calls the token: the complaint already exists, and is still too empty for any other step.
        _pullBond(r.campaign, id);
    }

    function _purpose() internal pure override returns (bytes32) {
        return Purposes.DISPUTE;
    }

    /// Decides: the bond goes to the winner; a member found at fault is excluded and slashed, once however many complaints are upheld.
    function _settle(
        RoundId round,
        bytes32 memberKey,
        uint256 nodeIndex,
        ComplaintKind kind,
        bool upheld,
        bytes32 reason
    ) private {
        bytes32 id = complaintId(round, memberKey, nodeIndex, kind);
        Complaint storage c = _complaint(id);
        c.stage = ComplaintStage.Settled;
        emit ComplaintSettled(round, memberKey, nodeIndex, upheld, reason);
        IRoundManager rounds = _rounds();
        IRoundManager.Round memory r = rounds.get(round);
        IRoundManager.Update memory update = rounds.updateOf(memberKey);
        rounds.complaintClosed(round);
        _payBond(r.campaign, id, upheld ? c.complainant : update.institution);
        if (!upheld || update.excluded) return;
        Prices memory prices = _prices(r.campaign);
        rounds.exclude(round, memberKey, reason);
        rounds.releaseBond(round, memberKey);
        uint256 cost = prices.complaintBond;
        _slash(round, Penalty(update.institution, prices.bond, c.complainant, cost, 0, OFFENCE_SHARE, id));
    }

    function _requireInManifest(
        uint256 nodes,
        uint256 nodeIndex,
        CipherHeader calldata header,
        bytes32[] calldata digests,
        bytes32 shareManifest
    ) private pure {
        bytes32 digest = Transcript.cipherDigest(
            nodeIndex + 1,
            header.e,
            header.proof.r,
            header.proof.z,
            header.chunkHashes
        );
        if (digests.length != nodes || digests[nodeIndex] != digest || Transcript.manifest(digests) != shareManifest)
            revert NotInManifest(digest);
    }

    function _requireWithin(RoundId round, uint256 window) private view {
        uint64 until = _deadlines(round)[window];
        if (block.timestamp > until) revert WrongWindow(0, until);
    }

    function _deadlines(RoundId round) private view returns (uint64[4] memory until) {
        (until[COMPLAINT], until[CIPHERTEXT], until[REVEAL], until[OPENING]) = ITrainingRules(_modules().rules)
            .shareDeadlines(round);
    }

    function _at(
        RoundId round,
        bytes32 memberKey,
        uint256 nodeIndex,
        ComplaintKind kind,
        ComplaintStage stage
    ) private view returns (Complaint storage c) {
        bytes32 id = complaintId(round, memberKey, nodeIndex, kind);
        c = _complaint(id);
        if (c.stage == ComplaintStage.Settled) revert AlreadySettled(id);
        if (c.stage != stage) revert NoComplaint(id);
    }

    function _complaint(bytes32 id) private view returns (Complaint storage) {
        ComplaintStorage storage $;
        assembly {
            $.slot := SLOT
        }
        return $.complaints[id];
    }
}
