pragma circom 2.2.3;

include "circomlib/circuits/babyjub.circom";
include "circomlib/circuits/bitify.circom";
include "circomlib/circuits/escalarmulany.circom";
include "circomlib/circuits/escalarmulfix.circom";
include "circomlib/circuits/poseidon.circom";

// Generator B8 of Baby Jubjub's subgroup of prime order l, about 2^250.6 (EIP-2494); scalars are below 2^251.
function BASE8_X() { return 5299619240641551281634865583518297030282874472190772894086521144482721001553; }
function BASE8_Y() { return 16950150798460657717958625567821834550301663161624707787222815936182638968203; }
function SCALAR_BITS() { return 251; }

// in is not 0
template NonZero() {
    // PUBLIC or PRIVATE
    signal input in;

    signal inverse;              // 1 / in

    // Soundness: (N1) has exactly one solution, and none when in = 0.
    inverse <-- 1 / in;
    inverse * in === 1; // (N1)
}

// A point of Baby Jubjub of prime order: eight times a point of the curve (the cofactor is 8), and not the identity,
// which of all such points is the one with x = 0.
template PrimeOrder() {
    // PUBLIC or PRIVATE
    signal input point[2];

    // PRIVATE
    signal input root[2];        // on the curve by (G1) (G2), 8 * root = point

    component onCurve = BabyCheck();
    onCurve.x <== root[0]; // (G1)
    onCurve.y <== root[1]; // (G2)
    component twice[3];
    for (var k = 0; k < 3; k++) {
        twice[k] = BabyDbl();
        if (k == 0) {
            twice[k].x <== root[0]; // (G3)
            twice[k].y <== root[1]; // (G4)
        } else {
            twice[k].x <== twice[k - 1].xout; // (G5)
            twice[k].y <== twice[k - 1].yout; // (G6)
        }
    }
    point[0] === twice[2].xout; // (G7)
    point[1] === twice[2].yout; // (G8)
    component x = NonZero();
    x.in <== point[0]; // (G9)
}

// Diffie-Hellman on Baby Jubjub: whoever knows the scalar of `own` shares S = scalar * point with whoever knows the scalar of
// `point`, and with nobody else. The mask is a hash of S and of the place that it is for.
//
// circomlib's EscalarMulAny is sound for points of prime order only: with others its additions may meet equal points, whose
// slope it leaves free. Hence PrimeOrder, for ciphertexts too. A scalar and the same plus l give one S then.
template Agreement() {
    // PUBLIC
    signal input own[2];         // scalar * B8, not the identity, by (J3) (J4) (J5)
    signal input point[2];       // prime order, by (J6)
    signal input binding;        // field element

    // PRIVATE
    signal input scalar;         // < 2^251, by Num2Bits; not a multiple of l
    signal input root[2];        // 8 * root = point

    // OUTPUT
    signal output mask;          // Poseidon(S.x, S.y, binding)

    component bits = Num2Bits(SCALAR_BITS());
    bits.in <== scalar; // (J1)
    component base = EscalarMulFix(SCALAR_BITS(), [BASE8_X(), BASE8_Y()]);
    component shared = EscalarMulAny(SCALAR_BITS());
    for (var i = 0; i < SCALAR_BITS(); i++) {
        base.e[i] <== bits.out[i]; // (J2)
        shared.e[i] <== bits.out[i]; // (J8) the scalar of `own` makes S
    }
    own[0] === base.out[0]; // (J3)
    own[1] === base.out[1]; // (J4)
    component ownX = NonZero();
    ownX.in <== own[0]; // (J5) of the points that B8 generates, only the identity has x = 0

    component order = PrimeOrder();
    component hash = Poseidon(3);
    for (var i = 0; i < 2; i++) {
        order.point[i] <== point[i]; // (J6)
        order.root[i] <== root[i]; // (J7)
        shared.p[i] <== point[i]; // (J9)
    }
    hash.inputs[0] <== shared.out[0]; // (J10)
    hash.inputs[1] <== shared.out[1]; // (J11)
    hash.inputs[2] <== binding; // (J12)
    mask <== hash.out; // (J13)
}
