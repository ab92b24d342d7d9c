// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {ModelId} from "../types/Ids.sol";
import {Bn254} from "./Bn254.sol";
import {Transcript} from "./Transcript.sol";

/// A point of Baby Jubjub (EIP-2494): 168700·x² + y² = 1 + 168696·x²·y² over F_r. Canonical coordinates (< r).
/// As a holder's key: P = sk·B8, of prime order, never the identity.
struct PublicKey {
    uint256 x;
    uint256 y;
}

/// A model's key k, a uniform element of F_r, sealed for P: E = e·B8 and c = k + Poseidon(S.x, S.y, binding) with S = e·P = sk·E.
struct SealedKey {
    uint256 ex;
    uint256 ey;
    uint256 c;
}

/// @title SealedKeys: a model's key on chain, sealed for one holder, and what the circuit `rekey` proves when it is sealed anew for the next.
/// @notice Statement of `rekey`, of public values only: the prover knows the secret key of `holder`; `current` opens with it, under `currentBinding`, to a k
/// with Poseidon(k) = keyHash; `next` is a sealing of the same k for `receiver` under `nextBinding`; receiver and both E have prime order, receiver and next's E
/// are not the identity. So only the present holder can prove (an earlier one that still knows k cannot), and the receiver can open what it gets.
///
/// keyHash is fixed when the key is first sealed and never changes. Nobody proves it then: a creator that seals something else has a token that no proof
/// ever moves, and its buyer pays only against a proof.
/// @dev Warning: no proof can make a holder forget k, or keep it from telling k to others.
/// Warning: what the caller owes: `receiver` is the key that the receiver itself registered or signed; `current`, its holder's key, its sequence and keyHash
/// come from storage; the sequence grows by one with every sealing that is accepted, so that no proof is good twice.
library SealedKeys {
    /// Public inputs of `rekey`, in order: current.ex, current.ey, current.c, holder.x, holder.y, currentBinding, next.ex, next.ey, next.c, receiver.x,
    /// receiver.y, nextBinding, keyHash.
    uint256 internal constant INPUTS = 13;
    // The curve's coefficients.
    uint256 private constant A = 168700;
    uint256 private constant D = 168696;

    /// Not canonical, not on Baby Jubjub, or of order 1, 2, 4 or 8.
    error NotSealingPoint(uint256 x, uint256 y);

    /// Where a sealing is valid: one chain, one registry, one model, one holder, the `sequence`-th sealing of that model (0 at mint). It enters the mask, so
    /// a ciphertext copied to any other place opens to noise, and the public inputs, so a proof is good for one transfer to one receiver.
    function binding(address registry, ModelId model, address holder, uint64 sequence) internal view returns (uint256) {
        return Transcript.sealBinding(registry, model, holder, sequence);
    }

    /// Public inputs for IProofVerifier.verifyProof, which refuses words >= r.
    function inputs(
        SealedKey memory current,
        PublicKey memory holder,
        uint256 currentBinding,
        SealedKey memory next,
        PublicKey memory receiver,
        uint256 nextBinding,
        uint256 keyHash
    ) internal pure returns (uint256[] memory words) {
        words = new uint256[](INPUTS);
        (words[0], words[1], words[2]) = (current.ex, current.ey, current.c);
        (words[3], words[4], words[5]) = (holder.x, holder.y, currentBinding);
        (words[6], words[7], words[8]) = (next.ex, next.ey, next.c);
        (words[9], words[10], words[11]) = (receiver.x, receiver.y, nextBinding);
        words[12] = keyHash;
    }

    /// A holder's key, before it is stored: canonical, on the curve, not of low order, so that nothing sealed for it is readable by everybody.
    /// @dev A point of prime order plus one of low order passes; `rekey` refuses it as a receiver.
    function requireKey(PublicKey memory key) internal pure {
        _requirePoint(key.x, key.y);
    }

    /// A ciphertext that no proof vouches for (the first one of a model), before it is stored.
    function requireSealed(SealedKey memory sealedKey) internal pure {
        _requirePoint(sealedKey.ex, sealedKey.ey);
        Bn254.requireScalar(sealedKey.c);
    }

    function _requirePoint(uint256 x, uint256 y) private pure {
        uint256 r = Bn254.R;
        uint256 xx = mulmod(x, x, r);
        uint256 yy = mulmod(y, y, r);
        bool onCurve = addmod(mulmod(A, xx, r), yy, r) == addmod(1, mulmod(D, mulmod(xx, yy, r), r), r);
        if (x >= r || y >= r || !onCurve || _timesEightHasNoX(x, y)) revert NotSealingPoint(x, y);
    }

    /// Whether 8·(x, y) has x = 0, which of all multiples of 8 on the curve only the identity has.
    /// Doubling in projective coordinates: "dbl-2008-bbjlp" (Bernstein, Birkner, Joye, Lange, Peters 2008).
    function _timesEightHasNoX(uint256 x, uint256 y) private pure returns (bool) {
        uint256 r = Bn254.R;
        uint256 z = 1;
        for (uint256 i; i < 3; ++i) {
            uint256 xx = mulmod(x, x, r);
            uint256 yy = mulmod(y, y, r);
            uint256 axx = mulmod(A, xx, r);
            uint256 f = addmod(axx, yy, r);
            uint256 j = addmod(f, r - mulmod(2, mulmod(z, z, r), r), r);
            (x, y, z) = (
                mulmod(mulmod(2, mulmod(x, y, r), r), j, r),
                mulmod(f, addmod(axx, r - yy, r), r),
                mulmod(f, j, r)
            );
        }
        return x == 0;
    }
}
