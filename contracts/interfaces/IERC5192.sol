// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

/// @title ERC-5192: minimal soulbound tokens. Interface id 0xb45a3c0e.
interface IERC5192 {
    event Locked(uint256 tokenId);
    event Unlocked(uint256 tokenId);

    /// True while the token cannot be transferred; reverts for tokens that do not exist.
    function locked(uint256 tokenId) external view returns (bool);
}
