/** Recomputes what a model version claims, from chain and storage. */
import { AbiCoder, keccak256 } from "ethers";
import { includedUpdates, readFrozen, readRound, readUpdates } from "../actions/read.ts";
import { decodeModel, matchesModel } from "../actions/sums.ts";
import { auditConsentSet } from "../consent/audit.ts";
import { type G1, G1_GENERATOR, G2_GENERATOR, isInfinity } from "../curve.ts";
import { aggregateHash, lift } from "../encoding.ts";
import { MedNexusError } from "../errors.ts";
import { aggregateChallenge, aggregateContextHash, type Hash, type Proof, setHash } from "../transcript.ts";
import { type AuditReader, checkManifest, scanAll, verifyingKey } from "./reader.ts";
import { Audit, type AuditReport, CannotCheck, must, same } from "./report.ts";

const ZERO = `0x${"00".repeat(32)}`;
const point = ({ x, y }: G1): string => `(${x}, ${y})`;
const plain = ({ x, y }: G1): G1 => ({ x, y });

/** Every check on its own. Throws `NO_VERSION` for a version that the chain does not have. */
export async function auditVersion(reader: AuditReader, model: bigint, version: number): Promise<AuditReport> {
  const { contracts, provider, deployment, curve } = reader;
  const { versions, verifiers, settlement } = contracts;
  const audit = new Audit();
  const logs = await scanAll(reader, (from, to) =>
    versions.queryFilter(versions.filters.VersionAppended(model), from, to),
  );
  const appended = logs.find(({ args }) => Number(args.version) === version);
  if (appended === undefined) throw new MedNexusError("NO_VERSION", `model ${model} has no version ${version}`);
  const { storageRoot, artefactRoot, consentSetHash } = appended.args;
  const record = await versions.versionOf(model, version);
  const lineage = await versions.lineageOf(model);
  const n = Number(lineage.n);

  await audit.check("lineage", async () => {
    for (let v = 0; v <= version; v++) {
      const event = logs[v]?.args;
      const stored = await versions.versionOf(model, v);
      must(`version ${v} has no event`, event !== undefined && Number(event.version) === v);
      same(`C_M(${v})`, point(stored.c), point(event!.c));
      same(`h_M of version ${v}`, stored.h, event!.h);
      same(`round of version ${v}`, stored.round, event!.round);
      same(`bound of version ${v}`, stored.bound, event!.bound);
    }
    return `versions 0 to ${version}, each by its event`;
  });
  await audit.check("roots", () => {
    const parts = [storageRoot, artefactRoot, consentSetHash];
    const none = parts.every((part) => part === ZERO);
    const hash = keccak256(AbiCoder.defaultAbiCoder().encode(["bytes32", "bytes32", "bytes32"], parts));
    same("data hash", record.dataHash, none && version === 0 ? ZERO : hash);
    return none ? "none were claimed" : "storage, artefact and consent set are those that the chain keeps";
  });
  await published(reader, audit, n, storageRoot, artefactRoot, record);

  if (record.round === 0n) {
    await audit.check("base", () => {
      if (isInfinity(plain(record.c))) {
        same("h_M of the zero model", record.h, 0n);
        return "the zero model";
      }
      throw new CannotCheck("an imported vector: its two proofs were checked by the chain, and are not repeated here");
    });
    return audit.report(`model ${model} version ${version}`);
  }

  const round = await readRound(contracts, record.round);
  const [frozen, updates] = await Promise.all([
    readFrozen(contracts, round.id),
    readUpdates(contracts, provider, round.id, deployment.startBlock),
  ]);
  const members = includedUpdates(updates, frozen);
  await audit.check("base", async () => {
    same("model", round.model, model);
    same("base version", round.baseVersion, version - 1);
    same("base", point(round.base), point((await versions.versionOf(model, version - 1)).c));
    must(`the round is ${round.state}`, round.state === "Finalized");
    return `version ${version - 1}, by round ${round.id}`;
  });
  await audit.check("frozen set", () => {
    same("members", frozen.count, members.length);
    const keys = members.map(({ memberKey }) => memberKey);
    same("set hash", frozen.setHash, setHash(BigInt(deployment.chainId), deployment.addresses.rounds, round.id, keys));
    return `${members.length} of ${updates.length} updates`;
  });
  await audit.check("sum of commitments", () => {
    same("C_agg", point(frozen.cAgg), point(curve.sum(members.map(({ detail }) => detail.c))));
    return `C_agg is the sum of ${members.length} commitments`;
  });
  await audit.check("step", () => {
    same("C_M", point(record.c), point(curve.add(plain(round.base), curve.mul(frozen.cAgg, frozen.lambda))));
    return `C_M = base + ${frozen.lambda} C_agg`;
  });
  await audit.check("aggregate proof", async () => {
    const tx = await provider.getTransaction(appended.transactionHash);
    const call =
      tx?.to?.toLowerCase() === deployment.addresses.settlement.toLowerCase()
        ? settlement.interface.parseTransaction(tx)
        : null;
    if (call?.name !== "finalize")
      throw new CannotCheck("finalized through another contract: the proof is not in the transaction");
    const f = call.args[0] as unknown as {
      h: bigint;
      y: bigint;
      w: G1;
      proof: Proof;
      payee: string;
      storageRoot: Hash;
      artefactRoot: Hash;
    };
    same("h_M", record.h, f.h);
    const { key, srs } = await verifyingKey(reader, "aggregate", round.aggregateVerifier, round.aggregateKeyHash);
    const ctxM = aggregateContextHash({
      chainId: BigInt(deployment.chainId),
      roundSettlement: deployment.addresses.settlement,
      campaign: round.campaign,
      round: round.id,
      model,
      base: plain(round.base),
      setHash: frozen.setHash,
      lambda: frozen.lambda,
      keyHash: round.aggregateKeyHash,
      srsHash: round.srsHash,
      n,
      payee: f.payee,
      storageRoot,
      artefactRoot,
    });
    const c = plain(record.c);
    const r = aggregateChallenge(ctxM, c, f.h);
    const { a, b, c: proofC } = f.proof;
    const proof: Proof = {
      a: plain(a),
      b: { xIm: b.xIm, xRe: b.xRe, yIm: b.yIm, yRe: b.yRe },
      c: plain(proofC),
    };
    must("the proof does not verify", await reader.verify(key, [f.h, r, f.y], proof));
    const { tauG2: t } = await verifiers.srsOf(srs);
    const tauG2 = { xIm: t.xIm, xRe: t.xRe, yIm: t.yIm, yRe: t.yRe };
    const w = plain(f.w);
    // e(C − y G + r W, [1]_2) = e(W, [τ]_2)
    const opened = curve.add(curve.sub(c, curve.mul(G1_GENERATOR, f.y)), curve.mul(w, r));
    must(
      "the opening does not verify",
      await curve.pairingCheck([
        [opened, G2_GENERATOR],
        [curve.neg(w), tauG2],
      ]),
    );
    return `aggregate(${n}) and the opening of C_M, under the published key`;
  });
  await audit.check("consent set", async () => {
    const { equal, recorded, computed, states } = await auditConsentSet(reader, round.id);
    if (!equal) same("consent set", recorded, computed);
    const without = states.filter(({ standing }) => !standing);
    must(`no consent stood for dataset ${without.map(({ dataset }) => dataset).join(", ")}`, without.length === 0);
    return `${states.length} consents, all standing at their epochs`;
  });
  await audit.check("manifests", async () => {
    const checked = await Promise.allSettled(
      members.map(({ dataset, datasetVersion }) => checkManifest(reader, dataset, datasetVersion)),
    );
    const reasons = checked.flatMap((one) => (one.status === "rejected" ? [one.reason as unknown] : []));
    // One that is not there must not hide one that is false.
    const worst = reasons.find((reason) => !(reason instanceof CannotCheck)) ?? reasons[0];
    if (worst !== undefined) throw worst;
    return `the store has those of ${members.length} datasets, and they are what was registered`;
  });
  return audit.report(`model ${model} version ${version}`);
}

