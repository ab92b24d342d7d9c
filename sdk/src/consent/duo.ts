/**
 * Data-use terms in words, and what the chain gets of them. Codes are the numbers of GA4GH's Data Use Ontology
 * (github.com/EBISPOT/DUO, duo.csv, release 2021-02-23): 45 is DUO:0000045. What the chain decides about each is said in
 * IConsentRegistry.
 */
import { getAddress, id, isAddress, keccak256, AbiCoder, ZeroHash } from "ethers";
import { z } from "zod";
import { MedNexusError } from "../errors.ts";
import type { Address, Hash } from "../transcript.ts";

export const DUO_PERMISSIONS = { NRES: 4, HMB: 6, DS: 7, POA: 11, GRU: 42 } as const;

/** Modifiers that stand for themselves; those below carry a parameter and follow from it. */
export const DUO_CLAIMS = {
  NMDS: 15,
  NPUNCU: 18,
  PUB: 19,
  COL: 20,
  IRB: 21,
  RTN: 29,
  NPOA: 44,
  NPU: 45,
  NCU: 46,
} as const;
const GS = 22;
const MOR = 24;
const TS = 25;
const US = 26;
const PS = 27;
const IS = 28;

/** Terms of DUO that no purpose of this protocol can answer, and why. */
export const DUO_REFUSED: Readonly<Record<number, string>> = {
  12: "RS: a purpose does not say what type of research it is",
  16: "GSO: a purpose does not say whether a study is genetic",
  43: "CC: it allows clinical care, which is no use of this protocol",
};

/** Entries in each list; the contract refuses more. */
const MAX_LIST = 32;
/** The contract keeps seconds in 40 bits. */
const MAX_SECOND = 2 ** 40 - 1;

const values = <T extends number>(codes: Readonly<Record<string, T>>): T[] => Object.values(codes);
const oneOf = (codes: Readonly<Record<string, number>>, what: string) =>
  z.int().refine((code) => values(codes).includes(code), { error: ({ input }) => `${String(input)} is no ${what}` });
const list = <T extends z.ZodType<string>>(entry: T) =>
  z
    .array(entry)
    .min(1)
    .max(MAX_LIST)
    .refine((entries) => new Set(entries).size === entries.length, "an entry twice");
const account = z.string().refine((text) => isAddress(text) && getAddress(text) === text, "an EIP-55 address");
const second = z.int().min(1).max(MAX_SECOND);

/** CURIE of a MONDO term. */
export const mondoCurie = z.string().regex(/^MONDO:\d{7}$/, "a MONDO CURIE such as MONDO:0018982");

/** One dataset version's terms. A list, a second or a disease that is absent restricts nothing. */
export const dataUseSchema = z
  .strictObject({
    permission: oneOf(DUO_PERMISSIONS, "DUO permission of this protocol"),
    /** Claimed modifiers, ascending. */
    modifiers: z
      .array(oneOf(DUO_CLAIMS, "DUO modifier that stands by itself"))
      .refine((codes) => codes.every((code, i) => i === 0 || code > codes[i - 1]!), "ascending, each once"),
    disease: mondoCurie.optional(),
    /** ISO 3166-1 alpha-2. */
    regions: list(z.string().regex(/^[A-Z]{2}$/, "an ISO 3166-1 alpha-2 code")).optional(),
    users: list(account).optional(),
    projects: list(z.string().min(1)).optional(),
    institutions: list(account).optional(),
    /** Unix seconds: the first and the last at which the data may be used. */
    notBefore: second.optional(),
    notAfter: second.optional(),
  })
  .refine((use) => (use.permission === DUO_PERMISSIONS.DS) === (use.disease !== undefined), {
    path: ["disease"],
    error: "a disease goes with permission 7 (DS), and only with it",
  })
  .refine((use) => use.notBefore === undefined || use.notAfter === undefined || use.notBefore <= use.notAfter, {
    path: ["notAfter"],
    error: "ends before it begins",
  });

export type DataUse = z.infer<typeof dataUseSchema>;

/** IConsentRegistry.Terms, as `setTerms` takes it. */
export interface ChainTerms {
  readonly permission: number;
  readonly modifiers: bigint;
  readonly disease: Hash;
  readonly regions: Hash[];
  readonly users: Address[];
  readonly projects: Hash[];
  readonly institutions: Address[];
  readonly notBefore: bigint;
  readonly notAfter: bigint;
}

const TERMS_TYPE =
  "tuple(uint8 permission,uint64 modifiers,bytes32 disease,bytes32[] regions,address[] users,bytes32[] projects," +
  "address[] institutions,uint64 notBefore,uint64 notAfter)";

/** Bitmap 1 << code. */
export const modifierBits = (codes: readonly number[]): bigint =>
  codes.reduce((bits, code) => bits | (1n << BigInt(code)), 0n);

/** Checks terms from outside. Throws `BAD_DATA_USE` naming every wrong field. */
export function parseDataUse(value: unknown): DataUse {
  const result = dataUseSchema.safeParse(value);
  if (result.success) return result.data;
  const found = result.error.issues.map(({ path, message }) => `${path.join(".") || "terms"}: ${message}`);
  throw new MedNexusError("BAD_DATA_USE", found.join("; "));
}

/** What the chain is told: words as their hashes, and the modifiers that parameters imply. */
export function chainTerms(use: DataUse): ChainTerms {
  const implied: [number, unknown][] = [
    [GS, use.regions],
    [MOR, use.notBefore],
    [TS, use.notAfter],
    [US, use.users],
    [PS, use.projects],
    [IS, use.institutions],
  ];
  const codes = implied.filter(([, parameter]) => parameter !== undefined).map(([code]) => code);
  return {
    permission: use.permission,
    modifiers: modifierBits([...use.modifiers, ...codes]),
    disease: use.disease === undefined ? ZeroHash : id(use.disease),
    regions: (use.regions ?? []).map(id),
    users: [...(use.users ?? [])],
    projects: (use.projects ?? []).map(id),
    institutions: [...(use.institutions ?? [])],
    notBefore: BigInt(use.notBefore ?? 0),
    notAfter: BigInt(use.notAfter ?? 0),
  };
}

/** The hash that TermsSet and termsHashOf show: whoever holds the words can check that they are the ones. */
export const dataTermsHash = (use: DataUse): Hash =>
  keccak256(AbiCoder.defaultAbiCoder().encode([TERMS_TYPE], [chainTerms(use)]));
