import { Fq, type G1, type G2, type Proof, readWord } from "@mednexus/sdk";
import type { Groth16Proof } from "snarkjs";

/** Sizes in bytes of an affine point in ffjavascript's layout: little-endian Montgomery coordinates of radix 2^256, real part first. */
export const G1_BYTES = 64;
export const G2_BYTES = 128;

const OVER_RADIX = Fq.inverse(2n ** 256n % Fq.modulus);

const coordinate = (bytes: Uint8Array, k: number): bigint => Fq.mul(readWord(bytes, 32 * k, true), OVER_RADIX);

/** A point as snarkjs's files hold it, unchecked. */
export const readG1 = (bytes: Uint8Array): G1 => ({ x: coordinate(bytes, 0), y: coordinate(bytes, 1) });
export const readG2 = (bytes: Uint8Array): G2 => ({
  xIm: coordinate(bytes, 1),
  xRe: coordinate(bytes, 0),
  yIm: coordinate(bytes, 3),
  yRe: coordinate(bytes, 2),
});

/** A point as snarkjs's JSON holds it: decimal strings, projective with Z = 1, real part first. */
export const parseG1 = ([x, y]: readonly string[]): G1 => ({ x: BigInt(x!), y: BigInt(y!) });
export const parseG2 = ([x, y]: readonly (readonly string[])[]): G2 => ({
  xIm: BigInt(x![1]!),
  xRe: BigInt(x![0]!),
  yIm: BigInt(y![1]!),
  yRe: BigInt(y![0]!),
});

/** snarkjs's proof.json. */
export const fromSnarkjs = ({ pi_a, pi_b, pi_c }: Groth16Proof): Proof => ({
  a: parseG1(pi_a),
  b: parseG2(pi_b),
  c: parseG1(pi_c),
});

export const toSnarkjs = ({ a, b, c }: Proof): Groth16Proof => ({
  pi_a: [`${a.x}`, `${a.y}`, "1"],
  pi_b: [
    [`${b.xRe}`, `${b.xIm}`],
    [`${b.yRe}`, `${b.yIm}`],
    ["1", "0"],
  ],
  pi_c: [`${c.x}`, `${c.y}`, "1"],
  protocol: "groth16",
  curve: "bn128",
});
