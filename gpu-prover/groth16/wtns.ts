import { FR_MODULUS } from "@mednexus/sdk";
import { sectionsOf } from "./container.ts";
import { ProverError } from "./errors.ts";

/** r as eight 32-bit words, most significant first */
const ORDER = Array.from({ length: 8 }, (_, k) => Number((FR_MODULUS >> BigInt(32 * (7 - k))) & 0xffffffffn));

/**
 * The assignment in a snarkjs wtns file (version 2): 32-byte little-endian canonical words, a view of the file.
 * @throws ProverError WITNESS_MALFORMED; never names a value
 */
export function readWtns(bytes: Uint8Array): Uint8Array {
  const sections = sectionsOf(bytes, "wtns", [2], "WITNESS_MALFORMED");
  const [header, body] = [sections.get(1), sections.get(2)];
  if (header === undefined || body === undefined || header.length !== 40) return malformed("a section is missing");
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  let modulus = 0n;
  for (let k = 3; k >= 0; k--) modulus = (modulus << 64n) | view.getBigUint64(4 + 8 * k, true);
  if (view.getUint32(0, true) !== 32 || modulus !== FR_MODULUS) malformed("it is for another field");
  if (body.length !== 32 * view.getUint32(36, true)) malformed("its values are cut short");
  return checkAssignment(body);
}

/** @throws ProverError WITNESS_MALFORMED unless every word is below r and the first is one */
export function checkAssignment(words: Uint8Array): Uint8Array {
  if (words.length === 0 || words.length % 32 !== 0) malformed("its values are cut short");
  const view = new DataView(words.buffer, words.byteOffset, words.byteLength);
  for (let at = 0; at < words.length; at += 32) {
    let k = 0;
    while (k < 8 && view.getUint32(at + 28 - 4 * k, true) === ORDER[k]) k++;
    if (k === 8 || view.getUint32(at + 28 - 4 * k, true) > ORDER[k]!) malformed(`value ${at / 32} is not canonical`);
  }
  for (let k = 0; k < 32; k++) if (words[k] !== (k === 0 ? 1 : 0)) malformed("its first value is not one");
  return words;
}

const malformed = (what: string): never => {
  throw new ProverError("WITNESS_MALFORMED", `wtns file: ${what}`);
};
