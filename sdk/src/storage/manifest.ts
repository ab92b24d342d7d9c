/**
 * What a stored dataset version is, in public words: nothing here tells about its content but its size, record count
 * and schema. The canonical JSON (RFC 8785) is stored like any other content, and its storage root is the manifest
 * hash on chain: whoever reads the chain can fetch the manifest, and from it the ciphertext.
 * `format` fixes every algorithm (chunks, nonces, key derivation, wrapping, hashes). There is no field to negotiate one,
 * and a reader accepts this format or nothing.
 */
import canonicalize from "canonicalize";
import { getBytes, toUtf8Bytes } from "ethers";
import { sha256 } from "@noble/hashes/sha2.js";
import { z } from "zod";
import { StorageError } from "../errors.ts";
import type { Address, Hash } from "../transcript.ts";
import { storageRoot } from "./root.ts";

export const FORMAT = "mednexus-dataset-1";

/** JSON by RFC 8785. Values are plain JSON: integers within 2^53, no undefined. */
export const canonicalJson = (value: unknown): string => {
  const text = canonicalize(value);
  if (text === undefined) throw new StorageError("BAD_JSON", "not a JSON value");
  return text;
};

const hash = z.string().regex(/^0x[0-9a-f]{64}$/, "expected 0x and 64 lower-case hex digits");
const address = z.string().regex(/^0x[0-9a-f]{40}$/, "expected 0x and 40 lower-case hex digits");
const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

/** What a version is before it is encrypted. Every chunk is bound to all of it. */
const headerShape = {
  format: z.literal(FORMAT),
  chainId: count.min(1),
  /** The dataset registry's address, lower case. */
  registry: address,
  institution: address,
  /** 32 random bytes, the same for all versions of a dataset. Its number on chain is not known yet when it is encrypted. */
  dataset: hash,
  /** 1, 2, …: the same number as on chain. */
  version: count.min(1).max(2 ** 32 - 1),
  /** Plaintext bytes. */
  size: count,
};

const headerSchema = z.strictObject(headerShape);

/** Custody of the key: any `threshold` of the shares give it back; `shares` commit to each of them. */
const custodySchema = z
  .strictObject({ threshold: count.min(2).max(255), shares: z.array(hash).min(2).max(255) })
  .refine(({ threshold, shares }) => threshold <= shares.length, "a threshold above the number of shares");

export const manifestSchema = z.strictObject({
  ...headerShape,
  /** Manifest hash of the version before, null for the first. */
  previous: hash.nullable(),
  schema: hash,
  records: count.min(1),
  /** 0G Merkle root of the ciphertext. */
  root: hash,
  /** What a candidate key is checked against; tells nothing about a uniform key. */
  keyCommitment: hash,
  custody: custodySchema.nullable(),
  /** 32 random bytes: no field of a manifest can be guessed from its hash. */
  salt: hash,
});

export type Header = z.infer<typeof headerSchema>;
export type Manifest = z.infer<typeof manifestSchema>;

/** The header's own fields of anything that carries them. */
export const headerOf = (source: Header): Header => ({
  format: source.format,
  chainId: source.chainId,
  registry: source.registry,
  institution: source.institution,
  dataset: source.dataset,
  version: source.version,
  size: source.size,
});

/** SHA-256 of the canonical header: what chunks, key commitments and shares are bound to. */
export const headerHash = (header: Header): Uint8Array =>
  sha256(toUtf8Bytes(canonicalJson(headerSchema.parse(headerOf(header)))));

export const encodeManifest = (manifest: Manifest): Uint8Array =>
  toUtf8Bytes(canonicalJson(manifestSchema.parse(manifest)));

export const manifestHash = (manifest: Manifest): Promise<Hash> => storageRoot(encodeManifest(manifest));

/** Parses canonical JSON of a schema, and nothing but: other bytes of the same meaning would have another hash. */
export function decodeCanonical<T>(bytes: Uint8Array, schema: z.ZodType<T>, what: string): T {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    throw new StorageError("BAD_DOCUMENT", `${what} is not JSON`);
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new StorageError("BAD_DOCUMENT", `${what}: ${issue?.path.join(".") || "root"}: ${issue?.message}`);
  }
  const again = toUtf8Bytes(canonicalJson(value));
  if (again.length !== bytes.length || again.some((byte, i) => byte !== bytes[i]))
    throw new StorageError("BAD_DOCUMENT", `${what} is not in canonical form (RFC 8785)`);
  return parsed.data;
}

/**
 * Reads a manifest that was asked for by its hash.
 * @throws StorageError UNKNOWN_FORMAT, BAD_DOCUMENT, MANIFEST_MISMATCH
 */
export async function decodeManifest(bytes: Uint8Array, expected: Hash): Promise<Manifest> {
  if ((await storageRoot(bytes)) !== expected)
    throw new StorageError("MANIFEST_MISMATCH", `this is not the manifest ${expected}`);
  const { format } = decodeCanonical(bytes, z.looseObject({ format: z.unknown() }), "manifest");
  if (format !== FORMAT) throw new StorageError("UNKNOWN_FORMAT", `a manifest of another format than ${FORMAT}`);
  return decodeCanonical(bytes, manifestSchema, "manifest");
}

/** A dataset version as the registry knows it. */
export interface RegisteredVersion {
  readonly chainId: number;
  readonly registry: Address;
  readonly institution: Address;
  readonly version: number;
  readonly currentVersion: number;
  readonly manifestHash: Hash;
  readonly storageRoot: Hash;
  readonly schemaHash: Hash;
  readonly recordCount: bigint;
}

/**
 * Whether a manifest is the one on chain for this version, in every field the chain knows. A version below the chain's
 * current one is refused unless asked for by number.
 * @throws StorageError ROLLED_BACK, CHAIN_MISMATCH naming the field
 */
export async function checkAgainstChain(
  manifest: Manifest,
  chain: RegisteredVersion,
  options: { readonly allowOld?: boolean } = {},
): Promise<void> {
  if (manifest.version < chain.currentVersion && options.allowOld !== true)
    throw new StorageError(
      "ROLLED_BACK",
      `this is version ${manifest.version}, the chain is at version ${chain.currentVersion}`,
    );
  const wanted: [string, unknown, unknown][] = [
    ["version", manifest.version, chain.version],
    ["manifestHash", await manifestHash(manifest), chain.manifestHash],
    ["storageRoot", manifest.root, chain.storageRoot],
    ["schemaHash", manifest.schema, chain.schemaHash],
    ["recordCount", BigInt(manifest.records), chain.recordCount],
    ["chainId", manifest.chainId, chain.chainId],
    ["registry", manifest.registry, chain.registry.toLowerCase()],
    ["institution", manifest.institution, chain.institution.toLowerCase()],
  ];
  for (const [field, mine, theirs] of wanted)
    if (mine !== theirs) throw new StorageError("CHAIN_MISMATCH", `the chain has another ${field} for this dataset`);
}

/** 32 bytes as lower-case hex and back, as documents carry them. */
export const hashBytes = (value: Hash): Uint8Array => getBytes(value);
