// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Bn254} from "../libraries/Bn254.sol";
import {CodeData} from "../libraries/CodeData.sol";
import {Kzg} from "../libraries/Kzg.sol";
import {PublicKey, SealedKey, SealedKeys} from "../libraries/SealedKeys.sol";
import {Transcript} from "../libraries/Transcript.sol";
import {G1, G2} from "../types/Curve.sol";
import {DatasetId, ModelId, RoundId} from "../types/Ids.sol";
import {ConsentRef, Purpose, UpdateDetail} from "../types/Training.sol";

/// @title CryptoHarness: the internal libraries as external functions, for tests only.
contract CryptoHarness {
    // --- Bn254

    function add(G1 memory a, G1 memory b) external view returns (G1 memory) {
        return Bn254.add(a, b);
    }

    function mul(G1 memory p, uint256 s) external view returns (G1 memory) {
        return Bn254.mul(p, s);
    }

    function mulAddTo(G1 memory sum, G1 memory p, uint256 s) external view returns (G1 memory) {
        Bn254.mulAddTo(sum, p.x, p.y, s);
        return sum;
    }

    function neg(G1 memory p) external pure returns (G1 memory) {
        return Bn254.neg(p);
    }

    function isG1(uint256 x, uint256 y) external pure returns (bool) {
        return Bn254.isG1(x, y);
    }

    function isOnTwist(G2 memory p) external pure returns (bool) {
        return Bn254.isOnTwist(p);
    }

    function isInG2(G2 memory p) external view returns (bool) {
        return Bn254.isInG2(p);
    }

    function inverse(uint256 a) external view returns (uint256) {
        return Bn254.inverse(a);
    }

    function pairing(uint256[] memory words) external view returns (bool) {
        return Bn254.pairing(words);
    }

    /// Calls any address as if it were a precompile with a 32-byte answer.
    function callInto(address precompile) external view returns (uint256) {
        uint256[1] memory buffer;
        uint256 at;
        assembly ("memory-safe") {
            at := buffer
        }
        Bn254.callInto(precompile, at, 0x20, at, 0x20);
        return buffer[0];
    }

    /// Gas that one call to `target` takes, itself included, with everything cold; calldata not counted.
    function gasOf(address target, bytes calldata data) external view returns (uint256 used, bytes memory answer) {
        bytes memory input = data;
        used = gasleft();
        bool ok;
        (ok, answer) = target.staticcall(input);
        used -= gasleft();
        assert(ok);
    }

    // --- CodeData

    function storeAndLoad(bytes calldata data) external returns (address at, uint256[] memory words) {
        at = CodeData.store(data);
        words = CodeData.load(at);
    }

    // --- Kzg

    function rootOfUnity(uint256 n) external pure returns (uint256) {
        return Kzg.rootOfUnity(n);
    }

    function readWords(bytes calldata data) external pure returns (uint256[] memory words, uint256 firstBad) {
        return Kzg.readWords(data);
    }

    function partialEvaluation(
        bytes calldata data,
        uint256 offset,
        uint256 n,
        uint256 z
    ) external view returns (uint256) {
        (uint256[] memory words, ) = Kzg.readWords(data);
        return Kzg.partialEvaluation(words, offset, n, z);
    }

    // --- Transcript

    function context(Transcript.UpdateContext memory u) external pure returns (bytes32) {
        return Transcript.context(u);
    }

    function linkChallenge(
        bytes32 ctx,
        G1 memory c,
        G1[] memory a,
        bytes32 shareManifest,
        uint256 h
    ) external pure returns (uint256) {
        return Transcript.linkChallenge(ctx, c, a, shareManifest, h);
    }

    /// What Transcript makes of a detail in calldata, and what abi.encode would.
    function ofDetail(
        bytes32 ctx,
        address institution,
        UpdateDetail calldata d
    ) external pure returns (uint256[2] memory r, bytes32[2] memory hash, bytes32[2] memory key) {
        r = [Transcript.linkChallenge(ctx, d), Transcript.linkChallenge(ctx, d.c, d.a, d.shareManifest, d.h)];
        hash = [Transcript.detailHash(d), keccak256(abi.encode(d.a, d.shareManifest, d.h, d.y, d.w, d.proof))];
        key = [Transcript.memberKey(institution, d.c), keccak256(abi.encode(institution, d.c))];
    }

    function aggregateContext(Transcript.AggregateContext memory g) external pure returns (bytes32) {
        return Transcript.aggregateContext(g);
    }

    function aggregateChallenge(bytes32 ctxM, G1 memory cNext, uint256 hM) external pure returns (uint256) {
        return Transcript.aggregateChallenge(ctxM, cNext, hM);
    }

    function importContext(
        address modelVersions,
        ModelId model,
        bytes32 keyHash_,
        bytes32 srsHash_,
        uint32 n
    ) external view returns (bytes32) {
        return Transcript.importContext(modelVersions, model, keyHash_, srsHash_, n);
    }

    function importAggregateContext(bytes32 ctxI) external pure returns (bytes32) {
        return Transcript.importAggregateContext(ctxI);
    }

    function shareContext(bytes32 ctx, G1 memory c, uint256 s, G1 memory e) external pure returns (bytes32) {
        return Transcript.shareContext(ctx, c, s, e);
    }

    function schnorrChallenge(bytes32 bound, G1 memory e, G1 memory r) external pure returns (uint256) {
        return Transcript.schnorrChallenge(bound, e, r);
    }

    function dleqChallenge(
        bytes32 ctxShare,
        G1 memory pk,
        G1 memory e,
        G1 memory k,
        G1 memory r1,
        G1 memory r2
    ) external pure returns (uint256) {
        return Transcript.dleqChallenge(ctxShare, pk, e, k, r1, r2);
    }

    function cipherDigest(
        uint256 s,
        G1 memory e,
        G1 memory r,
        uint256 z,
        bytes32[] memory chunkHashes
    ) external pure returns (bytes32) {
        return Transcript.cipherDigest(s, e, r, z, chunkHashes);
    }

    function manifest(bytes32[] memory digests) external pure returns (bytes32) {
        return Transcript.manifest(digests);
    }

    function evalChallenge(bytes32 ctxShare, bytes32 digest, G1 memory k) external pure returns (uint256) {
        return Transcript.evalChallenge(ctxShare, digest, k);
    }

    function unmask(
        bytes calldata cipher,
        uint256 offset,
        G1 memory k,
        bytes32 ctxShare
    ) external pure returns (uint256[] memory words) {
        (words, ) = Kzg.readWords(cipher);
        Transcript.unmask(words, offset, k, ctxShare);
    }

    function memberKey(address institution, G1 calldata c) external pure returns (bytes32) {
        return Transcript.memberKey(institution, c);
    }

    function consentSetHash(address registry, ConsentRef[] memory refs) external view returns (bytes32) {
        return Transcript.consentSetHash(registry, refs);
    }

    function purposeHash(Purpose memory purpose) external pure returns (bytes32) {
        return Transcript.purposeHash(purpose);
    }

    function setHash(address roundManager, RoundId round, bytes32[] memory keys) external view returns (bytes32) {
        return Transcript.setHash(roundManager, round, keys);
    }

    function sumDigest(
        RoundId round,
        uint256 s,
        bytes32 set,
        bytes32[] memory chunkHashes
    ) external pure returns (bytes32) {
        return Transcript.sumDigest(round, s, set, chunkHashes);
    }

    function sumChallenge(bytes32 digest) external pure returns (uint256) {
        return Transcript.sumChallenge(digest);
    }

    function keyHash(
        bytes32 circuit,
        uint32 n,
        G1 memory alpha,
        G2 memory beta,
        G2 memory gamma,
        G2 memory delta,
        G1[] memory ic
    ) external pure returns (bytes32) {
        return Transcript.keyHash(circuit, n, alpha, beta, gamma, delta, ic);
    }

    function srsHash(G1 memory tauG1, G2 memory tauG2) external pure returns (bytes32) {
        return Transcript.srsHash(tauG1, tauG2);
    }

    function grantLeaf(
        DatasetId dataset,
        uint32 version,
        address subjectKey,
        bytes32 salt
    ) external pure returns (bytes32) {
        return Transcript.grantLeaf(dataset, version, subjectKey, salt);
    }

    // --- SealedKeys

    function sealBinding(
        address registry,
        ModelId model,
        address holder,
        uint64 sequence
    ) external view returns (uint256) {
        return SealedKeys.binding(registry, model, holder, sequence);
    }

    function rekeyInputs(
        SealedKey memory current,
        PublicKey memory holder,
        uint256 currentBinding,
        SealedKey memory next,
        PublicKey memory receiver,
        uint256 nextBinding,
        uint256 keyHash_
    ) external pure returns (uint256[] memory) {
        return SealedKeys.inputs(current, holder, currentBinding, next, receiver, nextBinding, keyHash_);
    }

    function requireSealingKey(PublicKey memory key) external pure {
        SealedKeys.requireKey(key);
    }

    function requireSealed(SealedKey memory sealedKey) external pure {
        SealedKeys.requireSealed(sealedKey);
    }
}
