import { writeWord } from "@mednexus/sdk";
import { CircuitError } from "../manifest.ts";

/** iden3's container, as `readBinFile` reads it: magic, version, then sections of (type, 64-bit length, bytes). */
export function binaryFile(
  magic: string,
  version: number,
  sections: readonly (readonly [number, Uint8Array])[],
): Uint8Array {
  const parts = [new TextEncoder().encode(magic), u32(version), u32(sections.length)];
  for (const [type, body] of sections) {
    const length = new Uint8Array(8);
    new DataView(length.buffer).setBigUint64(0, BigInt(body.length), true);
    parts.push(u32(type), length, body);
  }
  return join(parts);
}

export function littleEndian(value: bigint): Uint8Array {
  const out = new Uint8Array(32);
  writeWord(out, 0, value, true);
  return out;
}

export function u32(value: number): Uint8Array {
  const out = new Uint8Array(4);
  new DataView(out.buffer).setUint32(0, value, true);
  return out;
}

export function split(bytes: Uint8Array, length: number): Uint8Array[] {
  if (bytes.length % length !== 0)
    throw new CircuitError("POINT_BYTES", `${bytes.length} bytes are not points of ${length}`);
  return Array.from({ length: bytes.length / length }, (_, k) => bytes.subarray(k * length, (k + 1) * length));
}

export function join(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
