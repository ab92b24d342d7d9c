import { FR_MODULUS, INSECURE_TAU, tag } from "@mednexus/sdk";

/**
 * The development set-up's secrets, INSECURE on purpose: whoever knows one of them forges proofs and openings, and
 * everybody knows these. Verifier ids made from them are refused off devnet chain ids.
 *
 * `delta` is computed directly, not by a beacon contribution over delta = 1: a beacon adds nothing to a public
 * trapdoor, and gamma (1, as snarkjs fixes it) differs from delta either way.
 */
export const trapdoor = {
  tau: INSECURE_TAU,
  alpha: secret("alpha"),
  beta: secret("beta"),
  gamma: 1n,
  delta: secret("delta"),
} as const;

export type Trapdoor = { readonly [K in keyof typeof trapdoor]: bigint };

function secret(name: string): bigint {
  return BigInt(tag(`insecure.dev.${name}`)) % FR_MODULUS;
}
