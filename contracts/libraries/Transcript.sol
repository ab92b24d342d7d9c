// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {CampaignId, DatasetId, ModelId, RoundId} from "../types/Ids.sol";
import {G1, G2} from "../types/Curve.sol";
import {ConsentRef, Purpose, UpdateDetail} from "../types/Training.sol";
import {Bn254} from "./Bn254.sol";

/// @title Transcript: every hash, challenge and mask of the protocol, in one place (protocol design, 3.1; the SDK's transcript module agrees to the bit).
/// @notice TAG(name) = keccak256("mednexus.<name>.v1"); hashes are keccak256(abi.encode(TAG, …)), never encodePacked; a challenge is such a hash mod r.
/// Reducing 256 bits mod r leaves a bias of at most 2^-2 relative per value, harmless for a challenge; masks, which must be uniform, use 512 bits.
library Transcript {
    bytes32 internal constant TAG_CTX = keccak256("mednexus.ctx.v1");
    bytes32 internal constant TAG_LINK = keccak256("mednexus.link.v1");
    bytes32 internal constant TAG_SHARE = keccak256("mednexus.share.v1");
    bytes32 internal constant TAG_SCHNORR = keccak256("mednexus.schnorr.v1");
    bytes32 internal constant TAG_DLEQ = keccak256("mednexus.dleq.v1");
    bytes32 internal constant TAG_CIPHER = keccak256("mednexus.cipher.v1");
    bytes32 internal constant TAG_MANIFEST = keccak256("mednexus.manifest.v1");
    bytes32 internal constant TAG_EVAL = keccak256("mednexus.eval.v1");
    bytes32 internal constant TAG_SET = keccak256("mednexus.set.v1");
    bytes32 internal constant TAG_SUM = keccak256("mednexus.sum.v1");
    bytes32 internal constant TAG_SUM_EVAL = keccak256("mednexus.sumEval.v1");
    bytes32 internal constant TAG_AGG = keccak256("mednexus.agg.v1");
    bytes32 internal constant TAG_AGG_LINK = keccak256("mednexus.aggLink.v1");
    bytes32 internal constant TAG_IMPORT = keccak256("mednexus.import.v1");
    bytes32 internal constant TAG_IMPORT_AGG = keccak256("mednexus.importAgg.v1");
    bytes32 internal constant TAG_BATCH = keccak256("mednexus.batch.v1");
    bytes32 internal constant TAG_KEY = keccak256("mednexus.key.v1");
    bytes32 internal constant TAG_GRANT = keccak256("mednexus.grant.v1");
    bytes32 internal constant TAG_SEAL = keccak256("mednexus.seal.v1");
    bytes32 internal constant TAG_PURPOSE = keccak256("mednexus.purpose.v1");
    bytes32 internal constant TAG_CONSENT_SET = keccak256("mednexus.consentSet.v1");
    bytes32 internal constant TAG_OUTPUT = keccak256("mednexus.output.v1");
    bytes32 internal constant TAG_MONDO = keccak256("mednexus.mondo.v1");

    /// Words of 32 bytes in a chunk of a posted vector; the last chunk may be shorter. 64,000 bytes.
    uint256 internal constant CHUNK_WORDS = 2000;

    /// Everything an update is valid for. A changed field is another context and needs fresh blinders.
    struct UpdateContext {
        uint256 chainId;
        address roundManager;
        CampaignId campaign;
        RoundId round;
        G1 base; // C_M(t)
        bytes32 keyHash; // of the update circuit's key
        bytes32 srsHash;
        uint32 n;
        uint256 normBound2; // B_i²
        uint8 nodes; // S
        uint8 threshold; // t
        address institution;
        DatasetId dataset;
        uint32 datasetVersion;
        uint64 consentEpoch;
        uint64 records; // n̂
    }

    /// Everything an aggregate proof is valid for; `payee` makes a copied proof pay its maker, the roots make it publish its maker's claims.
    struct AggregateContext {
        uint256 chainId;
        address roundSettlement;
        CampaignId campaign;
        RoundId round;
        ModelId model;
        G1 base; // C_M(t)
        bytes32 setHash;
        uint256 lambda; // λ_t
        bytes32 keyHash; // of the aggregate circuit's key
        bytes32 srsHash;
        uint32 n;
        address payee;
        bytes32 storageRoot;
        bytes32 artefactRoot;
    }

    // --- updates and aggregates

    /// keccak256(abi.encode(TAG_CTX, u)).
    function context(UpdateContext memory u) internal pure returns (bytes32 ctx) {
        bytes32 tag = TAG_CTX;
        // A struct's words lie in the order of its fields, `base` (two words) behind a pointer in its place, as the fifth; the result is scratch memory.
        assembly ("memory-safe") {
            let to := mload(0x40)
            mstore(to, tag)
            mcopy(add(to, 0x20), u, 0x80)
            mcopy(add(to, 0xa0), mload(add(u, 0x80)), 0x40)
            mcopy(add(to, 0xe0), add(u, 0xa0), 0x160)
            ctx := keccak256(to, 0x240)
        }
    }

    /// r: the point at which C is opened and the circuit evaluates, fixed only after C, A, shares and h.
    function linkChallenge(
        bytes32 ctx,
        G1 memory c,
        G1[] memory a,
        bytes32 shareManifest,
        uint256 h
    ) internal pure returns (uint256) {
        return _challenge(keccak256(abi.encode(TAG_LINK, ctx, c, a, shareManifest, h)));
    }

    /// The same for a detail in calldata: its first five words are C, where A lies, shareManifest, h; abi.encode puts A behind seven words.
    function linkChallenge(bytes32 ctx, UpdateDetail calldata d) internal pure returns (uint256) {
        bytes32 tag = TAG_LINK;
        bytes32 digest;
        G1[] calldata a = d.a;
        assembly ("memory-safe") {
            let to := mload(0x40)
            mstore(to, tag)
            mstore(add(to, 0x20), ctx)
            calldatacopy(add(to, 0x40), d, 0xa0)
            mstore(add(to, 0x80), 0xe0)
            mstore(add(to, 0xe0), a.length)
            calldatacopy(add(to, 0x100), a.offset, shl(6, a.length))
            digest := keccak256(to, add(0x100, shl(6, a.length)))
        }
        return _challenge(digest);
    }

    /// keccak256(abi.encode(A, shareManifest, h, y, W, proof)): what is kept of an update besides its key, which has C. In calldata the last thirteen words of
    /// the head follow the word that says where A lies; abi.encode puts A behind these fourteen.
    function detailHash(UpdateDetail calldata d) internal pure returns (bytes32 hash) {
        G1[] calldata a = d.a;
        assembly ("memory-safe") {
            let to := mload(0x40)
            calldatacopy(to, add(d, 0x40), 0x1c0)
            mstore(to, 0x1c0)
            mstore(add(to, 0x1c0), a.length)
            calldatacopy(add(to, 0x1e0), a.offset, shl(6, a.length))
            hash := keccak256(to, add(0x1e0, shl(6, a.length)))
        }
    }

    function aggregateContext(AggregateContext memory g) internal pure returns (bytes32) {
        return keccak256(abi.encode(TAG_AGG, g));
    }

    /// r_M for `cNext` = C_M(t+1).
    function aggregateChallenge(bytes32 ctxM, G1 memory cNext, uint256 hM) internal pure returns (uint256) {
        return _challenge(keccak256(abi.encode(TAG_AGG_LINK, ctxM, cNext, hM)));
    }

    /// ctxI of an imported base; its r is linkChallenge(ctxI, C, [], 0, h).
    function importContext(
        address modelVersions,
        ModelId model,
        bytes32 updateKeyHash,
        bytes32 srs,
        uint32 n
    ) internal view returns (bytes32) {
        return keccak256(abi.encode(TAG_IMPORT, block.chainid, modelVersions, model, updateKeyHash, srs, n));
    }

    /// ctx_M of an imported base's aggregate proof.
    function importAggregateContext(bytes32 ctxI) internal pure returns (bytes32) {
        return keccak256(abi.encode(TAG_IMPORT_AGG, ctxI));
    }

    // --- shares. s = node index + 1, never 0.

    function shareContext(bytes32 ctx, G1 memory c, uint256 s, G1 memory e) internal pure returns (bytes32) {
        return keccak256(abi.encode(TAG_SHARE, ctx, c, s, e));
    }

    /// Challenge of the Schnorr proof of e in E = e·G: z·G = R + c·E.
    function schnorrChallenge(bytes32 bound, G1 memory e, G1 memory r) internal pure returns (uint256) {
        return _challenge(keccak256(abi.encode(TAG_SCHNORR, bound, e, r)));
    }

    /// Challenge of the Chaum–Pedersen proof of log_G PK = log_E K: z·G = R1 + c·PK, z·E = R2 + c·K.
    function dleqChallenge(
        bytes32 ctxShare,
        G1 memory pk,
        G1 memory e,
        G1 memory k,
        G1 memory r1,
        G1 memory r2
    ) internal pure returns (uint256) {
        return _challenge(keccak256(abi.encode(TAG_DLEQ, ctxShare, pk, e, k, r1, r2)));
    }

    /// What an institution's share key is proved for at registration.
    function keyContext(address registry, address institution) internal view returns (bytes32) {
        return keccak256(abi.encode(TAG_KEY, block.chainid, registry, institution));
    }

    function cipherDigest(
        uint256 s,
        G1 memory e,
        G1 memory r,
        uint256 z,
        bytes32[] memory chunkHashes
    ) internal pure returns (bytes32) {
        return keccak256(abi.encode(TAG_CIPHER, s, e, r, z, chunkHashes));
    }

    /// `digests` in node order.
    function manifest(bytes32[] memory digests) internal pure returns (bytes32) {
        return keccak256(abi.encode(TAG_MANIFEST, digests));
    }

    function evalChallenge(bytes32 ctxShare, bytes32 digest, G1 memory k) internal pure returns (uint256) {
        return _challenge(keccak256(abi.encode(TAG_EVAL, ctxShare, digest, k)));
    }

    /// Turns cipher words `offset`, `offset` + 1, … into share words in place: x_j = word_j − mask_j mod r, with
    /// mask_j = (keccak256(K, ctxShare, 2j)·2^256 + keccak256(K, ctxShare, 2j + 1)) mod r (each hash of the abi-encoded 128 bytes).
    /// Words must be canonical.
    function unmask(uint256[] memory words, uint256 offset, G1 memory k, bytes32 ctxShare) internal pure {
        uint256 r = Bn254.R;
        bytes memory block128 = abi.encode(k, ctxShare, uint256(0));
        // Bounds: j < 2^32 for every vector of the protocol, so 2j + 1 does not overflow; mask < r, so r − mask is in [1, r].
        assembly ("memory-safe") {
            // 2^256 mod r
            let shift := addmod(sub(0, r), 0, r)
            let input := add(block128, 0x20)
            let counter := add(input, 0x60)
            let end := add(add(words, 0x20), shl(5, mload(words)))
            let j := shl(1, offset)
            for {
                let p := add(words, 0x20)
            } lt(p, end) {
                p := add(p, 0x20)
                j := add(j, 2)
            } {
                mstore(counter, j)
                let high := keccak256(input, 0x80)
                mstore(counter, add(j, 1))
                let low := keccak256(input, 0x80)
                let mask := addmod(mulmod(high, shift, r), low, r)
                mstore(p, addmod(mload(p), sub(r, mask), r))
            }
        }
    }

    // --- sets and sums

    /// keccak256(abi.encode(institution, C)).
    function memberKey(address institution, G1 calldata c) internal pure returns (bytes32 key) {
        assembly ("memory-safe") {
            let to := mload(0x40)
            mstore(to, institution)
            calldatacopy(add(to, 0x20), c, 0x40)
            key := keccak256(to, 0x60)
        }
    }

    /// `keys`: included members in submission order.
    function setHash(address roundManager, RoundId round, bytes32[] memory keys) internal view returns (bytes32) {
        return keccak256(abi.encode(TAG_SET, block.chainid, roundManager, round, keys));
    }

    function sumDigest(
        RoundId round,
        uint256 s,
        bytes32 set,
        bytes32[] memory chunkHashes
    ) internal pure returns (bytes32) {
        return keccak256(abi.encode(TAG_SUM, round, s, set, chunkHashes));
    }

    function sumChallenge(bytes32 digest) internal pure returns (uint256) {
        return _challenge(keccak256(abi.encode(TAG_SUM_EVAL, digest)));
    }

    // --- verifying keys, strings, grants

    function keyHash(
        bytes32 circuit,
        uint32 n,
        G1 memory alpha,
        G2 memory beta,
        G2 memory gamma,
        G2 memory delta,
        G1[] memory ic
    ) internal pure returns (bytes32) {
        return keccak256(abi.encode(circuit, n, alpha, beta, gamma, delta, ic));
    }

    function srsHash(G1 memory tauG1, G2 memory tauG2) internal pure returns (bytes32) {
        return keccak256(abi.encode(tauG1, tauG2));
    }

    /// A subject's grant, the leaf that a revocation opens. OpenZeppelin's tree hashes it once more: keccak256(bytes.concat(leaf)).
    function grantLeaf(
        DatasetId dataset,
        uint32 datasetVersion,
        address subjectKey,
        bytes32 salt
    ) internal pure returns (bytes32) {
        return keccak256(abi.encode(TAG_GRANT, dataset, datasetVersion, subjectKey, salt));
    }

    /// What the `sequence`-th sealing of a model's key, for `holder`, is bound to (SealedKeys).
    function sealBinding(
        address registry,
        ModelId model,
        address holder,
        uint64 sequence
    ) internal view returns (uint256) {
        return _challenge(keccak256(abi.encode(TAG_SEAL, block.chainid, registry, model, holder, sequence)));
    }

    /// What an ethics approval is recorded for: this user, this use, nothing wider.
    function purposeHash(Purpose memory purpose) internal pure returns (bytes32) {
        return keccak256(abi.encode(TAG_PURPOSE, purpose));
    }

    /// Under which consents something was made or done; model versions carry it (members of the frozen set in submission order), and so may receipts.
    /// `registry`: the ConsentRegistry whose epochs these are.
    function consentSetHash(address registry, ConsentRef[] memory refs) internal view returns (bytes32) {
        return keccak256(abi.encode(TAG_CONSENT_SET, block.chainid, registry, refs));
    }

    /// What a receipt says of a job's output. Outputs are few: it binds, it does not hide.
    function outputCommitment(uint256 decision, uint256 score) internal pure returns (bytes32) {
        return keccak256(abi.encode(TAG_OUTPUT, decision, score));
    }

    function _challenge(bytes32 digest) private pure returns (uint256) {
        return uint256(digest) % Bn254.R;
    }
}
