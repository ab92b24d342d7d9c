// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

struct IntelligentData {
    string dataDescription;
    bytes32 dataHash;
}

/// @title Metadata interface of ERC-7857 (final; commit as in IERC7857).
interface IERC7857Metadata {
    function name() external view returns (string memory);
    function symbol() external view returns (string memory);
    /// One item for a sealed token (its URI and the hash of its encrypted data), none for a plain one.
    function intelligentDataOf(uint256 tokenId) external view returns (IntelligentData[] memory);
}
