/** Builds the contents of encoding.json from fixed seeds. README.md describes its shape. */
import {
  accumulate,
  accumulateCommitment,
  aggregateChallenge,
  type AggregateContext,
  aggregateContextHash,
  aggregateHash,
  BLINDERS,
  boundAfter,
  CAMPAIGN_APPROVAL,
  CHAIN,
  chainHash,
  chunkHashes,
  CommitKey,
  commitCoefficients,
  Curve,
  digestOf,
  Domain,
  encryptShare,
  evaluate,
  Fr,
  FQ_MODULUS,
  FR_MODULUS,
  type G1,
  G1_GENERATOR,
  G1_INFINITY,
  G2_GENERATOR,
  grantLeaf,
  type Hash,
  importAggregateHash,
  importBound,
  importChallenge,
  importContextHash,
  importFactor,
  importNormBound2,
  INSECURE_TAU,
  insecureSrs,
  keyContextHash,
  keyHash,
  linkChallenge,
  lower,
  masks,
  memberKey,
  memberNormBound2,
  merkleProof,
  merkleRoot,
  packLimbs,
  proveKey,
  randomFr,
  randomFrVector,
  randomNonZeroFr,
  reconstruct,
  revealKey,
  REVOCATION,
  rootOfUnity,
  roundWeight,
  SET_SIGNATURE,
  setHash,
  shareCoefficients,
  shareCommitment,
  shareContextHash,
  shareEvaluationPoint,
  shareFor,
  shareManifestHash,
  squaredNorm,
  srsHash,
  sumDigest,
  sumEvaluationPoint,
  sumShares,
  sumValues,
  tag,
  typedDataDomain,
  type UpdateContext,
  updateContextHash,
  updateHash,
  updateVector,
} from "@mednexus/sdk";
import { id, TypedDataEncoder } from "ethers";
import { inferenceVectors, sealVectors } from "./private.ts";
import { seededInt, seededRandom } from "./seeded.ts";

const hex = (value: bigint): string => `0x${value.toString(16).padStart(64, "0")}`;
const words = (values: readonly bigint[]): string[] => values.map(hex);
const ints = (values: readonly bigint[]): string[] => values.map(String);
const address = (i: number): string => `0x${i.toString(16).padStart(40, "0")}`;

const TAGS = ["ctx", "link", "share", "schnorr", "dleq", "cipher", "manifest", "eval", "set", "sum", "sumEval"];
const MORE_TAGS = ["agg", "aggLink", "import", "importAgg", "batch", "key", "grant", "seal"];
const CHAIN_ID = 31337n;
const CONTRACTS = {
  roundManager: address(0xa1),
  roundSettlement: address(0xa2),
  modelVersions: address(0xa3),
  shareDisputes: address(0xa4),
  consentRegistry: address(0xa5),
  campaignRegistry: address(0xa6),
  institutionRegistry: address(0xa7),
  modelINFT: address(0xa8),
};
const CAMPAIGN = { campaign: 3n, round: 7n, model: 5n };
const NORM_BOUND2 = 1n << 40n;
const RECORD_CAP = 500n;
const SCALE = { updateBits: 12, stepBits: 4 };

interface Setting {
  readonly n: number;
  readonly nodes: number;
  readonly threshold: number;
  readonly seed: bigint;
}

