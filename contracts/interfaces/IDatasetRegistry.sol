// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {DatasetId} from "../types/Ids.sol";

/// @title DatasetRegistry: encrypted dataset manifests as soulbound ERC-721 tokens (ERC-5192).
/// @notice A manifest hash is registered once, by whoever comes first. A copy taken from the mempool gains nothing: it has no audit; the institution changes the
/// manifest's salt and registers again.
interface IDatasetRegistry {
    struct Version {
        bytes32 manifestHash; // 0G storage root of the canonical (RFC 8785) manifest: it names the manifest in storage
        bytes32 storageRoot; // 0G Merkle root of the ciphertext
        bytes32 schemaHash; // schema with public feature ranges
        uint64 recordCount; // claimed by the institution, 1 .. 2^63
        uint64 registeredAt;
    }

    event DatasetRegistered(DatasetId indexed dataset, address indexed institution);
    event DatasetVersionAdded(
        DatasetId indexed dataset,
        uint32 indexed version,
        bytes32 manifestHash,
        bytes32 storageRoot,
        bytes32 schemaHash,
        uint64 recordCount
    );
    event RecordsAudited(DatasetId indexed dataset, uint32 indexed version, address indexed admitter, uint64 records);

    error NotDatasetOwner(DatasetId dataset, address caller);
    error NoSuchDataset(DatasetId dataset);
    error BadRecordCount(uint64 records);
    error ManifestAlreadyRegistered(bytes32 manifestHash);
    error NoSuchVersion(DatasetId dataset, uint32 version);
    error ZeroHash();
    error NonTransferable();
    error NotAudited(DatasetId dataset, uint32 version);

    /// A registered institution (msg.sender). Claimed record count 1..2^63; the audited one is what training uses.
    function register(
        bytes32 manifestHash,
        bytes32 storageRoot,
        bytes32 schemaHash,
        uint64 recordCount
    ) external returns (DatasetId);
    function addVersion(
        DatasetId dataset,
        bytes32 manifestHash,
        bytes32 storageRoot,
        bytes32 schemaHash,
        uint64 recordCount
    ) external returns (uint32 version);
    /// Admitters only: the record count they audited for one version (0 withdraws). Never above the claimed count.
    function auditRecords(DatasetId dataset, uint32 version, uint64 records) external;

    function institutionOf(DatasetId dataset) external view returns (address);
    function currentVersion(DatasetId dataset) external view returns (uint32);
    function versionOf(DatasetId dataset, uint32 version) external view returns (Version memory);
    /// Count that `admitter` audited, 0: none. Says nothing about whether it is still listed.
    function auditedBy(DatasetId dataset, uint32 version, address admitter) external view returns (uint64);
    /// What submitUpdate needs in one call, for the current version: owner, version, schema, smallest audited count > 0 among `admitters` still listed (reverts NotAudited).
    function forTraining(
        DatasetId dataset,
        address[] calldata admitters
    ) external view returns (address institution, uint32 version, bytes32 schemaHash, uint64 audited);
}
