// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {AttestorId, JobId} from "../types/Ids.sol";
import {JobTerms, ProvenOutput, ProvenReceipt, Receipt} from "../types/Market.sol";

/// @title JobReceipts: what settles a job: a receipt with a proof, at once; or one signed by an attestor, after its challenge window.
/// @notice Receipts are EIP-712 typed data, signed (or sent) by the job's locker, who alone is paid: a copy from the mempool pays the same prover.
/// A proof has public inputs (modelRoot, inputCommitment, decision, score) under the job's verifier. An attested receipt is false when such a proof for the same model
/// root and input commitment shows another output. Who shows it commits to it at least a block before, so that nobody copies the evidence.
/// Settled receipts form Merkle batches: sorted pairs, leaves hashed twice (OpenZeppelin's), a node without sibling moves up; the leaf is the EIP-712
/// digest. A batch is named by the job of its first receipt.
/// @dev Warning: an attestation is worth its hardware and whoever audited it; the sponsor names whom it believes. Execution hash, result URI and times are the prover's word.
/// Warning: the output commitment hides nothing, outputs are few. A result that must stay secret is not settled by proof in the clear.
interface IJobReceipts {
    event ReceiptSettled(JobId indexed job, bytes32 indexed digest, JobId indexed batch, Receipt receipt);
    event ReceiptAttested(JobId indexed job, bytes32 indexed digest, AttestorId indexed attestor, Receipt receipt);
    /// One receipt of a batch was refused; `reason` is the first 4 bytes of the revert, zero where it had none. Nothing of it was kept: it may come again.
    event ReceiptRefused(JobId indexed job, uint256 index, bytes4 reason);
    event BatchPosted(JobId indexed batch, bytes32 root, uint256 count);
    event ChallengeCommitted(bytes32 indexed commitment, address indexed challenger);

    error AttestorNotAccepted(JobId job, AttestorId attestor);
    error BadAttestation(AttestorId attestor);
    error BadReceipt(bytes32 what);
    error BadProverSignature(address prover);
    error ProofRejected(JobId job);
    error NotContradicted(JobId job);
    error VerifierNotLive(JobId job);
    error NoChallengeCommitment(bytes32 commitment);
    error EmptyBatch();
    error BatchTooLarge(uint256 count, uint256 limit);
    error GasTooLow(uint256 available, uint256 needed);
    error OnlySelf(address caller);

    /// Settles one receipt by its proof; reverts by name.
    function settle(ProvenReceipt calldata item) external;
    /// Settles each of up to 32 receipts on its own: one that is refused leaves an event and blocks nobody. Before each, 1,530,000 gas must be left, or the whole call
    /// reverts: a receipt cannot be made to fail by starving it.
    function settleBatch(ProvenReceipt[] calldata items) external returns (uint256 settled);
    /// Itself only: one item of settleBatch, for which `sender` answers.
    function settleItem(ProvenReceipt calldata item, JobId batch, address sender) external returns (bytes32 digest);

    /// The locker posts a receipt whose digest one of the job's attestors has signed, by a key that AttestationRegistry lists for "compute".
    function attest(
        JobTerms calldata terms,
        Receipt calldata receipt,
        bytes calldata proverSignature,
        AttestorId attestor,
        bytes calldata attestation
    ) external;
    /// First step of a challenge: keccak256(abi.encode(challenger, job, output, salt)), the proof included: the output alone is anybody's to compute who has
    /// model and input, and would let it take the proof from the mempool. Committing again changes nothing.
    function commitChallenge(bytes32 commitment) external;
    /// Second step, a block later or more, in the window: the prover's collateral is slashed, the caller compensated.
    function challenge(
        JobTerms calldata terms,
        Receipt calldata receipt,
        ProvenOutput calldata output,
        bytes32 salt
    ) external;
    /// Anybody, after the challenge window: pays the prover.
    function release(JobTerms calldata terms, Receipt calldata receipt) external;

    function digestOf(Receipt calldata receipt) external view returns (bytes32);
    function rootOf(JobId batch) external view returns (bytes32);
    /// True iff a receipt with this digest was settled in `batch`.
    function isIncluded(JobId batch, bytes32 digest, bytes32[] calldata proof) external view returns (bool);
}
