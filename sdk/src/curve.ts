import { buildBn128, type FfCurve } from "ffjavascript";
import { bytesToBigint, writeWord } from "./bytes.ts";
import { CurveError, EncodingError } from "./errors.ts";
import { Fq, Fr, FR_MODULUS } from "./field.ts";

/** Affine BN254 G1 point, canonical coordinates below q; infinity is (0, 0), as in EIP-196. */
export interface G1 {
  readonly x: bigint;
  readonly y: bigint;
}

/** Affine BN254 G2 point over F_q[i]/(i²+1), each coordinate im·i + re; infinity is all zero, order as in EIP-197. */
export interface G2 {
  readonly xIm: bigint;
  readonly xRe: bigint;
  readonly yIm: bigint;
  readonly yRe: bigint;
}

/** Points kept in the engine's own layout (affine Montgomery, 64 bytes each), with their sum for the short-scalar path. */
export interface PackedPoints {
  readonly bytes: Uint8Array;
  readonly count: number;
  readonly sum: G1;
}

export const G1_INFINITY: G1 = Object.freeze({ x: 0n, y: 0n });
export const G1_GENERATOR: G1 = Object.freeze({ x: 1n, y: 2n });
export const G2_INFINITY: G2 = Object.freeze({ xIm: 0n, xRe: 0n, yIm: 0n, yRe: 0n });
/** Source: EIP-197. */
export const G2_GENERATOR: G2 = Object.freeze({
  xIm: 11559732032986387107991004021392285783925812861821192530917403151452391805634n,
  xRe: 10857046999023057135944570762232829481370756359578518086990519993285655852781n,
  yIm: 4082367875863433681332203403145435568316851327593401208105741076214120093531n,
  yRe: 8495653923123431417604973247489272438418190587263600148770280649306958101930n,
});

const POINT_BYTES = 64;
/** Below this many points one multiplication each beats the bucket method. */
const FEW_POINTS = 8;

export const isInfinity = (p: G1): boolean => p.x === 0n && p.y === 0n;
const isInfinityG2 = (p: G2): boolean => p.xIm === 0n && p.xRe === 0n && p.yIm === 0n && p.yRe === 0n;
export const equalG1 = (a: G1, b: G1): boolean => a.x === b.x && a.y === b.y;

/** True for canonical coordinates on y² = x³ + 3, and for infinity. G1 has cofactor 1: on the curve is in the group. */
export function isG1(p: G1): boolean {
  if (!Fq.isCanonical(p.x) || !Fq.isCanonical(p.y)) return false;
  return isInfinity(p) || (p.y * p.y - p.x * p.x * p.x - 3n) % Fq.modulus === 0n;
}

/**
 * Returns `p` if it is a point of G1 other than infinity.
 * @throws CurveError NOT_ON_CURVE, POINT_AT_INFINITY (the latter unless `allowInfinity`).
 */
export function assertG1(p: G1, what: string, allowInfinity = false): G1 {
  if (!isG1(p)) throw new CurveError("NOT_ON_CURVE", `${what} is not a canonical point of G1`);
  if (!allowInfinity && isInfinity(p)) throw new CurveError("POINT_AT_INFINITY", `${what} is the point at infinity`);
  return p;
}

/**
 * BN254 group arithmetic on ffjavascript's WebAssembly in the calling thread: no worker keeps a process alive.
 * Every point that enters is checked to be canonical and on its curve (CurveError NOT_ON_CURVE). Not constant time.
 */
export class Curve {
  readonly #engine: FfCurve;

  private constructor(engine: FfCurve) {
    this.#engine = engine;
  }

  static #loaded: Promise<Curve> | undefined;

  /** Compiles the WebAssembly module once per process (about 0.1 s) and hands out the same instance after that. */
  static load(): Promise<Curve> {
    Curve.#loaded ??= buildBn128(true).then((engine) => new Curve(engine));
    return Curve.#loaded;
  }

  add(a: G1, b: G1): G1 {
    return this.#read(this.#engine.G1.add(this.#write(a), this.#write(b)));
  }

  neg(a: G1): G1 {
    assertG1(a, "operand", true);
    return isInfinity(a) ? a : { x: a.x, y: Fq.modulus - a.y };
  }

  sub(a: G1, b: G1): G1 {
    return this.add(a, this.neg(b));
  }

  /** scalar·a for a canonical scalar. */
  mul(a: G1, scalar: bigint): G1 {
    return this.#read(this.#engine.G1.timesScalar(this.#write(a), scalarBytes(scalar)));
  }

