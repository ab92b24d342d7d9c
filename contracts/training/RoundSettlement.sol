// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Module} from "../access/Module.sol";
import {ICampaignRegistry} from "../interfaces/ICampaignRegistry.sol";
import {IModelINFT} from "../interfaces/IModelINFT.sol";
import {IModelVersions} from "../interfaces/IModelVersions.sol";
import {INodeSums} from "../interfaces/INodeSums.sol";
import {IProofVerifier} from "../interfaces/IProofVerifier.sol";
import {IProtocolParameters} from "../interfaces/IProtocolParameters.sol";
import {IRoundManager} from "../interfaces/IRoundManager.sol";
import {IRoundSettlement} from "../interfaces/IRoundSettlement.sol";
import {IStake} from "../interfaces/IStake.sol";
import {ITrainingRules} from "../interfaces/ITrainingRules.sol";
import {IVault} from "../interfaces/IVault.sol";
import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";
import {Bn254} from "../libraries/Bn254.sol";
import {Purposes} from "../libraries/Purposes.sol";
import {RoundMoney} from "../libraries/RoundMoney.sol";
import {Transcript} from "../libraries/Transcript.sol";
import {G1} from "../types/Curve.sol";
import {CampaignId, RoundId} from "../types/Ids.sol";
import {Prices, RoundKind, RoundState, Windows} from "../types/Training.sol";

