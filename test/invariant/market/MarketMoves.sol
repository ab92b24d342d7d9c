// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {ILicenseMarket} from "../../../contracts/interfaces/ILicenseMarket.sol";
import {Transcript} from "../../../contracts/libraries/Transcript.sol";
import {ConsentRef, Purpose} from "../../../contracts/types/Training.sol";
import {AttestorId, JobId, LicenseId, OfferId, VerifierId} from "../../../contracts/types/Ids.sol";
import {JobTerms, Permit, ProvenOutput, ProvenReceipt, Receipt} from "../../../contracts/types/Market.sol";
import {ProofSimulator} from "../../utils/ProofSimulator.sol";
import {bound, vm} from "../../utils/Vm.sol";
import {MarketLedger} from "./MarketLedger.sol";

/// Random life of the market: sponsors, provers, buyers, a hospital and strangers do what they may, and sometimes what they may not. A move that the rules allow has
/// to succeed and one that they forbid has to fail; both are judged from the shadow's state.
contract MarketMoves is MarketLedger {
    address internal constant STRANGER = address(0x57A6);
    uint256 internal constant PROVER_KEY = 0x940E0;
    uint256 internal constant SPONSORS = 3; // the last is the hospital
    uint256 internal constant PROVERS = 3;
    uint256 internal constant MAX_JOBS = 24;
    uint256 internal constant MAX_LICENCES = 24;

    bool internal _consentLive = true;
    uint256 internal _consentFrom;
    uint256 internal _pausedUntil;
    bool internal _retired;

    constructor() {
        vm.warp(1_800_000_000);
        _deploy();
        for (uint256 i; i < SPONSORS; ++i) _join(_sponsor(i), 0);
        for (uint256 i; i < PROVERS; ++i) _join(_prover(i), 50_000_000);
        for (uint256 i; i < 5; ++i) _parties.push([SELLER, CREATOR, COAUTHOR, TREASURY, STRANGER][i]);
        _offer(SELLER, ILicenseMarket.Asset.Model, 0, 100_003, 2);
        _offer(SELLER, ILicenseMarket.Asset.Model, 1 days, 7_919, 1);
        _offer(HOSPITAL, ILicenseMarket.Asset.Dataset, 0, 50_021, 2);
        _offer(HOSPITAL, ILicenseMarket.Asset.Dataset, 2 hours, 10_007, 0);
    }

    // --- jobs

    function request(uint256 who, uint256 seed) external {
        if (_jobs.length == MAX_JOBS) return;
        JobTerms memory t = _randomTerms(_sponsor(bound(who, 0, SPONSORS - 1)), seed);
        uint256 deposit = _depositOf(t.feeMax);
        bool legal = !_isPaused() && _mayUse(t) && !_isRetired(t);
        string memory what = legal ? "P9: a legal request failed" : "P7 P8: a request went through that must not";
        bytes memory call_ = abi.encodeCall(compute.request, (t, "", _noPermit()));
        if (!_move(t.sponsor, address(compute), call_, legal, what)) return;
        _paidIn += deposit;
        Job storage job = _jobs.push();
        (job.phase, job.deposit, job.rampStart) = (Phase.Open, deposit, block.timestamp);
        _store(_jobs.length - 1, t);
        if (LicenseId.unwrap(t.modelLicense) != 0) {
            Licence storage l = _licences[LicenseId.unwrap(t.modelLicense) - 1];
            if (!l.timed) l.reserved += 1;
        }
    }

    function lock(uint256 which, uint256 who) external {
        (bool any, uint256 i) = _pick(which, Phase.Open, Phase.Running);
        if (!any) return;
        Job storage job = _jobs[i];
        JobTerms memory t = _terms[i];
        address prover = _prover(bound(who, 0, PROVERS - 1));
        bool overdue = job.phase == Phase.Running && block.timestamp > job.until;
        bool forbidden = _isPaused() || !_mayUse(t) || _isRetired(t) || (job.phase != Phase.Open && !overdue);
        forbidden = forbidden || block.timestamp > t.deadline - t.ackWindow - t.lockWindow;
        bool poor = stake.freeOf(prover) < t.collateral || stake.isSuspended(prover);
        (bool ok, ) = _send(prover, address(compute), abi.encodeCall(compute.lock, (_jobId(i), t)));
        if (forbidden || poor) {
            // A locker whose own lock has run out may become poor, or rich, by its end.
            _check(!ok || (!forbidden && overdue), "P6 P7 P8: a lock went through that must not");
        } else if (!overdue) _check(ok, "P9: a legal lock failed");
        if (!ok) return;
        if (overdue) _expireShadow(i);
        (job.prover, job.lockedAt) = (prover, block.timestamp);
        job.fee = _feeAt(t, block.timestamp - job.rampStart);
        job.phase = t.ackWindow == 0 ? Phase.Running : Phase.Waiting;
        job.until = block.timestamp + (t.ackWindow == 0 ? t.lockWindow : t.ackWindow);
        job.epoch = t.datasetVersion == 0 ? 0 : consent.epochOf(dataset);
        _lockedSum[prover] += t.collateral;
    }

    function acknowledge(uint256 which) external {
        (bool any, uint256 i) = _pick(which, Phase.Waiting, Phase.Waiting);
        if (!any) return;
        Job storage job = _jobs[i];
        JobTerms memory t = _terms[i];
        bytes memory call_ = abi.encodeCall(compute.acknowledge, (_jobId(i), t));
        if (!_move(job.prover, address(compute), call_, block.timestamp <= job.until, "P8: acknowledgement")) return;
        (job.phase, job.until) = (Phase.Running, block.timestamp + t.lockWindow);
    }

    function abandon(uint256 which, bool byProver) external {
        (bool any, uint256 i) = _pick(which, Phase.Waiting, Phase.Waiting);
        if (!any) return;
        Job storage job = _jobs[i];
        bytes memory call_ = abi.encodeCall(compute.abandon, (_jobId(i), _terms[i]));
        bool legal = byProver || block.timestamp > job.until;
        if (!_move(byProver ? job.prover : STRANGER, address(compute), call_, legal, "P8 P9: abandon")) return;
        _lockedSum[job.prover] -= _terms[i].collateral;
        _reopen(i, block.timestamp);
    }

    function cancel(uint256 which) external {
        (bool any, uint256 i) = _pick(which, Phase.Open, Phase.Ended);
        if (!any) return;
        Job storage job = _jobs[i];
        JobTerms memory t = _terms[i];
        bytes memory call_ = abi.encodeCall(compute.cancel, (_jobId(i), t));
        if (!_move(t.sponsor, address(compute), call_, job.phase <= Phase.Waiting, "P8: cancel")) return;
        if (job.phase == Phase.Waiting) _lockedSum[job.prover] -= t.collateral;
        _payEnd(i);
    }

    function expire(uint256 which) external {
        (bool any, uint256 i) = _pick(which, Phase.Open, Phase.Ended);
        if (!any) return;
        Job storage job = _jobs[i];
        bytes memory call_ = abi.encodeCall(compute.expire, (_jobId(i), _terms[i]));
        bool legal = job.phase == Phase.Running && block.timestamp > job.until && !_isRetired(_terms[i]);
        if (_move(STRANGER, address(compute), call_, legal, "P5 P9: expire")) _expireShadow(i);
    }

    function end(uint256 which) external {
        (bool any, uint256 i) = _pick(which, Phase.Open, Phase.Ended);
        if (any) _endJob(i);
    }

    // --- receipts

    function deliver(uint256 which, bool relayed) external {
        (bool any, uint256 i) = _pick(which, Phase.Open, Phase.Settled);
        if (!any) return;
        Job storage job = _jobs[i];
        ProvenReceipt memory item = _proven(i, true);
        address by = relayed ? STRANGER : job.prover;
        if (by == address(0)) return;
        bytes memory call_ = abi.encodeCall(receipts.settle, (item));
        if (_move(by, address(receipts), call_, _deliverable(i), "P5: a delivery")) _paySettlement(i);
    }

    /// Three receipts, each good or bad by its own shadow; the bad ones block nobody.
    function deliverBatch(uint256 a, uint256 b, uint256 c, uint256 spoilt) external {
        uint256 count = _jobs.length;
        if (count == 0) return;
        uint256[3] memory picks = [a % count, b % count, c % count];
        ProvenReceipt[] memory items = new ProvenReceipt[](3);
        bool[3] memory good;
        for (uint256 k; k < 3; ++k) {
            bool honest = spoilt % 4 != k;
            items[k] = _proven(picks[k], honest);
            good[k] = honest && _deliverable(picks[k]);
            for (uint256 j; j < k; ++j) if (good[j] && picks[j] == picks[k]) good[k] = false;
        }
        (bool ok, bytes memory ret) = _send(STRANGER, address(receipts), abi.encodeCall(receipts.settleBatch, (items)));
        _check(ok, "P5: a bad receipt blocked a batch");
        uint256 expected;
        for (uint256 k; k < 3; ++k) if (good[k]) ++expected;
        _check(ok && abi.decode(ret, (uint256)) == expected, "P5: a batch settled what it must not, or too little");
        for (uint256 k; k < 3; ++k) if (ok && good[k]) _paySettlement(picks[k]);
    }

    function attest(uint256 which, bool falsely) external {
        (bool any, uint256 i) = _pick(which, Phase.Running, Phase.Running);
        if (!any) return;
        Job storage job = _jobs[i];
        JobTerms memory t = _terms[i];
        job.falsely = falsely;
        Receipt memory r = _receipt(i, falsely ? 0 : 1);
        bytes memory signature = _sign(ATTESTOR_KEY, receipts.digestOf(r));
        bytes memory call_ = abi.encodeCall(receipts.attest, (t, r, "", attestor, signature));
        bool legal = block.timestamp <= job.until && t.challengeWindow != 0;
        if (!_move(job.prover, address(receipts), call_, legal, "P5: an attestation")) return;
        (job.phase, job.until) = (Phase.Attested, block.timestamp + t.challengeWindow);
    }

    function challenge(uint256 which, bool byStranger) external {
        (bool any, uint256 i) = _pick(which, Phase.Attested, Phase.Attested);
        if (!any) return;
        Job storage job = _jobs[i];
        JobTerms memory t = _terms[i];
        address by = byStranger ? STRANGER : job.prover;
        ProvenOutput memory output = _output(i, i);
        bytes32 salt = bytes32(uint256(i));
        bytes32 commitment = keccak256(abi.encode(by, _jobId(i), output, salt));
        _send(by, address(receipts), abi.encodeCall(receipts.commitChallenge, (commitment)));
        vm.roll(block.number + 1);
        Receipt memory r = _receipt(i, job.falsely ? 0 : 1);
        bytes memory call_ = abi.encodeCall(receipts.challenge, (t, r, output, salt));
        bool legal = job.falsely && block.timestamp <= job.until && !_isRetired(t);
        if (!_move(by, address(receipts), call_, legal, "P6: a challenge")) return;
        _due[by] += _slashLocker(i, job.fee);
        _reopen(i, block.timestamp);
    }

    function release(uint256 which) external {
        (bool any, uint256 i) = _pick(which, Phase.Attested, Phase.Attested);
        if (any) _releaseJob(i);
    }

    function sweepFees() external {
        bytes memory call_ = abi.encodeCall(compute.sweepFees, ());
        if (!_move(STRANGER, address(compute), call_, true, "P8: fees could not be swept")) return;
        _due[TREASURY] += _fees;
        _fees = 0;
    }

    // --- licences

    function buy(uint256 who, uint256 offer, uint256 units) external {
        if (_licences.length == MAX_LICENCES) return;
        address by = _sponsor(bound(who, 0, SPONSORS - 1));
        offer = bound(offer, 1, 4);
        units = bound(units, 1, 5);
        (ILicenseMarket.Offer memory o, ) = licenses.offerOf(OfferId.wrap(uint64(offer)));
        Purpose memory purpose = _purpose(by);
        bytes memory call_ = abi.encodeCall(
            licenses.buy,
            (OfferId.wrap(uint64(offer)), uint32(units), purpose, _noPermit())
        );
        bool data = o.asset == ILicenseMarket.Asset.Dataset;
        bool legal = !_isPaused() && (!data || _isConsented());
        if (!_move(by, address(licenses), call_, legal, "P7 P8: a purchase")) return;
        _paidIn += uint256(o.price) * units;
        Licence storage l = _licences.push();
        (l.buyer, l.timed, l.data) = (by, o.period != 0, data);
        (l.price, l.units, l.minUnits) = (o.price, units, o.minUnits);
        (l.period, l.start, l.epoch) = (o.period, block.timestamp, data ? consent.epochOf(dataset) : 0);
    }

    function useLicence(uint256 which, uint256 uses) external {
        if (_licences.length == 0) return;
        uint256 i = which % _licences.length;
        Licence storage l = _licences[i];
        uses = bound(uses, 1, 3);
        bytes memory call_ = abi.encodeCall(licenses.use, (_licenceId(i), uint32(uses)));
        if (_move(l.buyer, address(licenses), call_, _isValid(l, uses), "P7 P8: a use") && !l.timed) l.used += uses;
    }

    function collect(uint256 which) external {
        if (_licences.length == 0) return;
        uint256 i = which % _licences.length;
        bytes memory call_ = abi.encodeCall(licenses.collect, (_licenceId(i)));
        if (_move(STRANGER, address(licenses), call_, true, "P8: collecting failed")) _payCollect(_licences[i]);
    }

    function closeLicence(uint256 which, bool byStranger) external {
        if (_licences.length == 0) return;
        uint256 i = which % _licences.length;
        Licence storage l = _licences[i];
        bytes memory call_ = abi.encodeCall(licenses.close, (_licenceId(i)));
        bool legal = !l.closed && (!byStranger || (l.data && !_isConsented()));
        if (!_move(byStranger ? STRANGER : l.buyer, address(licenses), call_, legal, "P8: closing a licence")) return;
        _payClose(l, l.data && consent.epochOf(dataset) != l.epoch);
    }

    // --- the world

    function moveStake(uint256 who, uint256 amount, uint256 what) external {
        address by = _prover(bound(who, 0, PROVERS - 1));
        if (what % 3 == 0) {
            amount = bound(amount, 1, 20_000_000);
            bytes memory call_ = abi.encodeCall(stake.deposit, (amount));
            if (!_move(by, address(stake), call_, !_isPaused(), "P8: a deposit")) return;
            (_staked[by], _paidIn) = (_staked[by] + amount, _paidIn + amount);
        } else if (what % 3 == 1) {
            uint256 free = stake.freeOf(by);
            amount = bound(amount, 1, free + 1);
            (bool ok, ) = _send(by, address(stake), abi.encodeCall(stake.unbond, (amount)));
            _check(!ok || amount <= free, "P6: locked stake left");
        } else {
            uint256 index = amount % 16;
            (uint256 matured, ) = stake.unbondingAt(by, index);
            (bool ok, ) = _send(by, address(stake), abi.encodeCall(stake.withdrawUnbonded, (index)));
            if (ok) (_staked[by], _due[by]) = (_staked[by] - matured, _due[by] + matured);
        }
    }

    function withdraw(uint256 who, uint256 amount) external {
        address by = _parties[who % _parties.length];
        uint256 credit = vault.creditOf(address(token), by);
        amount = bound(amount, 0, credit);
        uint256 before = token.balanceOf(by);
        (bool ok, ) = _send(by, address(vault), abi.encodeCall(vault.withdrawTo, (address(token), by, amount)));
        _check(ok && token.balanceOf(by) - before == amount, "P8: a withdrawal");
        _withdrawn[by] += token.balanceOf(by) - before;
        _paidOut += token.balanceOf(by) - before;
    }

    function toggleConsent(bool live) external {
        bytes32 grants = live ? keccak256(abi.encode(block.timestamp)) : bytes32(0);
        bytes memory call_ = abi.encodeCall(consent.setGrants, (dataset, grants, 10, false));
        _move(HOSPITAL, address(consent), call_, true, "P8: grants");
        _consentLive = live;
        uint256 from = block.timestamp + 1 days;
        if (from > _consentFrom) _consentFrom = from;
    }

    function pause(uint256 length) external {
        if (length % 8 != 0) return;
        try parameters.pauseEntries(uint32(bound(length, 1 minutes, 1 days))) {
            _pausedUntil = parameters.entriesPausedUntil();
        } catch {}
    }

    function retire(uint256 chance) external {
        if (_retired || chance % 16 != 0) return;
        verifiers.retire(retirable);
        _retired = true;
    }

    function pass(uint256 time) external {
        vm.warp(block.timestamp + bound(time, 1, time % 5 == 0 ? 2 days : 20 minutes));
        vm.roll(block.number + 1);
    }

    /// Waits until every clock has run out and ends all jobs: nobody's help is needed (P9).
    function finish(uint256 chance) external {
        if (chance % 8 != 0) return;
        vm.warp(block.timestamp + 11 days);
        for (uint256 i; i < _jobs.length; ++i) {
            if (_jobs[i].phase == Phase.Attested && !_isRetired(_terms[i])) _releaseJob(i);
            else if (_jobs[i].phase < Phase.Settled) _endJob(i);
            _check(_jobs[i].phase >= Phase.Settled, "P9: a job has no exit");
        }
    }

    // --- shared

    function _endJob(uint256 i) private {
        Job storage job = _jobs[i];
        JobTerms memory t = _terms[i];
        bytes memory call_ = abi.encodeCall(compute.end, (_jobId(i), t));
        bool late = block.timestamp > t.deadline && job.phase != Phase.Attested;
        bool legal = job.phase < Phase.Settled && (_isRetired(t) || late);
        if (!_move(STRANGER, address(compute), call_, legal, "P5 P9 P10: ending a job")) return;
        if (_isRetired(t) || job.phase == Phase.Waiting) {
            if (job.phase != Phase.Open) _lockedSum[job.prover] -= t.collateral;
        } else if (job.phase == Phase.Running) _expireShadow(i);
        _payEnd(i);
    }

    function _releaseJob(uint256 i) private {
        Job storage job = _jobs[i];
        Receipt memory r = _receipt(i, job.falsely ? 0 : 1);
        bytes memory call_ = abi.encodeCall(receipts.release, (_terms[i], r));
        bool legal = block.timestamp > job.until && !_isRetired(_terms[i]);
        if (_move(STRANGER, address(receipts), call_, legal, "P9: a release")) _paySettlement(i);
    }

    function _deliverable(uint256 i) private view returns (bool) {
        Job storage job = _jobs[i];
        return job.phase == Phase.Running && block.timestamp <= job.until && !_isRetired(_terms[i]);
    }

    function _isPaused() internal view returns (bool) {
        return block.timestamp < _pausedUntil;
    }

    function _isConsented() internal view returns (bool) {
        return _consentLive && block.timestamp >= _consentFrom;
    }

    function _mayUse(JobTerms memory t) private view returns (bool) {
        return t.datasetVersion == 0 || _isConsented();
    }

    function _isRetired(JobTerms memory t) private view returns (bool) {
        return _retired && VerifierId.unwrap(t.verifier) == VerifierId.unwrap(retirable);
    }

    function _isValid(Licence storage l, uint256 uses) private view returns (bool) {
        if (l.closed || (l.data && !_isConsented())) return false;
        if (l.timed) return block.timestamp < l.start + l.period * l.units;
        return l.used + l.reserved + uses <= l.units;
    }

    /// A job between the two phases, the first from `which` on.
    function _pick(uint256 which, Phase from, Phase to) private view returns (bool, uint256) {
        uint256 count = _jobs.length;
        for (uint256 k; k < count; ++k) {
            uint256 i = ((which % count) + k) % count;
            if (_jobs[i].phase >= from && _jobs[i].phase <= to) return (true, i);
        }
        return (false, 0);
    }

    function _randomTerms(address sponsor, uint256 seed) private view returns (JobTerms memory t) {
        (t.kind, t.sponsor, t.model, t.modelRoot) = (keccak256("inference"), sponsor, model, root);
        t.verifier = seed % 5 == 0 && !_retired ? retirable : verifier;
        t.feeMin = uint96(_draw(seed, 1, 0, 1_000_000));
        t.feeMax = uint96(t.feeMin + _draw(seed, 2, 1, 3_000_000));
        t.collateral = uint96(_draw(seed, 3, 1_000, 9_000_000));
        t.ramp = uint32(_draw(seed, 4, 0, 2 hours));
        t.lockWindow = uint32(_draw(seed, 5, 60, 1 hours));
        t.inputCommitment = seed >> 8;
        if (_draw(seed, 6, 0, 2) == 0) {
            (t.privateInput, t.ackWindow) = (true, uint32(_draw(seed, 7, 60, 10 minutes)));
            t.provers = new address[](PROVERS);
            for (uint256 i; i < PROVERS; ++i) t.provers[i] = _prover(i);
        }
        if (_draw(seed, 8, 0, 1) == 0) {
            t.challengeWindow = uint32(_draw(seed, 9, 60, 1 hours));
            t.attesters = new AttestorId[](1);
            t.attesters[0] = attestor;
        }
        if (sponsor == HOSPITAL && _draw(seed, 10, 0, 1) == 0) {
            (t.dataset, t.datasetVersion, t.purpose) = (dataset, 1, _purpose(sponsor));
        }
        t.modelLicense = _licenceFor(sponsor, seed);
        t.deadline = uint64(block.timestamp + t.ackWindow + t.lockWindow + _draw(seed, 11, 0, 6 hours));
    }

    function _licenceFor(address sponsor, uint256 seed) private view returns (LicenseId) {
        uint256 count = _licences.length;
        for (uint256 k; k < count && _draw(seed, 12, 0, 1) == 0; ++k) {
            Licence storage l = _licences[k];
            if (l.buyer == sponsor && !l.data && _isValid(l, 1)) return _licenceId(k);
        }
        return LicenseId.wrap(0);
    }

    function _draw(uint256 seed, uint256 what, uint256 min, uint256 max) private pure returns (uint256) {
        return min + (uint256(keccak256(abi.encode(seed, what))) % (max - min + 1));
    }

    function _receipt(uint256 i, uint256 decision) private view returns (Receipt memory r) {
        JobTerms memory t = _terms[i];
        (r.job, r.termsHash, r.model) = (_jobId(i), keccak256(abi.encode(t)), model);
        (r.inputCommitment, r.outputCommitment) = (t.inputCommitment, Transcript.outputCommitment(decision, i));
        r.prover = _jobs[i].prover;
        if (t.datasetVersion == 0) return r;
        ConsentRef[] memory refs = new ConsentRef[](1);
        refs[0] = ConsentRef(dataset, 1, uint64(_jobs[i].epoch));
        (r.datasetHash, r.consentHash) = (keccak256("manifest"), Transcript.consentSetHash(address(consent), refs));
    }

    function _proven(uint256 i, bool honest) private view returns (ProvenReceipt memory item) {
        item.terms = _terms[i];
        item.receipt = _receipt(i, 1);
        item.output = _output(i, honest ? i : i + 1);
        for (uint256 k; k < PROVERS; ++k)
            if (_prover(k) == item.receipt.prover)
                item.signature = _sign(PROVER_KEY + k, receipts.digestOf(item.receipt));
    }

    /// Decision 1 and score i are the truth about job i; the proof shows that score only if it is `proven`.
    function _output(uint256 i, uint256 proven) private view returns (ProvenOutput memory output) {
        uint256[] memory inputs = new uint256[](4);
        (inputs[0], inputs[1], inputs[2], inputs[3]) = (root, _terms[i].inputCommitment, 1, proven);
        (output.decision, output.score) = (1, i);
        output.proof = ProofSimulator.prove(ProofSimulator.key(4), inputs, 1);
    }

    function _sign(uint256 key, bytes32 digest) private pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function _store(uint256 i, JobTerms memory t) private {
        _terms[i] = t;
    }

    function _offer(address seller, ILicenseMarket.Asset asset, uint32 period, uint96 price, uint32 minUnits) private {
        ILicenseMarket.Offer memory o;
        bool data = asset == ILicenseMarket.Asset.Dataset;
        (o.seller, o.asset, o.assetId, o.version) = (seller, asset, 1, data ? 1 : 0);
        (o.pricing, o.price) = (period == 0 ? ILicenseMarket.Pricing.PerUse : ILicenseMarket.Pricing.Timed, price);
        (o.period, o.minUnits, o.maxUnits) = (period, minUnits, 5);
        vm.prank(seller);
        licenses.offer(o);
    }

    function _join(address party, uint256 staked) private {
        _parties.push(party);
        token.mint(party, 1e15);
        vm.startPrank(party);
        token.approve(address(vault), type(uint256).max);
        if (staked != 0) stake.deposit(staked);
        vm.stopPrank();
        (_staked[party], _paidIn) = (staked, _paidIn + staked);
    }

    /// A call that goes through exactly when the rules allow it; `what` says which do.
    function _move(
        address by,
        address to,
        bytes memory data,
        bool legal,
        string memory what
    ) private returns (bool ok) {
        (ok, ) = _send(by, to, data);
        _check(ok == legal, what);
        if (ok) ++done;
    }

    function _send(address by, address to, bytes memory data) internal returns (bool ok, bytes memory ret) {
        vm.prank(by);
        (ok, ret) = to.call(data);
    }

    function _sponsor(uint256 i) internal pure returns (address) {
        return i == SPONSORS - 1 ? HOSPITAL : address(uint160(0x5900 + i));
    }

    function _prover(uint256 i) internal pure returns (address) {
        return vm.addr(PROVER_KEY + i);
    }

    function _purpose(address user) private pure returns (Purpose memory p) {
        (p.permission, p.user) = (42, user);
    }

    function _noPermit() private pure returns (Permit memory p) {}
}
