import { FR_MODULUS, readBinFile, type Refuse } from "@mednexus/sdk";
import { ProverError } from "./errors.ts";

/** r as eight 32-bit words, most significant first */
const ORDER = Array.from({ length: 8 }, (_, k) => Number((FR_MODULUS >> BigInt(32 * (7 - k))) & 0xffffffffn));

/**
 * The assignment in a snarkjs wtns file (version 2): 32-byte little-endian canonical words, a view of the file.
 * @throws ProverError WITNESS_MALFORMED; never names a value
 */
export function readWtns(bytes: Uint8Array): Uint8Array {
  const section = readBinFile(bytes, "wtns", 2, malformed);
  const [header, body] = [section(1), section(2)];
  if (header.u32() !== 32 || header.word() !== FR_MODULUS) throw malformed("it is for another field");
  if (body.left !== 32 * header.u32()) throw malformed("its values are cut short");
  return checkAssignment(body.bytes);
}

/** @throws ProverError WITNESS_MALFORMED unless every word is below r and the first is one */
export function checkAssignment<T extends Uint8Array>(words: T): T {
  if (words.length === 0 || words.length % 32 !== 0) throw malformed("its values are cut short");
  const view = new DataView(words.buffer, words.byteOffset, words.byteLength);
  for (let at = 0; at < words.length; at += 32) {
    let k = 0;
    while (k < 8 && view.getUint32(at + 28 - 4 * k, true) === ORDER[k]) k++;
    if (k === 8 || view.getUint32(at + 28 - 4 * k, true) > ORDER[k]!)
      throw malformed(`value ${at / 32} is not canonical`);
  }
  for (let k = 0; k < 32; k++) if (words[k] !== (k === 0 ? 1 : 0)) throw malformed("its first value is not one");
  return words;
}

const malformed: Refuse = (why) => new ProverError("WITNESS_MALFORMED", `wtns file: ${why}`);