/// @title RoundSettlement: finalize, fail, close, claim.
/// @notice A round's account (vault purpose ROUND) holds what the campaign reserved. Each thing owed is claimed once by its key, and what its party has no
/// right to (an excluded member's show-up fee, the share of a node whose sum does not stand, dust) goes to the sponsor by the same claim. What no claim covers
/// (the unused ramp, what does not divide among the nodes) goes to the sponsor with the fees, or back to the campaign's escrow at once if the round failed.
/// After all claims the account is empty, to the wei (P4).
/// Every state has an exit that anybody may take (P9):
///   Open    undrawn past windows.draw, or a verifier retired                                    → `fail`
///   Commit  past commitUntil: IRoundManager.endCommit, or with too few submissions or a retired verifier → `fail`
///   Share   complaints end by their fixed deadlines; then IRoundManager.freeze; unfrozen too long or a verifier retired → `fail`
///   Frozen  past windows.sums with fewer than t+1 sums standing and no demand open (each ends within windows.answer) → `fail`
///   Summed  `finalize`, or `completeStatistics`; aggregate verifier retired, or past windows.close → `closeUnproven`. Members and nodes claim before that, as
///           soon as the sums are final: neither sponsor nor prover can hold back what they earned.
///   Finalized, Closed, FailedEarly, FailedSums: claims only.
contract RoundSettlement is Module, IRoundSettlement {
    struct Account {
        uint128 paid; // of what the round owes members and nodes
        uint8 tips; // paid before the round's end
        bool feesClaimed;
        uint128 shared; // of the pool that members share by records
        uint128 compensation; // that pool, if sums were missing
        // bitmaps
        uint256 memberClaims; // over submissions
        uint256 nodeClaims; // over nodes
    }

    /// @custom:storage-location erc7201:mednexus.storage.RoundSettlement
    struct SettlementStorage {
        mapping(RoundId => Account) accounts;
    }

    // keccak256(abi.encode(uint256(keccak256("mednexus.storage.RoundSettlement")) - 1)) & ~bytes32(uint256(0xff)); recomputed in a test
    bytes32 private constant SLOT = 0x24aa9d210618f5afb8162c8c19acd571116fc6e45cbb8ff0920bd4412d37dc00;

    bytes32 private constant ROLE_MEMBER = "member";
    bytes32 private constant ROLE_NODE = "node";
    bytes32 private constant ROLE_FEES = "fees";
    bytes32 private constant OFFENCE_SUM = "sum";

    function initialize(address authority) external initializer {
        __Module_init(authority);
    }

    // --- ends

    /// @inheritdoc IRoundSettlement
    function finalize(Finalization calldata f) external {
        if (f.payee == address(0)) revert ZeroPayee();
        IRoundManager.Round memory r = _rounds().get(f.round);
        if (r.state != RoundState.Summed || r.kind != RoundKind.Training) revert WrongState(f.round);
        IRoundManager.Frozen memory set = _rounds().frozenOf(f.round);
        // Whatever these two calls write goes with a revert.
        _rounds().setState(f.round, RoundState.Finalized);
        ICampaignRegistry.Settling memory s = _campaigns().roundOver(r.campaign, f.round);
        // The zero model's commitment is infinity, which the precompile adds like any point.
        G1 memory next = Bn254.add(r.base, Bn254.mul(set.cAgg, set.lambda));
        _requireProof(f, r, set, next);

        uint256 fee = _proverFee(set.summedAt, s.ramp, s.prices);
        _append(f, r, set.consentSetHash, next, s.growth, fee);
        // The tip too goes to the payee: whoever copies a proof and sends it first has earned nothing.
        uint256 tip = s.prices.tip;
        emit TipPaid(f.round, f.payee, "finalize", tip);
        _credit(s.token, f.round, f.payee, fee + tip);
    }

    /// @inheritdoc IRoundSettlement
    function completeStatistics(RoundId round) external {
        IRoundManager.Round memory r = _rounds().get(round);
        if (r.state != RoundState.Summed || r.kind != RoundKind.Statistics) revert WrongState(round);
        _requireFinalSums(round);
        _rounds().setState(round, RoundState.Closed);
        emit StatisticsCompleted(round);
        ICampaignRegistry.Settling memory s = _campaigns().roundOver(r.campaign, round);
        emit TipPaid(round, msg.sender, "finalize", s.prices.tip);
        _credit(s.token, round, msg.sender, s.prices.tip);
    }

    /// @inheritdoc IRoundSettlement
    function closeUnproven(RoundId round) external {
        IRoundManager.Round memory r = _rounds().get(round);
        if (r.state != RoundState.Summed || r.kind != RoundKind.Training) revert WrongState(round);
        _requireFinalSums(round);
        bool retired = !IVerifierRegistry(_modules().verifiers).isLive(r.aggregateVerifier);
        uint256 closeAt = uint256(_rounds().frozenOf(round).summedAt) + _windows(r.campaign).close;
        if (!retired && block.timestamp <= closeAt) revert TooEarly(closeAt);
        _rounds().setState(round, RoundState.Closed);
        emit RoundClosedUnproven(round, retired);
        _campaigns().roundOver(r.campaign, round);
    }

    /// @inheritdoc IRoundSettlement
    function fail(RoundId round) external {
        IRoundManager rounds = _rounds();
        IRoundManager.Round memory r = rounds.get(round);
        if (r.state < RoundState.Frozen) {
            bytes32 reason = ITrainingRules(_modules().rules).deadReason(round);
            if (reason == 0) revert StillAlive(round);
            // Complaints are decided by their own deadlines, and a member found at fault is not blameless.
            if (r.openComplaints != 0) revert IRoundManager.ComplaintsOpen(r.openComplaints);
            rounds.setState(round, RoundState.FailedEarly);
            emit RoundFailed(round, false, reason);
            ICampaignRegistry.Settling memory s = _campaigns().roundOver(r.campaign, round);
            _giveBack(round, r.campaign, s.token, uint256(s.prices.showUpFee) * r.verified);
        } else if (r.state == RoundState.Frozen) {
            uint256 until = uint256(r.frozenAt) + _windows(r.campaign).sums;
            if (block.timestamp <= until) revert TooEarly(until);
            uint256 open = _sums().openDemands(round);
            if (open != 0) revert DemandsOpen(open);
            rounds.setState(round, RoundState.FailedSums);
            emit RoundFailed(round, true, "sums");
            ICampaignRegistry.Settling memory s = _campaigns().roundOver(r.campaign, round);
            _slashMissing(round, s.prices);
            _giveBack(round, r.campaign, s.token, 0);
        } else {
            revert WrongState(round);
        }
    }

    // --- claims

    /// @inheritdoc IRoundSettlement
    function claimMember(RoundId round, bytes32 memberKey) external {
        IRoundManager rounds = _rounds();
        IRoundManager.Update memory update = rounds.updateOf(memberKey);
        if (!(update.round == round)) revert NotMember(round, update.institution);
        Account storage account = _account(round);
        uint256 bit = 1 << update.index;
        if (account.memberClaims & bit != 0) revert NothingToClaim(round, update.institution, ROLE_MEMBER);
        account.memberClaims |= bit;

        IRoundManager.Round memory r = rounds.get(round);
        rounds.releaseBond(round, memberKey);
        if (r.state == RoundState.FailedEarly) {
            if (update.verified) _payShowUp(round, r.campaign, update);
            return;
        }
        if (r.state == RoundState.Summed) _requireFinalSums(round);
        else if (r.state < RoundState.Summed) revert WrongState(round);
        IRoundManager.Frozen memory frozen = rounds.frozenOf(round);
        if (frozen.included & bit != 0) _payShare(round, r, frozen, update);
    }

    /// @inheritdoc IRoundSettlement
    function claimNode(RoundId round, uint256 nodeIndex) external {
        IRoundManager rounds = _rounds();
        (address[] memory nodes, ) = rounds.committeeOf(round);
        if (nodeIndex >= nodes.length) revert NotNode(round, msg.sender);
        address node = nodes[nodeIndex];
        Account storage account = _account(round);
        uint256 bit = 1 << nodeIndex;
        if (account.nodeClaims & bit != 0) revert NothingToClaim(round, node, ROLE_NODE);
        account.nodeClaims |= bit;

        IRoundManager.Round memory r = rounds.get(round);
        rounds.releaseNode(round, nodeIndex);
        if (r.state == RoundState.FailedEarly || r.state == RoundState.FailedSums) return;
        _requireFinalSums(round);
        ICampaignRegistry.Campaign memory c = _campaign(r.campaign);
        uint256 share = _prices(r.campaign).committeePool / nodes.length;
        account.paid += uint128(share); // <= committeePool in all
        _pay(c.token, round, _sums().earning(round) & bit != 0 ? node : c.sponsor, ROLE_NODE, share);
    }

    /// @inheritdoc IRoundSettlement
    function claimFees(RoundId round) external {
        IRoundManager.Round memory r = _rounds().get(round);
        if (r.state != RoundState.Finalized && r.state != RoundState.Closed) revert WrongState(round);
        Account storage account = _account(round);
        if (account.feesClaimed) revert NothingToClaim(round, msg.sender, ROLE_FEES);
        account.feesClaimed = true;

        ICampaignRegistry.Campaign memory c = _campaign(r.campaign);
        Prices memory p = _prices(r.campaign);
        uint256 protocolFee = RoundMoney.protocolFee(p, r.kind, c.protocolFeeBps);
        uint256 royalty = RoundMoney.reservedRoyalty(p, r.kind, c.protocolFeeBps, c.roundCost);
        address treasury = IProtocolParameters(_modules().parameters).treasury();
        _pay(c.token, round, treasury, ROLE_FEES, protocolFee);
        if (royalty != 0) _payRoyalty(round, r, c.token, royalty);
        _returnRest(round, r, c, p);
        // The round came to its sums after all: what faulted nodes were slashed for its members is nobody's loss.
        address stakeToken = IStake(_modules().stake).token();
        uint256 unneeded = _vault().heldOf(stakeToken, Purposes.COMPENSATION, _party(round));
        if (unneeded != 0) _vault().credit(stakeToken, Purposes.COMPENSATION, _party(round), treasury, unneeded);
    }

    /// @inheritdoc IRoundSettlement
    function payTip(RoundId round, address keeper, bytes32 action) external {
        _onlyModule(_modules().rounds);
        Account storage account = _account(round);
        // The last of the prepaid tips is for the round's end, whatever the caller says.
        if (account.tips == RoundMoney.TIPS - 1) return;
        ++account.tips;
        CampaignId campaign = _rounds().get(round).campaign;
        uint256 amount = _prices(campaign).tip;
        emit TipPaid(round, keeper, action, amount);
        _credit(_campaign(campaign).token, round, keeper, amount);
    }

    /// @inheritdoc IRoundSettlement
    function proverFeeNow(RoundId round) external view returns (uint256) {
        CampaignId campaign = _rounds().get(round).campaign;
        return _proverFee(_rounds().frozenOf(round).summedAt, _windows(campaign).ramp, _prices(campaign));
    }

    // --- inside: proof and version

    function _requireProof(
        Finalization calldata f,
        IRoundManager.Round memory r,
        IRoundManager.Frozen memory set,
        G1 memory next
    ) private view {
        bytes32 ctxM = Transcript.aggregateContext(
            Transcript.AggregateContext({
                chainId: block.chainid,
                roundSettlement: address(this),
                campaign: r.campaign,
                round: f.round,
                model: r.model,
                base: r.base,
                setHash: set.setHash,
                lambda: set.lambda,
                keyHash: r.aggregateKeyHash,
                srsHash: r.srsHash,
                n: r.n,
                payee: f.payee,
                storageRoot: f.storageRoot,
                artefactRoot: f.artefactRoot
            })
        );
        uint256 point = Transcript.aggregateChallenge(ctxM, next, f.h);
        bytes memory statement = abi.encode(f.proof, next, f.w, [f.h, point, f.y]);
        if (!IProofVerifier(_modules().proofVerifier).verify(r.aggregateVerifier, statement))
            revert AggregateRejected();
    }

    /// Reverts StaleBase unless the round's base is still the model's latest version.
    function _append(
        Finalization calldata f,
        IRoundManager.Round memory r,
        bytes32 consentSetHash,
        G1 memory next,
        uint64 growth,
        uint256 fee
    ) private {
        uint32 version = IModelVersions(_modules().versions).append(
            r.model,
            r.campaign,
            r.baseVersion,
            f.round,
            next,
            f.h,
            f.storageRoot,
            f.artefactRoot,
            consentSetHash,
            growth
        );
        emit RoundFinalized(f.round, r.campaign, r.model, version, f.payee, fee, next, f.h);
    }

    // --- inside: money

    /// Minimum to maximum, linearly over windows.ramp from the (t+1)-th sum; 0 while sums are missing.
    function _proverFee(uint256 summedAt, uint256 ramp, Prices memory p) private view returns (uint256) {
        if (summedAt == 0) return 0;
        uint256 elapsed = block.timestamp - summedAt;
        if (elapsed >= ramp) return p.proverFeeMax;
        return p.proverFeeMin + (uint256(p.proverFeeMax - p.proverFeeMin) * elapsed) / ramp;
    }

    /// All that members and nodes have no claim to any more goes to the sponsor.
    function _returnRest(
        RoundId round,
        IRoundManager.Round memory r,
        ICampaignRegistry.Campaign memory c,
        Prices memory p
    ) private {
        uint256 owed = p.dataPool + (p.committeePool / r.nodes) * r.nodes - _account(round).paid;
        uint256 rest = _vault().heldOf(c.token, Purposes.ROUND, _party(round)) - owed;
        emit SponsorRefunded(round, r.campaign, rest);
        _credit(c.token, round, c.sponsor, rest);
    }

    /// All but `owed` goes back to the campaign's escrow.
    function _giveBack(RoundId round, CampaignId campaign, address token, uint256 owed) private {
        IVault vault = _vault();
        uint256 rest = vault.heldOf(token, Purposes.ROUND, _party(round)) - owed;
        emit SponsorRefunded(round, campaign, rest);
        bytes32 escrow = bytes32(uint256(CampaignId.unwrap(campaign)));
        vault.move(token, Purposes.ROUND, _party(round), Purposes.CAMPAIGN, escrow, rest);
    }

    /// Nodes that posted nothing: slashed for the members, who lose the data pool at most.
    function _slashMissing(RoundId round, Prices memory p) private {
        (, uint256 standing, ) = _sums().sumsStanding(round);
        uint256 spared = standing | _sums().faultedNodes(round); // the faulted have been slashed
        address stakeToken = IStake(_modules().stake).token();
        uint256 collected = _vault().heldOf(stakeToken, Purposes.COMPENSATION, _party(round));
        (address[] memory nodes, ) = _rounds().committeeOf(round);
        for (uint256 i; i < nodes.length; ++i) {
            if (spared & (1 << i) != 0) continue;
            _rounds().releaseNode(round, i);
            collected += _slash(round, nodes[i], p.nodeLock, collected < p.dataPool ? p.dataPool - collected : 0);
        }
        _account(round).compensation = uint128(collected); // sums of stake amounts, each below 2^96
    }

    function _slash(RoundId round, address node, uint256 amount, uint256 loss) private returns (uint256 paid) {
        IStake stake = IStake(_modules().stake);
        (, paid) = stake.slash(node, amount, loss, OFFENCE_SUM, Purposes.COMPENSATION, _party(round));
    }

    function _payShowUp(RoundId round, CampaignId campaign, IRoundManager.Update memory update) private {
        ICampaignRegistry.Campaign memory c = _campaign(campaign);
        address to = update.excluded ? c.sponsor : update.institution;
        _pay(c.token, round, to, ROLE_MEMBER, _prices(campaign).showUpFee);
    }

    /// From the data pool, or from the compensation if sums are missing.
    function _payShare(
        RoundId round,
        IRoundManager.Round memory r,
        IRoundManager.Frozen memory frozen,
        IRoundManager.Update memory update
    ) private {
        Account storage account = _account(round);
        ICampaignRegistry.Campaign memory c = _campaign(r.campaign);
        if (r.state == RoundState.FailedSums) {
            (uint256 part, uint256 rest) = _share(account, frozen, account.compensation, update.records);
            address stakeToken = IStake(_modules().stake).token();
            emit Claimed(round, update.institution, ROLE_MEMBER, stakeToken, part);
            _vault().credit(stakeToken, Purposes.COMPENSATION, _party(round), update.institution, part);
            _vault().credit(stakeToken, Purposes.COMPENSATION, _party(round), c.sponsor, rest);
            return;
        }
        (uint256 share, uint256 dust) = _share(account, frozen, _prices(r.campaign).dataPool, update.records);
        account.paid += uint128(share + dust); // <= dataPool in all
        _pay(c.token, round, update.institution, ROLE_MEMBER, share);
        _credit(c.token, round, c.sponsor, dust);
    }

    /// n̂_i/Σn̂ of `pool`, rounded down; `dust`, for the sponsor, is what rounding left when the last included member claims.
    function _share(
        Account storage account,
        IRoundManager.Frozen memory frozen,
        uint256 pool,
        uint256 records
    ) private returns (uint256 share, uint256 dust) {
        share = (pool * records) / frozen.totalRecords;
        uint256 shared = account.shared + share;
        account.shared = uint128(shared); // <= pool
        if (account.memberClaims & frozen.included == frozen.included) dust = pool - shared;
    }

    /// By the split that the model fixed when it was minted; what rounding leaves goes to its first payee.
    function _payRoyalty(RoundId round, IRoundManager.Round memory r, address token, uint256 royalty) private {
        IModelINFT.Payee[] memory split = IModelINFT(_modules().inft).splitOf(r.model);
        uint256 left = royalty;
        for (uint256 i = split.length; i > 1; --i) {
            uint256 part = (royalty * split[i - 1].bps) / RoundMoney.BPS;
            left -= part;
            _pay(token, round, split[i - 1].account, ROLE_FEES, part);
        }
        _pay(token, round, split[0].account, ROLE_FEES, left);
    }

    function _pay(address token, RoundId round, address to, bytes32 role, uint256 amount) private {
        emit Claimed(round, to, role, token, amount);
        _credit(token, round, to, amount);
    }

    /// To the owner's credit in the vault: no payee is ever called, none can block another.
    function _credit(address token, RoundId round, address to, uint256 amount) private {
        _vault().credit(token, Purposes.ROUND, _party(round), to, amount);
    }

    // --- inside: reads

    function _requireFinalSums(RoundId round) private view {
        if (!_sums().sumsFinal(round)) revert SumsNotFinal(round);
    }

    function _rounds() private view returns (IRoundManager) {
        return IRoundManager(_modules().rounds);
    }

    function _sums() private view returns (INodeSums) {
        return INodeSums(_modules().sums);
    }

    function _vault() private view returns (IVault) {
        return IVault(_modules().vault);
    }

    function _campaigns() private view returns (ICampaignRegistry) {
        return ICampaignRegistry(_modules().campaigns);
    }

    function _campaign(CampaignId campaign) private view returns (ICampaignRegistry.Campaign memory) {
        return _campaigns().get(campaign);
    }

    function _prices(CampaignId campaign) private view returns (Prices memory) {
        return _campaigns().pricesOf(campaign);
    }

    function _windows(CampaignId campaign) private view returns (Windows memory) {
        return _campaigns().windowsOf(campaign);
    }

    function _party(RoundId round) private pure returns (bytes32) {
        return bytes32(uint256(RoundId.unwrap(round)));
    }

    function _account(RoundId round) private view returns (Account storage) {
        return _storage().accounts[round];
    }

    function _storage() private pure returns (SettlementStorage storage $) {
        assembly {
            $.slot := SLOT
        }
    }
}