/** Everything one member sends, with the secrets that a second implementation needs to recompute it. */
async function member(key: CommitKey, hashes: { keyHash: Hash; srsHash: Hash }, setting: Setting, index: number) {
  const { n, nodes, threshold } = setting;
  const { curve } = key;
  const random = seededRandom(setting.seed + BigInt(index));
  const values = Array.from({ length: n }, () => seededInt(random, -32768n, 32767n));
  // both ends of the range, zero and the smallest negative
  [-32768n, 32767n, 0n, -1n].forEach((edge, j) => (values[j] = edge));
  const blinders = randomFrVector(BLINDERS, random);
  const vector = updateVector(values, blinders);
  const records = RECORD_CAP - BigInt(100 * index);
  const context: UpdateContext = {
    chainId: CHAIN_ID,
    roundManager: CONTRACTS.roundManager,
    campaign: CAMPAIGN.campaign,
    round: CAMPAIGN.round,
    base: index === 0 ? G1_INFINITY : curve.mul(G1_GENERATOR, 11n),
    ...hashes,
    n,
    normBound2: memberNormBound2(NORM_BOUND2, records, RECORD_CAP),
    nodes,
    threshold,
    institution: address(0xb0 + index),
    dataset: BigInt(20 + index),
    datasetVersion: 1 + index,
    consentEpoch: BigInt(40 + index),
    records,
  };
  const ctx = updateContextHash(context);
  const c = await key.commit(vector);
  const coefficients = shareCoefficients(n + BLINDERS, threshold, random);
  const a = await commitCoefficients(key, coefficients);
  const posted = [];
  const digests: Hash[] = [];
  const shares = [];
  for (let s = 1; s <= nodes; s++) {
    const secret = randomNonZeroFr(seededRandom(9000n + BigInt(s)));
    const publicKey = curve.mul(G1_GENERATOR, secret);
    const tape = setting.seed * 1000n + BigInt(100 * index + s);
    const replay = seededRandom(tape);
    const [ephemeral, nonce] = [randomNonZeroFr(replay), randomNonZeroFr(replay)];
    const share = shareFor(vector, coefficients, s);
    const cipher = encryptShare(curve, publicKey, ctx, c, share, seededRandom(tape));
    const ctxShare = shareContextHash(ctx, c, s, cipher.e);
    const dleqNonce = randomNonZeroFr(seededRandom(tape + 50n));
    const reveal = revealKey(curve, { secret, publicKey }, ctxShare, cipher.e, seededRandom(tape + 50n));
    const digest = digestOf(cipher);
    const z = shareEvaluationPoint(ctxShare, digest, reveal.k);
    const opening = await key.open(share.words, z);
    digests.push(digest);
    shares.push(share);
    posted.push({
      s,
      secretKey: hex(secret),
      publicKey: point(publicKey),
      ephemeral: hex(ephemeral),
      e: point(cipher.e),
      ctxShare,
      schnorr: { nonce: hex(nonce), r: point(cipher.proof.r), z: hex(cipher.proof.z) },
      k: point(reveal.k),
      dleq: {
        nonce: hex(dleqNonce),
        r1: point(reveal.proof.r1),
        r2: point(reveal.proof.r2),
        z: hex(reveal.proof.z),
      },
      share: words(share.words),
      masks: words(masks(reveal.k, ctxShare, 3)),
      cipher: words(cipher.words),
      chunkHashes: chunkHashes(cipher.words),
      digest,
      shareCommitment: point(shareCommitment(curve, c, a, s)),
      evaluation: { z: hex(z), y: hex(opening.y), w: point(opening.w) },
    });
  }
  const shareManifest = shareManifestHash(digests);
  const h = updateHash(values, blinders);
  const r = linkChallenge(ctx, c, a, shareManifest, h);
  const opening = await key.open(vector, r);
  const json = {
    context: { ...plain(context), base: point(context.base) },
    ctx,
    values: ints(values),
    blinders: words(blinders),
    squaredNorm: String(squaredNorm(values)),
    limbs: words(packLimbs(values)),
    h: hex(h),
    c: point(c),
    coefficients: coefficients.map(words),
    a: a.map(point),
    posted,
    shareManifest,
    r: hex(r),
    y: hex(opening.y),
    w: point(opening.w),
  };
  return { json, vector, c, shares, a, institution: context.institution, records };
}

