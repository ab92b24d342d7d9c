// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {ERC721Upgradeable} from "@openzeppelin/contracts-upgradeable/token/ERC721/ERC721Upgradeable.sol";
import {IERC165} from "@openzeppelin/contracts/interfaces/IERC165.sol";
import {IERC2981} from "@openzeppelin/contracts/interfaces/IERC2981.sol";
import {IERC4906} from "@openzeppelin/contracts/interfaces/IERC4906.sol";
import {Module} from "../access/Module.sol";
import {IModelINFT} from "../interfaces/IModelINFT.sol";
import {ModelId} from "../types/Ids.sol";

/// @title ModelINFT: see IModelINFT. Token id = model id.
/// @dev Sealed transfer, clones and licences come by upgrade with a storage namespace of their own; nothing here has to move for them.
contract ModelINFT is IModelINFT, IERC2981, IERC4906, ERC721Upgradeable, Module {
    struct Model {
        address creator;
        uint16 royaltyBps;
        bytes32 runtimeHash;
        Payee[] split;
        string uri;
    }

    /// @custom:storage-location erc7201:mednexus.storage.ModelINFT
    struct ModelStorage {
        uint64 count;
        mapping(ModelId => Model) models;
    }

    uint16 public constant MAX_ROYALTY_BPS = 1_000;
    /// Bounds the gas of paying a royalty out.
    uint256 public constant MAX_PAYEES = 8;
    /// Bytes.
    uint256 public constant MAX_URI = 512;

    uint256 private constant BPS = 10_000;

    // keccak256(abi.encode(uint256(keccak256("mednexus.storage.ModelINFT")) - 1)) & ~bytes32(uint256(0xff)); recomputed in a test
    bytes32 private constant MODEL_SLOT = 0x2ab477c3771ea5136650d4402fc67c526a213cbf73387357844df064dccdd200;

    function initialize(address authority) external initializer {
        __ERC721_init("MedNexus Model", "MEDMODEL");
        __Module_init(authority);
    }

    /// @inheritdoc IModelINFT
    function mint(
        address to,
        uint16 royaltyBps,
        Payee[] calldata split,
        bytes32 runtimeHash,
        string calldata uri
    ) external returns (ModelId id) {
        if (royaltyBps > MAX_ROYALTY_BPS) revert RoyaltyTooHigh(royaltyBps, MAX_ROYALTY_BPS);
        if (runtimeHash == 0) revert ZeroRuntimeHash();
        _requireUri(uri);
        _requireSplit(split);
        ModelStorage storage $ = _models();
        id = ModelId.wrap(++$.count);
        Model storage model = $.models[id];
        model.creator = msg.sender;
        model.royaltyBps = royaltyBps;
        model.runtimeHash = runtimeHash;
        model.uri = uri;
        for (uint256 i; i < split.length; ++i) model.split.push(split[i]);
        _mint(to, ModelId.unwrap(id)); // never calls the receiver back
        emit ModelMinted(id, msg.sender, royaltyBps, runtimeHash, uri);
    }

    /// @inheritdoc IModelINFT
    function setUri(ModelId id, string calldata uri) external {
        if (ownerOfModel(id) != msg.sender) revert NotModelOwner(id, msg.sender);
        _requireUri(uri);
        _models().models[id].uri = uri;
        emit ModelUriChanged(id, uri);
        emit MetadataUpdate(ModelId.unwrap(id));
    }

    // --- views

    /// @inheritdoc IModelINFT
    function creatorOf(ModelId id) external view returns (address) {
        return _model(id).creator;
    }

    /// @inheritdoc IModelINFT
    function ownerOfModel(ModelId id) public view returns (address owner) {
        owner = _ownerOf(ModelId.unwrap(id));
        if (owner == address(0)) revert NoSuchModel(id);
    }

    /// @inheritdoc IModelINFT
    function royaltyBpsOf(ModelId id) external view returns (uint16) {
        return _model(id).royaltyBps;
    }

    /// @inheritdoc IModelINFT
    function splitOf(ModelId id) external view returns (Payee[] memory) {
        return _model(id).split;
    }

    /// @inheritdoc IModelINFT
    function runtimeHashOf(ModelId id) external view returns (bytes32) {
        return _model(id).runtimeHash;
    }

    /// @inheritdoc IModelINFT
    function exists(ModelId id) external view returns (bool) {
        return _ownerOf(ModelId.unwrap(id)) != address(0);
    }

    /// @inheritdoc IERC2981
    /// @dev Rounded down; a sale price near 2^256 overflows and reverts.
    function royaltyInfo(uint256 tokenId, uint256 salePrice) external view returns (address, uint256) {
        _requireOwned(tokenId);
        Model storage model = _models().models[ModelId.wrap(uint64(tokenId))]; // a token that exists has an id of 64 bits
        return (model.split[0].account, (salePrice * model.royaltyBps) / BPS);
    }

    function tokenURI(uint256 tokenId) public view override returns (string memory) {
        _requireOwned(tokenId);
        return _models().models[ModelId.wrap(uint64(tokenId))].uri;
    }

    function supportsInterface(bytes4 interfaceId) public view override(ERC721Upgradeable, IERC165) returns (bool) {
        return
            interfaceId == type(IModelINFT).interfaceId ||
            interfaceId == type(IERC2981).interfaceId ||
            interfaceId == 0x49064906 || // ERC-4906 fixes this id: it declares events only
            super.supportsInterface(interfaceId);
    }

    // --- internals

    function _requireUri(string calldata uri) private pure {
        uint256 length = bytes(uri).length;
        if (length > MAX_URI) revert UriTooLong(length, MAX_URI);
    }

    function _requireSplit(Payee[] calldata split) private pure {
        if (split.length == 0 || split.length > MAX_PAYEES) revert BadSplit();
        uint256 sum;
        for (uint256 i; i < split.length; ++i) {
            if (split[i].account == address(0) || split[i].bps == 0) revert BadSplit();
            sum += split[i].bps;
        }
        if (sum != BPS) revert BadSplit();
    }

    function _model(ModelId id) private view returns (Model storage model) {
        model = _models().models[id];
        if (model.creator == address(0)) revert NoSuchModel(id);
    }

    function _models() private pure returns (ModelStorage storage $) {
        assembly {
            $.slot := MODEL_SLOT
        }
    }
}
