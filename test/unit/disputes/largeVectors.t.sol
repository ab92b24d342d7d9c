// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {IRoundSettlement} from "../../../contracts/interfaces/IRoundSettlement.sol";
import {IShareDisputes} from "../../../contracts/interfaces/IShareDisputes.sol";
import {RoundMoves} from "../../invariant/rounds/RoundMoves.sol";
import {vm} from "../../utils/Vm.sol";

/// Vectors of 4,100 words (n = 4,096) go on chain in three chunks, each of which fits a transaction of 16,777,216 gas (EIP-7825) and 64 KiB.
contract LargeVectorsTest is RoundMoves {
    uint256 private constant TRANSACTION_GAS = 16_777_216;

    function setUp() public {
        N = 4096;
        _deploy(2);
        _openAndDraw();
    }

    /// 21,000 and at most 16 a byte of call data. Measured from here it is an upper bound: this contract's own large memory is paid for too
    /// (a trace shows 0.57 million for answerCiphertext and 1.18 million for evaluateChunk, call data aside).
    function _fits(string memory what, uint256 before, uint256 bytes_) private view {
        uint256 used = before - gasleft();
        require(used + 21_000 + 16 * bytes_ < TRANSACTION_GAS, what);
        require(bytes_ < 65_536 + 4_096, "a chunk and its header are under 68 KiB");
    }

    /// [attack 158] a share vector over the node's transaction limit.
    function test_attack158_everyChunkFitsATransaction() public {
        for (uint256 i; i < 3; ++i) _submit(members[i]);
        vm.warp(uint256(rounds.get(round).commitUntil) + 1);
        rounds.endCommit(round);
        address member = members[1];
        _claimMissing(member, 0);
        (IShareDisputes.CipherHeader memory header, bytes memory words) = _cipher(member, _detail(member).c, 0);
        require(header.chunkHashes.length == 3 && words.length == 32 * 4100, "three chunks");
        bytes32[] memory digests = _digests(member, _detail(member).c);
        bytes32 key = _keyOf(member);
        for (uint256 k; k < 3; ++k) {
            bytes memory part = _chunk(words, k);
            uint256 before = gasleft();
            disputes.answerCiphertext(round, key, 0, header, digests, k, part);
            _fits("answerCiphertext", before, part.length + 1024);
        }
        _claimBad(member, 0);
        _reveal(member, 0);
        for (uint256 k; k < 3; ++k) {
            bytes memory part = _chunk(words, k);
            uint256 before = gasleft();
            disputes.evaluateChunk(round, key, 0, k, part);
            _fits("evaluateChunk", before, part.length + 256);
        }
        _defend(member, 0);
        require(!rounds.updateOf(key).excluded, "true share, three chunks");
    }
}
