// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {ICampaignRegistry} from "../interfaces/ICampaignRegistry.sol";
import {DatasetId} from "../types/Ids.sol";
import {CampaignTerms} from "../types/Training.sol";

struct Member {
    DatasetId dataset; // 0: not enrolled
    uint8 seat; // index in `members`
    bytes32 groupId;
}

struct CampaignData {
    ICampaignRegistry.Campaign campaign;
    CampaignTerms terms;
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
