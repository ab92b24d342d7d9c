// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";
import {Bn254} from "../libraries/Bn254.sol";
import {Kzg} from "../libraries/Kzg.sol";
import {G1, G2, Proof} from "../types/Curve.sol";

/// A statement for IProofVerifier before it is encoded.
struct Statement {
    uint256[] inputs;
    Proof proof;
    G1 c;
    G1 w;
}

/// @title UnweightedVerifier: what ProofVerifier and VerifierRegistry guard against, made real so that tests can show the attacks succeed here.
/// @dev Broken on purpose: combines the Groth16 and KZG equations of all statements with every coefficient 1 (attacks 28, 154) and takes key and [τ]_2
/// from the caller without any check (attacks 24, 159).
contract UnweightedVerifier {
    function verify(
        IVerifierRegistry.VerifyingKey calldata key,
        G2 calldata tauG2,
        Statement[] calldata statements
    ) external view returns (bool) {
        uint256 count = statements.length;
        uint256[] memory pairs = new uint256[](6 * (count + 5));
        G1[4] memory sums; // IC, Cπ, C − yG + rW, W
        for (uint256 i; i < count; ++i) {
            _accumulate(sums, key.ic, statements[i]);
            Kzg.writePair(pairs, i, Bn254.neg(statements[i].proof.a), statements[i].proof.b);
        }
        Kzg.writePair(pairs, count, Bn254.mul(key.alpha, count), key.beta);
        Kzg.writePair(pairs, count + 1, sums[0], key.gamma);
        Kzg.writePair(pairs, count + 2, sums[1], key.delta);
        Kzg.writePair(pairs, count + 3, sums[2], Bn254.g2());
        Kzg.writePair(pairs, count + 4, Bn254.neg(sums[3]), tauG2);
        return Bn254.pairing(pairs);
    }

    function _accumulate(G1[4] memory sums, G1[] calldata ic, Statement calldata s) private view {
        Bn254.addTo(sums[0], ic[0].x, ic[0].y);
        for (uint256 j; j < s.inputs.length; ++j) {
            Bn254.mulAddTo(sums[0], ic[j + 1].x, ic[j + 1].y, s.inputs[j]);
        }
        Bn254.addTo(sums[1], s.proof.c.x, s.proof.c.y);
        Bn254.addTo(sums[2], s.c.x, s.c.y);
        Bn254.mulAddTo(sums[2], 1, 2, Bn254.R - s.inputs[2]);
        Bn254.mulAddTo(sums[2], s.w.x, s.w.y, s.inputs[1]);
        Bn254.addTo(sums[3], s.w.x, s.w.y);
    }
}
