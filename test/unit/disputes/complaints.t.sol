// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {IRoundManager} from "../../../contracts/interfaces/IRoundManager.sol";
import {IShareDisputes} from "../../../contracts/interfaces/IShareDisputes.sol";
import {Transcript} from "../../../contracts/libraries/Transcript.sol";
import {DisputeBase} from "../../../contracts/training/DisputeBase.sol";
import {DleqProof, G1} from "../../../contracts/types/Curve.sol";
import {RoundState, UpdateDetail} from "../../../contracts/types/Training.sol";
import {RoundMoves} from "../../invariant/rounds/RoundMoves.sol";
import {vm} from "../../utils/Vm.sol";

/// Complaints about shares, through the whole system. Member 1 is complained about by node 0 unless said otherwise.
contract ComplaintsTest is RoundMoves {
    address private member;
    uint256 private constant BOND = 100_000;

    function setUp() public {
        _deploy(2);
        member = members[1];
        _openAndDraw();
    }

    function _stageOf(IShareDisputes.ComplaintKind kind) private view returns (IShareDisputes.ComplaintStage stage) {
        (stage, , , , ) = disputes.complaintOf(round, _keyOf(member), 0, kind);
    }

    function _isExcluded() private view returns (bool) {
        return rounds.updateOf(_keyOf(member)).excluded;
    }

    function _warpPast(uint256 window) private {
        uint64[4] memory until;
        (until[0], until[1], until[2], until[3]) = rules.shareDeadlines(round);
        vm.warp(uint256(until[window]) + 1);
    }

    /// [attack 31] a share inconsistent with A: upheld, the member is out and slashed, the node made whole, the treasury gets its fifth.
    function test_attack31_badShareIsUpheld() public {
        _setCheat(member, Cheat.BadShare);
        _commitAll();
        _claimBad(member, 0);
        _reveal(member, 0);
        _evaluate(member, 0);
        // The member's true opening does not open the words it sent.
        (, , , uint256 z, uint256 value) = disputes.complaintOf(
            round,
            _keyOf(member),
            0,
            IShareDisputes.ComplaintKind.Bad
        );
        require(z != 0 && value != 0, "evaluated");
        UpdateDetail memory d = _detail(member);
        vm.expectPartialRevert(DisputeBase.BadOpening.selector);
        disputes.defend(round, member, d, 0, d.w);
        bytes32 key = _keyOf(member);
        vm.expectRevert(abi.encodeWithSelector(IShareDisputes.NothingDue.selector, round, key, 0));
        disputes.settleComplaint(round, key, 0);

        _warpPast(3);
        uint256 active = stake.activeOf(member);
        uint256 treasury = _credit(TREASURY);
        disputes.settleComplaint(round, key, 0);
        require(_isExcluded(), "excluded");
        require(active - stake.activeOf(member) == 2_000_000, "whole bond slashed");
        require(_credit(nodes[0]) == 2 * BOND, "bond back and cost compensated");
        require(_credit(TREASURY) - treasury == 2_000_000 - BOND, "rest to the treasury");
        require(stake.lockedOf(member) == 0, "bond unlocked by the slash");
        _freeze();
        require(rounds.frozenOf(round).count == 3, "frozen without it");
    }

    /// [attack 33] a false complaint: the member opens the true share, the node loses its bond to it and the round goes on.
    function test_attack33_falseComplaintLosesItsBond() public {
        _commitAll();
        _claimBad(member, 0);
        _reveal(member, 0);
        _evaluate(member, 0);
        _defend(member, 0);
        require(!_isExcluded(), "stays in");
        require(_credit(member) == BOND && _credit(nodes[0]) == 0, "bond to the member");
        require(rounds.get(round).openComplaints == 0, "closed");
        _acknowledgeAll();
        _freeze();
        require(rounds.frozenOf(round).count == 4, "all in");
    }

    /// A complaint that is never substantiated costs its maker the bond.
    function test_unprovenComplaintIsFalse() public {
        _commitAll();
        _claimBad(member, 0);
        _warpPast(2);
        disputes.settleComplaint(round, _keyOf(member), 0);
        require(!_isExcluded() && _credit(member) == BOND, "false");
    }

    /// [attack 161] an honest E reused, or any header whose key proof does not hold here: upheld before any key is revealed.
    function test_attack161_foreignEphemeralKeyIsUpheldAtOnce() public {
        _setCheat(member, Cheat.ForeignE);
        _commitAll();
        _claimBad(member, 0);
        require(_isExcluded(), "upheld");
        require(_stageOf(IShareDisputes.ComplaintKind.Bad) == IShareDisputes.ComplaintStage.Settled, "settled");
        (G1 memory k, DleqProof memory proof) = _keyReveal(member, 0, _secret(nodes[0]));
        bytes32 key = _keyOf(member);
        vm.prank(nodes[0]);
        vm.expectPartialRevert(IShareDisputes.AlreadySettled.selector);
        disputes.revealKey(round, key, 0, k, proof);
    }

    function test_brokenKeyProofIsUpheldAtOnce() public {
        _setCheat(member, Cheat.BadHeader);
        _commitAll();
        _claimBad(member, 0);
        require(_isExcluded(), "upheld");
    }

    /// [attack 162] a false key in the last block of the reveal window is refused; the true one leaves the member its whole window of defence.
    function test_attack162_lastBlockReveal() public {
        _commitAll();
        _claimBad(member, 0);
        (, , uint64 revealUntil, ) = rules.shareDeadlines(round);
        vm.warp(revealUntil);
        (G1 memory k, DleqProof memory proof) = _keyReveal(member, 0, _secret(nodes[0]) + 1);
        bytes32 key = _keyOf(member);
        vm.prank(nodes[0]);
        vm.expectPartialRevert(IShareDisputes.BadKeyProof.selector);
        disputes.revealKey(round, key, 0, k, proof);
        _reveal(member, 0);
        _evaluate(member, 0);
        _warpPast(2);
        vm.expectRevert(abi.encodeWithSelector(IShareDisputes.NothingDue.selector, round, key, 0));
        disputes.settleComplaint(round, key, 0);
        (, , , uint64 openingUntil) = rules.shareDeadlines(round);
        vm.warp(openingUntil);
        _defend(member, 0);
        require(!_isExcluded(), "defended at the last second");
    }

    /// [attack 101] one second late: no answer, no reveal, no defence, no complaint.
    function test_attack101_windowsAreClosed() public {
        _commitAll();
        _claimMissing(members[0], 0);
        _claimBad(member, 0);
        bytes32 key = _keyOf(members[0]);
        (uint64 until, , , ) = rules.shareDeadlines(round);
        vm.warp(until + 1);
        UpdateDetail memory d = _detail(members[2]);
        vm.prank(nodes[0]);
        vm.expectRevert(abi.encodeWithSelector(DisputeBase.WrongWindow.selector, uint64(0), until));
        disputes.claimMissing(round, members[2], d, 0);
        _warpPast(1);
        d = _detail(members[0]);
        (IShareDisputes.CipherHeader memory header, bytes memory words) = _cipher(members[0], d.c, 0);
        bytes32[] memory digests = _digests(members[0], d.c);
        vm.expectPartialRevert(DisputeBase.WrongWindow.selector);
        disputes.answerCiphertext(round, key, 0, header, digests, 0, words);
        disputes.settleComplaint(round, key, 0);
        require(rounds.updateOf(key).excluded, "unanswered");
    }

    /// [attack 142] a blocked delivery forces the ciphertext on chain, never the share; the node loses its bond, and may still find the share bad.
    function test_attack142_missingIsAnsweredByCiphertext() public {
        _setCheat(member, Cheat.BadShare);
        _commitAll();
        _claimMissing(member, 0);
        _answer(member, 0);
        require(_stageOf(IShareDisputes.ComplaintKind.Missing) == IShareDisputes.ComplaintStage.Answered, "answered");
        // Still open: the freeze must not overtake the node's right to complain about what it was just given.
        require(rounds.get(round).openComplaints == 1, "open");
        _warpPast(1);
        (address[] memory who, G1[] memory cs) = _submitters();
        vm.expectRevert(abi.encodeWithSelector(IRoundManager.ComplaintsOpen.selector, 1));
        rounds.freeze(round, who, cs);
        _claimBad(member, 0);
        require(_credit(member) == BOND, "answered: bond to the member");
        _reveal(member, 0);
        _evaluate(member, 0);
        _warpPast(3);
        disputes.settleComplaint(round, _keyOf(member), 0);
        require(_isExcluded() && rounds.get(round).openComplaints == 0, "upheld");
    }

    function test_answeredMissingIsWaivedByTheNode() public {
        _commitAll();
        _claimMissing(member, 0);
        _answer(member, 0);
        bytes32 key = _keyOf(member);
        vm.expectPartialRevert(IShareDisputes.NothingDue.selector);
        disputes.settleComplaint(round, key, 0);
        vm.prank(nodes[0]);
        disputes.settleComplaint(round, key, 0);
        require(_credit(member) == BOND && rounds.get(round).openComplaints == 0, "settled");
    }

    /// [attack 45] a node complains about everybody: each complaint costs it a bond, nobody is out, the round freezes.
    function test_attack45_complaintsAboutEverybody() public {
        _commitAll();
        for (uint256 i; i < MEMBERS; ++i) {
            _claimMissing(members[i], 0);
            _answer(members[i], 0);
        }
        _warpPast(2);
        for (uint256 i; i < MEMBERS; ++i) {
            disputes.settleComplaint(round, _keyOf(members[i]), 0);
            require(_credit(members[i]) == BOND, "bond to each");
        }
        _freeze();
        require(rounds.frozenOf(round).count == 4, "all in");
    }

    /// [attack 99] the same complaint twice, and settling twice; an upheld second node's complaint does not slash again.
    function test_attack99_oncePerOffence() public {
        _commitAll();
        _claimMissing(member, 0);
        _claimMissing(member, 1);
        UpdateDetail memory d = _detail(member);
        vm.prank(nodes[0]);
        vm.expectPartialRevert(IShareDisputes.ComplaintExists.selector);
        disputes.claimMissing(round, member, d, 0);
        _warpPast(1);
        bytes32 key = _keyOf(member);
        disputes.settleComplaint(round, key, 0);
        uint256 active = stake.activeOf(member);
        vm.expectPartialRevert(IShareDisputes.NothingDue.selector);
        disputes.settleComplaint(round, key, 0);
        disputes.settleComplaint(round, key, 1);
        require(stake.activeOf(member) == active, "one slash");
        require(_credit(nodes[1]) == BOND, "second node gets its bond back");
    }

    /// [attack 100] [attack 146] complaining against oneself through an accomplice: the pair ends poorer by at least a fifth of the bond.
    function test_attack146_selfSlashLosesMoney() public {
        _setCheat(member, Cheat.BadHeader);
        _commitAll();
        uint256 before = stake.activeOf(member) + _credit(member) + _credit(nodes[0]) + token.balanceOf(nodes[0]);
        _claimBad(member, 0);
        uint256 later = stake.activeOf(member) + _credit(member) + _credit(nodes[0]) + token.balanceOf(nodes[0]);
        require(before - later >= 2_000_000 / 5, "a fifth lost at least");
    }

    function test_onlyTheSeatComplains() public {
        _commitAll();
        UpdateDetail memory d = _detail(member);
        vm.prank(nodes[1]);
        vm.expectRevert(abi.encodeWithSelector(DisputeBase.NotNode.selector, nodes[1], 0));
        disputes.claimMissing(round, member, d, 0);
        d.h ^= 1;
        vm.prank(nodes[0]);
        vm.expectPartialRevert(IRoundManager.DetailMismatch.selector);
        disputes.claimMissing(round, member, d, 0);
    }

    function test_answerMustBeTheCommittedCiphertext() public {
        _commitAll();
        _claimMissing(member, 0);
        bytes32 key = _keyOf(member);
        G1 memory c = _detail(member).c;
        (IShareDisputes.CipherHeader memory header, bytes memory words) = _cipher(member, c, 0);
        bytes32[] memory digests = _digests(member, c);
        words[0] ^= 0x01;
        vm.expectRevert(abi.encodeWithSelector(DisputeBase.BadChunk.selector, 0));
        disputes.answerCiphertext(round, key, 0, header, digests, 0, words);
        header.chunkHashes[0] = keccak256(words);
        vm.expectPartialRevert(IShareDisputes.NotInManifest.selector);
        disputes.answerCiphertext(round, key, 0, header, digests, 0, words);
        digests[0] = Transcript.cipherDigest(1, header.e, header.proof.r, header.proof.z, header.chunkHashes);
        vm.expectPartialRevert(IShareDisputes.NotInManifest.selector);
        disputes.answerCiphertext(round, key, 0, header, digests, 0, words);
    }
}
