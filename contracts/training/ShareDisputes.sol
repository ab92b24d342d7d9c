// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {EIP712Upgradeable} from "@openzeppelin/contracts-upgradeable/utils/cryptography/EIP712Upgradeable.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {IRoundManager} from "../interfaces/IRoundManager.sol";
import {IShareDisputes} from "../interfaces/IShareDisputes.sol";
import {RoundId} from "../types/Ids.sol";
import {Prices} from "../types/Training.sol";
import {NodeSums} from "./NodeSums.sol";

/// @title ShareDisputes: complaints about shares, node sums, equivocation.
contract ShareDisputes is NodeSums, EIP712Upgradeable {
    bytes32 private constant SET_SIGNATURE = keccak256("SetSignature(uint64 round,bytes32 setHash)");
    bytes32 private constant OFFENCE_EQUIVOCATION = "equivocation";

    /// @param finalityBlocks blocks after the freeze block before a node may post its sum (and sign its set): the chain's depth of finality.
    function initialize(address authority, uint64 finalityBlocks) external initializer {
        __Module_init(authority);
        __EIP712_init("MedNexus", "1");
        __NodeSums_init(finalityBlocks);
    }

    /// @inheritdoc IShareDisputes
    function reportEquivocation(
        RoundId round,
        uint256 nodeIndex,
        bytes32 setHashA,
        bytes calldata signatureA,
        bytes32 setHashB,
        bytes calldata signatureB
    ) external {
        address node = _nodeAt(round, nodeIndex);
        RoundSums storage $ = _sums(round);
        if (
            setHashA == setHashB ||
            $.equivocated & _bit(nodeIndex) != 0 ||
            !_isBound($.sums[nodeIndex].digest != 0, round, node, setHashA, signatureA) ||
            !_isBound(false, round, node, setHashB, signatureB)
        ) revert NotEquivocation();
        $.equivocated |= _bit(nodeIndex);
        emit Equivocation(round, node, setHashA, setHashB);

        IRoundManager rounds = _rounds();
        Prices memory prices = _terms(rounds.get(round).campaign).prices;
        rounds.releaseNode(round, nodeIndex);
        bytes32 id = keccak256(abi.encode(OFFENCE_EQUIVOCATION, round, nodeIndex));
        _slash(round, node, prices.nodeLock, msg.sender, prices.complaintBond, 0, OFFENCE_EQUIVOCATION, id);
    }

    /// The node signed (round, setHash), or posted its sum over the frozen set and so bound itself by its own transaction (empty signature).
    /// A key's signature counts also where the account has code now (EIP-7702); ERC-1271 is asked otherwise.
    function _isBound(
        bool posted,
        RoundId round,
        address node,
        bytes32 setHash,
        bytes calldata signature
    ) private view returns (bool) {
        if (posted && signature.length == 0) return setHash == _rounds().frozenOf(round).setHash;
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(SET_SIGNATURE, round, setHash)));
        (address signer, ECDSA.RecoverError failure, ) = ECDSA.tryRecover(digest, signature);
        if (failure == ECDSA.RecoverError.NoError && signer == node) return true;
        return SignatureChecker.isValidERC1271SignatureNow(node, digest, signature);
    }
}
