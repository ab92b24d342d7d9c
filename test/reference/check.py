"""Recomputes test/vectors/encoding.json from its inputs and compares; exits 1 on any difference.

Independent of the SDK: Python 3 standard library only. Usage: python3 check.py [path of the vector file]
"""

import hmac
import json
import math
import pathlib
import sys
from collections import Counter

import babyjub
from bn254 import G, G2, R, evaluate, lagrange_at, mul, mul2, on_curve, root_of_unity
from keccak import keccak256
from poseidon import chain, poseidon
from protocol import *  # noqa: F403 - the whole vocabulary of the specification

checked, failures = Counter(), []


def normal(value):
    """Bytes, points and numbers in one comparable form."""
    if isinstance(value, dict):
        return point(value)
    if isinstance(value, (list, tuple)):
        return tuple(normal(v) for v in value)
    if isinstance(value, bytes):
        return int.from_bytes(value, "big")
    return number(value)


def same(kind, where, computed, given):
    checked[kind] += 1
    if normal(computed) != normal(given):
        failures.append(f"{kind} at {where}")


def words(texts):
    return [number(t) for t in texts]


def g2_words(p):
    (x_re, x_im), (y_re, y_im) = p
    return [x_im, x_re, y_im, y_re]


def opening(kind, where, vector, z, given):
    y, w = open_at(vector, z, TAU)
    same(kind, f"{where}.y", y, given["y"])
    same(kind, f"{where}.w", w, given["w"])


def check_node(where, member, node, vector, coefficients):
    s, ctx, c = node["s"], raw(member["ctx"]), point(member["c"])
    sk, e_scalar = number(node["secretKey"]), number(node["ephemeral"])
    public_key, e = mul(G, sk), mul(G, e_scalar)
    same("key", f"{where}.publicKey", public_key, node["publicKey"])
    same("key", f"{where}.e", e, node["e"])
    ctx_share = digest(tag("share"), ctx, c, s, e)
    same("ctxShare", where, ctx_share, node["ctxShare"])
    nonce = number(node["schnorr"]["nonce"])
    nonce_point = mul(G, nonce)
    z = (nonce + challenge(tag("schnorr"), ctx_share, e, nonce_point) * e_scalar) % R
    same("schnorr", f"{where}.r", nonce_point, node["schnorr"]["r"])
    same("schnorr", f"{where}.z", z, node["schnorr"]["z"])
    k = mul(e, sk)
    same("key", f"{where}.k", k, node["k"])
    nonce = number(node["dleq"]["nonce"])
    r1, r2 = mul(G, nonce), mul(e, nonce)
    proof = (nonce + challenge(tag("dleq"), ctx_share, public_key, e, k, r1, r2) * sk) % R
    for name, value in (("r1", r1), ("r2", r2), ("z", proof)):
        same("dleq", f"{where}.{name}", value, node["dleq"][name])
    share = [(v + sum(pow(s, i + 1, R) * a[j] for i, a in enumerate(coefficients))) % R for j, v in enumerate(vector)]
    same("share", where, share, node["share"])
    masks = [mask(k, ctx_share, j) for j in range(len(share))]
    same("mask", where, masks[:3], node["masks"])
    cipher = [(x + m) % R for x, m in zip(share, masks)]
    same("cipher", where, cipher, node["cipher"])
    hashes = chunk_hashes(cipher)
    same("chunkHash", where, hashes, node["chunkHashes"])
    cipher_digest = digest(tag("cipher"), s, e, nonce_point, z, hashes)
    same("digest", where, cipher_digest, node["digest"])
    same("shareCommitment", where, commit(share, TAU), node["shareCommitment"])
    homomorphic = sum_points([c] + [mul(point(a), pow(s, i + 1, R)) for i, a in enumerate(member["a"])])
    same("shareCommitment", f"{where} from A", homomorphic, node["shareCommitment"])
    at = challenge(tag("eval"), ctx_share, cipher_digest, k)
    same("evaluation", f"{where}.z", at, node["evaluation"]["z"])
    opening("evaluation", where, share, at, node["evaluation"])
    return share, cipher_digest


