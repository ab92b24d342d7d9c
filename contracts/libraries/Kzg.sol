// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {G1, G2} from "../types/Curve.sol";
import {Bn254} from "./Bn254.sol";

/// @title Kzg: openings (Kate, Zaverucha, Goldberg 2010) of p(X) = Σ_j u_j L_j(X) + (ρ_0 + ρ_1 X + ρ_2 X² + ρ_3 X³)(X^n − 1), and its value from words.
/// @notice L_j is the Lagrange basis of H = <ω>, |H| = n = 2^k. A vector is u_0 … u_(n−1), ρ_0 … ρ_3: n + 4 words of F_r.
library Kzg {
    /// Blinders after the n coordinates.
    uint256 internal constant TAIL = 4;
    /// F_r* has 2^28 as the largest power of two dividing its order.
    uint256 internal constant MAX_LOG_SIZE = 28;
    // 5^((r − 1)/2^28), of order 2^28.
    uint256 private constant ROOT_2_28 = 19103219067921713944291392827692070036145651957329286315305642004821462161904;

    error BadDomain(uint256 n);
    /// Words reach beyond the vector of n + 4.
    error OutsideVector(uint256 end, uint256 length);
    /// Not a whole number of 32-byte words.
    error TruncatedWords(uint256 length);

    function isDomainSize(uint256 n) internal pure returns (bool) {
        return n > 1 && n <= 1 << MAX_LOG_SIZE && n & (n - 1) == 0;
    }

    /// ω = 5^((r − 1)/n) for n = 2^k, 1 <= k <= 28.
    function rootOfUnity(uint256 n) internal pure returns (uint256 root) {
        if (!isDomainSize(n)) revert BadDomain(n);
        root = ROOT_2_28;
        for (uint256 size = 1 << MAX_LOG_SIZE; size > n; size >>= 1) root = mulmod(root, root, Bn254.R);
    }

    /// True iff C opens to y at r: e(C − y·G + r·W, [1]_2) · e(−W, [τ]_2) = 1. Points must be canonical and on the curve, scalars < r.
    function verifyOpening(
        G1 memory c,
        uint256 r,
        uint256 y,
        G1 memory w,
        G2 memory tauG2
    ) internal view returns (bool) {
        G1 memory left = G1(c.x, c.y);
        Bn254.mulAddTo(left, 1, 2, Bn254.R - y);
        Bn254.mulAddTo(left, w.x, w.y, r);
        uint256[] memory words = new uint256[](12);
        writePair(words, 0, left, Bn254.g2());
        writePair(words, 1, Bn254.neg(w), tauG2);
        return Bn254.pairing(words);
    }

    /// Writes the `index`-th (G1, G2) pair of a pairing input.
    function writePair(uint256[] memory words, uint256 index, G1 memory p, G2 memory q) internal pure {
        uint256 at = 6 * index;
        words[at] = p.x;
        words[at + 1] = p.y;
        words[at + 2] = q.xIm;
        words[at + 3] = q.xRe;
        words[at + 4] = q.yIm;
        words[at + 5] = q.yRe;
    }

    /// The words of one chunk, and the index of the first that is >= r (type(uint256).max: all canonical).
    function readWords(bytes calldata data) internal pure returns (uint256[] memory words, uint256 firstBad) {
        if (data.length % 32 != 0) revert TruncatedWords(data.length);
        words = new uint256[](data.length / 32);
        firstBad = type(uint256).max;
        uint256 r = Bn254.R;
        assembly ("memory-safe") {
            let to := add(words, 0x20)
            calldatacopy(to, data.offset, data.length)
            for {
                let i := 0
            } lt(i, data.length) {
                i := add(i, 0x20)
            } {
                if iszero(lt(mload(add(to, i)), r)) {
                    firstBad := shr(5, i)
                    break
                }
            }
        }
    }

    /// What words `offset` … `offset` + words.length − 1 of a vector contribute to p(z); the contributions of all chunks sum to p(z) mod r.
    /// O(words.length): Σ u_j ω^j/(z − ω^j) is kept as one fraction, so there is one inversion a chunk and no second array (barycentric formula,
    /// Berrut and Trefethen 2004).
    /// @param words canonical
    /// @param z canonical; a point of H is served too (p(ω^j) = u_j)
    function partialEvaluation(
        uint256[] memory words,
        uint256 offset,
        uint256 n,
        uint256 z
    ) internal view returns (uint256 value) {
        uint256 omega = rootOfUnity(n);
        if (offset > n + TAIL || words.length > n + TAIL - offset)
            revert OutsideVector(offset + words.length, n + TAIL);
        uint256 vanishing = addmod(power(z, n), Bn254.R - 1, Bn254.R); // Z(z) = z^n − 1
        uint256 head = offset >= n ? 0 : (words.length < n - offset ? words.length : n - offset);
        uint256 root = power(omega, offset); // ω^(offset + i)
        if (vanishing == 0) {
            for (uint256 i; i < head; ++i) {
                if (root == z) return words[i];
                root = mulmod(root, omega, Bn254.R);
            }
            return 0;
        }
        value = _headFraction(words, head, root, omega, z);
        // Z(z)/n = −Z(z)·(r − 1)/n, since n divides r − 1.
        value = mulmod(value, mulmod(vanishing, Bn254.R - (Bn254.R - 1) / n, Bn254.R), Bn254.R);
        for (uint256 i = head; i < words.length; ++i) {
            uint256 term = mulmod(words[i], power(z, offset + i - n), Bn254.R);
            value = addmod(value, mulmod(term, vanishing, Bn254.R), Bn254.R);
        }
    }

    /// a^e mod r by squaring.
    function power(uint256 a, uint256 e) internal pure returns (uint256 result) {
        result = 1;
        for (; e != 0; e >>= 1) {
            if (e & 1 == 1) result = mulmod(result, a, Bn254.R);
            a = mulmod(a, a, Bn254.R);
        }
    }

    /// Σ_{i < head} words_i·root·ω^i/(z − root·ω^i); z is outside H, so no denominator is 0.
    function _headFraction(
        uint256[] memory words,
        uint256 head,
        uint256 root,
        uint256 omega,
        uint256 z
    ) private view returns (uint256) {
        if (head == 0) return 0;
        uint256 r = Bn254.R;
        uint256 numerator;
        uint256 denominator = 1;
        // root < r always (results of mulmod), so r − root does not underflow.
        assembly ("memory-safe") {
            let p := add(words, 0x20)
            let end := add(p, shl(5, head))
            for {} lt(p, end) {
                p := add(p, 0x20)
            } {
                let difference := addmod(z, sub(r, root), r)
                let term := mulmod(mulmod(mload(p), root, r), denominator, r)
                numerator := addmod(mulmod(numerator, difference, r), term, r)
                denominator := mulmod(denominator, difference, r)
                root := mulmod(root, omega, r)
            }
        }
        return mulmod(numerator, Bn254.inverse(denominator), r);
    }
}
