/**
 * FHIR R5 Consent (https://hl7.org/fhir/R5/consent.html) in and out. What a Consent says about the use of data becomes
 * DUO terms; whom it is about stays in a record that never leaves the institution. Nothing is guessed: an element that
 * does not map is refused by its path, all of them at once, and an element that may be ignored only by its name here.
 *
 * The one form that maps, and that `toFhir` writes: `decision` deny, one `provision` as its exception, in which
 *   purpose   DUO terms: one permission, and modifiers that stand by themselves
 *   action    use (consentaction)
 *   code      the MONDO term of DUO:0000007
 *   period    DUO:0000024 (start) and DUO:0000025 (end), instants with a zone; Consent.period is read, too
 *   actor     one each parameter; role the DUO term: 22 region (ISO 3166), 26 user and 28 institution (accounts), 27 project
 * In → out → in is exact; out → in → out but for display texts, the order of actors and the notation of instants.
 */
import { z } from "zod";
import { MedNexusError } from "../errors.ts";
import { DUO_CLAIMS, mondoCurie, type DataUse, dataUseSchema, DUO_PERMISSIONS, DUO_REFUSED } from "./duo.ts";

export const FHIR_SYSTEMS = {
  duo: "http://purl.obolibrary.org/obo/duo.owl",
  mondo: "http://purl.obolibrary.org/obo/mondo.owl",
  action: "http://terminology.hl7.org/CodeSystem/consentaction",
  region: "urn:iso:std:iso:3166",
  account: "https://eips.ethereum.org/EIPS/eip-55",
} as const;

// --- R5, as far as it is read. Strict everywhere: an unknown element is an error with its path.

const text = z.string().min(1);
const coding = z.strictObject({
  system: text.optional(),
  version: text.optional(),
  code: text.optional(),
  display: text.optional(),
});
const concept = z.strictObject({ coding: z.array(coding).min(1).optional(), text: text.optional() });
const identifier = z.strictObject({
  use: text.optional(),
  type: concept.optional(),
  system: text.optional(),
  value: text.optional(),
});
const reference = z.strictObject({
  reference: text.optional(),
  type: text.optional(),
  identifier: identifier.optional(),
  display: text.optional(),
});
const dateTime = z
  .string()
  .regex(/^\d{4}(-\d\d(-\d\d(T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d))?)?)?$/, "not a FHIR dateTime");
const period = z.strictObject({ start: dateTime.optional(), end: dateTime.optional() });
const provision = z.strictObject({
  period: period.optional(),
  actor: z
    .array(z.strictObject({ role: concept.optional(), reference: reference.optional() }))
    .min(1)
    .optional(),
  action: z.array(concept).min(1).optional(),
  securityLabel: z.array(coding).min(1).optional(),
  purpose: z.array(coding).min(1).optional(),
  documentType: z.array(coding).min(1).optional(),
  resourceType: z.array(coding).min(1).optional(),
  code: z.array(concept).min(1).optional(),
  dataPeriod: period.optional(),
  data: z.array(z.unknown()).min(1).optional(),
  expression: z.unknown().optional(),
  /** Exceptions to the exception: named, never read. */
  provision: z.array(z.unknown()).min(1).optional(),
});

/** Kept as written, read by nobody but its institution. */
const recordShape = {
  id: text.optional(),
  meta: z
    .strictObject({
      versionId: text.optional(),
      lastUpdated: text.optional(),
      source: text.optional(),
      profile: z.array(text).optional(),
      tag: z.array(coding).optional(),
    })
    .optional(),
  language: text.optional(),
  text: z.strictObject({ status: text, div: z.string() }).optional(),
  identifier: z.array(identifier).min(1).optional(),
  category: z.array(concept).min(1).optional(),
  subject: reference.optional(),
  date: dateTime.optional(),
  grantor: z.array(reference).min(1).optional(),
  grantee: z.array(reference).min(1).optional(),
  manager: z.array(reference).min(1).optional(),
  controller: z.array(reference).min(1).optional(),
  sourceAttachment: z.array(z.record(z.string(), z.unknown())).min(1).optional(),
  sourceReference: z.array(reference).min(1).optional(),
  regulatoryBasis: z.array(concept).min(1).optional(),
  policyText: z.array(reference).min(1).optional(),
  verification: z
    .array(
      z.strictObject({
        verified: z.boolean(),
        verificationType: concept.optional(),
        verifiedBy: reference.optional(),
        verifiedWith: reference.optional(),
        verificationDate: z.array(dateTime).optional(),
      }),
    )
    .min(1)
    .optional(),
};

