import { expect } from "chai";
import { MedNexusError } from "./errors.ts";
import { Fr, FR_MODULUS } from "./field.ts";
import type { RandomBytes } from "./random.ts";
import {
  assertSealKey,
  BABY_ORDER,
  contentKey,
  generateSealKeys,
  modelKeyHash,
  openModelKey,
  randomModelKey,
  rekey,
  sealModelKey,
} from "./sealed.ts";
import { sealBinding } from "./transcript.ts";

const A = 168700n;
const D = 168696n;

/** Affine addition on Baby Jubjub by the book (EIP-2494), sharing nothing with the library. */
function add(p: { x: bigint; y: bigint }, q: { x: bigint; y: bigint }) {
  const t = Fr.mul(D, Fr.mul(Fr.mul(p.x, q.x), Fr.mul(p.y, q.y)));
  return {
    x: Fr.mul(Fr.from(p.x * q.y + p.y * q.x), Fr.inverse(Fr.from(1n + t))),
    y: Fr.mul(Fr.from(p.y * q.y - A * p.x * q.x), Fr.inverse(Fr.from(1n - t))),
  };
}

function times(scalar: bigint, p: { x: bigint; y: bigint }) {
  let sum = { x: 0n, y: 1n };
  for (let power = p, s = scalar; s > 0n; s >>= 1n, power = add(power, power)) if (s & 1n) sum = add(sum, power);
  return sum;
}

/** EIP-2494's generator, of order 8l. */
const GENERATOR = {
  x: 995203441582195749578291179787384436505546430278305826713579947235728471134n,
  y: 5472060717959818805561601436314318772137091100104008585924551046643952123905n,
};

function seededRandom(seed: number): RandomBytes {
  let state = BigInt(seed);
  return (length) =>
    Uint8Array.from({ length }, () => {
      state = BigInt.asUintN(64, state * 6364136223846793005n + 1442695040888963407n);
      return Number(state >> 56n);
    });
}

function refused(call: () => unknown, code: string): void {
  try {
    call();
  } catch (error) {
    expect(error).instanceOf(MedNexusError).property("code", code);
    return;
  }
  expect.fail(`not refused with ${code}`);
}

describe("sealed model keys (seed 7)", () => {
  const random = seededRandom(7);
  const place = {
    chainId: 31337n,
    registry: "0x00000000000000000000000000000000000000aa",
    model: 5n,
    holder: "0x00000000000000000000000000000000000000bb",
    sequence: 0n,
  };
  const binding = sealBinding(place);
  const holder = generateSealKeys(random);
  const key = randomModelKey(random);
  const keyHash = modelKeyHash(key);
  const sealed = sealModelKey(key, holder.publicKey, binding, random);

  it("a public key is secret·B8 with B8 = 8·G of EIP-2494", () => {
    expect(holder.publicKey).deep.equal(times(holder.secret, times(8n, GENERATOR)));
    expect(times(BABY_ORDER, holder.publicKey)).deep.equal({ x: 0n, y: 1n });
  });

  it("opens for its holder, and for nobody else", () => {
    expect(openModelKey(sealed, holder.secret, binding, keyHash)).equal(key);
    refused(() => openModelKey(sealed, generateSealKeys(random).secret, binding, keyHash), "SEAL_MISMATCH");
  });

  it("a ciphertext copied to another chain, contract, model, holder or sequence does not open", () => {
    for (const change of [
      { chainId: 1n },
      { registry: place.holder },
      { model: 6n },
      { holder: place.registry },
      { sequence: 1n },
    ])
      refused(
        () => openModelKey(sealed, holder.secret, sealBinding({ ...place, ...change }), keyHash),
        "SEAL_MISMATCH",
      );
  });

  it("a changed ciphertext does not open", () => {
    refused(
      () => openModelKey({ ...sealed, c: Fr.add(sealed.c, 1n) }, holder.secret, binding, keyHash),
      "SEAL_MISMATCH",
    );
    const negated = { ...sealed, ex: FR_MODULUS - sealed.ex };
    refused(() => openModelKey(negated, holder.secret, binding, keyHash), "SEAL_MISMATCH");
    refused(
      () => openModelKey({ ...sealed, c: sealed.c + FR_MODULUS }, holder.secret, binding, keyHash),
      "NON_CANONICAL",
    );
    refused(
      () => openModelKey({ ...sealed, ey: Fr.add(sealed.ey, 1n) }, holder.secret, binding, keyHash),
      "SEAL_POINT",
    );
  });

  it("points of low or composite order, off the curve or aliased are no keys", () => {
    // order 8l divided by l: all eight torsion points, the identity included
    const torsion = times(BABY_ORDER, GENERATOR);
    for (let k = 1n; k <= 8n; k++) {
      const low = times(k, torsion);
      refused(() => assertSealKey(low), "SEAL_POINT");
      if (k < 8n) refused(() => assertSealKey(add(holder.publicKey, low)), "SEAL_POINT");
      refused(() => sealModelKey(key, low, binding, random), "SEAL_POINT");
    }
    const { x, y } = holder.publicKey;
    refused(() => assertSealKey({ x, y: Fr.add(y, 1n) }), "SEAL_POINT");
    refused(() => assertSealKey({ x: x + FR_MODULUS, y }), "SEAL_POINT");
    assertSealKey({ x, y });
  });

  it("seals anew for a receiver, who opens it; the past holder's place no longer does", () => {
    const receiver = generateSealKeys(random);
    const nextBinding = sealBinding({ ...place, holder: place.registry, sequence: 1n });
    const request = { secret: holder.secret, current: sealed, currentBinding: binding, keyHash, nextBinding };
    const witness = rekey({ ...request, receiver: receiver.publicKey }, random);
    expect(openModelKey(witness.next, receiver.secret, nextBinding, keyHash)).equal(key);
    refused(() => openModelKey(witness.next, holder.secret, nextBinding, keyHash), "SEAL_MISMATCH");
    expect(times(8n, witness.currentRoot)).deep.equal({ x: sealed.ex, y: sealed.ey });
    expect(times(8n, witness.receiverRoot)).deep.equal(receiver.publicKey);
    expect(witness.holder).deep.equal(holder.publicKey);
    const again = rekey({ ...request, receiver: receiver.publicKey }, random);
    expect(again.next).not.deep.equal(witness.next);
    refused(
      () => rekey({ ...request, secret: receiver.secret, receiver: receiver.publicKey }, random),
      "SEAL_MISMATCH",
    );
  });

  it("the content key is 32 bytes, its own for each key", () => {
    expect(contentKey(key)).length(32);
    expect(contentKey(key)).deep.equal(contentKey(key));
    expect(contentKey(Fr.add(key, 1n))).not.deep.equal(contentKey(key));
    refused(() => contentKey(FR_MODULUS), "NON_CANONICAL");
  });
});