def check_member(where, member, n):
    values, blinders = words(member["values"]), words(member["blinders"])
    vector = [v % R for v in values] + blinders
    context = member["context"]
    ctx = update_context(context)
    same("ctx", where, ctx, member["ctx"])
    same("length", where, len(values), n)
    same("norm", where, sum(v * v for v in values), member["squaredNorm"])
    same("limbs", where, limbs(values), member["limbs"])
    h = update_hash(values, blinders)
    same("h", where, h, member["h"])
    c = commit(vector, TAU)
    same("commitment", f"{where}.c", c, member["c"])
    coefficients = [words(a) for a in member["coefficients"]]
    a_points = [commit(a, TAU) for a in coefficients]
    same("commitment", f"{where}.a", a_points, member["a"])
    shares, digests = [], []
    for i, node in enumerate(member["posted"]):
        same("node", where, i + 1, node["s"])
        share, cipher_digest = check_node(f"{where}.posted[{i}]", member, node, vector, coefficients)
        shares.append(share)
        digests.append(cipher_digest)
    manifest = digest(tag("manifest"), digests)
    same("manifest", where, manifest, member["shareManifest"])
    r = link(ctx, c, a_points, manifest, h)
    same("r", where, r, member["r"])
    opening("opening", where, vector, r, member)
    return values, vector, c, shares, digest(number(context["institution"]), c)


def check_round(where, data):
    n, members = data["n"], data["members"]
    parts = [check_member(f"{where}.members[{i}]", m, n) for i, m in enumerate(members)]
    context = members[0]["context"]
    keys = [p[4] for p in parts]
    same("memberKey", where, keys, data["memberKeys"])
    set_hash = digest(
        tag("set"), number(context["chainId"]), number(context["roundManager"]), number(context["round"]), keys
    )
    same("setHash", where, set_hash, data["setHash"])
    same("commitment", f"{where}.aggregate", sum_points([p[2] for p in parts]), data["aggregateCommitment"])
    for i, given in enumerate(data["sums"]):
        total = [sum(column) % R for column in zip(*(p[3][i] for p in parts))]
        here = f"{where}.sums[{i}]"
        same("sum", here, total, given["words"])
        hashes = chunk_hashes(total)
        same("chunkHash", here, hashes, given["chunkHashes"])
        sum_digest = digest(tag("sum"), number(context["round"]), i + 1, set_hash, hashes)
        same("digest", here, sum_digest, given["digest"])
        same("shareCommitment", here, commit(total, TAU), given["commitment"])
        at = challenge(tag("sumEval"), sum_digest)
        same("evaluation", f"{here}.z", at, given["evaluation"]["z"])
        opening("evaluation", here, total, at, given["evaluation"])
    vector = [sum(column) % R for column in zip(*(p[1] for p in parts))]
    same("total", where, [sum(column) for column in zip(*(p[0] for p in parts))], data["total"]["values"])
    same("total", where, vector[n:], data["total"]["blinders"])
    check_aggregate(f"{where}.aggregate", data["aggregate"], vector, members, set_hash)


def check_aggregate(where, data, total, members, set_hash):
    records = sum(number(m["context"]["records"]) for m in members)
    weight = number(data["step"]) * 2**16 * number(data["cap"]) // records
    same("lambda", where, weight, data["context"]["lambda"])
    same("setHash", where, set_hash, data["context"]["setHash"])
    base = words(data["base"])
    same("commitment", f"{where}.base", commit(base, TAU), data["baseCommitment"])
    model = [(m + weight * u) % R for m, u in zip(base, total)]
    same("model", where, model, data["model"])
    c_model = commit(model, TAU)
    same("commitment", f"{where}.model", c_model, data["modelCommitment"])
    ctx = aggregate_context(data["context"])
    same("ctx", where, ctx, data["ctxM"])
    h = aggregate_hash(model)
    same("h", where, h, data["h"])
    r = challenge(tag("aggLink"), ctx, c_model, h)
    same("r", where, r, data["r"])
    opening("opening", where, model, r, data)