  sum(points: readonly G1[]): G1 {
    const { G1: group } = this.#engine;
    return this.#read(points.reduce((total, p) => group.add(total, this.#write(p)), group.zero));
  }

  /** Σ base^k·points[k-1] for k = 1..; with `constant` added: the value at `base` of a polynomial with G1 coefficients. */
  evaluatePolynomial(constant: G1, points: readonly G1[], base: bigint): G1 {
    const { G1: group } = this.#engine;
    const at = scalarBytes(base);
    let total = group.zero;
    for (let k = points.length - 1; k >= 0; k--) {
      total = group.timesScalar(group.add(total, this.#write(points[k]!)), at);
    }
    return this.#read(group.add(total, this.#write(constant)));
  }

  /** Multiples scalar_i·a of one point, normalised together. */
  async multiples(a: G1, scalars: readonly bigint[]): Promise<G1[]> {
    const { G1: group } = this.#engine;
    const point = this.#write(a);
    const out = new Uint8Array(scalars.length * 96);
    scalars.forEach((scalar, i) => out.set(group.timesScalar(point, scalarBytes(scalar)), 96 * i));
    return this.unpack(await group.batchToAffine(out));
  }

  /** Checks and converts points for repeated use in `msm`. */
  async pack(points: readonly G1[]): Promise<PackedPoints> {
    const words = new Uint8Array(POINT_BYTES * points.length);
    points.forEach((p, i) => {
      assertG1(p, `point ${i}`, true);
      writeWord(words, POINT_BYTES * i, p.x);
      writeWord(words, POINT_BYTES * i + 32, p.y);
    });
    const bytes = points.length === 0 ? words : await this.#engine.G1.batchUtoLEM(words);
    return { bytes, count: points.length, sum: this.sum(points) };
  }

  /** The points behind engine bytes (affine Montgomery), each checked to be on the curve. */
  async unpack(bytes: Uint8Array): Promise<G1[]> {
    if (bytes.length % POINT_BYTES !== 0) throw new CurveError("POINT_BYTES", "points are cut short");
    if (bytes.length === 0) return [];
    const words = await this.#engine.G1.batchLEMtoU(bytes);
    return Array.from({ length: bytes.length / POINT_BYTES }, (_, i) => {
      const at = POINT_BYTES * i;
      const p = { x: bytesToBigint(words.subarray(at, at + 32)), y: bytesToBigint(words.subarray(at + 32, at + 64)) };
      return assertG1(p, `point ${i}`, true);
    });
  }

  /** Inverse discrete Fourier transform of points over the domain of size points.length, a power of two. */
  async inverseTransform(points: PackedPoints): Promise<G1[]> {
    return this.unpack(await this.#engine.G1.ifft(points.bytes, "affine", "affine"));
  }

  /**
   * Σ scalars[i]·points[i] for canonical scalars. Scalars that are small when centred in (-r/2, r/2) are shifted to
   * unsigned w-byte digits, Σ (s_i + 2^(8w-1))·P_i - 2^(8w-1)·ΣP_i, which costs w/32 of the full-width sum.
   * @throws EncodingError LENGTH, NON_CANONICAL
   */
  async msm(points: PackedPoints, scalars: readonly bigint[]): Promise<G1> {
    const { G1: group } = this.#engine;
    const { count, bytes } = points;
    if (scalars.length !== count) {
      throw new EncodingError("LENGTH", `${scalars.length} scalars for ${count} points`);
    }
    scalars.forEach((s, i) => Fr.assertCanonical(s, `scalar ${i}`));
    if (count <= FEW_POINTS) {
      let total = group.zero;
      scalars.forEach((s, i) => {
        const point = bytes.subarray(POINT_BYTES * i, POINT_BYTES * (i + 1));
        total = group.add(total, group.timesScalar(point, scalarBytes(s)));
      });
      return this.#read(total);
    }
    const width = digitBytes(scalars);
    const digits = new Uint8Array(width * count);
    if (width === 32) {
      scalars.forEach((s, i) => writeWord(digits, 32 * i, s, true));
      return this.#read(await group.multiExpAffine(bytes, digits));
    }
    const shift = 1n << BigInt(8 * width - 1);
    const word = new Uint8Array(32);
    scalars.forEach((s, i) => {
      writeWord(word, 0, Fr.add(s, shift), true);
      digits.set(word.subarray(0, width), width * i);
    });
    const shifted = this.#read(await group.multiExpAffine(bytes, digits));
    return this.sub(shifted, this.mul(points.sum, shift));
  }

  /** True for a point of the curve over F_q² inside the subgroup of order r (infinity included). */
  isG2(p: G2): boolean {
    if (![p.xIm, p.xRe, p.yIm, p.yRe].every((c) => Fq.isCanonical(c))) return false;
    if (isInfinityG2(p)) return true;
    const { G2: group } = this.#engine;
    const bytes = this.#writeG2(p);
    return group.isValid(bytes) && group.isZero(group.timesScalar(bytes, littleEndian(FR_MODULUS)));
  }

  /** scalar·p in G2. */
  mulG2(p: G2, scalar: bigint): G2 {
    if (!this.isG2(p)) throw new CurveError("NOT_ON_CURVE", "operand is not a point of G2");
    const { G2: group } = this.#engine;
    const result = group.timesScalar(this.#writeG2(p), scalarBytes(scalar));
    if (group.isZero(result)) return G2_INFINITY;
    return readG2(group.toUncompressed(result));
  }

  sumG2(points: readonly G2[]): G2 {
    const { G2: group } = this.#engine;
    const total = points.reduce((sum, p) => {
      if (!this.isG2(p)) throw new CurveError("NOT_ON_CURVE", "a term is not a point of G2");
      return group.add(sum, this.#writeG2(p));
    }, group.zero);
    return group.isZero(total) ? G2_INFINITY : readG2(group.toUncompressed(total));
  }

  /** A G2 point from engine bytes (affine Montgomery, 128 bytes), checked. */
  unpackG2(bytes: Uint8Array): G2 {
    const p = readG2(this.#engine.G2.toUncompressed(bytes));
    if (!this.isG2(p)) throw new CurveError("NOT_ON_CURVE", "G2 point is off the curve or outside the subgroup");
    return p;
  }

  /** Whether Π e(a_i, b_i) = 1. Throws CurveError NOT_ON_CURVE for a point outside its group. */
  async pairingCheck(pairs: readonly (readonly [G1, G2])[]): Promise<boolean> {
    const flat: Uint8Array[] = [];
    for (const [a, b] of pairs) {
      if (!this.isG2(b)) throw new CurveError("NOT_ON_CURVE", "pairing operand is not a point of G2");
      const [left, right] = [this.#write(a), this.#writeG2(b)];
      // a pair with infinity contributes 1; the engine's Miller loop does not know infinity in G2
      if (!isInfinity(a) && !isInfinityG2(b)) flat.push(left, right);
    }
    return this.#engine.pairingEq(...flat);
  }

  #write(p: G1): Uint8Array {
    assertG1(p, "operand", true);
    const { G1: group } = this.#engine;
    if (isInfinity(p)) return group.zeroAffine;
    const words = new Uint8Array(POINT_BYTES);
    writeWord(words, 0, p.x);
    writeWord(words, 32, p.y);
    return group.fromRprUncompressed(words, 0);
  }

  #read(p: Uint8Array): G1 {
    const { G1: group } = this.#engine;
    if (group.isZero(p)) return G1_INFINITY;
    const words = group.toUncompressed(p);
    return { x: bytesToBigint(words.subarray(0, 32)), y: bytesToBigint(words.subarray(32, 64)) };
  }

  #writeG2(p: G2): Uint8Array {
    const { G2: group } = this.#engine;
    if (isInfinityG2(p)) return group.zeroAffine;
    const words = new Uint8Array(128);
    [p.xIm, p.xRe, p.yIm, p.yRe].forEach((c, i) => writeWord(words, 32 * i, c));
    return group.fromRprUncompressed(words, 0);
  }
}

function readG2(words: Uint8Array): G2 {
  const [xIm, xRe, yIm, yRe] = [0, 32, 64, 96].map((at) => bytesToBigint(words.subarray(at, at + 32)));
  return { xIm: xIm!, xRe: xRe!, yIm: yIm!, yRe: yRe! };
}

function littleEndian(value: bigint): Uint8Array {
  const out = new Uint8Array(32);
  writeWord(out, 0, value, true);
  return out;
}

const scalarBytes = (scalar: bigint): Uint8Array => littleEndian(Fr.assertCanonical(scalar, "scalar"));

/** Least w <= 16 with every centred scalar in [-2^(8w-1), 2^(8w-1)), else the full 32. */
function digitBytes(scalars: readonly bigint[]): number {
  let largest = 0n;
  for (const s of scalars) {
    const magnitude = s > FR_MODULUS >> 1n ? FR_MODULUS - s - 1n : s;
    if (magnitude > largest) largest = magnitude;
  }
  for (let width = 1; width <= 16; width++) if (largest < 1n << BigInt(8 * width - 1)) return width;
  return 32;
}
