pragma circom 2.2.3;

// Sum of products of field elements; the caller bounds them where it must not wrap.
template Dot(count) {
    // PRIVATE
    signal input a[count];
    signal input b[count];

    // OUTPUT
    signal output sum;           // sum of a_j * b_j

    signal product[count];
    var total = 0;
    for (var j = 0; j < count; j++) {
        product[j] <== a[j] * b[j]; // (D1)
        total += product[j];
    }
    sum <== total; // (D2)
}