def check_import(data):
    values, blinders = words(data["values"]), words(data["blinders"])
    vector = [v % R for v in values] + blinders
    ctx = import_context(data["context"])
    same("ctx", "import", ctx, data["ctxI"])
    c, h = commit(vector, TAU), update_hash(values, blinders)
    same("commitment", "import", c, data["c"])
    same("h", "import", h, data["h"])
    r = link(ctx, c, [], bytes(32), h)
    same("r", "import", r, data["r"])
    same("opening", "import", evaluate(vector, r), data["y"])
    same("bound", "import", data["context"]["n"] * 2**30, data["normBound2"])
    factor = 2 ** (16 + data["stepBits"])
    same("bound", "import", factor, data["factor"])
    same("bound", "import", factor * 2**15, data["bound"])
    model = [factor * v % R for v in vector]
    c_model, h_model = commit(model, TAU), aggregate_hash(model)
    same("commitment", "import.model", c_model, data["modelCommitment"])
    same("h", "import.model", h_model, data["hM"])
    ctx_model = digest(tag("importAgg"), ctx)
    same("ctx", "import.model", ctx_model, data["importAggregate"])
    r = challenge(tag("aggLink"), ctx_model, c_model, h_model)
    same("r", "import.model", r, data["rM"])
    same("opening", "import.model", evaluate(model, r), data["yM"])


def check_setup(data):
    for name, value in data["tags"].items():
        same("tag", name, tag(name), value)
    for entry in data["domains"]:
        omega = root_of_unity(entry["k"])
        same("omega", entry["k"], omega, entry["omega"])
        if entry["k"] > 0 and pow(omega, 2 ** (entry["k"] - 1), R) != R - 1:
            failures.append(f"omega of order 2^{entry['k']} is not primitive")
    same("lagrange", "n = 16", lagrange_at(data["lagrange"]["n"], number(data["lagrange"]["z"])), data["lagrange"]["values"])
    same("srs", "tau", TAU, data["insecureTau"])
    tau_g1, tau_g2 = mul(G, TAU), mul2(G2, TAU)
    same("srs", "tauG1", tau_g1, data["srs"]["tauG1"])
    same("srs", "tauG2", g2_words(tau_g2), data["srs"]["tauG2"])
    same("srs", "srsHash", digest(tau_g1, tuple(g2_words(tau_g2))), data["srs"]["srsHash"])
    key = data["verifyingKey"]
    scalars = key["scalars"]
    alpha, ic = mul(G, scalars["alpha"]), [mul(G, s) for s in scalars["ic"]]
    beta, gamma, delta = (tuple(g2_words(mul2(G2, scalars[name]))) for name in ("beta", "gamma", "delta"))
    same("verifyingKey", "points", [alpha, beta, gamma, delta], [key[k] for k in ("alpha", "beta", "gamma", "delta")])
    same("verifyingKey", "ic", ic, key["ic"])
    key_hash = digest(keccak256(key["circuit"].encode()), key["n"], alpha, beta, gamma, delta, ic)
    same("verifyingKey", "keyHash", key_hash, key["keyHash"])


def check_rekey(item):
    def place(p):
        return challenge(tag("seal"), *(number(p[k]) for k in ("chainId", "registry", "model", "holder", "sequence")))

    def sealed(name):
        return tuple(number(item[name][k]) for k in ("ex", "ey", "c"))

    def opened(cipher, secret, binding):
        x, y = babyjub.mul(cipher[:2], secret)
        return (cipher[2] - poseidon([x, y, binding])) % R

    key, current, following = number(item["key"]), sealed("current"), sealed("next")
    bindings = [place(item["currentPlace"]), place(item["nextPlace"])]
    holder = babyjub.mul(babyjub.B8, number(item["secret"]))
    receiver = babyjub.mul(babyjub.B8, number(item["receiverSecret"]))
    same("rekey", "bindings", bindings, [item["currentBinding"], item["nextBinding"]])
    same("rekey", "opened", opened(current, number(item["secret"]), bindings[0]), key)
    same("rekey", "opened anew", opened(following, number(item["receiverSecret"]), bindings[1]), key)
    same("rekey", "E", babyjub.mul(babyjub.B8, number(item["ephemeral"])), following[:2])
    same("rekey", "an eighth", babyjub.mul(point(item["currentRoot"]), 8), current[:2])
    same("rekey", "an eighth", babyjub.mul(point(item["receiverRoot"]), 8), receiver)
    inputs = [*current, *holder, bindings[0], *following, *receiver, bindings[1], poseidon([key])]
    same("rekey", "inputs", inputs, item["inputs"])
    # HKDF-SHA256 (RFC 5869) of one block, no salt
    extracted = hmac.digest(bytes(32), word(key), "sha256")
    expanded = hmac.digest(extracted, b"mednexus.content.v1" + bytes([1]), "sha256")
    same("rekey", "contentKey", expanded, item["contentKey"])


