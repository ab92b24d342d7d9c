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
import { field, readKeyFile, writeKeyFile } from "@mednexus/sdk/node";

const fileSchema = z.strictObject({ account: field.secret, share: field.secret });

/** A node's two secrets: the account that acts on chain, the scalar that opens shares sent to it. */
export interface NodeKeys {
  readonly account: string;
  readonly share: bigint;
}

export function generateKeys(random: RandomBytes = systemRandom): NodeKeys {
  return { account: hexlify(random(32)), share: randomNonZeroFr(random) };
}

/** See writeKeyFile. */
export const writeKeys = (path: string, { account, share }: NodeKeys): void =>
  writeKeyFile(path, { account, share: hexlify(wordBytes(share)) });

/** Errors: `BAD_KEY_FILE`, see readKeyFile. */
export function readKeys(path: string): NodeKeys {
  const remedy = "make it with `mednexus hospital keygen`, or restore it from the backup";
  const { account, share } = readKeyFile(path, fileSchema, remedy);
  const scalar = BigInt(share);
  if (scalar === 0n || scalar >= FR_MODULUS)
    throw new MedNexusError("BAD_KEY_FILE", `${path}: the share key is not a scalar in [1, r)`);
  return { account, share: scalar };
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
