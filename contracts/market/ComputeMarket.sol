// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Module, Modules} from "../access/Module.sol";
import {IComputeMarket} from "../interfaces/IComputeMarket.sol";
import {IModelINFT} from "../interfaces/IModelINFT.sol";
import {IProtocolParameters} from "../interfaces/IProtocolParameters.sol";
import {IStake} from "../interfaces/IStake.sol";
import {IVault} from "../interfaces/IVault.sol";
import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";
import {Purposes} from "../libraries/Purposes.sol";
import {JobId, ModelId} from "../types/Ids.sol";
import {JobStakes, JobTerms, Permit} from "../types/Market.sol";
import {JobRules} from "./JobRules.sol";
import {Permits} from "./Permits.sol";

/// @title ComputeMarket: see IComputeMarket. The money itself lies in the vault under (JOB, job).
contract ComputeMarket is IComputeMarket, Module {
    /// @custom:storage-location erc7201:mednexus.storage.ComputeMarket
    struct ComputeStorage {
        uint64 count;
        mapping(JobId => Job) jobs;
    }

    /// Bytes.
    uint256 public constant MAX_URI = 512;
    /// Account of the protocol's fees: no job has id 0.
    bytes32 private constant FEES = 0;
    /// What a lock that delivers nothing, and a receipt that a proof contradicts, are slashed for.
    bytes32 public constant OFFENCE_NO_DELIVERY = keccak256("mednexus.offence.noDelivery");
    bytes32 public constant OFFENCE_FALSE_RECEIPT = keccak256("mednexus.offence.falseReceipt");

    // keccak256(abi.encode(uint256(keccak256("mednexus.storage.ComputeMarket")) - 1)) & ~bytes32(uint256(0xff)); recomputed in a test
    bytes32 private constant COMPUTE_SLOT = 0x95c54e53ea63dcbb20d63335404d64283450d0590c7c960ec4b43acca5194b00;

    function initialize(address authority) external initializer {
        __Module_init(authority);
    }

    // --- the sponsor

    /// @inheritdoc IComputeMarket
    function request(
        JobTerms calldata terms,
        string calldata inputUri,
        Permit calldata permit
    ) external returns (JobId id) {
        if (bytes(inputUri).length > MAX_URI) revert InputUriTooLong(bytes(inputUri).length, MAX_URI);
        Modules storage m = _modules();
        _parameters().requireEntriesOpen();
        uint16 protocolFeeBps = JobRules.requireTerms(m, terms);
        JobRules.requireConsent(m, terms);

        uint256 deposit;
        (id, deposit) = _open(terms, inputUri, protocolFeeBps);
        JobRules.reserve(m, terms);
        address token = _token();
        Permits.spend(token, msg.sender, m.vault, deposit, permit);
        _vault().deposit(token, Purposes.JOB, _party(id), msg.sender, deposit);
    }

    /// @inheritdoc IComputeMarket
    function cancel(JobId id, JobTerms calldata terms) external {
        Job storage job = _job(id, terms);
        if (terms.sponsor != msg.sender) revert NotSponsor(id, msg.sender);
        if (job.state == State.Locked && !job.acknowledged) _abandon(id, job, terms);
        if (job.state != State.Open) revert WrongState(id, job.state);
        _end(id, job, terms, "cancelled");
    }

    // --- the prover

    /// @inheritdoc IComputeMarket
    function lock(JobId id, JobTerms calldata terms) external {
        Modules storage m = _modules();
        _parameters().requireEntriesOpen();
        Job storage job = _job(id, terms);
        if (!_isLive(terms)) revert VerifierNotLive(id);
        if (_isExpired(job)) _expire(id, job, terms);
        if (job.state != State.Open) revert WrongState(id, job.state);
        uint256 last = terms.deadline - terms.ackWindow - terms.lockWindow; // JobRules: no underflow
        if (block.timestamp > last) revert TooLate(id, last);
        if (!JobRules.isListed(terms, msg.sender)) revert ProverNotAccepted(id, msg.sender);
        if (terms.sealedWeights && !IModelINFT(m.inft).mayUse(terms.model, msg.sender))
            revert ProverNotAuthorised(terms.model, msg.sender);

        uint96 fee = JobRules.feeAt(terms, block.timestamp - job.rampStart);
        bool acknowledged = terms.ackWindow == 0;
        uint40 until = uint40(block.timestamp + (acknowledged ? terms.lockWindow : terms.ackWindow));
        (job.prover, job.state, job.acknowledged) = (msg.sender, State.Locked, acknowledged);
        (job.lockedAt, job.until, job.fee) = (uint40(block.timestamp), until, fee);
        uint64 epoch = JobRules.requireConsent(m, terms);
        job.consentEpoch = epoch;
        emit JobLocked(id, msg.sender, fee, epoch, until);
        IStake(m.stake).lock(msg.sender, terms.collateral);
    }

    /// @inheritdoc IComputeMarket
    function acknowledge(JobId id, JobTerms calldata terms) external {
        Job storage job = _locked(id, terms);
        if (job.prover != msg.sender) revert NotLocker(id, msg.sender);
        if (job.acknowledged) revert WrongState(id, State.Locked);
        if (block.timestamp > job.until) revert TooLate(id, job.until);
        uint40 until = uint40(block.timestamp + terms.lockWindow);
        (job.acknowledged, job.until) = (true, until);
        emit JobAcknowledged(id, msg.sender, until);
    }

    /// @inheritdoc IComputeMarket
    function abandon(JobId id, JobTerms calldata terms) external {
        Job storage job = _locked(id, terms);
        if (job.acknowledged) revert WrongState(id, State.Locked);
        if (job.prover != msg.sender && block.timestamp <= job.until) revert TooEarly(id, job.until);
        _abandon(id, job, terms);
    }

    // --- anybody

    /// @inheritdoc IComputeMarket
    function expire(JobId id, JobTerms calldata terms) external {
        Job storage job = _locked(id, terms);
        if (!job.acknowledged) revert NotAcknowledged(id);
        if (block.timestamp <= job.until) revert TooEarly(id, job.until);
        if (!_isLive(terms)) revert VerifierNotLive(id); // nobody is to blame: `end`
        _expire(id, job, terms);
    }

    /// @inheritdoc IComputeMarket
    function end(JobId id, JobTerms calldata terms) external {
        Job storage job = _job(id, terms);
        if (job.state == State.Settled || job.state == State.Ended) revert WrongState(id, job.state);
        if (!_isLive(terms)) {
            if (job.state != State.Open) _unlock(job, terms.collateral);
            _end(id, job, terms, "verifier");
            return;
        }
        if (block.timestamp <= terms.deadline) revert TooEarly(id, terms.deadline);
        if (_isExpired(job))
            _expire(id, job, terms);
            // Every acknowledgement window has passed by now.
        else if (job.state == State.Locked) _abandon(id, job, terms);
        if (job.state != State.Open) revert WrongState(id, job.state);
        _end(id, job, terms, "deadline");
    }

    /// @inheritdoc IComputeMarket
    function sweepFees() external returns (uint256 amount) {
        address token = _token();
        amount = _vault().heldOf(token, Purposes.JOB, FEES);
        emit FeesSwept(amount);
        _vault().credit(token, Purposes.JOB, FEES, _parameters().treasury(), amount);
    }

    // --- JobReceipts

    /// @inheritdoc IComputeMarket
    function deliver(
        JobId id,
        bytes32 termsHash,
        JobStakes calldata stakes,
        address prover
    ) external returns (uint64 consentEpoch) {
        Job storage job = _deliverable(id, termsHash, prover);
        _settle(id, job, stakes);
        return stakes.ofDataset ? job.consentEpoch : 0;
    }

    /// @inheritdoc IComputeMarket
    function attest(
        JobId id,
        bytes32 termsHash,
        JobStakes calldata stakes,
        address prover,
        bytes32 digest
    ) external returns (uint64 consentEpoch) {
        Job storage job = _deliverable(id, termsHash, prover);
        if (stakes.challengeWindow == 0) revert BadTerms("challengeWindow");
        uint40 until = uint40(block.timestamp + stakes.challengeWindow);
        (job.state, job.until, job.attested) = (State.Attested, until, digest);
        emit JobAttested(id, prover, digest, until);
        return stakes.ofDataset ? job.consentEpoch : 0;
    }

    /// @inheritdoc IComputeMarket
    function refute(
        JobId id,
        bytes32 termsHash,
        JobStakes calldata stakes,
        bytes32 digest,
        address challenger
    ) external {
        Job storage job = _attested(id, termsHash, digest);
        if (block.timestamp > job.until) revert TooLate(id, job.until);
        address prover = job.prover;
        _reopen(job, block.timestamp);
        (uint256 slashed, uint256 compensation) = _slash(id, prover, stakes.collateral, job.fee, OFFENCE_FALSE_RECEIPT);
        emit ReceiptRefuted(id, prover, challenger, slashed, compensation);
        _credit(_token(), id, challenger, compensation);
    }

    /// @inheritdoc IComputeMarket
    function release(JobId id, bytes32 termsHash, JobStakes calldata stakes, bytes32 digest) external {
        Job storage job = _attested(id, termsHash, digest);
        if (block.timestamp <= job.until) revert TooEarly(id, job.until);
        _settle(id, job, stakes);
    }

    // --- views

    /// @inheritdoc IComputeMarket
    function jobOf(JobId id) external view returns (Job memory) {
        return _compute().jobs[id];
    }

    /// @inheritdoc IComputeMarket
    function feeOf(JobId id, JobTerms calldata terms) external view returns (uint256) {
        Job storage job = _job(id, terms);
        if (job.state == State.Open) return JobRules.feeAt(terms, block.timestamp - job.rampStart);
        if (_isExpired(job)) return JobRules.feeAt(terms, job.lockedAt - job.rampStart + block.timestamp - job.until);
        return job.fee;
    }

    /// @inheritdoc IComputeMarket
    function depositFor(JobTerms calldata terms) external view returns (uint256) {
        return JobRules.deposit(terms.feeMax, _royaltyBps(terms.model), _parameters().get().protocolFeeBps);
    }

    // --- states

    function _open(
        JobTerms calldata terms,
        string calldata inputUri,
        uint16 protocolFeeBps
    ) private returns (JobId id, uint256 deposit) {
        id = JobId.wrap(++_compute().count);
        Job storage job = _compute().jobs[id];
        bytes32 termsHash = JobRules.hashOf(terms);
        if (termsHash == 0) revert BadTerms("encoding");
        (job.termsHash, job.state) = (termsHash, State.Open);
        (job.rampStart, job.protocolFeeBps) = (uint40(block.timestamp), protocolFeeBps);
        deposit = JobRules.deposit(terms.feeMax, _royaltyBps(terms.model), protocolFeeBps);
        emit JobRequested(id, terms.model, msg.sender, deposit, job.termsHash, terms, inputUri);
    }

    function _abandon(JobId id, Job storage job, JobTerms calldata terms) private {
        _unlock(job, terms.collateral);
        _reopen(job, block.timestamp);
        emit LockAbandoned(id, job.prover, msg.sender);
    }

    /// Slashes; what is left of the collateral waits in the job for whoever delivers.
    function _expire(JobId id, Job storage job, JobTerms calldata terms) private {
        _reopen(job, job.until);
        uint256 c = terms.collateral;
        (uint256 slashed, uint256 rest) = _slash(id, job.prover, c, c, OFFENCE_NO_DELIVERY);
        job.collected += uint96(rest); // a part of a stake, which has 96 bits; a sum above them reverts
        emit LockExpired(id, job.prover, slashed, rest);
    }

    /// The ramp stood still from the lock until `at`.
    function _reopen(Job storage job, uint256 at) private {
        job.state = State.Open;
        job.rampStart += uint40(at - job.lockedAt); // at <= now
        job.attested = 0;
    }

    /// Gives back everything that is the sponsor's; collateral of others never is.
    function _end(JobId id, Job storage job, JobTerms calldata terms, bytes32 reason) private {
        job.state = State.Ended;
        uint256 toTreasury = job.collected;
        job.collected = 0;
        uint256 refund = JobRules.deposit(terms.feeMax, _royaltyBps(terms.model), job.protocolFeeBps);
        emit JobEnded(id, reason, refund, toTreasury);
        JobRules.settleReservations(_modules(), JobRules.stakesOf(terms), false);
        address token = _token();
        _credit(token, id, terms.sponsor, refund);
        _credit(token, id, _parameters().treasury(), toTreasury);
    }

    /// Fee and collected collateral to the prover, royalty to the split, the protocol's fee, the rest back. What payees lose by rounding goes to the sponsor.
    function _settle(JobId id, Job storage job, JobStakes memory stakes) private {
        job.state = State.Settled;
        uint256 fee = job.fee;
        uint256 collected = job.collected;
        if (collected != 0) job.collected = 0;
        uint256 royaltyBps = _royaltyBps(stakes.model);
        uint256 refund = JobRules.deposit(stakes.feeMax, royaltyBps, job.protocolFeeBps) - fee;
        uint256 protocolFee = (fee * job.protocolFeeBps) / JobRules.BPS;

        _unlock(job, stakes.collateral);
        JobRules.settleReservations(_modules(), stakes, true);
        address token = _token();
        _credit(token, id, job.prover, fee + collected);
        _vault().move(token, Purposes.JOB, _party(id), Purposes.JOB, FEES, protocolFee);
        uint256 royalty = _payRoyalty(token, id, stakes.model, (fee * royaltyBps) / JobRules.BPS);
        refund -= royalty + protocolFee;
        _credit(token, id, stakes.sponsor, refund);
        emit JobSettled(id, job.prover, fee, collected, royalty, protocolFee, refund);
    }

    function _payRoyalty(address token, JobId id, ModelId model, uint256 royalty) private returns (uint256 paid) {
        if (royalty == 0) return 0;
        IModelINFT.Payee[] memory split = IModelINFT(_modules().inft).splitOf(model);
        for (uint256 i; i < split.length; ++i) {
            uint256 part = (royalty * split[i].bps) / JobRules.BPS;
            paid += part;
            _credit(token, id, split[i].account, part);
        }
    }

    // --- stake

    function _unlock(Job storage job, uint256 collateral) private {
        IStake(_modules().stake).unlock(job.prover, collateral);
    }

    /// The lock goes first: what it held back is then free, and a slash takes free stake before anything that other modules rely on.
    function _slash(
        JobId id,
        address prover,
        uint256 collateral,
        uint256 loss,
        bytes32 offence
    ) private returns (uint256 slashed, uint256 compensation) {
        IStake stake = IStake(_modules().stake);
        stake.unlock(prover, collateral);
        return stake.slash(prover, collateral, loss, offence, Purposes.JOB, _party(id));
    }

    // --- internals

    function _job(JobId id, JobTerms calldata terms) private view returns (Job storage job) {
        job = _compute().jobs[id];
        _requireTermsHash(id, job, JobRules.hashOf(terms));
    }

    function _requireTermsHash(JobId id, Job storage job, bytes32 termsHash) private view {
        bytes32 own = job.termsHash;
        if (own == 0 || own != termsHash) revert WrongTerms(id);
    }

    function _locked(JobId id, JobTerms calldata terms) private view returns (Job storage job) {
        job = _job(id, terms);
        if (job.state != State.Locked) revert WrongState(id, job.state);
    }

    function _deliverable(JobId id, bytes32 termsHash, address prover) private view returns (Job storage job) {
        job = _ofReceipts(id, termsHash);
        if (job.state != State.Locked) revert WrongState(id, job.state);
        if (job.prover != prover) revert NotLocker(id, prover);
        if (!job.acknowledged) revert NotAcknowledged(id);
        if (block.timestamp > job.until) revert TooLate(id, job.until);
    }

    function _attested(JobId id, bytes32 termsHash, bytes32 digest) private view returns (Job storage job) {
        job = _ofReceipts(id, termsHash);
        if (job.state != State.Attested || job.attested != digest) revert WrongState(id, job.state);
    }

    function _ofReceipts(JobId id, bytes32 termsHash) private view returns (Job storage job) {
        if (msg.sender != _modules().receipts) revert NotReceipts(msg.sender);
        job = _compute().jobs[id];
        _requireTermsHash(id, job, termsHash);
    }

    function _isExpired(Job storage job) private view returns (bool) {
        return job.state == State.Locked && job.acknowledged && block.timestamp > job.until;
    }

    function _isLive(JobTerms calldata terms) private view returns (bool) {
        return IVerifierRegistry(_modules().verifiers).isLive(terms.verifier);
    }

    /// Fixed at mint.
    function _royaltyBps(ModelId model) private view returns (uint256) {
        return IModelINFT(_modules().inft).royaltyBpsOf(model);
    }

    function _credit(address token, JobId id, address owner, uint256 amount) private {
        if (amount != 0) _vault().credit(token, Purposes.JOB, _party(id), owner, amount);
    }

    function _party(JobId id) private pure returns (bytes32) {
        return bytes32(uint256(JobId.unwrap(id)));
    }

    function _token() private view returns (address) {
        return IStake(_modules().stake).token();
    }

    function _vault() private view returns (IVault) {
        return IVault(_modules().vault);
    }

    function _parameters() private view returns (IProtocolParameters) {
        return IProtocolParameters(_modules().parameters);
    }

    function _compute() private pure returns (ComputeStorage storage $) {
        assembly {
            $.slot := COMPUTE_SLOT
        }
    }
}
