"""Poseidon over BN254's scalar field for t = 17, in the form circomlib uses.

Constants come from the Grain LFSR of the Poseidon paper (appendix E, eprint 2019/458), not from a table: prime field,
S-box x^5, 254 bits, 8 full and 68 partial rounds; a Cauchy matrix 1 / (x_i + y_j).
"""

from bn254 import R

T, FULL, PARTIAL, BITS = 17, 8, 68, 254


def _grain():
    bits = []
    for value, width in ((1, 2), (0, 4), (BITS, 12), (T, 12), (FULL, 10), (PARTIAL, 10), ((1 << 30) - 1, 30)):
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


def _parameters():
    stream = _grain()

    def sample():
        return int("".join(str(next(stream)) for _ in range(BITS)), 2)

    constants = []
    while len(constants) < T * (FULL + PARTIAL):
        value = sample()
        if value < R:
            constants.append(value)
    while True:
        points = [sample() % R for _ in range(2 * T)]
        if len(set(points)) < 2 * T:
            continue
        sums = [[(x + y) % R for y in points[T:]] for x in points[:T]]
        if all(all(row) for row in sums):
            return constants, [[pow(v, -1, R) for v in row] for row in sums]


CONSTANTS, MATRIX = _parameters()


def poseidon(inputs):
    """Hash of 16 field elements: state (0, inputs), first element after the permutation."""
    assert len(inputs) == T - 1
    state = [0] + list(inputs)
    for r in range(FULL + PARTIAL):
        state = [(v + c) % R for v, c in zip(state, CONSTANTS[T * r : T * r + T])]
        full = r < FULL // 2 or r >= FULL // 2 + PARTIAL
        state = [pow(v, 5, R) if full or i == 0 else v for i, v in enumerate(state)]
        state = [sum(m * v for m, v in zip(row, state)) % R for row in MATRIX]
    return state[0]


def chain(n, bits, kind, elements):
    state = n * 2**16 + bits * 2**8 + kind
    for start in range(0, len(elements), 15):
        block = list(elements[start : start + 15])
        state = poseidon([state] + block + [0] * (15 - len(block)))
    return state
