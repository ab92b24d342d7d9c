// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {TypedData} from "../libraries/TypedData.sol";
import {ModelId} from "../types/Ids.sol";

/// @title OwnerApproval: what a model owner signs to approve campaign terms (TypedData's domain).
library OwnerApproval {
    bytes32 private constant TYPE_HASH = keccak256(
        "CampaignApproval(uint64 model,bytes32 termsHash,address sponsor,uint256 nonce,uint64 deadline)"
    );

    function digest(
        ModelId model,
        bytes32 termsHash,
        address sponsor,
        uint256 nonce,
        uint64 deadline
    ) internal view returns (bytes32) {
        return TypedData.digest(keccak256(abi.encode(TYPE_HASH, model, termsHash, sponsor, nonce, deadline)));
    }
}
