// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {AttestorId} from "../types/Ids.sol";

/// @title AttestationRegistry: public keys whose owners (trusted execution environments) may attest what no circuit proves yet.
/// @notice The governor lists a key for one kind of statement after looking at the enclave's own attestation; the guardian or the governor revokes it at once and for good.
/// Where a signature by such a key is accepted, the guarantee is that of the hardware and of whoever audited it, not of a proof: each caller says so.
/// @dev Warning: a key listed twice has two ids; revoking one leaves the other.
/// Ids are never reused. What a signature is bound to (chain, contract, deadline) is the caller's digest.
interface IAttestationRegistry {
    enum Algorithm {
        None,
        Secp256k1, // signature r ‖ s ‖ v, 65 bytes
        P256 // signature r ‖ s, 64 bytes (NIST FIPS 186-5; the precompile of RIP-7212 where the chain has it)
    }

    struct Attestor {
        bytes32 kind; // keccak256 of what the enclave attests: "reseal" (sealed transfers), "compute" (receipts)
        Algorithm algorithm;
        bool revoked;
        uint64 listedAt;
        bytes32 x; // affine public key, big-endian
        bytes32 y;
    }

    event AttestorListed(
        AttestorId indexed attestor,
        bytes32 indexed kind,
        Algorithm algorithm,
        bytes32 x,
        bytes32 y,
        bytes32 evidenceHash
    );
    event AttestorRevoked(AttestorId indexed attestor, address by);

    error NoSuchAttestor(AttestorId attestor);
    error AttestorIsRevoked(AttestorId attestor);
    error ZeroKind();
    /// Not an affine point of the algorithm's curve.
    error BadAttestorKey(Algorithm algorithm, bytes32 x, bytes32 y);

    /// Governor. `evidenceHash`: the quote and measurements on which it decided.
    function list(
        bytes32 kind,
        Algorithm algorithm,
        bytes32 x,
        bytes32 y,
        bytes32 evidenceHash
    ) external returns (AttestorId);
    /// Guardian or governor. Effective in the same block; signatures of this key are worth nothing any more, old ones included.
    function revoke(AttestorId attestor) external;

    /// True iff `signature` over `digest` is by this live key of this kind, with low s. False for everything else, unknown ids and malformed signatures included.
    function isValid(
        bytes32 kind,
        AttestorId attestor,
        bytes32 digest,
        bytes calldata signature
    ) external view returns (bool);
    function attestorOf(AttestorId attestor) external view returns (Attestor memory);
}
