import { readFileSync } from "node:fs";
import { expect } from "chai";
import { getAddress, hexlify, id, toUtf8Bytes } from "ethers";
import { seededRandom } from "../../../test/vectors/seeded.ts";
import { chainTerms, type DataUse, dataTermsHash, DUO_CLAIMS, DUO_PERMISSIONS, parseDataUse } from "./duo.ts";
import { type ConsentRecord, FHIR_SYSTEMS, type FhirConsent, FhirError, fromFhir, parseFhir, toFhir } from "./fhir.ts";

const { examples } = JSON.parse(
  readFileSync(new URL("../../../test/vectors/fhirConsents.json", import.meta.url), "utf8"),
) as { examples: { id: string }[] };

const refusalsOf = (value: unknown): string[] => {
  try {
    fromFhir(value);
  } catch (error) {
    if (error instanceof FhirError) return error.refusals.map(({ path }) => path);
    throw error;
  }
  return [];
};

/** HL7's own R5 examples are consents to care: none speaks of research in DUO terms. Each is refused, by these names. */
const PERMIT = "Consent.decision";
const NO_USE = ["Consent.provision[0].action", "Consent.provision[0].purpose"];
const actor = (i = 0) => `Consent.provision[0].actor[${i}].role`;
const EXPECTED: Record<string, string[]> = {
  "consent-example-CDA": [PERMIT, "Consent.provision[0].provision", ...NO_USE, ...time(), actor()],
  "consent-example-Emergency": ["Consent.provision[0].provision", ...NO_USE, actor()],
  "consent-example-Out": [PERMIT, ...NO_USE, actor()],
  "consent-example-basic": [...NO_USE, ...time()],
  "consent-example-grantor": [...NO_USE, actor(), actor(1)],
  "consent-example-notAuthor": [PERMIT, ...NO_USE, actor()],
  "consent-example-notOrg": [PERMIT, ...NO_USE, actor()],
  "consent-example-notThem": [PERMIT, ...NO_USE, actor()],
  "consent-example-notThis": [PERMIT, "Consent.provision[0].data", ...NO_USE],
  "consent-example-notTime": [PERMIT, ...NO_USE, ...time()],
  "consent-example-pkb": ["Consent.provision[0].securityLabel", "Consent.provision[0].provision", ...NO_USE, actor()],
  "consent-example-smartonfhir": [PERMIT, "Consent.provision[0].provision", ...NO_USE],
};
function time(): string[] {
  return ["Consent.provision[0].period.start", "Consent.provision[0].period.end"];
}

const A = getAddress(`0x${"a1".repeat(20)}`);
const B = getAddress(`0x${"b2".repeat(20)}`);
const record: ConsentRecord = {
  id: "consent-7",
  meta: { profile: ["http://example.org/StructureDefinition/research-consent"] },
  identifier: [{ system: "urn:example:consents", value: "C-2031" }],
  category: [{ coding: [{ system: "http://terminology.hl7.org/CodeSystem/consentcategorycodes", code: "research" }] }],
  subject: { reference: "Patient/73", identifier: { system: "urn:example:mrn", value: "MRN-0042" }, display: "A. N." },
  date: "2026-03-01",
  grantor: [{ reference: "RelatedPerson/12" }],
  grantee: [{ reference: "Organization/hospital" }],
  controller: [{ reference: "Organization/hospital" }],
  sourceAttachment: [{ title: "signed form", hash: "3q2+7w==" }],
  regulatoryBasis: [{ text: "GDPR Art. 9(2)(a)" }],
  verification: [{ verified: true, verificationDate: ["2026-03-02"] }],
};
const use: DataUse = {
  permission: DUO_PERMISSIONS.DS,
  modifiers: [DUO_CLAIMS.IRB, DUO_CLAIMS.NPU, DUO_CLAIMS.NCU],
  disease: "MONDO:0018982",
  regions: ["DE", "FR"],
  users: [A],
  projects: ["npc-registry-2026"],
  institutions: [B, A],
  notBefore: 1_790_000_000,
  notAfter: 1_890_000_000,
};

