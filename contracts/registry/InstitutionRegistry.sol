// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Module} from "../access/Module.sol";
import {IInstitutionRegistry} from "../interfaces/IInstitutionRegistry.sol";
import {Bn254} from "../libraries/Bn254.sol";
import {Transcript} from "../libraries/Transcript.sol";
import {G1, SchnorrProof} from "../types/Curve.sol";

/// @title InstitutionRegistry: see IInstitutionRegistry.
contract InstitutionRegistry is IInstitutionRegistry, Module {
    struct Institution {
        G1 shareKey; // y is 0 for nobody: no point of the curve has y = 0 (its order is odd)
        string endpoint;
    }

    /// @custom:storage-location erc7201:mednexus.storage.InstitutionRegistry
    struct RegistryStorage {
        mapping(address institution => Institution) institutions;
        mapping(address admitter => bool) admitters;
        mapping(address institution => mapping(address admitter => Attestation)) attestations;
    }

    /// Bytes: a URL, and a bound on what a registration can make every reader store.
    uint256 public constant MAX_ENDPOINT = 256;

    // keccak256(abi.encode(uint256(keccak256("mednexus.storage.InstitutionRegistry")) - 1)) & ~bytes32(uint256(0xff)); recomputed in a test
    bytes32 private constant REGISTRY_SLOT = 0x8268d4c53511f778c9901a51d3e6ffc68ffba574fd63cf66788e1cd1df3fc300;

    modifier onlyRegistered(address institution) {
        if (!isRegistered(institution)) revert NotRegistered(institution);
        _;
    }

    modifier onlyAdmitter() {
        if (!isAdmitter(msg.sender)) revert NotAdmitter(msg.sender);
        _;
    }

    function initialize(address authority) external initializer {
        __Module_init(authority);
    }

    // --- the institution

    /// @inheritdoc IInstitutionRegistry
    function register(G1 calldata shareKey, SchnorrProof calldata proof, string calldata endpoint) external {
        if (isRegistered(msg.sender)) revert AlreadyRegistered(msg.sender);
        _requireEndpoint(endpoint);
        _requireKey(shareKey, proof);
        Institution storage institution = _registry().institutions[msg.sender];
        institution.shareKey = shareKey;
        institution.endpoint = endpoint;
        emit InstitutionRegistered(msg.sender, shareKey, endpoint);
    }

    /// @inheritdoc IInstitutionRegistry
    function rotateShareKey(G1 calldata shareKey, SchnorrProof calldata proof) external onlyRegistered(msg.sender) {
        _requireKey(shareKey, proof);
        _registry().institutions[msg.sender].shareKey = shareKey;
        emit ShareKeyRotated(msg.sender, shareKey);
    }

    /// @inheritdoc IInstitutionRegistry
    function setEndpoint(string calldata endpoint) external onlyRegistered(msg.sender) {
        _requireEndpoint(endpoint);
        _registry().institutions[msg.sender].endpoint = endpoint;
        emit EndpointChanged(msg.sender, endpoint);
    }

    // --- governor and admitters

    /// @inheritdoc IInstitutionRegistry
    function listAdmitter(address admitter, bool listed) external restricted {
        _registry().admitters[admitter] = listed;
        emit AdmitterListed(admitter, listed);
    }

    /// @inheritdoc IInstitutionRegistry
    function attest(
        address institution,
        bytes32 groupId,
        uint64 expiresAt
    ) external onlyAdmitter onlyRegistered(institution) {
        if (groupId == 0) revert ZeroGroup();
        if (block.timestamp >= expiresAt) revert AttestationExpired(institution, expiresAt);
        _registry().attestations[institution][msg.sender] = Attestation(groupId, expiresAt, true);
        emit Attested(institution, msg.sender, groupId, expiresAt);
    }

    /// @inheritdoc IInstitutionRegistry
    /// @dev Open to an admitter that is no longer listed: withdrawing never does harm.
    function withdrawAttestation(address institution) external {
        RegistryStorage storage $ = _registry();
        if (!$.attestations[institution][msg.sender].active) revert NotAttested(institution);
        delete $.attestations[institution][msg.sender];
        emit AttestationWithdrawn(institution, msg.sender);
    }

    // --- views

    /// @inheritdoc IInstitutionRegistry
    function isRegistered(address institution) public view returns (bool) {
        return _registry().institutions[institution].shareKey.y != 0;
    }

    /// @inheritdoc IInstitutionRegistry
    function shareKeyOf(address institution) external view returns (G1 memory) {
        return _registry().institutions[institution].shareKey;
    }

    /// @inheritdoc IInstitutionRegistry
    function endpointOf(address institution) external view returns (string memory) {
        return _registry().institutions[institution].endpoint;
    }

    /// @inheritdoc IInstitutionRegistry
    function attestationOf(address institution, address admitter) external view returns (Attestation memory) {
        return _registry().attestations[institution][admitter];
    }

    /// @inheritdoc IInstitutionRegistry
    function isAdmitter(address admitter) public view returns (bool) {
        return _registry().admitters[admitter];
    }

    /// @inheritdoc IInstitutionRegistry
    function requireAttested(
        address institution,
        address[] calldata admitters
    ) external view returns (bytes32 groupId) {
        groupId = groupOf(institution, admitters);
        if (groupId == 0) revert NotAttested(institution);
    }

    /// @inheritdoc IInstitutionRegistry
    function groupOf(address institution, address[] calldata admitters) public view returns (bytes32 groupId) {
        RegistryStorage storage $ = _registry();
        mapping(address => Attestation) storage attestations = $.attestations[institution];
        for (uint256 i; i < admitters.length; ++i) {
            Attestation storage a = attestations[admitters[i]];
            // A withdrawn or missing attestation has expiresAt 0.
            if (block.timestamp < a.expiresAt && $.admitters[admitters[i]]) return a.groupId;
        }
    }

    // --- internals

    function _requireEndpoint(string calldata endpoint) private pure {
        uint256 length = bytes(endpoint).length;
        if (length > MAX_ENDPOINT) revert EndpointTooLong(length, MAX_ENDPOINT);
    }

    /// A key nobody can open would let a node complain about shares that it could never read, and a copied key would decrypt for its true owner:
    /// the caller proves that it knows the secret (Schnorr, bound to chain, registry and caller).
    function _requireKey(G1 calldata key, SchnorrProof calldata proof) private view {
        if (Bn254.isInfinity(key) || !Bn254.isG1(key.x, key.y)) revert InvalidShareKey();
        if (!Bn254.isG1(proof.r.x, proof.r.y) || proof.z >= Bn254.R) revert InvalidKeyProof();
        uint256 c = Transcript.schnorrChallenge(Transcript.keyContext(address(this), msg.sender), key, proof.r);
        G1 memory left = Bn254.mul(Bn254.g1(), proof.z);
        G1 memory right = Bn254.add(proof.r, Bn254.mul(key, c));
        if (!Bn254.isEqual(left, right)) revert InvalidKeyProof();
    }

    function _registry() private pure returns (RegistryStorage storage $) {
        assembly {
            $.slot := REGISTRY_SLOT
        }
    }
}
