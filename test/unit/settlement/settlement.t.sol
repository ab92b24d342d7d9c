// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {IRoundManager} from "../../../contracts/interfaces/IRoundManager.sol";
import {IRoundSettlement} from "../../../contracts/interfaces/IRoundSettlement.sol";
import {Bn254} from "../../../contracts/libraries/Bn254.sol";
import {Purposes} from "../../../contracts/libraries/Purposes.sol";
import {G1} from "../../../contracts/types/Curve.sol";
import {CampaignId} from "../../../contracts/types/Ids.sol";
import {RoundKind, RoundState} from "../../../contracts/types/Training.sol";
import {RoundMoves} from "../../invariant/rounds/RoundMoves.sol";
import {vm} from "../../utils/Vm.sol";

/// How rounds end and what is paid, through the whole system. Prices: RoundSystem._prices; base 1,450,004; royalty 5 %, protocol fee 2.5 %.
contract SettlementTest is RoundMoves {
    uint256 private constant DATA = 1_000_003;
    uint256 private constant NODE_SHARE = 100_000; // of 300,001
    uint256 private constant ROYALTY = 72_500;
    uint256 private constant PROTOCOL = 36_250;
    uint256 private constant TIP = 1_009;
    uint256 private cost;
    uint256 private escrow;

    function setUp() public {
        _deploy(2);
        cost = campaigns.get(campaign).roundCost;
        escrow = _escrow();
    }

    function _escrow() private view returns (uint256) {
        return vault.heldOf(address(token), Purposes.CAMPAIGN, bytes32(uint256(CampaignId.unwrap(campaign))));
    }

    function _assertMembersPaid() private view {
        uint256 paid;
        uint256 total;
        for (uint256 i; i < MEMBERS; ++i) total += rounds.updateOf(_keyOf(members[i])).records;
        for (uint256 i; i < MEMBERS; ++i) {
            uint256 records = rounds.updateOf(_keyOf(members[i])).records;
            require(_credit(members[i]) == (DATA * records) / total, "P4: share by records");
            paid += _credit(members[i]);
        }
        require(_credit(SPONSOR) == DATA - paid + 1, "P4: dust, and what does not divide, to the sponsor, once");
    }

    function test_finalizedRoundPaysEverybody() public {
        _toSummed();
        _pass(250);
        uint256 fee = settlement.proverFeeNow(round);
        require(fee == 75_000, "a quarter of the ramp");
        _finalize();
        require(_credit(PROVER) == fee + TIP, "prover paid at once");
        require(_credit(KEEPER) == 2 * TIP, "two tips"); // KEEPER sent the finalization too
        vm.expectPartialRevert(IRoundSettlement.SumsNotFinal.selector);
        settlement.claimNode(round, 0);
        _pass(301);
        _claimEverything();
        _assertSettled();
        require(_credit(TREASURY) == PROTOCOL, "protocol fee");
        require(_credit(CREATOR) + _credit(COAUTHOR) == ROYALTY, "royalty");
        require(_credit(COAUTHOR) == (ROYALTY * 3_333) / 10_000, "split");
        require(_credit(nodes[0]) == NODE_SHARE && _credit(nodes[1]) == NODE_SHARE, "nodes");
        // The third node posted nothing: its share is the sponsor's, beside the dust of the members' shares.
        uint256 paid;
        for (uint256 i; i < MEMBERS; ++i) paid += _credit(members[i]);
        // With the fees: the unused ramp and what does not divide among the nodes.
        require(_credit(SPONSOR) == NODE_SHARE + DATA - paid + (150_000 - fee) + 1, "P4: sponsor");
        require(_escrow() == escrow - cost, "P4: one round's cost");
    }

    function test_claimsWorkOnce() public {
        _toSummed();
        _finalize();
        _pass(301);
        _claimEverything();
        bytes32 key = _keyOf(members[0]);
        vm.expectPartialRevert(IRoundSettlement.NothingToClaim.selector);
        settlement.claimMember(round, key);
        vm.expectPartialRevert(IRoundSettlement.NothingToClaim.selector);
        settlement.claimNode(round, 0);
        vm.expectPartialRevert(IRoundSettlement.NothingToClaim.selector);
        settlement.claimFees(round);
        vm.expectPartialRevert(IRoundSettlement.NotNode.selector);
        settlement.claimNode(round, 3);
        vm.expectPartialRevert(IRoundSettlement.NotMember.selector);
        settlement.claimMember(round, keccak256("nobody"));
    }

    /// [attack 41] finalize early, and twice.
    function test_attack41_finalizeEarlyAndTwice() public {
        _openAndDraw();
        _commitAll();
        _acknowledgeAll();
        _freeze();
        vm.roll(block.number + 10);
        _postSum(0);
        (IRoundSettlement.Finalization memory f, ) = _finalization(PROVER);
        vm.expectPartialRevert(IRoundSettlement.WrongState.selector);
        settlement.finalize(f);
        _postSum(1);
        settlement.finalize(f);
        vm.expectPartialRevert(IRoundSettlement.WrongState.selector);
        settlement.finalize(f);
    }

    /// [attack 103] a proof copied from the mempool pays the one whom its maker named; with another name it is no proof.
    function test_attack103_copiedProofPaysItsMaker() public {
        _toSummed();
        (IRoundSettlement.Finalization memory f, ) = _finalization(PROVER);
        address thief = address(0x7413F);
        f.payee = thief;
        vm.prank(thief);
        vm.expectPartialRevert(IRoundSettlement.AggregateRejected.selector);
        settlement.finalize(f);
        f.payee = address(0);
        vm.expectPartialRevert(IRoundSettlement.ZeroPayee.selector);
        settlement.finalize(f);
        f.payee = PROVER;
        bytes32 root = f.storageRoot;
        f.storageRoot = keccak256("a vector that nobody has");
        vm.prank(thief);
        vm.expectPartialRevert(IRoundSettlement.AggregateRejected.selector);
        settlement.finalize(f);
        (f.storageRoot, f.artefactRoot) = (root, keccak256("a description of something else"));
        vm.prank(thief);
        vm.expectPartialRevert(IRoundSettlement.AggregateRejected.selector);
        settlement.finalize(f);
        f.artefactRoot = keccak256("artefact");
        vm.prank(thief);
        settlement.finalize(f);
        require(_credit(PROVER) == 50_000 + TIP && _credit(thief) == 0, "its maker is paid for all of it");
    }

    /// [attack 39] [attack 40] another vector, other blinders, another h or y: no proof.
    function test_attack39_wrongModelIsRejected() public {
        _toSummed();
        (IRoundSettlement.Finalization memory f, ) = _finalization(PROVER);
        f.h = addmod(f.h, 1, Bn254.R);
        vm.expectPartialRevert(IRoundSettlement.AggregateRejected.selector);
        settlement.finalize(f);
        (f, ) = _finalization(PROVER);
        f.y = addmod(f.y, 1, Bn254.R);
        vm.expectPartialRevert(IRoundSettlement.AggregateRejected.selector);
        settlement.finalize(f);
        (f, ) = _finalization(PROVER);
        f.y += Bn254.R; // [attack 10] alias
        vm.expectPartialRevert(Bn254.NonCanonicalScalar.selector);
        settlement.finalize(f);
    }

    /// [attack 143] the next round stands on the appended version: an earlier round's proof fits nothing there.
    function test_attack143_nextRoundHasTheNewBase() public {
        _toSummed();
        (IRoundSettlement.Finalization memory f, ) = _finalization(PROVER);
        _finalize();
        _toSummed();
        require(rounds.get(round).baseVersion == 1, "new base");
        f.round = round;
        vm.expectPartialRevert(IRoundSettlement.AggregateRejected.selector);
        settlement.finalize(f);
        _finalize();
        (uint32 version, ) = versions.latestOf(model);
        require(version == 2, "two versions");
    }

    /// [attack 141] the sponsor stalls after the sums are out: members and nodes are paid as soon as the sums are final, no proof needed.
    function test_attack141_silentSponsor() public {
        _toSummed();
        vm.expectPartialRevert(IRoundSettlement.SumsNotFinal.selector);
        this.claimAll();
        _pass(301);
        for (uint256 i; i < MEMBERS; ++i) settlement.claimMember(round, _keyOf(members[i]));
        for (uint256 i; i < NODES; ++i) settlement.claimNode(round, i);
        vm.expectPartialRevert(IRoundSettlement.TooEarly.selector);
        settlement.closeUnproven(round);
        vm.expectPartialRevert(IRoundSettlement.WrongState.selector);
        settlement.claimFees(round);
        _pass(21 days);
        settlement.closeUnproven(round);
        settlement.claimFees(round);
        _assertSettled();
        uint256 paid;
        for (uint256 i; i < MEMBERS; ++i) paid += _credit(members[i]);
        uint256 rest = 150_000 + TIP + 1 + NODE_SHARE + DATA - paid;
        require(_escrow() == escrow - cost && _credit(SPONSOR) == rest, "P4: fee and the last tip returned");
        require(_credit(TREASURY) == PROTOCOL && _credit(CREATOR) + _credit(COAUTHOR) == ROYALTY, "fees paid");
    }

    function claimAll() external {
        _claimEverything();
    }

    function test_finalizeAfterClaims() public {
        _toSummed();
        _pass(301);
        for (uint256 i; i < MEMBERS; ++i) settlement.claimMember(round, _keyOf(members[i]));
        _finalize();
        settlement.claimFees(round);
        for (uint256 i; i < NODES; ++i) settlement.claimNode(round, i);
        _assertSettled();
    }

    /// [attack 160] the aggregate verifier is retired in mid-round: the round closes as soon as the sums are final, without blame.
    function test_attack160_verifierRetiredAfterTheFreeze() public {
        _toSummed();
        verifiers.retire(aggregateVerifier);
        vm.expectPartialRevert(IRoundSettlement.SumsNotFinal.selector);
        settlement.closeUnproven(round);
        _pass(301);
        settlement.closeUnproven(round);
        _claimEverything();
        _assertSettled();
        _assertStakesWhole();
    }

    function test_attack160_verifierRetiredBeforeTheFreeze() public {
        _openAndDraw();
        _submit(members[0]);
        vm.expectPartialRevert(IRoundSettlement.StillAlive.selector);
        settlement.fail(round);
        verifiers.retire(updateVerifier);
        settlement.fail(round);
        _claimEverything();
        _assertSettled();
        _assertStakesWhole();
        require(_credit(members[0]) == 10_007, "show-up fee");
        require(_escrow() == escrow - TIP - 10_007, "P4: all but tip and fee");
    }

    function _assertStakesWhole() private view {
        for (uint256 i; i < MEMBERS; ++i) require(stake.activeOf(members[i]) == STAKE, "no blame");
        for (uint256 i; i < NODES; ++i) require(stake.activeOf(nodes[i]) == STAKE, "no blame");
    }

    /// The keeper is absent: undrawn, too few members, never frozen; anybody ends each.
    function test_undrawnRoundFails() public {
        _openRound();
        vm.expectPartialRevert(IRoundSettlement.StillAlive.selector);
        settlement.fail(round);
        _pass(1 hours + 1);
        settlement.fail(round);
        _assertSettled();
        require(_escrow() == escrow, "all back");
    }

    function test_tooFewSubmissionsFail() public {
        _openAndDraw();
        _submit(members[0]);
        _pass(1 hours + 1);
        settlement.fail(round);
        _claimEverything();
        _assertSettled();
    }

    function test_unfrozenRoundFails() public {
        _openAndDraw();
        _commitAll();
        _pass(1_001);
        vm.expectPartialRevert(IRoundSettlement.StillAlive.selector);
        settlement.fail(round);
        _pass(500);
        settlement.fail(round);
        _claimEverything();
        _assertSettled();
        require(_escrow() == escrow - TIP - 4 * 10_007, "P4: show-up fees");
    }

    function test_openComplaintMustEndFirst() public {
        _openAndDraw();
        _commitAll();
        _claimMissing(members[0], 0);
        verifiers.retire(updateVerifier);
        vm.expectPartialRevert(IRoundManager.ComplaintsOpen.selector);
        settlement.fail(round);
        _pass(301);
        disputes.settleComplaint(round, _keyOf(members[0]), 0);
        settlement.fail(round);
        uint256 sponsor = _credit(SPONSOR);
        _claimEverything();
        _assertSettled();
        require(_credit(members[0]) == 0 && _credit(SPONSOR) - sponsor == 10_007, "no fee for the excluded member");
    }

    /// A freeze that leaves too few members fails the round in the same transaction.
    function test_revocationsBelowTheMinimum() public {
        _openAndDraw();
        _commitAll();
        _acknowledgeAll();
        _revoke(datasetOf[members[0]], 0);
        _revoke(datasetOf[members[1]], 0);
        _freeze();
        require(_state() == RoundState.FailedEarly, "failed");
        _claimEverything();
        _assertSettled();
    }

    /// A member whose consent moved is left out of pay and model, and gets its bond back.
    function test_revokedMemberIsLeftOut() public {
        _openAndDraw();
        _commitAll();
        _acknowledgeAll();
        _revoke(datasetOf[members[0]], 0);
        _freeze();
        vm.roll(block.number + 10);
        _postSum(0);
        _postSum(1);
        _postSum(2);
        _finalize();
        _pass(301);
        _claimEverything();
        _assertSettled();
        require(_credit(members[0]) == 0 && stake.activeOf(members[0]) == STAKE, "blameless, unpaid");
    }

    /// [attack 88] [attack 82] payees are credited, never called: a blacklisted or reverting one blocks nobody.
    function test_attack88_payeesAreNeverCalled() public {
        _toSummed();
        (IRoundSettlement.Finalization memory f, uint256 log) = _finalization(address(new Refuser()));
        settlement.finalize(f);
        modelLog = log;
        _pass(301);
        _claimEverything();
        _assertSettled();
        require(_credit(f.payee) == 50_000 + TIP, "credited");
    }

    function test_statisticsRoundCompletesAtItsSums() public {
        // Another campaign of the same members: sums only.
        campaign = _openCampaign(RoundKind.Statistics, 2);
        for (uint256 i; i < MEMBERS; ++i) {
            vm.prank(members[i]);
            campaigns.enrol(campaign, datasetOf[members[i]]);
        }
        for (uint256 i; i < NODES; ++i) {
            vm.prank(nodes[i]);
            campaigns.joinPool(campaign);
        }
        escrow = _escrow();
        _toSummed();
        _postSum(2);
        vm.expectPartialRevert(IRoundSettlement.SumsNotFinal.selector);
        settlement.completeStatistics(round);
        vm.expectPartialRevert(IRoundSettlement.WrongState.selector);
        settlement.closeUnproven(round);
        _pass(301);
        vm.prank(KEEPER);
        settlement.completeStatistics(round);
        _claimEverything();
        _assertSettled();
        _assertMembersPaid();
        require(_credit(KEEPER) == 3 * TIP && _credit(TREASURY) == 32_500, "2.5 % of both pools");
        require(_escrow() == escrow - campaigns.get(campaign).roundCost, "P4: one round's cost");
    }

    function test_onlyRoundManagerTips() public {
        vm.expectPartialRevert(bytes4(keccak256("OnlyModule(address)")));
        settlement.payTip(round, KEEPER, "draw");
    }
}

/// A payee that would spoil every push payment.
contract Refuser {
    receive() external payable {
        revert("no");
    }

    fallback() external payable {
        revert("no");
    }
}
