import { expect } from "chai";
import { TypedDataEncoder, verifyTypedData, Wallet } from "ethers";
import { G1_GENERATOR, G1_INFINITY, G2_GENERATOR } from "./curve.ts";
import { EncodingError } from "./errors.ts";
import { FR_MODULUS } from "./field.ts";
import { leafNode, merkleProof, merkleRoot, verifyMerkleProof } from "./merkle.ts";
import {
  aggregateChallenge,
  type AggregateContext,
  aggregateContextHash,
  CAMPAIGN_APPROVAL,
  ciphertextDigest,
  consentSetHash,
  grantLeaf,
  mondoLeaf,
  purposeHash,
  importAggregateHash,
  importContextHash,
  keyHash,
  linkChallenge,
  memberKey,
  SET_SIGNATURE,
  setHash,
  shareContextHash,
  shareManifestHash,
  srsHash,
  sumDigest,
  tag,
  typedDataDomain,
  type UpdateContext,
  updateContextHash,
} from "./transcript.ts";

const A1 = `0x${"a1".repeat(20)}`;
const A2 = `0x${"a2".repeat(20)}`;
const H1 = tag("one");
const H2 = tag("two");
const REF = { dataset: 1n, version: 2, epoch: 3n };
const TWO = {
  x: 1368015179489954701390400359078579693043519447331113978918064868415326638035n,
  y: 9918110051302171585080402603319702774565515993150576347155970296011118125764n,
};

const update: UpdateContext = {
  chainId: 1n,
  roundManager: A1,
  campaign: 2n,
  round: 3n,
  base: G1_GENERATOR,
  keyHash: H1,
  srsHash: H2,
  n: 16,
  normBound2: 5n,
  nodes: 3,
  threshold: 1,
  institution: A2,
  dataset: 6n,
  datasetVersion: 7,
  consentEpoch: 8n,
  records: 9n,
};

const aggregate: AggregateContext = {
  chainId: 1n,
  roundSettlement: A1,
  campaign: 2n,
  round: 3n,
  model: 4n,
  base: G1_GENERATOR,
  setHash: H1,
  lambda: 5n,
  keyHash: H1,
  srsHash: H2,
  n: 16,
  payee: A2,
  storageRoot: H1,
  artefactRoot: H2,
};

/** The same record with one field changed, for every field. */
function variants<T extends object>(record: T): T[] {
  const other = (v: unknown): unknown => {
    if (typeof v === "bigint") return v + 1n;
    if (typeof v === "number") return v + 1;
    if (v === A1) return A2;
    if (v === A2) return A1;
    if (v === H1) return H2;
    if (v === H2) return H1;
    return G1_INFINITY;
  };
  return Object.entries(record).map(([name, value]) => ({ ...record, [name]: other(value) }));
}

const distinct = (hashes: unknown[]): void => {
  expect(new Set(hashes).size).to.equal(hashes.length);
};