/** Three members, their frozen set, its sums and the aggregation that follows from them. */
async function round(key: CommitKey, hashes: { keyHash: Hash; srsHash: Hash }, setting: Setting) {
  const { curve } = key;
  const { n, nodes, threshold } = setting;
  const members: Awaited<ReturnType<typeof member>>[] = [];
  for (let i = 0; i < 3; i++) members.push(await member(key, hashes, setting, i));
  const memberKeys = members.map((m) => memberKey(m.institution, m.c));
  const set = setHash(CHAIN_ID, CONTRACTS.roundManager, CAMPAIGN.round, memberKeys);
  const aggregateCoefficients = Array.from({ length: threshold }, (_, k) => curve.sum(members.map((m) => m.a[k]!)));
  const aggregateCommitment = curve.sum(members.map((m) => m.c));
  const sums = Array.from({ length: nodes }, (_, s) => sumShares(members.map((m) => m.shares[s]!)));
  const sumJson = [];
  for (const sum of sums) {
    const hashesOfChunks = chunkHashes(sum.words);
    const digest = sumDigest(CAMPAIGN.round, sum.s, set, hashesOfChunks);
    const z = sumEvaluationPoint(digest);
    const opening = await key.open(sum.words, z);
    sumJson.push({
      s: sum.s,
      words: words(sum.words),
      chunkHashes: hashesOfChunks,
      digest,
      commitment: point(shareCommitment(curve, aggregateCommitment, aggregateCoefficients, sum.s)),
      evaluation: { z: hex(z), y: hex(opening.y), w: point(opening.w) },
    });
  }
  const total = reconstruct(sums, threshold);
  const random = seededRandom(setting.seed + 77n);
  const baseValues = Array.from({ length: n }, () => seededInt(random, -(1n << 40n), 1n << 40n));
  const base = [...lower(baseValues), ...randomFrVector(BLINDERS, random)];
  const baseCommitment = await key.commit(base);
  const lambda = roundWeight(
    3n,
    RECORD_CAP,
    members.reduce((sum, m) => sum + m.records, 0n),
  );
  const model = accumulate(base, lambda, total);
  const modelCommitment = accumulateCommitment(
    curve,
    baseCommitment,
    lambda,
    members.map((m) => m.c),
  );
  const context: AggregateContext = {
    chainId: CHAIN_ID,
    roundSettlement: CONTRACTS.roundSettlement,
    ...CAMPAIGN,
    base: baseCommitment,
    setHash: set,
    lambda,
    ...hashes,
    n,
    payee: address(0xc1),
    storageRoot: id("storage") as Hash,
    artefactRoot: id("artefact") as Hash,
  };
  const ctxM = aggregateContextHash(context);
  const h = aggregateHash(model);
  const r = aggregateChallenge(ctxM, modelCommitment, h);
  const opening = await key.open(model, r);
  return {
    n,
    nodes,
    threshold,
    members: members.map((m) => m.json),
    memberKeys,
    setHash: set,
    aggregateCommitment: point(aggregateCommitment),
    sums: sumJson,
    total: { values: ints(sumValues(total, members.length)), blinders: words(total.slice(n)) },
    aggregate: {
      step: "3",
      cap: String(RECORD_CAP),
      base: words(base),
      baseCommitment: point(baseCommitment),
      model: words(model),
      modelCommitment: point(modelCommitment),
      context: { ...plain(context), base: point(baseCommitment) },
      ctxM,
      h: hex(h),
      r: hex(r),
      y: hex(opening.y),
      w: point(opening.w),
    },
  };
}

async function importedBase(key: CommitKey, hashes: { keyHash: Hash; srsHash: Hash }) {
  const { n, curve } = key;
  const random = seededRandom(4242n);
  const values = Array.from({ length: n }, () => seededInt(random, -32768n, 32767n));
  const blinders = randomFrVector(BLINDERS, random);
  const vector = updateVector(values, blinders);
  const c = await key.commit(vector);
  const context = { chainId: CHAIN_ID, modelVersions: CONTRACTS.modelVersions, model: CAMPAIGN.model, ...hashes, n };
  const ctxI = importContextHash(context);
  const h = updateHash(values, blinders);
  const r = importChallenge(ctxI, c, h);
  const factor = importFactor(SCALE);
  const model = vector.map((v) => Fr.mul(v, factor));
  const modelCommitment = curve.mul(c, factor);
  const hM = aggregateHash(model);
  const ctxM = importAggregateHash(ctxI);
  const rM = aggregateChallenge(ctxM, modelCommitment, hM);
  return {
    context: plain(context),
    ctxI,
    values: ints(values),
    blinders: words(blinders),
    c: point(c),
    h: hex(h),
    r: hex(r),
    y: hex(evaluate(vector, r)),
    normBound2: String(importNormBound2(n)),
    stepBits: SCALE.stepBits,
    factor: String(factor),
    bound: String(importBound(SCALE)),
    modelCommitment: point(modelCommitment),
    hM: hex(hM),
    importAggregate: ctxM,
    rM: hex(rM),
    yM: hex(evaluate(model, rM)),
  };
}

