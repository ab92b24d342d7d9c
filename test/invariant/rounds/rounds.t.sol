// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {ICampaignRegistry} from "../../../contracts/interfaces/ICampaignRegistry.sol";
import {IRoundSettlement} from "../../../contracts/interfaces/IRoundSettlement.sol";
import {IShareDisputes} from "../../../contracts/interfaces/IShareDisputes.sol";
import {Bn254} from "../../../contracts/libraries/Bn254.sol";
import {DatasetId, RoundId} from "../../../contracts/types/Ids.sol";
import {RoundKind, RoundState, UpdateDetail} from "../../../contracts/types/Training.sol";
import {vm} from "../../utils/Vm.sol";
import {RoundExits} from "./RoundExits.sol";

/// Whole campaigns in random order, with liars, silence, revocations, pauses, false sums, early, late and double claims, stake that runs. Whatever happened:
/// P4 each party has, in its wallet, credit and stake, what the rules say, and every account holds what the rules say, after each single move;
/// P5 a proof or an update pays once, for whom it was made, in its round;
/// P6 a slash finds what it is due, wherever the stake went; a lock stands for each bond not yet released;
/// P7 no commit and no frozen set after a revocation;
/// P8, P9 from here, while entries are paused, anybody can end the round and the campaign without member, node, sponsor or prover; then everybody leaves, and the vault is empty.
/// A move does what the state allows: of a verb that has nothing to do now, the round's next step.
contract RoundsInvariant is RoundExits {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    uint256 private constant BACKLOG = 3; // rounds with claims left, before another opens: bounds the walk out
    uint16 private constant LATER_ROUNDS = 3; // rounds of each later campaign
    uint256 private walkEvery; // moves: a walk costs as much as ten of them
    bytes private lastProof; // of the last finalized round
    mapping(DatasetId => uint256) private generation;
    mapping(address member => bool) private revoked; // and no new grants published since
    mapping(RoundId => mapping(address member => uint256)) private committedUnder; // generation of grants

    function setUp() public {
        (N, ROUNDS) = (8, 4); // the rules do not depend on the size
        walkEvery = bytes(vm.envOr("MEDNEXUS_DEEP", string(""))).length == 0 ? 8 : 4;
        _deploy(2);
        token.mint(KEEPER, 1e15);
        vm.prank(KEEPER);
        token.approve(address(vault), type(uint256).max);
        _openBooks();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(this);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0].addr = address(this);
        bytes4[] memory s = new bytes4[](12);
        (s[0], s[1], s[2]) = (this.advance.selector, this.complain.selector, this.dispute.selector);
        (s[3], s[4], s[5]) = (this.sum.selector, this.equivocate.selector, this.claim.selector);
        (s[6], s[7], s[8]) = (this.claim.selector, this.settle.selector, this.pass.selector);
        (s[9], s[10], s[11]) = (this.unrest.selector, this.withdraw.selector, this.quit.selector);
        targets[0].selectors = s;
    }

    // --- verbs. Choices come from `seed`.

    function advance(uint256 seed) external move {
        seed = _mix(seed);
        _advance(seed);
    }

    function complain(uint256 seed) external move {
        seed = _mix(seed);
        (uint256 m, uint256 i) = (seed % MEMBERS, (seed >> 8) % NODES);
        bool missing = (seed >> 16) % 2 == 0;
        IShareDisputes.ComplaintKind kind =
            missing ? IShareDisputes.ComplaintKind.Missing : IShareDisputes.ComplaintKind.Bad;
        bool open = _now() == RoundState.Share && shadow[round].submitted & (1 << m) != 0;
        if (open) {
            (uint64 until, , , ) = rules.shareDeadlines(round);
            open = block.timestamp <= until && _stage(m, i, kind) == IShareDisputes.ComplaintStage.None;
        }
        if (!open) return _advance(seed);
        if (missing) {
            _claimMissing(members[m], i);
            _bookComplaint(m, i, kind);
        } else {
            _complainBad(m, i);
        }
    }

    function dispute(uint256 seed) external move {
        seed = _mix(seed);
        if (_now() != RoundState.Share || !_stepDispute(seed)) _advance(seed);
    }

    /// Sums, demands, answers, faults.
    function sum(uint256 seed) external move {
        seed = _mix(seed);
        RoundState state = _now();
        uint256 i = (seed >> 8) % NODES;
        if (state == RoundState.Frozen || state == RoundState.Summed || state == RoundState.Finalized) {
            if (seed % 2 == 0 && _demand(i)) return;
            if (shadow[round].open != 0) return _stepDemand(seed);
            if (state != RoundState.Finalized && _post(i, seed % 8 == 1)) return;
        }
        _advance(seed);
    }

    function equivocate(uint256 seed) external move {
        seed = _mix(seed);
        RoundId id = _anyRound(seed);
        uint256 i = (seed >> 8) % NODES;
        Shadow storage s = shadow[id];
        if (seed % 4 != 0 || s.frozenAt == 0 || s.equivocated & (1 << i) != 0) return _advance(seed);
        (bytes32 a, bytes32 b) = (keccak256("a"), keccak256("b"));
        sums.reportEquivocation(id, i, a, _signSet(i, id, a), b, _signSet(i, id, b));
        _bookEquivocation(id, i);
    }

    /// One claim in any round so far, due or not, by anybody.
    function claim(uint256 seed) external move {
        seed = _mix(seed);
        RoundId id = _anyRound(seed);
        if (RoundId.unwrap(id) == 0) return _advance(seed);
        address caller = parties[(seed >> 8) % parties.length];
        uint256 index = (seed >> 16) % (MEMBERS + NODES + 1);
        if (index < MEMBERS) _claimMember(id, index, caller);
        else if (index < MEMBERS + NODES) _claimNode(id, index - MEMBERS, caller);
        else _claimFees(id, caller);
    }

    function settle(uint256 seed) external move {
        seed = _mix(seed);
        if (unsettled.length == 0 || !_settleRound(unsettled[seed % unsettled.length])) _advance(seed);
    }

    function pass(uint256 seed) external move {
        seed = _mix(seed);
        vm.warp(block.timestamp + (seed % 64 == 0 ? 21 days : (seed >> 8) % 700));
        vm.roll(block.number + ((seed >> 32) % 5));
    }

    /// Revocations, pauses, stake that comes and goes.
    function unrest(uint256 seed) external move {
        seed = _mix(seed);
        uint256 what = seed % 8;
        address party = parties[(seed >> 8) % stakers];
        if (what == 0) {
            address member = members[(seed >> 8) % MEMBERS];
            if (revoked[member]) return _advance(seed);
            _revoke(datasetOf[member], generation[datasetOf[member]]);
            revoked[member] = true;
        } else if (what == 1) {
            parameters.pauseEntries(60);
        } else if (what < 5) {
            // All of it, but for what locks hold; or some.
            uint256 free = stake.freeOf(party);
            _unbond(party, what < 4 || free < 2 ? free : 1 + ((seed >> 16) % (free - 1)));
        } else {
            _withdrawMatured(party);
        }
    }

    function withdraw(uint256 seed) external move {
        seed = _mix(seed);
        address owner = parties[seed % parties.length];
        uint256 amount = _credit(owner);
        if (amount == 0) return _advance(seed);
        if ((seed >> 8) % 4 == 0) amount = (seed >> 16) % amount;
        _withdraw(owner, parties[(seed >> 8) % parties.length], amount);
    }

    /// The sponsor cancels, or anybody once the campaign has been left alone.
    function quit(uint256 seed) external move {
        seed = _mix(seed);
        if (seed % 8 != 0 || _now() < RoundState.Finalized || !_campaignLive()) return _advance(seed);
        address caller = SPONSOR;
        if (seed % 16 == 0) {
            vm.warp(block.timestamp + 21 days);
            caller = parties[(seed >> 8) % parties.length];
        }
        vm.prank(caller);
        campaigns.cancel(campaign);
        _bookCampaignEnd(campaign);
    }

    // --- properties

    /// Changes made here are not kept by the runner.
    function invariant_P4_P6_P9_everybodyHasWhatIsOwedAndGetsOut() external {
        _owed();
        if (moves % walkEvery == 0) _exits();
    }

    function _owed() private view {
        require(bytes(broken).length == 0, broken);
        _audit();
        for (uint256 i; i < stakers; ++i) {
            if (stained[parties[i]]) continue;
            uint256 bonds = _book(LOCKED, _id(parties[i]));
            require(stake.activeOf(parties[i]) >= bonds, "P6: locked stake has left");
        }
    }

    function _exits() private {
        _exitRound();
        while (unsettled.length != 0)
            require(_settleRound(unsettled[unsettled.length - 1]), "P9: a round that cannot be settled");
        _passPaused(21 days);
        if (_campaignLive()) {
            try campaigns.cancel(campaign) {
                _bookCampaignEnd(campaign);
            } catch {
                revert("P9: an abandoned campaign cannot be ended");
            }
        }
        for (uint256 i; i < stakers; ++i) {
            require(stake.lockedOf(parties[i]) == 0, "P9: a lock that stands for ever");
            _withdrawMatured(parties[i]);
            _unbond(parties[i], stake.activeOf(parties[i]));
        }
        _passPaused(21 days);
        for (uint256 i; i < stakers; ++i) _withdrawMatured(parties[i]);
        for (uint256 i; i < parties.length; ++i) _withdraw(parties[i], parties[i], _credit(parties[i]));
        require(token.balanceOf(address(vault)) == 0, "P9: money that nobody can take");
        _audit();
        require(bytes(broken).length == 0, broken);
    }

    function _passPaused(uint256 time) private {
        vm.warp(block.timestamp + time);
        parameters.pauseEntries(1 hours);
    }

    // --- the round's next step

    /// There is always a next step: one that reverts would leave everybody waiting.
    function _advance(uint256 seed) private {
        try this.step(seed) {} catch (bytes memory why) {
            _check(false, string.concat("P9: no next step: ", Strings.toHexString(uint32(bytes4(why)))));
        }
    }

    function step(uint256 seed) external {
        if (!_campaignLive()) return _newCampaign();
        RoundState state = _now();
        if (state == RoundState.Open) _draw(seed);
        else if (state == RoundState.Commit) _commit(seed);
        else if (state == RoundState.Share) _toFreeze(seed);
        else if (state == RoundState.Frozen) _toSums(seed);
        else if (state == RoundState.Summed) _toEnd(seed);
        else _next();
    }

    /// Every second campaign is one of statistics, until the datasets are used up.
    function _newCampaign() private {
        _untilEntriesOpen();
        RoundKind kind = kindOf[campaign] == RoundKind.Training ? RoundKind.Statistics : RoundKind.Training;
        uint16 count = kind == RoundKind.Training ? LATER_ROUNDS : 1;
        campaign = _openCampaign(kind, count);
        _put(WALLET, _id(SPONSOR), SPONSOR_FUNDS);
        _bookCampaign(kind, count);
        for (uint256 i; i < NODES; ++i) _topUp(nodes[i]);
        _joinPool();
    }

    function _next() private {
        if (unsettled.length > BACKLOG) {
            _settleRound(unsettled[0]);
            return;
        }
        ICampaignRegistry.Campaign memory c = campaigns.get(campaign);
        if (c.roundsLeft == 0) {
            campaigns.end(campaign);
            _bookCampaignEnd(campaign);
            return;
        }
        for (uint256 m; m < MEMBERS; ++m) {
            _grantAnew(members[m]);
            if (campaigns.memberCount(campaign) <= m) _enrol(members[m]);
        }
        _untilEntriesOpen();
        _openRound();
        unsettled.push(round);
        _bookRound();
    }

    function _enrol(address member) private {
        vm.prank(member);
        campaigns.enrol(campaign, datasetOf[member]);
    }

    /// Without whoever revoked: counts at once.
    function _grantAnew(address member) private {
        if (!revoked[member]) return;
        revoked[member] = false;
        DatasetId dataset = datasetOf[member];
        vm.prank(member);
        consent.setGrants(dataset, _grantRoot(dataset, ++generation[dataset]), 10, false);
    }

    function _draw(uint256 seed) private {
        vm.roll(block.number + 1);
        for (uint256 i; i < NODES; ++i) _topUp(nodes[i]);
        uint256 until = rounds.get(round).openedAt + 1 hours;
        if (seed % 16 == 0 || block.timestamp > until) {
            if (block.timestamp <= until) vm.warp(until + 1);
            return _failEarly();
        }
        vm.prank(KEEPER);
        rounds.draw(round);
        _bookDraw();
    }

    function _commit(uint256 seed) private {
        for (uint256 m; m < MEMBERS; ++m) {
            if ((seed >> m) % 16 == 0) continue;
            _topUp(members[m]);
            if ((seed >> 16) % 8 == m) _setCheat(members[m], Cheat((seed >> 24) % 4));
            if ((seed >> 40) % 4 == 0 && m != 0) _copy(m);
            try this.submitOf(m) {
                _bookSubmission(m);
                _check(!revoked[members[m]], "P7: a commit after a revocation");
                committedUnder[round][members[m]] = generation[datasetOf[members[m]]];
            } catch {}
        }
        if (_now() != RoundState.Commit) return;
        vm.warp(uint256(rounds.get(round).commitUntil) + 1);
        if (rounds.get(round).submitted < 3) return _failEarly();
        rounds.endCommit(round);
    }

    function submitOf(uint256 m) external {
        _submit(members[m]);
    }

    /// What the member before it has just sent.
    function _copy(uint256 m) private {
        if (shadow[round].submitted & (1 << (m - 1)) == 0) return;
        UpdateDetail memory foreign = _detail(members[m - 1]);
        vm.prank(members[m]);
        try rounds.submitUpdate(round, datasetOf[members[m]], foreign) {
            _check(false, "P5: another's update was taken");
        } catch {}
    }

    function _toFreeze(uint256 seed) private {
        if (_stepDispute(seed)) return;
        if (seed % 16 == 0) {
            vm.warp(block.timestamp + 1_501); // the four windows and one more
            return _failEarly();
        }
        if (seed % 2 == 0) _acknowledgeAll();
        else vm.warp(block.timestamp + 101);
        _freeze();
        _bookFreeze();
        for (uint256 m; m < MEMBERS; ++m) {
            if (shadow[round].included & (1 << m) == 0) continue;
            bool same = committedUnder[round][members[m]] == generation[datasetOf[members[m]]];
            _check(same && !revoked[members[m]], "P7: a set frozen over a revocation");
        }
    }

    function _toSums(uint256 seed) private {
        uint256 open = shadow[round].open;
        if (open != 0 && seed % 2 == 0) return _stepDemand(seed);
        if (seed % 16 != 1) for (uint256 i; i < NODES; ++i) if (_post((seed + i) % NODES, false)) return;
        _failSums();
    }

    function _toEnd(uint256 seed) private {
        if (shadow[round].open != 0 && seed % 2 == 0) return _stepDemand(seed);
        if (seed % 4 == 0) for (uint256 i; i < NODES; ++i) if (_post(i, false)) return;
        bool training = shadow[round].kind == RoundKind.Training;
        if (training && (seed >> 8) % 8 != 0) {
            vm.warp(block.timestamp + ((seed >> 16) % 1_500));
            address payee = (seed >> 32) % 4 == 0 ? KEEPER : PROVER;
            _prove(payee, seed);
        } else {
            vm.warp(block.timestamp + 22 days);
            _closeSums(training);
        }
    }

    function _prove(address payee, uint256 seed) private {
        (IRoundSettlement.Finalization memory f, uint256 log) = _finalization(payee);
        if (seed % 4 == 1) {
            f.payee = address(this);
            _refused(f);
            f.payee = payee;
            if (lastProof.length != 0) {
                IRoundSettlement.Finalization memory last = abi.decode(lastProof, (IRoundSettlement.Finalization));
                last.round = round;
                _refused(last);
            }
        }
        settlement.finalize(f);
        (modelLog, lastProof) = (log, abi.encode(f));
        _bookProof(payee);
        _refused(f);
    }

    function _refused(IRoundSettlement.Finalization memory f) private {
        try settlement.finalize(f) {
            _check(false, "P5: a proof paid twice, elsewhere, or somebody else");
        } catch {}
    }

    function _failEarly() private {
        settlement.fail(round);
        _bookEarlyFailure();
    }

    function _failSums() private {
        vm.warp(block.timestamp + 1_000);
        _faultOpen(round);
        settlement.fail(round);
        _bookMissingSums();
    }

    /// No demand stands open any more, unless faults took the sums away.
    function _closeSums(bool training) private {
        _faultOpen(round);
        if (_state() == RoundState.Frozen) return _failSums();
        if (training) return settlement.closeUnproven(round);
        vm.prank(KEEPER);
        settlement.completeStatistics(round);
        _bookEndTip(KEEPER);
    }

    /// By nobody in particular, long after every deadline.
    function _exitRound() private {
        _passPaused(40 days);
        if (_now() == RoundState.Commit && rules.deadReason(round) == 0) rounds.endCommit(round);
        if (_now() == RoundState.Share) while (_stepDispute(2)) {}
        RoundState state = _now();
        if (state < RoundState.Frozen) _failEarly();
        else if (state == RoundState.Frozen) _failSums();
        else if (state == RoundState.Summed) _closeSums(shadow[round].kind == RoundKind.Training);
    }

    // --- disputes

    function _stage(
        uint256 m,
        uint256 i,
        IShareDisputes.ComplaintKind kind
    ) private view returns (IShareDisputes.ComplaintStage stage) {
        (stage, , , , ) = disputes.complaintOf(round, _keyOf(members[m]), i, kind);
    }

    function _complainBad(uint256 m, uint256 i) private {
        bool answered = _stage(m, i, IShareDisputes.ComplaintKind.Missing) == IShareDisputes.ComplaintStage.Answered;
        _claimBad(members[m], i);
        // An answer to "missing" has served its purpose, whatever the ciphertext holds.
        if (answered) _bookVerdict(m, i, IShareDisputes.ComplaintKind.Missing, false);
        _bookComplaint(m, i, IShareDisputes.ComplaintKind.Bad);
        // A key proof that does not hold is decided at once.
        if (_stage(m, i, IShareDisputes.ComplaintKind.Bad) == IShareDisputes.ComplaintStage.Settled)
            _bookVerdict(m, i, IShareDisputes.ComplaintKind.Bad, true);
    }

    /// One step in some open complaint, honest or by time (`how` = 2 mod 3); false: none is open.
    function _stepDispute(uint256 seed) private returns (bool) {
        if (rounds.get(round).openComplaints == 0) return false;
        uint256 how = seed % 3;
        for (uint256 k; k < MEMBERS * NODES; ++k) {
            uint256 at = ((seed >> 8) + k) % (MEMBERS * NODES);
            (uint256 m, uint256 i) = (at % MEMBERS, at / MEMBERS);
            if (shadow[round].submitted & (1 << m) == 0) continue;
            if (_stepBad(m, i, how) || _stepMissing(m, i, how)) return true;
        }
        return false;
    }

    function _stepMissing(uint256 m, uint256 i, uint256 how) private returns (bool) {
        IShareDisputes.ComplaintStage stage = _stage(m, i, IShareDisputes.ComplaintKind.Missing);
        (, uint64 ciphertextUntil, uint64 revealUntil, ) = rules.shareDeadlines(round);
        if (stage == IShareDisputes.ComplaintStage.Claimed) {
            if (how != 2 && block.timestamp <= ciphertextUntil) _answer(members[m], i);
            else _settleAfter(m, i, ciphertextUntil);
        } else if (stage == IShareDisputes.ComplaintStage.Answered) {
            bool untold = _stage(m, i, IShareDisputes.ComplaintKind.Bad) == IShareDisputes.ComplaintStage.None;
            if (how == 0 && untold && block.timestamp <= revealUntil) {
                _complainBad(m, i);
            } else {
                _settleAfter(m, i, revealUntil);
            }
        } else {
            return false;
        }
        return true;
    }

    function _stepBad(uint256 m, uint256 i, uint256 how) private returns (bool) {
        IShareDisputes.ComplaintStage stage = _stage(m, i, IShareDisputes.ComplaintKind.Bad);
        (, , uint64 revealUntil, uint64 openingUntil) = rules.shareDeadlines(round);
        if (stage == IShareDisputes.ComplaintStage.Claimed) {
            if (how != 2 && block.timestamp <= revealUntil) {
                _reveal(members[m], i);
                _evaluate(members[m], i);
            } else {
                _settleAfter(m, i, revealUntil);
            }
        } else if (stage == IShareDisputes.ComplaintStage.Evaluated) {
            bool honest = i != 0 || _cheatOf(members[m]) != Cheat.BadShare;
            if (how != 2 && honest && block.timestamp <= openingUntil) {
                _defend(members[m], i);
                _bookVerdict(m, i, IShareDisputes.ComplaintKind.Bad, false);
            } else {
                _settleAfter(m, i, openingUntil);
            }
        } else {
            return false;
        }
        return true;
    }

    /// By time: silence of the member is its fault, silence of the node the node's.
    function _settleAfter(uint256 m, uint256 i, uint64 until) private {
        if (block.timestamp <= until) vm.warp(uint256(until) + 1);
        IShareDisputes.ComplaintStage missing = _stage(m, i, IShareDisputes.ComplaintKind.Missing);
        IShareDisputes.ComplaintStage bad = _stage(m, i, IShareDisputes.ComplaintKind.Bad);
        disputes.settleComplaint(round, _keyOf(members[m]), i);
        if (_settledNow(missing, _stage(m, i, IShareDisputes.ComplaintKind.Missing))) {
            bool upheld = missing == IShareDisputes.ComplaintStage.Claimed;
            _bookVerdict(m, i, IShareDisputes.ComplaintKind.Missing, upheld);
        }
        if (_settledNow(bad, _stage(m, i, IShareDisputes.ComplaintKind.Bad))) {
            bool upheld = bad == IShareDisputes.ComplaintStage.Evaluated;
            _bookVerdict(m, i, IShareDisputes.ComplaintKind.Bad, upheld);
        }
    }

    function _settledNow(
        IShareDisputes.ComplaintStage before,
        IShareDisputes.ComplaintStage after_
    ) private pure returns (bool) {
        return before != after_ && after_ == IShareDisputes.ComplaintStage.Settled;
    }

    // --- sums

    function _post(uint256 i, bool lie) private returns (bool) {
        Shadow storage s = shadow[round];
        uint256 until = s.frozenAt + 500;
        if (s.summedAt != 0 && s.summedAt + 300 < until) until = s.summedAt + 300;
        if ((s.posted | s.faulted) & (1 << i) != 0 || block.timestamp > until) return false;
        vm.roll(block.number + 3);
        uint256[] memory words = _sumWords(i + 1);
        if (lie) {
            words[0] = addmod(words[0], 1, Bn254.R);
            s.lied |= 1 << i;
        }
        _postSum(i, words);
        _bookSum(i);
        return true;
    }

    function _demand(uint256 i) private returns (bool) {
        Shadow storage s = shadow[round];
        if (s.demanded & (1 << i) != 0) return false;
        vm.prank(KEEPER);
        try sums.demandSum(round, i) {
            _bookDemand(i);
            return true;
        } catch {
            return false; // too late, or nothing to be shown any more
        }
    }

    function _stepDemand(uint256 seed) private {
        Shadow storage s = shadow[round];
        for (uint256 i; i < NODES; ++i) {
            if (s.open & (1 << i) == 0) continue;
            if (seed % 4 != 0 && s.posted & ~s.lied & (1 << i) != 0) {
                try this.answerOf(i) {
                    _bookAnswer(i);
                    return;
                } catch {} // too late
            }
            return _fault(round, i);
        }
    }

    function answerOf(uint256 i) external {
        _answerSum(i);
        _gather();
        _proveSum(i);
    }

    // --- reads

    /// The runner likes small numbers: every bit of a choice should vary.
    function _mix(uint256 seed) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed)));
    }

    function _anyRound(uint256 seed) private view returns (RoundId) {
        uint64 count = RoundId.unwrap(round);
        return count == 0 ? round : RoundId.wrap(uint64(1 + ((seed >> 24) % count)));
    }
}
