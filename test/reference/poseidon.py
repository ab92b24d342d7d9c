"""Poseidon over BN254's scalar field, in the form circomlib uses; t = inputs + 1.

Constants come from the Grain LFSR of the Poseidon paper (appendix E, eprint 2019/458), not from a table: prime field,
S-box x^5, 254 bits, 8 full rounds; a Cauchy matrix 1 / (x_i + y_j).
"""

from functools import cache

from bn254 import R

FULL, BITS = 8, 254
PARTIAL = {2: 56, 4: 56, 17: 68}


def _grain(t):
    bits = []
    for value, width in ((1, 2), (0, 4), (BITS, 12), (t, 12), (FULL, 10), (PARTIAL[t], 10), ((1 << 30) - 1, 30)):
        bits += [(value >> (width - 1 - i)) & 1 for i in range(width)]

    def step():
        bit = bits[62] ^ bits[51] ^ bits[38] ^ bits[23] ^ bits[13] ^ bits[0]
        bits.pop(0)
        bits.append(bit)
        return bit

    for _ in range(160):
        step()
    while True:
        keep, bit = step(), step()
        if keep:
            yield bit


@cache
def _parameters(t):
    stream = _grain(t)

    def sample():
        return int("".join(str(next(stream)) for _ in range(BITS)), 2)

    constants = []
    while len(constants) < t * (FULL + PARTIAL[t]):
        value = sample()
        if value < R:
            constants.append(value)
    while True:
        points = [sample() % R for _ in range(2 * t)]
        if len(set(points)) < 2 * t:
            continue
        sums = [[(x + y) % R for y in points[t:]] for x in points[:t]]
        if all(all(row) for row in sums):
            return constants, [[pow(v, -1, R) for v in row] for row in sums]


def poseidon(inputs):
    """Hash of 1, 3 or 16 field elements: state (0, inputs), first element after the permutation."""
    t = len(inputs) + 1
    constants, matrix = _parameters(t)
    state = [0] + list(inputs)
    for r in range(FULL + PARTIAL[t]):
        state = [(v + c) % R for v, c in zip(state, constants[t * r : t * r + t])]
        full = r < FULL // 2 or r >= FULL // 2 + PARTIAL[t]
        state = [pow(v, 5, R) if full or i == 0 else v for i, v in enumerate(state)]
        state = [sum(m * v for m, v in zip(row, state)) % R for row in matrix]
    return state[0]


def chain(n, bits, kind, elements):
    state = n * 2**16 + bits * 2**8 + kind
    for start in range(0, len(elements), 15):
        block = list(elements[start : start + 15])
        state = poseidon([state] + block + [0] * (15 - len(block)))
    return state
