import { ROUND_STATES } from "@mednexus/sdk";
import { type Rules, type Value, type Write, from, is, no, one, write, yes } from "./language.ts";
import { marketRules } from "./market.ts";

// Solidity's enums, in their order; a test reads them from the contracts.
export const ROUND_KINDS = ["Training", "Statistics"] as const;
export const CAMPAIGN_STATES = ["None", "Live", "Ended", "Cancelled"] as const;
export const KEY_ALGORITHMS = ["None", "Secp256k1", "P256"] as const;

const roundState: Value = { choice: "state", of: ROUND_STATES };
const kindOf = (path: string): Value => ({ choice: path, of: ROUND_KINDS });

const held = (token: string, purpose: string, party: string, change: "add" | "sub"): Write =>
  write("vaultBalance", `${token} ${purpose} ${party}`, "", {
    set: { token, purpose, party },
    [change]: { amount: "amount" },
  });

const complaint = (set: Record<string, Value>, more: { add?: Record<string, Value> } = {}): Write =>
  write("complaint", "round memberKey nodeIndex", "round memberKey nodeIndex", { set, ...more });
const demand = (same: string, set: Record<string, Value>, more: { add?: Record<string, Value> } = {}): Write =>
  write("demand", "round nodeIndex", `round nodeIndex ${same}`, { set, ...more });
const ended = (outcome: string, set: Record<string, Value> = {}): Write =>
  write("round", "round", "", { set: { outcome: is(outcome), endedAt: "@time", ...set } });

