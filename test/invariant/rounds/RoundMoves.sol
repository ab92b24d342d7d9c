// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {IRoundManager} from "../../../contracts/interfaces/IRoundManager.sol";
import {IRoundSettlement} from "../../../contracts/interfaces/IRoundSettlement.sol";
import {IShareDisputes} from "../../../contracts/interfaces/IShareDisputes.sol";
import {IVerifierRegistry} from "../../../contracts/interfaces/IVerifierRegistry.sol";
import {Bn254} from "../../../contracts/libraries/Bn254.sol";
import {Kzg} from "../../../contracts/libraries/Kzg.sol";
import {Purposes} from "../../../contracts/libraries/Purposes.sol";
import {Transcript} from "../../../contracts/libraries/Transcript.sol";
import {DleqProof, G1} from "../../../contracts/types/Curve.sol";
import {RoundId} from "../../../contracts/types/Ids.sol";
import {RoundState, UpdateDetail} from "../../../contracts/types/Training.sol";
import {ProofSimulator} from "../../utils/ProofSimulator.sol";
import {vm} from "../../utils/Vm.sol";
import {RoundSystem} from "./RoundSystem.sol";

/// Honest moves of members, nodes and provers in one round, and the words behind them.
abstract contract RoundMoves is RoundSystem {
    /// How a member may cheat a node, or not.
    enum Cheat {
        None,
        BadShare, // the words are not the share that A promises
        BadHeader, // the Schnorr proof does not hold
        ForeignE // E and its proof belong to another context
    }

    mapping(bytes32 updateId => Cheat) internal cheats; // by (round, member): towards node 0
    RoundId internal round;

    function _openRound() internal returns (RoundId) {
        round = rounds.openRound(campaign);
        return round;
    }

    function _openAndDraw() internal {
        _openRound();
        vm.roll(block.number + 1);
        vm.prank(KEEPER);
        rounds.draw(round);
    }

    function _cheatOf(address member) internal view returns (Cheat) {
        return cheats[keccak256(abi.encode(round, member))];
    }

    function _setCheat(address member, Cheat cheat) internal {
        cheats[keccak256(abi.encode(round, member))] = cheat;
    }

    // --- vectors

    /// Words of the update (k = 0) or of the sharing coefficient a_k of `member` in this round.
    function _vector(address member, uint256 k) internal view returns (uint256[] memory words) {
        words = new uint256[](N + Kzg.TAIL);
        bytes32 seed = keccak256(abi.encode(round, member, k));
        for (uint256 j; j < words.length; ++j) words[j] = uint256(keccak256(abi.encode(seed, j))) % Bn254.R;
    }

    function _log(uint256[] memory words) internal view returns (uint256) {
        return Kzg.partialEvaluation(words, 0, N, ProofSimulator.TAU);
    }

    function _share(address member, uint256 s) internal view returns (uint256[] memory words) {
        words = _vector(member, 0);
        uint256[] memory a = _vector(member, 1);
        for (uint256 j; j < words.length; ++j) words[j] = addmod(words[j], mulmod(s, a[j], Bn254.R), Bn254.R);
    }

    function _pack(uint256[] memory words) internal pure returns (bytes memory) {
        return abi.encodePacked(words);
    }

    // --- the member's side

    function _context(address member) internal view returns (bytes32) {
        IRoundManager.Round memory r = rounds.get(round);
        uint64 records = campaigns.eligibility(campaign, member).records;
        return
            Transcript.context(
                Transcript.UpdateContext({
                    chainId: block.chainid,
                    roundManager: address(rounds),
                    campaign: campaign,
                    round: round,
                    base: r.base,
                    keyHash: r.updateKeyHash,
                    srsHash: r.srsHash,
                    n: N,
                    normBound2: campaigns.eligibility(campaign, member).normBound2,
                    nodes: r.nodes,
                    threshold: r.threshold,
                    institution: member,
                    dataset: datasetOf[member],
                    datasetVersion: 1,
                    consentEpoch: campaigns.eligibility(campaign, member).consentEpoch,
                    records: records
                })
            );
    }

    /// The member's submission; kept as detail by `details` once it is on chain.
    function _submit(address member) internal returns (UpdateDetail memory d) {
        bytes32 ctx = _context(member);
        contexts[keccak256(abi.encode(round, member))] = ctx;
        uint256 log = _log(_vector(member, 0));
        d.c = Bn254.mul(1, 2, log);
        d.a = new G1[](1);
        d.a[0] = Bn254.mul(1, 2, _log(_vector(member, 1)));
        d.shareManifest = Transcript.manifest(_digests(member, d.c));
        d.h = uint256(keccak256(abi.encode("h", round, member))) % Bn254.R;
        uint256 r = Transcript.linkChallenge(ctx, d.c, d.a, d.shareManifest, d.h);
        d.y = Kzg.partialEvaluation(_vector(member, 0), 0, N, r);
        d.w = ProofSimulator.opening(log, r, d.y);
        uint256[] memory inputs = new uint256[](4);
        (inputs[0], inputs[1], inputs[2]) = (d.h, r, d.y);
        inputs[3] = campaigns.eligibility(campaign, member).normBound2;
        d.proof = ProofSimulator.prove(_key(4), inputs, log);
        vm.prank(member);
        rounds.submitUpdate(round, datasetOf[member], d);
        _store(member, d);
    }

    mapping(uint256 inputs => bytes) private keys;

    /// The trapdoor's key, made once: each costs a multiplication an input.
    function _key(uint256 inputs) private returns (IVerifierRegistry.VerifyingKey memory) {
        if (keys[inputs].length == 0) keys[inputs] = abi.encode(ProofSimulator.key(inputs));
        return abi.decode(keys[inputs], (IVerifierRegistry.VerifyingKey));
    }

    mapping(bytes32 updateId => bytes32) internal contexts;
    mapping(bytes32 updateId => bytes) private stored;

    function _store(address member, UpdateDetail memory d) private {
        stored[keccak256(abi.encode(round, member))] = abi.encode(d);
    }

    function _detail(address member) internal view returns (UpdateDetail memory) {
        return abi.decode(stored[keccak256(abi.encode(round, member))], (UpdateDetail));
    }

    function _submitted(address member) internal view returns (bool) {
        return stored[keccak256(abi.encode(round, member))].length != 0;
    }

    function _keyOf(address member) internal view returns (bytes32) {
        return keccak256(abi.encode(member, _detail(member).c));
    }

    /// 0: this member submitted nothing in that round.
    function _keyIn(RoundId id, address member) internal view returns (bytes32) {
        bytes memory detail = stored[keccak256(abi.encode(id, member))];
        if (detail.length == 0) return 0;
        return keccak256(abi.encode(member, abi.decode(detail, (UpdateDetail)).c));
    }

    /// Header and cipher words for node `i`.
    function _cipher(
        address member,
        G1 memory c,
        uint256 i
    ) internal view returns (IShareDisputes.CipherHeader memory header, bytes memory words) {
        uint256 e = _scalar(abi.encode("e", round, member, i));
        header.e = Bn254.mul(1, 2, e);
        bytes32 bound = Transcript.shareContext(contexts[keccak256(abi.encode(round, member))], c, i + 1, header.e);
        Cheat cheat = i == 0 ? _cheatOf(member) : Cheat.None;
        header.proof = _schnorr(cheat == Cheat.ForeignE ? keccak256("other context") : bound, header.e, e);
        if (cheat == Cheat.BadHeader) header.proof.z = addmod(header.proof.z, 1, Bn254.R);
        uint256[] memory share = _share(member, i + 1);
        if (cheat == Cheat.BadShare) share[7] = addmod(share[7], 1, Bn254.R);
        words = _encrypt(share, Bn254.mul(Bn254.mul(1, 2, _secret(nodes[i])), e), bound);
        header.chunkHashes = _chunkHashes(words);
    }

    function _chunkHashes(bytes memory words) internal pure returns (bytes32[] memory hashes) {
        uint256 size = 32 * Transcript.CHUNK_WORDS;
        hashes = new bytes32[]((words.length + size - 1) / size);
        for (uint256 i; i < hashes.length; ++i) hashes[i] = keccak256(_chunk(words, i));
    }

    function _chunk(bytes memory words, uint256 index) internal pure returns (bytes memory part) {
        uint256 from = 32 * Transcript.CHUNK_WORDS * index;
        uint256 left = words.length - from;
        part = new bytes(left < 32 * Transcript.CHUNK_WORDS ? left : 32 * Transcript.CHUNK_WORDS);
        assembly ("memory-safe") {
            mcopy(add(part, 0x20), add(add(words, 0x20), from), mload(part))
        }
    }

    function _encrypt(uint256[] memory share, G1 memory k, bytes32 bound) private pure returns (bytes memory) {
        uint256[] memory mask = new uint256[](share.length);
        Transcript.unmask(mask, 0, k, bound); // 0 - mask
        for (uint256 j; j < share.length; ++j) share[j] = addmod(share[j], Bn254.R - mask[j], Bn254.R);
        return _pack(share);
    }

    function _digests(address member, G1 memory c) internal view returns (bytes32[] memory digests) {
        digests = new bytes32[](NODES);
        for (uint256 i; i < NODES; ++i) {
            (IShareDisputes.CipherHeader memory h, ) = _cipher(member, c, i);
            digests[i] = Transcript.cipherDigest(i + 1, h.e, h.proof.r, h.proof.z, h.chunkHashes);
        }
    }

    function _answer(address member, uint256 i) internal {
        UpdateDetail memory d = _detail(member);
        (IShareDisputes.CipherHeader memory header, bytes memory words) = _cipher(member, d.c, i);
        bytes32[] memory digests = _digests(member, d.c);
        bytes32 key = _keyOf(member);
        for (uint256 k; k < header.chunkHashes.length; ++k)
            disputes.answerCiphertext(round, key, i, header, digests, k, _chunk(words, k));
    }

    function _defend(address member, uint256 i) internal {
        UpdateDetail memory d = _detail(member);
        (, , , uint256 z, uint256 value) = disputes.complaintOf(
            round,
            _keyOf(member),
            i,
            IShareDisputes.ComplaintKind.Bad
        );
        G1 memory w = ProofSimulator.opening(_log(_share(member, i + 1)), z, value);
        disputes.defend(round, member, d, i, w);
    }

    // --- the node's side

    function _claimMissing(address member, uint256 i) internal {
        UpdateDetail memory d = _detail(member);
        vm.prank(nodes[i]);
        disputes.claimMissing(round, member, d, i);
    }

    function _claimBad(address member, uint256 i) internal {
        UpdateDetail memory d = _detail(member);
        (IShareDisputes.CipherHeader memory header, ) = _cipher(member, d.c, i);
        bytes32[] memory digests = _digests(member, d.c);
        vm.prank(nodes[i]);
        disputes.claimBad(round, member, d, i, header, digests);
    }

    function _reveal(address member, uint256 i) internal {
        (G1 memory k, DleqProof memory proof) = _keyReveal(member, i, _secret(nodes[i]));
        bytes32 key = _keyOf(member);
        vm.prank(nodes[i]);
        disputes.revealKey(round, key, i, k, proof);
    }

    function _keyReveal(address member, uint256 i, uint256 secret) internal view returns (G1 memory, DleqProof memory) {
        G1 memory c = _detail(member).c;
        (IShareDisputes.CipherHeader memory header, ) = _cipher(member, c, i);
        bytes32 bound = Transcript.shareContext(contexts[keccak256(abi.encode(round, member))], c, i + 1, header.e);
        return _dleq(bound, Bn254.mul(1, 2, _secret(nodes[i])), header.e, secret);
    }

    function _evaluate(address member, uint256 i) internal {
        (IShareDisputes.CipherHeader memory header, bytes memory words) = _cipher(member, _detail(member).c, i);
        bytes32 key = _keyOf(member);
        for (uint256 k; k < header.chunkHashes.length; ++k) disputes.evaluateChunk(round, key, i, k, _chunk(words, k));
    }

    function _commitAll() internal {
        for (uint256 i; i < MEMBERS; ++i) _submit(members[i]);
    }

    function _acknowledgeAll() internal {
        for (uint256 i; i < NODES; ++i) {
            vm.prank(nodes[i]);
            rounds.acknowledgeShares(round);
        }
    }

    function _submitters() internal view returns (address[] memory who, G1[] memory cs) {
        uint256 count = rounds.get(round).submitted;
        (who, cs) = (new address[](count), new G1[](count));
        for (uint256 i; i < MEMBERS; ++i) {
            if (!_submitted(members[i])) continue;
            uint16 index = rounds.updateOf(_keyOf(members[i])).index;
            (who[index], cs[index]) = (members[i], _detail(members[i]).c);
        }
    }

    function _freeze() internal {
        (address[] memory who, G1[] memory cs) = _submitters();
        vm.prank(KEEPER);
        rounds.freeze(round, who, cs);
    }

    function _sumWords(uint256 s) internal view returns (uint256[] memory total) {
        total = new uint256[](N + Kzg.TAIL);
        uint256 included = rounds.frozenOf(round).included;
        for (uint256 i; i < MEMBERS; ++i) {
            if (!_submitted(members[i])) continue;
            if (included & (1 << rounds.updateOf(_keyOf(members[i])).index) == 0) continue;
            uint256[] memory share = _share(members[i], s);
            for (uint256 j; j < total.length; ++j) total[j] = addmod(total[j], share[j], Bn254.R);
        }
    }

    function _postSum(uint256 i) internal {
        _postSum(i, _sumWords(i + 1));
    }

    function _postSum(uint256 i, uint256[] memory words) internal {
        bytes32 set = rounds.frozenOf(round).setHash;
        vm.prank(nodes[i]);
        sums.postSum(round, set, _chunkHashes(_pack(words)));
    }

    function _gather() internal {
        (address[] memory who, ) = _submitters();
        uint256 included = rounds.frozenOf(round).included;
        for (uint256 i; i < who.length; ++i) {
            if (included & (1 << i) == 0) continue;
            address[] memory one = new address[](1);
            UpdateDetail[] memory detail = new UpdateDetail[](1);
            (one[0], detail[0]) = (who[i], _detail(who[i]));
            sums.gatherSharePoints(round, one, detail);
        }
    }

    function _answerSum(uint256 i) internal {
        bytes memory words = _pack(_sumWords(i + 1));
        uint256 count = _chunkHashes(words).length;
        for (uint256 k; k < count; ++k) sums.answerSum(round, i, k, _chunk(words, k));
    }

    function _proveSum(uint256 i) internal {
        uint256[] memory words = _sumWords(i + 1);
        uint256 z = Transcript.sumChallenge(sums.sumDigestOf(round, i));
        sums.proveSum(round, i, ProofSimulator.opening(_log(words), z, Kzg.partialEvaluation(words, 0, N, z)));
    }

    // --- the prover's side

    /// Log of the model's commitment: known because every update's is.
    uint256 internal modelLog;

    function _finalization(address payee) internal returns (IRoundSettlement.Finalization memory f, uint256 log) {
        IRoundManager.Round memory r = rounds.get(round);
        IRoundManager.Frozen memory frozen = rounds.frozenOf(round);
        uint256 sumLog;
        for (uint256 i; i < MEMBERS; ++i) {
            if (!_submitted(members[i])) continue;
            if (frozen.included & (1 << rounds.updateOf(_keyOf(members[i])).index) == 0) continue;
            sumLog = addmod(sumLog, _log(_vector(members[i], 0)), Bn254.R);
        }
        log = addmod(modelLog, mulmod(frozen.lambda, sumLog, Bn254.R), Bn254.R);
        G1 memory next = Bn254.mul(1, 2, log);
        (f.round, f.h, f.payee) = (round, uint256(keccak256(abi.encode("hM", round))) % Bn254.R, payee);
        (f.storageRoot, f.artefactRoot) = (keccak256("storage"), keccak256("artefact"));
        bytes32 ctxM = Transcript.aggregateContext(
            Transcript.AggregateContext({
                chainId: block.chainid,
                roundSettlement: address(settlement),
                campaign: campaign,
                round: round,
                model: model,
                base: r.base,
                setHash: frozen.setHash,
                lambda: frozen.lambda,
                keyHash: r.aggregateKeyHash,
                srsHash: r.srsHash,
                n: N,
                payee: payee,
                storageRoot: f.storageRoot,
                artefactRoot: f.artefactRoot
            })
        );
        uint256 point = Transcript.aggregateChallenge(ctxM, next, f.h);
        f.y = uint256(keccak256(abi.encode("yM", round))) % Bn254.R;
        f.w = ProofSimulator.opening(log, point, f.y);
        uint256[] memory inputs = new uint256[](3);
        (inputs[0], inputs[1], inputs[2]) = (f.h, point, f.y);
        f.proof = ProofSimulator.prove(_key(3), inputs, log);
    }

    function _finalize() internal {
        (IRoundSettlement.Finalization memory f, uint256 log) = _finalization(PROVER);
        vm.prank(KEEPER);
        settlement.finalize(f);
        modelLog = log;
    }

    function _toSummed() internal {
        _openAndDraw();
        _commitAll();
        _acknowledgeAll();
        _freeze();
        vm.roll(block.number + 10);
        _postSum(0);
        _postSum(1);
    }

    // --- claims and checks

    function _claimEverything() internal {
        for (uint256 i; i < MEMBERS; ++i) if (_submitted(members[i])) settlement.claimMember(round, _keyOf(members[i]));
        (address[] memory committee, ) = rounds.committeeOf(round);
        for (uint256 i; i < committee.length; ++i) settlement.claimNode(round, i);
        RoundState state = rounds.stateOf(round);
        if (state == RoundState.Finalized || state == RoundState.Closed) settlement.claimFees(round);
    }

    function _held(bytes32 purpose) internal view returns (uint256) {
        return vault.heldOf(address(token), purpose, bytes32(uint256(RoundId.unwrap(round))));
    }

    function _credit(address owner) internal view returns (uint256) {
        return vault.creditOf(address(token), owner);
    }

    /// After all claims nothing of the round is left anywhere, and no lock stands.
    function _assertSettled() internal view {
        require(_held(Purposes.ROUND) == 0, "P4: round account not empty");
        require(_held(Purposes.COMPENSATION) == 0, "P4: compensation not empty");
        for (uint256 i; i < MEMBERS; ++i) require(stake.lockedOf(members[i]) == 0, "P9: member's bond stuck");
        for (uint256 i; i < NODES; ++i) require(stake.lockedOf(nodes[i]) == 0, "P9: node's lock stuck");
        require(RoundId.unwrap(campaigns.get(campaign).liveRound) == 0, "P9: campaign stuck");
    }

    function _state() internal view returns (RoundState) {
        return rounds.stateOf(round);
    }

    /// Seconds from now.
    function _pass(uint256 time) internal {
        vm.warp(block.timestamp + time);
    }
}
