import { CAMPAIGN_STATES, KEY_ALGORITHMS, type EntityName, ROUND_KINDS, type Row } from "../history/index.ts";
import { type Contracts, ROUND_STATES } from "@mednexus/sdk";
import { AbiCoder, keccak256 } from "ethers";

/** What a contract's view says of a row: expected values by field. `at`: the block asked. */
export type View = (
  contracts: Contracts,
  id: string,
  row: Row,
  at: { blockTag: number },
) => Promise<Record<string, unknown>>;

const n = (cell: unknown): bigint => BigInt(cell as bigint | string);
const s = (cell: unknown): string => String(cell);

/** A hash that a contract has not written yet is zero there and 0x in a row. */
const written = (hash: string): string => (/^0x0*$/.test(hash) ? "0x" : hash);

/** Contract truth for every entity that is state and not only history. One view a row. */
export const views: Partial<Record<EntityName, View>> = {
  admitter: async (c, id, _, at) => ({ listed: await c.institutions.isAdmitter(id, at) }),
  institution: async (c, id, _, at) => {
    const key = await c.institutions.shareKeyOf(id, at);
    return { shareKeyX: key.x, shareKeyY: key.y };
  },
  attestation: async (c, _, row, at) => {
    const a = await c.institutions.attestationOf(s(row["institution"]), s(row["admitter"]), at);
    return { groupId: a.groupId, expiresAt: a.expiresAt, active: a.active };
  },
  dataset: async (c, id, _, at) => ({
    institution: await c.datasets.institutionOf(id, at),
    currentVersion: await c.datasets.currentVersion(id, at),
    consentEpoch: await c.consent.epochOf(id, at),
  }),
  datasetVersion: async (c, _, row, at) => {
    const v = await c.datasets.versionOf(n(row["dataset"]), n(row["version"]), at);
    const { manifestHash, storageRoot, schemaHash, recordCount, registeredAt } = v;
    return { manifestHash, storageRoot, schemaHash, recordCount, createdAt: registeredAt };
  },
  audit: async (c, _, row, at) => ({
    records: await c.datasets.auditedBy(n(row["dataset"]), n(row["version"]), s(row["admitter"]), at),
  }),
  consentTerm: async (c, _, row, at) => ({
    termsHash: await c.consent.termsHashOf(n(row["dataset"]), n(row["version"]), at),
  }),
  revocation: async (c, id, _, at) => ((await c.consent.isRevoked(id, at)) ? {} : { dataset: "not revoked on chain" }),
  referenceString: async (c, id, _, at) => ({ srsHash: (await c.verifiers.srsOf(id, at)).srsHash }),
  verifier: async (c, id, _, at) => {
    const { circuit, n: size, srs, insecure, retired, keyHash } = await c.verifiers.infoOf(id, at);
    return { circuit, n: size, srs, insecure, retired, keyHash };
  },
  model: async (c, id, _, at) => {
    const lineage = await c.versions.lineageOf(id, at);
    return {
      owner: await c.inft.ownerOfModel(id, at),
      creator: await c.inft.creatorOf(id, at),
      royaltyBps: await c.inft.royaltyBpsOf(id, at),
      runtimeHash: await c.inft.runtimeHashOf(id, at),
      n: lineage.n,
      f: lineage.f,
      q: lineage.q,
      l: lineage.l,
      started: lineage.started,
      ...(lineage.started ? { latestVersion: (await c.versions.latestOf(id, at))[0] } : {}),
    };
  },
  payee: async (c, _, row, at) => {
    const { account, bps } = (await c.inft.splitOf(n(row["model"]), at))[Number(row["position"])]!;
    return { account, bps };
  },
  seal: async (c, id, _, at) => {
    const { sequence, dataHash, keyHash, binding } = await c.inft.sealOf(id, at);
    return { owner: await c.inft.ownerOfModel(id, at), sequence, dataHash, keyHash, binding };
  },
  usageRight: async (c, _, row, at) => {
    const expiresAt = await c.inft.usageExpiryOf(n(row["model"]), s(row["user"]), at);
    return expiresAt === 0n ? {} : { expiresAt }; // 0: revoked, or of an era that has ended
  },
  accessDelegate: async (c, id, _, at) => ({ assistant: await c.inft.getDelegateAccess(id, at) }),
  attestor: async (c, id, _, at) => {
    const { kind, algorithm, revoked, x, y } = await c.attestations.attestorOf(id, at);
    return { kind, algorithm: KEY_ALGORITHMS[Number(algorithm)], revoked, x, y };
  },
  modelVersion: async (c, _, row, at) => {
    const v = await c.versions.versionOf(n(row["model"]), n(row["version"]), at);
    const claims = ["storageRoot", "artefactRoot", "consentSetHash"].map((f) => row[f]);
    const dataHash = keccak256(AbiCoder.defaultAbiCoder().encode(["bytes32", "bytes32", "bytes32"], claims));
    return {
      cX: v.c.x,
      cY: v.c.y,
      h: v.h,
      bound: v.bound,
      round: v.round,
      createdAt: v.createdAt,
      // The claims of a zero or imported version are zero, and so is their hash.
      ...(dataHash === v.dataHash || v.round === 0n ? {} : { storageRoot: `claims that hash to ${v.dataHash}` }),
    };
  },
  campaign: async (c, id, _, at) => {
    const campaign = await c.campaigns.get(id, at);
    return {
      state: CAMPAIGN_STATES[Number(campaign.state)],
      sponsor: campaign.sponsor,
      token: campaign.token,
      termsHash: await c.campaigns.termsHashOf(id, at),
      members: await c.campaigns.memberCount(id, at),
      poolNodes: (await c.campaigns.poolOf(id, at)).length,
    };
  },
  round: async (c, id, _, at) => {
    const r = await c.rounds.get(id, at);
    const f = await c.rounds.frozenOf(id, at);
    return {
      campaign: r.campaign,
      model: r.model,
      kind: ROUND_KINDS[Number(r.kind)],
      state: ROUND_STATES[Number(r.state)],
      baseVersion: r.baseVersion,
      baseX: r.base.x,
      baseY: r.base.y,
      drawBlock: r.drawBlock,
      submitted: r.submitted,
      verified: r.verified,
      acks: r.acks,
      shareFrom: r.shareFrom,
      frozenAt: r.frozenAt,
      setHash: written(f.setHash),
      cAggX: f.cAgg.x,
      cAggY: f.cAgg.y,
      included: f.included,
      count: f.count,
      totalRecords: f.totalRecords,
      lambda: f.lambda,
    };
  },
  enrolment: async (c, _, row, at) => {
    const dataset = await c.campaigns.datasetOf(n(row["campaign"]), s(row["institution"]), at);
    return { active: dataset !== 0n, ...(dataset === 0n ? {} : { dataset }) };
  },
  memberUpdate: async (c, _, row, at) => {
    const u = await c.rounds.updateOf(s(row["memberKey"]), at);
    const { institution, records, index, verified, excluded, dataset, datasetVersion, consentEpoch, round } = u;
    return { institution, records, index, verified, excluded, dataset, datasetVersion, consentEpoch, round };
  },
  seat: async (c, _, row, at) => {
    const [nodes, keys] = await c.rounds.committeeOf(n(row["round"]), at);
    const i = Number(row["index"]);
    return { node: nodes[i], keyX: keys[i]?.x, keyY: keys[i]?.y };
  },
  sum: async (c, _, row, at) => ({
    sumDigest: await c.sums.sumDigestOf(n(row["round"]), n(row["nodeIndex"]), at),
  }),
  vaultPurpose: async (c, id, _, at) => ({ module: await c.vault.moduleOf(id, at) }),
  vaultToken: async (c, id, _, at) => ({ held: await c.vault.totalOf(id, at) }),
  vaultBalance: async (c, _, row, at) => ({
    amount: await c.vault.heldOf(s(row["token"]), s(row["purpose"]), s(row["party"]), at),
  }),
  vaultCredit: async (c, _, row, at) => ({
    amount: await c.vault.creditOf(s(row["token"]), s(row["owner"]), at),
  }),
  stakePosition: async (c, id, _, at) => ({
    total: (await c.stake.activeOf(id, at)) + (await c.stake.unbondingOf(id, at)),
    locked: await c.stake.lockedOf(id, at),
  }),
};
