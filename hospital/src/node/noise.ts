import { bytesToBigint, type RandomBytes, squaredNorm } from "@mednexus/sdk";

const LIMIT = 2 ** 15 - 1;

/**
 * Adds rounded Gaussian noise of standard deviation `sigma` (units of one quantized step) to each coordinate, then keeps
 * the update provable: coordinates stay in 16 bits and the norm in its bound, by scaling towards zero. sigma 0 changes nothing.
 */
export function addNoise(values: readonly bigint[], sigma: number, normBound2: bigint, random: RandomBytes): bigint[] {
  if (sigma === 0) return [...values];
  let noisy = values.map((value) =>
    Math.max(-LIMIT, Math.min(LIMIT, Math.round(Number(value) + sigma * gaussian(random)))),
  );
  for (let norm2 = squaredNorm(noisy.map(BigInt)); norm2 > normBound2; norm2 = squaredNorm(noisy.map(BigInt))) {
    const factor = Math.sqrt(Number(normBound2) / Number(norm2)) * 0.999;
    noisy = noisy.map((value) => Math.trunc(value * factor));
  }
  return noisy.map(BigInt);
}

/** Box–Muller on 53-bit uniforms from the injected generator. */
function gaussian(random: RandomBytes): number {
  const uniform = (): number => (Number(bytesToBigint(random(8)) >> 11n) + 0.5) / 2 ** 53;
  return Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}
