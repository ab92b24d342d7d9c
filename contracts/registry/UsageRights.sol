// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {IERC7857} from "../interfaces/IERC7857.sol";
import {IModelINFT} from "../interfaces/IModelINFT.sol";
import {ModelId} from "../types/Ids.sol";
import {ERC7857Token} from "./ERC7857Token.sol";

/// @title UsageRights: who may use a model, until when, and who may sign access proofs for whom. Part of ModelINFT.
/// @dev Lists are kept by (token, era): a new era is a new list, so that nothing an earlier owner allowed comes back, at no cost to the transfer.
abstract contract UsageRights is IModelINFT, ERC7857Token {
    struct Era {
        address[] users; // expired ones included
        mapping(address user => uint64) expiresAt; // 0: not in `users`
    }

    /// @custom:storage-location erc7201:mednexus.storage.UsageRights
    struct UsageStorage {
        mapping(uint256 tokenId => uint64) era;
        mapping(uint256 tokenId => mapping(uint64 era => Era)) rights;
        mapping(address user => address) assistants;
    }

    /// Bounds the gas of every walk over the list.
    uint256 public constant MAX_USERS = 64;

    // keccak256(abi.encode(uint256(keccak256("mednexus.storage.UsageRights")) - 1)) & ~bytes32(uint256(0xff)); recomputed in a test
    bytes32 private constant USAGE_SLOT = 0x2908c234e50a24452d5a0a1e103b27fd27584fe13394ac8e0fa6ff918496a500;

    /// @inheritdoc IERC7857
    function authorizeUsage(uint256 tokenId, address user) external {
        _authorize(tokenId, user, type(uint64).max);
    }

    /// @inheritdoc IModelINFT
    function authorizeUsageUntil(ModelId model, address user, uint64 expiresAt) external {
        _authorize(ModelId.unwrap(model), user, expiresAt);
    }

    /// @inheritdoc IERC7857
    function revokeAuthorization(uint256 tokenId, address user) external {
        _requireOwner(tokenId);
        Era storage rights = _rights(tokenId);
        if (rights.expiresAt[user] == 0) revert NotAuthorizedUser(ModelId.wrap(uint64(tokenId)), user);
        delete rights.expiresAt[user];
        address[] storage users = rights.users;
        uint256 last = users.length - 1;
        for (uint256 i; i < last; ++i) {
            if (users[i] != user) continue;
            users[i] = users[last];
            break;
        }
        users.pop();
        emit AuthorizationRevoked(msg.sender, user, tokenId);
    }

    /// @inheritdoc IERC7857
    function delegateAccess(address assistant) external {
        _usage().assistants[msg.sender] = assistant;
        emit DelegateAccess(msg.sender, assistant);
    }

    /// @inheritdoc IERC7857
    function getDelegateAccess(address user) public view returns (address) {
        return _usage().assistants[user];
    }

    /// @inheritdoc IERC7857
    /// @dev Expired ones are left out.
    function authorizedUsersOf(uint256 tokenId) external view returns (address[] memory live) {
        _requireOwned(tokenId);
        Era storage rights = _rights(tokenId);
        live = rights.users;
        uint256 count;
        for (uint256 i; i < live.length; ++i) {
            if (rights.expiresAt[live[i]] >= block.timestamp) live[count++] = live[i];
        }
        // count <= live.length: the memory behind it is only given up.
        assembly ("memory-safe") {
            mstore(live, count)
        }
    }

    /// @inheritdoc IModelINFT
    function mayUse(ModelId model, address user) external view returns (bool) {
        uint256 tokenId = ModelId.unwrap(model);
        address owner = _ownerOf(tokenId);
        return owner != address(0) && (user == owner || _rights(tokenId).expiresAt[user] >= block.timestamp);
    }

    /// @inheritdoc IModelINFT
    function usageExpiryOf(ModelId model, address user) external view returns (uint64) {
        return _rights(ModelId.unwrap(model)).expiresAt[user];
    }

    /// The owner changed: what the last one allowed ends.
    function _newEra(uint256 tokenId) internal {
        ++_usage().era[tokenId];
    }

    function _requireOwner(uint256 tokenId) internal view {
        if (_requireOwned(tokenId) != msg.sender) revert NotModelOwner(ModelId.wrap(uint64(tokenId)), msg.sender);
    }

    function _authorize(uint256 tokenId, address user, uint64 expiresAt) private {
        _requireOwner(tokenId);
        if (user == address(0)) revert ZeroUser();
        if (expiresAt < block.timestamp) revert UsageExpired(expiresAt);
        Era storage rights = _rights(tokenId);
        if (rights.expiresAt[user] == 0) _seat(rights, user);
        rights.expiresAt[user] = expiresAt;
        emit Authorization(msg.sender, user, tokenId);
        emit UsageAuthorized(ModelId.wrap(uint64(tokenId)), user, _usage().era[tokenId], expiresAt);
    }

    /// A new place in the list, or that of somebody whose time is over.
    function _seat(Era storage rights, address user) private {
        address[] storage users = rights.users;
        if (users.length < MAX_USERS) {
            users.push(user);
            return;
        }
        for (uint256 i; i < MAX_USERS; ++i) {
            address other = users[i];
            if (rights.expiresAt[other] >= block.timestamp) continue;
            delete rights.expiresAt[other];
            users[i] = user;
            return;
        }
        revert TooManyUsers(MAX_USERS);
    }

    function _rights(uint256 tokenId) private view returns (Era storage) {
        UsageStorage storage $ = _usage();
        return $.rights[tokenId][$.era[tokenId]];
    }

    function _usage() private pure returns (UsageStorage storage $) {
        assembly {
            $.slot := USAGE_SLOT
        }
    }
}
