/**
 * A key in the custody of n, any k of whom give it back: Shamir's sharing (1979) over GF(2^8), byte by byte, share i
 * being the polynomials' values at i = 1..n. k - 1 shares tell nothing, whatever anybody can compute.
 * The manifest commits to every share: a corrupt one is named before it is used. Shares that all match and still do not
 * give the committed key show that the institution dealt them wrongly.
 */
import { hexlify } from "ethers";
import { StorageError } from "../errors.ts";
import { type RandomBytes, systemRandom } from "../random.ts";
import type { Hash } from "../transcript.ts";
import { derive, KEY_BYTES, keyCommitment } from "./cipher.ts";
import type { Header, Manifest } from "./manifest.ts";

export interface KeyShare {
  /** 1..n. */
  readonly index: number;
  /** 32 bytes. */
  readonly value: Uint8Array;
}

/** a·b in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1; no branch and no table looks at a secret. */
function multiply(a: number, b: number): number {
  let product = 0;
  for (let bit = 0; bit < 8; bit++) {
    product ^= a & -((b >> bit) & 1);
    a = (a << 1) ^ (0x11b & -(a >> 7));
  }
  return product;
}

/** a^254 = 1/a. */
function invert(a: number): number {
  let power = a;
  for (let i = 0; i < 6; i++) power = multiply(multiply(power, power), a);
  return multiply(power, power);
}

/** Splits 32 bytes into n shares, any k of which give them back; 2 <= k <= n <= 255. Errors: StorageError BAD_THRESHOLD. */
export function splitKey(key: Uint8Array, k: number, n: number, random: RandomBytes = systemRandom): KeyShare[] {
  if (!Number.isInteger(k) || !Number.isInteger(n) || k < 2 || k > n || n > 255)
    throw new StorageError(
      "BAD_THRESHOLD",
      `${k} of ${n}: a threshold from 2 to the number of custodians (at most 255)`,
    );
  const coefficients = [key, ...Array.from({ length: k - 1 }, () => random(KEY_BYTES))];
  return Array.from({ length: n }, (_, at) => {
    const value = new Uint8Array(KEY_BYTES);
    for (const coefficient of coefficients.toReversed())
      value.forEach((byte, i) => (value[i] = multiply(byte, at + 1) ^ coefficient[i]!));
    return { index: at + 1, value };
  });
}

/** Lagrange interpolation at 0 over distinct shares, at least k of them. */
export function joinKey(shares: readonly KeyShare[]): Uint8Array {
  const key = new Uint8Array(KEY_BYTES);
  for (const { index, value } of shares) {
    let weight = 1;
    for (const other of shares)
      if (other.index !== index) weight = multiply(weight, multiply(other.index, invert(other.index ^ index)));
    value.forEach((byte, i) => (key[i]! ^= multiply(byte, weight)));
  }
  return key;
}

export const keyShareCommitment = (share: KeyShare, header: Header): Hash =>
  hexlify(derive(share.value, `share-${share.index}`, header));

/** Errors: StorageError CORRUPT_SHARE naming it, NO_CUSTODY. */
export function checkKeyShare(manifest: Manifest, share: KeyShare): void {
  if (manifest.custody === null)
    throw new StorageError("NO_CUSTODY", "this dataset version's key is in nobody's custody");
  if (manifest.custody.shares[share.index - 1] !== keyShareCommitment(share, manifest))
    throw new StorageError("CORRUPT_SHARE", `key share ${share.index} is not the one that the manifest commits to`);
}

/**
 * The key from shares of custodians, each checked first.
 * @throws StorageError CORRUPT_SHARE naming the share, TOO_FEW_SHARES, DEALT_WRONGLY
 */
export function recoverKey(manifest: Manifest, shares: readonly KeyShare[]): Uint8Array {
  for (const share of shares) checkKeyShare(manifest, share);
  const distinct = [...new Map(shares.map((share) => [share.index, share])).values()];
  const threshold = manifest.custody?.threshold ?? 0;
  if (distinct.length < threshold || threshold === 0)
    throw new StorageError("TOO_FEW_SHARES", `${distinct.length} of the ${threshold} key shares that it takes`);
  const key = joinKey(distinct.slice(0, threshold));
  if (keyCommitment(key, manifest) !== manifest.keyCommitment)
    throw new StorageError("DEALT_WRONGLY", "the shares are the committed ones and do not give the committed key");
  return key;
}
