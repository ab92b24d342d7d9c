import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { decryptKeystoreJson, encryptKeystoreJson, hexlify, Wallet } from "ethers";
import { z } from "zod";
import {
  bytesToBigint,
  type Curve,
  FR_MODULUS,
  G1_GENERATOR,
  type KeyPair,
  MedNexusError,
  randomNonZeroFr,
  type RandomBytes,
  systemRandom,
  wordBytes,
} from "@mednexus/sdk";

const hex32 = z.string().regex(/^0x[0-9a-f]{64}$/, "0x and 64 lower-case hex digits");
const fileSchema = z.object({ account: hex32, share: hex32 }).strict();

/** A node's two secrets: the account that acts on chain, the scalar that opens shares sent to it. */
export interface NodeKeys {
  readonly account: string;
  readonly share: bigint;
}

export function generateKeys(random: RandomBytes = systemRandom): NodeKeys {
  return { account: hexlify(random(32)), share: randomNonZeroFr(random) };
}

/** Writes a new key file, owner-readable only. Errors: `KEY_EXISTS`: a key is never overwritten. */
export function writeKeys(path: string, keys: NodeKeys): void {
  if (existsSync(path))
    throw new MedNexusError("KEY_EXISTS", `${path} exists: move it away first, it may be the only copy`);
  const text = JSON.stringify({ account: keys.account, share: hexlify(wordBytes(keys.share)) });
  writeFileSync(path, text, { mode: 0o600, flag: "wx" });
  chmodSync(path, 0o600);
}

/** Errors: `BAD_KEY_FILE` when others can read it, or it is not a key file. */
export function readKeys(path: string): NodeKeys {
  if (!existsSync(path))
    throw new MedNexusError("BAD_KEY_FILE", `${path} is not there: make it with \`mednexus hospital keygen\``);
  if (process.platform !== "win32" && (statSync(path).mode & 0o077) !== 0)
    throw new MedNexusError("BAD_KEY_FILE", `${path} can be read by others: chmod 600 it`);
  const { account, share } = readSecret(path);
  const scalar = BigInt(share);
  if (scalar === 0n || scalar >= FR_MODULUS)
    throw new MedNexusError("BAD_KEY_FILE", `${path}: the share key is not a scalar in [1, r)`);
  return { account, share: scalar };
}

/** No cause in its errors: they would quote the file. */
function readSecret(path: string): z.infer<typeof fileSchema> {
  try {
    return fileSchema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    throw new MedNexusError("BAD_KEY_FILE", `${path} is not a key file: restore it from the backup`);
  }
}

export const shareKeyPair = (curve: Curve, keys: NodeKeys): KeyPair => ({
  secret: keys.share,
  publicKey: curve.mul(G1_GENERATOR, keys.share),
});

/** Both keys under a password (scrypt, AES-128-CTR and MAC: Web3 Secret Storage, version 3), as one JSON text. */
export async function backupKeys(keys: NodeKeys, password: string): Promise<string> {
  if (password.length < 12)
    throw new MedNexusError("WEAK_PASSWORD", "the backup password needs at least 12 characters");
  const wrap = (secret: string): Promise<string> =>
    encryptKeystoreJson({ address: new Wallet(secret).address, privateKey: secret }, password);
  return JSON.stringify({
    version: 1,
    account: JSON.parse(await wrap(keys.account)),
    share: JSON.parse(await wrap(hexlify(wordBytes(keys.share)))),
  });
}

/** Errors: `BAD_BACKUP` for a wrong password or a damaged file. */
export async function restoreKeys(backup: string, password: string): Promise<NodeKeys> {
  try {
    const { account, share } = JSON.parse(backup) as { account: unknown; share: unknown };
    const open = async (part: unknown): Promise<string> =>
      (await decryptKeystoreJson(JSON.stringify(part), password)).privateKey;
    return {
      account: await open(account),
      share: bytesToBigint(Uint8Array.from(Buffer.from((await open(share)).slice(2), "hex"))),
    };
  } catch (cause) {
    throw new MedNexusError("BAD_BACKUP", "the backup does not open: wrong password, or the file is damaged", {
      cause,
    });
  }
}

export const readBackup = (path: string): string => readFileSync(path, "utf8");
