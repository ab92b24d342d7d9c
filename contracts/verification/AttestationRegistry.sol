// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {P256} from "@openzeppelin/contracts/utils/cryptography/P256.sol";
import {Module} from "../access/Module.sol";
import {IAttestationRegistry} from "../interfaces/IAttestationRegistry.sol";
import {AttestorId} from "../types/Ids.sol";

/// @title AttestationRegistry: see IAttestationRegistry
contract AttestationRegistry is IAttestationRegistry, Module {
    /// @custom:storage-location erc7201:mednexus.storage.AttestationRegistry
    struct RegistryStorage {
        uint32 count;
        mapping(AttestorId => Attestor) attestors;
    }

    // keccak256(abi.encode(uint256(keccak256("mednexus.storage.AttestationRegistry")) - 1)) & ~bytes32(uint256(0xff)); recomputed in a test
    bytes32 private constant REGISTRY_SLOT = 0x406383c43f9a203e0c315fdd71750e5d63f051707fea67ed8cd9c5416d9ff700;

    /// Base field of secp256k1 (SEC 2, 2.4.1): y² = x³ + 7.
    uint256 private constant SECP256K1_P = 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f;

    /// `authority`: the AccessManager.
    function initialize(address authority) external initializer {
        __Module_init(authority);
    }

    /// @inheritdoc IAttestationRegistry
    function list(
        bytes32 kind,
        Algorithm algorithm,
        bytes32 x,
        bytes32 y,
        bytes32 evidenceHash
    ) external restricted returns (AttestorId attestor) {
        if (kind == 0) revert ZeroKind();
        if (!_onCurve(algorithm, x, y)) revert BadAttestorKey(algorithm, x, y);
        RegistryStorage storage $ = _registry();
        attestor = AttestorId.wrap(++$.count);
        $.attestors[attestor] = Attestor(kind, algorithm, false, uint64(block.timestamp), x, y);
        emit AttestorListed(attestor, kind, algorithm, x, y, evidenceHash);
    }

    /// @inheritdoc IAttestationRegistry
    function revoke(AttestorId attestor) external restricted {
        Attestor storage entry = _registry().attestors[attestor];
        if (entry.kind == 0) revert NoSuchAttestor(attestor);
        if (entry.revoked) revert AttestorIsRevoked(attestor);
        entry.revoked = true;
        emit AttestorRevoked(attestor, msg.sender);
    }

    /// @inheritdoc IAttestationRegistry
    function isValid(
        bytes32 kind,
        AttestorId attestor,
        bytes32 digest,
        bytes calldata signature
    ) external view returns (bool) {
        Attestor storage entry = _registry().attestors[attestor];
        if (kind == 0 || entry.kind != kind || entry.revoked) return false;
        (bytes32 x, bytes32 y) = (entry.x, entry.y);
        if (entry.algorithm == Algorithm.P256) {
            if (signature.length != 64) return false;
            return P256.verify(digest, bytes32(signature[:32]), bytes32(signature[32:]), x, y);
        }
        (address signer, ECDSA.RecoverError failure, ) = ECDSA.tryRecover(digest, signature);
        return
            failure == ECDSA.RecoverError.NoError && signer == address(uint160(uint256(keccak256(abi.encode(x, y)))));
    }

    /// @inheritdoc IAttestationRegistry
    function attestorOf(AttestorId attestor) external view returns (Attestor memory entry) {
        entry = _registry().attestors[attestor];
        if (entry.kind == 0) revert NoSuchAttestor(attestor);
    }

    function _onCurve(Algorithm algorithm, bytes32 x, bytes32 y) private pure returns (bool) {
        if (algorithm == Algorithm.P256) return P256.isValidPublicKey(x, y);
        if (algorithm != Algorithm.Secp256k1) return false;
        (uint256 x0, uint256 y0, uint256 p) = (uint256(x), uint256(y), SECP256K1_P);
        return x0 < p && y0 < p && mulmod(y0, y0, p) == addmod(mulmod(mulmod(x0, x0, p), x0, p), 7, p);
    }

    function _registry() private pure returns (RegistryStorage storage $) {
        assembly {
            $.slot := REGISTRY_SLOT
        }
    }
}
