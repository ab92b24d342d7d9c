/**
 * A key, or a custodian's share of it, sealed to one reader of one dataset version. Envelopes are public documents: they
 * do not name their reader, and two of them cannot be seen to be for the same one.
 */
import { getBytes, hexlify, toUtf8Bytes } from "ethers";
import { z } from "zod";
import { StorageError } from "../errors.ts";
import type { Hash } from "../transcript.ts";
import { keyCommitment } from "./cipher.ts";
import { checkKeyShare, type KeyShare } from "./custody.ts";
import { openSealed, type ReaderKeys, sealTo } from "./hpke.ts";
import { canonicalJson, decodeCanonical, type Manifest, manifestHash } from "./manifest.ts";

export const ENVELOPE_FORMAT = "mednexus-envelope-1";

const envelopeSchema = z.strictObject({
  format: z.literal(ENVELOPE_FORMAT),
  /** Manifest hash of the version it opens. */
  manifest: z.string().regex(/^0x[0-9a-f]{64}$/),
  /** 1..n: a custodian's share; null: the key itself. */
  share: z.number().int().min(1).max(255).nullable(),
  sealed: z.string().regex(/^0x[0-9a-f]{160}$/),
});

export type Envelope = z.infer<typeof envelopeSchema>;

/** What HPKE binds: this use, version, reader and share. The manifest hash stands for everything the manifest says. */
const bound = (manifest: Hash, share: number | null, reader: Hash): Uint8Array =>
  toUtf8Bytes(canonicalJson({ format: ENVELOPE_FORMAT, manifest, reader, share }));

async function wrap(manifest: Manifest, reader: Hash, secret: Uint8Array, share: number | null): Promise<Envelope> {
  const hash = await manifestHash(manifest);
  return {
    format: ENVELOPE_FORMAT,
    manifest: hash,
    share,
    sealed: hexlify(await sealTo(reader, bound(hash, share, reader), secret)),
  };
}

/** Seals a version's key to a reader, after checking that it is that key. Errors: StorageError WRONG_KEY, BAD_READER_KEY. */
export async function wrapKey(manifest: Manifest, reader: Hash, key: Uint8Array): Promise<Envelope> {
  checkKey(manifest, key);
  return wrap(manifest, reader, key, null);
}

/** Seals a share to a custodian, or from a custodian to who may open. Errors: StorageError CORRUPT_SHARE, BAD_READER_KEY. */
export async function wrapShare(manifest: Manifest, reader: Hash, share: KeyShare): Promise<Envelope> {
  checkKeyShare(manifest, share);
  return wrap(manifest, reader, share.value, share.index);
}

async function unwrap(keys: ReaderKeys, manifest: Manifest, envelope: Envelope): Promise<Uint8Array> {
  const hash = await manifestHash(manifest);
  if (envelope.manifest !== hash)
    throw new StorageError("OTHER_VERSION", "the envelope is for another dataset version");
  return openSealed(keys, bound(hash, envelope.share, keys.publicKey), getBytes(envelope.sealed));
}

/** Errors: StorageError OTHER_VERSION, CANNOT_OPEN, WRONG_KEY; IS_SHARE where it holds a share. */
export async function openKey(keys: ReaderKeys, manifest: Manifest, envelope: Envelope): Promise<Uint8Array> {
  if (envelope.share !== null)
    throw new StorageError("IS_SHARE", `the envelope holds key share ${envelope.share}, not the key`);
  const key = await unwrap(keys, manifest, envelope);
  checkKey(manifest, key);
  return key;
}

/** Errors: StorageError OTHER_VERSION, CANNOT_OPEN, CORRUPT_SHARE; IS_KEY where it holds the key. */
export async function openShare(keys: ReaderKeys, manifest: Manifest, envelope: Envelope): Promise<KeyShare> {
  if (envelope.share === null) throw new StorageError("IS_KEY", "the envelope holds the key, not a share of it");
  const share = { index: envelope.share, value: await unwrap(keys, manifest, envelope) };
  checkKeyShare(manifest, share);
  return share;
}

/** Errors: StorageError WRONG_KEY. */
export function checkKey(manifest: Manifest, key: Uint8Array): void {
  if (keyCommitment(key, manifest) !== manifest.keyCommitment)
    throw new StorageError("WRONG_KEY", "this is not the key that the manifest commits to");
}

export const encodeEnvelope = (envelope: Envelope): Uint8Array =>
  toUtf8Bytes(canonicalJson(envelopeSchema.parse(envelope)));

/** Errors: StorageError BAD_DOCUMENT. */
export const decodeEnvelope = (bytes: Uint8Array): Envelope => decodeCanonical(bytes, envelopeSchema, "envelope");