describe("FHIR R5 Consent", () => {
  it("writes what it reads, and reads what it writes, to the last element", () => {
    const written = toFhir(use, record);
    const read = fromFhir(written);
    expect(read).to.deep.equal({ use, record });
    expect(toFhir(read.use, read.record)).to.deep.equal(written);
    expect(parseFhir(JSON.stringify(written))).to.deep.equal(read);
    expect(written.provision?.[0]?.period).to.deep.equal({
      start: "2026-09-21T14:13:20Z",
      end: "2029-11-22T00:00:00Z",
    });
  });

  it("does so for any terms", () => {
    const random = seededRandom(2026n);
    const below = (n: number): number => random(2).reduce((sum, byte) => sum * 256 + byte, 0) % n;
    const some = <T>(all: readonly T[]): T[] => all.filter(() => below(2) === 1);
    const optional = <T>(key: string, list: T[]): object => (list.length === 0 ? {} : { [key]: list });
    for (let i = 0; i < 300; i++) {
      const permission = Object.values(DUO_PERMISSIONS)[below(5)]!;
      const start = 1 + below(60_000);
      const any = parseDataUse({
        permission,
        modifiers: some(Object.values(DUO_CLAIMS).sort((a, b) => a - b)),
        ...(permission === DUO_PERMISSIONS.DS ? { disease: `MONDO:${String(below(60_000)).padStart(7, "0")}` } : {}),
        ...optional("regions", some(["AT", "CH", "DE", "FR"])),
        ...optional("users", some([A, B])),
        ...optional("projects", some(["p", "q", "ß"])),
        ...optional("institutions", some([B, A])),
        ...(below(2) === 1 ? { notBefore: start } : {}),
        ...(below(2) === 1 ? { notAfter: start + below(60_000) } : {}),
      });
      expect(fromFhir(toFhir(any)), `seed 2026, case ${i}`).to.deep.equal({ use: any, record: {} });
    }
  });

  it("refuses each of HL7's own examples by the elements that do not map", () => {
    expect(examples.map(({ id }) => id).sort()).to.deep.equal(Object.keys(EXPECTED).sort());
    for (const example of examples) expect(refusalsOf(example), example.id).to.have.members(EXPECTED[example.id]!);
  });

  it("maps an example of HL7's once its provision is written in DUO terms; its record stays as it was", () => {
    const basic = examples.find(({ id }) => id === "consent-example-basic") as unknown as FhirConsent;
    const written = { ...basic, provision: toFhir(use).provision };
    const read = fromFhir(written);
    expect(read.use).to.deep.equal(use);
    expect(toFhir(read.use, read.record)).to.deep.equal(written);
    expect(read.record.subject?.display).to.equal("Peter James Chalmers");
  });

  const good = (): any => structuredClone(toFhir(use, record));
  const at = (change: (it: any) => void): unknown => {
    const it = good();
    change(it);
    return it;
  };
  const provision = (change: (it: any) => void) => at(({ provision: [it] }) => change(it));
  const duo = (code: string, system: string = FHIR_SYSTEMS.duo) => ({ system, code });
  const P = "Consent.provision[0]";
  const bad: [string, unknown, string][] = [
    ["a draft", at((it) => (it.status = "draft")), "Consent.status"],
    ["an ended consent", at((it) => (it.status = "inactive")), "Consent.status"],
    ["permission by default", at((it) => (it.decision = "permit")), "Consent.decision"],
    ["no decision", at((it) => delete it.decision), "Consent.decision"],
    ["no provision", at((it) => delete it.provision), "Consent.provision"],
    ["two uses", at((it) => it.provision.push(it.provision[0])), "Consent.provision[1]"],
    ["another policy", at((it) => (it.policyBasis = { url: "http://example.org/policy" })), "Consent.policyBasis"],
    ["an unverified consent", at((it) => (it.verification[0].verified = false)), "Consent.verification[0].verified"],
    ["a modifier extension", at((it) => (it.modifierExtension = [{ url: "u" }])), "Consent.modifierExtension"],
    ["an extension", provision((it) => (it.extension = [{ url: "u" }])), `${P}.extension`],
    ["implicit rules", at((it) => (it.implicitRules = "http://example.org")), "Consent.implicitRules"],
    ["contained resources", at((it) => (it.contained = [{}])), "Consent.contained"],
    ["security labels of the resource", at((it) => (it.meta.security = [{}])), "Consent.meta.security"],
    ["a primitive's extension", at((it) => (it._status = {})), "Consent._status"],
    ["R4's dateTime", at((it) => (it.dateTime = "2020-01-01")), "Consent.dateTime"],
    ["R4's patient", at((it) => (it.patient = {})), "Consent.patient"],
    ["a label", provision((it) => (it.securityLabel = [{ code: "PSY" }])), `${P}.securityLabel`],
    ["a document type", provision((it) => (it.documentType = [{ code: "x" }])), `${P}.documentType`],
    ["a resource type", provision((it) => (it.resourceType = [{ code: "x" }])), `${P}.resourceType`],
    ["dates of rows", provision((it) => (it.dataPeriod = { start: "2020" })), `${P}.dataPeriod`],
    ["single data", provision((it) => (it.data = [{}])), `${P}.data`],
    ["an expression", provision((it) => (it.expression = {})), `${P}.expression`],
    ["a nested exception", provision((it) => (it.provision = [{}])), `${P}.provision`],
    ["no action", provision((it) => delete it.action), `${P}.action`],
    ["another action", provision((it) => (it.action[0].coding[0].code = "disclose")), `${P}.action`],
    ["two actions", provision((it) => it.action.push(it.action[0])), `${P}.action`],
    ["no permission", provision((it) => it.purpose.shift()), `${P}.purpose`],
    ["two permissions", provision((it) => it.purpose.push(duo("DUO:0000042"))), `${P}.purpose`],
    ["a modifier twice", provision((it) => it.purpose.push(duo("DUO:0000021"))), `${P}.purpose`],
    ["RS", provision((it) => it.purpose.push(duo("DUO:0000012"))), `${P}.purpose[4]`],
    ["GSO", provision((it) => it.purpose.push(duo("DUO:0000016"))), `${P}.purpose[4]`],
    ["CC", provision((it) => it.purpose.push(duo("DUO:0000043"))), `${P}.purpose[4]`],
    ["TS without its place", provision((it) => it.purpose.push(duo("DUO:0000025"))), `${P}.purpose[4]`],
    ["GS without its place", provision((it) => it.purpose.push(duo("DUO:0000022"))), `${P}.purpose[4]`],
    ["an unknown DUO term", provision((it) => it.purpose.push(duo("DUO:0000099"))), `${P}.purpose[4]`],
    ["a short DUO code", provision((it) => it.purpose.push(duo("DUO:21"))), `${P}.purpose[4]`],
    ["another vocabulary", provision((it) => it.purpose.push(duo("HRESCH", "urn:x"))), `${P}.purpose[4]`],
    ["two diseases", provision((it) => it.code.push(it.code[0])), `${P}.code`],
    [
      "another disease vocabulary",
      provision((it) => (it.code[0].coding[0].system = "http://snomed.info/sct")),
      `${P}.code`,
    ],
    ["DS without a disease", provision((it) => delete it.code), P],
    ["a date without a zone", provision((it) => (it.period.end = "2029-11-22")), `${P}.period.end`],
    ["half a second", provision((it) => (it.period.end = "2029-11-22T00:00:00.5Z")), `${P}.period.end`],
    ["a 13th month", provision((it) => (it.period.end = "2029-13-21T00:00:00Z")), `${P}.period.end`],
    ["30 February", provision((it) => (it.period.end = "2029-02-30T00:00:00Z")), `${P}.period.end`],
    ["an end before the start", provision((it) => (it.period.end = "2020-01-01T00:00:00Z")), P],
    ["two time frames", at((it) => (it.period = { end: "2029-11-22T00:00:00Z" })), `${P}.period`],
    ["a recipient by role", provision((it) => (it.actor[0].role.coding[0].code = "PRCP")), `${P}.actor[0].role`],
    ["an actor without a role", provision((it) => delete it.actor[0].role), `${P}.actor[0].role`],
    [
      "an actor by reference",
      provision((it) => (it.actor[2].reference = { reference: "Practitioner/1" })),
      `${P}.actor[2].reference`,
    ],
    [
      "a region of no standard",
      provision((it) => delete it.actor[0].reference.identifier.system),
      `${P}.actor[0].reference`,
    ],
    ["a region by name", provision((it) => (it.actor[0].reference.identifier.value = "Bavaria")), P],
    ["an account in lower case", provision((it) => (it.actor[2].reference.identifier.value = A.toLowerCase())), P],
    ["an entry twice", provision((it) => it.actor.push(it.actor[0])), P],
    ...["MRN-0042", "Patient/73", "73", "A. N.", "C-2031", "RelatedPerson/12", "consent-7"].map(
      (word): [string, unknown, string] => [
        `the subject as a project (${word})`,
        provision((it) => (it.actor[3].reference.identifier.value = word)),
        `${P}.actor[3].reference`,
      ],
    ),
    ["no Consent", { resourceType: "Patient" }, "Consent.resourceType"],
    ["no object", [], "Consent"],
  ];
  for (const [what, value, path] of bad)
    it(`refuses ${what} by name`, () => {
      expect(refusalsOf(value)).to.include(path);
    });

  it("names everything that stands in the way, not only the first", () => {
    const many = at((it) => {
      it.status = "draft";
      it.decision = "permit";
      it.provision[0].data = [{}];
      it.provision[0].purpose.push(duo("DUO:0000043"));
    });
    expect(refusalsOf(many)).to.deep.equal(["Consent.status", "Consent.decision", `${P}.data`, `${P}.purpose[4]`]);
    expect(() => fromFhir(many))
      .to.throw(FhirError, "clinical care")
      .with.property("code", "FHIR_REFUSED");
    expect(() => parseFhir("{")).to.throw(FhirError, "not JSON");
  });

  it("reads Consent.period as the time frame, other zones and display texts as what they say", () => {
    const other = at((it) => {
      it.period = { end: "2029-11-22T02:00:00+02:00" };
      delete it.provision[0].period;
      it.provision[0].purpose[0].display = "disease specific research";
    });
    const { notBefore: _, ...rest } = use;
    expect(fromFhir(other)).to.deep.equal({ use: rest, record });
    expect(fromFhir(toFhir(rest, record)).use).to.deep.equal(rest);
  });

  it("[attack 76] puts nothing about the subject into what goes on chain", () => {
    const onChain = JSON.stringify(chainTerms(fromFhir(good()).use), (_key, value: unknown) =>
      typeof value === "bigint" ? value.toString() : value,
    ).toLowerCase();
    const words = JSON.stringify(record).match(/[^"{}[\]:,]{2,}/g)!;
    expect(words).to.include("MRN-0042");
    for (const word of words)
      for (const form of [hexlify(toUtf8Bytes(word)).slice(2), id(word).slice(2)])
        expect(onChain.includes(form), word).to.equal(false);
    // The same search finds a word that does go on chain.
    expect(onChain.includes(id("npc-registry-2026").slice(2))).to.equal(true);
  });
});

describe("data use", () => {
  it("tells the chain words as hashes, and the modifiers that parameters imply", () => {
    const terms = chainTerms(use);
    const bits = [...Array(64).keys()].filter((code) => (terms.modifiers >> BigInt(code)) & 1n);
    expect(bits).to.deep.equal([21, 22, 24, 25, 26, 27, 28, 45, 46]);
    expect(terms.disease).to.equal(id("MONDO:0018982"));
    expect(terms.regions).to.deep.equal([id("DE"), id("FR")]);
    expect(dataTermsHash(use)).to.not.equal(dataTermsHash({ ...use, modifiers: [] }));
  });

  it("refuses terms that contradict themselves, by field", () => {
    const wrong: [string, object][] = [
      ["permission", { permission: 5 }],
      ["modifiers.0", { modifiers: [12] }],
      ["modifiers", { modifiers: [45, 21] }],
      ["disease", { permission: 6 }],
      ["disease", { disease: undefined }],
      ["regions.0", { regions: ["fr"] }],
      ["users.0", { users: [A.toLowerCase()] }],
      ["projects", { projects: [] }],
      ["institutions", { institutions: [A, A] }],
      ["notAfter", { notAfter: 1 }],
      ["notAfter", { notAfter: 2 ** 40 }],
    ];
    for (const [field, change] of wrong)
      expect(() => parseDataUse({ ...use, ...change }), field).to.throw(new RegExp(`(^|; )${field}: `));
  });
});
