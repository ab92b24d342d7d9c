// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {JobId, ModelId} from "../types/Ids.sol";
import {JobStakes, JobTerms, Permit} from "../types/Market.sol";

/// @title ComputeMarket: jobs with an escrowed, ramping fee, locked against a prover's stake; their money and their states.
/// @notice Open -> Locked -> Settled, or -> Attested (its challenge window runs) -> Settled; Ended gives the sponsor its whole deposit back.
///
/// | state | leaves by | who | clock |
/// |---|---|---|---|
/// | Open | lock; cancel; end | a prover; the sponsor; anybody after the deadline | terms.deadline |
/// | Locked, not acknowledged | acknowledge, abandon; cancel; abandon | the locker; the sponsor; anybody after ackWindow | no slash |
/// | Locked | deliver; expire | the locker, through JobReceipts; anybody after lockWindow | slash |
/// | Attested | refute; release | a challenger, anybody after challengeWindow, through JobReceipts | slash |
/// | any of these, verifier retired | end | anybody | no slash |
///
/// The fee rises from feeMin to feeMax over `ramp` seconds spent open, and is fixed by the lock. The payee never sets an amount: on top of the fee come the model's
/// royalty (its rate is fixed at mint) and the protocol's fee (the rate at the request); the deposit holds both for feeMax, what is not spent returns.
/// An expired lock or a refuted receipt slashes the collateral: the treasury's cut first, the rest of an expired one joins the job and goes to whoever delivers,
/// else to the treasury: never to the sponsor. A refuted receipt pays its challenger up to the job's fee.
/// A job with its challenge fits into ProtocolParameters.maxDisputeWindows from the request on: less than any unbonding time, less than any upgrade delay (P6).
/// Paused: request and lock stop, nothing else.
interface IComputeMarket {
    enum State {
        None,
        Open,
        Locked,
        Attested,
        Settled,
        Ended
    }

    struct Job {
        bytes32 termsHash;
        address prover; // of the standing or last lock
        State state;
        bool acknowledged; // the slashable clock runs
        uint40 lockedAt; // unix seconds
        uint40 until; // end of the acknowledgement, lock or challenge window
        uint40 rampStart; // moved on by the time spent locked
        uint16 protocolFeeBps; // at the request
        uint96 fee; // of the standing or last lock
        uint96 collected; // collateral of expired locks, for whoever delivers
        uint64 consentEpoch; // at the lock; 0: no dataset
        bytes32 attested; // digest of the attested receipt, while its window runs
    }

    event JobRequested(
        JobId indexed job,
        ModelId indexed model,
        address indexed sponsor,
        uint256 deposit,
        bytes32 termsHash,
        JobTerms terms,
        string inputUri
    );
    event JobLocked(JobId indexed job, address indexed prover, uint256 fee, uint64 consentEpoch, uint64 until);
    event JobAcknowledged(JobId indexed job, address indexed prover, uint64 until);
    event LockAbandoned(JobId indexed job, address indexed prover, address by);
    event LockExpired(JobId indexed job, address indexed prover, uint256 slashed, uint256 collected);
    event JobAttested(JobId indexed job, address indexed prover, bytes32 digest, uint64 until);
    event ReceiptRefuted(
        JobId indexed job,
        address indexed prover,
        address indexed challenger,
        uint256 slashed,
        uint256 compensation
    );
    event JobSettled(
        JobId indexed job,
        address indexed prover,
        uint256 fee,
        uint256 collected,
        uint256 royalty,
        uint256 protocolFee,
        uint256 refund
    );
    event FeesSwept(uint256 amount);
    event JobEnded(JobId indexed job, bytes32 reason, uint256 refund, uint256 toTreasury);

    error BadTerms(bytes32 what);
    error InputUriTooLong(uint256 length, uint256 limit);
    error WrongTerms(JobId job);
    error WrongState(JobId job, State state);
    error NotSponsor(JobId job, address caller);
    error NotLocker(JobId job, address caller);
    error ProverNotAccepted(JobId job, address prover);
    error ProverNotAuthorised(ModelId model, address prover);
    error TooLate(JobId job, uint256 until);
    error TooEarly(JobId job, uint256 until);
    error NotAcknowledged(JobId job);
    error VerifierNotLive(JobId job);
    error NotReceipts(address caller);

    /// The sponsor (caller): deposits `depositFor(terms)`. `inputUri` (<= 512 bytes) says where a public input lies; empty for a private one.
    function request(
        JobTerms calldata terms,
        string calldata inputUri,
        Permit calldata permit
    ) external returns (JobId);
    /// A prover with free stake, not suspended, on the sponsor's list if there is one. An expired lock is ended on the way. Consent is asked again (P7).
    function lock(JobId job, JobTerms calldata terms) external;
    /// The locker, once it holds the input (private) and the weights (sealed): from here on the clock can slash.
    function acknowledge(JobId job, JobTerms calldata terms) external;
    /// Before the acknowledgement: the locker, or anybody after ackWindow. Nothing is slashed.
    function abandon(JobId job, JobTerms calldata terms) external;
    /// The sponsor, while nobody has an acknowledged lock: the job ends, nothing is slashed.
    function cancel(JobId job, JobTerms calldata terms) external;
    /// Anybody, after lockWindow.
    function expire(JobId job, JobTerms calldata terms) external;
    /// Anybody: after the deadline (an expired lock is ended on the way), or once the verifier is retired, without blame for anybody.
    function end(JobId job, JobTerms calldata terms) external;
    /// Anybody: the protocol's fees of all jobs settled since the last time go to the treasury. Until then they lie in the vault under (JOB, 0).
    function sweepFees() external returns (uint256 amount);

    // --- JobReceipts only: it has checked the receipt, and that `stakes` are of the terms with this hash

    /// Proven: pays at once.
    function deliver(
        JobId job,
        bytes32 termsHash,
        JobStakes calldata stakes,
        address prover
    ) external returns (uint64 consentEpoch);
    /// Attested: pays after the challenge window.
    function attest(
        JobId job,
        bytes32 termsHash,
        JobStakes calldata stakes,
        address prover,
        bytes32 digest
    ) external returns (uint64 consentEpoch);
    /// The verifier of the terms is live: JobReceipts has a proof under it.
    function refute(
        JobId job,
        bytes32 termsHash,
        JobStakes calldata stakes,
        bytes32 digest,
        address challenger
    ) external;
    /// The verifier of the terms is live, or no challenge could have been shown.
    function release(JobId job, bytes32 termsHash, JobStakes calldata stakes, bytes32 digest) external;

    function jobOf(JobId job) external view returns (Job memory);
    /// Fee that a lock at this moment would fix.
    function feeOf(JobId job, JobTerms calldata terms) external view returns (uint256);
    /// feeMax, royalty and protocol fee on it, at today's rates.
    function depositFor(JobTerms calldata terms) external view returns (uint256);
}
