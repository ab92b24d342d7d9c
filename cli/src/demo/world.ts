/** Everything that has to be on chain before a campaign can run: parties, datasets, consent, model, campaigns. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  HDNodeWallet,
  hexlify,
  id,
  type JsonRpcProvider,
  keccak256,
  parseEther,
  type Signer,
  toUtf8Bytes,
  Wallet,
  ZeroHash,
} from "ethers";
import {
  CAMPAIGN_APPROVAL,
  connect,
  type Contracts,
  Curve,
  type Deployment,
  DUO_PERMISSIONS,
  eventArgs,
  execute,
  generateKeyPair,
  type Hash,
  type KeyPair,
  MedNexusError,
  relayRevocation,
  signRevocation,
  systemRandom,
  termsHash,
  tokenAt,
  typedDataDomain,
  verifierId,
} from "@mednexus/sdk";
import { FileStore } from "@mednexus/sdk/node";
import {
  agreePair,
  enrol,
  joinPool,
  POLICY_DEFAULTS,
  provideStake,
  publishGrants,
  registerDataset,
  registerInstitution,
  revocationKit,
  type Rows,
  type Scenario,
  schemaHash,
  setDataTerms,
  type TableSchema,
  writeKeys,
} from "@mednexus/hospital";
import { developmentKey } from "../chain.ts";
import type { DemoOptions } from "./options.ts";

/** One token of the test stablecoin, in its smallest unit. */
const UNIT = 1_000_000n;

/** Per round, in whole tokens. */
const PRICES = {
  dataPool: 1000n,
  committeePool: 150n,
  proverFeeMin: 20n,
  proverFeeMax: 60n,
  showUpFee: 20n,
  tip: 1n,
  bond: 50n,
  nodeLock: 50n,
  complaintBond: 5n,
};

/** A party that acts through the demo's own process. */
export interface Actor {
  readonly name: string;
  readonly wallet: Wallet;
  readonly signer: Signer;
  readonly contracts: Contracts;
}

export interface Institution extends Actor {
  readonly folder: string;
  readonly share: KeyPair;
  /** Absent: committee only. */
  readonly data?: { readonly dataset: bigint; readonly rows: Rows; readonly subjects: HDNodeWallet[] };
}

export interface World {
  readonly deployment: Deployment;
  readonly actors: Readonly<
    Record<"admin" | "creator" | "sponsor" | "admitter" | "keeper" | "prover" | "relayer", Actor>
  >;
  readonly institutions: readonly Institution[];
  readonly schema: TableSchema;
  readonly model: bigint;
  readonly campaigns: { readonly statistics?: bigint; readonly training: bigint };
}

/** Windows in seconds: a devnet's clock is the machine's, so they leave room for slow proofs; every phase ends early when all have acted. */
export interface Timing {
  readonly commit: number;
  readonly dispute: number;
  readonly settle: number;
}

const TIMING: Record<DemoOptions["size"], Timing> = {
  128: { commit: 120, dispute: 20, settle: 1 },
  1024: { commit: 900, dispute: 60, settle: 1 },
  4096: { commit: 3600, dispute: 300, settle: 1 },
};

export async function buildWorld(options: {
  readonly demo: DemoOptions;
  readonly scenario: Scenario;
  readonly deployment: Deployment;
  readonly provider: JsonRpcProvider;
  readonly folder: string;
  readonly say: (line: string) => void;
  /** Shorter or longer windows than the size asks for. */
  readonly timing?: Timing;
}): Promise<World> {
  const { demo, scenario, deployment, provider, folder, say } = options;
  const actor = (name: string, wallet: Wallet): Actor => {
    const connected = wallet.connect(provider);
    return { name, wallet: connected, signer: connected, contracts: connect(deployment, connected) };
  };
  const development = (name: string, index: number): Actor => actor(name, new Wallet(developmentKey(index)));
  const actors = {
    admin: development("admin", 0),
    creator: development("creator", 1),
    sponsor: development("sponsor", 2),
    admitter: development("admitter", 3),
    keeper: development("keeper", 4),
    prover: development("prover", 5),
    relayer: development("relayer", 6),
  };
  await execute(actors.admin.contracts.institutions.listAdmitter, [actors.admitter.wallet.address, true]);

  const curve = await Curve.load();
  const schema: TableSchema = { features: [...scenario.ranges], classes: [...scenario.classes] };
  const hash = schemaHash(schema);
  const committeeOnly = scenario.hospitals.length < 3 ? ["committee institution"] : [];
  const institutions: Institution[] = [];
  for (const [index, name] of [...scenario.hospitals.map((hospital) => hospital.name), ...committeeOnly].entries()) {
    const rows = scenario.hospitals[index]?.rows;
    institutions.push(
      await prepareInstitution(
        {
          ...actor(name, new Wallet(hexlify(systemRandom(32)))),
          folder: join(folder, `institution-${index + 1}`),
          share: generateKeyPair(curve),
        },
        rows,
        { actors, deployment, provider, curve, schema, hash, demo },
      ),
    );
  }
  say(
    `registered ${institutions.length} institutions, attested by one admitter; ${institutions.filter(({ data }) => data !== undefined).length} datasets with terms (DUO GRU) and ${institutions.reduce((sum, { data }) => sum + (data?.subjects.length ?? 0), 0)} subject grants`,
  );

  const minted = await execute(actors.creator.contracts.inft.mint, [
    actors.creator.wallet.address,
    500,
    [{ account: actors.creator.wallet.address, bps: 10_000 }],
    keccak256(toUtf8Bytes(`${demo.model} over ${schema.features.length} features`)),
    `mednexus:demo:${scenario.name}`,
  ]);
  const model = eventArgs(minted, "ModelMinted").model as bigint;
  await execute(actors.creator.contracts.versions.startLineage, [model, demo.size, 12, 0]);
  say(`minted model INFT ${model} (royalty 5 %)`);

  const campaigns: { statistics?: bigint; training?: bigint } = {};
  const timing = options.timing ?? TIMING[demo.size];
  const context = { actors, deployment, demo, institutions, hash, model, members: scenario.hospitals.length, timing };
  if (scenario.standardization === "statistics")
    campaigns.statistics = await openCampaign({ ...context, kind: "statistics" });
  campaigns.training = await openCampaign({ ...context, kind: "training" });
  say(
    `opened ${campaigns.statistics === undefined ? "a training campaign" : "a statistics and a training campaign"} with escrow in the test stablecoin`,
  );
  return { deployment, actors, institutions, schema, model, campaigns: campaigns as World["campaigns"] };
}

