pragma circom 2.2.3;

include "circomlib/circuits/poseidon.circom";

// Poseidon chain: state_0 names size, coordinate width and kind; each step absorbs 15 field elements,
// state = Poseidon(16)(state, 15 inputs), the last one padded with zeros. `count` follows from what state_0 names,
// so the padding is unambiguous and no chain is the prefix of another.
template Chain(n, bits, kind, count) {
    // PRIVATE
    signal input in[count];      // field elements, any value; the caller says what they mean

    // OUTPUT
    signal output out;           // state after the last step

    var steps = (count + 14) \ 15;
    component step[steps];
    for (var s = 0; s < steps; s++) {
        step[s] = Poseidon(16);
        if (s == 0) {
            step[s].inputs[0] <== n * (1 << 16) + bits * (1 << 8) + kind; // (H1) domain separation
        } else {
            step[s].inputs[0] <== step[s - 1].out; // (H2) one chain
        }
        for (var i = 0; i < 15; i++) {
            if (15 * s + i < count) {
                step[s].inputs[1 + i] <== in[15 * s + i]; // (H3) every element is absorbed
            } else {
                step[s].inputs[1 + i] <== 0; // (H4) padding
            }
        }
    }
    out <== step[steps - 1].out; // (H5)
}
