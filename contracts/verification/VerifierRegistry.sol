// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Module} from "../access/Module.sol";
import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";
import {Bn254} from "../libraries/Bn254.sol";
import {CodeData} from "../libraries/CodeData.sol";
import {Devnet} from "../libraries/Devnet.sol";
import {Kzg} from "../libraries/Kzg.sol";
import {SealedKeys} from "../libraries/SealedKeys.sol";
import {Transcript} from "../libraries/Transcript.sol";
import {G1, G2} from "../types/Curve.sol";
import {SrsId, VerifierId} from "../types/Ids.sol";

/// @title VerifierRegistry: see IVerifierRegistry
contract VerifierRegistry is Module, IVerifierRegistry {
    struct Srs {
        bytes32 srsHash;
        address data; // words [τ]_1, [τ]_2
        bool insecure;
    }

    struct Entry {
        bytes32 circuit;
        bytes32 keyHash;
        address data; // words α, β, δ, [τ]_2, IC…
        uint32 n;
        SrsId srs;
        bool insecure;
        bool retired;
    }

    /// @custom:storage-location erc7201:mednexus.storage.VerifierRegistry
    struct State {
        uint32 srsCount;
        uint32 verifierCount;
        mapping(SrsId => Srs) srs;
        mapping(VerifierId => Entry) verifiers;
        mapping(uint32 n => bool) knownSize;
    }

    // keccak256(abi.encode(uint256(keccak256("mednexus.storage.VerifierRegistry")) - 1)) & ~bytes32(uint256(0xff)); recomputed in a test
    bytes32 private constant STATE_SLOT = 0x164e7ae5c4a8d491ad1a3361896b044d8754bee389e474ae6f286eb5171b9700;

    bytes32 private constant UPDATE = keccak256("update");
    uint256 private constant UPDATE_INPUTS = 4; // h, r, y, B²
    bytes32 private constant AGGREGATE = keccak256("aggregate");
    uint256 private constant AGGREGATE_INPUTS = 3; // h, r, y
    bytes32 private constant INFERENCE = keccak256("inference");
    uint256 private constant INFERENCE_INPUTS = 4; // model root, input commitment, decision, score
    bytes32 private constant REKEY = keccak256("rekey");

    // The public development trapdoor: scalars mod r (circuits/setup derives keys from them).
    bytes32 private constant DEV_TAU = keccak256("mednexus.insecure.dev.tau.v1");
    bytes32 private constant DEV_ALPHA = keccak256("mednexus.insecure.dev.alpha.v1");

    /// `authority`: the AccessManager.
    function initialize(address authority) external initializer {
        __Module_init(authority);
    }

    // --- registration and retirement

    /// @inheritdoc IVerifierRegistry
    function registerSrs(G1 calldata tauG1, G2 calldata tauG2, bool insecure) external restricted returns (SrsId srs) {
        _requireG1(tauG1);
        _requireG2(tauG2);
        if (tauG1.x == 1) revert TrivialTau(); // τ = ±1; τ = 0 is infinity, refused above
        if (!_sameExponent(tauG1, tauG2)) revert SrsPairingMismatch();
        _requireDeclared(insecure, _isMultiple(tauG1, DEV_TAU));

        State storage $ = _state();
        srs = SrsId.wrap(++$.srsCount);
        bytes32 srsHash = Transcript.srsHash(tauG1, tauG2);
        $.srs[srs] = Srs(srsHash, CodeData.store(abi.encode(tauG1, tauG2)), insecure);
        emit SrsRegistered(srs, srsHash, insecure);
    }

    /// @inheritdoc IVerifierRegistry
    function registerVerifier(
        bytes32 circuit,
        uint32 n,
        SrsId srs,
        VerifyingKey calldata key,
        bool insecure
    ) external restricted returns (VerifierId verifier) {
        // A circuit without vectors is of size 1, which is no model's size.
        bool sized = circuit != REKEY;
        if (sized ? !Kzg.isDomainSize(n) : n != 1) revert BadSize(n);
        Srs memory string_ = _srs(srs);
        _requireKey(circuit, key);
        _requireDeclared(insecure, string_.insecure || _isMultiple(key.alpha, DEV_ALPHA));

        bytes memory data = abi.encode(key.alpha, key.beta, key.delta, _tauG2(string_));
        for (uint256 i; i < key.ic.length; ++i) data = bytes.concat(data, abi.encode(key.ic[i]));

        State storage $ = _state();
        verifier = VerifierId.wrap(++$.verifierCount);
        bytes32 keyHash = Transcript.keyHash(circuit, n, key.alpha, key.beta, key.gamma, key.delta, key.ic);
        $.verifiers[verifier] = Entry(circuit, keyHash, CodeData.store(data), n, srs, insecure, false);
        if (sized) $.knownSize[n] = true;
        emit VerifierRegistered(verifier, circuit, n, srs, keyHash, insecure);
    }

    /// @inheritdoc IVerifierRegistry
    function retire(VerifierId verifier) external restricted {
        Entry storage entry = _live(verifier);
        entry.retired = true;
        emit VerifierRetired(verifier, msg.sender);
    }

    // --- views

    /// @inheritdoc IVerifierRegistry
    function infoOf(VerifierId verifier) external view returns (VerifierInfo memory) {
        Entry storage e = _known(verifier);
        return VerifierInfo(e.circuit, e.n, e.srs, e.insecure, e.retired, e.keyHash);
    }

    /// @inheritdoc IVerifierRegistry
    function keyOf(VerifierId verifier) external view returns (VerifyingKey memory key) {
        uint256[] memory w = CodeData.load(_known(verifier).data);
        key.alpha = G1(w[0], w[1]);
        key.beta = G2(w[2], w[3], w[4], w[5]);
        key.gamma = Bn254.g2();
        key.delta = G2(w[6], w[7], w[8], w[9]);
        key.ic = new G1[]((w.length - 14) / 2);
        for (uint256 i; i < key.ic.length; ++i) key.ic[i] = G1(w[14 + 2 * i], w[15 + 2 * i]);
    }

    /// @inheritdoc IVerifierRegistry
    function srsOf(SrsId srs) external view returns (G1 memory tauG1, G2 memory tauG2, bytes32 srsHash) {
        Srs memory string_ = _srs(srs);
        uint256[] memory w = CodeData.load(string_.data);
        return (G1(w[0], w[1]), G2(w[2], w[3], w[4], w[5]), string_.srsHash);
    }

    /// @inheritdoc IVerifierRegistry
    function dataOf(VerifierId verifier) external view returns (address) {
        return _live(verifier).data;
    }

    /// @inheritdoc IVerifierRegistry
    function isLive(VerifierId verifier) external view returns (bool) {
        Entry storage entry = _state().verifiers[verifier];
        return entry.data != address(0) && !entry.retired;
    }

    /// @inheritdoc IVerifierRegistry
    function isKnownSize(uint32 n) external view returns (bool) {
        return _state().knownSize[n];
    }

    // --- checks

    function _requireKey(bytes32 circuit, VerifyingKey calldata key) private view {
        uint256 inputs = _inputsOf(circuit);
        if (key.ic.length != inputs + 1) revert WrongIcLength(key.ic.length, inputs + 1);

        // Same x coordinate: δ = ±γ. With δ = ±γ, (A, B, C) = (α, β, ∓IC(x)) satisfies the equation for every x.
        if (key.gamma.xIm == key.delta.xIm && key.gamma.xRe == key.delta.xRe) revert GammaEqualsDelta();
        G2 memory generator = Bn254.g2();
        if (keccak256(abi.encode(key.gamma)) != keccak256(abi.encode(generator))) revert GammaNotGenerator();

        _requireG1(key.alpha);
        _requireG2(key.beta);
        _requireG2(key.delta);
        for (uint256 i; i < key.ic.length; ++i) _requireG1(key.ic[i]);
    }

    function _inputsOf(bytes32 circuit) private pure returns (uint256) {
        if (circuit == UPDATE) return UPDATE_INPUTS;
        if (circuit == AGGREGATE) return AGGREGATE_INPUTS;
        if (circuit == INFERENCE) return INFERENCE_INPUTS;
        if (circuit == REKEY) return SealedKeys.INPUTS;
        revert UnknownCircuit(circuit);
    }

    function _requireG1(G1 calldata p) private pure {
        if ((p.x == 0 && p.y == 0) || !Bn254.isG1(p.x, p.y)) revert PointNotOnCurve();
    }

    function _requireG2(G2 calldata p) private view {
        if (!Bn254.isOnTwist(p)) revert PointNotOnCurve();
        if (!Bn254.isInG2(p)) revert PointNotInSubgroup();
    }

    /// e([τ]_1, [1]_2) = e([1]_1, [τ]_2)
    function _sameExponent(G1 memory tauG1, G2 memory tauG2) private view returns (bool) {
        uint256[] memory words = new uint256[](12);
        Kzg.writePair(words, 0, tauG1, Bn254.g2());
        Kzg.writePair(words, 1, Bn254.neg(Bn254.g1()), tauG2);
        return Bn254.pairing(words);
    }

    function _isMultiple(G1 memory p, bytes32 seed) private view returns (bool) {
        return Bn254.isEqual(p, Bn254.mul(Bn254.g1(), uint256(seed)));
    }

    /// What is known to be insecure must say so, and what says so exists on devnets only.
    function _requireDeclared(bool insecure, bool knownInsecure) private view {
        if (knownInsecure && !insecure) revert InsecureKeyUndeclared();
        if (insecure && !Devnet.here()) revert InsecureKeyOffDevnet(block.chainid);
    }

    // --- storage

    function _srs(SrsId srs) private view returns (Srs memory string_) {
        string_ = _state().srs[srs];
        if (string_.data == address(0)) revert UnknownSrs(srs);
    }

    function _tauG2(Srs memory string_) private view returns (G2 memory) {
        uint256[] memory w = CodeData.load(string_.data);
        return G2(w[2], w[3], w[4], w[5]);
    }

    function _known(VerifierId verifier) private view returns (Entry storage entry) {
        entry = _state().verifiers[verifier];
        if (entry.data == address(0)) revert UnknownVerifier(verifier);
    }

    function _live(VerifierId verifier) private view returns (Entry storage entry) {
        entry = _known(verifier);
        if (entry.retired) revert VerifierIsRetired(verifier);
    }

    function _state() private pure returns (State storage $) {
        assembly {
            $.slot := STATE_SLOT
        }
    }
}
