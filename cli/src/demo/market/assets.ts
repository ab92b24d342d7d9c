/** What is sold: a trained model behind a sealed token, and a hospital's encrypted table under consent. */
import { concat, getBytes, type HDNodeWallet, id, keccak256, toUtf8Bytes, ZeroHash } from "ethers";
import {
  archiveOf,
  createModel,
  exactStandardizer,
  keptVersion,
  localStoreOf,
  localTrainer,
  parseCsv,
  publishGrants,
  type Rows,
  registerDataset,
  registerInstitution,
  revocationKit,
  type Scenario,
  schemaHash,
  setDataTerms,
  type Standardizer,
  standardizeRows,
  type TableSchema,
  trainToConvergence,
} from "@mednexus/hospital";
import {
  checkAgainstChain,
  DUO_PERMISSIONS,
  execute,
  type Hash,
  importModel,
  logitOf,
  mintModel,
  openKey,
  probabilityOf,
  type Purpose,
  quantize,
  quantizeInput,
  readDataset,
  readEnvelope,
  readManifest,
  readRegisteredVersion,
  relayRevocation,
  type Scale,
  SEAL_PROMISE,
  sealWeights,
  signRevocation,
} from "@mednexus/sdk";
import { LABEL, toCsv } from "../world.ts";
import { type Market, type Party, UNIT } from "./parties.ts";
import { type Check, refusal, type Teller } from "./teller.ts";

/** Circuit size of the model. */
export const SIZE = 128;
const SCALE: Scale = { updateBits: 12, stepBits: 8 };

/** Fixed at mint. */
export const ROYALTY_BPS = 500n;
export const SPLIT = { lab: 7_000n, university: 3_000n };

const SUBJECTS = 10;

/** A model as its owner has it. */
export interface Model {
  readonly id: bigint;
  /** h_M of version 0 on chain */
  readonly root: bigint;
  /** M̃ ‖ P̃; secret */
  readonly vector: readonly bigint[];
  /** behind the sealed key; secret */
  readonly key: bigint;
  readonly dataHash: Hash;
  readonly standardizer: Standardizer;
  /** As trained, before rounding: log-odds of the second class. */
  readonly logit: (row: readonly number[]) => number;
}

export interface Dataset {
  readonly id: bigint;
  /** As the hospital has them. */
  readonly rows: Rows;
  readonly schema: TableSchema;
  readonly subjects: readonly HDNodeWallet[];
}

/** One record as the circuit takes it, and what the model as trained says of it. */
export interface Query {
  readonly input: readonly bigint[];
  readonly logit: number;
}

/** The lab trains on its own rows, mints, proves the version and seals it. */
export async function makeModel(
  market: Market,
  scenario: Scenario,
  seed: number,
  { tell }: Pick<Teller, "tell">,
  check: Check,
): Promise<Model> {
  const { lab, university } = market.parties;
  const rows = scenario.hospitals[0]!.rows;
  const standardizer = exactStandardizer(rows.X);
  const kind = createModel("logistic", scenario.ranges.length, SIZE);
  const weights = trainToConvergence(kind, standardizeRows(standardizer, rows), seed);
  const { accuracy } = await localTrainer(kind).evaluate(weights, standardizeRows(standardizer, scenario.evaluation));
  tell(
    `the lab trained a logistic model on ${rows.X.length} rows of its own: ${(100 * accuracy).toFixed(1)} % right on held-out rows`,
  );

  const split = Object.entries(SPLIT).map(([name, bps]) => ({ account: market.parties[name as "lab"].address, bps }));
  const runtime = keccak256(toUtf8Bytes(`logistic over ${scenario.ranges.length} standardized features`));
  for (const line of SEAL_PROMISE) tell(`- ${line}`);
  const { model } = await mintModel(lab.contracts, {
    to: lab.address,
    royaltyBps: ROYALTY_BPS,
    split,
    runtimeHash: runtime,
    uri: "mednexus:demo:market",
  });
  tell(`minted as INFT ${model}: royalty 5 %, split 70 : 30 with the university (${university.address.slice(0, 10)}…)`);

  const values = quantize(weights, { n: SIZE, updateBits: SCALE.updateBits, records: 1n, cap: 1n });
  const imported = await importModel(
    { contracts: lab.contracts, deployment: market.deployment, commitKey: market.commitKey, backend: market.backend },
    model,
    values,
    SCALE,
  );
  const { h } = await lab.contracts.versions.versionOf(model, 0);
  check("the chain has the model's root", h === imported.root);
  tell("version 0 imported: its range and its root proved (update, aggregate), its weights hidden by the commitment");

  const { dataHash, key } = await sealWeights(
    { contracts: lab.contracts, deployment: market.deployment, store: market.models },
    { model, vector: imported.vector, holder: lab.seal.publicKey },
  );
  check("the token is sealed", await lab.contracts.inft.isSealed(model));
  tell("weights encrypted into the store; their key sealed on chain for the lab");
  const logit = (row: readonly number[]): number => kind.logit(weights, row);
  return { id: model, root: imported.root, vector: imported.vector, key, dataHash, standardizer, logit };
}

