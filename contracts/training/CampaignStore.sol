// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {ICampaignRegistry} from "../interfaces/ICampaignRegistry.sol";
import {CodeData} from "../libraries/CodeData.sol";
import {DatasetId} from "../types/Ids.sol";
import {CampaignTerms} from "../types/Training.sol";

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

/// The terms as they were opened.
function readTerms(CampaignData storage d) view returns (CampaignTerms memory) {
    uint256[] memory words = CodeData.load(d.termsData);
    bytes memory encoded;
    // The same memory, its length counted in bytes: abi.encode makes whole words.
    assembly ("memory-safe") {
        mstore(words, shl(5, mload(words)))
        encoded := words
    }
    return abi.decode(encoded, (CampaignTerms));
}
