// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {AccessManagedUpgradeable} from "@openzeppelin/contracts-upgradeable/access/manager/AccessManagedUpgradeable.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts-upgradeable/proxy/utils/UUPSUpgradeable.sol";

/// Addresses of every contract of one deployment. Set once, by `wire`; a change needs an upgrade, and so the upgrade delay.
struct Modules {
    address vault;
    address parameters;
    address stake;
    address institutions;
    address datasets;
    address consent;
    address inft;
    address versions;
    address verifiers;
    address proofVerifier;
    address rules;
    address campaigns;
    address rounds;
    address disputes;
    address sums;
    address settlement;
    address attestations;
    address transfers;
    address licenses;
    address compute;
    address receipts;
}

/// @title Module: what every upgradeable contract of the protocol shares: authority, upgrade authorisation, wiring.
/// @notice The authority is an OpenZeppelin AccessManager. Its admin may upgrade and wire; it can do nothing else here.
abstract contract Module is AccessManagedUpgradeable, UUPSUpgradeable {
    /// @custom:storage-location erc7201:mednexus.storage.Module
    struct ModuleStorage {
        Modules modules;
        bool wired;
    }

    // keccak256(abi.encode(uint256(keccak256("mednexus.storage.Module")) - 1)) & ~bytes32(uint256(0xff)); recomputed in a test
    bytes32 private constant MODULE_SLOT = 0xe59c57c0c450d0c812e437cb8b247ca3d16feb6ec44a85572df393b7e2634300;

    event Wired(Modules modules);

    error AlreadyWired();
    error OnlyModule(address caller);

    /// @custom:oz-upgrades-unsafe-allow constructor
    constructor() {
        _disableInitializers();
    }

    // solhint-disable-next-line func-name-mixedcase
    function __Module_init(address authority) internal onlyInitializing {
        __AccessManaged_init(authority);
    }

    /// Fixes the addresses of the deployment, once.
    function wire(Modules calldata modules_) external restricted {
        ModuleStorage storage $ = _moduleStorage();
        if ($.wired) revert AlreadyWired();
        $.wired = true;
        Modules storage to = $.modules;
        Modules memory words;
        bytes32 topic = Wired.selector;
        // Every member is an address with a word and a slot of its own: one loop here instead of code for each of them in every contract.
        assembly ("memory-safe") {
            let size := sub(mload(0x40), words) // just allocated
            calldatacopy(words, modules_, size)
            for {
                let i := 0
            } lt(i, size) {
                i := add(i, 0x20)
            } {
                let module := mload(add(words, i))
                if shr(160, module) {
                    revert(0, 0)
                }
                sstore(add(to.slot, shr(5, i)), module)
            }
            log1(words, size, topic)
        }
    }

    function modules() external view returns (Modules memory all) {
        Modules storage from = _moduleStorage().modules;
        assembly ("memory-safe") {
            let size := sub(mload(0x40), all) // just allocated
            for {
                let i := 0
            } lt(i, size) {
                i := add(i, 0x20)
            } {
                mstore(add(all, i), sload(add(from.slot, shr(5, i))))
            }
        }
    }

    function _modules() internal view returns (Modules storage) {
        return _moduleStorage().modules;
    }

    function _onlyModule(address module) internal view {
        if (msg.sender != module) revert OnlyModule(msg.sender);
    }

    /// Who may upgrade: the authority's role for this selector, with the upgrade delay as its execution and target-admin delay.
    function _authorizeUpgrade(address) internal override restricted {}

    function _moduleStorage() private pure returns (ModuleStorage storage $) {
        assembly {
            $.slot := MODULE_SLOT
        }
    }
}