/** The hospital registers itself and its table; nobody else has the key. */
export async function registerTable(
  market: Market,
  scenario: Scenario,
  { tell }: Pick<Teller, "tell">,
  check: Check,
): Promise<Dataset> {
  const { hospital, admin, admitter } = market.parties;
  const own = market.hospitalTools();
  await execute(admin.contracts.institutions.listAdmitter, [admitter.address, true]);
  await registerInstitution(own, market.curve);
  const until = (await market.now()) + 365n * 86_400n;
  await execute(admitter.contracts.institutions.attest, [hospital.address, id("group of the hospital"), until]);

  const { rows } = scenario.hospitals[1]!;
  const schema: TableSchema = { features: [...scenario.ranges], classes: [...scenario.classes] };
  const bytes = toUtf8Bytes(toCsv(schema, rows));
  const dataset = await registerDataset(own, { bytes, records: rows.X.length, schema: schemaHash(schema) });
  const { manifest } = keptVersion(own, dataset);
  const read = await readManifest(localStoreOf(own), manifest);
  const registered = await readRegisteredVersion(hospital.contracts, market.deployment.chainId, dataset);
  check(
    "the stored manifest is the registered one",
    (await refusal(checkAgainstChain(read, registered))) === undefined,
  );
  const subjects = market.subjects(SUBJECTS);
  tell(`${rows.X.length} records encrypted (AES-256-GCM, ${read.size} bytes) and registered as dataset ${dataset}`);
  return { id: dataset, rows, schema, subjects };
}

/** What the researcher asks for. */
export const purposeOf = (user: Party, permission: number = DUO_PERMISSIONS.HMB): Purpose => ({
  permission,
  modifiers: 0n,
  disease: ZeroHash,
  region: ZeroHash,
  project: ZeroHash,
  user: user.address,
});

export async function consent(
  market: Market,
  dataset: Dataset,
  { tell }: Pick<Teller, "tell">,
  check: Check,
): Promise<void> {
  const { researcher } = market.parties;
  const own = market.hospitalTools();
  const asked = (permission: number) =>
    researcher.contracts.consent.requireAllowed(dataset.id, 1, purposeOf(researcher, permission));
  check("without terms nothing is allowed", (await refusal(asked(DUO_PERMISSIONS.HMB))) === "NoTerms");
  await setDataTerms(own, dataset.id, { permission: DUO_PERMISSIONS.HMB, modifiers: [] });
  await publishGrants(
    own,
    dataset.id,
    dataset.subjects.map(({ address }) => address),
  );
  check("biomedical research is allowed", (await refusal(asked(DUO_PERMISSIONS.HMB))) === undefined);
  check("a broader purpose is refused", (await refusal(asked(DUO_PERMISSIONS.GRU))) === "PurposeRefused");
  tell(`terms DUO HMB (biomedical research); ${SUBJECTS} patients' grants behind one salted root`);
  tell("the researcher's purpose HMB is allowed, general research use (GRU) is refused by name");
}

/** A patient revokes by signature, relayed by somebody who is neither patient nor hospital. */
export async function revoke(market: Market, dataset: Dataset, index: number): Promise<void> {
  const subject = dataset.subjects[index]!;
  const kit = revocationKit(market.hospitalTools(), dataset.id, 1, subject.address);
  await relayRevocation(market.parties.keeper.contracts, market.deployment, await signRevocation(kit, subject));
}

/** The hospital seals the dataset's key to the reader; the rows that the reader then decrypts. */
export async function handOverTable(market: Market, dataset: Dataset, to: Party): Promise<Rows> {
  const own = market.hospitalTools();
  const store = localStoreOf(own);
  const root = await archiveOf(own, store).share(keptVersion(own, dataset.id).dataset, to.reader.publicKey);
  // From here on as the reader, with its own key and what lies in the store.
  const envelope = await readEnvelope(store, root);
  const manifest = await readManifest(store, envelope.manifest);
  const key = await openKey(to.reader, manifest, envelope);
  const blob = await store.open(manifest.root);
  try {
    const parts: Uint8Array[] = [];
    for await (const part of readDataset(manifest, key, blob)) parts.push(part);
    const { features, classes } = dataset.schema;
    const shape = { features: features.map(({ name }) => name), classes: [...classes] as [string, string] };
    return parseCsv(getBytes(concat(parts)), { label: LABEL, shape });
  } finally {
    await blob.close();
  }
}

export function queryOf(model: Model, rows: Rows, index: number): Query {
  const at = index % rows.X.length;
  const [row] = standardizeRows(model.standardizer, { X: [rows.X[at]!], y: [rows.y[at]!] }).X;
  return { input: quantizeInput(row!, SIZE), logit: model.logit(row!) };
}

/** What rounding weights (2^-12) and inputs (2^-11) can move a logit by, with room: 31 terms, inputs within 10. */
export const LOGIT_TOLERANCE = 0.1;
export const logit = (score: bigint): number => logitOf(score, SCALE);
export const probabilityText = (score: bigint): string => `${(100 * probabilityOf(score, SCALE)).toFixed(1)} %`;

export const tokens = (amount: bigint): string => (Number(amount) / Number(UNIT)).toFixed(2);
