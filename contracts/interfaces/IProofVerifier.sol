// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {SrsId, VerifierId} from "../types/Ids.sol";
import {G1, Proof} from "../types/Curve.sol";

/// @title ProofVerifier: Groth16 and KZG together, one pairing call for any number of statements under one verifier id.
/// @notice Equation (protocol design, section 4):
/// Π e(−g_i A_i, B_i) · e(Σ g_i α, β) · e(Σ g_i IC(x_i), γ) · e(Σ g_i Cπ_i, δ) · e(Σ k_i (C_i − y_i G + r_i W_i), [1]_2) · e(−Σ k_i W_i, [τ]_2) = 1
/// with independent 128-bit g_i, k_i from a hash of everything, also when there is a single statement: both equations share τ, so uncoefficiented errors cancel.
/// @dev Stateless; fails closed: a precompile failure or short return is "false" or a revert, never "true".
interface IProofVerifier {
    struct Statement {
        uint256[] inputs; // Groth16 public inputs, each < r
        Proof proof;
        G1 c; // commitment opened at r to y
        uint256 r;
        uint256 y;
        G1 w; // opening [(p(X) − y)/(X − r)]_1 ; infinity allowed
    }

    error NonCanonicalScalar(uint256 value);
    error PointNotOnCurve(uint256 x, uint256 y);
    error PointAtInfinity();
    error WrongInputCount(uint256 given, uint256 expected);
    error EmptyBatch();
    error PrecompileFailed(address precompile);

    /// True iff every statement holds under `verifier`. Reverts on malformed points or scalars, unknown or retired ids.
    function verify(VerifierId verifier, Statement[] calldata statements) external view returns (bool);
    /// KZG only: C opens to y at r (share and sum answers).
    function verifyOpening(SrsId srs, G1 calldata c, uint256 r, uint256 y, G1 calldata w) external view returns (bool);
}
