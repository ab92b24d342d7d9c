// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {ERC721Upgradeable} from "@openzeppelin/contracts-upgradeable/token/ERC721/ERC721Upgradeable.sol";
import {IERC165} from "@openzeppelin/contracts/interfaces/IERC165.sol";
import {IERC2981} from "@openzeppelin/contracts/interfaces/IERC2981.sol";
import {IModelINFT} from "../interfaces/IModelINFT.sol";
import {ModelId} from "../types/Ids.sol";
import {ERC7857Token} from "./ERC7857Token.sol";
import {SealedModels} from "./SealedModels.sol";

/// @title ModelINFT: see IModelINFT. Token id = model id.
/// @dev SealedModels and UsageRights are parts of it, each with its own storage.
contract ModelINFT is SealedModels, IERC2981 {
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
        _requireShort(uri);
        _requireSplit(split);
        id = _create(to, msg.sender, royaltyBps, runtimeHash, uri, split);
    }

    /// @inheritdoc IModelINFT
    function setUri(ModelId id, string calldata uri) external {
        if (ownerOfModel(id) != msg.sender) revert NotModelOwner(id, msg.sender);
        _requireShort(uri);
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
    /// @dev Rounded down; a sale price near 2^256 overflows and reverts. A clone's first payee is whoever it was cloned to.
    function royaltyInfo(uint256 tokenId, uint256 salePrice) external view returns (address, uint256) {
        _requireOwned(tokenId);
        Model storage model = _models().models[ModelId.wrap(uint64(tokenId))]; // a token that exists has an id of 64 bits
        return (model.split[0].account, (salePrice * model.royaltyBps) / BPS);
    }

    function tokenURI(uint256 tokenId) public view override returns (string memory) {
        _requireOwned(tokenId);
        return _models().models[ModelId.wrap(uint64(tokenId))].uri;
    }

    function supportsInterface(bytes4 interfaceId) public view override(ERC7857Token, IERC165) returns (bool) {
        return
            interfaceId == type(IModelINFT).interfaceId ||
            interfaceId == type(IERC2981).interfaceId ||
            super.supportsInterface(interfaceId);
    }

    // --- internals

    function _create(
        address to,
        address creator,
        uint16 royaltyBps,
        bytes32 runtimeHash,
        string memory uri,
        Payee[] memory split
    ) private returns (ModelId id) {
        ModelStorage storage $ = _models();
        id = ModelId.wrap(++$.count);
        Model storage model = $.models[id];
        model.creator = creator;
        model.royaltyBps = royaltyBps;
        model.runtimeHash = runtimeHash;
        model.uri = uri;
        for (uint256 i; i < split.length; ++i) model.split.push(split[i]);
        _mint(to, ModelId.unwrap(id)); // never calls the receiver back
        emit ModelMinted(id, creator, royaltyBps, runtimeHash, uri);
        emit SplitFixed(id, split);
    }

    /// @inheritdoc SealedModels
    /// @dev Written out in full, so that paying a clone's royalty never walks up its ancestors. Each generation adds one payee: the eighth is the last.
    function _mintClone(ModelId parent, address to, uint16 share) internal override returns (ModelId) {
        Model storage model = _models().models[parent];
        Payee[] storage heirs = model.split;
        uint256 count = heirs.length;
        if (count >= MAX_PAYEES) revert TooManyPayees(count + 1, MAX_PAYEES);
        Payee[] memory split = new Payee[](count + 1);
        split[0] = Payee(to, uint16(BPS - share));
        uint256 rest = share;
        for (uint256 i = count; i > 0; --i) {
            // Rounded down; the first payee of the parent gets what that leaves.
            uint256 bps = i == 1 ? rest : (uint256(heirs[i - 1].bps) * share) / BPS;
            if (bps == 0) revert ShareVanishes(heirs[i - 1].account);
            rest -= bps;
            split[i] = Payee(heirs[i - 1].account, uint16(bps));
        }
        return _create(to, model.creator, model.royaltyBps, model.runtimeHash, model.uri, split);
    }

    function _creatorOf(ModelId id) internal view override returns (address) {
        return _model(id).creator;
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