/** Who, when and on what legal ground: everything of a Consent that is not its terms. */
export const consentRecordSchema = z.strictObject(recordShape);
export type ConsentRecord = z.infer<typeof consentRecordSchema>;

export const fhirConsentSchema = z.strictObject({
  resourceType: z.literal("Consent"),
  ...recordShape,
  status: z.enum(["draft", "active", "inactive", "not-done", "entered-in-error", "unknown"]),
  period: period.optional(),
  policyBasis: z.strictObject({ reference: reference.optional(), url: text.optional() }).optional(),
  decision: z.enum(["deny", "permit"]).optional(),
  provision: z.array(provision).min(1).optional(),
});
export type FhirConsent = z.infer<typeof fhirConsentSchema>;
type Provision = z.infer<typeof provision>;
type Actor = NonNullable<Provision["actor"]>[number];

// --- refusals

export interface Refusal {
  /** FHIRPath of the element, e.g. Consent.provision[0].securityLabel. */
  readonly path: string;
  readonly why: string;
}

/** A Consent that does not map, with every element that stands in the way. */
export class FhirError extends MedNexusError {
  readonly refusals: readonly Refusal[];

  constructor(refusals: readonly Refusal[]) {
    super("FHIR_REFUSED", refusals.map(({ path, why }) => `${path}: ${why}`).join("\n"));
    this.refusals = refusals;
  }
}

/** Elements of R5 that change or may change what is allowed, and why this protocol cannot follow them. */
const UNMAPPED: Readonly<Record<string, string>> = {
  securityLabel: "data are used whole: a registry does not see labels",
  documentType: "data are used whole: a registry does not see documents",
  resourceType: "data are used whole: a registry does not see resources",
  dataPeriod: "data are used whole: a registry does not see dates of rows",
  data: "data are used whole: a registry does not see single resources",
  expression: "computed rules are not evaluated",
  provision: "exceptions to what is permitted have no DUO term",
};

function fhirPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (at, key) => (typeof key === "number" ? `${at}[${key}]` : `${at}.${String(key)}`),
    "Consent",
  );
}

// --- in

/** Terms and record of a FHIR R5 Consent. Throws FhirError (`FHIR_REFUSED`) with all refusals. */
export function fromFhir(value: unknown): { use: DataUse; record: ConsentRecord } {
  const parsed = fhirConsentSchema.safeParse(value);
  if (!parsed.success) {
    throw new FhirError(
      parsed.error.issues.flatMap((issue) =>
        issue.code === "unrecognized_keys"
          ? issue.keys.map((key) => ({ path: fhirPath([...issue.path, key]), why: "not an element that is read here" }))
          : [{ path: fhirPath(issue.path), why: issue.message }],
      ),
    );
  }
  const {
    resourceType: _,
    status,
    decision,
    period: whole,
    policyBasis,
    provision: provisions,
    ...record
  } = parsed.data;
  const refusals: Refusal[] = [];
  const refuse = (why: string, ...path: PropertyKey[]) => void refusals.push({ path: fhirPath(path), why });

  if (status !== "active") refuse(`${status} gives no consent; one that has ended is revoked, not imported`, "status");
  if (policyBasis !== undefined) refuse("another policy's rules are not read", "policyBasis");
  record.verification?.forEach(({ verified }, i) => {
    if (!verified) refuse("not verified", "verification", i, "verified");
  });
  if (decision !== "deny")
    refuse("only deny with one permitted exception maps: what no term names is refused", "decision");
  const [permitted, ...more] = provisions ?? [];
  if (permitted === undefined) refuse("nothing is permitted", "provision");
  more.forEach((_, i) => refuse("one consent maps to one use", "provision", i + 1));
  const use = permitted === undefined ? undefined : readProvision(permitted, whole, subjectWords(record), refuse);
  if (refusals.length > 0 || use === undefined) throw new FhirError(refusals);
  const checked = dataUseSchema.safeParse(use);
  if (!checked.success)
    throw new FhirError(
      checked.error.issues.map(({ path, message }) => ({
        path: "Consent.provision[0]",
        why: `${path.join(".")}: ${message}`,
      })),
    );
  return { use: checked.data, record };
}