def check_rest(data):
    for item in data["chains"]:
        same("chain", item["name"], chain(item["n"], item["bits"], item["kind"], words(item["elements"])), item["hash"])
    model = words(data["rounds"][0]["aggregate"]["model"])
    for item in data["inference"]:
        inputs = [int(x) for x in item["input"]]
        same("inference", "modelRoot", aggregate_hash(model), item["modelRoot"])
        committed = chain(len(inputs), 16, 3, limbs(inputs) + [number(item["salt"])])
        same("inference", "inputCommitment", committed, item["inputCommitment"])
        score = sum((m - R if m > R // 2 else m) * x for m, x in zip(model, inputs))
        same("inference", "score", score % R, int(item["score"]) % R)
        same("inference", "decision", int(score > 0), item["decision"])
    check_rekey(data["rekey"])
    long = [pow(j + 1, 5, R) for j in range(data["chunks"]["count"])]
    same("chunkHash", "rule", chunk_hashes(long), data["chunks"]["chunkHashes"])
    key = data["keyRegistration"]
    secret, nonce = number(key["secretKey"]), number(key["nonce"])
    public_key, nonce_point = mul(G, secret), mul(G, nonce)
    registry = number(data["contracts"]["institutionRegistry"])
    bound = digest(tag("key"), number(data["chainId"]), registry, number(key["institution"]))
    same("keyRegistration", "publicKey", public_key, key["publicKey"])
    same("keyRegistration", "keyContext", bound, key["keyContext"])
    same("keyRegistration", "r", nonce_point, key["r"])
    z = (nonce + challenge(tag("schnorr"), bound, public_key, nonce_point) * secret) % R
    same("keyRegistration", "z", z, key["z"])
    consent = data["consent"]
    names = ("dataset", "datasetVersion", "subjectKey", "salt")
    leaves = [digest(tag("grant"), *(number(g[name]) for name in names)) for g in consent["grants"]]
    same("consent", "leaves", leaves, consent["leaves"])
    same("consent", "root", merkle_levels(leaves)[-1][0], consent["root"])
    for i, proof in enumerate(consent["proofs"]):
        same("consent", f"proof {i}", merkle_proof(leaves, i), proof)
    for name, item in data["typedData"].items():
        same("typedData", name, typed_digest(number(data["chainId"]), item), item["digest"])
    for item in data["arithmetic"]["memberNormBound2"]:
        b2, records, cap = (number(item[k]) for k in ("normBound2", "records", "cap"))
        same("arithmetic", "B_i²", b2 * records**2 // cap**2, item["result"])
    for item in data["arithmetic"]["roundWeight"]:
        same("arithmetic", "λ_t", number(item["step"]) * 2**16 * number(item["cap"]) // number(item["total"]), item["result"])
    for item in data["arithmetic"]["boundAfter"]:
        root = math.isqrt(number(item["normBound2"]) - 1) + 1
        grown = number(item["bound"]) + number(item["rounds"]) * number(item["step"]) * 2**16 * root
        same("arithmetic", "bound", grown, item["result"])
    for scalar in words(data["rejected"]["scalars"]):
        same("rejected", "scalar", int(scalar >= R), 1)
    for value in words(data["rejected"]["values"]):
        same("rejected", "value", int(-(2**15) <= value < 2**15), 0)
    for p in data["rejected"]["points"]:
        same("rejected", p["why"], int(on_curve(point(p))), 0)


TAU = int.from_bytes(keccak256(b"mednexus.insecure.dev.tau.v1"), "big") % R


def main():
    default = pathlib.Path(__file__).resolve().parent.parent / "vectors" / "encoding.json"
    path = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default
    data = json.loads(path.read_text())
    check_setup(data)
    for i, item in enumerate(data["rounds"]):
        check_round(f"rounds[{i}]", item)
    check_import(data["import"])
    check_rest(data)
    print(f"{sum(checked.values())} checks:", ", ".join(f"{kind} {count}" for kind, count in sorted(checked.items())))
    for failure in failures:
        print("MISMATCH", failure)
    return 1 if failures or not checked else 0


if __name__ == "__main__":
    sys.exit(main())
