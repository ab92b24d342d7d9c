pragma circom 2.2.3;

// n-th root of unity of the scalar field from generator 5 (n a power of two, n <= 2^28).
function rootOfUnity(n) { return 5 ** ((-1) \ n); }

// sum over j in [from, from + count) of value_j * w^j / (r - w^j)
template EvaluationBlock(n, from, count) {
    // PUBLIC
    signal input r;              // evaluation point

    // PRIVATE
    signal input value[count];   // p(w^j), j = from, from + 1, ...

    // OUTPUT
    signal output sum;

    signal inverse[count];       // 1 / (r - w^j)
    signal quotient[count];      // value_j / (r - w^j)

    var omega = rootOfUnity(n);
    var power = omega ** from;
    var total = 0;
    for (var j = 0; j < count; j++) {
        // Soundness: (E1) has exactly one solution, and none when r = w^j: such a challenge is refused.
        inverse[j] <-- 1 / (r - power);
        inverse[j] * (r - power) === 1; // (E1)
        quotient[j] <== value[j] * inverse[j]; // (E2)
        total += quotient[j] * power;
        power *= omega;
    }
    sum <== total; // (E3)
}

// y = p(r) for p(X) = sum_j value_j L_j(X) + (rho_0 + rho_1 X + rho_2 X^2 + rho_3 X^3)(X^n - 1),
// by the barycentric formula: p(r) = (r^n - 1) * (1/n * sum_j value_j w^j / (r - w^j) + rho(r)).
// Source: Berrut and Trefethen, "Barycentric Lagrange Interpolation", SIAM Review 46(3), 2004.
template Evaluate(n) {
    // PUBLIC
    signal input r;              // evaluation point, outside the domain by (E1)

    // PRIVATE
    signal input value[n];       // field elements
    signal input rho[4];         // field elements

    // OUTPUT
    signal output y;

    var block = n < 128 ? n : 128;
    assert(n % block == 0);

    var total = 0;
    component part[n \ block];
    for (var b = 0; b < n \ block; b++) {
        part[b] = EvaluationBlock(n, b * block, block);
        part[b].r <== r; // (E4)
        for (var j = 0; j < block; j++) {
            part[b].value[j] <== value[b * block + j]; // (E5)
        }
        total += part[b].sum;
    }

    var depth = 0;
    while ((1 << depth) < n) { depth++; }
    assert((1 << depth) == n);
    signal square[depth + 1];      // r^(2^k)
    square[0] <== r; // (E6)
    for (var k = 0; k < depth; k++) {
        square[k + 1] <== square[k] * square[k]; // (E7)
    }

    signal horner[3];
    horner[0] <== rho[3] * r; // (E8)
    horner[1] <== (rho[2] + horner[0]) * r; // (E9)
    horner[2] <== (rho[1] + horner[1]) * r; // (E10)

    y <== (square[depth] - 1) * (total / n + rho[0] + horner[2]); // (E11)
}
