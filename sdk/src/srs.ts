import { keccak_256 } from "@noble/hashes/sha3.js";
import { readBinFile } from "./binfile.ts";
import { bytesToBigint, writeWord } from "./bytes.ts";
import { type Curve, equalG1, type G1, G1_GENERATOR, type G2, G2_GENERATOR, isInfinity } from "./curve.ts";
import { Domain } from "./domain.ts";
import { BLINDERS } from "./encoding.ts";
import { SrsError } from "./errors.ts";
import { FQ_MODULUS, Fr, FR_MODULUS } from "./field.ts";
import { randomFrVector, type RandomBytes, systemRandom } from "./random.ts";

/** Everything a committer of size n needs, derived from one powers-of-tau reference string. */
export interface Srs {
  readonly n: number;
  /** [τ^i]_1 for i = 0..n+3. */
  readonly powers: readonly G1[];
  /** [L_j(τ)]_1 for j = 0..n-1. */
  readonly lagrange: readonly G1[];
  /** [τ]_2, the only thing a verifier needs beyond generators. */
  readonly tauG2: G2;
}

/** A scalar that anybody can recompute from its public name: development keys only. */
const publicScalar = (name: string): bigint =>
  bytesToBigint(keccak_256(new TextEncoder().encode(`mednexus.insecure.dev.${name}.v1`))) % FR_MODULUS;

/**
 * INSECURE development trapdoor τ, public on purpose: whoever knows τ opens any commitment to anything.
 * Contracts and services refuse the reference string made from it off development chains.
 */
export const INSECURE_TAU = publicScalar("tau");

/** Whether a reference string is the public development one. */
export function isInsecureSrs(curve: Curve, tauG1: G1): boolean {
  return equalG1(tauG1, curve.mul(G1_GENERATOR, INSECURE_TAU));
}

/** INSECURE: the reference string of a known τ; for development chains and tests. */
export async function insecureSrs(curve: Curve, n: number, tau: bigint = INSECURE_TAU): Promise<Srs> {
  const domain = Domain.of(n);
  const powers = [1n];
  while (powers.length < n + BLINDERS) powers.push(Fr.mul(powers.at(-1)!, tau));
  return {
    n,
    powers: await curve.multiples(G1_GENERATOR, powers),
    lagrange: await curve.multiples(G1_GENERATOR, domain.lagrangeAt(tau)),
    tauG2: curve.mulG2(G2_GENERATOR, tau),
  };
}

/**
 * Reads a powers-of-tau file (iden3 binary format, version 1; section 1 header, 2 [τ^i]_1, 3 [τ^i]_2) and checks
 * that its points are powers of one τ.
 * @throws SrsError PTAU_FORMAT, PTAU_TOO_SMALL, SRS_INCONSISTENT; CurveError for a point off its curve
 */
export async function srsFromPtau(curve: Curve, n: number, file: Uint8Array, random?: RandomBytes): Promise<Srs> {
  const section = readBinFile(file, "ptau", 1, (why) => new SrsError("PTAU_FORMAT", `powers-of-tau file: ${why}`));
  const header = section(1);
  if (header.u32() !== 32 || header.word() !== FQ_MODULUS) {
    throw new SrsError("PTAU_FORMAT", "the file is not for BN254");
  }
  const [g1, g2] = [section(2).bytes, section(3).bytes];
  const count = n + BLINDERS;
  if (g1.length < 64 * count || g2.length < 256) {
    throw new SrsError("PTAU_TOO_SMALL", `the file holds too few powers for a vector of ${n}`);
  }
  const powers = await curve.unpack(g1.slice(0, 64 * count));
  const tauG2 = curve.unpackG2(g2.slice(128, 256));
  Domain.of(n);
  const lagrange = await curve.inverseTransform(await curve.pack(powers.slice(0, n)));
  const srs = { n, powers, lagrange, tauG2 };
  await verifySrs(curve, srs, random);
  return srs;
}

const inconsistent = (why: string): SrsError => new SrsError("SRS_INCONSISTENT", `reference string: ${why}`);

/**
 * Checks a reference string against itself: powers_0 is the generator, all powers belong to the τ of tauG2 (one
 * pairing on a random combination), and both bases commit to a random polynomial alike. False acceptance: <= n/2^250.
 * @throws SrsError SRS_INCONSISTENT
 */
export async function verifySrs(curve: Curve, srs: Srs, random: RandomBytes = systemRandom): Promise<void> {
  const { n, powers, lagrange, tauG2 } = srs;
  if (powers.length !== n + BLINDERS || lagrange.length !== n) throw inconsistent("wrong number of points");
  if (!equalG1(powers[0]!, G1_GENERATOR) || isInfinity(powers[1]!))
    throw inconsistent("does not start at the generator");
  const weights = randomFrVector(n + BLINDERS - 1, random);
  const low = await curve.msm(await curve.pack(powers.slice(0, -1)), weights);
  const high = await curve.msm(await curve.pack(powers.slice(1)), weights);
  const geometric = await curve.pairingCheck([
    [high, G2_GENERATOR],
    [curve.neg(low), tauG2],
  ]);
  if (!geometric) throw inconsistent("points are not powers of one secret");
  const values = randomFrVector(n, random);
  const fromValues = await curve.msm(await curve.pack(lagrange), values);
  const fromPowers = await curve.msm(await curve.pack(powers.slice(0, n)), Domain.of(n).interpolate(values));
  if (!equalG1(fromValues, fromPowers)) throw inconsistent("Lagrange points do not match the powers");
}

const MAGIC = new TextEncoder().encode("MNXSRS01");

/** A reference string for a local cache: magic, n, [τ]_2, powers, Lagrange points; big-endian words. */
export function serializeSrs(srs: Srs): Uint8Array {
  const g2 = [srs.tauG2.xIm, srs.tauG2.xRe, srs.tauG2.yIm, srs.tauG2.yRe];
  const words = [BigInt(srs.n), ...g2, ...[...srs.powers, ...srs.lagrange].flatMap((p) => [p.x, p.y])];
  const out = new Uint8Array(MAGIC.length + 32 * words.length);
  out.set(MAGIC);
  words.forEach((w, i) => writeWord(out, MAGIC.length + 32 * i, w));
  return out;
}

/** Reads `serializeSrs` output and verifies it whole: a cache is not trusted. Throws SrsError, CurveError. */
export async function deserializeSrs(curve: Curve, bytes: Uint8Array, random?: RandomBytes): Promise<Srs> {
  const body = bytes.subarray(MAGIC.length);
  if (!MAGIC.every((b, i) => bytes[i] === b) || body.length < 160 || body.length % 32 !== 0) {
    throw new SrsError("SRS_FORMAT", "not a serialized reference string");
  }
  const words = Array.from({ length: body.length / 32 }, (_, i) => bytesToBigint(body.subarray(32 * i, 32 * i + 32)));
  const n = Number(words[0]);
  Domain.of(n);
  if (words.length !== 5 + 2 * (2 * n + BLINDERS)) throw new SrsError("SRS_FORMAT", "reference string is cut short");
  const points = Array.from({ length: 2 * n + BLINDERS }, (_, i) => ({ x: words[5 + 2 * i]!, y: words[6 + 2 * i]! }));
  const [xIm, xRe, yIm, yRe] = words.slice(1, 5) as [bigint, bigint, bigint, bigint];
  const powers = points.slice(0, n + BLINDERS);
  const srs = { n, powers, lagrange: points.slice(n + BLINDERS), tauG2: { xIm, xRe, yIm, yRe } };
  await verifySrs(curve, srs, random);
  return srs;
}