/** A structurally valid verifying key of known multiples: for the key hash, not for proofs. */
function sampleKey(curve: Curve) {
  const [alpha, beta, gamma, delta] = [21n, 22n, 1n, 24n];
  const key = {
    alpha: curve.mul(G1_GENERATOR, alpha),
    beta: curve.mulG2(G2_GENERATOR, beta),
    gamma: curve.mulG2(G2_GENERATOR, gamma),
    delta: curve.mulG2(G2_GENERATOR, delta),
    ic: [31n, 32n, 33n, 34n, 35n].map((s) => curve.mul(G1_GENERATOR, s)),
  };
  const json = {
    circuit: "update",
    n: 16,
    scalars: { alpha: 21, beta: 22, gamma: 1, delta: 24, ic: [31, 32, 33, 34, 35] },
    alpha: point(key.alpha),
    beta: words(Object.values(key.beta)),
    gamma: words(Object.values(key.gamma)),
    delta: words(Object.values(key.delta)),
    ic: key.ic.map(point),
    keyHash: keyHash("update", 16, key),
  };
  return json;
}

/** An institution's encryption key with the proof of possession that registration asks for. */
function keyRegistration(curve: Curve) {
  const institution = address(0xb0);
  const [secret, nonce] = [randomNonZeroFr(seededRandom(555n)), randomNonZeroFr(seededRandom(556n))];
  const publicKey = curve.mul(G1_GENERATOR, secret);
  const bound = keyContextHash(CHAIN_ID, CONTRACTS.institutionRegistry, institution);
  const proof = proveKey(curve, { secret, publicKey }, bound, seededRandom(556n));
  return {
    institution,
    secretKey: hex(secret),
    publicKey: point(publicKey),
    keyContext: bound,
    nonce: hex(nonce),
    r: point(proof.r),
    z: hex(proof.z),
  };
}

function consent() {
  const grants = Array.from({ length: 5 }, (_, i) => ({
    dataset: "20",
    datasetVersion: 1,
    subjectKey: address(0xd0 + i),
    salt: hex(randomFr(seededRandom(600n + BigInt(i)))),
  }));
  const leaves = grants.map((g) => grantLeaf(BigInt(g.dataset), g.datasetVersion, g.subjectKey, g.salt));
  return { grants, leaves, root: merkleRoot(leaves), proofs: leaves.map((_, i) => merkleProof(leaves, i)) };
}

const typedDigest = (contract: string, types: typeof REVOCATION, message: Record<string, unknown>) => ({
  verifyingContract: contract,
  types,
  message: plain(message),
  digest: TypedDataEncoder.hash(typedDataDomain(CHAIN_ID, contract), types, message),
});

function typedData(set: Hash, leaf: Hash) {
  return {
    setSignature: typedDigest(CONTRACTS.shareDisputes, SET_SIGNATURE, { round: CAMPAIGN.round, setHash: set }),
    revocation: typedDigest(CONTRACTS.consentRegistry, REVOCATION, { dataset: 20n, leaf }),
    campaignApproval: typedDigest(CONTRACTS.campaignRegistry, CAMPAIGN_APPROVAL, {
      model: CAMPAIGN.model,
      termsHash: tag("terms"),
      sponsor: address(0xe1),
      nonce: 0n,
      deadline: 2000000000n,
    }),
  };
}

function arithmetic() {
  const norms = [
    [NORM_BOUND2, 500n, 500n],
    [NORM_BOUND2, 499n, 500n],
    [999999999999n, 7n, 13n],
  ].map(([b2, records, cap]) => ({
    normBound2: String(b2),
    records: String(records),
    cap: String(cap),
    result: String(memberNormBound2(b2!, records!, cap!)),
  }));
  const weights = [
    [3n, 500n, 1200n],
    [1n, 500n, 500n],
    [65535n, 7n, 3n],
  ].map(([step, cap, total]) => ({
    step: String(step),
    cap: String(cap),
    total: String(total),
    result: String(roundWeight(step!, cap!, total!)),
  }));
  const bounds = [
    [0n, 3n, NORM_BOUND2, 10n],
    [1n << 35n, 16n, 999999999999n, 1n],
  ].map(([bound, step, b2, rounds]) => ({
    bound: String(bound),
    step: String(step),
    normBound2: String(b2),
    rounds: String(rounds),
    result: String(boundAfter(bound!, step!, b2!, rounds!)),
  }));
  return { memberNormBound2: norms, roundWeight: weights, boundAfter: bounds };
}

