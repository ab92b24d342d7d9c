// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Module} from "../access/Module.sol";
import {IAttestationRegistry} from "../interfaces/IAttestationRegistry.sol";
import {IComputeMarket} from "../interfaces/IComputeMarket.sol";
import {IDatasetRegistry} from "../interfaces/IDatasetRegistry.sol";
import {IJobReceipts} from "../interfaces/IJobReceipts.sol";
import {IProofVerifier} from "../interfaces/IProofVerifier.sol";
import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";
import {Transcript} from "../libraries/Transcript.sol";
import {TypedData} from "../libraries/TypedData.sol";
import {AttestorId, DatasetId, JobId} from "../types/Ids.sol";
import {JobStakes, JobTerms, ProvenOutput, ProvenReceipt, Receipt} from "../types/Market.sol";
import {ConsentRef} from "../types/Training.sol";
import {JobRules} from "./JobRules.sol";

/// @title JobReceipts: see IJobReceipts. Holds no money; ComputeMarket believes it that a receipt is good.
contract JobReceipts is IJobReceipts, Module {
    /// @custom:storage-location erc7201:mednexus.storage.JobReceipts
    struct ReceiptStorage {
        mapping(JobId batch => bytes32) roots; // by the job of the batch's first receipt
        mapping(bytes32 commitment => uint256) committedAt; // block
    }

    uint256 public constant MAX_BATCH = 32;
    /// Forwarded to one item of a batch: proof 230,000, eight payees never paid before 240,000, a wallet's check 200,000, the rest twice over.
    uint256 public constant ITEM_GAS = 1_500_000;
    /// Kind of the AttestationRegistry's keys that count here.
    bytes32 public constant ATTESTED_KIND = keccak256("compute");

    bytes32 private constant RECEIPT_TYPEHASH = keccak256(
        "Receipt(uint64 job,bytes32 termsHash,uint64 model,uint32 modelVersion,bytes32 datasetHash,bytes32 consentHash,uint256 inputCommitment,bytes32 outputCommitment,bytes32 executionHash,bytes32 resultUriHash,uint64 startedAt,uint64 endedAt,address prover)"
    );

    // keccak256(abi.encode(uint256(keccak256("mednexus.storage.JobReceipts")) - 1)) & ~bytes32(uint256(0xff)); recomputed in a test
    bytes32 private constant RECEIPTS_SLOT = 0x083920f8f3578314e687b547cabba0551ee856e74b1aa45313ebaa1ca4f2ff00;

    function initialize(address authority) external initializer {
        __Module_init(authority);
    }

    // --- by proof

    /// @inheritdoc IJobReceipts
    function settle(ProvenReceipt calldata item) external {
        _post(item.receipt.job, _node(_settle(item, item.receipt.job, msg.sender)), 1);
    }

    /// @inheritdoc IJobReceipts
    function settleBatch(ProvenReceipt[] calldata items) external returns (uint256 settled) {
        if (items.length == 0) revert EmptyBatch();
        if (items.length > MAX_BATCH) revert BatchTooLarge(items.length, MAX_BATCH);
        JobId batch;
        bytes32[] memory nodes = new bytes32[](items.length);
        for (uint256 i; i < items.length; ++i) {
            JobId job = items[i].receipt.job;
            if (settled == 0) batch = job; // a batch is known by its first receipt's job, which settles once
            (bool ok, bytes32 answer) = _try(abi.encodeCall(this.settleItem, (items[i], batch, msg.sender)));
            if (ok) nodes[settled++] = _node(answer);
            else emit ReceiptRefused(job, i, bytes4(answer));
        }
        if (settled != 0) _post(batch, _root(nodes, settled), settled);
    }

    /// @inheritdoc IJobReceipts
    function settleItem(ProvenReceipt calldata item, JobId batch, address sender) external returns (bytes32) {
        if (msg.sender != address(this)) revert OnlySelf(msg.sender);
        return _settle(item, batch, sender);
    }

    // --- by attestation

    /// @inheritdoc IJobReceipts
    function attest(
        JobTerms calldata terms,
        Receipt calldata receipt,
        bytes calldata proverSignature,
        AttestorId attestor,
        bytes calldata attestation
    ) external {
        bytes32 digest = digestOf(receipt);
        _requireProver(receipt.prover, digest, proverSignature, msg.sender);
        if (!_accepts(terms, attestor)) revert AttestorNotAccepted(receipt.job, attestor);
        IAttestationRegistry registry = IAttestationRegistry(_modules().attestations);
        if (!registry.isValid(ATTESTED_KIND, attestor, digest, attestation)) revert BadAttestation(attestor);
        emit ReceiptAttested(receipt.job, digest, attestor, receipt);
        JobStakes memory stakes = JobRules.stakesOf(terms);
        bytes32 termsHash = JobRules.hashOf(terms);
        uint64 epoch = _compute().attest(receipt.job, termsHash, stakes, receipt.prover, digest);
        _requireReceipt(terms, termsHash, receipt, epoch);
    }

    /// @inheritdoc IJobReceipts
    function commitChallenge(bytes32 commitment) external {
        mapping(bytes32 => uint256) storage committedAt = _receipts().committedAt;
        if (committedAt[commitment] != 0) return; // a copy must not make the first one young again
        committedAt[commitment] = block.number;
        emit ChallengeCommitted(commitment, msg.sender);
    }

    /// @inheritdoc IJobReceipts
    function challenge(
        JobTerms calldata terms,
        Receipt calldata receipt,
        ProvenOutput calldata output,
        bytes32 salt
    ) external {
        bytes32 commitment = keccak256(abi.encode(msg.sender, receipt.job, output, salt));
        uint256 committedAt = _receipts().committedAt[commitment];
        if (committedAt == 0 || committedAt >= block.number) revert NoChallengeCommitment(commitment);
        if (Transcript.outputCommitment(output.decision, output.score) == receipt.outputCommitment)
            revert NotContradicted(receipt.job);
        _requireProof(terms, receipt.job, output);
        JobStakes memory stakes = JobRules.stakesOf(terms);
        _compute().refute(receipt.job, JobRules.hashOf(terms), stakes, digestOf(receipt), msg.sender);
    }

    /// @inheritdoc IJobReceipts
    function release(JobTerms calldata terms, Receipt calldata receipt) external {
        bytes32 digest = digestOf(receipt);
        emit ReceiptSettled(receipt.job, digest, receipt.job, receipt);
        // Nobody could have contradicted it under a retired verifier: then the job only ends, without blame.
        if (!IVerifierRegistry(_modules().verifiers).isLive(terms.verifier)) revert VerifierNotLive(receipt.job);
        _compute().release(receipt.job, JobRules.hashOf(terms), JobRules.stakesOf(terms), digest);
        _post(receipt.job, _node(digest), 1);
    }

    // --- views

    /// @inheritdoc IJobReceipts
    function digestOf(Receipt calldata receipt) public view returns (bytes32) {
        return TypedData.digest(keccak256(abi.encode(RECEIPT_TYPEHASH, receipt)));
    }

    /// @inheritdoc IJobReceipts
    function rootOf(JobId batch) external view returns (bytes32) {
        return _receipts().roots[batch];
    }

    /// @inheritdoc IJobReceipts
    function isIncluded(JobId batch, bytes32 digest, bytes32[] calldata proof) external view returns (bool) {
        bytes32 root = _receipts().roots[batch];
        return root != 0 && MerkleProof.verifyCalldata(proof, root, _node(digest));
    }

    // --- one receipt

    function _settle(ProvenReceipt calldata item, JobId batch, address sender) private returns (bytes32 digest) {
        Receipt calldata receipt = item.receipt;
        digest = digestOf(receipt);
        _requireProver(receipt.prover, digest, item.signature, sender);
        if (Transcript.outputCommitment(item.output.decision, item.output.score) != receipt.outputCommitment)
            revert BadReceipt("output");
        _requireProof(item.terms, receipt.job, item.output);
        emit ReceiptSettled(receipt.job, digest, batch, receipt);
        bytes32 termsHash = JobRules.hashOf(item.terms);
        uint64 epoch = _compute().deliver(receipt.job, termsHash, JobRules.stakesOf(item.terms), receipt.prover);
        _requireReceipt(item.terms, termsHash, receipt, epoch);
    }

    /// Only what the prover itself says of its work is a receipt: it sends it or has signed it.
    function _requireProver(address prover, bytes32 digest, bytes calldata signature, address sender) private view {
        if (sender != prover && !TypedData.isSignedBy(prover, digest, signature)) revert BadProverSignature(prover);
    }

    /// Each field that the chain can know is what the chain knows. ComputeMarket has compared the terms with the job's.
    function _requireReceipt(
        JobTerms calldata t,
        bytes32 termsHash,
        Receipt calldata r,
        uint64 consentEpoch
    ) private view {
        if (r.termsHash != termsHash) revert BadReceipt("terms");
        if (!(r.model == t.model) || r.modelVersion != t.modelVersion) revert BadReceipt("model");
        if (r.inputCommitment != t.inputCommitment) revert BadReceipt("input");
        if (r.startedAt > r.endedAt || r.endedAt > block.timestamp) revert BadReceipt("time");
        (bytes32 datasetHash, bytes32 consentHash) = _consentOf(t, consentEpoch);
        if (r.datasetHash != datasetHash) revert BadReceipt("dataset");
        if (r.consentHash != consentHash) revert BadReceipt("consent");
    }

    function _consentOf(JobTerms calldata t, uint64 epoch) private view returns (bytes32, bytes32) {
        if (DatasetId.unwrap(t.dataset) == 0) return (0, 0);
        ConsentRef[] memory refs = new ConsentRef[](1);
        refs[0] = ConsentRef(t.dataset, t.datasetVersion, epoch);
        bytes32 manifest = IDatasetRegistry(_modules().datasets).versionOf(t.dataset, t.datasetVersion).manifestHash;
        return (manifest, Transcript.consentSetHash(_modules().consent, refs));
    }

    function _requireProof(JobTerms calldata t, JobId job, ProvenOutput calldata output) private view {
        uint256[] memory inputs = new uint256[](4);
        (inputs[0], inputs[1], inputs[2], inputs[3]) = (t.modelRoot, t.inputCommitment, output.decision, output.score);
        if (!IProofVerifier(_modules().proofVerifier).verifyProof(t.verifier, inputs, output.proof))
            revert ProofRejected(job);
    }

    function _accepts(JobTerms calldata t, AttestorId attestor) private pure returns (bool) {
        uint32 wanted = AttestorId.unwrap(attestor);
        for (uint256 i; i < t.attesters.length; ++i) if (AttestorId.unwrap(t.attesters[i]) == wanted) return true;
        return false;
    }

    // --- batches

    /// Calls itself with ITEM_GAS, not less: whoever brings too little fails as a whole. At most one word of the answer is read.
    function _try(bytes memory call_) private returns (bool ok, bytes32 answer) {
        uint256 available = (gasleft() * 63) / 64;
        if (available < ITEM_GAS) revert GasTooLow(available, ITEM_GAS);
        uint256 gas_ = ITEM_GAS;
        assembly ("memory-safe") {
            mstore(0, 0)
            ok := call(gas_, address(), 0, add(call_, 0x20), mload(call_), 0, 0x20)
            answer := mload(0)
            // The encoded item has served: the next one takes its place, so that memory does not grow with the batch.
            mstore(0x40, call_)
        }
    }

    function _post(JobId batch, bytes32 root, uint256 count) private {
        _receipts().roots[batch] = root;
        emit BatchPosted(batch, root, count);
    }

    /// In place: pairs are sorted, a node without sibling moves up (sdk/src/merkle.ts).
    function _root(bytes32[] memory nodes, uint256 count) private pure returns (bytes32) {
        while (count > 1) {
            uint256 next;
            for (uint256 i; i < count; i += 2)
                nodes[next++] = i + 1 < count ? Hashes.commutativeKeccak256(nodes[i], nodes[i + 1]) : nodes[i];
            count = next;
        }
        return nodes[0];
    }

    /// Leaves are hashed twice (a digest is a hash already), so that no inner node passes for one.
    function _node(bytes32 digest) private pure returns (bytes32) {
        return keccak256(bytes.concat(digest));
    }

    function _compute() private view returns (IComputeMarket) {
        return IComputeMarket(_modules().compute);
    }

    function _receipts() private pure returns (ReceiptStorage storage $) {
        assembly {
            $.slot := RECEIPTS_SLOT
        }
    }
}
