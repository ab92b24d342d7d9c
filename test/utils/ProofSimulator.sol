// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {IVerifierRegistry} from "../../contracts/interfaces/IVerifierRegistry.sol";
import {Bn254} from "../../contracts/libraries/Bn254.sol";
import {Statement} from "../../contracts/mocks/UnweightedVerifier.sol";
import {G1, G2, Proof} from "../../contracts/types/Curve.sol";

/// @title ProofSimulator: valid proofs and openings of any statement from the INSECURE development trapdoor, for handlers and fuzz tests.
/// @notice They pass the real ProofVerifier under a key registered in the real VerifierRegistry; only the circuit's witness is missing.
///   srs()                        → [τ]_1, [τ]_2 for registerSrs(…, insecure = true)
///   key(inputs)                  → a synthetic key with `inputs` public inputs (update 4, aggregate 3) for registerVerifier(…, insecure = true)
///   commitment(log)              → log·G, a commitment whose discrete logarithm the test knows; sums of commitments are sums of logs mod r
///   opening(log, r, y)           → W such that log·G opens at r to y, whatever y is
///   prove(key, inputs, salt)     → a Groth16 proof of `inputs` under a key of this trapdoor (synthetic or circuits/generated); salt != 0 varies it
///   statement(key, inputs, log)  → all of it; r = inputs[1], y = inputs[2]
/// Scalars are < r. test/utils/simulate.ts is the same in TypeScript; a test compares the constants below with it.
library ProofSimulator {
    uint256 internal constant TAU = 0x215786bd2a5541002f25ce293c97c07386ef637a184de5ec06327f0ab1680daf;
    uint256 internal constant ALPHA = 0x215e13b713c39de6dd75ea424ebb0f16604b91757bd26fea720068c17ff7cfff;
    uint256 internal constant BETA = 0x08ca4c12431e5cd5707e8e4a313db291b91b451bcf600dc8fa3b48994d8f2d8c;
    uint256 internal constant DELTA = 0x076c2803c2f030478d399aed11eb80b085775e2f427979aeb39fab8fa4a015ee;

    function tauG2() internal pure returns (G2 memory) {
        return
            G2(
                0x0115d0fd3d1778434a0303344598faaae200339b028fd54af49a9f1f66d6edda,
                0x2cb0803b4f8f00eec68c799f72baeb05b2569dcfe785bfda2c3952d37f1a700c,
                0x2d4467aecf76e12baafd989baa8c74149dbd6fbaff508d24389f606275a7c945,
                0x023a296cb4552e183c2adf6115991c1f1033a1def0d6e631cef9160da8d746a2
            );
    }

    function betaG2() internal pure returns (G2 memory) {
        return
            G2(
                0x16e7b0cb25f670dd3414b11fa27cd96fbb55b8a0ab17d1be07f22ea61416e5b4,
                0x2584551344f8b63198a38d01b4c25a1d96e1485cf7dc0ba574538a17e7ff9358,
                0x1cd198be0769c1c6abc833e6682c6fcb619f6ed1ec82d8b88cc530d3559ac7df,
                0x142db619e5c8d8821cdffec832e9935f42474b98d5c53df3f406d4302ca6cfdb
            );
    }

    function deltaG2() internal pure returns (G2 memory) {
        return
            G2(
                0x2cacf680cfb8ee8723f6b9ff775de5262d75feca16ec1d82a1df8b9a975d0b10,
                0x00603b7fa6114386b12d5dd4c5fcf7fb5535b035700c250bef4851801c827b9f,
                0x09d8d91dfbf2505a7a49041883bb2b10f31fedc1cb642230320521297956a45b,
                0x1748bbb5ed481a8a441a2e3e23602f88fd9a23f36050ce0a58e0a9fd79862a6c
            );
    }

    function srs() internal view returns (G1 memory, G2 memory) {
        return (commitment(TAU), tauG2());
    }

    function key(uint256 inputs) internal view returns (IVerifierRegistry.VerifyingKey memory k) {
        k.alpha = commitment(ALPHA);
        k.beta = betaG2();
        k.gamma = Bn254.g2();
        k.delta = deltaG2();
        k.ic = new G1[](inputs + 1);
        for (uint256 i; i <= inputs; ++i) k.ic[i] = commitment(uint256(keccak256(abi.encode("ic", i))) % Bn254.R);
    }

    function commitment(uint256 log) internal view returns (G1 memory) {
        return Bn254.mul(1, 2, log);
    }

    /// W = (log − y)/(τ − r)·G
    function opening(uint256 log, uint256 r, uint256 y) internal view returns (G1 memory) {
        uint256 over = Bn254.inverse(addmod(TAU, Bn254.R - r, Bn254.R));
        return commitment(mulmod(addmod(log, Bn254.R - y, Bn254.R), over, Bn254.R));
    }

    /// B = [1]_2, A = a·G, C = ((a − αβ)·G − IC(x))/δ
    function prove(
        IVerifierRegistry.VerifyingKey memory k,
        uint256[] memory inputs,
        uint256 salt
    ) internal view returns (Proof memory) {
        uint256 a = uint256(keccak256(abi.encode("a", salt))) % Bn254.R;
        G1 memory c = G1(k.ic[0].x, k.ic[0].y);
        for (uint256 i; i < inputs.length; ++i) Bn254.mulAddTo(c, k.ic[i + 1].x, k.ic[i + 1].y, inputs[i]);
        c = Bn254.neg(c);
        Bn254.mulAddTo(c, 1, 2, addmod(a, Bn254.R - mulmod(ALPHA, BETA, Bn254.R), Bn254.R));
        return Proof(commitment(a), Bn254.g2(), Bn254.mul(c, Bn254.inverse(DELTA)));
    }

    function statement(
        IVerifierRegistry.VerifyingKey memory k,
        uint256[] memory inputs,
        uint256 log
    ) internal view returns (Statement memory) {
        Proof memory proof = prove(k, inputs, log);
        return Statement(inputs, proof, commitment(log), opening(log, inputs[1], inputs[2]));
    }

    /// As IProofVerifier.verify takes it, behind any that came before.
    function encode(Statement memory s) internal pure returns (bytes memory) {
        return bytes.concat(abi.encode(s.proof, s.c, s.w), abi.encodePacked(s.inputs));
    }
}
