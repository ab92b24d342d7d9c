// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Module} from "../access/Module.sol";
import {IProofVerifier} from "../interfaces/IProofVerifier.sol";
import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";
import {Bn254} from "../libraries/Bn254.sol";
import {CodeData} from "../libraries/CodeData.sol";
import {Kzg} from "../libraries/Kzg.sol";
import {Transcript} from "../libraries/Transcript.sol";
import {G1, G2} from "../types/Curve.sol";
import {SrsId, VerifierId} from "../types/Ids.sol";

/// @title ProofVerifier: see IProofVerifier
/// @dev Groth16 proofs are malleable: from (A, B, C) anybody makes (sA, B/s, C) and re-randomisations, s = −1 included. All of them prove the same
/// statement, so a statement is never identified by its proof: replay and theft are stopped by what r hashes (context, payee), not by proof bytes.
/// B needs no check here: EIP-197 makes the precompile fail unless B is canonical, on the twist and in the subgroup of order r.
contract ProofVerifier is Module, IProofVerifier {
    // Words of a key's data contract: α, β, δ, [τ]_2, IC_0, IC_1, …
    uint256 private constant ALPHA = 0;
    uint256 private constant BETA = 2;
    uint256 private constant DELTA = 6;
    uint256 private constant TAU = 10;
    uint256 private constant IC = 14;

    // Positions among the public inputs of every circuit that opens a commitment.
    uint256 private constant INPUT_R = 1;
    uint256 private constant INPUT_Y = 2;

    /// Running sums over the statements; after the loop each is one argument of the pairing.
    struct Sums {
        G1 proofC; // Σ g_i Cπ_i
        G1 opened; // Σ g_i IC(x_i) + Σ k_i (C_i − y_i G + r_i W_i)
        G1 w; // Σ k_i W_i
        uint256 y; // Σ k_i y_i
        uint256[] ic; // Σ g_i (1, x_i)
    }

    /// `authority`: the AccessManager.
    function initialize(address authority) external initializer {
        __Module_init(authority);
    }

    /// @inheritdoc IProofVerifier
    function verify(VerifierId verifier, Statement[] calldata statements) external view returns (bool) {
        uint256 count = statements.length;
        if (count == 0) revert EmptyBatch();
        uint256[] memory key = CodeData.load(IVerifierRegistry(_modules().verifiers).dataOf(verifier));
        bytes32 transcript = keccak256(abi.encode(Transcript.TAG_BATCH, verifier, statements));

        Sums memory sums;
        sums.ic = new uint256[]((key.length - IC) / 2);
        uint256[] memory pairs = new uint256[](6 * (count + 4));
        for (uint256 i; i < count; ++i) {
            _accumulate(sums, pairs, i, statements[i], transcript);
        }

        for (uint256 j; j < sums.ic.length; ++j) {
            Bn254.mulAddTo(sums.opened, key[IC + 2 * j], key[IC + 2 * j + 1], sums.ic[j]);
        }
        Bn254.mulAddTo(sums.opened, 1, 2, Bn254.R - sums.y);
        G1 memory alpha = Bn254.mul(key[ALPHA], key[ALPHA + 1], sums.ic[0]);
        Kzg.writePair(pairs, count, alpha, _g2(key, BETA));
        Kzg.writePair(pairs, count + 1, sums.opened, Bn254.g2());
        Kzg.writePair(pairs, count + 2, sums.proofC, _g2(key, DELTA));
        Kzg.writePair(pairs, count + 3, Bn254.neg(sums.w), _g2(key, TAU));
        return Bn254.pairing(pairs);
    }

    /// @inheritdoc IProofVerifier
    function verifyOpening(SrsId srs, G1 calldata c, uint256 r, uint256 y, G1 calldata w) external view returns (bool) {
        Bn254.requireG1OrInfinity(c);
        Bn254.requireG1OrInfinity(w);
        Bn254.requireScalar(r);
        Bn254.requireScalar(y);
        (, G2 memory tauG2, ) = IVerifierRegistry(_modules().verifiers).srsOf(srs);
        return Kzg.verifyOpening(c, r, y, w, tauG2);
    }

    /// Checks one statement's form, adds it to the sums and writes its pair (−g_i A_i, B_i).
    function _accumulate(
        Sums memory sums,
        uint256[] memory pairs,
        uint256 index,
        Statement calldata s,
        bytes32 transcript
    ) private view {
        _requirePoint(s.proof.a);
        _requirePoint(s.proof.c);
        _requirePoint(s.c);
        if (!Bn254.isG1(s.w.x, s.w.y)) revert Bn254.PointNotOnCurve(s.w.x, s.w.y);
        uint256[] calldata inputs = s.inputs;
        if (inputs.length + 1 != sums.ic.length) revert WrongInputCount(inputs.length, sums.ic.length - 1);

        uint256 g = _coefficient(transcript, 2 * index);
        uint256 k = _coefficient(transcript, 2 * index + 1);
        sums.ic[0] = addmod(sums.ic[0], g, Bn254.R);
        for (uint256 j; j < inputs.length; ++j) {
            Bn254.requireScalar(inputs[j]);
            sums.ic[j + 1] = addmod(sums.ic[j + 1], mulmod(g, inputs[j], Bn254.R), Bn254.R);
        }
        sums.y = addmod(sums.y, mulmod(k, inputs[INPUT_Y], Bn254.R), Bn254.R);

        Bn254.mulAddTo(sums.proofC, s.proof.c.x, s.proof.c.y, g);
        Bn254.mulAddTo(sums.opened, s.c.x, s.c.y, k);
        Bn254.mulAddTo(sums.opened, s.w.x, s.w.y, mulmod(k, inputs[INPUT_R], Bn254.R));
        Bn254.mulAddTo(sums.w, s.w.x, s.w.y, k);
        G1 memory a = Bn254.neg(Bn254.mul(s.proof.a.x, s.proof.a.y, g));
        Kzg.writePair(pairs, index, a, s.proof.b);
    }

    /// 128 bits of keccak256(T, number), never 0: the chance that a sum with a false equation in it vanishes is at most 2^-127 a try.
    function _coefficient(bytes32 transcript, uint256 number) private pure returns (uint256 c) {
        c = uint128(uint256(keccak256(abi.encode(transcript, number))));
        if (c == 0) c = 1;
    }

    function _requirePoint(G1 calldata p) private pure {
        if (p.x == 0 && p.y == 0) revert Bn254.PointAtInfinity();
        if (!Bn254.isG1(p.x, p.y)) revert Bn254.PointNotOnCurve(p.x, p.y);
    }

    function _g2(uint256[] memory words, uint256 at) private pure returns (G2 memory) {
        return G2(words[at], words[at + 1], words[at + 2], words[at + 3]);
    }
}