describe("transcript", () => {
  it("[attack 16] [attack 60] [attack 61] [attack 69] every field of a context changes its hash: chain, contract, round, base, payee, …", () => {
    distinct([update, ...variants(update)].map(updateContextHash));
    distinct([aggregate, ...variants(aggregate)].map(aggregateContextHash));
    const imported = { chainId: 1n, modelVersions: A1, model: 2n, keyHash: H1, srsHash: H2, n: 16 };
    distinct([imported, ...variants(imported)].map(importContextHash));
    const wanted = { permission: 6, modifiers: 1n, disease: H1, region: H1, project: H1, user: A1 };
    distinct([wanted, ...variants(wanted)].map(purposeHash));
    distinct([
      consentSetHash(2n, A1, [REF]),
      consentSetHash(1n, A2, [REF]),
      ...[REF, ...variants(REF)].map((ref) => consentSetHash(1n, A1, [ref])),
    ]);
  });

  it("[attack 12] [attack 32] r depends on context, C, each A in order, the manifest and h, and is a scalar", () => {
    const r = (ctx = H1, c = G1_GENERATOR, a = [G1_GENERATOR, TWO], manifest = H2, h = 1n): bigint =>
      linkChallenge(ctx, c, a, manifest, h);
    const all = [
      r(),
      r(H2),
      r(H1, TWO),
      r(H1, G1_GENERATOR, [TWO, G1_GENERATOR]),
      r(H1, G1_GENERATOR, [G1_GENERATOR]),
      r(H1, G1_GENERATOR, [G1_GENERATOR, TWO], H1),
      r(H1, G1_GENERATOR, [G1_GENERATOR, TWO], H2, 2n),
      aggregateChallenge(H1, G1_GENERATOR, 1n),
    ];
    distinct(all);
    for (const challenge of all) expect(challenge >= 0n && challenge < FR_MODULUS).to.equal(true);
  });

  it("[attack 58] neighbouring dynamic fields cannot be re-split, and no tag's hash is another's", () => {
    distinct([
      shareManifestHash([H1, H2]),
      shareManifestHash([H1]),
      shareManifestHash([H2, H1]),
      setHash(1n, A1, 1n, [H1, H2]),
      ciphertextDigest(1, G1_GENERATOR, TWO, 1n, [H1, H2]),
      ciphertextDigest(1, G1_GENERATOR, TWO, 1n, [H1]),
      sumDigest(1n, 1, H1, [H2]),
      sumDigest(1n, 2, H1, [H2]),
      shareContextHash(H1, G1_GENERATOR, 1, TWO),
      shareContextHash(H1, TWO, 1, G1_GENERATOR),
      memberKey(A1, G1_GENERATOR),
      memberKey(A2, G1_GENERATOR),
      importAggregateHash(H1),
      grantLeaf(1n, 1, A1, H1),
      mondoLeaf(H1, H2),
      mondoLeaf(H2, H1),
      consentSetHash(1n, A1, []),
      consentSetHash(1n, A1, [REF]),
      consentSetHash(1n, A1, [REF, REF]),
    ]);
  });

  it("values that do not fit their type are refused instead of wrapped", () => {
    expect(() => updateContextHash({ ...update, round: 1n << 64n })).to.throw("out-of-bounds");
    expect(() => updateContextHash({ ...update, nodes: 256 })).to.throw("out-of-bounds");
    expect(() => updateContextHash({ ...update, records: -1n })).to.throw();
    expect(() => updateContextHash({ ...update, keyHash: "0x12" })).to.throw();
  });

  it("a key hash covers circuit, size and every point", () => {
    const g2 = G2_GENERATOR;
    const key = { alpha: G1_GENERATOR, beta: g2, gamma: g2, delta: g2, ic: [G1_GENERATOR, TWO] };
    const other = { ...g2, xIm: 5n };
    distinct([
      keyHash("update", 16, key),
      keyHash("aggregate", 16, key),
      keyHash("update", 32, key),
      ...[
        { alpha: TWO },
        { beta: other },
        { gamma: other },
        { delta: other },
        { ic: [TWO, G1_GENERATOR] },
        { ic: [TWO] },
      ].map((change) => keyHash("update", 16, { ...key, ...change })),
      srsHash(G1_GENERATOR, g2),
      srsHash(TWO, g2),
    ]);
  });

  it("typed data is bound to chain and contract and recovers its signer", async () => {
    const wallet = new Wallet(`0x${"11".repeat(32)}`);
    const message = { round: 7n, setHash: H1 };
    const domain = typedDataDomain(31337n, A1);
    const signature = await wallet.signTypedData(domain, SET_SIGNATURE, message);
    expect(verifyTypedData(domain, SET_SIGNATURE, message, signature)).to.equal(wallet.address);
    for (const other of [typedDataDomain(1n, A1), typedDataDomain(31337n, A2)]) {
      expect(verifyTypedData(other, SET_SIGNATURE, message, signature)).to.not.equal(wallet.address);
    }
    expect(TypedDataEncoder.from(CAMPAIGN_APPROVAL).encodeType("CampaignApproval")).to.equal(
      "CampaignApproval(uint64 model,bytes32 termsHash,address sponsor,uint256 nonce,uint64 deadline)",
    );
  });
});

describe("grant trees", () => {
  const leaves = Array.from({ length: 7 }, (_, i) => grantLeaf(1n, 1, A1, tag(String(i))));

  it("proves each leaf and nothing else, at every size", () => {
    for (let size = 1; size <= leaves.length; size++) {
      const some = leaves.slice(0, size);
      const root = merkleRoot(some);
      some.forEach((leaf, i) => {
        const proof = merkleProof(some, i);
        expect(verifyMerkleProof(root, leaf, proof)).to.equal(true);
        expect(verifyMerkleProof(root, tag("forged"), proof)).to.equal(false);
        if (size > 1) expect(verifyMerkleProof(root, leaf, proof.slice(1))).to.equal(false);
      });
    }
  });

  it("an inner node is no leaf, since leaves are hashed once more", () => {
    const pair = leaves.slice(0, 2);
    const inner = leafNode(pair[0]!);
    expect(verifyMerkleProof(merkleRoot(pair), inner, [leafNode(pair[1]!)])).to.equal(false);
  });

  it("refuses an empty tree and an index outside it", () => {
    expect(() => merkleRoot([])).to.throw(EncodingError);
    for (const i of [-1, 7, 0.5]) expect(() => merkleProof(leaves, i)).to.throw(EncodingError);
  });
});
