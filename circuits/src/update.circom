pragma circom 2.2.3;

include "./lib/chain.circom";
include "./lib/evaluate.circom";
include "./lib/limb.circom";

// One member's update: a vector of n signed 16-bit coordinates whose squared norm is within the member's bound,
// committed to by h before the challenge r was known, and evaluated at r to y.
//
// With the KZG opening of C at r to y (checked by the contract together with this proof), and r hashed from C
// and h, the polynomial under C is the one hashed here: any other agrees with it at a random r with probability
// below degree / field order.
template Update(n) {
    // PUBLIC
    signal input h;              // chain over limbs, then blinders
    signal input r;              // challenge; canonical, derived by the contract
    signal input y;              // p(r)
    signal input B2;             // squared norm bound, < 2^64 by (U5)

    // PRIVATE
    signal input u[n];           // coordinates, -2^15 <= u_j < 2^15, by (L1)
    signal input rho[4];         // blinders, any field elements

    var width = COORDINATES_PER_LIMB();
    var limbs = (n + width - 1) \ width;

    component limb[limbs];
    component chain = Chain(n, 16, 1, limbs + 4);
    var squares = 0;
    for (var l = 0; l < limbs; l++) {
        var count = l == limbs - 1 ? n - width * l : width;
        limb[l] = Limb(count);
        for (var j = 0; j < count; j++) {
            limb[l].u[j] <== u[width * l + j]; // (U1) what is checked and hashed is what is evaluated
        }
        chain.in[l] <== limb[l].packed; // (U2) the limbs are under h
        squares += limb[l].squares;
    }
    // Blinders under h too: else a prover solves them after seeing r and opens any C to any y.
    for (var k = 0; k < 4; k++) {
        chain.in[limbs + k] <== rho[k]; // (U3)
    }
    h === chain.out; // (U4)

    // squares <= n * 2^30 <= 2^42 cannot wrap, so with both ranges B2 >= squares holds over the integers.
    assert(n <= 4096);
    component bound = AssertBits(64);
    component slack = AssertBits(64);
    bound.in <== B2; // (U5)
    slack.in <== B2 - squares; // (U6) the norm is within the bound

    component evaluate = Evaluate(n);
    evaluate.r <== r; // (U7)
    for (var j = 0; j < n; j++) {
        evaluate.value[j] <== u[j]; // (U8)
    }
    for (var k = 0; k < 4; k++) {
        evaluate.rho[k] <== rho[k]; // (U9) the blinders evaluated are the ones hashed
    }
    y === evaluate.y; // (U10)
}
