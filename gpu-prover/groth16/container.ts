import { ProverError } from "./errors.ts";

/**
 * Sections of one of iden3's binary files (magic, version, count, then type, 64-bit length, bytes), by type; the first of a type counts.
 * Source: iden3 binfileutils. @throws ProverError `code` if the file is not one, or is cut short
 */
export function sectionsOf(
  bytes: Uint8Array,
  magic: string,
  versions: readonly number[],
  code: string,
): Map<number, Uint8Array> {
  const fail = (what: string): never => {
    throw new ProverError(code, `${magic} file: ${what}`);
  };
  if (bytes.length < 12 || new TextDecoder().decode(bytes.subarray(0, 4)) !== magic) fail("wrong magic bytes");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint32(4, true);
  if (!versions.includes(version)) fail(`version ${version} is not supported`);
  const sections = new Map<number, Uint8Array>();
  let at = 12;
  for (let k = view.getUint32(8, true); k > 0; k--) {
    if (at + 12 > bytes.length) fail("cut short");
    const length = Number(view.getBigUint64(at + 4, true));
    if (at + 12 + length > bytes.length) fail("cut short");
    const type = view.getUint32(at, true);
    if (!sections.has(type)) sections.set(type, bytes.subarray(at + 12, at + 12 + length));
    at += 12 + length;
  }
  return sections;
}
