// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {IERC7857DataVerifier} from "./IERC7857DataVerifier.sol";
import {PublicKey, SealedKey} from "../libraries/SealedKeys.sol";
import {ModelId} from "../types/Ids.sol";

/// What one sealing is for. abi.encode of it is the `nonce` of both proofs, so that neither is good for anything else.
struct SealOrder {
    ModelId model;
    address from; // present owner
    address to;
    bool clone; // false: the token moves; true: another token is minted
    uint64 sequence; // of the new sealing: one more than the token's last
    uint64 deadline; // unix seconds; the last one at which it is valid
}

/// @title SealedTransfers: the data verifier of ModelINFT (ERC-7857): who may be given a sealed key, and that it is the right one. Keeps no state.
/// @notice Fields of a proof: `nonce` = abi.encode(SealOrder), equal in both halves. `encryptedPubKey` = abi.encode(PublicKey), the Baby Jubjub key that the receiver wants.
/// `sealedKey` = abi.encode(SealedKey, uint256 keyHash). `accessProof.proof` = signature over `consentDigest`. Then `ownershipProof.proof`:
/// ZKP: abi.encode(VerifierId, Proof) of the circuit `rekey`: the owner's sealed key and the new one hold the same key (SealedKeys). The data stay: newDataHash = oldDataHash.
/// TEE: abi.encode(AttestorId, bytes signature over `attestationDigest`) by a key that the governor lists for kind keccak256("reseal"). It may re-encrypt the data under a
/// fresh key; that this was done rightly rests on the hardware and on whoever audited it, not on a proof.
///
/// The receiver signs before it sees the sealed key, which is public once the transfer is sent: neither side can run off with the other's half.
/// @dev Neither branch shows that the data decrypt to a good model: that is for the buyer to judge before it signs. Both show that the receiver gets the key behind keyHash.
interface ISealedTransfers is IERC7857DataVerifier {
    error BadProofEncoding();
    /// Access proof and ownership proof speak of different data, keys or orders.
    error ProofHalvesDiffer();
    error OrderExpired(uint64 deadline);
    error WrongSequence(ModelId model, uint64 current, uint64 given);
    error WrongData(bytes32 current, bytes32 given);
    error WrongKeyHash(uint256 current, uint256 given);
    /// Neither the receiver nor its assistant signed what it is to receive.
    error NoConsent(address receiver);
    error NotRekeyVerifier();
    error RekeyRejected();
    error AttestationRejected();

    /// Reverts unless these words are of the form that `rekey` takes: canonical, and points of Baby Jubjub that are not of low order.
    function requireSealable(uint256 keyHash, SealedKey calldata key, PublicKey calldata holder) external pure;

    /// EIP-712 under domain {name "MedNexus", version "1", chainId, verifyingContract: this}:
    /// SealedConsent(uint64 model,address from,address to,bool clone,uint64 sequence,uint64 deadline,bytes32 oldDataHash,bytes32 newDataHash,uint256 keyHash,uint256 keyX,uint256 keyY)
    function consentDigest(
        SealOrder calldata order,
        bytes32 oldDataHash,
        bytes32 newDataHash,
        uint256 keyHash,
        uint256 keyX,
        uint256 keyY
    ) external view returns (bytes32);
    /// EIP-712, same domain: SealedAttestation(bytes32 consent,uint256 ex,uint256 ey,uint256 c) with `consent` = consentDigest.
    function attestationDigest(bytes32 consent, uint256 ex, uint256 ey, uint256 c) external view returns (bytes32);
}
