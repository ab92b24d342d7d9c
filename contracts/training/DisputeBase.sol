// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Module} from "../access/Module.sol";
import {ICampaignRegistry} from "../interfaces/ICampaignRegistry.sol";
import {IRoundManager} from "../interfaces/IRoundManager.sol";
import {IShareDisputes} from "../interfaces/IShareDisputes.sol";
import {IStake} from "../interfaces/IStake.sol";
import {IVault} from "../interfaces/IVault.sol";
import {Kzg} from "../libraries/Kzg.sol";
import {Purposes} from "../libraries/Purposes.sol";
import {Transcript} from "../libraries/Transcript.sol";
import {CampaignTerms} from "../types/Training.sol";
import {CampaignId, RoundId} from "../types/Ids.sol";

/// @title DisputeBase: what complaints and sums share: bonds, slashes, chunk shapes.
/// @notice A bond lies in the vault under purpose DISPUTE with the dispute's id as party; whatever lies there goes to the winner.
abstract contract DisputeBase is Module, IShareDisputes {
    function _rounds() internal view returns (IRoundManager) {
        return IRoundManager(_modules().rounds);
    }

    function _terms(CampaignId campaign) internal view returns (CampaignTerms memory) {
        return ICampaignRegistry(_modules().campaigns).termsOf(campaign);
    }

    function _token(CampaignId campaign) internal view returns (address) {
        return ICampaignRegistry(_modules().campaigns).get(campaign).token;
    }

    /// The caller's bond for dispute `id`.
    /// @dev Warning: calls the token. Write state before.
    function _pullBond(CampaignId campaign, bytes32 id) internal {
        uint256 bond = _terms(campaign).prices.complaintBond;
        IVault(_modules().vault).deposit(_token(campaign), Purposes.DISPUTE, id, msg.sender, bond);
    }

    function _payBond(CampaignId campaign, bytes32 id, address winner) internal {
        address token = _token(campaign);
        IVault vault = IVault(_modules().vault);
        vault.credit(token, Purposes.DISPUTE, id, winner, vault.heldOf(token, Purposes.DISPUTE, id));
    }

    /// Slashes `party`; of what the treasury does not take, `harmed` gets up to `cost`, what the dispute cost it. The rest of the compensation, up to
    /// `membersLoss`, waits under the round for its members. Since a fifth always goes to the treasury, slashing oneself through an accomplice loses money.
    /// @dev The lock was released just before, in the same transaction: it is free stake now, which a slash takes first.
    function _slash(
        RoundId round,
        address party,
        uint256 amount,
        address harmed,
        uint256 cost,
        uint256 membersLoss,
        bytes32 offence,
        bytes32 id
    ) internal {
        IStake stake = IStake(_modules().stake);
        IVault vault = IVault(_modules().vault);
        address token = stake.token();
        (, uint256 paid) = stake.slash(party, amount, cost + membersLoss, offence, Purposes.DISPUTE, id);
        uint256 toHarmed = paid < cost ? paid : cost;
        vault.credit(token, Purposes.DISPUTE, id, harmed, toHarmed);
        vault.move(
            token,
            Purposes.DISPUTE,
            id,
            Purposes.COMPENSATION,
            bytes32(uint256(RoundId.unwrap(round))),
            paid - toHarmed
        );
    }

    /// The node at `nodeIndex` (0-based).
    function _nodeAt(RoundId round, uint256 nodeIndex) internal view returns (address) {
        (address[] memory nodes, ) = _rounds().committeeOf(round);
        if (nodeIndex >= nodes.length) revert NotNode(msg.sender, nodeIndex);
        return nodes[nodeIndex];
    }

    /// Chunks of a vector of n + 4 words.
    function _chunkCount(uint256 n) internal pure returns (uint256) {
        return (n + Kzg.TAIL + Transcript.CHUNK_WORDS - 1) / Transcript.CHUNK_WORDS;
    }

    /// Bytes of chunk `index` of a vector of n + 4 words.
    function _chunkBytes(uint256 n, uint256 index) internal pure returns (uint256) {
        uint256 left = n + Kzg.TAIL - index * Transcript.CHUNK_WORDS;
        return 32 * (left < Transcript.CHUNK_WORDS ? left : Transcript.CHUNK_WORDS);
    }
}
