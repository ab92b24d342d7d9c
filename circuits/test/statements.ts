import {
  aggregateHash,
  evaluate,
  Fr,
  generateSealKeys,
  inferenceWitness,
  lower,
  modelKeyHash,
  type RandomBytes,
  randomModelKey,
  rekey,
  sealModelKey,
  squaredNorm,
  updateHash,
  type Witnesses,
} from "@mednexus/sdk";

/** Deterministic stream of integers for tests; print the seed with what it produced. */
export function seeded(seed: number): (bound: bigint) => bigint {
  let state = BigInt(seed) + 0x9e3779b97f4a7c15n;
  return (bound) => {
    let out = 0n;
    for (let k = 0; k < 5; k++) {
      state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
      out = (out << 64n) | (state ^ (state >> 33n));
    }
    return out % bound;
  };
}

/** An honest update statement over signed coordinates; its bound is met exactly unless given. */
export function updateStatement(
  values: readonly bigint[],
  blinders: readonly bigint[],
  r: bigint,
  normBound2 = squaredNorm(values),
): Witnesses["update"] {
  const elements = lower(values);
  return {
    h: updateHash(values, blinders),
    r,
    y: evaluate([...elements, ...blinders], r),
    normBound2,
    values: elements,
    blinders,
  };
}

/** An honest model statement over field elements. */
export function aggregateStatement(
  values: readonly bigint[],
  blinders: readonly bigint[],
  r: bigint,
): Witnesses["aggregate"] {
  return { h: aggregateHash([...values, ...blinders]), r, y: evaluate([...values, ...blinders], r), values, blinders };
}

/** Random honest statements of size n. */
export function randomUpdate(n: number, seed: number): Witnesses["update"] {
  const next = seeded(seed);
  const values = Array.from({ length: n }, () => next(65536n) - 32768n);
  return updateStatement(
    values,
    Array.from({ length: 4 }, () => next(Fr.modulus)),
    next(Fr.modulus),
  );
}

export function randomAggregate(n: number, seed: number): Witnesses["aggregate"] {
  const next = seeded(seed);
  const field = (): bigint => next(Fr.modulus);
  return aggregateStatement(Array.from({ length: n }, field), [field(), field(), field(), field()], field());
}

export function randomInference(n: number, seed: number): Witnesses["inference"] {
  const next = seeded(seed);
  const model = Array.from({ length: n }, () => next((1n << 61n) - 1n) - (1n << 60n) + 1n);
  const blinders = Array.from({ length: 4 }, () => next(Fr.modulus));
  const input = Array.from({ length: n }, () => next(65536n) - 32768n);
  return inferenceWitness([...lower(model), ...blinders], input, next(Fr.modulus));
}

/** The first honest re-sealing from the seed on that `wanted` likes. */
export function randomRekey(
  seed: number,
  wanted: (witness: Witnesses["rekey"]) => boolean = () => true,
): Witnesses["rekey"] {
  const next = seeded(seed);
  const random: RandomBytes = (length) => Uint8Array.from({ length }, () => Number(next(256n)));
  for (;;) {
    const [holder, receiver] = [generateSealKeys(random), generateSealKeys(random)];
    const key = randomModelKey(random);
    const [currentBinding, nextBinding] = [next(Fr.modulus), next(Fr.modulus)];
    const witness = rekey(
      {
        secret: holder.secret,
        current: sealModelKey(key, holder.publicKey, currentBinding, random),
        currentBinding,
        keyHash: modelKeyHash(key),
        receiver: receiver.publicKey,
        nextBinding,
      },
      random,
    );
    if (wanted(witness)) return witness;
  }
}

/** A random honest statement of any circuit. */
export const randomStatement: { readonly [C in keyof Witnesses]: (n: number, seed: number) => Witnesses[C] } = {
  update: randomUpdate,
  aggregate: randomAggregate,
  inference: randomInference,
  rekey: (_, seed) => randomRekey(seed),
};
