// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

/// The cheatcodes of Hardhat's Solidity test runner that our tests use (the subset of Foundry's interface it implements).
interface Vm {
    function prank(address sender) external;
    function startPrank(address sender) external;
    function stopPrank() external;
    function warp(uint256 timestamp) external;
    function roll(uint256 blockNumber) external;
    function expectRevert() external;
    /// Any revert that begins with this selector, whatever its arguments.
    function expectPartialRevert(bytes4 selector) external;
    function expectRevert(bytes calldata data) external;
    function addr(uint256 privateKey) external pure returns (address);
    function sign(uint256 privateKey, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function getBlockTimestamp() external view returns (uint256);
    function getBlockNumber() external view returns (uint256);
    function assume(bool condition) external pure;
}

Vm constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
