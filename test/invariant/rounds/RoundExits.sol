// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {ICampaignRegistry} from "../../../contracts/interfaces/ICampaignRegistry.sol";
import {RoundId} from "../../../contracts/types/Ids.sol";
import {RoundState} from "../../../contracts/types/Training.sol";
import {vm} from "../../utils/Vm.sol";
import {RoundLedger} from "./RoundLedger.sol";

/// The ways out of a round, of stake and of the vault: each asks for what is due, or for more, and books what the rules give.
abstract contract RoundExits is RoundLedger {
    RoundId[] internal unsettled; // rounds with something left to claim

    // --- faults

    function _fault(RoundId id, uint256 i) internal {
        vm.warp(block.timestamp + 701); // the node had the sums window and the answer window
        RoundState before = rounds.stateOf(id);
        sums.faultSum(id, i);
        _bookFault(id, i, before);
    }

    function _faultOpen(RoundId id) internal {
        for (uint256 i; i < NODES; ++i) if (shadow[id].open & (1 << i) != 0) _fault(id, i);
    }

    // --- claims

    /// All that is left to claim in a round that is over; true: that was everything.
    function _settleRound(RoundId id) internal returns (bool) {
        RoundState state = rounds.stateOf(id);
        if (state < RoundState.Finalized) return false;
        _faultOpen(id);
        vm.warp(block.timestamp + 301); // the last sum can no longer be demanded
        Shadow storage s = shadow[id];
        for (uint256 m; m < MEMBERS; ++m)
            if (s.submitted & ~s.claimed & (1 << m) != 0) _claimMember(id, m, address(this));
        for (uint256 i; i < NODES; ++i) if (s.drawn && s.nodeClaimed & (1 << i) == 0) _claimNode(id, i, address(this));
        if (_feesDue(id)) _claimFees(id, address(this));
        for (uint256 k; k < unsettled.length; ++k) {
            if (!(unsettled[k] == id)) continue;
            unsettled[k] = unsettled[unsettled.length - 1];
            unsettled.pop();
        }
        return true;
    }

    function _claimMember(RoundId id, uint256 m, address caller) internal {
        Shadow storage s = shadow[id];
        RoundState state = rounds.stateOf(id);
        bool over = state > RoundState.Summed || (state == RoundState.Summed && sums.sumsFinal(id));
        bool due = over && s.submitted & ~s.claimed & (1 << m) != 0;
        bytes32 key = _keyIn(id, members[m]);
        vm.prank(caller);
        try settlement.claimMember(id, key) {
            _check(due, "P4: a member paid twice or too early");
            if (due) _bookMemberClaim(id, m, state);
        } catch {
            _check(!due, "P9: what a member is owed is refused");
        }
    }

    function _claimNode(RoundId id, uint256 i, address caller) internal {
        Shadow storage s = shadow[id];
        RoundState state = rounds.stateOf(id);
        bool over = state >= RoundState.FailedEarly || sums.sumsFinal(id);
        bool due = over && s.drawn && s.nodeClaimed & (1 << i) == 0;
        vm.prank(caller);
        try settlement.claimNode(id, i) {
            _check(due, "P4: a node paid twice or too early");
            if (due) _bookNodeClaim(id, i, state);
        } catch {
            _check(!due, "P9: what a node is owed is refused");
        }
    }

    function _feesDue(RoundId id) internal view returns (bool) {
        RoundState state = rounds.stateOf(id);
        return (state == RoundState.Finalized || state == RoundState.Closed) && !shadow[id].feesClaimed;
    }

    function _claimFees(RoundId id, address caller) internal {
        bool due = _feesDue(id);
        vm.prank(caller);
        try settlement.claimFees(id) {
            _check(due, "P4: fees paid twice or too early");
            if (due) _bookFeesClaim(id);
        } catch {
            _check(!due, "P9: fees that are due are refused");
        }
    }

    // --- stake and credit

    /// What a bond and a lock need, if the party has let its stake go.
    function _topUp(address party) internal {
        if (stake.freeOf(party) >= 3_000_000) return;
        _untilEntriesOpen();
        vm.prank(party);
        stake.deposit(20_000_000);
        _pay(WALLET, _id(party), ACTIVE, _id(party), 20_000_000);
    }

    function _unbond(address party, uint256 amount) internal {
        if (amount == 0) return;
        vm.prank(party);
        stake.unbond(amount);
        _pay(ACTIVE, _id(party), UNBONDING, _id(party), amount);
    }

    function _withdrawMatured(address party) internal {
        for (uint256 k; k < 16; ++k) {
            (uint256 amount, uint64 releaseAt) = stake.unbondingAt(party, k);
            if (amount == 0 || block.timestamp < releaseAt) continue;
            vm.prank(party);
            stake.withdrawUnbonded(k);
            _pay(UNBONDING, _id(party), CREDIT, _id(party), amount);
        }
    }

    function _withdraw(address owner, address to, uint256 amount) internal {
        vm.prank(owner);
        vault.withdrawTo(address(token), to, amount);
        _pay(CREDIT, _id(owner), WALLET, _id(to), amount);
    }

    function _untilEntriesOpen() internal {
        uint256 until = parameters.entriesPausedUntil();
        if (block.timestamp < until) vm.warp(until);
    }

    // --- reads

    /// State of the last round; before the first, that of one that is over.
    function _now() internal view returns (RoundState) {
        return RoundId.unwrap(round) == 0 ? RoundState.Closed : _state();
    }

    function _campaignLive() internal view returns (bool) {
        return campaigns.get(campaign).state == ICampaignRegistry.CampaignState.Live;
    }
}
