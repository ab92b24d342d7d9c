// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Proof} from "./Curve.sol";
import {AttestorId, DatasetId, JobId, LicenseId, ModelId, VerifierId} from "./Ids.sol";
import {Purpose} from "./Training.sol";

/// EIP-2612 signature of the payer for exactly what the call pulls into the vault. `deadline` 0: none, the allowance stands already.
struct Permit {
    uint256 deadline;
    uint8 v;
    bytes32 r;
    bytes32 s;
}

/// Everything a job fixes when it is requested. The chain keeps its hash, `keccak256(abi.encode(terms))`; whoever acts on the job shows the terms, which the
/// JobRequested event carries whole. Only the canonical encoding is taken (arrays behind the head in their order): that of every ABI encoder. Amounts in the smallest unit of the stake token, times in seconds.
struct JobTerms {
    bytes32 kind; // keccak256 of the circuit's name: "inference"
    address sponsor;
    ModelId model;
    uint32 modelVersion;
    uint256 modelRoot; // h_M of that version; the circuit's model root
    VerifierId verifier; // live, of `kind`, of the model's size
    LicenseId modelLicense; // 0: none; needed for sealed weights unless the sponsor owns the model
    DatasetId dataset; // 0: none; else the rest of this block says under which consent its record is used
    uint32 datasetVersion;
    LicenseId datasetLicense; // 0 only where the sponsor is the dataset's institution
    Purpose purpose; // its user is the sponsor
    uint256 inputCommitment; // < r; kind-3 chain over input and salt
    bool privateInput; // the input is encrypted to the locker after its lock
    bool sealedWeights; // only provers that ModelINFT.mayUse admits; true of a sealed model, at the sponsor's choice of others
    uint96 feeMin;
    uint96 feeMax;
    uint96 collateral; // of the prover's stake, >= ProtocolParameters.minBond
    uint32 ramp; // feeMin -> feeMax over this, counted while the job is open
    uint32 ackWindow; // private input or sealed weights: from the lock to the acknowledgement; else 0
    uint32 lockWindow; // from lock or acknowledgement to delivery
    uint32 challengeWindow; // of attested receipts; 0: only proofs settle
    uint64 deadline; // unix seconds; every lock must be able to end before it
    address[] provers; // <= 16; empty: anybody; never empty with private input or sealed weights
    AttestorId[] attesters; // <= 8 of the AttestationRegistry whose word this job accepts
}

/// What of a job's terms its money follows.
struct JobStakes {
    address sponsor;
    ModelId model;
    uint96 feeMax;
    uint96 collateral;
    uint32 challengeWindow;
    bool ofDataset; // the receipt speaks of a consent epoch
    LicenseId modelLicense;
    LicenseId datasetLicense;
}

/// What a prover says of one job, EIP-712 (domain "MedNexus", "1", chain, JobReceipts). Only model root, input and output are proven by a proof; the rest is the
/// prover's signed word. A receipt is for one lock: `consentHash` holds the consent epoch of that lock.
struct Receipt {
    JobId job;
    bytes32 termsHash;
    ModelId model;
    uint32 modelVersion;
    bytes32 datasetHash; // manifest hash of the dataset version; zero: no dataset
    bytes32 consentHash; // Transcript.consentSetHash of the one consent it was done under; zero: no dataset
    uint256 inputCommitment;
    bytes32 outputCommitment; // keccak256(abi.encode(TAG("output"), decision, score))
    bytes32 executionHash; // of the trace or log that the prover keeps
    bytes32 resultUriHash; // of where the sponsor finds the result
    uint64 startedAt; // unix seconds, <= endedAt <= now
    uint64 endedAt;
    address prover;
}

/// The output and the proof of it, in the clear: public inputs (modelRoot, inputCommitment, decision, score).
struct ProvenOutput {
    uint256 decision;
    uint256 score;
    Proof proof;
}

/// One receipt to settle by proof. `signature`: the prover's over the receipt (ECDSA or ERC-1271); empty where the prover itself calls.
struct ProvenReceipt {
    JobTerms terms;
    Receipt receipt;
    bytes signature;
    ProvenOutput output;
}
