import type { G1, G2, VerifyingKey } from "@mednexus/sdk";
import { CircuitError } from "../manifest.ts";

/** What a build of one circuit at one size came to. */
export interface BuildRecord {
  readonly constraints: number;
  readonly wires: number;
  readonly keyHash: string;
  /** hex, of the file's bytes */
  readonly sha256: Readonly<Record<"r1cs" | "wasm" | "zkey", string>>;
}

/** A verifying key as JSON: coordinates as 32-byte hex words. */
export function encodeVerifyingKey(circuit: string, n: number, key: VerifyingKey): string {
  const { alpha, beta, gamma, delta, ic } = key;
  return `${JSON.stringify({ circuit, n, alpha, beta, gamma, delta, ic }, (_, value) => (typeof value === "bigint" ? word(value) : value), 2)}\n`;
}

/** @throws CircuitError VKEY_INVALID */
export function decodeVerifyingKey(json: string): VerifyingKey {
  try {
    const { alpha, beta, gamma, delta, ic } = JSON.parse(json);
    return {
      alpha: decodeG1(alpha),
      beta: decodeG2(beta),
      gamma: decodeG2(gamma),
      delta: decodeG2(delta),
      ic: ic.map(decodeG1),
    };
  } catch (cause) {
    throw new CircuitError("VKEY_INVALID", "not a verifying key", { cause });
  }
}

export function word(value: bigint): string {
  return `0x${value.toString(16).padStart(64, "0")}`;
}

export function decodeG1({ x, y }: Record<keyof G1, string>): G1 {
  return { x: BigInt(x), y: BigInt(y) };
}

export function decodeG2({ xIm, xRe, yIm, yRe }: Record<keyof G2, string>): G2 {
  return { xIm: BigInt(xIm), xRe: BigInt(xRe), yIm: BigInt(yIm), yRe: BigInt(yRe) };
}
