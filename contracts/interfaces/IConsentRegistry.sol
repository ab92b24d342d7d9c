// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {DatasetId} from "../types/Ids.sol";
import {Purpose} from "../types/Training.sol";

/// @title ConsentRegistry: machine-readable terms (GA4GH DUO), salted grant roots, relayed revocation, consent epochs.
/// @notice Nothing identifies a subject on chain: grants are leaves under a salted root; a revocation opens one leaf.
interface IConsentRegistry {
    struct Terms {
        uint8 permission; // DUO: 4 NRES, 6 HMB, 7 DS, 11 POA, 42 GRU
        uint64 modifiers; // bitmap 1 << code of restrictions the user must satisfy; unknown bits are refused at registration
        bytes32 disease; // DS: MONDO term
        bytes32[] regions; // GS
        address[] users; // US: allowed users
        bytes32[] projects; // PS
        address[] institutions; // IS: allowed user institutions
        uint64 notBefore; // MOR / TS
        uint64 notAfter; // TS, 0 = none
    }

    event TermsSet(DatasetId indexed dataset, uint32 indexed version, bytes32 termsHash, uint64 epoch);
    event GrantsSet(
        DatasetId indexed dataset,
        uint32 indexed version,
        bytes32 root,
        uint32 roundedCount,
        bool custodial,
        uint64 effectiveAt,
        uint64 epoch
    );
    event ConsentRevoked(
        DatasetId indexed dataset,
        uint32 indexed version,
        bytes32 indexed leaf,
        uint64 epoch,
        address relayer
    );
    event MondoRootSet(bytes32 root);

    error NotDatasetInstitution(DatasetId dataset, address caller);
    error UnknownPermission(uint8 permission);
    error UnsupportedModifier(uint64 modifiers);
    error PurposeRefused(DatasetId dataset, bytes32 reason);
    error NoGrants(DatasetId dataset, uint32 version);
    error GrantsNotEffective(DatasetId dataset, uint64 effectiveAt);
    error RevokedGrantsStale(DatasetId dataset); // a revocation is newer than the grant root: publish a root without the leaf
    error AlreadyRevoked(bytes32 leaf);
    error BadGrantProof();
    error BadRevocationSignature(address expected);

    function setTerms(DatasetId dataset, Terms calldata terms) external; // dataset's institution, for the current version
    /// Publishes the grant root for the current version. The first root of a version takes effect at once; a root that follows a revocation too,
    /// but one that re-admits anybody (any later root with no newer revocation) takes effect after `regrantDelay` (one day). Count is rounded to a multiple of 5.
    function setGrants(DatasetId dataset, bytes32 root, uint32 roundedCount, bool custodial) external;
    /// Relayed by anybody: opens one leaf (subject key, salt) of the current root and shows the subject's EIP-712 signature. No expiry, no institution, never paused.
    /// Bumps the dataset's consent epoch.
    function revoke(
        DatasetId dataset,
        uint32 version,
        address subjectKey,
        bytes32 salt,
        bytes32[] calldata merkleProof,
        bytes calldata signature
    ) external;
    function setMondoRoot(bytes32 root) external; // governor

    function epochOf(DatasetId dataset) external view returns (uint64);
    function epochsOf(DatasetId[] calldata datasets) external view returns (uint64[] memory);
    /// Reverts by name unless `purpose` is allowed for this version now with live grants; returns the consent epoch. `diseasePath`: MONDO ancestors' Merkle path where needed.
    function requireAllowed(
        DatasetId dataset,
        uint32 version,
        Purpose calldata purpose
    ) external view returns (uint64 epoch);
    function termsHashOf(DatasetId dataset, uint32 version) external view returns (bytes32);
    function grantRootOf(
        DatasetId dataset,
        uint32 version
    ) external view returns (bytes32 root, uint32 roundedCount, bool custodial, uint64 effectiveAt);
    function isRevoked(bytes32 leaf) external view returns (bool);
}
