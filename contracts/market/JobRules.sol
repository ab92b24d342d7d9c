// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Modules} from "../access/Module.sol";
import {IComputeMarket} from "../interfaces/IComputeMarket.sol";
import {IConsentRegistry} from "../interfaces/IConsentRegistry.sol";
import {IDatasetRegistry} from "../interfaces/IDatasetRegistry.sol";
import {ILicenseMarket} from "../interfaces/ILicenseMarket.sol";
import {IModelINFT} from "../interfaces/IModelINFT.sol";
import {IModelVersions} from "../interfaces/IModelVersions.sol";
import {IProtocolParameters} from "../interfaces/IProtocolParameters.sol";
import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";
import {Bn254} from "../libraries/Bn254.sol";
import {Transcript} from "../libraries/Transcript.sol";
import {AttestorId, DatasetId, LicenseId, ModelId} from "../types/Ids.sol";
import {JobStakes, JobTerms} from "../types/Market.sol";

/// @title JobRules: which terms a job may have, what it costs, and what it asks of consent and licences.
library JobRules {
    bytes32 internal constant INFERENCE = keccak256("inference");
    /// Bound the gas of a lock and of an attestation.
    uint256 internal constant MAX_PROVERS = 16;
    uint256 internal constant MAX_ATTESTERS = 8;
    uint256 internal constant BPS = 10_000;

    /// Bytes of the encoded terms before the arrays' data: 27 values and two offsets.
    uint256 private constant HEAD = 29 * 32;

    /// keccak256(abi.encode(t)) of a canonical encoding, straight from the call data; 0 for any other. All that can be read through `t` is under the hash.
    function hashOf(JobTerms calldata t) internal pure returns (bytes32 hash) {
        address[] calldata provers = t.provers;
        AttestorId[] calldata attesters = t.attesters;
        // Solidity has checked that head and arrays lie within the call data.
        assembly ("memory-safe") {
            let second := add(add(t, add(HEAD, 0x20)), shl(5, provers.length))
            if and(eq(provers.offset, add(t, add(HEAD, 0x20))), eq(attesters.offset, add(second, 0x20))) {
                let size := sub(add(attesters.offset, shl(5, attesters.length)), t)
                let at := mload(0x40)
                mstore(at, 0x20)
                calldatacopy(add(at, 0x20), t, size)
                hash := keccak256(at, add(size, 0x20))
            }
        }
    }

    function stakesOf(JobTerms calldata t) internal pure returns (JobStakes memory s) {
        (s.sponsor, s.model, s.feeMax, s.collateral) = (t.sponsor, t.model, t.feeMax, t.collateral);
        (s.challengeWindow, s.ofDataset) = (t.challengeWindow, DatasetId.unwrap(t.dataset) != 0);
        (s.modelLicense, s.datasetLicense) = (t.modelLicense, t.datasetLicense);
    }

    /// Refuses by name; returns the protocol's rate of this moment.
    function requireTerms(Modules storage m, JobTerms calldata t) internal view returns (uint16 protocolFeeBps) {
        if (t.sponsor != msg.sender) revert IComputeMarket.BadTerms("sponsor");
        IProtocolParameters.Parameters memory p = IProtocolParameters(m.parameters).get();
        _requireModel(m, t);
        _requirePrices(t, p.minBond);
        _requireWindows(t, p);
        bool chosen = t.privateInput || t.sealedWeights;
        if (t.provers.length > MAX_PROVERS || (chosen && t.provers.length == 0))
            revert IComputeMarket.BadTerms("provers");
        if (t.attesters.length > MAX_ATTESTERS || (t.attesters.length == 0) != (t.challengeWindow == 0))
            revert IComputeMarket.BadTerms("attesters");
        if (t.inputCommitment >= Bn254.R) revert IComputeMarket.BadTerms("inputCommitment");
        return p.protocolFeeBps;
    }

    /// The epoch under which the dataset may be used now, 0 without one; reverts by the consent registry's names.
    function requireConsent(Modules storage m, JobTerms calldata t) internal view returns (uint64) {
        if (DatasetId.unwrap(t.dataset) == 0) return 0;
        return IConsentRegistry(m.consent).requireAllowed(t.dataset, t.datasetVersion, t.purpose);
    }

    /// Sets a use of each licence aside, and refuses a job that would need one that it does not name.
    function reserve(Modules storage m, JobTerms calldata t) internal {
        ILicenseMarket licenses = ILicenseMarket(m.licenses);
        if (LicenseId.unwrap(t.modelLicense) != 0) {
            uint64 model = ModelId.unwrap(t.model);
            licenses.reserve(t.modelLicense, msg.sender, ILicenseMarket.Asset.Model, model, 0, 0);
        } else if (t.sealedWeights && IModelINFT(m.inft).ownerOfModel(t.model) != msg.sender) {
            revert IComputeMarket.BadTerms("modelLicense");
        }
        uint64 dataset = DatasetId.unwrap(t.dataset);
        if (LicenseId.unwrap(t.datasetLicense) != 0) {
            bytes32 purpose = Transcript.purposeHash(t.purpose);
            ILicenseMarket.Asset asset = ILicenseMarket.Asset.Dataset;
            licenses.reserve(t.datasetLicense, msg.sender, asset, dataset, t.datasetVersion, purpose);
        } else if (dataset != 0 && IDatasetRegistry(m.datasets).institutionOf(t.dataset) != msg.sender) {
            revert IComputeMarket.BadTerms("datasetLicense");
        }
    }

    function settleReservations(Modules storage m, JobStakes memory t, bool earned) internal {
        if (LicenseId.unwrap(t.modelLicense) != 0) ILicenseMarket(m.licenses).settleReservation(t.modelLicense, earned);
        if (LicenseId.unwrap(t.datasetLicense) != 0)
            ILicenseMarket(m.licenses).settleReservation(t.datasetLicense, earned);
    }

    /// feeMin at 0, feeMax from `ramp` on, rounded down between.
    function feeAt(JobTerms calldata t, uint256 elapsed) internal pure returns (uint96) {
        if (elapsed >= t.ramp) return t.feeMax;
        // <= feeMax, which has 96 bits
        return uint96(t.feeMin + ((uint256(t.feeMax) - t.feeMin) * elapsed) / t.ramp);
    }

    /// What a job can cost at most; the same floors as when it is paid.
    function deposit(uint256 feeMax, uint256 royaltyBps, uint256 protocolFeeBps) internal pure returns (uint256) {
        return feeMax + (feeMax * royaltyBps) / BPS + (feeMax * protocolFeeBps) / BPS;
    }

    function isListed(JobTerms calldata t, address prover) internal pure returns (bool) {
        uint256 count = t.provers.length;
        for (uint256 i; i < count; ++i) if (t.provers[i] == prover) return true;
        return count == 0;
    }

    function _requireModel(Modules storage m, JobTerms calldata t) private view {
        if (t.kind != INFERENCE) revert IComputeMarket.BadTerms("kind");
        // Not the sponsor's to deny: without the flag neither licence nor authorised prover would be asked for.
        if (!t.sealedWeights && IModelINFT(m.inft).isSealed(t.model)) revert IComputeMarket.BadTerms("sealedWeights");
        IVerifierRegistry.VerifierInfo memory v = IVerifierRegistry(m.verifiers).infoOf(t.verifier);
        IModelVersions versions = IModelVersions(m.versions);
        if (v.circuit != t.kind || v.retired || v.n != versions.lineageOf(t.model).n)
            revert IComputeMarket.BadTerms("verifier");
        // The zero model has no root.
        if (t.modelRoot == 0 || versions.versionOf(t.model, t.modelVersion).h != t.modelRoot)
            revert IComputeMarket.BadTerms("modelRoot");
        if (DatasetId.unwrap(t.dataset) == 0) {
            if (t.datasetVersion != 0 || LicenseId.unwrap(t.datasetLicense) != 0)
                revert IComputeMarket.BadTerms("dataset");
        } else if (t.purpose.user != msg.sender) revert IComputeMarket.BadTerms("purpose");
    }

    function _requirePrices(JobTerms calldata t, uint256 minBond) private pure {
        if (t.feeMax == 0 || t.feeMin > t.feeMax) revert IComputeMarket.BadTerms("fee");
        if (t.collateral < minBond) revert IComputeMarket.BadTerms("collateral");
    }

    /// Every window gives time for a transaction; all of the job, its challenge included, ends before any stake could have left and any upgrade could have come.
    function _requireWindows(JobTerms calldata t, IProtocolParameters.Parameters memory p) private view {
        bool needsAck = t.privateInput || t.sealedWeights;
        if (needsAck ? t.ackWindow < p.minWindow : t.ackWindow != 0) revert IComputeMarket.BadTerms("ackWindow");
        if (t.lockWindow < p.minWindow) revert IComputeMarket.BadTerms("lockWindow");
        if (t.challengeWindow != 0 && t.challengeWindow < p.minWindow)
            revert IComputeMarket.BadTerms("challengeWindow");
        uint256 first = block.timestamp + t.ackWindow + t.lockWindow;
        uint256 last = block.timestamp + p.maxDisputeWindows;
        if (t.deadline < first || uint256(t.deadline) + t.challengeWindow > last)
            revert IComputeMarket.BadTerms("deadline");
    }
}
