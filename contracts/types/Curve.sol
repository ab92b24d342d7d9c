// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

/// BN254 G1 affine point; (0, 0) is infinity. Coordinates are canonical (< q).
struct G1 {
    uint256 x;
    uint256 y;
}

/// BN254 G2 affine point over Fq2 = Fq[i]/(i^2 + 1), in the precompile's order (EIP-197).
struct G2 {
    uint256 xIm;
    uint256 xRe;
    uint256 yIm;
    uint256 yRe;
}

/// Groth16 proof as snarkjs makes it.
struct Proof {
    G1 a;
    G2 b;
    G1 c;
}

/// Schnorr proof of knowledge of e in E = e·G, bound to a context (TAG "schnorr").
struct SchnorrProof {
    G1 r;
    uint256 z;
}

/// Chaum–Pedersen proof of log_G PK = log_E K, bound to a context (TAG "dleq").
struct DleqProof {
    G1 r1;
    G1 r2;
    uint256 z;
}
