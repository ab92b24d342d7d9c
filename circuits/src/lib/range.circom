pragma circom 2.2.3;

// Range check by bits: 0 <= in < 2^width, over the integers.
//
// Warning: only a range check while 2^width is below the field order (width <= 253); asserted below.
template AssertBits(width) {
    assert(width >= 1 && width <= 253);

    // PRIVATE
    signal input in;             // any field element; bounded by (R2)

    signal bits[width];          // 1 bit each, by (R1)

    var recomposed = 0;
    for (var i = 0; i < width; i++) {
        // Soundness: (R1) leaves 0 or 1, and (R2) leaves one assignment of bits, as 2^width < field order.
        bits[i] <-- (in >> i) & 1;
        bits[i] * (bits[i] - 1) === 0; // (R1) every bit is 0 or 1
        recomposed += bits[i] * (1 << i);
    }
    recomposed === in; // (R2) the bits are those of `in`
}
