// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {ERC721Upgradeable} from "@openzeppelin/contracts-upgradeable/token/ERC721/ERC721Upgradeable.sol";
import {IERC165} from "@openzeppelin/contracts/interfaces/IERC165.sol";
import {IERC4906} from "@openzeppelin/contracts/interfaces/IERC4906.sol";
import {IERC721} from "@openzeppelin/contracts/interfaces/IERC721.sol";
import {IERC7857} from "../interfaces/IERC7857.sol";
import {IERC7857Metadata} from "../interfaces/IERC7857Metadata.sol";

/// @title ERC7857Token: ERC-721 as the base of ERC-7857: what both standards name, and mean, alike. With ERC-4906.
abstract contract ERC7857Token is IERC7857, IERC7857Metadata, IERC4906, ERC721Upgradeable {
    function approve(address to, uint256 tokenId) public override(ERC721Upgradeable, IERC721, IERC7857) {
        super.approve(to, tokenId);
    }

    function setApprovalForAll(address operator, bool approved) public override(ERC721Upgradeable, IERC721, IERC7857) {
        super.setApprovalForAll(operator, approved);
    }

    function ownerOf(uint256 tokenId) public view override(ERC721Upgradeable, IERC721, IERC7857) returns (address) {
        return super.ownerOf(tokenId);
    }

    function getApproved(uint256 tokenId) public view override(ERC721Upgradeable, IERC721, IERC7857) returns (address) {
        return super.getApproved(tokenId);
    }

    function isApprovedForAll(
        address owner,
        address operator
    ) public view override(ERC721Upgradeable, IERC721, IERC7857) returns (bool) {
        return super.isApprovedForAll(owner, operator);
    }

    function name() public view override(ERC721Upgradeable, IERC7857Metadata) returns (string memory) {
        return super.name();
    }

    function symbol() public view override(ERC721Upgradeable, IERC7857Metadata) returns (string memory) {
        return super.symbol();
    }

    function supportsInterface(
        bytes4 interfaceId
    ) public view virtual override(ERC721Upgradeable, IERC165) returns (bool) {
        return
            interfaceId == type(IERC7857).interfaceId || // 0xee5a526e
            interfaceId == type(IERC7857Metadata).interfaceId ||
            interfaceId == 0x49064906 || // ERC-4906 fixes this id: it declares events only
            super.supportsInterface(interfaceId);
    }
}
