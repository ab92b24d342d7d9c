"""Baby Jubjub (EIP-2494) in plain Python integers: 168700 x^2 + y^2 = 1 + 168696 x^2 y^2 over F_r, affine."""

from bn254 import R

A, D = 168700, 168696
IDENTITY = (0, 1)
# eight times the curve's generator, of prime order
B8 = (
    5299619240641551281634865583518297030282874472190772894086521144482721001553,
    16950150798460657717958625567821834550301663161624707787222815936182638968203,
)


def add(p, q):
    t = D * p[0] * q[0] * p[1] * q[1] % R
    x = (p[0] * q[1] + p[1] * q[0]) * pow(1 + t, -1, R)
    y = (p[1] * q[1] - A * p[0] * q[0]) * pow(1 - t, -1, R)
    return x % R, y % R


def mul(p, scalar):
    out = IDENTITY
    while scalar:
        if scalar & 1:
            out = add(out, p)
        p, scalar = add(p, p), scalar >> 1
    return out
