// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Module} from "../access/Module.sol";
import {IProofVerifier} from "../interfaces/IProofVerifier.sol";
import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";
import {Bn254} from "../libraries/Bn254.sol";
import {CodeData} from "../libraries/CodeData.sol";
import {Kzg} from "../libraries/Kzg.sol";
import {Transcript} from "../libraries/Transcript.sol";
import {G1, G2, Proof} from "../types/Curve.sol";
import {SrsId, VerifierId} from "../types/Ids.sol";

/// @title ProofVerifier: see IProofVerifier
/// @dev Groth16 proofs are malleable: from (A, B, C) anybody makes (sA, B/s, C) and re-randomisations, s = −1 included. All of them prove the same
/// statement, so a statement is never identified by its proof: replay and theft are stopped by what r hashes (context, payee), not by proof bytes.
/// Coefficients (small exponents test: Bellare, Garay, Rabin 1998). Of statement i let a_i and b_i be the logarithms of its Groth16 and its KZG product to the
/// base e([1]_1, [1]_2): they exist, since G1 has no cofactor and the precompile refuses a B outside G2, and T fixes them, since it hashes every word they depend
/// on, key and τ by the id. What is checked is Σ (g_i a_i + k_i b_i) = 0 with g_0 = 1 and all other g_i, k_i uniform in [1, 2^128), drawn from T.
/// If anything but a_0 is not 0, its coefficient has to hit the one value mod r that the others leave to it: at most 2^-127 for each T, and another T costs
/// other statements. If only a_0 is not 0, the sum is a_0. So fixing g_0 loses nothing, for one statement too: a verdict is the same for all multiples of a
/// vector of coefficients, and attack 154 needs the ratio k_0 : g_0, which stays as unknown as k_0 is. Two fixed ones would not do.
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

    // Where a statement's words lie: proof (A, B, C), commitment, opening, inputs.
    uint256 private constant PROOF_A = 0x00;
    uint256 private constant PROOF_B = 0x40;
    uint256 private constant PROOF_C = 0xc0;
    uint256 private constant COMMITMENT = 0x100;
    uint256 private constant OPENING = 0x140;
    uint256 private constant INPUTS = 0x180;

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
    function verify(VerifierId verifier, bytes calldata statements) external view returns (bool) {
        uint256[] memory key = CodeData.load(IVerifierRegistry(_modules().verifiers).dataOf(verifier));
        uint256 inputs = (key.length - IC) / 2 - 1;
        uint256 size = INPUTS + 32 * inputs;
        uint256 count = statements.length / size;
        if (count == 0 || statements.length != count * size) revert WrongLength(statements.length, size);
        (bytes32 transcript, uint256 record) = _copy(verifier, statements);

        Sums memory sums;
        sums.ic = new uint256[](inputs + 1);
        uint256[] memory pairs = new uint256[](6 * (count + 4));
        for (uint256 i; i < count; ++i) {
            _accumulate(sums, pairs, i, record, transcript);
            record += size;
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
    function verifyProof(
        VerifierId verifier,
        uint256[] calldata inputs,
        Proof calldata proof
    ) external view returns (bool) {
        uint256[] memory key = CodeData.load(IVerifierRegistry(_modules().verifiers).dataOf(verifier));
        uint256 expected = (key.length - IC) / 2 - 1;
        if (inputs.length != expected) revert WrongInputCount(inputs.length, expected);
        Bn254.requireG1(proof.a);
        Bn254.requireG1(proof.c);

        G1 memory ic = G1(key[IC], key[IC + 1]);
        for (uint256 j; j < expected; ++j) {
            Bn254.requireScalar(inputs[j]);
            Bn254.mulAddTo(ic, key[IC + 2 * j + 2], key[IC + 2 * j + 3], inputs[j]);
        }
        // e(−A, B) · e(α, β) · e(IC(x), γ) · e(C, δ) = 1
        uint256[] memory pairs = new uint256[](24);
        Kzg.writePair(pairs, 0, Bn254.neg(proof.a), proof.b);
        Kzg.writePair(pairs, 1, G1(key[ALPHA], key[ALPHA + 1]), _g2(key, BETA));
        Kzg.writePair(pairs, 2, ic, Bn254.g2());
        Kzg.writePair(pairs, 3, proof.c, _g2(key, DELTA));
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

    /// Copies the statements to memory, where the first lies at `first`, and hashes them: T = keccak256(abi.encode(TAG("batch"), verifier, their words)).
    function _copy(
        VerifierId verifier,
        bytes calldata statements
    ) private pure returns (bytes32 transcript, uint256 first) {
        bytes32 tag = Transcript.TAG_BATCH;
        // All that is written is allocated: the length, a multiple of 32, is no longer than the calldata.
        assembly ("memory-safe") {
            let at := mload(0x40)
            first := add(at, 0x40)
            mstore(at, tag)
            mstore(add(at, 0x20), verifier)
            calldatacopy(first, statements.offset, statements.length)
            transcript := keccak256(at, add(statements.length, 0x40))
            mstore(0x40, add(first, statements.length))
        }
    }

    /// Checks one statement's form, adds it to the sums and writes its pair (−g_i A_i, B_i).
    function _accumulate(
        Sums memory sums,
        uint256[] memory pairs,
        uint256 index,
        uint256 record,
        bytes32 transcript
    ) private view {
        // index < 2^32 and record is a memory address, so no sum or product below overflows.
        unchecked {
            uint256 g = index == 0 ? 1 : _coefficient(transcript, 2 * index);
            uint256 k = _coefficient(transcript, 2 * index + 1);
            _addInputs(sums.ic, record + INPUTS, g);
            sums.y = addmod(sums.y, mulmod(k, _word(record + INPUTS + 32 * INPUT_Y), Bn254.R), Bn254.R);

            (uint256 x, uint256 y) = _point(record + PROOF_C);
            Bn254.mulAddTo(sums.proofC, x, y, g);
            (x, y) = _point(record + COMMITMENT);
            Bn254.mulAddTo(sums.opened, x, y, k);
            (x, y) = (_word(record + OPENING), _word(record + OPENING + 32));
            if (!Bn254.isG1(x, y)) revert Bn254.PointNotOnCurve(x, y);
            Bn254.mulAddTo(sums.w, x, y, k);
            Bn254.mulAddTo(sums.opened, x, y, mulmod(k, _word(record + INPUTS + 32 * INPUT_R), Bn254.R));

            (x, y) = _point(record + PROOF_A);
            G1 memory a = Bn254.mul(x, y, g);
            a.y = Bn254.Q - a.y; // never 0: A is not infinity, the group has no element of order 2, and 0 < g < r
            // pairs has six words for each index < count
            assembly ("memory-safe") {
                let to := add(add(pairs, 0x20), mul(index, 0xc0))
                mcopy(to, a, 0x40)
                mcopy(add(to, 0x40), add(record, PROOF_B), 0x80)
            }
        }
    }

    /// sums ← sums + g·(1, x) for the inputs x at `at`, which must be canonical.
    function _addInputs(uint256[] memory sums, uint256 at, uint256 g) private pure {
        uint256 bad;
        bool found;
        uint256 r = Bn254.R;
        assembly ("memory-safe") {
            let sum := add(sums, 0x20)
            let end := add(sum, shl(5, mload(sums)))
            mstore(sum, addmod(mload(sum), g, r))
            for {
                sum := add(sum, 0x20)
            } lt(sum, end) {
                sum := add(sum, 0x20)
                at := add(at, 0x20)
            } {
                let x := mload(at)
                if iszero(lt(x, r)) {
                    bad := x
                    found := 1
                }
                mstore(sum, addmod(mload(sum), mulmod(g, x, r), r))
            }
        }
        if (found) revert Bn254.NonCanonicalScalar(bad);
    }

    /// 128 bits of keccak256(abi.encode(T, index)), never 0: the chance that a sum with a false equation in it vanishes is at most 2^-127 a try.
    function _coefficient(bytes32 transcript, uint256 index) private pure returns (uint256 c) {
        assembly ("memory-safe") {
            mstore(0x00, transcript)
            mstore(0x20, index)
            c := and(keccak256(0x00, 0x40), 0xffffffffffffffffffffffffffffffff)
            c := or(c, iszero(c))
        }
    }

    /// The point at `at`: canonical, on the curve, not infinity.
    function _point(uint256 at) private pure returns (uint256 x, uint256 y) {
        assembly ("memory-safe") {
            x := mload(at)
            y := mload(add(at, 0x20))
        }
        if (x | y == 0) revert Bn254.PointAtInfinity();
        if (!Bn254.isG1(x, y)) revert Bn254.PointNotOnCurve(x, y);
    }

    function _word(uint256 at) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(at)
        }
    }

    function _g2(uint256[] memory words, uint256 at) private pure returns (G2 memory) {
        return G2(words[at], words[at + 1], words[at + 2], words[at + 3]);
    }
}
