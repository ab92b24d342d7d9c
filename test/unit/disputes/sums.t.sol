// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {INodeSums} from "../../../contracts/interfaces/INodeSums.sol";
import {IRoundManager} from "../../../contracts/interfaces/IRoundManager.sol";
import {IRoundSettlement} from "../../../contracts/interfaces/IRoundSettlement.sol";
import {Bn254} from "../../../contracts/libraries/Bn254.sol";
import {Purposes} from "../../../contracts/libraries/Purposes.sol";
import {DisputeBase} from "../../../contracts/training/DisputeBase.sol";
import {G1} from "../../../contracts/types/Curve.sol";
import {RoundState, UpdateDetail} from "../../../contracts/types/Training.sol";
import {RoundMoves} from "../../invariant/rounds/RoundMoves.sol";
import {vm} from "../../utils/Vm.sol";

/// Sums after the freeze, through the whole system: three nodes, any two reconstruct.
contract SumsTest is RoundMoves {
    uint256 private constant BOND = 100_000;
    uint256 private constant LOCK = 3_000_000;

    function setUp() public {
        _deploy(2);
        _openAndDraw();
        _commitAll();
        _acknowledgeAll();
        _freeze();
        vm.roll(block.number + 3);
        token.mint(KEEPER, 1e12);
        vm.prank(KEEPER);
        token.approve(address(vault), type(uint256).max);
    }

    function _demand(uint256 i) private {
        vm.prank(KEEPER);
        sums.demandSum(round, i);
    }

    function _wrongWords(uint256 i) private view returns (uint256[] memory words) {
        words = _sumWords(i + 1);
        words[5] = addmod(words[5], 1, Bn254.R);
    }

    function test_demandedSumIsProved() public {
        _postSum(0);
        require(_state() == RoundState.Frozen, "one is not enough");
        _postSum(1);
        require(_state() == RoundState.Summed, "two are");
        _demand(0);
        vm.expectPartialRevert(INodeSums.AnswerIncomplete.selector);
        sums.proveSum(round, 0, G1(1, 2));
        _answerSum(0);
        _gather();
        _gather(); // harmless
        _proveSum(0);
        require(_credit(nodes[0]) == BOND && sums.openDemands(round) == 0, "bond to the node");
        vm.expectPartialRevert(INodeSums.AlreadyDemanded.selector);
        sums.demandSum(round, 0);
        require(!sums.sumsFinal(round), "window open");
        _pass(301);
        require(sums.sumsFinal(round), "final");
        vm.prank(KEEPER);
        vm.expectPartialRevert(DisputeBase.WrongWindow.selector);
        sums.demandSum(round, 1);
    }

    /// [attack 45] whoever demands every sum there is pays every node that answers, and holds up nothing.
    function test_attack45_demandsAboutEverybody() public {
        for (uint256 i; i < NODES; ++i) _postSum(i);
        for (uint256 i; i < NODES; ++i) _demand(i);
        for (uint256 i; i < NODES; ++i) _answerSum(i);
        _gather();
        for (uint256 i; i < NODES; ++i) {
            _proveSum(i);
            require(_credit(nodes[i]) == BOND, "bond to each");
        }
        require(_state() == RoundState.Summed && sums.openDemands(round) == 0, "all stand");
        require(sums.earning(round) == 7 && sums.faultedNodes(round) == 0, "nobody lost");
        _pass(301);
        require(sums.sumsFinal(round), "final in its time");
    }

    /// [attack 34] a sum off by one has no opening: slashed, the demander made whole, the round falls back and another node takes the place.
    function test_attack34_wrongSumIsSlashed() public {
        _postSum(0, _wrongWords(0));
        _postSum(1);
        _demand(0);
        uint256[] memory words = _wrongWords(0);
        sums.answerSum(round, 0, 0, _pack(words));
        _gather();
        vm.expectPartialRevert(DisputeBase.BadOpening.selector);
        this.proveSumExternally(0);
        vm.expectPartialRevert(DisputeBase.WrongWindow.selector);
        sums.faultSum(round, 0);
        _pass(201);
        uint256 active = stake.activeOf(nodes[0]);
        sums.faultSum(round, 0);
        require(active - stake.activeOf(nodes[0]) == LOCK, "lock slashed");
        require(_credit(KEEPER) == 2 * BOND + 2 * 1_009, "bond back, cost compensated; two tips");
        require(_state() == RoundState.Frozen, "fallen back");
        require(_held(Purposes.COMPENSATION) == 1_000_003, "the members' possible loss waits for them");
        _postSum(2);
        require(_state() == RoundState.Summed, "another node");
        vm.expectPartialRevert(INodeSums.NotDemanded.selector);
        sums.faultSum(round, 0);
        vm.expectPartialRevert(INodeSums.SumExists.selector);
        this.postSumExternally(0);
        _finalize();
        _pass(301);
        _claimEverything();
        _assertSettled();
        // Two nodes are paid; the third share is the sponsor's.
        require(_credit(nodes[1]) == 100_000 && _credit(nodes[2]) == 100_000 && _credit(nodes[0]) == 0, "shares");
    }

    function proveSumExternally(uint256 i) external {
        _proveSum(i);
    }

    function postSumExternally(uint256 i) external {
        _postSum(i);
    }

    /// [attack 35] a sum over another set is refused: the posting itself binds the node to the frozen set.
    function test_attack35_otherSetIsRefused() public {
        bytes32[] memory hashes = _chunkHashes(_pack(_sumWords(1)));
        vm.prank(nodes[0]);
        vm.expectPartialRevert(INodeSums.WrongSet.selector);
        sums.postSum(round, keccak256("another set"), hashes);
    }

    /// [attack 157] nobody posts before the freeze block is final.
    function test_attack157_freezeMustBeFinal() public {
        uint256 frozenIn = rounds.frozenOf(round).blockNumber;
        vm.roll(frozenIn + 2);
        vm.expectPartialRevert(INodeSums.FreezeNotFinal.selector);
        this.postSumExternally(0);
        vm.roll(frozenIn + 3);
        _postSum(0);
    }

    /// [attack 36] two sets signed, or one signed against the sum posted: the lock is gone, whenever it is reported; the same evidence works once.
    function test_attack36_twoSignedSets() public {
        bytes memory a = _signSet(0, round, keccak256("a"));
        bytes memory b = _signSet(0, round, keccak256("b"));
        vm.expectPartialRevert(INodeSums.NotEquivocation.selector);
        sums.reportEquivocation(round, 0, keccak256("a"), a, keccak256("a"), a);
        vm.expectPartialRevert(INodeSums.NotEquivocation.selector);
        sums.reportEquivocation(round, 1, keccak256("a"), a, keccak256("b"), b);
        uint256 active = stake.activeOf(nodes[0]);
        vm.prank(KEEPER);
        sums.reportEquivocation(round, 0, keccak256("a"), a, keccak256("b"), b);
        require(active - stake.activeOf(nodes[0]) == LOCK, "slashed");
        require(_credit(KEEPER) == BOND + 2 * 1_009, "cost compensated, no more");
        vm.expectPartialRevert(INodeSums.NotEquivocation.selector); // [attack 99]
        sums.reportEquivocation(round, 0, keccak256("a"), a, keccak256("b"), b);
    }

    function test_attack36_signatureAgainstOwnPosting() public {
        bytes memory other = _signSet(0, round, keccak256("other"));
        bytes32 set = rounds.frozenOf(round).setHash;
        vm.expectPartialRevert(INodeSums.NotEquivocation.selector);
        sums.reportEquivocation(round, 0, set, "", keccak256("other"), other);
        _postSum(0);
        sums.reportEquivocation(round, 0, set, "", keccak256("other"), other);
        // [attack 65] the malleated twin of a signature is no second one, and no signature at all.
        bytes memory good = _signSet(1, round, keccak256("one"));
        bytes memory high = _malleate(_signSet(1, round, keccak256("two")));
        vm.expectPartialRevert(INodeSums.NotEquivocation.selector);
        sums.reportEquivocation(round, 1, keccak256("one"), good, keccak256("two"), high);
    }

    /// [attack 36] a sum that stands does not pay a node that signed another set beside it: its share is the sponsor's; the round goes on.
    function test_attack36_equivocatorEarnsNothing() public {
        _postSum(0);
        _postSum(1);
        bytes memory other = _signSet(0, round, keccak256("other"));
        bytes32 set = rounds.frozenOf(round).setHash;
        sums.reportEquivocation(round, 0, set, "", keccak256("other"), other);
        require(_state() == RoundState.Summed && sums.earning(round) == 2, "stands, unpaid");
        _finalize();
        _pass(301);
        settlement.claimNode(round, 0);
        require(_credit(nodes[0]) == 0 && _credit(SPONSOR) == 100_000, "share to the sponsor");
        settlement.claimNode(round, 1);
        require(_credit(nodes[1]) == 100_000, "the other node's untouched");
    }

    function _malleate(bytes memory signature) private pure returns (bytes memory) {
        uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        bytes32 r;
        uint256 s;
        assembly ("memory-safe") {
            r := mload(add(signature, 0x20))
            s := mload(add(signature, 0x40))
        }
        return abi.encodePacked(r, order - s, uint8(signature[64]) == 27 ? uint8(28) : uint8(27));
    }

    /// [attack 46] the committee is silent: after the window the sponsor has everything but tips back, members share what the missing nodes lose.
    function test_attack46_sumsMissing() public {
        _postSum(2);
        vm.expectPartialRevert(IRoundSettlement.TooEarly.selector);
        settlement.fail(round);
        _demand(0); // a demand against a node that posted nothing delays the end by one answer window, no more
        _pass(501);
        vm.expectPartialRevert(IRoundSettlement.DemandsOpen.selector);
        settlement.fail(round);
        _pass(200);
        sums.faultSum(round, 0);
        uint256 lost = stake.activeOf(nodes[1]);
        settlement.fail(round);
        require(_state() == RoundState.FailedSums, "failed");
        require(lost - stake.activeOf(nodes[1]) == LOCK, "missing node slashed");
        require(_held(Purposes.ROUND) == 0, "all back to the campaign");
        uint256 compensation = _held(Purposes.COMPENSATION);
        require(compensation == 1_000_003, "members' loss is covered, no more");
        _claimEverything();
        _assertSettled();
        uint256 paid;
        for (uint256 i; i < MEMBERS; ++i) paid += _credit(members[i]);
        require(paid <= compensation && compensation - paid < MEMBERS, "shared by records");
        require(_credit(nodes[2]) == 0, "the sponsor was refunded: nobody is paid");
    }

    /// A late sum leaves the whole challenge window to demand it; none comes after that.
    function test_lateSumCanStillBeDemanded() public {
        _postSum(0);
        _postSum(1);
        _pass(300);
        _postSum(2);
        _pass(300);
        require(!sums.sumsFinal(round), "open for the last one");
        _demand(2);
        _pass(201);
        sums.faultSum(round, 2);
        require(_state() == RoundState.Summed && sums.sumsFinal(round), "two still stand");
    }

    function test_noSumAfterTheChallengeWindow() public {
        _postSum(0);
        _postSum(1);
        _pass(301);
        vm.expectPartialRevert(DisputeBase.WrongWindow.selector);
        this.postSumExternally(2);
    }

    /// Once a proof has shown the sum, a false digest costs its node its lock all the same, and the finalized round stands.
    function test_faultAfterFinalize() public {
        _postSum(0, _wrongWords(0));
        _postSum(1, _wrongWords(1));
        _demand(0);
        _demand(1);
        _finalize();
        _pass(301);
        sums.faultSum(round, 0);
        sums.faultSum(round, 1);
        require(_state() == RoundState.Finalized && sums.sumsFinal(round), "final");
        _claimEverything();
        _assertSettled();
    }

    function test_onlyNodesPost() public {
        bytes32 set = rounds.frozenOf(round).setHash;
        vm.expectPartialRevert(DisputeBase.NotNode.selector);
        sums.postSum(round, set, new bytes32[](1));
        vm.prank(nodes[0]);
        vm.expectPartialRevert(DisputeBase.BadChunk.selector);
        sums.postSum(round, set, new bytes32[](2));
    }

    function test_gatherRefusesStrangers() public {
        address[] memory who = new address[](1);
        UpdateDetail[] memory d = new UpdateDetail[](1);
        (who[0], d[0]) = (members[0], _detail(members[0]));
        d[0].a[0] = G1(1, 2); // [attack 32] A altered afterwards
        vm.expectPartialRevert(IRoundManager.DetailMismatch.selector);
        sums.gatherSharePoints(round, who, d);
    }
}
