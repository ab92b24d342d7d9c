import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { getBytes } from "ethers";
import { MedNexusError } from "../../errors.ts";
import { type ReaderKeys, readerKeysOf } from "../../storage/hpke.ts";

/** Writes a new key file, owner-readable only. Errors: `KEY_EXISTS`: a key is never overwritten. */
export function writeReaderKeys(path: string, keys: ReaderKeys): void {
  if (existsSync(path))
    throw new MedNexusError("KEY_EXISTS", `${path} exists: move it away first, it may be the only copy`);
  writeFileSync(path, JSON.stringify({ secret: keys.secret }), { mode: 0o600, flag: "wx" });
}

/** Errors: `BAD_KEY_FILE` when others can read it, or it is not a key file; no cause, it would quote the file. */
export function readReaderKeys(path: string): ReaderKeys {
  if (!existsSync(path))
    throw new MedNexusError("BAD_KEY_FILE", `${path} is not there: make it with \`mednexus data keygen\``);
  if (process.platform !== "win32" && (statSync(path).mode & 0o077) !== 0)
    throw new MedNexusError("BAD_KEY_FILE", `${path} can be read by others: chmod 600 it`);
  try {
    const { secret } = JSON.parse(readFileSync(path, "utf8")) as { secret: string };
    if (!/^0x[0-9a-f]{64}$/.test(secret)) throw new Error("form");
    return readerKeysOf(getBytes(secret));
  } catch {
    throw new MedNexusError("BAD_KEY_FILE", `${path} is not a key file made by \`mednexus data keygen\``);
  }
}
