// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {DatasetId, ModelId, VerifierId} from "./Ids.sol";
import {G1, Proof} from "./Curve.sol";

/// What a dataset may be used for, and what a campaign wants to do. GA4GH DUO codes (permission: 4 NRES, 6 HMB, 7 DS, 11 POA, 42 GRU).
struct Purpose {
    uint8 permission;
    /// Bitmap 1 << DUO code of modifiers the user can satisfy (e.g. 18 NPUNCU, 45 NPU, 46 NCU, 21 IRB, 19 PUB, 29 RTN).
    uint64 modifiers;
    /// MONDO term as keccak256 of its CURIE ("MONDO:0018982"); zero where permission is not DS.
    bytes32 disease;
    /// keccak256 of the ISO 3166-1 alpha-2 region, zero: unspecified.
    bytes32 region;
    /// keccak256 of the project id, zero: unspecified.
    bytes32 project;
    /// Party that uses the data (the sponsor).
    address user;
}

/// One state of one dataset's consent: every change of terms or grants and every revocation raises the epoch, so the three numbers name the terms, the grant root
/// and the revocations of that moment.
struct ConsentRef {
    DatasetId dataset;
    uint32 version;
    uint64 epoch;
}

enum RoundKind {
    Training,
    Statistics
}

/// Lengths in seconds, counted from the instants that the state machine fixes (see IRoundManager).
struct Windows {
    uint32 draw; // after the draw block: a round not drawn by then fails
    uint32 commit;
    uint32 complaint; // after the commit phase ends
    uint32 ciphertext; // answers to "missing", after complaint
    uint32 reveal; // key reveal and chunks for "bad", after ciphertext
    uint32 opening; // member's defence, after reveal
    uint32 sums; // after the freeze
    uint32 challenge; // after the (t+1)-th sum, sums can be demanded
    uint32 answer; // a demanded sum is answered within
    uint32 ramp; // prover fee goes min -> max over this, from the (t+1)-th sum
    uint32 close; // after the (t+1)-th sum; >= ramp + unbonding: closeUnproven opens
}

/// All amounts in the smallest unit of the campaign's token, per round.
struct Prices {
    uint128 dataPool; // split over members by records
    uint128 committeePool; // split evenly over nodes whose sum stands
    uint128 proverFeeMin;
    uint128 proverFeeMax;
    uint128 showUpFee; // per verified member, paid only when a round fails before the freeze
    uint128 tip; // for each of draw, freeze and finalize
    uint128 bond; // a member's lock per update
    uint128 nodeLock; // a committee node's lock per round
    uint128 complaintBond; // paid by whoever complains or demands
}

/// Everything a campaign fixes when it opens. Immutable afterwards.
struct CampaignTerms {
    ModelId model;
    RoundKind kind; // Statistics: no model version; model may be zero only then
    bool eager; // verify inside submitUpdate; false: verifyBatch
    bool pair; // two-member rounds with both members' agreement on chain
    uint8 nodes; // S
    uint8 threshold; // t
    uint8 drawDelay; // blocks between open and the draw block; 0: committee is named below
    uint16 maxMembers; // <= 256
    uint16 minParticipants; // >= 3, or 2 with pair
    uint16 maxShareBps; // no member's weight above this share of the frozen weight
    uint16 rounds;
    VerifierId updateVerifier;
    VerifierId aggregateVerifier; // zero for Statistics
    uint64 cap; // records cap: n̂ = min(audited, cap)
    uint64 lambdaF; // λ·2^f
    uint64 normBound; // B (integer, quantized units): B_i² = ⌊B²·n̂²/cap²⌋
    bytes32 schemaHash; // datasets must carry this schema
    Purpose purpose;
    Windows windows;
    Prices prices;
    address[] admitters; // attestations by these count
    address[] committee; // named committee when drawDelay == 0, in node order
}

/// What a member submits, and what callers re-supply about it later.
struct UpdateDetail {
    G1 c;
    G1[] a; // A_1..A_t
    bytes32 shareManifest;
    uint256 h;
    uint256 y;
    G1 w;
    Proof proof;
}

enum RoundState {
    None,
    Open, // waiting for the draw
    Commit,
    Share,
    Frozen,
    Summed, // t+1 sums posted
    Finalized,
    Closed, // closed unproven, or a statistics round completed at its sums
    FailedEarly, // before the freeze
    FailedSums // after the freeze, sums missing
}
