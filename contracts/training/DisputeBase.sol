// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Module} from "../access/Module.sol";
import {ICampaignRegistry} from "../interfaces/ICampaignRegistry.sol";
import {IRoundManager} from "../interfaces/IRoundManager.sol";
import {IStake} from "../interfaces/IStake.sol";
import {IVault} from "../interfaces/IVault.sol";
import {Bn254} from "../libraries/Bn254.sol";
import {Kzg} from "../libraries/Kzg.sol";
import {Purposes} from "../libraries/Purposes.sol";
import {Transcript} from "../libraries/Transcript.sol";
import {G1} from "../types/Curve.sol";
import {Prices, Windows} from "../types/Training.sol";
import {CampaignId, RoundId} from "../types/Ids.sol";

/// @title DisputeBase: what ShareDisputes and NodeSums share: bonds, slashes, points, chunk shapes.
/// @notice A bond lies in the vault under the contract's purpose with the dispute's id as party; whatever lies there goes to the winner.
abstract contract DisputeBase is Module {
    /// Now is after `until`, or before `from`.
    error WrongWindow(uint64 from, uint64 until);
    error NotNode(address caller, uint256 nodeIndex);
    error BadChunk(uint256 chunk);
    error ChunkOutOfOrder(uint256 given, uint256 expected);
    error BadOpening();

    struct Penalty {
        address party;
        uint256 amount; // taken from the party
        address harmed; // who disputed
        uint256 cost; // of the dispute to it, at most
        uint256 membersLoss; // what the round's members may lose by the offence, at most
        bytes32 offence;
        bytes32 id; // of the dispute
    }

    /// The vault purpose that holds this contract's bonds.
    function _purpose() internal pure virtual returns (bytes32);

    function _rounds() internal view returns (IRoundManager) {
        return IRoundManager(_modules().rounds);
    }

    function _prices(CampaignId campaign) internal view returns (Prices memory) {
        return ICampaignRegistry(_modules().campaigns).pricesOf(campaign);
    }

    function _windows(CampaignId campaign) internal view returns (Windows memory) {
        return ICampaignRegistry(_modules().campaigns).windowsOf(campaign);
    }

    function _token(CampaignId campaign) internal view returns (address) {
        return ICampaignRegistry(_modules().campaigns).get(campaign).token;
    }

    /// The caller's bond for dispute `id`.
    /// @dev Warning: calls the token. Write state before.
    function _pullBond(CampaignId campaign, bytes32 id) internal {
        uint256 bond = _prices(campaign).complaintBond;
        IVault(_modules().vault).deposit(_token(campaign), _purpose(), id, msg.sender, bond);
    }

    function _payBond(CampaignId campaign, bytes32 id, address winner) internal {
        address token = _token(campaign);
        IVault vault = IVault(_modules().vault);
        vault.credit(token, _purpose(), id, winner, vault.heldOf(token, _purpose(), id));
    }

    /// Of what is slashed and the treasury does not take, `harmed` gets up to `cost`. The rest of the compensation, up to
    /// `membersLoss`, waits under the round for its members. Since a fifth always goes to the treasury, slashing oneself through an accomplice loses money.
    /// @dev The lock was released just before, in the same transaction: it is free stake now, which a slash takes first.
    function _slash(RoundId round, Penalty memory p) internal {
        IStake stake = IStake(_modules().stake);
        IVault vault = IVault(_modules().vault);
        address token = stake.token();
        bytes32 account = bytes32(uint256(RoundId.unwrap(round)));
        // Members lose their pay once, however many nodes fail them.
        uint256 loss = Math.saturatingSub(p.membersLoss, vault.heldOf(token, Purposes.COMPENSATION, account));
        (, uint256 paid) = stake.slash(p.party, p.amount, p.cost + loss, p.offence, _purpose(), p.id);
        uint256 toHarmed = paid < p.cost ? paid : p.cost;
        vault.credit(token, _purpose(), p.id, p.harmed, toHarmed);
        vault.move(token, _purpose(), p.id, Purposes.COMPENSATION, account, paid - toHarmed);
    }

    /// The node at `nodeIndex` (0-based).
    function _nodeAt(RoundId round, uint256 nodeIndex) internal view returns (address) {
        (address[] memory nodes, ) = _rounds().committeeOf(round);
        if (nodeIndex >= nodes.length) revert NotNode(msg.sender, nodeIndex);
        return nodes[nodeIndex];
    }

    /// C + Σ_k s^k A_k by Horner's rule.
    function _atPoint(G1 memory c, G1[] memory a, uint256 s) internal view returns (G1 memory sum) {
        for (uint256 k = a.length; k != 0; --k) sum = Bn254.mul(Bn254.add(sum, a[k - 1]), s);
        sum = Bn254.add(sum, c);
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
