// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {ERC721Upgradeable} from "@openzeppelin/contracts-upgradeable/token/ERC721/ERC721Upgradeable.sol";
import {Module} from "../access/Module.sol";
import {IERC7857} from "../interfaces/IERC7857.sol";
import {
    IERC7857DataVerifier,
    TransferValidityProof,
    TransferValidityProofOutput
} from "../interfaces/IERC7857DataVerifier.sol";
import {IERC7857Metadata, IntelligentData} from "../interfaces/IERC7857Metadata.sol";
import {IModelINFT} from "../interfaces/IModelINFT.sol";
import {IModelVersions} from "../interfaces/IModelVersions.sol";
import {ISealedTransfers, SealOrder} from "../interfaces/ISealedTransfers.sol";
import {PublicKey, SealedKey, SealedKeys} from "../libraries/SealedKeys.sol";
import {ModelId} from "../types/Ids.sol";
import {UsageRights} from "./UsageRights.sol";

/// @title SealedModels: sealing, and how sealed tokens move and are cloned. Part of ModelINFT.
/// @dev SealedTransfers decides whether a proof is good for the token's present seal; here stands what it does then.
abstract contract SealedModels is UsageRights, Module {
    struct Family {
        ModelId parent; // 0: minted, not cloned
        uint16 cloneShareBps; // 0: cloning closed
    }

    /// @custom:storage-location erc7201:mednexus.storage.SealedModels
    struct SealStorage {
        mapping(ModelId => Seal) seals;
        mapping(ModelId => Family) families;
        mapping(bytes32 dataHash => ModelId) claims; // the token that brought these data
    }

    uint16 public constant MAX_CLONE_SHARE_BPS = 2_000;
    /// Bytes.
    uint256 public constant MAX_URI = 512;

    // keccak256(abi.encode(uint256(keccak256("mednexus.storage.SealedModels")) - 1)) & ~bytes32(uint256(0xff)); recomputed in a test
    bytes32 private constant SEALED_SLOT = 0xe3ac8aa86986d478f51b2b34706fa41529724099e697c7eb4847e21eb3d51f00;

    // --- the owner's, the creator's

    /// @inheritdoc IModelINFT
    function seal(
        ModelId model,
        bytes32 dataHash,
        uint256 keyHash,
        SealedKey calldata key,
        PublicKey calldata holder
    ) external {
        _requireOwner(ModelId.unwrap(model));
        if (dataHash == 0 || keyHash == 0) revert ZeroHash();
        ISealedTransfers(_modules().transfers).requireSealable(keyHash, key, holder);
        Seal storage s = _sealed().seals[model];
        // Sealing what campaigns have made public, or are about to, would promise what nobody can keep.
        if (IModelVersions(_modules().versions).isOpen(model)) revert OpenModel(model);
        if (s.keyHash == keyHash) revert KeyNotFresh(keyHash);
        _claim(model, dataHash);
        uint64 sequence = s.sequence + 1;
        uint256 binding = SealedKeys.binding(address(this), model, msg.sender, sequence);
        _store(model, msg.sender, Seal(dataHash, keyHash, key, holder, binding, sequence), ModelId.wrap(0));
        emit MetadataUpdate(ModelId.unwrap(model));
    }

    /// @inheritdoc IModelINFT
    function fixCloneShare(ModelId model, uint16 shareBps) external {
        if (_creatorOf(model) != msg.sender) revert NotModelCreator(model, msg.sender);
        Family storage family = _sealed().families[model];
        if (family.cloneShareBps != 0) revert CloneShareFixedAlready(model);
        if (shareBps == 0 || shareBps > MAX_CLONE_SHARE_BPS) revert CloneShareTooHigh(shareBps, MAX_CLONE_SHARE_BPS);
        family.cloneShareBps = shareBps;
        emit CloneShareFixed(model, shareBps);
    }

    // --- moves

    /// @inheritdoc IERC7857
    function iTransfer(address to, uint256 tokenId, TransferValidityProof[] calldata proofs) external {
        _move(_requireOwned(tokenId), to, tokenId, proofs);
    }

    /// As iTransfer, under the name and with the arguments of 0G's reference contract. `from` must be the owner.
    function iTransferFrom(
        address from,
        address to,
        uint256 tokenId,
        TransferValidityProof[] calldata proofs
    ) external {
        _move(from, to, tokenId, proofs);
    }

    /// @inheritdoc IERC7857
    function iClone(
        address to,
        uint256 tokenId,
        TransferValidityProof[] calldata proofs
    ) external returns (uint256 newTokenId) {
        return _clone(_requireOwned(tokenId), to, tokenId, proofs);
    }

    /// As iClone, under the name and with the arguments of 0G's reference contract. `from` must be the owner.
    function iCloneFrom(
        address from,
        address to,
        uint256 tokenId,
        TransferValidityProof[] calldata proofs
    ) external returns (uint256 newTokenId) {
        return _clone(from, to, tokenId, proofs);
    }

    // --- views

    /// @inheritdoc IERC7857
    function verifier() public view returns (IERC7857DataVerifier) {
        return IERC7857DataVerifier(_modules().transfers);
    }

    /// @inheritdoc IERC7857Metadata
    /// @dev What the data are, the token's URI describes.
    function intelligentDataOf(uint256 tokenId) public view returns (IntelligentData[] memory items) {
        _requireOwned(tokenId);
        Seal storage s = _sealed().seals[ModelId.wrap(uint64(tokenId))];
        if (s.sequence == 0) return items;
        items = new IntelligentData[](1);
        items[0] = IntelligentData(tokenURI(tokenId), s.dataHash);
    }

    /// The same under the name of 0G's reference contract.
    function intelligentDatasOf(uint256 tokenId) external view returns (IntelligentData[] memory) {
        return intelligentDataOf(tokenId);
    }

    /// @inheritdoc IModelINFT
    function isSealed(ModelId model) public view returns (bool) {
        return _sealed().seals[model].sequence != 0;
    }

    /// @inheritdoc IModelINFT
    function sealOf(ModelId model) external view returns (Seal memory) {
        return _sealed().seals[model];
    }

    /// @inheritdoc IModelINFT
    function cloningOf(ModelId model) external view returns (ModelId parent, uint16 shareBps) {
        Family storage family = _sealed().families[model];
        return (family.parent, family.cloneShareBps);
    }

    // --- internals

    function _move(address from, address to, uint256 tokenId, TransferValidityProof[] calldata proofs) private {
        ModelId model = _requireMover(from, to, tokenId);
        bytes32 oldDataHash = _sealed().seals[model].dataHash;
        (Seal memory s, bytes[] memory keys) = _verified(model, from, to, false, proofs);
        ERC721Upgradeable._update(to, tokenId, address(0)); // not ours, which refuses; the mover was checked above
        _newEra(tokenId);
        if (s.dataHash != oldDataHash) {
            _claim(model, s.dataHash);
            emit MetadataUpdate(tokenId);
        }
        _store(model, to, s, ModelId.wrap(0));
        emit Transferred(tokenId, from, to);
        emit PublishedSealedKey(to, tokenId, keys);
    }

    function _clone(
        address from,
        address to,
        uint256 tokenId,
        TransferValidityProof[] calldata proofs
    ) private returns (uint256 newTokenId) {
        ModelId parent = _requireMover(from, to, tokenId);
        SealStorage storage $ = _sealed();
        uint16 share = $.families[parent].cloneShareBps;
        if (share == 0) revert CloningClosed(parent);
        (Seal memory s, bytes[] memory keys) = _verified(parent, from, to, true, proofs);
        $.seals[parent].sequence = s.sequence; // its own seal stays, but this order is used
        ModelId model = _mintClone(parent, to, share);
        $.families[model] = Family(parent, share);
        if (s.dataHash != $.seals[parent].dataHash) _claim(model, s.dataHash);
        s.sequence = 1;
        _store(model, to, s, parent);
        newTokenId = ModelId.unwrap(model);
        emit Cloned(tokenId, newTokenId, from, to);
        emit PublishedSealedKey(to, newTokenId, keys);
    }

    /// The seal that `to` gets, from a proof that is good for the present one and for nothing else.
    function _verified(
        ModelId model,
        address from,
        address to,
        bool clone,
        TransferValidityProof[] calldata proofs
    ) private returns (Seal memory s, bytes[] memory keys) {
        if (!isSealed(model)) revert NotSealed(model);
        if (proofs.length != 1) revert OneProofPerItem(proofs.length, 1);
        TransferValidityProofOutput memory output = verifier().verifyTransferValidity(proofs)[0];
        SealOrder memory order = abi.decode(output.accessProofNonce, (SealOrder));
        if (!(order.model == model) || order.from != from || order.to != to || order.clone != clone)
            revert WrongOrder();
        s.dataHash = output.newDataHash;
        (s.key, s.keyHash) = abi.decode(output.sealedKey, (SealedKey, uint256));
        s.holder = abi.decode(output.encryptedPubKey, (PublicKey));
        s.sequence = order.sequence;
        s.binding = SealedKeys.binding(address(this), model, to, order.sequence);
        keys = new bytes[](1);
        keys[0] = output.sealedKey;
    }

    function _store(ModelId model, address owner, Seal memory s, ModelId parent) private {
        _sealed().seals[model] = s;
        emit ModelSealed(model, owner, parent, s);
    }

    function _claim(ModelId model, bytes32 dataHash) private {
        SealStorage storage $ = _sealed();
        ModelId by = $.claims[dataHash];
        if (ModelId.unwrap(by) != 0) revert DataClaimed(dataHash, by);
        $.claims[dataHash] = model;
    }

    function _requireMover(address from, address to, uint256 tokenId) private view returns (ModelId) {
        address owner = _requireOwned(tokenId);
        if (owner != from) revert ERC721IncorrectOwner(from, tokenId, owner);
        if (to == address(0)) revert ERC721InvalidReceiver(to);
        _checkAuthorized(from, msg.sender, tokenId);
        return ModelId.wrap(uint64(tokenId)); // a token that exists has an id of 64 bits
    }

    function _requireShort(string calldata text) internal pure {
        uint256 length = bytes(text).length;
        if (length > MAX_URI) revert UriTooLong(length, MAX_URI);
    }

    /// What ERC-721's own transfers, and mint, come through.
    function _update(address to, uint256 tokenId, address auth) internal override returns (address from) {
        if (isSealed(ModelId.wrap(uint64(tokenId)))) revert SealedMovesByProof(ModelId.wrap(uint64(tokenId)));
        from = super._update(to, tokenId, auth);
        if (from != address(0)) _newEra(tokenId);
    }

    function _creatorOf(ModelId model) internal view virtual returns (address);
    /// Another model with the parent's royalty, runtime and URI, and a split that gives `share` of it to the parent's payees.
    function _mintClone(ModelId parent, address to, uint16 share) internal virtual returns (ModelId);

    function _sealed() internal pure returns (SealStorage storage $) {
        assembly {
            $.slot := SEALED_SLOT
        }
    }
}
