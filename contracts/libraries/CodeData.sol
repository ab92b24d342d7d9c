// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

/// @title CodeData: words kept as a contract's code, because copying code costs far less than reading storage (idea: 0xsequence's SSTORE2).
library CodeData {
    error DataCreationFailed();

    /// Creates a contract whose code is a STOP byte, so that nothing in it can run, and then `data`. At most 24,575 bytes (EIP-170).
    function store(bytes memory data) internal returns (address at) {
        // Init code: return everything behind its own 11 bytes. PUSH1 11 MSIZE DUP2 CODESIZE SUB DUP1 SWAP3 MSIZE CODECOPY RETURN
        bytes memory code = abi.encodePacked(hex"600b5981380380925939f3", hex"00", data);
        assembly ("memory-safe") {
            at := create(0, add(code, 0x20), mload(code))
        }
        if (at == address(0)) revert DataCreationFailed();
    }

    /// The stored words; data whose length is no multiple of 32 loses its last bytes.
    function load(address at) internal view returns (uint256[] memory words) {
        words = new uint256[]((at.code.length - 1) / 32);
        assembly ("memory-safe") {
            extcodecopy(at, add(words, 0x20), 1, shl(5, mload(words)))
        }
    }
}