export const rules: Rules = {
  parameters: {
    ParametersChanged: [
      write("parameterChange", "@log", "", {
        set: from(
          "parameters",
          "minWindow maxDisputeWindows unbonding upgradeDelay protocolFeeBps treasuryCutBps suspendAfter minBond minNodeLock minComplaintBond suspension",
        ),
      }),
    ],
    TreasuryChanged: [write("treasuryChange", "@log", "treasury")],
    EntriesPaused: [write("pauseEvent", "@log", "until", { set: { paused: yes, by: "guardian" } })],
    EntriesResumed: [write("pauseEvent", "@log", "by")],
  },

  institutions: {
    InstitutionRegistered: [
      write("institution", "institution", "endpoint", { set: { shareKeyX: "shareKey.x", shareKeyY: "shareKey.y" } }),
    ],
    ShareKeyRotated: [
      write("institution", "institution", "", {
        set: { shareKeyX: "shareKey.x", shareKeyY: "shareKey.y" },
        add: { rotations: one },
      }),
    ],
    EndpointChanged: [write("institution", "institution", "endpoint")],
    AdmitterListed: [write("admitter", "admitter", "listed")],
    Attested: [
      write("attestation", "institution admitter", "institution admitter groupId expiresAt", { set: { active: yes } }),
    ],
    AttestationWithdrawn: [
      write("attestation", "institution admitter", "institution admitter", {
        set: { active: no, groupId: is(`0x${"0".repeat(64)}`), expiresAt: is(0n) },
      }),
    ],
  },

  datasets: {
    DatasetRegistered: [
      write("dataset", "dataset", "institution"),
      write("institution", "institution", "", { add: { datasets: one } }),
    ],
    DatasetVersionAdded: [
      write("datasetVersion", "dataset version", "dataset version manifestHash storageRoot schemaHash recordCount"),
      write("dataset", "dataset", "", { set: { currentVersion: "version" } }),
    ],
    RecordsAudited: [write("audit", "dataset version admitter", "dataset version admitter records")],
  },

  consent: {
    TermsSet: [
      write("consentTerm", "dataset version", "dataset version termsHash epoch"),
      write("dataset", "dataset", "", { set: { consentEpoch: "epoch" } }),
    ],
    GrantsSet: [
      write("grantRoot", "@log", "dataset version root roundedCount custodial effectiveAt epoch"),
      write("dataset", "dataset", "", { set: { consentEpoch: "epoch" } }),
    ],
    ConsentRevoked: [
      write("revocation", "leaf", "dataset version epoch relayer"),
      write("dataset", "dataset", "", { set: { consentEpoch: "epoch" }, add: { revocations: one } }),
    ],
    EthicsApprovalRecorded: [write("ethicsApproval", "@log", "purpose user document validUntil")],
    MondoRootSet: [write("mondoRoot", "@log", "root")],
    DiseaseProven: [write("diseaseLink", "root ancestor descendant", "root ancestor descendant")],
  },

  verifiers: {
    SrsRegistered: [write("referenceString", "srs", "srsHash insecure")],
    VerifierRegistered: [write("verifier", "verifier", "circuit n srs keyHash insecure")],
    VerifierRetired: [write("verifier", "verifier", "", { set: { retired: yes, retiredBy: "by" } })],
  },

  attestations: {
    AttestorListed: [
      write("attestor", "attestor", "kind x y evidenceHash", {
        set: { algorithm: { choice: "algorithm", of: KEY_ALGORITHMS } },
      }),
    ],
    AttestorRevoked: [write("attestor", "attestor", "", { set: { revoked: yes, revokedBy: "by" } })],
  },

  inft: {
    Transfer: [write("model", "tokenId", "", { set: { owner: "to" }, add: { moves: one } })],
    ModelMinted: [write("model", "model", "creator royaltyBps runtimeHash uri")],
    ModelUriChanged: [write("model", "model", "uri")],
    SplitFixed: [
      write("payee", "model @i", "model", {
        each: "split",
        set: { position: "@i", account: "split[i].account", bps: "split[i].bps" },
      }),
    ],
    CloneShareFixed: [write("model", "model", "", { set: { cloneShareBps: "shareBps" } })],
    ModelSealed: [
      write("seal", "model", "model owner parent", {
        set: from("seal", "sequence dataHash keyHash binding"),
        add: { sealings: one },
      }),
      write("model", "model", "", { set: { sealed: yes } }),
    ],
    UsageAuthorized: [write("usageRight", "model user", "model user era expiresAt")],
    AuthorizationRevoked: [write("usageRight", "tokenId to", "", { set: { expiresAt: is(0n) } })],
    DelegateAccess: [write("accessDelegate", "user", "user assistant")],
  },

  versions: {
    LineageStarted: [write("model", "model", "n f q l", { set: { started: yes } })],
    VersionAppended: [
      write("modelVersion", "model version", "model version round h storageRoot artefactRoot consentSetHash bound", {
        set: { cX: "c.x", cY: "c.y" },
      }),
      write("model", "model", "", { set: { latestVersion: "version" } }),
    ],
    SpecPublished: [
      write(
        "modelSpec",
        "model index",
        "model index runtimeHash inputSchemaHash outputSchemaHash dataHash linked lineageVersion uri",
      ),
    ],
    CampaignAttached: [write("model", "model", "campaign")],
    CampaignDetached: [write("model", "model", "", { set: { campaign: is("0") } })],
  },

  campaigns: {
    CampaignOpened: [
      write("campaign", "campaign", "model sponsor token escrow termsHash", {
        set: {
          ...from(
            "terms",
            "eager pair nodes threshold maxMembers minParticipants rounds updateVerifier aggregateVerifier cap lambdaF normBound schemaHash",
          ),
          ...from("terms.purpose", "permission modifiers disease"),
          ...from("terms.prices", "dataPool committeePool proverFeeMin proverFeeMax"),
          kind: kindOf("terms.kind"),
          state: is("Live"),
        },
      }),
    ],
    Enrolled: [
      write("enrolment", "campaign institution", "campaign institution dataset groupId", {
        set: { active: yes, pairAgreed: no },
      }),
      write("campaign", "campaign", "", { add: { members: one } }),
    ],
    Withdrew: [
      write("enrolment", "campaign institution", "", { set: { active: no, pairAgreed: no } }),
      write("campaign", "campaign", "", { sub: { members: one } }),
    ],
    NodeJoined: [
      write("poolNode", "campaign node", "campaign node groupId", { set: { active: yes } }),
      write("campaign", "campaign", "", { add: { poolNodes: one } }),
    ],
    NodeLeft: [
      write("poolNode", "campaign node", "", { set: { active: no } }),
      write("campaign", "campaign", "", { sub: { poolNodes: one } }),
    ],
    PairAgreed: [write("enrolment", "campaign institution", "", { set: { pairAgreed: yes } })],
    RoundReserved: [
      write("campaign", "campaign", "", { add: { roundsOpened: one, reserved: "amount" } }),
      write("round", "round", "", { add: { reserved: "amount" } }),
    ],
    CampaignEnded: [
      write("campaign", "campaign", "refund", { set: { state: { choice: "state", of: CAMPAIGN_STATES } } }),
    ],
  },

  rounds: {
    RoundOpened: [
      write("round", "round", "campaign model baseVersion drawBlock", {
        set: { kind: kindOf("kind"), baseX: "base.x", baseY: "base.y" },
      }),
    ],
    DrawRearmed: [write("round", "round", "drawBlock", { add: { rearms: one } })],
    CommitteeDrawn: [
      write("round", "round", "commitUntil"),
      write("seat", "round @i", "round", {
        set: { node: "nodes[i]", index: "@i", keyX: "keys[i].x", keyY: "keys[i].y" },
        each: "nodes",
      }),
    ],
    UpdateSubmitted: [
      write(
        "memberUpdate",
        "round index",
        "round institution dataset index verified datasetVersion consentEpoch records normBound2",
        {
          set: {
            ...from("detail", "shareManifest h y"),
            cX: "detail.c.x",
            cY: "detail.c.y",
            memberKey: { memberKey: ["institution", "detail.c"] },
          },
        },
      ),
      write("round", "round", "", { add: { submitted: one, verified: "verified" } }),
    ],
    UpdatesVerified: [
      write("memberUpdate", "round @i", "", { set: { verified: yes }, bits: "members" }),
      write("round", "round", "", { add: { verified: "count" } }),
    ],
    CommitEnded: [write("round", "round", "shareFrom")],
    SharesAcknowledged: [
      write("seat", "round nodeIndex", "", { set: { acknowledged: yes } }),
      write("round", "round", "", { add: { acks: one } }),
    ],
    MemberExcluded: [
      write("memberUpdate", "round index", "reason", { set: { excluded: yes } }),
      write("round", "round", "", { add: { excluded: one } }),
    ],
    RoundFrozen: [
      write("round", "round", "setHash included count totalRecords lambda", {
        set: { cAggX: "cAgg.x", cAggY: "cAgg.y", frozenAt: "@time" },
      }),
      write("memberUpdate", "round @i", "", { set: { included: yes }, bits: "included" }),
    ],
    RoundStateChanged: [write("round", "round", "", { set: { state: roundState } })],
  },

  disputes: {
    MissingClaimed: [
      complaint({ missing: yes, settled: no }),
      write("round", "round", "", { add: { complaints: one } }),
    ],
    CiphertextChunk: [complaint({}, { add: { chunks: one } })],
    CiphertextAnswered: [complaint({ answered: yes })],
    BadClaimed: [
      complaint({ bad: yes, settled: no, digest: "digest" }),
      write("round", "round", "", { add: { complaints: one } }),
    ],
    KeyRevealed: [complaint({ revealed: yes, challenge: "challenge" })],
    ShareEvaluated: [complaint({ evaluated: yes, value: "value" })],
    ComplaintSettled: [complaint({ settled: yes, upheld: "upheld", reason: "reason" })],
  },

  sums: {
    SumPosted: [
      write("sum", "round nodeIndex", "round node nodeIndex setHash sumDigest", {
        set: { chunks: { length: "chunkHashes" } },
      }),
      write("round", "round", "", { add: { sums: one } }),
    ],
    RoundSummed: [write("round", "round", "", { set: { summedAt: "at" } })],
    SumDemanded: [demand("by answerUntil", { answered: no, faulted: no })],
    SumChunk: [demand("", {}, { add: { chunks: one } })],
    SumAnswered: [demand("", { answered: yes })],
    SumFaulted: [demand("offence", { faulted: yes })],
    Equivocation: [write("equivocation", "@log", "round node setHashA setHashB")],
  },

  settlement: {
    RoundFinalized: [ended("finalized", { version: "version", payee: "payee", proverFee: "proverFee" })],
    RoundClosedUnproven: [ended("unproven", { verifierRetired: "verifierRetired" })],
    StatisticsCompleted: [ended("statistics")],
    RoundFailed: [ended("failed", { failReason: "reason" })],
    Claimed: [
      write("claim", "@log", "round party role token amount"),
      write("round", "round", "", { add: { claimed: "amount" } }),
    ],
    TipPaid: [
      write("tip", "@log", "round keeper action amount"),
      write("round", "round", "", { add: { tips: "amount" } }),
    ],
    SponsorRefunded: [
      write("sponsorRefund", "@log", "round campaign amount"),
      write("round", "round", "", { add: { refund: "amount" } }),
      write("campaign", "campaign", "", { add: { returned: "amount" } }),
    ],
  },

  vault: {
    PurposeAssigned: [
      write("vaultPurpose", "purpose", "module", { set: { scheduledModule: is("0x"), activeAt: is(0n) } }),
    ],
    AssignmentScheduled: [write("vaultPurpose", "purpose", "activeAt", { set: { scheduledModule: "module" } })],
    AssignmentCancelled: [
      write("vaultPurpose", "purpose", "", { set: { scheduledModule: is("0x"), activeAt: is(0n) } }),
    ],
    Deposited: [
      held("token", "purpose", "party", "add"),
      write("vaultToken", "token", "", { add: { deposited: "amount", held: "amount" } }),
      write("vaultMove", "@log", "token amount", {
        set: { kind: is("deposit"), payer: "from", toPurpose: "purpose", toParty: "party" },
      }),
    ],
    Moved: [
      held("token", "fromPurpose", "fromParty", "sub"),
      held("token", "toPurpose", "toParty", "add"),
      write("vaultMove", "@log", "token fromPurpose fromParty toPurpose toParty amount", { set: { kind: is("move") } }),
    ],
    Credited: [
      held("token", "fromPurpose", "fromParty", "sub"),
      write("vaultCredit", "token owner", "token owner", { add: { credited: "amount", amount: "amount" } }),
      write("vaultToken", "token", "", { add: { credited: "amount" } }),
      write("vaultMove", "@log", "token fromPurpose fromParty amount", {
        set: { kind: is("credit"), recipient: "owner" },
      }),
    ],
    Withdrawn: [
      write("vaultCredit", "token owner", "token owner", { add: { withdrawn: "amount" }, sub: { amount: "amount" } }),
      write("vaultToken", "token", "", { add: { withdrawn: "amount" }, sub: { held: "amount" } }),
      write("vaultMove", "@log", "token amount", { set: { kind: is("withdraw"), payer: "owner", recipient: "to" } }),
    ],
  },

  stake: {
    Staked: [write("stakePosition", "party", "", { add: { total: "amount", staked: "amount" } })],
    UnbondingStarted: [write("unbonding", "@log", "party index amount releaseAt")],
    Unbonded: [write("stakePosition", "party", "", { add: { released: "amount" }, sub: { total: "amount" } })],
    Locked: [
      write("stakeLock", "party module", "party module", { add: { amount: "amount" } }),
      write("stakePosition", "party", "", { add: { locked: "amount" } }),
    ],
    Unlocked: [
      write("stakeLock", "party module", "party module", { sub: { amount: "amount" } }),
      write("stakePosition", "party", "", { sub: { locked: "amount" } }),
    ],
    Slashed: [
      write("slashing", "@log", "party module offence amount compensation toTreasury"),
      write("stakePosition", "party", "", { add: { slashed: "amount" }, sub: { total: "amount" } }),
    ],
    Suspended: [write("stakePosition", "party", "", { set: { suspendedAt: "@time" }, add: { suspensions: one } })],
  },

  ...marketRules,
};
