// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

/// The cheatcodes of Hardhat's Solidity test runner that our tests use (the subset of Foundry's interface it implements).
interface Vm {
    function prank(address sender) external;
    function startPrank(address sender) external;
    function stopPrank() external;
    function warp(uint256 timestamp) external;
    function roll(uint256 blockNumber) external;
    function chainId(uint256 id) external;
    function expectRevert() external;
    /// Any revert that begins with this selector, whatever its arguments.
    function expectPartialRevert(bytes4 selector) external;
    function expectRevert(bytes calldata data) external;
    function addr(uint256 privateKey) external pure returns (address);
    function sign(uint256 privateKey, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function getBlockTimestamp() external view returns (uint256);
    function getBlockNumber() external view returns (uint256);
    /// The creation bytecode of the artifact `name` ("File.sol:Contract").
    function getCode(string calldata name) external view returns (bytes memory creationBytecode);
    function assume(bool condition) external pure;
    /// An environment variable, or `otherwise` where there is none.
    function envOr(string calldata name, string calldata otherwise) external view returns (string memory value);
}

Vm constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

/// What the runner asks an invariant test for: which functions of which contracts to call.
abstract contract Targets {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    FuzzSelector[] private _selectors;
    address[] private _contracts;

    function targetContracts() public view returns (address[] memory) {
        return _contracts;
    }

    function targetSelectors() public view returns (FuzzSelector[] memory) {
        return _selectors;
    }

    function _target(address handler, bytes4[] memory selectors) internal {
        _contracts.push(handler);
        _selectors.push(FuzzSelector(handler, selectors));
    }
}

/// `x` brought into [min, max]; values inside stay.
function bound(uint256 x, uint256 min, uint256 max) pure returns (uint256) {
    if (x >= min && x <= max) return x;
    unchecked {
        uint256 size = max - min + 1;
        return size == 0 ? x : min + (x % size); // size 0: the whole range of uint256
    }
}
