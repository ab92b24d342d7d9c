/** Key files: `{ "secret": "0x…" }`, 32 bytes, readable by their owner only. A reader's key and a sealed model's holder's key are kept so. */
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { getBytes, toBeHex } from "ethers";
import { MedNexusError } from "../../errors.ts";
import { type SealKeyPair, sealKeysOf } from "../../sealed.ts";
import { type ReaderKeys, readerKeysOf } from "../../storage/hpke.ts";

/** Writes a new key file. Errors: `KEY_EXISTS`: a key is never overwritten. */
export const writeReaderKeys = (path: string, { secret }: ReaderKeys): void => write(path, secret);

/** Errors: `BAD_KEY_FILE`. */
export const readReaderKeys = (path: string): ReaderKeys =>
  read(path, "mednexus data keygen", (secret) => readerKeysOf(getBytes(secret)));

/** Writes a new key file. Errors: `KEY_EXISTS`. */
export const writeSealKeys = (path: string, { secret }: SealKeyPair): void => write(path, toBeHex(secret, 32));

/** Errors: `BAD_KEY_FILE`. */
export const readSealKeys = (path: string): SealKeyPair =>
  read(path, "mednexus model keygen", (secret) => sealKeysOf(BigInt(secret)));

function write(path: string, secret: string): void {
  if (existsSync(path))
    throw new MedNexusError("KEY_EXISTS", `${path} exists: move it away first, it may be the only copy`);
  writeFileSync(path, JSON.stringify({ secret }), { mode: 0o600, flag: "wx" });
}

/** When others can read it, or it is not a key file; no cause, it would quote the file. */
function read<T>(path: string, maker: string, keysOf: (secret: string) => T): T {
  if (!existsSync(path)) throw new MedNexusError("BAD_KEY_FILE", `${path} is not there: make it with \`${maker}\``);
  if (process.platform !== "win32" && (statSync(path).mode & 0o077) !== 0)
    throw new MedNexusError("BAD_KEY_FILE", `${path} can be read by others: chmod 600 it`);
  try {
    const { secret } = JSON.parse(readFileSync(path, "utf8")) as { secret: string };
    if (!/^0x[0-9a-f]{64}$/.test(secret)) throw new Error("form");
    return keysOf(secret);
  } catch {
    throw new MedNexusError("BAD_KEY_FILE", `${path} is not a key file made by \`${maker}\``);
  }
}
