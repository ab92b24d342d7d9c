// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {RoundId} from "../types/Ids.sol";
import {DleqProof, G1, SchnorrProof} from "../types/Curve.sol";
import {UpdateDetail} from "../types/Training.sol";

/// @title ShareDisputes: complaints about shares.
/// @notice Silence accepts. Each complaint is bonded; the loser's bond goes to the winner. Vectors come in chunks of 2,000 words.
/// Node indices are 0-based in calls; the share's evaluation point is index + 1.
interface IShareDisputes {
    enum ComplaintKind {
        None,
        Missing,
        Bad
    }

    enum ComplaintStage {
        None,
        Claimed,
        Answered, // missing: the whole ciphertext is on chain
        Revealed, // bad: K is known, chunks are being evaluated
        Evaluated, // bad: waits for the defence
        Settled
    }

    /// A ciphertext's public header: what digest_s hashes.
    struct CipherHeader {
        G1 e;
        SchnorrProof proof;
        bytes32[] chunkHashes;
    }

    event MissingClaimed(RoundId indexed round, bytes32 indexed memberKey, uint256 indexed nodeIndex);
    event CiphertextChunk(
        RoundId indexed round,
        bytes32 indexed memberKey,
        uint256 indexed nodeIndex,
        uint256 chunk,
        bytes words
    );
    event CiphertextAnswered(
        RoundId indexed round,
        bytes32 indexed memberKey,
        uint256 indexed nodeIndex,
        CipherHeader header,
        bytes32[] digests
    );
    event BadClaimed(RoundId indexed round, bytes32 indexed memberKey, uint256 indexed nodeIndex, bytes32 digest);
    event KeyRevealed(
        RoundId indexed round,
        bytes32 indexed memberKey,
        uint256 indexed nodeIndex,
        G1 k,
        uint256 challenge
    );
    event ShareEvaluated(RoundId indexed round, bytes32 indexed memberKey, uint256 indexed nodeIndex, uint256 value);
    event ComplaintSettled(
        RoundId indexed round,
        bytes32 indexed memberKey,
        uint256 indexed nodeIndex,
        bool upheld,
        bytes32 reason
    );
    error ComplaintExists(bytes32 id);
    error NoComplaint(bytes32 id);
    error AlreadySettled(bytes32 id);
    error NothingDue(RoundId round, bytes32 memberKey, uint256 nodeIndex);
    error NotInManifest(bytes32 digest);
    error BadKeyProof();

    // --- complaints (committee nodes, bonded), within the complaint window
    function claimMissing(RoundId round, address institution, UpdateDetail calldata detail, uint256 nodeIndex) external;
    /// Anybody (the member): the ciphertext, chunk by chunk in order; the header with the first. `digests`: all S of the manifest.
    function answerCiphertext(
        RoundId round,
        bytes32 memberKey,
        uint256 nodeIndex,
        CipherHeader calldata header,
        bytes32[] calldata digests,
        uint256 chunk,
        bytes calldata words
    ) external;
    /// The node: a ciphertext in the manifest decrypts to a bad share. Until revealUntil if the ciphertext came as an answer to its `claimMissing`, which it closes. An invalid Schnorr proof in the header is upheld at once without revealing K.
    function claimBad(
        RoundId round,
        address institution,
        UpdateDetail calldata detail,
        uint256 nodeIndex,
        CipherHeader calldata header,
        bytes32[] calldata digests
    ) external;
    /// The node, until revealUntil: K and its proof. Fixes the evaluation point.
    function revealKey(
        RoundId round,
        bytes32 memberKey,
        uint256 nodeIndex,
        G1 calldata k,
        DleqProof calldata proof
    ) external;
    /// Anybody, until revealUntil: decrypts and evaluates one chunk (in order).
    function evaluateChunk(
        RoundId round,
        bytes32 memberKey,
        uint256 nodeIndex,
        uint256 chunk,
        bytes calldata words
    ) external;
    /// Anybody, until openingUntil, in the member's defence: a KZG opening of C + Σ s^k A_k at the evaluation point. Valid: complaint false.
    function defend(
        RoundId round,
        address institution,
        UpdateDetail calldata detail,
        uint256 nodeIndex,
        G1 calldata w
    ) external;
    /// Anybody, after the relevant deadline: settles what time decided. An answered "missing" is settled after revealUntil, or earlier by the node itself,
    /// which thereby waives its right to complain about the ciphertext.
    function settleComplaint(RoundId round, bytes32 memberKey, uint256 nodeIndex) external;

    function complaintId(
        RoundId round,
        bytes32 memberKey,
        uint256 nodeIndex,
        ComplaintKind kind
    ) external pure returns (bytes32);
    /// `z`: evaluation point once the key is revealed; `value`: of the chunks evaluated so far.
    function complaintOf(
        RoundId round,
        bytes32 memberKey,
        uint256 nodeIndex,
        ComplaintKind kind
    ) external view returns (ComplaintStage stage, address complainant, uint32 nextChunk, uint256 z, uint256 value);
}
