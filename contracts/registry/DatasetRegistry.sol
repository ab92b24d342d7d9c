// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {ERC721Upgradeable} from "@openzeppelin/contracts-upgradeable/token/ERC721/ERC721Upgradeable.sol";
import {Module} from "../access/Module.sol";
import {IDatasetRegistry} from "../interfaces/IDatasetRegistry.sol";
import {IERC5192} from "../interfaces/IERC5192.sol";
import {IInstitutionRegistry} from "../interfaces/IInstitutionRegistry.sol";
import {DatasetId} from "../types/Ids.sol";

/// @title DatasetRegistry: see IDatasetRegistry. Token id = dataset id.
contract DatasetRegistry is IDatasetRegistry, IERC5192, ERC721Upgradeable, Module {
    /// @custom:storage-location erc7201:mednexus.storage.DatasetRegistry
    struct RegistryStorage {
        uint64 count;
        mapping(bytes32 manifestHash => bool) manifests;
        mapping(DatasetId => Version[]) versions; // version v at index v - 1
        mapping(DatasetId => mapping(uint32 version => mapping(address admitter => uint64))) audited;
    }

    /// Far above any archive, far below where Σ n̂ of 256 members could overflow 128 bits.
    uint64 public constant MAX_RECORDS = 2 ** 63;

    // keccak256(abi.encode(uint256(keccak256("mednexus.storage.DatasetRegistry")) - 1)) & ~bytes32(uint256(0xff)); recomputed in a test
    bytes32 private constant REGISTRY_SLOT = 0x9c83dbeab94c96d3ee6cc6e43319d191fe8951a20062059cd5a477a424d03300;

    function initialize(address authority) external initializer {
        __ERC721_init("MedNexus Dataset", "MEDDATA");
        __Module_init(authority);
    }

    /// @inheritdoc IDatasetRegistry
    function register(
        bytes32 manifestHash,
        bytes32 storageRoot,
        bytes32 schemaHash,
        uint64 recordCount
    ) external returns (DatasetId dataset) {
        if (!_institutions().isRegistered(msg.sender)) revert IInstitutionRegistry.NotRegistered(msg.sender);
        dataset = DatasetId.wrap(++_registry().count);
        _mint(msg.sender, DatasetId.unwrap(dataset)); // never calls the receiver back
        emit Locked(DatasetId.unwrap(dataset));
        emit DatasetRegistered(dataset, msg.sender);
        _addVersion(dataset, manifestHash, storageRoot, schemaHash, recordCount);
    }

    /// @inheritdoc IDatasetRegistry
    function addVersion(
        DatasetId dataset,
        bytes32 manifestHash,
        bytes32 storageRoot,
        bytes32 schemaHash,
        uint64 recordCount
    ) external returns (uint32 version) {
        if (institutionOf(dataset) != msg.sender) revert NotDatasetOwner(dataset, msg.sender);
        return _addVersion(dataset, manifestHash, storageRoot, schemaHash, recordCount);
    }

    /// @inheritdoc IDatasetRegistry
    function auditRecords(DatasetId dataset, uint32 version, uint64 records) external {
        if (!_institutions().isAdmitter(msg.sender)) revert IInstitutionRegistry.NotAdmitter(msg.sender);
        if (records > _version(dataset, version).recordCount) revert BadRecordCount(records);
        _registry().audited[dataset][version][msg.sender] = records;
        emit RecordsAudited(dataset, version, msg.sender, records);
    }

    // --- views

    /// @inheritdoc IDatasetRegistry
    function institutionOf(DatasetId dataset) public view returns (address institution) {
        institution = _ownerOf(DatasetId.unwrap(dataset));
        if (institution == address(0)) revert NoSuchDataset(dataset);
    }

    /// @inheritdoc IDatasetRegistry
    function currentVersion(DatasetId dataset) external view returns (uint32 version) {
        version = uint32(_registry().versions[dataset].length);
        if (version == 0) revert NoSuchDataset(dataset);
    }

    /// @inheritdoc IDatasetRegistry
    function versionOf(DatasetId dataset, uint32 version) external view returns (Version memory) {
        return _version(dataset, version);
    }

    /// @inheritdoc IDatasetRegistry
    function auditedBy(DatasetId dataset, uint32 version, address admitter) external view returns (uint64) {
        return _registry().audited[dataset][version][admitter];
    }

    /// @inheritdoc IDatasetRegistry
    function forTraining(
        DatasetId dataset,
        address[] calldata admitters
    ) external view returns (address institution, uint32 version, bytes32 schemaHash, uint64 audited) {
        institution = institutionOf(dataset);
        RegistryStorage storage $ = _registry();
        version = uint32($.versions[dataset].length); // a token that exists has a version
        schemaHash = $.versions[dataset][version - 1].schemaHash;
        mapping(address => uint64) storage counts = $.audited[dataset][version];
        IInstitutionRegistry registry = _institutions();
        for (uint256 i; i < admitters.length; ++i) {
            uint64 records = counts[admitters[i]];
            if (records == 0 || (audited != 0 && records >= audited)) continue;
            if (registry.isAdmitter(admitters[i])) audited = records;
        }
        if (audited == 0) revert NotAudited(dataset, version);
    }

    /// @inheritdoc IERC5192
    function locked(uint256 tokenId) external view returns (bool) {
        _requireOwned(tokenId);
        return true;
    }

    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return
            interfaceId == type(IERC5192).interfaceId ||
            interfaceId == type(IDatasetRegistry).interfaceId ||
            super.supportsInterface(interfaceId);
    }

    // --- internals

    function _addVersion(
        DatasetId dataset,
        bytes32 manifestHash,
        bytes32 storageRoot,
        bytes32 schemaHash,
        uint64 recordCount
    ) private returns (uint32 version) {
        if (manifestHash == 0 || storageRoot == 0 || schemaHash == 0) revert ZeroHash();
        if (recordCount == 0 || recordCount > MAX_RECORDS) revert BadRecordCount(recordCount);
        RegistryStorage storage $ = _registry();
        if ($.manifests[manifestHash]) revert ManifestAlreadyRegistered(manifestHash);
        $.manifests[manifestHash] = true;
        $.versions[dataset].push(Version(manifestHash, storageRoot, schemaHash, recordCount, uint64(block.timestamp)));
        version = uint32($.versions[dataset].length);
        emit DatasetVersionAdded(dataset, version, manifestHash, storageRoot, schemaHash, recordCount);
    }

    /// Mint only: a dataset belongs to who answers for its consent.
    function _update(address to, uint256 tokenId, address auth) internal override returns (address) {
        if (_ownerOf(tokenId) != address(0)) revert NonTransferable();
        return super._update(to, tokenId, auth);
    }

    /// Nothing to approve when nothing moves.
    function _approve(address to, uint256, address, bool) internal pure override {
        if (to != address(0)) revert NonTransferable();
    }

    function _setApprovalForAll(address, address, bool) internal pure override {
        revert NonTransferable();
    }

    function _version(DatasetId dataset, uint32 version) private view returns (Version storage) {
        Version[] storage versions = _registry().versions[dataset];
        if (version == 0 || version > versions.length) revert NoSuchVersion(dataset, version);
        return versions[version - 1];
    }

    function _institutions() private view returns (IInstitutionRegistry) {
        return IInstitutionRegistry(_modules().institutions);
    }

    function _registry() private pure returns (RegistryStorage storage $) {
        assembly {
            $.slot := REGISTRY_SLOT
        }
    }
}
