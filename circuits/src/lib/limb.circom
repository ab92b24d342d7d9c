pragma circom 2.2.3;

include "./range.circom";

// Coordinates a limb holds: 15 of 16 bits are 240 bits, below the 254-bit field order, so packing loses nothing.
function COORDINATES_PER_LIMB() { return 15; }

// Checks, squares and packs up to 15 signed coordinates.
template Limb(count) {
    assert(count >= 1 && count <= COORDINATES_PER_LIMB());

    // PRIVATE
    signal input u[count];       // signed, centred; -2^15 <= u_j < 2^15 by (L1)

    // OUTPUT
    signal output packed;        // sum of (u_j + 2^15) * 2^(16 j), < 2^240; absent positions are 0
    signal output squares;       // sum of u_j^2, <= 15 * 2^30 once (L1) holds

    signal square[count];        // u_j^2, <= 2^30

    component range[count];
    var packing = 0;
    var norm = 0;
    for (var j = 0; j < count; j++) {
        range[j] = AssertBits(16);
        range[j].in <== u[j] + (1 << 15); // (L1) u_j + 2^15 in [0, 2^16)
        square[j] <== u[j] * u[j]; // (L2)
        packing += (u[j] + (1 << 15)) * (1 << (16 * j));
        norm += square[j];
    }
    packed <== packing; // (L3)
    squares <== norm; // (L4)
}

// Checks and packs up to 15 signed coordinates, as Limb does, where no norm is asked for.
template PackedLimb(count) {
    assert(count >= 1 && count <= COORDINATES_PER_LIMB());

    // PRIVATE
    signal input u[count];       // signed, centred; -2^15 <= u_j < 2^15 by (P1)

    // OUTPUT
    signal output packed;        // sum of (u_j + 2^15) * 2^(16 j), < 2^240; absent positions are 0

    component range[count];
    var packing = 0;
    for (var j = 0; j < count; j++) {
        range[j] = AssertBits(16);
        range[j].in <== u[j] + (1 << 15); // (P1) u_j + 2^15 in [0, 2^16)
        packing += (u[j] + (1 << 15)) * (1 << (16 * j));
    }
    packed <== packing; // (P2)
}
