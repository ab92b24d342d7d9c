// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {LicenseId, OfferId} from "../types/Ids.sol";

/// @title ILicenseHook: a seller's contract that decides who buys its offer and hears what becomes of the licences.
/// @notice Called by LicenseMarket only; check msg.sender. `licenseBought` may refuse by reverting, or by any answer but its own selector: then nothing was paid.
/// `licenseChanged` cannot refuse: it gets at most 100,000 gas and its failure is an event.
interface ILicenseHook {
    enum Change {
        Used,
        Closed
    }

    function licenseBought(OfferId offer, LicenseId license, address licensee, uint32 units) external returns (bytes4);
    function licenseChanged(LicenseId license, Change change) external;
}
