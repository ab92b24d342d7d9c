// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {IERC7857DataVerifier, TransferValidityProof} from "./IERC7857DataVerifier.sol";

/// @title Main interface of ERC-7857 (final; ethereum/ERCs ERCS/erc-7857.md at commit fdec3cad9eb45eab17ac5835cbea42f27f3be5a1). Its id, 0xee5a526e, is recomputed in a test.
/// @notice `Approval` and `ApprovalForAll` are ERC-721's events of the same names, topics and order, and are declared there.
interface IERC7857 {
    event Authorization(address indexed from, address indexed to, uint256 indexed tokenId);
    event AuthorizationRevoked(address indexed from, address indexed to, uint256 indexed tokenId);
    event Transferred(uint256 tokenId, address indexed from, address indexed to);
    event Cloned(uint256 indexed tokenId, uint256 indexed newTokenId, address from, address to);
    event PublishedSealedKey(address indexed to, uint256 indexed tokenId, bytes[] sealedKeys);
    event DelegateAccess(address indexed user, address indexed assistant);

    /// The contract that checks transfer proofs.
    function verifier() external view returns (IERC7857DataVerifier);

    /// Moves the token and its data. Caller: owner or approved. One proof for each item of `intelligentDataOf`.
    function iTransfer(address to, uint256 tokenId, TransferValidityProof[] calldata proofs) external;
    /// Mints another token with the same data to `to`; the first stays where it is.
    function iClone(
        address to,
        uint256 tokenId,
        TransferValidityProof[] calldata proofs
    ) external returns (uint256 newTokenId);

    /// Owner. Without expiry.
    function authorizeUsage(uint256 tokenId, address user) external;
    function revokeAuthorization(uint256 tokenId, address user) external;

    function approve(address to, uint256 tokenId) external;
    function setApprovalForAll(address operator, bool approved) external;

    /// Lets `assistant` sign access proofs for the caller; the zero address ends it.
    function delegateAccess(address assistant) external;

    function ownerOf(uint256 tokenId) external view returns (address);
    function authorizedUsersOf(uint256 tokenId) external view returns (address[] memory);
    function getApproved(uint256 tokenId) external view returns (address);
    function isApprovedForAll(address owner, address operator) external view returns (bool);
    function getDelegateAccess(address user) external view returns (address);
}