/** Checks JSON text first. Throws FhirError. */
export function parseFhir(json: string): ReturnType<typeof fromFhir> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new FhirError([{ path: "Consent", why: "not JSON" }]);
  }
  return fromFhir(value);
}

type Refuse = (why: string, ...path: PropertyKey[]) => void;

function readProvision(
  it: Provision,
  whole: Provision["period"],
  subject: ReadonlySet<string>,
  refuseAt: Refuse,
): DataUse {
  const refuse: Refuse = (why, ...path) => refuseAt(why, "provision", 0, ...path);
  for (const [name, why] of Object.entries(UNMAPPED)) if (it[name as keyof Provision] !== undefined) refuse(why, name);

  if (it.action?.length !== 1 || !isCode(it.action[0], FHIR_SYSTEMS.action, "use"))
    refuse("exactly the action use of consentaction maps", "action");

  const codes = (it.purpose ?? []).map((one, i) => duoCode(one, (why) => refuse(why, "purpose", i)));
  const known = codes.filter((code) => code !== undefined);
  const permissions = known.filter((code) => PERMISSION_CODES.has(code));
  if (permissions.length !== 1 && !codes.includes(undefined)) refuse("exactly one DUO permission is needed", "purpose");
  const modifiers = known.filter((code) => !PERMISSION_CODES.has(code)).sort((a, b) => a - b);
  if (new Set(modifiers).size !== modifiers.length) refuse("a DUO modifier twice", "purpose");

  if (it.period !== undefined && whole !== undefined) refuse("a second time frame beside Consent.period", "period");
  const time = (end: "start" | "end", written?: string): number | undefined => {
    if (written === undefined) return undefined;
    const at = secondOf(written);
    if (at !== undefined) return at;
    if (it.period !== undefined) refuse("needs a whole second and a time zone", "period", end);
    else refuseAt("needs a whole second and a time zone", "period", end);
    return undefined;
  };
  const frame = it.period ?? whole;
  const disease = diseaseOf(it.code, refuse);
  const lists = new Map<number, string[]>();
  it.actor?.forEach((actor, i) => readActor(actor, lists, subject, (why, ...path) => refuse(why, "actor", i, ...path)));

  const use: Record<string, unknown> = {
    permission: permissions[0] ?? 0,
    modifiers,
    disease,
    notBefore: time("start", frame?.start),
    notAfter: time("end", frame?.end),
  };
  for (const { code, list } of ACTORS) use[list] = lists.get(code);
  return Object.fromEntries(Object.entries(use).filter(([, value]) => value !== undefined)) as unknown as DataUse;
}

const PERMISSION_CODES = new Set<number>(Object.values(DUO_PERMISSIONS));
const CLAIM_CODES = new Set<number>(Object.values(DUO_CLAIMS));
/** Parameters with a list, in the order in which they are written. */
const ACTORS = [
  { code: 22, list: "regions", system: FHIR_SYSTEMS.region },
  { code: 26, list: "users", system: FHIR_SYSTEMS.account },
  { code: 27, list: "projects", system: undefined },
  { code: 28, list: "institutions", system: FHIR_SYSTEMS.account },
] as const;

const duoTerm = (code: number): string => `DUO:${String(code).padStart(7, "0")}`;

function duoCode(one: z.infer<typeof coding>, refuse: (why: string) => void): number | undefined {
  const digits = one.system === FHIR_SYSTEMS.duo ? /^DUO:(\d{7})$/.exec(one.code ?? "")?.[1] : undefined;
  const code = Number(digits);
  if (digits === undefined) refuse(`${one.system ?? "no system"}|${one.code ?? ""} is no DUO term`);
  else if (PERMISSION_CODES.has(code) || CLAIM_CODES.has(code)) return code;
  else if (code === 24 || code === 25) refuse(`${duoTerm(code)} is written as the provision's period`);
  else if (ACTORS.some((actor) => actor.code === code)) refuse(`${duoTerm(code)} is written as actors with this role`);
  else refuse(DUO_REFUSED[code] ?? `${duoTerm(code)} is not known`);
  return undefined;
}