export async function buildVectors(): Promise<object> {
  const curve = await Curve.load();
  const verifyingKey = sampleKey(curve);
  const keys = new Map<number, CommitKey>();
  for (const n of [16, 128]) keys.set(n, await CommitKey.create(curve, await insecureSrs(curve, n)));
  const { tauG1, tauG2 } = keys.get(16)!;
  const hashes = { keyHash: verifyingKey.keyHash, srsHash: srsHash(tauG1, tauG2) };
  const rounds = [
    await round(keys.get(16)!, hashes, { n: 16, nodes: 3, threshold: 1, seed: 1000n }),
    await round(keys.get(16)!, hashes, { n: 16, nodes: 5, threshold: 2, seed: 2000n }),
    await round(keys.get(128)!, hashes, { n: 128, nodes: 3, threshold: 1, seed: 3000n }),
  ];
  const consentJson = consent();
  const chunkWordsCount = 4100;
  return {
    version: 1,
    contracts: CONTRACTS,
    chainId: String(CHAIN_ID),
    tags: Object.fromEntries([...TAGS, ...MORE_TAGS].map((name) => [name, tag(name)])),
    domains: Array.from({ length: 13 }, (_, k) => ({ k, omega: hex(rootOfUnity(k)) })),
    lagrange: { n: 16, z: hex(12345n), values: words(Domain.of(16).lagrangeAt(12345n)) },
    insecureTau: hex(INSECURE_TAU),
    srs: { tauG1: point(tauG1), tauG2: words(Object.values(tauG2)), srsHash: hashes.srsHash },
    verifyingKey,
    chains: [
      { name: "no elements", n: 16, bits: 16, kind: 1, elements: [], hash: hex(chainHash(16, CHAIN.update, [])) },
      ...[1, 15, 16].map((count) => {
        const elements = lower(Array.from({ length: count }, (_, i) => BigInt(i % 2 === 0 ? i : -i)));
        const hash = hex(chainHash(128, CHAIN.aggregate, elements));
        return { name: `${count} elements`, n: 128, bits: 0, kind: 2, elements: words(elements), hash };
      }),
    ],
    inference: inferenceVectors(rounds[0]!.aggregate.model.map(BigInt)),
    rekey: sealVectors(CHAIN_ID, CONTRACTS.modelINFT, CAMPAIGN.model),
    chunks: {
      rule: "word j = (j + 1)^5 mod r",
      count: chunkWordsCount,
      chunkHashes: chunkHashes(Array.from({ length: chunkWordsCount }, (_, j) => Fr.pow(BigInt(j + 1), 5n))),
    },
    rounds,
    import: await importedBase(keys.get(16)!, hashes),
    keyRegistration: keyRegistration(curve),
    consent: consentJson,
    typedData: typedData(rounds[0]!.setHash, consentJson.leaves[0]!),
    arithmetic: arithmetic(),
    rejected: {
      scalars: words([FR_MODULUS, FR_MODULUS + 1n, (1n << 256n) - 1n]),
      values: ["32768", "-32769", String(1n << 253n)],
      points: [
        { why: "off the curve", ...point({ x: 1n, y: 3n }) },
        { why: "x = q + 1", ...point({ x: FQ_MODULUS + 1n, y: 2n }) },
        { why: "y = q + 2", ...point({ x: 1n, y: FQ_MODULUS + 2n }) },
      ],
    },
  };
}

const point = (p: G1): { x: string; y: string } => ({ x: hex(p.x), y: hex(p.y) });

/** Bigints as decimal strings, so that the file is plain JSON. */
function plain(record: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).map(([k, v]) => [k, typeof v === "bigint" ? String(v) : v]));
}
