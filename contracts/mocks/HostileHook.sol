// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {ILicenseHook} from "../interfaces/ILicenseHook.sol";
import {ILicenseMarket} from "../interfaces/ILicenseMarket.sol";
import {LicenseId, OfferId} from "../types/Ids.sol";

/// @title HostileHook: a seller's hook that answers wrongly, burns gas, returns a megabyte, or calls the market back.
contract HostileHook is ILicenseHook {
    enum Mode {
        WrongAnswer,
        BurnGas,
        ReturnBomb,
        Reenter
    }

    Mode public mode;

    constructor(Mode mode_) {
        mode = mode_;
    }

    function licenseBought(OfferId, LicenseId license, address, uint32) external returns (bytes4) {
        if (mode == Mode.WrongAnswer) return 0xffffffff;
        if (mode == Mode.Reenter) _reenter(license);
        return ILicenseHook.licenseBought.selector;
    }

    function licenseChanged(LicenseId license, Change) external {
        if (mode == Mode.BurnGas) while (true) {}
        if (mode == Mode.ReturnBomb) {
            assembly {
                revert(0, 1000000)
            }
        }
        if (mode == Mode.Reenter) _reenter(license);
    }

    function _reenter(LicenseId license) private {
        ILicenseMarket(msg.sender).collect(license);
        ILicenseMarket(msg.sender).close(license);
    }
}
