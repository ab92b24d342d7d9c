/**
 * The one source of reproducible randomness for splits, scenarios and initial weights. NOT for secrets.
 * Generator: sfc32 (Chris Doty-Humphrey, PractRand), seeded by FNV-1a over the label and the seed and 20 warm-up steps.
 */
export interface Random {
  /** Uniform in [0, 1), 53 bits. */
  uniform(): number;
  /** Uniform integer in [0, bound); `bound` in 1..2^32. */
  below(bound: number): number;
  /** Standard normal (Box-Muller). */
  normal(): number;
  /** Gamma of the given shape > 0, scale 1 (Marsaglia and Tsang 2000). */
  gamma(shape: number): number;
  /** A shuffled copy (Fisher-Yates). */
  shuffle<T>(items: readonly T[]): T[];
}

/** A stream for `purpose`; different purposes with one seed are independent. `seed` is a safe integer >= 0. */
export function createRandom(seed: number, purpose: string): Random {
  if (!Number.isSafeInteger(seed) || seed < 0) throw new RangeError(`seed ${seed} is not an integer from 0 to 2^53-1`);
  const word = (salt: number): number => {
    let hash = 0x811c9dc5 ^ salt;
    for (const character of `${purpose}\0${seed}`) hash = Math.imul(hash ^ character.codePointAt(0)!, 0x01000193);
    return hash | 0;
  };
  let a = word(0);
  let b = word(0x9e3779b9);
  let c = word(0x85ebca6b);
  let counter = 1;
  const next = (): number => {
    const out = (a + b + counter++) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + out) | 0;
    return out >>> 0;
  };
  for (let i = 0; i < 20; i++) next();

  const uniform = (): number => ((next() >>> 5) * 0x4000000 + (next() >>> 6)) / 2 ** 53;
  const below = (bound: number): number => {
    if (!Number.isInteger(bound) || bound < 1 || bound > 2 ** 32) throw new RangeError(`bound ${bound}`);
    const limit = 2 ** 32 - (2 ** 32 % bound); // rejection keeps it unbiased
    let value = next();
    while (value >= limit) value = next();
    return value % bound;
  };
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  const gamma = (shape: number): number => {
    if (!(shape > 0)) throw new RangeError(`gamma shape ${shape}`);
    if (shape < 1) return gamma(shape + 1) * (1 - uniform()) ** (1 / shape);
    const d = shape - 1 / 3;
    const k = 1 / Math.sqrt(9 * d);
    for (;;) {
      const x = normal();
      const v = (1 + k * x) ** 3;
      if (v > 0 && Math.log(1 - uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
    }
  };
  const shuffle = <T>(items: readonly T[]): T[] => {
    const out = [...items];
    for (let i = out.length - 1; i > 0; i--) {
      const j = below(i + 1);
      [out[i], out[j]] = [out[j]!, out[i]!];
    }
    return out;
  };
  return { uniform, below, normal, gamma, shuffle };
}
