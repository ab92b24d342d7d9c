import type { Entity, Rules, Value } from "./language.ts";
import { entity, from, is, no, one, write, yes } from "./language.ts";

// Solidity's enums, in their order; a test reads them from the contracts.
export const ASSETS = ["Model", "Dataset"] as const;
export const PRICINGS = ["PerUse", "Timed"] as const;

const choice = (path: string, of: readonly string[]): Value => ({ choice: path, of });

/** Licences, jobs and receipts. */
export const marketEntities = {
  licenseOffer: entity("What an owner offers, immutable but for `open`. Id: offer id.", {
    seller: "ref",
    asset: "text",
    assetId: "uint",
    version: "uint",
    pricing: "text",
    price: "uint",
    period: "uint",
    minUnits: "uint",
    maxUnits: "uint",
    hook: "hex",
    open: "bool",
  }),
  license: entity("A licence. Id: license id.", {
    offer: "ref",
    licensee: "ref",
    units: "uint",
    paid: "uint",
    used: "uint",
    reserved: "uint",
    consentEpoch: "uint",
    permission: "uint",
    modifiers: "uint",
    disease: "hex",
    closed: "bool",
    consentLost: "bool",
    kept: "uint",
    refund: "uint",
    collected: "uint",
    toSeller: "uint",
    royalty: "uint",
    fee: "uint",
  }),
  licenseDelegate: entity("Who may use in a licensee's name. Id: license-delegate.", {
    license: "ref",
    delegate: "ref",
    allowed: "bool",
  }),
  hookFailure: entity("A seller's hook that did not take a notice. Id: block-log.", { license: "ref", hook: "hex" }),
  job: entity("A compute job. Id: job id.", {
    kind: "hex",
    model: "ref",
    modelVersion: "uint",
    sponsor: "ref",
    deposit: "uint",
    termsHash: "hex",
    verifier: "ref",
    modelLicense: "ref",
    dataset: "ref",
    datasetVersion: "uint",
    datasetLicense: "ref",
    inputCommitment: "uint",
    inputUri: "text",
    privateInput: "bool",
    sealedWeights: "bool",
    feeMin: "uint",
    feeMax: "uint",
    collateral: "uint",
    ramp: "uint",
    ackWindow: "uint",
    lockWindow: "uint",
    challengeWindow: "uint",
    deadline: "uint",
    state: "text",
    prover: "ref",
    until: "uint",
    fee: "uint",
    consentEpoch: "uint",
    acknowledged: "bool",
    locks: "uint",
    slashes: "uint",
    slashed: "uint",
    royalty: "uint",
    protocolFee: "uint",
    collected: "uint",
    refund: "uint",
    toTreasury: "uint",
    endReason: "hex",
  }),
  feeSweep: entity("The protocol's fees of jobs, moved to the treasury. Id: block-log.", { amount: "uint" }),
  jobLock: entity("A prover's lock of a job. Id: block-log.", {
    job: "ref",
    prover: "ref",
    fee: "uint",
    until: "uint",
  }),
  refutation: entity("An attested receipt that a proof contradicted. Id: block-log.", {
    job: "ref",
    prover: "ref",
    challenger: "ref",
    slashed: "uint",
    compensation: "uint",
  }),
  receipt: entity("A receipt, attested or settled. Id: EIP-712 digest.", {
    job: "ref",
    model: "ref",
    modelVersion: "uint",
    prover: "ref",
    datasetHash: "hex",
    consentHash: "hex",
    inputCommitment: "uint",
    outputCommitment: "hex",
    executionHash: "hex",
    resultUriHash: "hex",
    startedAt: "uint",
    endedAt: "uint",
    attestor: "ref",
    batch: "ref",
    settled: "bool",
  }),
  receiptRefusal: entity("A receipt that a batch left out. Id: block-log.", {
    job: "ref",
    index: "uint",
    reason: "hex",
  }),
  receiptTree: entity("A Merkle batch of settled receipts. Id: job of its first receipt.", {
    root: "hex",
    count: "uint",
  }),
  challengeCommitment: entity("First step of a challenge. Id: commitment.", { challenger: "ref" }),
} as const satisfies Record<string, Entity>;

