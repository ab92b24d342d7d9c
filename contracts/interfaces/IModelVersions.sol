// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {CampaignId, ModelId, RoundId, VerifierId} from "../types/Ids.sol";
import {G1, Proof} from "../types/Curve.sol";

/// @title ModelVersions: commitments and lineage of each model.
/// @notice Version 0 is the zero model (C = infinity) or an imported vector. Each later version's base is the one before. One live campaign a model holds the sole right to append.
/// Beside the proven lineage stand specs: what a version runs on and what goes in and out, as the model's owner says. Nobody proves them.
interface IModelVersions {
    struct Version {
        G1 c; // C_M
        uint256 h; // h_M, aggregate chain hash over M̃ ‖ P̃ (0 for the zero model)
        bytes32 dataHash; // keccak256(abi.encode(storageRoot, artefactRoot, consentSetHash)): the roots are the finalizer's claims, the last is the round's own
        uint64 bound; // |M̃_j| <= bound < 2^60
        RoundId round; // 0 for version 0
        uint64 createdAt;
    }

    /// Fixed per lineage.
    struct Lineage {
        uint32 n;
        uint8 f; // 16
        uint8 q;
        uint8 l;
        bool started;
    }

    struct ImportProof {
        G1 c; // commitment to the 16-bit vector; C_M(0) = 2^(f+l)·c
        uint256 h; // update chain hash
        uint256 y;
        G1 w;
        Proof proof; // update circuit, B² = n·2^30
        uint256 hM;
        uint256 yM;
        G1 wM;
        Proof proofM; // aggregate circuit over C_M(0)
    }

    event LineageStarted(ModelId indexed model, uint32 n, uint8 f, uint8 q, uint8 l);
    event VersionAppended(
        ModelId indexed model,
        uint32 indexed version,
        RoundId indexed round,
        G1 c,
        uint256 h,
        bytes32 storageRoot,
        bytes32 artefactRoot,
        bytes32 consentSetHash,
        uint64 bound
    );
    /// What a version runs on; distinct from the proven lineage in ModelVersions, to which it may point. `dataHash`: of the seal at that time, 0 for a plain token.
    event SpecPublished(
        ModelId indexed model,
        uint32 indexed index,
        bytes32 runtimeHash,
        bytes32 inputSchemaHash,
        bytes32 outputSchemaHash,
        bytes32 dataHash,
        bool linked,
        uint32 lineageVersion,
        string uri
    );
    event CampaignAttached(ModelId indexed model, CampaignId indexed campaign);
    event CampaignDetached(ModelId indexed model, CampaignId indexed campaign);

    error NotModelOwner(ModelId model, address caller);
    error LineageExists(ModelId model);
    error NoLineage(ModelId model);
    error BadLineage(uint32 n, uint8 f, uint8 q, uint8 l);
    /// A sealed token's model is not trained in open campaigns.
    error SealedModel(ModelId model);
    error CampaignLive(ModelId model, CampaignId campaign);
    error NotAttached(ModelId model, CampaignId campaign);
    error BoundExceeded(uint256 bound);
    error StaleBase(ModelId model, uint32 current, uint32 given);
    error NoSuchVersion(ModelId model, uint32 version, uint32 latest);
    error ImportRejected();
    error ZeroSpecHash();
    error UriTooLong(uint256 length, uint256 limit);
    error NoSuchSpec(ModelId model, uint32 index);

    /// Model owner. f must be 16; q + f + l <= 48; n one of the registered sizes.
    function startLineage(ModelId model, uint32 n, uint8 q, uint8 l) external;
    /// Model owner. Starts with an imported vector instead of zero.
    function importBase(
        ModelId model,
        uint32 n,
        uint8 q,
        uint8 l,
        VerifierId updateVerifier,
        VerifierId aggregateVerifier,
        ImportProof calldata imported
    ) external;
    /// CampaignRegistry only. `growth` = rounds·λ·2^f·⌈B⌉: refuses when bound + growth >= 2^60, and sealed tokens.
    function attachCampaign(ModelId model, CampaignId campaign, uint256 growth) external;
    function detachCampaign(ModelId model, CampaignId campaign) external;
    /// RoundSettlement only, for the attached campaign's round: appends version base + 1. `growth` = λ·2^f·⌈B⌉.
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
    ) external returns (uint32 version);

    /// Token owner. Appends; nothing published is ever changed. `linked`: the model has `lineageVersion` in ModelVersions. `uri` (<= 512 bytes): where the three documents are.
    function publishSpec(
        ModelId model,
        bytes32 runtimeHash,
        bytes32 inputSchemaHash,
        bytes32 outputSchemaHash,
        bool linked,
        uint32 lineageVersion,
        string calldata uri
    ) external returns (uint32 index);

    function lineageOf(ModelId model) external view returns (Lineage memory);
    function latestOf(ModelId model) external view returns (uint32 version, Version memory);
    function versionOf(ModelId model, uint32 version) external view returns (Version memory);
    function campaignOf(ModelId model) external view returns (CampaignId);
    /// Whether campaigns have made the model public, or may: it has a campaign's version, or one is attached.
    function isOpen(ModelId model) external view returns (bool);
    function specCountOf(ModelId model) external view returns (uint32);
    /// Specs count from 1.
    /// keccak256(abi.encode(runtimeHash, inputSchemaHash, outputSchemaHash, dataHash, linked, lineageVersion, keccak256(uri))): the parts are in the event.
    function specHashOf(ModelId model, uint32 index) external view returns (bytes32);
}
