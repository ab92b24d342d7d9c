// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {ICampaignRegistry} from "../interfaces/ICampaignRegistry.sol";
import {CodeData} from "../libraries/CodeData.sol";
import {DatasetId} from "../types/Ids.sol";
import {CampaignTerms, Prices, Windows} from "../types/Training.sol";

struct Member {
    DatasetId dataset; // 0: not enrolled
    uint8 seat; // index in `members`
    bytes32 groupId;
}

struct CampaignData {
    ICampaignRegistry.Campaign campaign;
    address termsData; // code holding abi.encode(terms): immutable for good, and one copy reads all of it
    bytes32 termsHash;
    bytes32 sponsorGroup; // at opening; zero: unattested then
    bytes32 ownerGroup;
    address[] members;
    mapping(address institution => Member) member;
    mapping(bytes32 groupId => address institution) groupMember;
    mapping(address institution => address partner) agreedWith;
    address[] pool;
    mapping(address node => uint256) poolPlace; // index + 1
}

// Words of abi.encode(terms) before its two lists are static: each field has its place. A test compares them with the whole terms.
uint256 constant TERM_CAP = 13;
uint256 constant TERM_LAMBDA_F = 14;
uint256 constant TERM_NORM_BOUND = 15;
uint256 constant TERM_WINDOWS = 23;
uint256 constant TERM_RAMP = 32;
uint256 constant TERM_PRICES = 34;

/// One static field of the terms.
function readTerm(CampaignData storage d, uint256 place) view returns (uint256 word) {
    address data = d.termsData;
    // A STOP byte and the offset of the encoded tuple come first. 0x00 is scratch space.
    assembly ("memory-safe") {
        extcodecopy(data, 0x00, add(33, shl(5, place)), 0x20)
        word := mload(0x00)
    }
}

function readPrices(CampaignData storage d) view returns (Prices memory prices) {
    address data = d.termsData;
    uint256 from = 33 + 32 * TERM_PRICES;
    // Nine words, in memory as in the encoding.
    assembly ("memory-safe") {
        extcodecopy(data, prices, from, 0x120)
    }
}

function readWindows(CampaignData storage d) view returns (Windows memory windows) {
    address data = d.termsData;
    uint256 from = 33 + 32 * TERM_WINDOWS;
    // Eleven words, in memory as in the encoding.
    assembly ("memory-safe") {
        extcodecopy(data, windows, from, 0x160)
    }
}

/// The terms as they were opened, without a decoder: abi.encode of terms that Solidity had checked lays out every part as memory does, one behind the
/// other, so the struct in memory only has to point at them. Words of the encoding: offset of the struct, 17 plain members, purpose (6), windows (11),
/// prices (9), offsets of admitters and committee, then these two as length and items.
function readTerms(CampaignData storage d) view returns (CampaignTerms memory terms) {
    uint256[] memory words = CodeData.load(d.termsData);
    assembly ("memory-safe") {
        let at := add(words, 0x40) // behind the length of `words` and the offset
        mcopy(terms, at, 0x220)
        mstore(add(terms, 0x220), add(at, 0x220)) // purpose
        mstore(add(terms, 0x240), add(at, 0x2e0)) // windows
        mstore(add(terms, 0x260), add(at, 0x440)) // prices
        mstore(add(terms, 0x280), add(at, mload(add(at, 0x560)))) // admitters
        mstore(add(terms, 0x2a0), add(at, mload(add(at, 0x580)))) // committee
    }
}