const receiptFields = from(
  "receipt",
  "model modelVersion prover datasetHash consentHash inputCommitment outputCommitment executionHash resultUriHash startedAt endedAt",
);

export const marketRules: Rules = {
  licenses: {
    OfferPublished: [
      write("licenseOffer", "offer", "seller assetId", {
        set: {
          ...from("terms", "version price period minUnits maxUnits hook"),
          asset: choice("asset", ASSETS),
          pricing: choice("terms.pricing", PRICINGS),
          open: yes,
        },
      }),
    ],
    OfferWithdrawn: [write("licenseOffer", "offer", "", { set: { open: no } })],
    LicenseBought: [
      write("license", "license", "offer licensee units paid consentEpoch", {
        set: from("purpose", "permission modifiers disease"),
      }),
    ],
    LicenseUsed: [write("license", "license", "", { add: { used: "uses" } })],
    LicenseReserved: [write("license", "license", "", { add: { reserved: one } })],
    ReservationEnded: [write("license", "license", "", { add: { used: "uses" }, sub: { reserved: one } })],
    LicenseClosed: [write("license", "license", "consentLost kept refund", { set: { closed: yes } })],
    LicenseCollected: [
      write("license", "license", "", {
        add: { collected: "earned", toSeller: "toSeller", royalty: "royalty", fee: "fee" },
      }),
    ],
    DelegateSet: [write("licenseDelegate", "license delegate", "license delegate allowed")],
    HookFailed: [write("hookFailure", "@log", "license hook")],
  },

  compute: {
    JobRequested: [
      write("job", "job", "model sponsor deposit termsHash inputUri", {
        set: {
          ...from(
            "terms",
            "kind modelVersion verifier modelLicense dataset datasetVersion datasetLicense inputCommitment privateInput sealedWeights feeMin feeMax collateral ramp ackWindow lockWindow challengeWindow deadline",
          ),
          state: is("Open"),
        },
      }),
    ],
    JobLocked: [
      write("job", "job", "prover fee consentEpoch until", {
        set: { state: is("Locked"), acknowledged: no },
        add: { locks: one },
      }),
      write("jobLock", "@log", "job prover fee until"),
    ],
    JobAcknowledged: [write("job", "job", "until", { set: { acknowledged: yes } })],
    LockAbandoned: [write("job", "job", "", { set: { state: is("Open") } })],
    LockExpired: [
      write("job", "job", "", {
        set: { state: is("Open") },
        add: { slashes: one, slashed: "slashed", collected: "collected" },
      }),
    ],
    JobAttested: [write("job", "job", "until", { set: { state: is("Attested") } })],
    ReceiptRefuted: [
      write("job", "job", "", { set: { state: is("Open") }, add: { slashes: one, slashed: "slashed" } }),
      write("refutation", "@log", "job prover challenger slashed compensation"),
    ],
    JobSettled: [write("job", "job", "fee collected royalty protocolFee refund", { set: { state: is("Settled") } })],
    FeesSwept: [write("feeSweep", "@log", "amount")],
    JobEnded: [write("job", "job", "refund toTreasury", { set: { state: is("Ended"), endReason: "reason" } })],
  },

  receipts: {
    ReceiptSettled: [write("receipt", "digest", "job batch", { set: { ...receiptFields, settled: yes } })],
    ReceiptAttested: [write("receipt", "digest", "job", { set: { ...receiptFields, attestor: "attestor" } })],
    ReceiptRefused: [write("receiptRefusal", "@log", "job index reason")],
    BatchPosted: [write("receiptTree", "batch", "root count")],
    ChallengeCommitted: [write("challengeCommitment", "commitment", "challenger")],
  },
};