/** The model's file and its description, where the roots say they are. */
async function published(
  reader: AuditReader,
  audit: Audit,
  n: number,
  storageRoot: Hash,
  artefactRoot: Hash,
  record: { readonly c: G1; readonly h: bigint; readonly bound: bigint },
): Promise<void> {
  const fetched = async (root: Hash, what: string): Promise<Uint8Array> => {
    if (root === ZERO) throw new CannotCheck(`no ${what} was published`);
    if (reader.transport === undefined) throw new CannotCheck("no relay was given");
    const content = await reader.transport.getBlob(root);
    if (content === undefined) throw new CannotCheck(`the relay does not have the ${what}`);
    return content;
  };
  await audit.check("published model", async () => {
    const vector = decodeModel(await fetched(storageRoot, "model"));
    same("h_M of the published file", record.h, aggregateHash(vector));
    must(
      "the published file is not behind C_M",
      await matchesModel(await reader.commitKey(n), vector, plain(record.c)),
    );
    const over = lift(vector.slice(0, n)).findIndex((m) => (m < 0n ? -m : m) > record.bound);
    must(`parameter ${over} is over the bound`, over === -1);
    return `${n} parameters, behind h_M and C_M, none over ${record.bound}`;
  });
  await audit.check("artefact", async () => {
    const text = new TextDecoder().decode(await fetched(artefactRoot, "description"));
    const { vector } = JSON.parse(text) as { vector?: unknown };
    same("model that the description names", vector, storageRoot);
    return "its description names the published model";
  });
}
