"""The protocol's encodings and hashes, written from its specification and sharing no code with the SDK."""

from bn254 import G, R, add, evaluate, mul
from keccak import keccak256
from poseidon import chain

MASK_WORDS = 2
CHUNK_WORDS = 2000


def word(value):
    return int(value).to_bytes(32, "big")


def number(text):
    """0x-hex or decimal text, or a JSON number."""
    return text if isinstance(text, int) else int(text, 0)


def point(p):
    return (number(p["x"]), number(p["y"]))


def abi(*arguments):
    """abi.encode for static words (int, bytes, tuples of them) and for lists, dynamic arrays of those."""

    def static(value):
        if isinstance(value, tuple):
            return b"".join(static(v) for v in value)
        return value.rjust(32, b"\0") if isinstance(value, bytes) else word(value)

    head_size = sum(32 if isinstance(a, list) else len(static(a)) for a in arguments)
    head, tail = b"", b""
    for a in arguments:
        if isinstance(a, list):
            head += word(head_size + len(tail))
            tail += word(len(a)) + b"".join(static(v) for v in a)
        else:
            head += static(a)
    return head + tail


def digest(*arguments):
    return keccak256(abi(*arguments))


def challenge(*arguments):
    return int.from_bytes(digest(*arguments), "big") % R


def tag(name):
    return keccak256(b"mednexus." + name.encode() + b".v1")


def raw(text):
    return bytes.fromhex(text[2:])


def chunk_hashes(words):
    step = CHUNK_WORDS
    return [keccak256(b"".join(map(word, words[i : i + step]))) for i in range(0, len(words), step)]


def limbs(values):
    out = []
    for start in range(0, len(values), 15):
        out.append(sum((v + 2**15) * 2 ** (16 * j) for j, v in enumerate(values[start : start + 15])))
    return out


def update_hash(values, blinders):
    return chain(len(values), 16, 1, limbs(values) + blinders)


def aggregate_hash(vector):
    return chain(len(vector) - 4, 0, 2, vector)


def commit(vector, tau):
    return mul(G, evaluate(vector, tau))


def open_at(vector, z, tau):
    y = evaluate(vector, z)
    return y, mul(G, (evaluate(vector, tau) - y) * pow(tau - z, -1, R))


def update_context(c):
    fields = "chainId roundManager campaign round base keyHash srsHash n normBound2 nodes threshold institution"
    fields += " dataset datasetVersion consentEpoch records"
    return digest(tag("ctx"), tuple(_field(c, name) for name in fields.split()))


def aggregate_context(c):
    fields = "chainId roundSettlement campaign round model base setHash lambda keyHash srsHash n payee storageRoot artefactRoot"
    return digest(tag("agg"), tuple(_field(c, name) for name in fields.split()))


def import_context(c):
    fields = "chainId modelVersions model keyHash srsHash n"
    return digest(tag("import"), *(_field(c, name) for name in fields.split()))


def _field(context, name):
    return point(context[name]) if name == "base" else number(context[name])


def link(ctx, c, a, manifest, h):
    return challenge(tag("link"), ctx, c, list(a), manifest, h)


def mask(k, ctx_share, j):
    high, low = (digest(k, ctx_share, MASK_WORDS * j + i) for i in range(MASK_WORDS))
    return int.from_bytes(high + low, "big") % R


def domain_separator(chain_id, contract):
    kind = keccak256(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
    return digest(kind, keccak256(b"MedNexus"), keccak256(b"1"), chain_id, number(contract))


def typed_digest(chain_id, item):
    ((name, fields),) = item["types"].items()
    signature = name + "(" + ",".join(f"{f['type']} {f['name']}" for f in fields) + ")"
    struct = digest(keccak256(signature.encode()), *(number(item["message"][f["name"]]) for f in fields))
    return keccak256(b"\x19\x01" + domain_separator(chain_id, item["verifyingContract"]) + struct)


def merkle_levels(leaves):
    level = [keccak256(leaf) for leaf in leaves]
    levels = [level]
    while len(level) > 1:
        pairs = [level[i : i + 2] for i in range(0, len(level), 2)]
        level = [keccak256(b"".join(sorted(pair))) if len(pair) == 2 else pair[0] for pair in pairs]
        levels.append(level)
    return levels


def merkle_proof(leaves, index):
    proof = []
    for level in merkle_levels(leaves):
        if index ^ 1 < len(level):
            proof.append(level[index ^ 1])
        index //= 2
    return proof


def sum_points(points):
    total = (0, 0)
    for p in points:
        total = add(total, p)
    return total
