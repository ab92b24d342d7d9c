// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {G1, SchnorrProof} from "../types/Curve.sol";

/// @title InstitutionRegistry: self-registration, share keys, attestations by admitters.
/// @notice Anybody registers; being registered means nothing until an admitter that a campaign names has attested. The governor lists admitters and admits nobody.
interface IInstitutionRegistry {
    struct Attestation {
        bytes32 groupId; // beneficial-owner group
        uint64 expiresAt; // unix seconds
        bool active;
    }

    event InstitutionRegistered(address indexed institution, G1 shareKey, string endpoint);
    event ShareKeyRotated(address indexed institution, G1 shareKey);
    event EndpointChanged(address indexed institution, string endpoint);
    event AdmitterListed(address indexed admitter, bool listed);
    event Attested(address indexed institution, address indexed admitter, bytes32 indexed groupId, uint64 expiresAt);
    event AttestationWithdrawn(address indexed institution, address indexed admitter);

    error AlreadyRegistered(address institution);
    error NotRegistered(address institution);
    error InvalidShareKey();
    error InvalidKeyProof();
    error NotAdmitter(address caller);
    error NotAttested(address institution);
    error AttestationExpired(address institution, uint64 expiresAt);
    error EndpointTooLong(uint256 length, uint256 limit);
    error ZeroGroup();

    /// `proof` shows knowledge of the secret key, ctx = keccak256(abi.encode(TAG("key"), chainId, registry, institution)). Endpoint <= 256 bytes.
    function register(G1 calldata shareKey, SchnorrProof calldata proof, string calldata endpoint) external;
    /// A rotated key serves rounds opened afterwards; rounds snapshot keys.
    function rotateShareKey(G1 calldata shareKey, SchnorrProof calldata proof) external;
    function setEndpoint(string calldata endpoint) external;
    function listAdmitter(address admitter, bool listed) external; // governor
    function attest(address institution, bytes32 groupId, uint64 expiresAt) external; // admitter
    function withdrawAttestation(address institution) external; // admitter

    function isRegistered(address institution) external view returns (bool);
    function shareKeyOf(address institution) external view returns (G1 memory);
    function endpointOf(address institution) external view returns (string memory);
    function attestationOf(address institution, address admitter) external view returns (Attestation memory);
    function isAdmitter(address admitter) external view returns (bool);
    /// Group of the first live attestation by one of `admitters` (still listed, not expired, active); reverts NotAttested otherwise.
    function requireAttested(address institution, address[] calldata admitters) external view returns (bytes32 groupId);
    /// Like requireAttested but returns zero instead of reverting.
    function groupOf(address institution, address[] calldata admitters) external view returns (bytes32 groupId);
}
