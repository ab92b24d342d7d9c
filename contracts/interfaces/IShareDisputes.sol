// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {RoundId} from "../types/Ids.sol";
import {DleqProof, G1, SchnorrProof} from "../types/Curve.sol";
import {IRoundManager} from "./IRoundManager.sol";

/// @title ShareDisputes: complaints about shares, node sums, equivocation.
/// @notice Silence accepts. Each complaint and demand is bonded; the loser's bond goes to the winner. Vectors come in chunks of 2,000 words.
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
    event SumPosted(
        RoundId indexed round,
        address indexed node,
        uint256 indexed nodeIndex,
        bytes32 setHash,
        bytes32 sumDigest,
        bytes32[] chunkHashes
    );
    event RoundSummed(RoundId indexed round, uint64 at);
    event SumDemanded(RoundId indexed round, uint256 indexed nodeIndex, address indexed by, uint64 answerUntil);
    event SumChunk(RoundId indexed round, uint256 indexed nodeIndex, uint256 chunk, bytes words);
    event SumAnswered(RoundId indexed round, uint256 indexed nodeIndex);
    event SumFaulted(RoundId indexed round, uint256 indexed nodeIndex, bytes32 offence);
    event Equivocation(RoundId indexed round, address indexed node, bytes32 setHashA, bytes32 setHashB);

    error WrongWindow(uint64 from, uint64 until);
    error NotNode(address caller, uint256 nodeIndex);
    error ComplaintExists(bytes32 id);
    error NoComplaint(bytes32 id);
    error AlreadySettled(bytes32 id);
    error NothingDue(RoundId round, bytes32 memberKey, uint256 nodeIndex);
    error NotInManifest(bytes32 digest);
    error BadChunk(uint256 chunk);
    error ChunkOutOfOrder(uint256 given, uint256 expected);
    error NonCanonicalWord(uint256 chunk, uint256 index);
    error BadKeyProof();
    error BadOpening();
    error SumExists(uint256 nodeIndex);
    error NoSum(uint256 nodeIndex);
    error NotFrozen(RoundId round);
    error WrongSet(bytes32 given, bytes32 expected);
    error NotEquivocation();
    error AlreadyDemanded(uint256 nodeIndex);
    error NotDemanded(uint256 nodeIndex);
    error FreezeNotFinal(uint256 untilBlock);
    error AnswerIncomplete();

    // --- complaints (committee nodes, bonded), within the complaint window
    function claimMissing(
        RoundId round,
        address institution,
        IRoundManager.UpdateDetail calldata detail,
        uint256 nodeIndex
    ) external;
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
        IRoundManager.UpdateDetail calldata detail,
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
        IRoundManager.UpdateDetail calldata detail,
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
    )
        external
        view
        returns (ComplaintStage stage, address complainant, uint32 nextChunk, uint256 z, uint256 value);

    // --- sums
    /// A committee node, after the freeze block is final (finalityBlocks), until windows.sums after the freeze; once t+1 stand, only within the challenge window.
    function postSum(RoundId round, bytes32 setHash, bytes32[] calldata chunkHashes) external;
    /// Anybody, bonded, from the freeze (a node that posted nothing) until the challenge window's end.
    function demandSum(RoundId round, uint256 nodeIndex) external;
    /// The node (or anybody) answers chunk by chunk; the words are checked against the posted hashes and evaluated.
    function answerSum(RoundId round, uint256 nodeIndex, uint256 chunk, bytes calldata words) external;
    /// Anybody: accumulates Σ_i A_{i,k} over the included members, `details` in submission order from where the last call stopped; once a round, for all its sums.
    function gatherSharePoints(RoundId round, IRoundManager.UpdateDetail[] calldata details) external;
    /// Closes an answered demand: opening of C_agg + Σ_k s^k Σ_i A_{i,k} at the sum's challenge. All details must have been gathered.
    function proveSum(RoundId round, uint256 nodeIndex, G1 calldata w) external;
    /// Anybody, after the answer deadline: slashes an unanswered demand.
    function faultSum(RoundId round, uint256 nodeIndex) external;
    /// Anybody: two EIP-712 SetSignature(round, setHash) of one node over different sets. An empty `signatureA` stands for the node's own posted sum, which binds
    /// it to the frozen set.
    function reportEquivocation(
        RoundId round,
        uint256 nodeIndex,
        bytes32 setHashA,
        bytes calldata signatureA,
        bytes32 setHashB,
        bytes calldata signatureB
    ) external;

    /// Sums that stand: posted and not faulted.
    function sumsStanding(RoundId round) external view returns (uint256 count, uint256 bitmap, uint64 summedAt);
    /// True once t+1 sums stand (or stood when the round was finalized), the challenge window is over and no demand is open: nothing can change any more.
    function sumsFinal(RoundId round) external view returns (bool);
    function sumDigestOf(RoundId round, uint256 nodeIndex) external view returns (bytes32);
    function openDemands(RoundId round) external view returns (uint256);
    /// Bitmap of nodes slashed for a demanded sum.
    function faultedNodes(RoundId round) external view returns (uint256);
    function demandId(RoundId round, uint256 nodeIndex) external pure returns (bytes32);
}
