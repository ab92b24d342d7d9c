// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Module} from "../access/Module.sol";
import {IConsentRegistry} from "../interfaces/IConsentRegistry.sol";
import {IDatasetRegistry} from "../interfaces/IDatasetRegistry.sol";
import {Duo} from "../libraries/Duo.sol";
import {Transcript} from "../libraries/Transcript.sol";
import {TypedData} from "../libraries/TypedData.sol";
import {DatasetId} from "../types/Ids.sol";
import {ConsentRef, Purpose} from "../types/Training.sol";

/// @title ConsentRegistry: see IConsentRegistry. Nothing here is ever paused.
contract ConsentRegistry is IConsentRegistry, Module {
    using SafeCast for uint256;

    enum RootStatus {
        Unknown,
        Published,
        Tainted // holds a revoked leaf: never accepted again
    }

    /// Everything that `requireAllowed` needs in the common case, in one slot.
    struct VersionState {
        uint8 permission; // 0: no terms yet (no DUO permission has code 0)
        uint64 modifiers;
        uint40 notBefore; // unix seconds
        uint40 notAfter; // 0: none
        uint40 effectiveAt; // of the grant root
        uint32 roundedCount;
        bool custodial;
        bool granted; // a root other than zero stands
        bool rooted; // some root was published once
        bool stale; // a leaf was revoked after the root was published
    }

    /// Outside the hot slot.
    struct VersionDetail {
        bytes32 termsHash;
        bytes32 disease;
        bytes32 root;
        mapping(bytes32 root => RootStatus) roots; // current and former
    }

    struct EthicsApproval {
        uint64 validUntil; // unix seconds, the last valid one; 0: none
        bytes32 document;
    }

    /// @custom:storage-location erc7201:mednexus.storage.ConsentRegistry
    struct ConsentStorage {
        mapping(DatasetId => uint64) epochs;
        mapping(DatasetId => mapping(uint32 version => VersionState)) states;
        mapping(DatasetId => mapping(uint32 version => VersionDetail)) details;
        // Members of the terms' lists. Terms with equal hashes have equal lists, so the hash is the key.
        mapping(bytes32 termsHash => mapping(bytes32 entry => bool)) listed;
        mapping(bytes32 leaf => bool) revoked;
        bytes32 mondoRoot;
        mapping(bytes32 mondoRoot => mapping(bytes32 pair => bool)) descends;
        mapping(bytes32 purposeHash => EthicsApproval) ethics;
    }

    /// Time for a subject to notice that an institution admits it again.
    uint40 public constant REGRANT_DELAY = 1 days;
    /// Entries in each list of the terms.
    uint256 public constant MAX_LIST = 32;

    bytes32 private constant REVOCATION_TYPEHASH = keccak256("Revocation(uint64 dataset,bytes32 leaf)");

    // keccak256(abi.encode(uint256(keccak256("mednexus.storage.ConsentRegistry")) - 1)) & ~bytes32(uint256(0xff)); recomputed in a test
    bytes32 private constant CONSENT_SLOT = 0xeb1fbe2de5f42b651b9da9c4c3bf5f491a34ff4fc4451a06959c2f6ce7074000;

    function initialize(address authority) external initializer {
        __Module_init(authority);
    }

    // --- the dataset's institution

    /// @inheritdoc IConsentRegistry
    function setTerms(DatasetId dataset, Terms calldata terms) external {
        uint32 version = _requireCurrent(dataset);
        ConsentStorage storage $ = _consent();
        VersionState storage state = $.states[dataset][version];
        if (state.permission != 0) revert TermsFixed(dataset, version);
        _requireConsistent(terms);

        state.permission = terms.permission;
        state.modifiers = terms.modifiers;
        state.notBefore = uint256(terms.notBefore).toUint40();
        state.notAfter = uint256(terms.notAfter).toUint40();
        bytes32 hash = keccak256(abi.encode(terms));
        $.details[dataset][version].termsHash = hash;
        $.details[dataset][version].disease = terms.disease;
        mapping(bytes32 => bool) storage listed = $.listed[hash];
        for (uint256 i; i < terms.regions.length; ++i) listed[_entry(Duo.GS, terms.regions[i])] = true;
        for (uint256 i; i < terms.users.length; ++i) listed[_entry(Duo.US, _word(terms.users[i]))] = true;
        for (uint256 i; i < terms.projects.length; ++i) listed[_entry(Duo.PS, terms.projects[i])] = true;
        for (uint256 i; i < terms.institutions.length; ++i) listed[_entry(Duo.IS, _word(terms.institutions[i]))] = true;
        emit TermsSet(dataset, version, hash, ++$.epochs[dataset]);
    }

    /// @inheritdoc IConsentRegistry
    function setGrants(DatasetId dataset, bytes32 root, uint32 roundedCount, bool custodial) external {
        uint32 version = _requireCurrent(dataset);
        if (roundedCount % 5 != 0) revert CountNotRounded(roundedCount);
        uint40 effectiveAt = _publish(dataset, version, root, roundedCount);
        _consent().states[dataset][version].custodial = custodial;
        emit GrantsSet(dataset, version, root, roundedCount, custodial, effectiveAt, ++_consent().epochs[dataset]);
    }

    // --- the subject, relayed by anybody

    /// @inheritdoc IConsentRegistry
    function revoke(
        DatasetId dataset,
        uint32 version,
        address subjectKey,
        bytes32 salt,
        bytes32[] calldata merkleProof,
        bytes calldata signature
    ) external {
        bytes32 leaf = Transcript.grantLeaf(dataset, version, subjectKey, salt);
        _taint(dataset, version, leaf, MerkleProof.processProofCalldata(merkleProof, _node(leaf)));
        _requireSigned(dataset, leaf, subjectKey, signature);
        emit ConsentRevoked(dataset, version, leaf, ++_consent().epochs[dataset], msg.sender);
    }

    // --- the user's ethics approval

    /// @inheritdoc IConsentRegistry
    function recordEthicsApproval(Purpose calldata purpose, bytes32 document, uint64 validUntil) external {
        if (purpose.user != msg.sender) revert NotPurposeUser(purpose.user, msg.sender);
        if (!Duo.has(purpose.modifiers, Duo.IRB)) revert NoEthicsClaim();
        if (document == 0) revert NoDocument();
        bytes32 hash = Transcript.purposeHash(purpose);
        _consent().ethics[hash] = EthicsApproval(validUntil, document);
        emit EthicsApprovalRecorded(hash, msg.sender, document, validUntil);
    }

    // --- the governor's vocabulary

    /// @inheritdoc IConsentRegistry
    function setMondoRoot(bytes32 root) external restricted {
        _consent().mondoRoot = root;
        emit MondoRootSet(root);
    }

    /// @inheritdoc IConsentRegistry
    function proveDisease(bytes32 ancestor, bytes32 descendant, bytes32[] calldata path) external {
        ConsentStorage storage $ = _consent();
        bytes32 root = $.mondoRoot;
        bytes32 leaf = keccak256(abi.encode(Transcript.TAG_MONDO, ancestor, descendant));
        if (root == 0 || MerkleProof.processProofCalldata(path, _node(leaf)) != root) {
            revert BadDiseasePath(ancestor, descendant);
        }
        $.descends[root][leaf] = true;
        emit DiseaseProven(root, ancestor, descendant);
    }

    // --- views

    /// @inheritdoc IConsentRegistry
    function epochOf(DatasetId dataset) external view returns (uint64) {
        return _consent().epochs[dataset];
    }

    /// @inheritdoc IConsentRegistry
    function movedSince(ConsentRef[] calldata refs) external view returns (uint256 moved) {
        if (refs.length > 256) revert TooManyRefs(refs.length);
        for (uint256 i; i < refs.length; ++i) {
            if (_consent().epochs[refs[i].dataset] != refs[i].epoch) moved |= 1 << i;
        }
    }

    /// @inheritdoc IConsentRegistry
    function requireAllowed(
        DatasetId dataset,
        uint32 version,
        Purpose calldata purpose
    ) external view returns (uint64 epoch) {
        ConsentStorage storage $ = _consent();
        VersionState memory state = $.states[dataset][version];
        if (state.permission == 0) revert NoTerms(dataset, version);
        if (!state.granted) revert NoGrants(dataset, version);
        if (state.stale) revert RevokedGrantsStale(dataset);
        if (block.timestamp < state.effectiveAt) revert GrantsNotEffective(dataset, state.effectiveAt);

        bytes32 refused = Duo.refuse(state.permission, state.modifiers, purpose);
        if (refused == 0 && state.permission == Duo.DS) refused = _refuseDisease($, dataset, version, purpose.disease);
        if (refused == 0 && state.modifiers & Duo.DECIDED != 0)
            refused = _refuseDecided($, dataset, version, state, purpose);
        if (refused == 0 && Duo.has(state.modifiers, Duo.IRB)) refused = _refuseEthics($, purpose);
        if (refused != 0) revert PurposeRefused(dataset, refused);
        return $.epochs[dataset];
    }

    /// @inheritdoc IConsentRegistry
    function termsHashOf(DatasetId dataset, uint32 version) external view returns (bytes32) {
        return _consent().details[dataset][version].termsHash;
    }

    /// @inheritdoc IConsentRegistry
    function grantRootOf(
        DatasetId dataset,
        uint32 version
    ) external view returns (bytes32 root, uint32 roundedCount, bool custodial, uint64 effectiveAt) {
        VersionState storage state = _consent().states[dataset][version];
        return (_consent().details[dataset][version].root, state.roundedCount, state.custodial, state.effectiveAt);
    }

    /// @inheritdoc IConsentRegistry
    function ethicsApprovalOf(Purpose calldata purpose) external view returns (bytes32 document, uint64 validUntil) {
        EthicsApproval storage approval = _consent().ethics[Transcript.purposeHash(purpose)];
        return (approval.document, approval.validUntil);
    }

    /// @inheritdoc IConsentRegistry
    function isRevoked(bytes32 leaf) external view returns (bool) {
        return _consent().revoked[leaf];
    }

    /// @inheritdoc IConsentRegistry
    function mondoRoot() external view returns (bytes32) {
        return _consent().mondoRoot;
    }

    // --- internals

    function _requireCurrent(DatasetId dataset) private view returns (uint32) {
        IDatasetRegistry datasets = IDatasetRegistry(_modules().datasets);
        if (datasets.institutionOf(dataset) != msg.sender) revert NotDatasetInstitution(dataset, msg.sender);
        return datasets.currentVersion(dataset);
    }

    function _publish(
        DatasetId dataset,
        uint32 version,
        bytes32 root,
        uint32 roundedCount
    ) private returns (uint40 effectiveAt) {
        VersionState storage state = _consent().states[dataset][version];
        VersionDetail storage detail = _consent().details[dataset][version];
        if (state.permission == 0) revert NoTerms(dataset, version);
        if (detail.roots[root] == RootStatus.Tainted) revert RevokedGrantsStale(dataset);

        bool admitsNobodyAnew = !state.rooted || (state.stale && roundedCount <= state.roundedCount);
        effectiveAt = uint40(block.timestamp) + (admitsNobodyAnew ? 0 : REGRANT_DELAY);
        // A root that was still waiting is not brought forward by a revocation.
        if (effectiveAt < state.effectiveAt) effectiveAt = state.effectiveAt;
        state.effectiveAt = effectiveAt;
        state.roundedCount = roundedCount;
        state.granted = root != 0;
        state.rooted = true;
        state.stale = false;
        detail.root = root;
        detail.roots[root] = RootStatus.Published;
    }

    /// Marks `leaf` revoked, its root tainted and the version stale.
    function _taint(DatasetId dataset, uint32 version, bytes32 leaf, bytes32 root) private {
        ConsentStorage storage $ = _consent();
        VersionDetail storage detail = $.details[dataset][version];
        RootStatus status = detail.roots[root];
        if (status == RootStatus.Unknown) revert BadGrantProof();
        // Under an untainted root the leaf came back: the old signature refuses it again.
        if (status == RootStatus.Tainted && $.revoked[leaf]) revert AlreadyRevoked(leaf);
        $.revoked[leaf] = true;
        detail.roots[root] = RootStatus.Tainted;
        $.states[dataset][version].stale = true;
    }

    function _requireSigned(
        DatasetId dataset,
        bytes32 leaf,
        address subjectKey,
        bytes calldata signature
    ) private view {
        bytes32 digest = TypedData.digest(keccak256(abi.encode(REVOCATION_TYPEHASH, dataset, leaf)));
        // Fails, with signer zero, for a high s, any length but 65 and a failed recovery.
        (address signer, ECDSA.RecoverError failure, ) = ECDSA.tryRecoverCalldata(digest, signature);
        if (failure != ECDSA.RecoverError.NoError || signer != subjectKey) revert BadRevocationSignature(subjectKey);
    }

    /// Each modifier that carries a parameter has it, and no parameter stands without its modifier: what is written is what is meant.
    function _requireConsistent(Terms calldata terms) private pure {
        if (!Duo.isPermission(terms.permission)) revert UnknownPermission(terms.permission);
        uint64 unsupported = terms.modifiers & ~Duo.SUPPORTED;
        if (unsupported != 0) revert UnsupportedModifier(unsupported);
        if ((terms.permission == Duo.DS) != (terms.disease != 0)) revert InconsistentTerms("disease");
        _requireList("regions", terms.modifiers, Duo.GS, terms.regions.length);
        _requireList("users", terms.modifiers, Duo.US, terms.users.length);
        _requireList("projects", terms.modifiers, Duo.PS, terms.projects.length);
        _requireList("institutions", terms.modifiers, Duo.IS, terms.institutions.length);
        if (Duo.has(terms.modifiers, Duo.MOR) != (terms.notBefore != 0)) revert InconsistentTerms("notBefore");
        if (Duo.has(terms.modifiers, Duo.TS) != (terms.notAfter != 0)) revert InconsistentTerms("notAfter");
    }

    function _requireList(bytes32 name, uint64 modifiers, uint8 code, uint256 length) private pure {
        if (Duo.has(modifiers, code) != (length != 0) || length > MAX_LIST) revert InconsistentTerms(name);
    }

    function _refuseDisease(
        ConsentStorage storage $,
        DatasetId dataset,
        uint32 version,
        bytes32 wanted
    ) private view returns (bytes32) {
        bytes32 disease = $.details[dataset][version].disease;
        if (wanted == disease) return 0;
        bytes32 leaf = keccak256(abi.encode(Transcript.TAG_MONDO, disease, wanted));
        return $.descends[$.mondoRoot][leaf] ? bytes32(0) : bytes32("disease");
    }

    function _refuseEthics(ConsentStorage storage $, Purpose calldata purpose) private view returns (bytes32) {
        return block.timestamp > $.ethics[Transcript.purposeHash(purpose)].validUntil ? bytes32("ethics") : bytes32(0);
    }

    function _refuseDecided(
        ConsentStorage storage $,
        DatasetId dataset,
        uint32 version,
        VersionState memory state,
        Purpose calldata purpose
    ) private view returns (bytes32) {
        uint64 modifiers = state.modifiers;
        if (block.timestamp < state.notBefore) return "moratorium";
        if (state.notAfter != 0 && block.timestamp > state.notAfter) return "time";
        if (modifiers & Duo.LISTED == 0) return 0;
        mapping(bytes32 => bool) storage listed = $.listed[$.details[dataset][version].termsHash];
        if (Duo.has(modifiers, Duo.GS) && !listed[_entry(Duo.GS, purpose.region)]) return "region";
        if (Duo.has(modifiers, Duo.US) && !listed[_entry(Duo.US, _word(purpose.user))]) return "user";
        if (Duo.has(modifiers, Duo.PS) && !listed[_entry(Duo.PS, purpose.project)]) return "project";
        if (Duo.has(modifiers, Duo.IS) && !listed[_entry(Duo.IS, _word(purpose.user))]) return "institution";
        return 0;
    }

    function _entry(uint8 code, bytes32 value) private pure returns (bytes32) {
        return keccak256(abi.encode(code, value));
    }

    function _word(address account) private pure returns (bytes32) {
        return bytes32(uint256(uint160(account)));
    }

    /// Leaves are hashed twice so that no inner node, being one hash of 64 bytes, can pass for one.
    function _node(bytes32 leaf) private pure returns (bytes32) {
        return keccak256(bytes.concat(leaf));
    }

    function _consent() private pure returns (ConsentStorage storage $) {
        assembly {
            $.slot := CONSENT_SLOT
        }
    }
}
