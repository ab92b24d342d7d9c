// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Module, Modules} from "../access/Module.sol";
import {IModelINFT} from "../interfaces/IModelINFT.sol";
import {IModelVersions} from "../interfaces/IModelVersions.sol";
import {IProofVerifier} from "../interfaces/IProofVerifier.sol";
import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";
import {Bn254} from "../libraries/Bn254.sol";
import {Transcript} from "../libraries/Transcript.sol";
import {G1} from "../types/Curve.sol";
import {CampaignId, ModelId, RoundId, SrsId, VerifierId} from "../types/Ids.sol";

/// @title ModelVersions: see IModelVersions
/// @dev A version is four storage slots: x of C_M, h_M, dataHash, and bound, round, createdAt with the parity of C_M's y in one.
contract ModelVersions is Module, IModelVersions {
    /// One slot.
    struct Head {
        uint32 n;
        uint8 f;
        uint8 q;
        uint8 l;
        bool started;
        uint32 latest;
        CampaignId campaign; // 0: none attached
    }

    /// A Version whose commitment is compressed: a square root costs a reader a tenth of what a slot costs the writer.
    struct Packed {
        uint256 x;
        uint256 h;
        bytes32 dataHash;
        uint64 bound;
        RoundId round;
        uint64 createdAt;
        bool odd; // y of C_M
    }

    /// @custom:storage-location erc7201:mednexus.storage.ModelVersions
    struct State {
        mapping(ModelId => Head) heads;
        mapping(ModelId => mapping(uint32 version => Packed)) versions;
        mapping(ModelId => bytes32[]) specs; // spec i at index i - 1
    }

    // keccak256(abi.encode(uint256(keccak256("mednexus.storage.ModelVersions")) - 1)) & ~bytes32(uint256(0xff)); recomputed in a test
    bytes32 private constant STATE_SLOT = 0x68ffce3fbd58f90f57b366c512b9270d6e5f8bdddd6bd27c6701888205384200;

    /// Bytes.
    uint256 private constant MAX_URI = 512;

    bytes32 private constant UPDATE = keccak256("update");
    bytes32 private constant AGGREGATE = keccak256("aggregate");

    uint8 private constant F_BITS = 16; // fraction bits of λ_t
    uint256 private constant MAX_SCALE_BITS = 48; // q + f + l
    uint256 private constant BOUND_LIMIT = 1 << 60; // every |M̃_j| stays below
    uint256 private constant IMPORT_BITS = 15; // imported coordinates are in [−2^15, 2^15)
    uint256 private constant IMPORT_NORM_BITS = 30; // so B² = n·2^30 holds for each of them

    /// `authority`: the AccessManager.
    function initialize(address authority) external initializer {
        __Module_init(authority);
    }

    // --- lineages

    /// @inheritdoc IModelVersions
    function startLineage(ModelId model, uint32 n, uint8 q, uint8 l) external {
        _start(model, n, q, l);
        _store(model, 0, Version(G1(0, 0), 0, bytes32(0), 0, RoundId.wrap(0), uint64(block.timestamp)));
        emit VersionAppended(model, 0, RoundId.wrap(0), G1(0, 0), 0, bytes32(0), bytes32(0), bytes32(0), 0);
    }

    /// @inheritdoc IModelVersions
    function importBase(
        ModelId model,
        uint32 n,
        uint8 q,
        uint8 l,
        VerifierId updateVerifier,
        VerifierId aggregateVerifier,
        ImportProof calldata imported
    ) external {
        _start(model, n, q, l);
        // 2^(f + l + 15), at most 2^63 by the limit on q + f + l.
        uint64 bound = _requireBound(1 << (F_BITS + uint256(l) + IMPORT_BITS));
        // imported.c is refused by the verifier if it is infinity or off the curve; a multiple by a power of two is then neither.
        G1 memory c = Bn254.mul(imported.c, 1 << (F_BITS + uint256(l)));
        _requireImport(model, n, updateVerifier, aggregateVerifier, imported, c);
        _store(model, 0, Version(c, imported.hM, bytes32(0), bound, RoundId.wrap(0), uint64(block.timestamp)));
        emit VersionAppended(model, 0, RoundId.wrap(0), c, imported.hM, bytes32(0), bytes32(0), bytes32(0), bound);
    }

    // --- campaigns

    /// @inheritdoc IModelVersions
    function attachCampaign(ModelId model, CampaignId campaign, uint256 growth) external {
        _onlyModule(_modules().campaigns);
        Head storage head = _started(model);
        // Node sums make a campaign's model public: its owner has to choose (IModelINFT).
        if (IModelINFT(_modules().inft).isSealed(model)) revert SealedModel(model);
        if (CampaignId.unwrap(head.campaign) != 0) revert CampaignLive(model, head.campaign);
        _grown(_state().versions[model][head.latest].bound, growth);
        head.campaign = campaign;
        emit CampaignAttached(model, campaign);
    }

    /// @inheritdoc IModelVersions
    function detachCampaign(ModelId model, CampaignId campaign) external {
        _onlyModule(_modules().campaigns);
        Head storage head = _attached(model, campaign);
        head.campaign = CampaignId.wrap(0);
        emit CampaignDetached(model, campaign);
    }

    /// @inheritdoc IModelVersions
    function append(
        ModelId model,
        CampaignId campaign,
        uint32 base,
        RoundId round,
        G1 calldata c,
        uint256 h,
        bytes32 storageRoot,
        bytes32 artefactRoot,
        bytes32 consentSetHash,
        uint64 growth
    ) external returns (uint32 version) {
        _onlyModule(_modules().settlement);
        Head storage head = _attached(model, campaign);
        if (head.latest != base) revert StaleBase(model, head.latest, base);
        uint64 bound = _grown(_state().versions[model][base].bound, growth);
        version = base + 1;
        head.latest = version;
        bytes32 dataHash = keccak256(abi.encode(storageRoot, artefactRoot, consentSetHash));
        _store(model, version, Version(c, h, dataHash, bound, round, uint64(block.timestamp)));
        emit VersionAppended(model, version, round, c, h, storageRoot, artefactRoot, consentSetHash, bound);
    }

    // --- specs

    /// @inheritdoc IModelVersions
    function publishSpec(
        ModelId model,
        bytes32 runtimeHash,
        bytes32 inputSchemaHash,
        bytes32 outputSchemaHash,
        bool linked,
        uint32 lineageVersion,
        string calldata uri
    ) external returns (uint32 index) {
        IModelINFT inft = IModelINFT(_modules().inft);
        if (inft.ownerOfModel(model) != msg.sender) revert NotModelOwner(model, msg.sender);
        if (runtimeHash == 0 || inputSchemaHash == 0 || outputSchemaHash == 0) revert ZeroSpecHash();
        if (bytes(uri).length > MAX_URI) revert UriTooLong(bytes(uri).length, MAX_URI);
        if (linked && lineageVersion > _started(model).latest)
            revert NoSuchVersion(model, lineageVersion, _started(model).latest);
        if (!linked) lineageVersion = 0; // says nothing then
        bytes32 dataHash = inft.sealOf(model).dataHash;
        bytes32[] storage specs = _state().specs[model];
        specs.push(
            keccak256(
                abi.encode(
                    runtimeHash,
                    inputSchemaHash,
                    outputSchemaHash,
                    dataHash,
                    linked,
                    lineageVersion,
                    keccak256(bytes(uri))
                )
            )
        );
        index = uint32(specs.length);
        emit SpecPublished(
            model,
            index,
            runtimeHash,
            inputSchemaHash,
            outputSchemaHash,
            dataHash,
            linked,
            lineageVersion,
            uri
        );
    }

    // --- views

    /// @inheritdoc IModelVersions
    function lineageOf(ModelId model) external view returns (Lineage memory) {
        Head storage head = _state().heads[model];
        return Lineage(head.n, head.f, head.q, head.l, head.started);
    }

    /// @inheritdoc IModelVersions
    function latestOf(ModelId model) external view returns (uint32 version, Version memory) {
        version = _started(model).latest;
        return (version, _load(model, version));
    }

    /// @inheritdoc IModelVersions
    function versionOf(ModelId model, uint32 version) external view returns (Version memory) {
        uint32 latest = _started(model).latest;
        if (version > latest) revert NoSuchVersion(model, version, latest);
        return _load(model, version);
    }

    /// @inheritdoc IModelVersions
    function campaignOf(ModelId model) external view returns (CampaignId) {
        return _state().heads[model].campaign;
    }

    /// @inheritdoc IModelVersions
    function isOpen(ModelId model) external view returns (bool) {
        Head storage head = _state().heads[model];
        return head.latest != 0 || CampaignId.unwrap(head.campaign) != 0;
    }

    /// @inheritdoc IModelVersions
    function specCountOf(ModelId model) external view returns (uint32) {
        return uint32(_state().specs[model].length);
    }

    /// @inheritdoc IModelVersions
    function specHashOf(ModelId model, uint32 index) external view returns (bytes32) {
        bytes32[] storage specs = _state().specs[model];
        if (index == 0 || index > specs.length) revert NoSuchSpec(model, index);
        return specs[index - 1];
    }

    // --- internals

    function _start(ModelId model, uint32 n, uint8 q, uint8 l) private {
        Modules storage m = _modules();
        if (IModelINFT(m.inft).ownerOfModel(model) != msg.sender) revert NotModelOwner(model, msg.sender);
        Head storage head = _state().heads[model];
        if (head.started) revert LineageExists(model);
        if (uint256(q) + F_BITS + l > MAX_SCALE_BITS || !IVerifierRegistry(m.verifiers).isKnownSize(n))
            revert BadLineage(n, F_BITS, q, l);
        _state().heads[model] = Head(n, F_BITS, q, l, true, 0, CampaignId.wrap(0));
        emit LineageStarted(model, n, F_BITS, q, l);
    }

    /// The 16-bit range and the knowledge of C's vector by `update`, the chain hash over 2^(f+l)·C's vector by `aggregate` (attack 165).
    function _requireImport(
        ModelId model,
        uint32 n,
        VerifierId updateVerifier,
        VerifierId aggregateVerifier,
        ImportProof calldata p,
        G1 memory c
    ) private view {
        IVerifierRegistry registry = IVerifierRegistry(_modules().verifiers);
        IVerifierRegistry.VerifierInfo memory update = registry.infoOf(updateVerifier);
        IVerifierRegistry.VerifierInfo memory aggregate = registry.infoOf(aggregateVerifier);
        if (
            update.circuit != UPDATE ||
            aggregate.circuit != AGGREGATE ||
            update.n != n ||
            aggregate.n != n ||
            SrsId.unwrap(update.srs) != SrsId.unwrap(aggregate.srs)
        ) revert ImportRejected();
        (, , bytes32 srsHash) = registry.srsOf(update.srs);
        bytes32 ctx = Transcript.importContext(address(this), model, update.keyHash, srsHash, n);

        uint256 r = Transcript.linkChallenge(ctx, p.c, new G1[](0), bytes32(0), p.h);
        uint256 normBound2 = uint256(n) << IMPORT_NORM_BITS;
        _requireProof(updateVerifier, abi.encode(p.proof, p.c, p.w, [p.h, r, p.y, normBound2]));
        r = Transcript.aggregateChallenge(Transcript.importAggregateContext(ctx), c, p.hM);
        _requireProof(aggregateVerifier, abi.encode(p.proofM, c, p.wM, [p.hM, r, p.yM]));
    }

    function _requireProof(VerifierId verifier, bytes memory statement) private view {
        if (!IProofVerifier(_modules().proofVerifier).verify(verifier, statement)) revert ImportRejected();
    }

    function _grown(uint64 bound, uint256 growth) private pure returns (uint64) {
        if (growth >= BOUND_LIMIT) revert BoundExceeded(growth);
        return _requireBound(bound + growth);
    }

    function _requireBound(uint256 bound) private pure returns (uint64) {
        if (bound >= BOUND_LIMIT) revert BoundExceeded(bound);
        return uint64(bound);
    }

    function _store(ModelId model, uint32 version, Version memory v) private {
        bool odd = v.c.y & 1 == 1;
        _state().versions[model][version] = Packed(v.c.x, v.h, v.dataHash, v.bound, v.round, v.createdAt, odd);
    }

    function _load(ModelId model, uint32 version) private view returns (Version memory) {
        Packed memory p = _state().versions[model][version];
        return Version(Bn254.decompress(p.x, p.odd), p.h, p.dataHash, p.bound, p.round, p.createdAt);
    }

    function _started(ModelId model) private view returns (Head storage head) {
        head = _state().heads[model];
        if (!head.started) revert NoLineage(model);
    }

    function _attached(ModelId model, CampaignId campaign) private view returns (Head storage head) {
        head = _state().heads[model];
        if (CampaignId.unwrap(campaign) == 0 || !(head.campaign == campaign)) revert NotAttached(model, campaign);
    }

    function _state() private pure returns (State storage $) {
        assembly {
            $.slot := STATE_SLOT
        }
    }
}
