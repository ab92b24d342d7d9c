// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {vm} from "./Vm.sol";

/// Contracts of the build, deployed by the name of their artifact. A test that says `new X()` carries X's code in its own, so that the compiler assembles the whole
/// protocol once more for each such test; one that names it carries nothing.
function deploy(string memory name, bytes memory arguments) returns (address deployed) {
    bytes memory code = bytes.concat(vm.getCode(string.concat(name, ".sol:", name)), arguments);
    assembly ("memory-safe") {
        deployed := create(0, add(code, 32), mload(code))
        if iszero(deployed) {
            let reason := mload(0x40)
            returndatacopy(reason, 0, returndatasize())
            revert(reason, returndatasize())
        }
    }
}

/// The same behind an ERC-1967 proxy, initialized by a call with `data`.
function deployProxy(string memory name, bytes memory data) returns (address) {
    return deploy("ERC1967Proxy", abi.encode(deploy(name, ""), data));
}
