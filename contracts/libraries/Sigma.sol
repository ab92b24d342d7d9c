// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {DleqProof, G1, SchnorrProof} from "../types/Curve.sol";
import {Bn254} from "./Bn254.sol";
import {Transcript} from "./Transcript.sol";

/// @title Sigma: proofs about discrete logarithms, made non-interactive by the transcript (Schnorr 1991; Chaum and Pedersen 1992; Fiat and Shamir 1986).
/// @notice Malformed points and scalars make a proof false, never a revert: whoever is judged by a proof must not be saved by its being unreadable.
library Sigma {
    /// Knowledge of e in E = e·G, bound to `bound`: z·G = R + c·E.
    function isSchnorr(bytes32 bound, G1 memory e, SchnorrProof memory proof) internal view returns (bool) {
        if (!_isPoint(e) || !_isPoint(proof.r) || proof.z >= Bn254.R) return false;
        uint256 c = Transcript.schnorrChallenge(bound, e, proof.r);
        return _relates(Bn254.g1(), proof.z, proof.r, e, c);
    }

    /// log_G PK = log_E K, bound to `bound`: z·G = R1 + c·PK and z·E = R2 + c·K.
    function isDleq(
        bytes32 bound,
        G1 memory pk,
        G1 memory e,
        G1 memory k,
        DleqProof memory proof
    ) internal view returns (bool) {
        if (!_isPoint(pk) || !_isPoint(e) || !_isPoint(k) || !_isPoint(proof.r1) || !_isPoint(proof.r2)) return false;
        if (proof.z >= Bn254.R) return false;
        uint256 c = Transcript.dleqChallenge(bound, pk, e, k, proof.r1, proof.r2);
        return _relates(Bn254.g1(), proof.z, proof.r1, pk, c) && _relates(e, proof.z, proof.r2, k, c);
    }

    /// z·base = r + c·image
    function _relates(G1 memory base, uint256 z, G1 memory r, G1 memory image, uint256 c) private view returns (bool) {
        return Bn254.isEqual(Bn254.mul(base, z), Bn254.add(r, Bn254.mul(image, c)));
    }

    function _isPoint(G1 memory p) private pure returns (bool) {
        return !Bn254.isInfinity(p) && Bn254.isG1(p.x, p.y);
    }
}
