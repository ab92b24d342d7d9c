// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Module, Modules} from "../../../contracts/access/Module.sol";
import {Bn254} from "../../../contracts/libraries/Bn254.sol";
import {Kzg} from "../../../contracts/libraries/Kzg.sol";
import {Statement} from "../../../contracts/mocks/UnweightedVerifier.sol";
import {G1, G2} from "../../../contracts/types/Curve.sol";
import {SrsId, VerifierId} from "../../../contracts/types/Ids.sol";
import {ProofVerifier} from "../../../contracts/verification/ProofVerifier.sol";
import {VerifierRegistry} from "../../../contracts/verification/VerifierRegistry.sol";
import {deploy, deployProxy} from "../../utils/deploy.sol";
import {ProofSimulator} from "../../utils/ProofSimulator.sol";

/// Fuzz: simulated statements pass the real verifier and changed ones do not; chunked evaluation equals Lagrange interpolation term by term.
contract ProofSimulatorTest {
    uint256 private constant R = Bn254.R;
    uint256 private constant N = 8;

    VerifierRegistry private registry;
    ProofVerifier private verifier;
    SrsId private srs;
    VerifierId private update;

    function setUp() external {
        bytes memory init = abi.encodeCall(
            VerifierRegistry.initialize,
            deploy("AccessManager", abi.encode(address(this)))
        );
        registry = VerifierRegistry(deployProxy("VerifierRegistry", init));
        verifier = ProofVerifier(deployProxy("ProofVerifier", init));
        Modules memory modules;
        modules.verifiers = address(registry);
        verifier.wire(modules);
        (G1 memory tauG1, G2 memory tauG2) = ProofSimulator.srs();
        srs = registry.registerSrs(tauG1, tauG2, true);
        update = registry.registerVerifier(keccak256("update"), 128, srs, ProofSimulator.key(4), true);
    }

    function testFuzz_simulatedStatementsPass(
        uint256 h,
        uint256 r,
        uint256 y,
        uint256 normBound2,
        uint256 log
    ) external view {
        bytes memory one = ProofSimulator.encode(_statement(h, r, y, normBound2, log % R));
        bytes memory two = ProofSimulator.encode(_statement(y, log, r, h, r % R));
        require(verifier.verify(update, bytes.concat(one, two)), "a simulated batch passes");
    }

    /// [attack 9] [attack 27] and the like: any changed input, commitment or opening is refused.
    function testFuzz_changedStatementsFail(
        uint256 h,
        uint256 r,
        uint256 y,
        uint256 log,
        uint8 which,
        uint256 by
    ) external view {
        Statement memory s = _statement(h, r, y, 1, log % R);
        by = 1 + (by % (R - 1)); // not 0 mod r
        which = which % 7;
        if (which < 4) s.inputs[which] = addmod(s.inputs[which], by, R);
        else if (which == 4) s.c = ProofSimulator.commitment(addmod(log, by, R));
        else if (which == 5) Bn254.mulAddTo(s.w, 1, 2, by);
        else Bn254.mulAddTo(s.proof.c, 1, 2, by);
        if (Bn254.isInfinity(s.c) || Bn254.isInfinity(s.proof.c)) return;
        require(!verifier.verify(update, ProofSimulator.encode(s)), "a changed statement is refused");
    }

    function testFuzz_openings(uint256 log, uint256 r, uint256 y, uint256 by) external view {
        (log, r, y, by) = (log % R, r % R, y % R, 1 + (by % (R - 1)));
        G1 memory c = ProofSimulator.commitment(log);
        G1 memory w = ProofSimulator.opening(log, r, y);
        require(verifier.verifyOpening(srs, c, r, y, w), "opens");
        require(!verifier.verifyOpening(srs, c, r, addmod(y, by, R), w), "opens to one value");
    }

    function testFuzz_evaluationEqualsInterpolation(
        uint256[12] memory vector,
        uint256 z,
        uint8 cut,
        bool inDomain
    ) external view {
        uint256 omega = Kzg.rootOfUnity(N);
        z = inDomain ? Kzg.power(omega, z % N) : z % R;
        for (uint256 j; j < N + 4; ++j) vector[j] %= R;
        uint256 at = cut % (N + 5);
        uint256[] memory head = new uint256[](at);
        uint256[] memory tail = new uint256[](N + 4 - at);
        for (uint256 j; j < N + 4; ++j) j < at ? head[j] = vector[j] : tail[j - at] = vector[j];
        uint256 value = addmod(Kzg.partialEvaluation(head, 0, N, z), Kzg.partialEvaluation(tail, at, N, z), R);
        require(value == _interpolate(vector, omega, z), "chunked = term by term");
    }

    /// Σ u_j Π_{m≠j} (z − ω^m)/(ω^j − ω^m) + Σ ρ_k z^k (z^n − 1), with no shortcut.
    function _interpolate(uint256[12] memory vector, uint256 omega, uint256 z) private view returns (uint256 value) {
        for (uint256 j; j < N; ++j) {
            uint256 term = vector[j];
            uint256 x = Kzg.power(omega, j);
            for (uint256 m; m < N; ++m) {
                if (m == j) continue;
                uint256 root = Kzg.power(omega, m);
                term = mulmod(term, addmod(z, R - root, R), R);
                term = mulmod(term, Bn254.inverse(addmod(x, R - root, R)), R);
            }
            value = addmod(value, term, R);
        }
        for (uint256 k; k < 4; ++k) {
            uint256 vanishing = addmod(Kzg.power(z, N), R - 1, R);
            value = addmod(value, mulmod(mulmod(vector[N + k], Kzg.power(z, k), R), vanishing, R), R);
        }
    }

    function _statement(
        uint256 h,
        uint256 r,
        uint256 y,
        uint256 normBound2,
        uint256 log
    ) private view returns (Statement memory) {
        uint256[] memory inputs = new uint256[](4);
        (inputs[0], inputs[1], inputs[2], inputs[3]) = (h % R, r % R, y % R, normBound2 % R);
        // log 0 would commit to infinity, which the verifier refuses
        return ProofSimulator.statement(ProofSimulator.key(4), inputs, log == 0 ? 1 : log);
    }
}
