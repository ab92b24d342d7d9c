// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {IConsentRegistry} from "../interfaces/IConsentRegistry.sol";
import {DatasetId} from "../types/Ids.sol";
import {Purpose} from "../types/Training.sol";

/// Asks for consent inside a transaction, so that a test can order it against others in one block.
contract ConsentProbe {
    uint64 public epoch;

    function read(IConsentRegistry registry, DatasetId dataset, uint32 version, Purpose calldata purpose) external {
        epoch = registry.requireAllowed(dataset, version, purpose);
    }
}
