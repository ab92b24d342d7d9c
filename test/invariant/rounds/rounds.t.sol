// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {IRoundManager} from "../../../contracts/interfaces/IRoundManager.sol";
import {IShareDisputes} from "../../../contracts/interfaces/IShareDisputes.sol";
import {Bn254} from "../../../contracts/libraries/Bn254.sol";
import {Purposes} from "../../../contracts/libraries/Purposes.sol";
import {CampaignId, DatasetId, RoundId} from "../../../contracts/types/Ids.sol";
import {RoundState} from "../../../contracts/types/Training.sol";
import {vm} from "../../utils/Vm.sol";
import {RoundMoves} from "./RoundMoves.sol";

/// Whole rounds in random order, with liars, silence, revocations, pauses, early and late claims. Whatever happened:
/// P4 every token in the vault is somebody's, and each claim pays whom and what the terms say, no more;
/// P6 a lock stands for each bond not yet released, and stake is what the vault holds for it;
/// P9 from here, anybody can bring the round to its end without member, node, sponsor or prover, and after all claims nothing is left.
contract RoundsInvariant is RoundMoves {
    string private broken; // the first property that an action saw broken
    mapping(DatasetId => uint256) private generation;
    mapping(RoundId => mapping(uint256 node => bool)) private equivocated;

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    function setUp() public {
        _deploy(2);
        token.mint(KEEPER, 1e15);
        vm.prank(KEEPER);
        token.approve(address(vault), type(uint256).max);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(this);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0].addr = address(this);
        targets[0].selectors = new bytes4[](8);
        targets[0].selectors[0] = this.advance.selector;
        targets[0].selectors[1] = this.complain.selector;
        targets[0].selectors[2] = this.dispute.selector;
        targets[0].selectors[3] = this.sum.selector;
        targets[0].selectors[4] = this.end.selector;
        targets[0].selectors[5] = this.claim.selector;
        targets[0].selectors[6] = this.pass.selector;
        targets[0].selectors[7] = this.unrest.selector;
    }

    // --- actions. Each does what the state allows; choices come from `seed`.

    /// The round goes one honest step on; `liar` of the members may cheat.
    function advance(uint256 seed, uint8 liar) external {
        RoundState state = RoundId.unwrap(round) == 0 ? RoundState.Finalized : _state();
        if (state >= RoundState.Finalized) _openRound();
        else if (state == RoundState.Open) {
            vm.roll(block.number + 1);
            vm.prank(KEEPER);
            rounds.draw(round);
        } else if (state == RoundState.Commit) {
            for (uint256 i; i < MEMBERS; ++i) {
                if (_submitted(members[i]) || (seed >> i) % 8 == 0) continue;
                if (liar % 8 == i) _setCheat(members[i], Cheat((seed >> 16) % 4));
                _submit(members[i]);
            }
            if (rounds.get(round).submitted < MEMBERS) _warpTo(uint256(rounds.get(round).commitUntil) + 1);
            rounds.endCommit(round);
        } else if (state == RoundState.Share) {
            if (seed % 2 == 0) _acknowledgeAll();
            else _warpTo(block.timestamp + 101);
            _freeze();
        } else if (state == RoundState.Frozen || state == RoundState.Summed) {
            vm.roll(block.number + 3);
            _postSum(seed % NODES);
        }
    }

    function complain(uint8 who, uint8 node, bool missing) external {
        address member = members[who % MEMBERS];
        if (missing) _claimMissing(member, node % NODES);
        else _claimBad(member, node % NODES);
    }

    /// One step in an open complaint, honest or by time.
    function dispute(uint8 who, uint8 node, uint8 step) external {
        address member = members[who % MEMBERS];
        uint256 i = node % NODES;
        if (step % 4 == 0) _answer(member, i);
        else if (step % 4 == 1) {
            _reveal(member, i);
            _evaluate(member, i);
        } else if (step % 4 == 2) _defend(member, i);
        else {
            uint256 before = _wealth(member);
            bool excluded = rounds.updateOf(_keyOf(member)).excluded;
            uint256 bonds = _disputeBonds();
            disputes.settleComplaint(round, _keyOf(member), i);
            // An upheld complaint takes the whole bond out of the stake, wherever in the stake it was.
            if (!excluded && rounds.updateOf(_keyOf(member)).excluded)
                _check(before - _wealth(member) == 2_000_000, "P6: exclusion without the slash");
            _check(_disputeBonds() < bonds, "P4: bond kept");
        }
    }

    /// Sums: honest or false ones, demands, answers, faults, equivocation.
    function sum(uint8 node, uint8 step) external {
        uint256 i = node % NODES;
        vm.roll(block.number + 3);
        if (step % 6 == 0) {
            uint256[] memory words = _sumWords(i + 1);
            words[0] = addmod(words[0], 1, Bn254.R);
            _postSum(i, words);
        } else if (step % 6 == 1) _postSum(i);
        else if (step % 6 == 2) {
            vm.prank(KEEPER);
            sums.demandSum(round, i);
        } else if (step % 6 == 3) {
            _answerSum(i);
            _gather();
            _proveSum(i);
        } else if (step % 6 == 4) {
            uint256 before = _wealth(nodes[i]);
            sums.faultSum(round, i);
            _check(before - _wealth(nodes[i]) == 3_000_000, "P6: fault without the slash");
        } else {
            uint256 before = _wealth(nodes[i]);
            sums.reportEquivocation(
                round,
                i,
                keccak256("a"),
                _signSet(i, round, keccak256("a")),
                keccak256("b"),
                _signSet(i, round, keccak256("b"))
            );
            _check(before - _wealth(nodes[i]) == 3_000_000, "P6: equivocation without the slash");
            equivocated[round][i] = true;
        }
    }

    function end(uint8 how) external {
        if (how % 3 == 0) _finalize();
        else if (how % 3 == 1) settlement.closeUnproven(round);
        else settlement.fail(round);
    }

    /// One claim in any round so far, checked against the terms.
    function claim(uint256 which, uint8 index, uint8 role) external {
        RoundId current = round;
        RoundId id = RoundId.wrap(uint64(1 + (which % RoundId.unwrap(current))));
        if (role % 3 == 0) this.claimMemberOf(id, members[index % MEMBERS]);
        else if (role % 3 == 1) this.claimNodeOf(id, index % NODES);
        else settlement.claimFees(id);
        round = current;
    }

    function pass(uint16 time) external {
        _warpTo(block.timestamp + (time % 700));
        vm.roll(block.number + (time % 5));
    }

    /// Revocations and new grants, pauses, stake that leaves, credit that is withdrawn.
    function unrest(uint8 who, uint8 what) external {
        address member = members[who % MEMBERS];
        DatasetId dataset = datasetOf[member];
        if (what % 8 == 0) {
            _revoke(dataset, generation[dataset]);
            vm.prank(member);
            consent.setGrants(dataset, _grantRoot(dataset, ++generation[dataset]), 10, false);
        } else if (what % 8 == 1) parameters.pauseEntries(60);
        else if (what % 8 == 2) {
            vm.prank(member);
            stake.unbond(1_000_000);
        } else {
            uint256 amount = _credit(member);
            uint256 before = token.balanceOf(member);
            vm.prank(member);
            vault.withdrawTo(address(token), member, amount);
            _check(token.balanceOf(member) - before == amount, "P4: withdrawal");
        }
    }

    // --- properties

    function invariant_P4_everyTokenIsSomebodys() external view {
        require(bytes(broken).length == 0, broken);
        uint256 total = _disputeBonds();
        for (uint256 i; i < MEMBERS; ++i) total += _wealth(members[i]) + _credit(members[i]);
        for (uint256 i; i < NODES; ++i) total += _wealth(nodes[i]) + _credit(nodes[i]);
        address[6] memory others = [TREASURY, SPONSOR, CREATOR, COAUTHOR, KEEPER, PROVER];
        for (uint256 i; i < others.length; ++i) total += _credit(others[i]);
        total += _credit(address(this));
        total += vault.heldOf(address(token), Purposes.CAMPAIGN, bytes32(uint256(CampaignId.unwrap(campaign))));
        for (uint64 k = 1; k <= RoundId.unwrap(round); ++k) {
            total += vault.heldOf(address(token), Purposes.ROUND, bytes32(uint256(k)));
            total += vault.heldOf(address(token), Purposes.COMPENSATION, bytes32(uint256(k)));
        }
        require(
            total == token.balanceOf(address(vault)),
            "P4: tokens in the vault that are nobody's, or promised twice"
        );
    }

    function invariant_P6_locksStandForBonds() external {
        RoundId current = round;
        for (uint256 i; i < MEMBERS; ++i) {
            uint256 bonds;
            for (uint64 k = 1; k <= RoundId.unwrap(current); ++k) {
                round = RoundId.wrap(k);
                if (_submitted(members[i]) && !rounds.updateOf(_keyOf(members[i])).bondReleased) bonds += 2_000_000;
            }
            require(stake.lockedOf(members[i]) == bonds, "P6: lock without bond, or bond without lock");
            bytes32 party = bytes32(uint256(uint160(members[i])));
            uint256 held = vault.heldOf(address(token), Purposes.STAKE, party);
            require(_wealth(members[i]) == held, "P6: stake is not what the vault holds");
        }
        round = current;
    }

    /// Changes made here are not kept by the runner.
    function invariant_P9_anybodyCanEndIt() external {
        if (RoundId.unwrap(round) == 0) return;
        _exit();
        RoundId last = round;
        for (uint64 k = 1; k <= RoundId.unwrap(last); ++k) {
            round = RoundId.wrap(k);
            _claimWhatIsLeft();
        }
        _assertSettled();
        for (uint64 k = 1; k <= RoundId.unwrap(last); ++k) {
            round = RoundId.wrap(k);
            require(_held(Purposes.ROUND) == 0 && _held(Purposes.COMPENSATION) == 0, "P4: left over after all claims");
        }
        require(_disputeBonds() == 0, "P9: bonds stuck");
        require(bytes(broken).length == 0, broken);
    }

    // --- exits, by nobody in particular

    function _exit() private {
        vm.warp(block.timestamp + 40 days);
        RoundState state = _state();
        if (state == RoundState.Commit && rules.deadReason(round) == 0) rounds.endCommit(round);
        if (state == RoundState.Share) {
            for (uint256 m; m < MEMBERS; ++m) {
                if (!_submitted(members[m])) continue;
                for (uint256 i; i < NODES; ++i) try disputes.settleComplaint(round, _keyOf(members[m]), i) {} catch {}
            }
        }
        _faultOpenDemands();
        state = _state();
        if (state <= RoundState.Frozen) settlement.fail(round);
        else if (state == RoundState.Summed) settlement.closeUnproven(round);
    }

    function _faultOpenDemands() private {
        for (uint256 i; i < NODES; ++i) try sums.faultSum(round, i) {} catch {}
    }

    function _claimWhatIsLeft() private {
        _faultOpenDemands(); // a finalized round may have some
        for (uint256 i; i < MEMBERS; ++i)
            if (_submitted(members[i])) try this.claimMemberOf(round, members[i]) {} catch {}
        for (uint256 i; i < NODES; ++i) try this.claimNodeOf(round, i) {} catch {}
        try settlement.claimFees(round) {} catch {}
    }

    // --- shadow of the money rules. Not actions: external so that a refused claim undoes nothing else.

    function claimMemberOf(RoundId id, address member) external {
        round = id;
        bytes32 key = _keyOf(member);
        IRoundManager.Update memory u = rounds.updateOf(key);
        IRoundManager.Frozen memory frozen = rounds.frozenOf(round);
        RoundState state = _state();
        uint256 due;
        if (state == RoundState.FailedEarly) due = u.verified && !u.excluded ? 10_007 : 0;
        else if (frozen.included & (1 << u.index) != 0 && state != RoundState.FailedSums)
            due = (1_000_003 * uint256(u.records)) / frozen.totalRecords;
        uint256 before = _credit(member);
        settlement.claimMember(round, key);
        if (state == RoundState.FailedSums) return;
        _check(_credit(member) - before == due, "P4: member paid other than by records");
    }

    function claimNodeOf(RoundId id, uint256 i) external {
        round = id;
        (, uint256 standing, ) = sums.sumsStanding(round);
        RoundState state = _state();
        bool earned = standing & (1 << i) != 0 && !equivocated[round][i] && state < RoundState.FailedEarly;
        uint256 before = _credit(nodes[i]);
        settlement.claimNode(round, i);
        _check(_credit(nodes[i]) - before == (earned ? 100_000 : 0), "P4: node paid for a sum that does not stand");
    }

    // --- reads

    function _wealth(address party) private view returns (uint256) {
        return stake.activeOf(party) + stake.unbondingOf(party);
    }

    /// Everything that lies under disputes of any round so far.
    function _disputeBonds() private view returns (uint256 total) {
        for (uint64 k = 1; k <= RoundId.unwrap(round); ++k) {
            RoundId id = RoundId.wrap(k);
            for (uint256 i; i < NODES; ++i) {
                total += vault.heldOf(address(token), Purposes.SUMS, sums.demandId(id, i));
                for (uint256 m; m < MEMBERS; ++m) total += _complaintBonds(id, members[m], i);
            }
        }
    }

    function _complaintBonds(RoundId id, address member, uint256 i) private view returns (uint256) {
        bytes32 key = _keyIn(id, member);
        if (key == 0) return 0;
        bytes32 missing = disputes.complaintId(id, key, i, IShareDisputes.ComplaintKind.Missing);
        bytes32 bad = disputes.complaintId(id, key, i, IShareDisputes.ComplaintKind.Bad);
        return
            vault.heldOf(address(token), Purposes.DISPUTE, missing) +
            vault.heldOf(address(token), Purposes.DISPUTE, bad);
    }

    function _warpTo(uint256 time) private {
        vm.warp(time);
    }

    function _check(bool ok, string memory what) private {
        if (!ok && bytes(broken).length == 0) broken = what;
    }
}
