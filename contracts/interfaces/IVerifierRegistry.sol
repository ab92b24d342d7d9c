// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {SrsId, VerifierId} from "../types/Ids.sol";
import {G1, G2} from "../types/Curve.sol";

/// @title VerifierRegistry: append-only verifying keys and structured reference strings, stored as data.
/// @notice Ids never change meaning. A retired id (tombstone) verifies nothing more. Nothing but an SRS entry ever supplies [τ]_2.
/// Circuits are named by keccak256 of their name, public inputs in order: "update" (h, r, y, B²), "aggregate" (h, r, y), "inference" (model root, input
/// commitment, decision, score), "rekey" (see SealedKeys; it has no vectors, its size is 1). Another circuit needs an upgrade.
/// The governor registers and retires, the guardian retires; neither can change or revive an id.
interface IVerifierRegistry {
    struct VerifyingKey {
        G1 alpha;
        G2 beta;
        G2 gamma;
        G2 delta;
        G1[] ic;
    }

    struct VerifierInfo {
        bytes32 circuit; // keccak256 of the circuit's name, e.g. "update"
        uint32 n; // vector length, 2^k; 1 for a circuit without vectors
        SrsId srs;
        bool insecure; // development key: registration refused off devnet chain ids
        bool retired;
        bytes32 keyHash;
    }

    event SrsRegistered(SrsId indexed srs, bytes32 srsHash, bool insecure);
    event VerifierRegistered(
        VerifierId indexed verifier,
        bytes32 indexed circuit,
        uint32 n,
        SrsId srs,
        bytes32 keyHash,
        bool insecure
    );
    event VerifierRetired(VerifierId indexed verifier, address by);

    error UnknownSrs(SrsId srs);
    error UnknownVerifier(VerifierId verifier);
    error VerifierIsRetired(VerifierId verifier);
    /// Also for δ = −γ: either lets anybody forge.
    error GammaEqualsDelta();
    /// Keys have γ = [1]_2, as snarkjs makes them (Bowe, Gabizon, Miers 2017): one pairing fewer.
    error GammaNotGenerator();
    error UnknownCircuit(bytes32 circuit);
    error WrongIcLength(uint256 given, uint256 expected);
    error TrivialTau();
    error PointNotOnCurve();
    error PointNotInSubgroup();
    error SrsPairingMismatch();
    error BadSize(uint32 n);
    error InsecureKeyOffDevnet(uint256 chainId);
    /// A string or key made from the public development trapdoor, or a key over such a string, that is not declared insecure.
    error InsecureKeyUndeclared();

    /// Governor. Checks e([τ]_1, [1]_2) = e([1]_1, [τ]_2), canonical points, not infinity, τ not 0 or 1.
    function registerSrs(G1 calldata tauG1, G2 calldata tauG2, bool insecure) external returns (SrsId);
    /// Governor. Rejects gamma = ±delta, off-curve, off-subgroup and infinite points, unknown SRS and circuits, wrong IC count for the circuit's public inputs.
    /// @dev Warning: it cannot see how the key was made. Whoever knows α, β, δ or τ of a secure-looking key forges: read the set-up's transcript.
    function registerVerifier(
        bytes32 circuit,
        uint32 n,
        SrsId srs,
        VerifyingKey calldata key,
        bool insecure
    ) external returns (VerifierId);
    /// Governor or guardian.
    function retire(VerifierId verifier) external;

    function infoOf(VerifierId verifier) external view returns (VerifierInfo memory);
    function keyOf(VerifierId verifier) external view returns (VerifyingKey memory);
    function srsOf(SrsId srs) external view returns (G1 memory tauG1, G2 memory tauG2, bytes32 srsHash);
    /// Address of the data contract (words α, β, δ, [τ]_2, IC…; see CodeData) — reverts when unknown or retired.
    function dataOf(VerifierId verifier) external view returns (address);
    function isLive(VerifierId verifier) external view returns (bool);
    /// True once a key for vectors of length `n` has been registered.
    function isKnownSize(uint32 n) external view returns (bool);
}
