// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

/// @title TypedData: EIP-712 under domain {name "MedNexus", version "1", chainId, verifyingContract: this}, signed by key or by ERC-1271.
library TypedData {
    bytes32 private constant DOMAIN_TYPE_HASH = keccak256(
        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    );
    /// A wallet's check needs no more; a hostile one cannot burn more.
    uint256 private constant CHECK_GAS = 200_000;

    /// `body`: the struct's hash. The domain is never cached, so a fork's chain id counts at once.
    function digest(bytes32 body) internal view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(DOMAIN_TYPE_HASH, keccak256("MedNexus"), keccak256("1"), block.chainid, address(this))
        );
        return MessageHashUtils.toTypedDataHash(domain, body);
    }

    /// The key comes first, so that an account with delegated code (EIP-7702) still signs by key. High s and malformed signatures fail (ECDSA).
    function isSignedBy(address owner, bytes32 hash, bytes calldata signature) internal view returns (bool) {
        (address signer, ECDSA.RecoverError failure, ) = ECDSA.tryRecoverCalldata(hash, signature);
        if (failure == ECDSA.RecoverError.NoError && signer == owner) return true;
        if (owner.code.length == 0) return false;
        bytes memory question = abi.encodeCall(IERC1271.isValidSignature, (hash, signature));
        bool ok;
        uint256 answer;
        // Only one word of what comes back is ever copied: a long answer costs its sender, not us.
        assembly ("memory-safe") {
            mstore(0, 0)
            ok := staticcall(CHECK_GAS, owner, add(question, 0x20), mload(question), 0, 0x20)
            ok := and(ok, gt(returndatasize(), 0x1f))
            answer := mload(0)
        }
        return ok && bytes32(answer) == bytes32(IERC1271.isValidSignature.selector);
    }
}
