// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {G1} from "../types/Curve.sol";
import {RoundId} from "../types/Ids.sol";
import {UpdateDetail} from "../types/Training.sol";

/// @title NodeSums: the committee's sums after the freeze, demands for the words behind them, equivocation.
/// @notice Each demand is bonded; the loser's bond goes to the winner. Vectors come in chunks of 2,000 words.
/// Node indices are 0-based in calls; the sum's evaluation point is index + 1.
interface INodeSums {
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

    error NonCanonicalWord(uint256 chunk, uint256 index);
    error SumExists(uint256 nodeIndex);
    error NoSum(uint256 nodeIndex);
    error NotFrozen(RoundId round);
    error WrongSet(bytes32 given, bytes32 expected);
    error NotEquivocation();
    error AlreadyDemanded(uint256 nodeIndex);
    error NotDemanded(uint256 nodeIndex);
    error FreezeNotFinal(uint256 untilBlock);
    error AnswerIncomplete();

    /// A committee node, after the freeze block is final (finalityBlocks), until windows.sums after the freeze; once t+1 stand, only within the challenge window.
    function postSum(RoundId round, bytes32 setHash, bytes32[] calldata chunkHashes) external;
    /// Anybody, bonded, from the freeze (a node that posted nothing) until the challenge window's end.
    function demandSum(RoundId round, uint256 nodeIndex) external;
    /// The node (or anybody) answers chunk by chunk; the words are checked against the posted hashes and evaluated.
    function answerSum(RoundId round, uint256 nodeIndex, uint256 chunk, bytes calldata words) external;
    /// Anybody: adds the A points of included members to Σ_i A_{i,k}, any subset, those added before are skipped; once a round, for all its sums.
    function gatherSharePoints(
        RoundId round,
        address[] calldata institutions,
        UpdateDetail[] calldata details
    ) external;
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
    /// Bitmap of nodes whose committee share is theirs: the sum stands, and no other set was signed beside it.
    function earning(RoundId round) external view returns (uint256);
    /// True once t+1 sums stand (or stood when the round was finalized), the challenge window is over and no demand is open: nothing can change any more.
    function sumsFinal(RoundId round) external view returns (bool);
    function sumDigestOf(RoundId round, uint256 nodeIndex) external view returns (bytes32);
    function openDemands(RoundId round) external view returns (uint256);
    /// Bitmap of nodes slashed for a demanded sum.
    function faultedNodes(RoundId round) external view returns (uint256);
    function demandId(RoundId round, uint256 nodeIndex) external pure returns (bytes32);
}
