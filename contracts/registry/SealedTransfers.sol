// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Module} from "../access/Module.sol";
import {IAttestationRegistry} from "../interfaces/IAttestationRegistry.sol";
import {
    AccessProof,
    IERC7857DataVerifier,
    OracleType,
    OwnershipProof,
    TransferValidityProof,
    TransferValidityProofOutput
} from "../interfaces/IERC7857DataVerifier.sol";
import {IERC7857} from "../interfaces/IERC7857.sol";
import {IModelINFT} from "../interfaces/IModelINFT.sol";
import {IProofVerifier} from "../interfaces/IProofVerifier.sol";
import {ISealedTransfers, SealOrder} from "../interfaces/ISealedTransfers.sol";
import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";
import {Bn254} from "../libraries/Bn254.sol";
import {PublicKey, SealedKey, SealedKeys} from "../libraries/SealedKeys.sol";
import {TypedData} from "../libraries/TypedData.sol";
import {Proof} from "../types/Curve.sol";
import {AttestorId, VerifierId} from "../types/Ids.sol";

/// @title SealedTransfers: see ISealedTransfers
contract SealedTransfers is ISealedTransfers, Module {
    /// A proof's public part, decoded.
    struct Claim {
        SealOrder order;
        bytes32 oldDataHash;
        bytes32 newDataHash;
        SealedKey key;
        uint256 keyHash;
        PublicKey receiver;
    }

    bytes32 private constant REKEY = keccak256("rekey");
    bytes32 private constant RESEAL = keccak256("reseal");
    bytes32 private constant CONSENT_TYPE_HASH = keccak256(
        "SealedConsent(uint64 model,address from,address to,bool clone,uint64 sequence,uint64 deadline,bytes32 oldDataHash,bytes32 newDataHash,uint256 keyHash,uint256 keyX,uint256 keyY)"
    );
    bytes32 private constant ATTESTATION_TYPE_HASH = keccak256(
        "SealedAttestation(bytes32 consent,uint256 ex,uint256 ey,uint256 c)"
    );
    // Bytes; anything longer or shorter is refused, so that one meaning has one encoding.
    uint256 private constant ORDER_LENGTH = 6 * 32;
    uint256 private constant PUBLIC_KEY_LENGTH = 2 * 32;
    uint256 private constant SEALED_KEY_LENGTH = 4 * 32;
    uint256 private constant REKEY_PROOF_LENGTH = 9 * 32;

    /// `authority`: the AccessManager.
    function initialize(address authority) external initializer {
        __Module_init(authority);
    }

    /// @inheritdoc IERC7857DataVerifier
    function verifyTransferValidity(
        TransferValidityProof[] calldata proofs
    ) external view returns (TransferValidityProofOutput[] memory outputs) {
        outputs = new TransferValidityProofOutput[](proofs.length);
        for (uint256 i; i < proofs.length; ++i) outputs[i] = _verify(proofs[i].accessProof, proofs[i].ownershipProof);
    }

    /// @inheritdoc ISealedTransfers
    function consentDigest(
        SealOrder calldata order,
        bytes32 oldDataHash,
        bytes32 newDataHash,
        uint256 keyHash,
        uint256 keyX,
        uint256 keyY
    ) external view returns (bytes32) {
        return _consentDigest(order, oldDataHash, newDataHash, keyHash, PublicKey(keyX, keyY));
    }

    /// @inheritdoc ISealedTransfers
    function attestationDigest(bytes32 consent, uint256 ex, uint256 ey, uint256 c) external view returns (bytes32) {
        return _attestationDigest(consent, SealedKey(ex, ey, c));
    }

    /// @inheritdoc ISealedTransfers
    function requireSealable(uint256 keyHash, SealedKey memory key, PublicKey memory holder) public pure {
        Bn254.requireScalar(keyHash);
        SealedKeys.requireKey(holder);
        SealedKeys.requireSealed(key);
    }

    function _verify(
        AccessProof calldata access,
        OwnershipProof calldata ownership
    ) private view returns (TransferValidityProofOutput memory) {
        Claim memory claim = _decode(access, ownership);
        IModelINFT.Seal memory current = _requireCurrent(claim);
        bytes32 consent = _consentDigest(
            claim.order,
            claim.oldDataHash,
            claim.newDataHash,
            claim.keyHash,
            claim.receiver
        );
        address signer = _requireConsent(claim.order.to, consent, access.proof);
        if (ownership.oracleType == OracleType.ZKP) _requireRekeyed(claim, current, ownership.proof);
        else _requireAttested(claim, consent, ownership.proof);
        return
            TransferValidityProofOutput(
                claim.oldDataHash,
                claim.newDataHash,
                ownership.sealedKey,
                ownership.encryptedPubKey,
                access.encryptedPubKey,
                signer,
                access.nonce,
                ownership.nonce
            );
    }

    function _decode(
        AccessProof calldata access,
        OwnershipProof calldata ownership
    ) private pure returns (Claim memory claim) {
        if (
            access.nonce.length != ORDER_LENGTH ||
            access.encryptedPubKey.length != PUBLIC_KEY_LENGTH ||
            ownership.sealedKey.length != SEALED_KEY_LENGTH
        ) revert BadProofEncoding();
        if (
            access.oldDataHash != ownership.oldDataHash ||
            access.newDataHash != ownership.newDataHash ||
            keccak256(access.nonce) != keccak256(ownership.nonce) ||
            keccak256(access.encryptedPubKey) != keccak256(ownership.encryptedPubKey)
        ) revert ProofHalvesDiffer();
        claim.order = abi.decode(access.nonce, (SealOrder));
        (claim.oldDataHash, claim.newDataHash) = (access.oldDataHash, access.newDataHash);
        (claim.key, claim.keyHash) = abi.decode(ownership.sealedKey, (SealedKey, uint256));
        claim.receiver = abi.decode(access.encryptedPubKey, (PublicKey));
    }

    /// The order is live, and speaks of the seal that the token has now.
    function _requireCurrent(Claim memory claim) private view returns (IModelINFT.Seal memory current) {
        SealOrder memory order = claim.order;
        if (block.timestamp > order.deadline) revert OrderExpired(order.deadline);
        current = IModelINFT(_modules().inft).sealOf(order.model);
        if (current.sequence == 0) revert IModelINFT.NotSealed(order.model);
        if (order.sequence != current.sequence + 1) revert WrongSequence(order.model, current.sequence, order.sequence);
        if (claim.oldDataHash != current.dataHash) revert WrongData(current.dataHash, claim.oldDataHash);
        if (claim.newDataHash == 0) revert IModelINFT.ZeroHash();
    }

    /// The receiver itself or whom it delegated access to.
    function _requireConsent(
        address receiver,
        bytes32 digest,
        bytes calldata signature
    ) private view returns (address signer) {
        if (TypedData.isSignedBy(receiver, digest, signature)) return receiver;
        signer = IERC7857(_modules().inft).getDelegateAccess(receiver);
        if (signer == address(0) || !TypedData.isSignedBy(signer, digest, signature)) revert NoConsent(receiver);
    }

    /// ZKP: the same key, by the circuit. Data that nobody can show to be the same must be the same bytes.
    function _requireRekeyed(Claim memory claim, IModelINFT.Seal memory current, bytes calldata proof) private view {
        if (claim.newDataHash != claim.oldDataHash) revert WrongData(claim.oldDataHash, claim.newDataHash);
        if (claim.keyHash != current.keyHash) revert WrongKeyHash(current.keyHash, claim.keyHash);
        if (proof.length != REKEY_PROOF_LENGTH) revert BadProofEncoding();
        (VerifierId verifier, Proof memory groth16) = abi.decode(proof, (VerifierId, Proof));
        if (IVerifierRegistry(_modules().verifiers).infoOf(verifier).circuit != REKEY) revert NotRekeyVerifier();
        SealOrder memory order = claim.order;
        uint256[] memory inputs = SealedKeys.inputs(
            current.key,
            current.holder,
            current.binding,
            claim.key,
            claim.receiver,
            SealedKeys.binding(_modules().inft, order.model, order.to, order.sequence),
            claim.keyHash
        );
        if (!IProofVerifier(_modules().proofVerifier).verifyProof(verifier, inputs, groth16)) revert RekeyRejected();
    }

    /// TEE: whatever key and data a listed enclave vouches for, in the form in which the next owner can prove it over again.
    function _requireAttested(Claim memory claim, bytes32 consent, bytes calldata proof) private view {
        requireSealable(claim.keyHash, claim.key, claim.receiver);
        (AttestorId attestor, bytes memory signature) = abi.decode(proof, (AttestorId, bytes));
        bytes32 digest = _attestationDigest(consent, claim.key);
        if (!IAttestationRegistry(_modules().attestations).isValid(RESEAL, attestor, digest, signature))
            revert AttestationRejected();
    }

    function _consentDigest(
        SealOrder memory order,
        bytes32 oldDataHash,
        bytes32 newDataHash,
        uint256 keyHash,
        PublicKey memory receiver
    ) private view returns (bytes32) {
        return
            TypedData.digest(
                keccak256(abi.encode(CONSENT_TYPE_HASH, order, oldDataHash, newDataHash, keyHash, receiver))
            );
    }

    function _attestationDigest(bytes32 consent, SealedKey memory key) private view returns (bytes32) {
        return TypedData.digest(keccak256(abi.encode(ATTESTATION_TYPE_HASH, consent, key)));
    }
}
