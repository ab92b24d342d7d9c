// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Purposes} from "../../../contracts/libraries/Purposes.sol";
import {JobId, LicenseId} from "../../../contracts/types/Ids.sol";
import {JobTerms} from "../../../contracts/types/Market.sol";
import {MarketSystem} from "./MarketSystem.sol";

/// What the market owes to whom, kept apart from it: amounts follow from the rules of the design and from call arguments, never from the contracts' counters.
abstract contract MarketLedger is MarketSystem {
    enum Phase {
        None,
        Open,
        Waiting, // locked, not acknowledged
        Running, // locked, the clock can slash
        Attested,
        Settled,
        Ended
    }

    struct Job {
        Phase phase;
        bool falsely; // attested with another output than the true one
        address prover;
        uint256 deposit;
        uint256 rampStart;
        uint256 lockedAt;
        uint256 until;
        uint256 fee;
        uint256 collected;
        uint256 epoch;
    }

    struct Licence {
        address buyer;
        bool timed;
        bool data;
        uint256 price;
        uint256 units;
        uint256 minUnits;
        uint256 period;
        uint256 start;
        uint256 used;
        uint256 reserved;
        uint256 collected;
        uint256 kept; // once closed
        bool closed;
        uint256 epoch;
    }

    uint256 internal constant BPS = 10_000;

    string public violation; // first property that a call broke
    uint256 public done; // calls that went through

    address[] internal _parties;
    mapping(address party => uint256) internal _due; // credited by right, withdrawals not subtracted
    mapping(address party => uint256) internal _withdrawn;
    mapping(address party => uint256) internal _staked; // active and unbonding
    mapping(address party => uint256) internal _lockedSum;
    uint256 internal _fees; // of the protocol, not swept
    uint256 internal _paidIn; // tokens seen going into the vault
    uint256 internal _paidOut;

    Job[] internal _jobs; // job id is the index + 1
    mapping(uint256 index => JobTerms) internal _terms;
    Licence[] internal _licences; // licence id is the index + 1

    function _check(bool holds, string memory what) internal {
        if (!holds && bytes(violation).length == 0) violation = what;
    }

    // --- rules, once more

    function _depositOf(uint256 feeMax) internal pure returns (uint256) {
        return feeMax + (feeMax * ROYALTY_BPS) / BPS + (feeMax * FEE_BPS) / BPS;
    }

    function _feeAt(JobTerms memory t, uint256 elapsed) internal pure returns (uint256) {
        if (elapsed >= t.ramp) return t.feeMax;
        return t.feeMin + ((uint256(t.feeMax) - t.feeMin) * elapsed) / t.ramp;
    }

    function _paySettlement(uint256 index) internal {
        Job storage job = _jobs[index];
        uint256 royalty = (job.fee * ROYALTY_BPS) / BPS;
        uint256 first = (royalty * CREATOR_BPS) / BPS;
        uint256 second = (royalty * (BPS - CREATOR_BPS)) / BPS;
        uint256 protocol = (job.fee * FEE_BPS) / BPS;
        _due[job.prover] += job.fee + job.collected;
        _due[CREATOR] += first;
        _due[COAUTHOR] += second;
        _fees += protocol;
        _due[_terms[index].sponsor] += job.deposit - job.fee - first - second - protocol;
        _lockedSum[job.prover] -= _terms[index].collateral;
        job.phase = Phase.Settled;
        _endReservation(index, true);
    }

    function _payEnd(uint256 index) internal {
        Job storage job = _jobs[index];
        _due[_terms[index].sponsor] += job.deposit;
        _due[TREASURY] += job.collected;
        job.phase = Phase.Ended;
        _endReservation(index, false);
    }

    /// Up to `loss` of what a slash of the collateral leaves after the treasury's fifth.
    function _slashLocker(uint256 index, uint256 loss) internal returns (uint256 compensation) {
        Job storage job = _jobs[index];
        uint256 collateral = _terms[index].collateral;
        uint256 slashed = collateral < _staked[job.prover] ? collateral : _staked[job.prover];
        uint256 rest = slashed - (slashed * CUT_BPS + BPS - 1) / BPS;
        compensation = loss < rest ? loss : rest;
        _staked[job.prover] -= slashed;
        _due[TREASURY] += slashed - compensation;
        _lockedSum[job.prover] -= collateral;
    }

    function _reopen(uint256 index, uint256 at) internal {
        Job storage job = _jobs[index];
        job.rampStart += at - job.lockedAt;
        job.phase = Phase.Open;
    }

    function _expireShadow(uint256 index) internal {
        Job storage job = _jobs[index];
        job.collected += _slashLocker(index, type(uint256).max);
        _reopen(index, job.until);
    }

    function _endReservation(uint256 index, bool earned) private {
        uint64 id = LicenseId.unwrap(_terms[index].modelLicense);
        if (id == 0) return;
        Licence storage l = _licences[id - 1];
        if (l.timed) return;
        uint256 worth = _worth(l);
        l.reserved -= 1;
        if (earned) l.used += 1;
        if (!l.closed) return;
        if (l.kept < l.price * l.used) l.kept = l.price * l.used;
        _due[l.buyer] += worth - _worth(l);
    }

    function _earned(Licence storage l) internal view returns (uint256) {
        if (l.closed) return l.kept;
        if (!l.timed) return l.price * l.used;
        uint256 duration = l.period * l.units;
        uint256 elapsed = block.timestamp - l.start;
        return (l.price * l.units * (elapsed < duration ? elapsed : duration)) / duration;
    }

    function _payCollect(Licence storage l) internal {
        uint256 total = _earned(l);
        uint256 left = total - l.collected;
        left -= _part(l, total, TREASURY, FEE_BPS, BPS);
        if (!l.data) {
            left -= _part(l, total, CREATOR, uint256(ROYALTY_BPS) * CREATOR_BPS, BPS * BPS);
            left -= _part(l, total, COAUTHOR, uint256(ROYALTY_BPS) * (BPS - CREATOR_BPS), BPS * BPS);
        }
        _due[l.data ? HOSPITAL : SELLER] += left;
        l.collected = total;
    }

    function _part(
        Licence storage l,
        uint256 total,
        address to,
        uint256 rate,
        uint256 over
    ) private returns (uint256 part) {
        part = (total * rate) / over - (l.collected * rate) / over;
        _due[to] += part;
    }

    /// What has not been given back: of a closed one, what its payees have for sure, or its uses and those that jobs hold.
    function _worth(Licence storage l) private view returns (uint256) {
        if (!l.closed) return l.price * l.units;
        uint256 taken = l.price * (l.used + l.reserved);
        return taken > l.kept ? taken : l.kept;
    }

    /// `lost`: the consent epoch has moved.
    function _payClose(Licence storage l, bool lost) internal {
        uint256 kept;
        if (l.timed) {
            uint256 duration = l.period * l.units;
            uint256 elapsed = block.timestamp - l.start < duration ? block.timestamp - l.start : duration;
            kept = (l.price * l.units * elapsed + duration - 1) / duration;
        } else {
            kept = l.price * l.used;
        }
        uint256 least = lost ? 0 : l.price * (l.minUnits < l.units ? l.minUnits : l.units);
        if (kept < least) kept = least;
        (l.kept, l.closed) = (kept, true);
        _due[l.buyer] += l.price * l.units - _worth(l);
    }

    // --- what must hold after every call

    function checkBooks() external view returns (string memory) {
        uint256 sum;
        for (uint256 i; i < _parties.length; ++i) {
            address party = _parties[i];
            uint256 credit = vault.creditOf(address(token), party);
            if (credit + _withdrawn[party] != _due[party]) return "P4: a party's credit is not what it is owed";
            uint256 staked = stake.activeOf(party) + stake.unbondingOf(party);
            if (staked != _staked[party]) return "P4: a party's stake is not what it put in less its slashes";
            if (stake.lockedBy(party, address(compute)) != _lockedSum[party]) return "P6: locks are not the live jobs'";
            sum += credit + staked;
        }
        for (uint256 i; i < _jobs.length; ++i) {
            Job storage job = _jobs[i];
            uint256 held = vault.heldOf(address(token), Purposes.JOB, bytes32(i + 1));
            bool live = job.phase != Phase.Settled && job.phase != Phase.Ended;
            if (held != (live ? job.deposit + job.collected : 0)) return "P4: a job's account is wrong";
            sum += held;
        }
        for (uint256 i; i < _licences.length; ++i) {
            Licence storage l = _licences[i];
            uint256 held = vault.heldOf(address(token), Purposes.LICENSE, bytes32(i + 1));
            if (held != _worth(l) - l.collected) return "P4: a licence's account is wrong";
            sum += held;
        }
        if (vault.heldOf(address(token), Purposes.JOB, 0) != _fees) return "P4: the protocol's fees are wrong";
        sum += _fees;
        if (sum != token.balanceOf(address(vault))) return "P4: the vault holds other than it owes";
        if (sum != _paidIn - _paidOut) return "P4: money came or went unseen";
        return violation;
    }

    function _jobId(uint256 index) internal pure returns (JobId) {
        return JobId.wrap(uint64(index + 1));
    }

    function _licenceId(uint256 index) internal pure returns (LicenseId) {
        return LicenseId.wrap(uint64(index + 1));
    }
}
