pragma circom 2.2.3;

include "./lib/chain.circom";
include "./lib/dot.circom";
include "./lib/limb.circom";
include "./lib/range.circom";

// A linear model applied to one input in fixed point: score = sum of m_j * x_j as an exact integer, decision = score > 0
// (of a logistic model: probability above one half). The bias is the coordinate whose input is one unit.
//
// Model and input are private; the roots fix them, so score and decision are functions of the two roots.
template Inference(n) {
    // PUBLIC
    signal input modelRoot;        // kind-2 chain over m, then rho: h of `aggregate`
    signal input inputCommitment;  // kind-3 chain over the limbs of x, then the salt
    signal input decision;         // 0 or 1, by (I12)
    signal input score;            // signed, centred; |score| <= n * 2^75 <= 2^87

    // PRIVATE
    signal input m[n];             // model vector, signed, centred; -2^60 <= m_j < 2^60 by (I2)
    signal input rho[4];           // the model's blinders, any field elements
    signal input x[n];             // input, signed, centred, units of 2^-11; -2^15 <= x_j < 2^15 by (P1)
    signal input salt;             // uniform field element: hides an input that could be guessed

    assert(n <= 4096);
    var block = n < 128 ? n : 128;
    assert(n % block == 0);
    var width = COORDINATES_PER_LIMB();
    var limbs = (n + width - 1) \ width;

    component model = Chain(n, 0, 2, n + 4);
    component range[n];
    component dot[n \ block];
    for (var b = 0; b < n \ block; b++) {
        dot[b] = Dot(block);
    }
    for (var j = 0; j < n; j++) {
        model.in[j] <== m[j]; // (I1) the model hashed
        // `aggregate` proves no range, and a product of arbitrary field elements could wrap.
        range[j] = AssertBits(61);
        range[j].in <== m[j] + (1 << 60); // (I2)
        dot[j \ block].a[j % block] <== m[j]; // (I3) is the model applied
    }
    for (var k = 0; k < 4; k++) {
        model.in[n + k] <== rho[k]; // (I4)
    }
    modelRoot === model.out; // (I5)

    component limb[limbs];
    component sealed = Chain(n, 16, 3, limbs + 1);
    for (var l = 0; l < limbs; l++) {
        var count = l == limbs - 1 ? n - width * l : width;
        limb[l] = PackedLimb(count);
        for (var j = 0; j < count; j++) {
            limb[l].u[j] <== x[width * l + j]; // (I6) the input checked and hashed
        }
        sealed.in[l] <== limb[l].packed; // (I7)
    }
    for (var j = 0; j < n; j++) {
        dot[j \ block].b[j % block] <== x[j]; // (I8) is the input applied
    }
    sealed.in[limbs] <== salt; // (I9)
    inputCommitment === sealed.out; // (I10)

    // |m_j * x_j| <= 2^75 and n <= 2^12: |total| <= 2^87 cannot wrap, so score is the integer.
    var total = 0;
    for (var b = 0; b < n \ block; b++) {
        total += dot[b].sum;
    }
    score === total; // (I11)

    // With |score| <= 2^87, score - 1 is in [0, 2^88) if score > 0, and score - 1 + 2^88 is there otherwise; never both.
    decision * (decision - 1) === 0; // (I12)
    component sign = AssertBits(88);
    sign.in <== score - 1 + (1 - decision) * (1 << 88); // (I13)
}
