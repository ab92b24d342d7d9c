// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {G1, G2} from "../types/Curve.sol";

/// @title Bn254: the curve y² = x³ + 3 over F_q, its twist, and the precompiles that compute on them (EIP-196, EIP-197, EIP-198, EIP-1108).
/// @dev Fails closed: a precompile that fails, or that succeeds with the wrong number of bytes (as an address without code does), is PrecompileFailed.
library Bn254 {
    /// Order of G1, G2 and of the scalar field F_r. 5 generates F_r*.
    uint256 internal constant R = 21888242871839275222246405745257275088548364400416034343698204186575808495617;
    /// Modulus of the base field F_q.
    uint256 internal constant Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583;

    /// Generator of G1 is (1, 2); of G2, in EIP-197's order:
    uint256 internal constant G2_X_IM = 11559732032986387107991004021392285783925812861821192530917403151452391805634;
    uint256 internal constant G2_X_RE = 10857046999023057135944570762232829481370756359578518086990519993285655852781;
    uint256 internal constant G2_Y_IM = 4082367875863433681332203403145435568316851327593401208105741076214120093531;
    uint256 internal constant G2_Y_RE = 8495653923123431417604973247489272438418190587263600148770280649306958101930;

    // 3 / (9 + i), the twist's constant: y² = x³ + 3 / (9 + i).
    uint256 private constant TWIST_B_RE = 19485874751759354771024239261021720505790618469301721065564631296452457478373;
    uint256 private constant TWIST_B_IM = 266929791119991161246907387137283842545076965332900288569378510910307636690;

    address internal constant MODEXP = address(0x05);
    address internal constant EC_ADD = address(0x06);
    address internal constant EC_MUL = address(0x07);
    address internal constant EC_PAIRING = address(0x08);

    error PrecompileFailed(address precompile);
    /// A scalar >= r.
    error NonCanonicalScalar(uint256 value);
    /// A coordinate >= q, or a point off the curve.
    error PointNotOnCurve(uint256 x, uint256 y);
    error PointAtInfinity();

    function g1() internal pure returns (G1 memory) {
        return G1(1, 2);
    }

    function g2() internal pure returns (G2 memory) {
        return G2(G2_X_IM, G2_X_RE, G2_Y_IM, G2_Y_RE);
    }

    // --- checks

    function requireScalar(uint256 s) internal pure {
        if (s >= R) revert NonCanonicalScalar(s);
    }

    /// Canonical and on the curve, infinity included. The cofactor of G1 is 1: on the curve is in the group.
    function isG1(uint256 x, uint256 y) internal pure returns (bool ok) {
        uint256 q = Q;
        // y² = x³ + 3 with canonical x and y, or (0, 0)
        assembly ("memory-safe") {
            let onCurve := eq(mulmod(y, y, q), addmod(mulmod(mulmod(x, x, q), x, q), 3, q))
            ok := or(and(and(lt(x, q), lt(y, q)), onCurve), iszero(or(x, y)))
        }
    }

    function isInfinity(G1 memory p) internal pure returns (bool) {
        return p.x == 0 && p.y == 0;
    }

    function isEqual(G1 memory a, G1 memory b) internal pure returns (bool) {
        return a.x == b.x && a.y == b.y;
    }

    /// A canonical point of G1, infinity allowed.
    function requireG1OrInfinity(G1 memory p) internal pure {
        if (!isG1(p.x, p.y)) revert PointNotOnCurve(p.x, p.y);
    }

    /// A canonical point of G1 other than infinity.
    function requireG1(G1 memory p) internal pure {
        if (isInfinity(p)) revert PointAtInfinity();
        requireG1OrInfinity(p);
    }

    /// Canonical and on the twist, not infinity. Says nothing about the subgroup: see `isInG2`.
    function isOnTwist(G2 memory p) internal pure returns (bool) {
        (uint256 a, uint256 b, uint256 c, uint256 d) = (p.xRe, p.xIm, p.yRe, p.yIm); // x = a + bi, y = c + di
        if (a >= Q || b >= Q || c >= Q || d >= Q) return false;
        if (a | b | c | d == 0) return false;
        unchecked {
            // Negations Q - b are in [1, Q] for b < Q; addmod and mulmod reduce.
            uint256 squareRe = addmod(mulmod(a, a, Q), mulmod(b, Q - b, Q), Q); // x²
            uint256 squareIm = mulmod(2 * a, b, Q); // 2a < 2^255
            uint256 cubeRe = addmod(mulmod(squareRe, a, Q), mulmod(squareIm, Q - b, Q), Q); // x³
            uint256 cubeIm = addmod(mulmod(squareRe, b, Q), mulmod(squareIm, a, Q), Q);
            return
                addmod(mulmod(c, c, Q), mulmod(d, Q - d, Q), Q) == addmod(cubeRe, TWIST_B_RE, Q) &&
                mulmod(2 * c, d, Q) == addmod(cubeIm, TWIST_B_IM, Q);
        }
    }

    /// True iff `p` is on the twist and in the subgroup of order r. EIP-197 obliges the pairing precompile to fail on a point of the twist outside the
    /// subgroup, so the rule applied here is, by definition, the one that verification relies on later. An out-of-gas call also reads as false.
    function isInG2(G2 memory p) internal view returns (bool) {
        if (!isOnTwist(p)) return false;
        uint256[6] memory words = [1, 2, p.xIm, p.xRe, p.yIm, p.yRe];
        uint256[1] memory result;
        bool ok;
        assembly ("memory-safe") {
            ok := staticcall(gas(), 0x08, words, 0xc0, result, 0x20)
            ok := and(ok, eq(returndatasize(), 0x20))
        }
        return ok;
    }

    // --- group operations

    function add(G1 memory a, G1 memory b) internal view returns (G1 memory c) {
        c = G1(a.x, a.y);
        addTo(c, b.x, b.y);
    }

    /// s·p; s may be any word, the precompile reduces.
    function mul(G1 memory p, uint256 s) internal view returns (G1 memory c) {
        return mul(p.x, p.y, s);
    }

    /// s·(x, y).
    function mul(uint256 x, uint256 y, uint256 s) internal view returns (G1 memory c) {
        // The sum with infinity: checked by the precompile all the same, for a fortieth of the price.
        if (s == 1) {
            addTo(c, x, y);
            return c;
        }
        uint256 from;
        uint256 to;
        // The input lives beyond the free memory pointer, for this call only: loops do not grow memory.
        assembly ("memory-safe") {
            from := mload(0x40)
            to := c
            mstore(from, x)
            mstore(add(from, 0x20), y)
            mstore(add(from, 0x40), s)
        }
        callInto(EC_MUL, from, 0x60, to, 0x40);
    }

    /// sum ← sum + (x, y), in place.
    function addTo(G1 memory sum, uint256 x, uint256 y) internal view {
        uint256 from;
        uint256 to;
        assembly ("memory-safe") {
            from := mload(0x40)
            to := sum
            mstore(from, mload(sum))
            mstore(add(from, 0x20), mload(add(sum, 0x20)))
            mstore(add(from, 0x40), x)
            mstore(add(from, 0x60), y)
        }
        callInto(EC_ADD, from, 0x80, to, 0x40);
    }

    /// sum ← sum + s·(x, y), in place, allocating nothing.
    function mulAddTo(G1 memory sum, uint256 x, uint256 y, uint256 s) internal view {
        if (s == 1) {
            addTo(sum, x, y);
            return;
        }
        address failed;
        // 0x80 bytes beyond the free memory pointer are used and given up again.
        assembly ("memory-safe") {
            let buffer := mload(0x40)
            mstore(buffer, x)
            mstore(add(buffer, 0x20), y)
            mstore(add(buffer, 0x40), s)
            let ok := staticcall(gas(), 0x07, buffer, 0x60, buffer, 0x40)
            switch and(ok, eq(returndatasize(), 0x40))
            case 0 {
                failed := 0x07
            }
            default {
                mcopy(add(buffer, 0x40), sum, 0x40)
                ok := staticcall(gas(), 0x06, buffer, 0x80, sum, 0x40)
                if iszero(and(ok, eq(returndatasize(), 0x40))) {
                    failed := 0x06
                }
            }
        }
        if (failed != address(0)) revert PrecompileFailed(failed);
    }

    /// −p for canonical p.
    function neg(G1 memory p) internal pure returns (G1 memory) {
        return p.y == 0 ? G1(p.x, 0) : G1(p.x, Q - p.y);
    }

    /// True iff Π e(P_i, Q_i) = 1. `words`: six a pair (x, y, xIm, xRe, yIm, yRe). No pairs is refused, although the empty product is 1.
    /// Malformed points, and points of the twist outside G2, make the precompile fail.
    function pairing(uint256[] memory words) internal view returns (bool) {
        if (words.length == 0 || words.length % 6 != 0) revert PrecompileFailed(EC_PAIRING);
        uint256[1] memory result;
        uint256 from;
        uint256 to;
        assembly ("memory-safe") {
            from := add(words, 0x20)
            to := result
        }
        callInto(EC_PAIRING, from, 32 * words.length, to, 0x20);
        return result[0] == 1;
    }

    /// 1/a in F_r by a^(r − 2). a is not 0 mod r.
    function inverse(uint256 a) internal view returns (uint256) {
        if (a % R == 0) revert NonCanonicalScalar(a);
        return _power(a, R - 2, R);
    }

    /// The point of G1 with this x and this parity of y; x = 0 is infinity (a point with x = 0 would have order 3, and the group's order is another prime).
    function decompress(uint256 x, bool odd) internal view returns (G1 memory p) {
        if (x == 0) return p;
        // Q = 3 mod 4: a square's root is its power (Q + 1)/4.
        uint256 y = _power(addmod(mulmod(mulmod(x, x, Q), x, Q), 3, Q), (Q + 1) / 4, Q);
        if ((y & 1 == 1) != odd) y = Q - y;
        p = G1(x, y);
        requireG1(p);
    }

    function _power(uint256 base, uint256 exponent, uint256 modulus) private view returns (uint256) {
        uint256[6] memory input = [32, 32, 32, base, exponent, modulus];
        uint256[1] memory result;
        uint256 from;
        uint256 to;
        assembly ("memory-safe") {
            from := input
            to := result
        }
        callInto(MODEXP, from, 0xc0, to, 0x20);
        return result[0];
    }

    /// Static call with memory [from, from + size) whose answer of exactly `answerSize` bytes lands at `to`. All gas is forwarded: prices differ between chains.
    /// @dev Warning: `from` and `to` must be allocated for `size` and `answerSize` bytes.
    function callInto(address precompile, uint256 from, uint256 size, uint256 to, uint256 answerSize) internal view {
        bool ok;
        assembly ("memory-safe") {
            ok := staticcall(gas(), precompile, from, size, to, answerSize)
            ok := and(ok, eq(returndatasize(), answerSize))
        }
        if (!ok) revert PrecompileFailed(precompile);
    }
}
