pragma circom 2.2.3;

include "./lib/chain.circom";
include "./lib/evaluate.circom";

// A model: h is the chain over the field elements of the vector, then of its blinders, and y is its committed
// polynomial at r. The vector is fixed by the commitment, a sum that the contract forms itself, so it needs no
// range here: the bound of the model is tracked on chain.
template Aggregate(n) {
    // PUBLIC
    signal input h;              // chain over m, then rho
    signal input r;              // challenge; canonical, derived by the contract
    signal input y;              // p(r)

    // PRIVATE
    signal input m[n];           // model vector, field elements, negatives centred
    signal input rho[4];         // aggregated blinders, field elements

    component chain = Chain(n, 0, 2, n + 4);
    component evaluate = Evaluate(n);
    evaluate.r <== r; // (A1)
    for (var j = 0; j < n; j++) {
        chain.in[j] <== m[j]; // (A2)
        evaluate.value[j] <== m[j]; // (A3) what is evaluated is what is hashed
    }
    for (var k = 0; k < 4; k++) {
        chain.in[n + k] <== rho[k]; // (A4)
        evaluate.rho[k] <== rho[k]; // (A5)
    }
    h === chain.out; // (A6)
    y === evaluate.y; // (A7)
}