interface Setting {
  readonly actors: World["actors"];
  readonly deployment: Deployment;
  readonly provider: JsonRpcProvider;
  readonly curve: Curve;
  readonly schema: TableSchema;
  readonly hash: Hash;
  readonly demo: DemoOptions;
}

/** Stake of each institution: bonds and node locks of one round, and some to spare. */
const STAKE = 500n * UNIT;

/** Subject grants a dataset starts with. */
const SUBJECTS = 5;

/** What an institution's own tools act with, here in the demo's process. */
const acting = (institution: Institution, deployment: Deployment) => ({
  contracts: institution.contracts,
  deployment,
  signer: institution.signer,
  address: institution.wallet.address,
  shareKeys: institution.share,
  random: systemRandom,
  store: new FileStore(join(institution.folder, "state")),
  policy: { ...POLICY_DEFAULTS, minMembers: 2 },
});

async function prepareInstitution(
  institution: Institution,
  rows: Rows | undefined,
  setting: Setting,
): Promise<Institution> {
  const { actors, deployment, curve, hash } = setting;
  const { wallet, share, folder } = institution;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeKeys(join(folder, "keys.json"), { account: wallet.privateKey, share: share.secret });
  await (await actors.admin.signer.sendTransaction({ to: wallet.address, value: parseEther("100") })).wait();

  const own = acting(institution, deployment);
  await registerInstitution(own, curve, "relay");
  const year = Math.floor(Date.now() / 1000) + 365 * 86_400;
  await execute(actors.admitter.contracts.institutions.attest, [
    wallet.address,
    id(`group of ${wallet.address}`),
    year,
  ]);
  await tokenAt(deployment.token, institution.signer).mint(wallet.address, 2n * STAKE);
  await provideStake(own, STAKE);
  if (rows === undefined) return institution;

  const csv = toCsv(setting.schema, rows);
  writeFileSync(join(folder, "data.csv"), csv, { mode: 0o600 });
  writeFileSync(join(folder, "schema.json"), JSON.stringify(setting.schema));
  const dataset = await registerDataset(own, { bytes: toUtf8Bytes(csv), records: rows.X.length, schema: hash });
  await execute(actors.admitter.contracts.datasets.auditRecords, [dataset, 1, rows.X.length]);
  await setDataTerms(own, dataset, { permission: DUO_PERMISSIONS.GRU, modifiers: [] });
  const subjects = Array.from({ length: SUBJECTS }, () => Wallet.createRandom());
  await publishGrants(
    own,
    dataset,
    subjects.map(({ address }) => address),
  );
  return { ...institution, data: { dataset, rows, subjects } };
}

/** A subject revokes by signature, relayed by somebody who is neither the subject nor the institution. */
export async function revoke(world: World, institution: Institution, index: number): Promise<void> {
  const { data } = institution;
  const subject = data?.subjects[index];
  if (data === undefined || subject === undefined) throw new MedNexusError("NO_SUBJECT", "no such subject to revoke");
  const kit = revocationKit(acting(institution, world.deployment), data.dataset, 1, subject.address);
  const signed = await signRevocation(kit, subject);
  await relayRevocation(world.actors.relayer.contracts, world.deployment, signed);
}

