// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

// Names, order and types are those of ERC-7857 (final; ethereum/ERCs ERCS/erc-7857.md at commit fdec3cad9eb45eab17ac5835cbea42f27f3be5a1): selectors depend on them.

enum OracleType {
    TEE,
    ZKP
}

/// What the receiver, or the assistant to which it delegated access, signs: it can fetch the data, and this is the key that it wants.
struct AccessProof {
    bytes32 oldDataHash;
    bytes32 newDataHash;
    bytes nonce;
    bytes encryptedPubKey;
    bytes proof;
}

/// That the sealed key is the token's, sealed for the receiver.
struct OwnershipProof {
    OracleType oracleType;
    bytes32 oldDataHash;
    bytes32 newDataHash;
    bytes sealedKey;
    bytes encryptedPubKey;
    bytes nonce;
    bytes proof;
}

struct TransferValidityProof {
    AccessProof accessProof;
    OwnershipProof ownershipProof;
}

struct TransferValidityProofOutput {
    bytes32 oldDataHash;
    bytes32 newDataHash;
    bytes sealedKey;
    bytes encryptedPubKey;
    bytes wantedKey;
    address accessAssistant;
    bytes accessProofNonce;
    bytes ownershipProofNonce;
}

/// @title Data verification interface of ERC-7857.
interface IERC7857DataVerifier {
    /// Reverts unless every proof holds. What each field holds here: ISealedTransfers.
    function verifyTransferValidity(
        TransferValidityProof[] calldata proofs
    ) external returns (TransferValidityProofOutput[] memory);
}
