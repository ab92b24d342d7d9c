"""BN254 in plain Python integers: fields, affine G1 and G2, polynomials over a power-of-two domain. No pairing.

Commitments are made from the public development trapdoor: Commit(p) = p(tau)·G needs no reference string, and an
opening's witness is (p(tau) - y) / (tau - z)·G. That is a second road to the same points.
"""

R = 21888242871839275222246405745257275088548364400416034343698204186575808495617
Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583

INFINITY = (0, 0)
G = (1, 2)
G2 = (
    (
        10857046999023057135944570762232829481370756359578518086990519993285655852781,
        11559732032986387107991004021392285783925812861821192530917403151452391805634,
    ),
    (
        8495653923123431417604973247489272438418190587263600148770280649306958101930,
        4082367875863433681332203403145435568316851327593401208105741076214120093531,
    ),
)


def on_curve(p):
    x, y = p
    return 0 <= x < Q and 0 <= y < Q and (p == INFINITY or (y * y - x * x * x - 3) % Q == 0)


def neg(p):
    return p if p == INFINITY else (p[0], Q - p[1])


def add(a, b):
    if a == INFINITY:
        return b
    if b == INFINITY:
        return a
    if a[0] == b[0]:
        if (a[1] + b[1]) % Q == 0:
            return INFINITY
        slope = 3 * a[0] * a[0] * pow(2 * a[1], -1, Q) % Q
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, Q) % Q
    x = (slope * slope - a[0] - b[0]) % Q
    return (x, (slope * (a[0] - x) - a[1]) % Q)


def mul(p, scalar):
    total = INFINITY
    for bit in bin(scalar % R)[2:]:
        total = add(total, total)
        if bit == "1":
            total = add(total, p)
    return total


# F_q² as (re, im) with i² = -1; coordinates of G2


def f2_mul(a, b):
    return ((a[0] * b[0] - a[1] * b[1]) % Q, (a[0] * b[1] + a[1] * b[0]) % Q)


def f2_sub(a, b):
    return ((a[0] - b[0]) % Q, (a[1] - b[1]) % Q)


def f2_inverse(a):
    norm = pow(a[0] * a[0] + a[1] * a[1], -1, Q)
    return (a[0] * norm % Q, -a[1] * norm % Q)


def add2(a, b):
    """Sum in G2; None is infinity."""
    if a is None or b is None:
        return b if a is None else a
    if a[0] == b[0]:
        if a[1] != b[1]:
            return None
        square = f2_mul(a[0], a[0])
        slope = f2_mul((3 * square[0], 3 * square[1]), f2_inverse((2 * a[1][0], 2 * a[1][1])))
    else:
        slope = f2_mul(f2_sub(b[1], a[1]), f2_inverse(f2_sub(b[0], a[0])))
    x = f2_sub(f2_sub(f2_mul(slope, slope), a[0]), b[0])
    return (x, f2_sub(f2_mul(slope, f2_sub(a[0], x)), a[1]))


def mul2(p, scalar):
    total = None
    for bit in bin(scalar % R)[2:]:
        total = add2(total, total)
        if bit == "1":
            total = add2(total, p)
    return total


def root_of_unity(k):
    return pow(5, (R - 1) // 2**k, R)


def lagrange_at(n, z):
    """L_j(z) by the product formula on the derivative of X^n - 1; z outside the domain."""
    omega, top = root_of_unity(n.bit_length() - 1), pow(z, n, R) - 1
    out, w = [], 1
    for _ in range(n):
        out.append(top * w * pow(n * (z - w), -1, R) % R)
        w = w * omega % R
    return out


def evaluate(vector, z):
    """p(z) for n values on the domain and four blinders times X^n - 1."""
    n = len(vector) - 4
    values = sum(v * l for v, l in zip(vector, lagrange_at(n, z)))
    blinding = sum(rho * pow(z, i, R) for i, rho in enumerate(vector[n:]))
    return (values + blinding * (pow(z, n, R) - 1)) % R
