// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {SrsId, VerifierId} from "../types/Ids.sol";
import {G1, Proof} from "../types/Curve.sol";

/// @title ProofVerifier: Groth16 and KZG together, one pairing call for any number of statements under one verifier id.
/// @notice Equation (protocol design, section 4), with γ = [1]_2 for every registered key:
/// Π e(−g_i A_i, B_i) · e(Σ g_i α, β) · e(Σ g_i IC(x_i) + Σ k_i (C_i − y_i G + r_i W_i), [1]_2) · e(Σ g_i Cπ_i, δ) · e(−Σ k_i W_i, [τ]_2) = 1
/// with g_0 = 1 and independent 128-bit k_0, g_1, k_1, … from a hash of everything, also when there is a single statement: both equations share τ, so that
/// errors would cancel without.
/// @dev Stateless; fails closed: a precompile failure or short return is a revert, never "true". Points, scalars and precompiles are refused by Bn254's errors.
interface IProofVerifier {
    /// `verifyProof`.
    error WrongInputCount(uint256 given, uint256 expected);
    /// `verify`: not a whole number of statements of the key's size, or none at all.
    error WrongLength(uint256 given, uint256 statement);

    /// True iff every statement holds under `verifier`. Reverts on malformed points or scalars, unknown or retired ids.
    /// `statements`: one behind the other, each abi.encode(Proof proof, G1 c, G1 w, uint256[k] inputs): 12 words and the circuit's k public inputs, each < r.
    /// The commitment c, not infinity, is opened by w = [(p(X) − y)/(X − r)]_1, infinity allowed, at r = inputs[1] to y = inputs[2], the very words that the
    /// circuit sees: update (h, r, y, B²), aggregate (h, r, y).
    /// @dev Warning: it says nothing about where h, r, B² come from. The caller derives r from the transcript and B² from the registry, never from the prover.
    function verify(VerifierId verifier, bytes calldata statements) external view returns (bool);
    /// True iff `proof` shows that the circuit of `verifier` has a witness for `inputs`: plain Groth16, e(A, B) = e(α, β) · e(IC(x), γ) · e(C, δ), for
    /// circuits that open no commitment (inference, rekey). Reverts on a wrong number of inputs, an input >= r, malformed or infinite A or C (B: by the
    /// precompile), unknown or retired ids.
    /// @dev Warning: what a proof shows depends on the circuit alone, and any live id is accepted here. The caller checks the circuit's name in the registry
    /// (infoOf) when it takes an id. Under an id of `update` or `aggregate` a true answer means nothing without the opening that only `verify` checks: y is then
    /// the prover's word about no commitment at all.
    /// Warning: proofs are malleable, so a proof, or its hash, identifies nothing. Replay is stopped by what the inputs bind; whether the caller honours an id
    /// that has been retired since is its own decision, taken before it calls.
    function verifyProof(
        VerifierId verifier,
        uint256[] calldata inputs,
        Proof calldata proof
    ) external view returns (bool);
    /// KZG only: C opens to y at r (share and sum answers). C may be infinity: an honest node cannot help it if shares sum to zero.
    function verifyOpening(SrsId srs, G1 calldata c, uint256 r, uint256 y, G1 calldata w) external view returns (bool);
}