/** The institution's answer to a revocation: a grant root without that subject, and its row gone from the table. */
export async function dropSubject(world: World, institution: Institution, index: number): Promise<void> {
  const { data } = institution;
  if (data === undefined) throw new MedNexusError("NO_SUBJECT", "no such subject to drop");
  data.subjects.splice(index, 1);
  const keep = <T>(rows: readonly T[]): T[] => rows.filter((_, row) => row !== index);
  const rows = { X: keep(data.rows.X), y: keep(data.rows.y) };
  writeFileSync(join(institution.folder, "data.csv"), toCsv(world.schema, rows), { mode: 0o600 });
  const left = data.subjects.map(({ address }) => address);
  await publishGrants(acting(institution, world.deployment), data.dataset, left);
}

/** A table as a hospital's file has it: features, then the label. */
export function toCsv(schema: TableSchema, rows: Rows): string {
  const cell = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const names = schema.features.map(({ name }) => name);
  const header = [...names, LABEL].map(cell).join(",");
  return [header, ...rows.X.map((row, i) => [...row.map(String), cell(schema.classes[rows.y[i]!])].join(",")), ""].join(
    "\n",
  );
}

/** Label column of the tables that the demo hands to hospitals: no feature can have this name. */
export const LABEL = "mednexus label";

async function openCampaign(options: {
  readonly kind: "statistics" | "training";
  readonly actors: World["actors"];
  readonly deployment: Deployment;
  readonly demo: DemoOptions;
  readonly institutions: readonly Institution[];
  readonly hash: Hash;
  readonly model: bigint;
  readonly members: number;
  readonly timing: Timing;
}): Promise<bigint> {
  const { kind, actors, deployment, demo, institutions, hash, timing } = options;
  const { sponsor, creator } = actors;
  const training = kind === "training";
  const pair = options.members === 2;
  const rounds = training ? demo.rounds : 1;
  const many = institutions.length >= 5;
  const cap = Math.max(...institutions.map(({ data }) => data?.rows.X.length ?? 0));
  const prices = Object.fromEntries(Object.entries(PRICES).map(([name, tokens]) => [name, tokens * UNIT])) as Record<
    keyof typeof PRICES,
    bigint
  >;
  if (!training) prices.proverFeeMin = prices.proverFeeMax = 0n;
  const ramp = 60;
  const unbonding = Number((await sponsor.contracts.parameters.get()).unbonding);
  const terms = {
    model: training ? options.model : 0n,
    kind: training ? 0 : 1,
    eager: true,
    pair: training && pair,
    nodes: many ? 5 : 3,
    threshold: many ? 2 : 1,
    drawDelay: 1,
    maxMembers: options.members,
    minParticipants: training && pair ? 2 : 3,
    maxShareBps: 10_000,
    rounds,
    updateVerifier: verifierId(deployment, "update", demo.size),
    aggregateVerifier: training ? verifierId(deployment, "aggregate", demo.size) : 0,
    cap,
    lambdaF: training ? 1n << 16n : 0n,
    // Statistics: any 16-bit vector; training: B = 2^15 - 1 in units of 2^-12.
    normBound: training ? (1n << 15n) - 1n : (1n << 32n) - 1n,
    schemaHash: hash,
    purpose: {
      permission: DUO_PERMISSIONS.HMB,
      modifiers: 0n,
      disease: ZeroHash,
      region: ZeroHash,
      project: ZeroHash,
      user: sponsor.wallet.address,
    },
    windows: {
      draw: 300,
      commit: timing.commit,
      complaint: timing.dispute,
      ciphertext: timing.dispute,
      reveal: timing.dispute,
      opening: timing.dispute,
      sums: timing.commit,
      challenge: timing.settle,
      answer: timing.dispute,
      ramp,
      close: ramp + unbonding,
    },
    prices,
    admitters: [actors.admitter.wallet.address],
    committee: [],
  };
  const escrow = (rounds_: number): bigint =>
    BigInt(rounds_) * 4n * (prices.dataPool + prices.committeePool + prices.proverFeeMax);
  const token = tokenAt(deployment.token, sponsor.signer);
  await token.mint(sponsor.wallet.address, escrow(rounds));
  await token.ensureAllowance(deployment.addresses.vault, escrow(rounds));
  const deadline = Math.floor(Date.now() / 1000) + 86_400;
  const nonce = BigInt(hexlify(systemRandom(16)));
  const approval = training
    ? await creator.wallet.signTypedData(
        typedDataDomain(BigInt(deployment.chainId), deployment.addresses.campaigns),
        CAMPAIGN_APPROVAL,
        {
          model: options.model,
          termsHash: termsHash(sponsor.contracts, terms),
          sponsor: sponsor.wallet.address,
          nonce,
          deadline,
        },
      )
    : "0x";
  const opened = await execute(sponsor.contracts.campaigns.open, [terms, deployment.token, nonce, deadline, approval]);
  const campaign = eventArgs(opened, "CampaignOpened").campaign as bigint;
  for (const institution of institutions) {
    const own = acting(institution, deployment);
    if (institution.data !== undefined) await enrol(own, campaign, institution.data.dataset);
    await joinPool(own, campaign);
  }
  // Each agrees to the pair it is in, so both have to be in it.
  const members = terms.pair ? institutions.filter(({ data }) => data !== undefined) : [];
  for (const institution of members) await agreePair(acting(institution, deployment), campaign);
  return campaign;
}