function isCode(one: z.infer<typeof concept> | undefined, system: string, code: string): boolean {
  const [only, ...more] = one?.coding ?? [];
  return more.length === 0 && only?.system === system && only.code === code;
}

function diseaseOf(codes: Provision["code"], refuse: Refuse): string | undefined {
  if (codes === undefined) return undefined;
  const [only, ...more] = codes;
  const [first, ...others] = only?.coding ?? [];
  if (
    more.length > 0 ||
    others.length > 0 ||
    first?.system !== FHIR_SYSTEMS.mondo ||
    !mondoCurie.safeParse(first.code).success
  )
    refuse("only one MONDO term maps, as the disease of DUO:0000007", "code");
  return first?.code;
}

function readActor(actor: Actor, lists: Map<number, string[]>, subject: ReadonlySet<string>, refuse: Refuse): void {
  const kind = ACTORS.find(({ code }) => isCode(actor.role, FHIR_SYSTEMS.duo, duoTerm(code)));
  if (kind === undefined) {
    refuse("only roles that are DUO terms with a parameter map (22, 26, 27, 28)", "role");
    return;
  }
  const { identifier: named, display: _, ...rest } = actor.reference ?? {};
  const { system, value, ...unread } = named ?? {};
  if (Object.keys(rest).length > 0 || Object.keys(unread).length > 0 || system !== kind.system || value === undefined)
    refuse(
      `needs an identifier ${kind.system === undefined ? "without a system" : `of ${kind.system}`}, nothing else`,
      "reference",
    );
  else if (subject.has(value)) refuse("names the subject, who never goes on chain", "reference");
  else lists.set(kind.code, [...(lists.get(kind.code) ?? []), value]);
}

/** Every string that stands for the person. */
function subjectWords({ id, identifier: own, subject, grantor }: ConsentRecord): ReadonlySet<string> {
  const words = new Set<string>();
  for (const one of own ?? []) if (one.value !== undefined) words.add(one.value);
  for (const one of [subject, ...(grantor ?? [])])
    for (const word of [one?.reference, one?.reference?.split("/").at(-1), one?.display, one?.identifier?.value])
      if (word !== undefined) words.add(word);
  if (id !== undefined) words.add(id);
  return words;
}

/** Unix seconds of a whole second with a zone; undefined for anything less exact, and for days that no month has. */
function secondOf(written: string): number | undefined {
  const [, day] = /^(\d{4}-\d\d-\d\d)T\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)$/.exec(written) ?? [];
  const exists = day !== undefined && new Date(`${day}T00:00:00Z`).getUTCDate() === Number(day.slice(-2));
  const at = Date.parse(written) / 1000;
  return exists && Number.isSafeInteger(at) ? at : undefined;
}

// --- out

const instant = (seconds: number): string => new Date(seconds * 1000).toISOString().replace(".000Z", "Z");

/** The FHIR R5 Consent of checked terms and a record: `fromFhir` reads it back to the same two. */
export function toFhir(use: DataUse, record: ConsentRecord = {}): FhirConsent {
  const duo = (code: number) => ({ system: FHIR_SYSTEMS.duo, code: duoTerm(code) });
  const actors = ACTORS.flatMap(({ code, list, system }) =>
    (use[list] ?? []).map((value) => ({
      role: { coding: [duo(code)] },
      reference: { identifier: system === undefined ? { value } : { system, value } },
    })),
  );
  const frame = {
    ...(use.notBefore === undefined ? {} : { start: instant(use.notBefore) }),
    ...(use.notAfter === undefined ? {} : { end: instant(use.notAfter) }),
  };
  return {
    resourceType: "Consent",
    ...record,
    status: "active",
    decision: "deny",
    provision: [
      {
        ...(Object.keys(frame).length === 0 ? {} : { period: frame }),
        ...(actors.length === 0 ? {} : { actor: actors }),
        action: [{ coding: [{ system: FHIR_SYSTEMS.action, code: "use" }] }],
        purpose: [use.permission, ...use.modifiers].map(duo),
        ...(use.disease === undefined
          ? {}
          : { code: [{ coding: [{ system: FHIR_SYSTEMS.mondo, code: use.disease }] }] }),
      },
    ],
  };
}
