/** Key files `{ "secret": "0x…" }`: a reader's key and a sealed model's holder's key are kept so. */
import { getBytes, toBeHex } from "ethers";
import { z } from "zod";
import { type SealKeyPair, sealKeysOf } from "../../sealed.ts";
import { type ReaderKeys, readerKeysOf } from "../../storage/hpke.ts";
import { field, readKeyFile, writeKeyFile } from "../config.ts";

const file = z.object({ secret: field.secret });
const readerFile = file.transform(({ secret }) => readerKeysOf(getBytes(secret)));
const sealFile = file.transform(({ secret }) => sealKeysOf(BigInt(secret)));

/** Errors: `KEY_EXISTS`. */
export const writeReaderKeys = (path: string, { secret }: ReaderKeys): void => writeKeyFile(path, { secret });

/** Errors: `BAD_KEY_FILE`. */
export const readReaderKeys = (path: string): ReaderKeys =>
  readKeyFile(path, readerFile, "make it with `mednexus data keygen`");

/** Errors: `KEY_EXISTS`. */
export const writeSealKeys = (path: string, { secret }: SealKeyPair): void =>
  writeKeyFile(path, { secret: toBeHex(secret, 32) });

/** Errors: `BAD_KEY_FILE`. */
export const readSealKeys = (path: string): SealKeyPair =>
  readKeyFile(path, sealFile, "make it with `mednexus model keygen`");
