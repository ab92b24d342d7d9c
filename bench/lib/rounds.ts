/**
 * Rounds whose every transaction is measured, on the real contracts behind their proxies. Proofs are simulated from the
 * INSECURE development trapdoor: the verifier runs the same instructions for them as for proofs made from a witness.
 */
import { publishedKey } from "@mednexus/circuits";
import {
  chunkHashes,
  chunkWords,
  digestOf,
  encryptShare,
  evaluate,
  Fr,
  randomFr,
  randomFrVector,
  revealKey,
  shareContextHash,
  shareEvaluationPoint,
  shareManifestHash,
  sumEvaluationPoint,
  updateContextHash,
} from "@mednexus/sdk";
import { id, type TransactionReceipt } from "ethers";
import { finalization } from "../../test/fixtures/settle.ts";
import { type Institution, type System, units, type Update } from "../../test/fixtures/system.ts";

export type Mode = "eager" | "batched";

/** One transaction. */
export interface Spent {
  readonly step: string;
  /** gasUsed of the receipt: the whole transaction. */
  readonly gas: number;
  /** Bytes of call data. */
  readonly bytes: number;
  readonly hash: string;
}

export interface RoundGas {
  readonly members: number;
  readonly mode: Mode;
  readonly nodes: number;
  readonly threshold: number;
  readonly spent: readonly Spent[];
}

const GAS = { gasLimit: 16_777_216n };
/** Updates a `verifyBatch` may take when it has to stay below 16,777,216 gas and 128 KiB. */
export const BATCH = 128;

type Sent = Promise<{ data: string; wait(): Promise<TransactionReceipt | null> }>;

/** Sends and notes. */
export class Meter {
  readonly spent: Spent[] = [];

  async send(step: string, sent: Sent): Promise<TransactionReceipt> {
    const transaction = await sent;
    const receipt = (await transaction.wait())!;
    const bytes = (transaction.data.length - 2) / 2;
    this.spent.push({ step, gas: Number(receipt.gasUsed), bytes, hash: receipt.hash });
    return receipt;
  }
}

const detailOf = ({ c, a, shareManifest, h, y, w, proof }: Update) => ({ c, a, shareManifest, h, y, w, proof });

/** `count` institutions, rich enough to sit in every round of a run. */
export async function institutions(system: System, count: number): Promise<Institution[]> {
  const all: Institution[] = [];
  while (all.length < count) all.push(await system.institution({ stake: units(2_000) }));
  return all;
}

/** Three nodes, any two of which reconstruct; from five members up five and three, as campaigns do by default. */
const committeeFor = (members: number): { nodes: number; threshold: number } =>
  members < 5 ? { nodes: 3, threshold: 1 } : { nodes: 5, threshold: 2 };

/** A whole round, from openRound to the last claim. */
export async function measureRound(
  system: System,
  all: readonly Institution[],
  options: { members: number; mode: Mode; gather?: boolean },
): Promise<RoundGas> {
  const { mode } = options;
  const { nodes, threshold } = committeeFor(options.members);
  const members = all.slice(0, options.members);
  const pool = all.slice(0, nodes);
  const { contracts } = system;
  const terms = await system.terms({
    model: await system.model(),
    eager: mode === "eager",
    nodes: BigInt(nodes),
    threshold: BigInt(threshold),
    maxMembers: BigInt(options.members),
    prices: { showUpFee: units(1) }, // 256 of them have to be covered by the round's price
  });
  const campaign = await system.open(terms);
  const meter = new Meter();
  for (const member of members)
    await meter.send("enrol", system.as(member.signer).campaigns.enrol(campaign, member.dataset, GAS));
  for (const node of pool) await meter.send("joinPool", system.as(node.signer).campaigns.joinPool(campaign, GAS));

  await meter.send("openRound", contracts.rounds.openRound(campaign, GAS));
  const round = (await contracts.campaigns.get(campaign)).liveRound;
  await system.mine(Number(terms.drawDelay) + 1);
  await meter.send("draw", contracts.rounds.draw(round, GAS));

  const updates: Update[] = [];
  for (const member of members) {
    const update = await system.update(round, member);
    await meter.send("submitUpdate", system.as(member.signer).rounds.submitUpdate(round, update.dataset, update, GAS));
    updates.push(update);
  }
  if (mode === "batched") {
    for (let from = 0; from < updates.length; from += BATCH) {
      const part = updates.slice(from, from + BATCH);
      const senders = part.map((update) => update.institution);
      await meter.send(
        `verifyBatch ${part.length}`,
        contracts.rounds.verifyBatch(round, senders, part.map(detailOf), GAS),
      );
    }
  }
  const [committee] = await contracts.rounds.committeeOf(round);
  const seated = committee.map((address) => pool.find((node) => node.address === address)!);
  for (const node of seated)
    await meter.send("acknowledgeShares", system.as(node.signer).rounds.acknowledgeShares(round, GAS));
  await meter.send(
    "freeze",
    contracts.rounds.freeze(
      round,
      updates.map((update) => update.institution),
      updates.map((update) => update.c),
      GAS,
    ),
  );

  const { setHash } = await contracts.rounds.frozenOf(round);
  await system.mine(2);
  for (const node of seated.slice(0, threshold + 1))
    await meter.send("postSum", system.as(node.signer).sums.postSum(round, setHash, [id("words")], GAS));
  if (options.gather) {
    for (let from = 0; from < updates.length; from += BATCH) {
      const part = updates.slice(from, from + BATCH);
      const senders = part.map((update) => update.institution);
      await meter.send(
        `gatherSharePoints ${part.length}`,
        contracts.sums.gatherSharePoints(round, senders, part.map(detailOf), GAS),
      );
    }
  }
  system.updates.set(round, updates);
  // A prover sends what it is paid for.
  const { argument } = await finalization(system, round, await system.sponsor.getAddress());
  await meter.send("finalize", system.as(system.sponsor).settlement.finalize(argument, GAS));

  await system.pass(terms.windows.challenge + 1n);
  for (const update of updates)
    await meter.send("claimMember", contracts.settlement.claimMember(round, update.key, GAS));
  for (let index = 0; index < seated.length; index++)
    await meter.send("claimNode", contracts.settlement.claimNode(round, index, GAS));
  await meter.send("claimFees", contracts.settlement.claimFees(round, GAS));
  return { members: members.length, mode, nodes, threshold, spent: meter.spent };
}

/** The largest circuit: vectors of 4,100 words go on chain in chunks. */
const LARGE = 4096;

/** Every transaction that carries a vector of n = 4,096, on both ways it can be demanded: a complaint, and a sum. */
export async function measureChunks(system: System, all: readonly Institution[]): Promise<Spent[]> {
  const { contracts, random, simulator } = system;
  const { curve } = simulator;
  const verifier = async (circuit: "update" | "aggregate"): Promise<bigint> => {
    const { alpha, beta, gamma, delta, ic } = publishedKey(circuit, LARGE);
    const key = { alpha, beta, gamma, delta, ic: [...ic] };
    const register = contracts.verifiers.registerVerifier;
    const verifierId = await register.staticCall(id(circuit), LARGE, 1, key, true);
    await system.done(register(id(circuit), LARGE, 1, key, true));
    return verifierId;
  };
  const [updateVerifier, aggregateVerifier] = [await verifier("update"), await verifier("aggregate")];
  const { campaign, members, terms } = await system.campaign({
    terms: { model: await system.model(system.owner, 500n, LARGE), updateVerifier, aggregateVerifier },
    members: all.slice(0, 3),
    nodes: all.slice(0, 3),
  });
  const round = await system.committed(campaign);
  const [committee, keys] = await contracts.rounds.committeeOf(round);
  const node = members.find(({ address }) => address === committee[0])!;
  const meter = new Meter();

  // A true ciphertext for node 1 of one member; the sums' logarithms are kept to open what is asked for.
  const accused = members[1]!;
  const shareLogs = [randomFr(random)];
  const a = shareLogs.map((log) => simulator.commitment(log));
  const log = randomFr(random);
  const c = simulator.commitment(log);
  const ctx = updateContextHash(await system.updateContext(round, accused));
  const sealed = Array.from(committee, (_, seat) => {
    const share = { s: seat + 1, words: seat === 0 ? randomFrVector(LARGE + 4, random) : [0n] };
    return { share, cipher: encryptShare(curve, { x: keys[seat]!.x, y: keys[seat]!.y }, ctx, c, share, random) };
  });
  const digests = sealed.map(({ cipher }) => digestOf(cipher));
  const logs: { log: bigint; a: bigint }[] = [];
  const updates: Update[] = [];
  for (const member of members) {
    const own = { log: randomFr(random), a: randomFr(random) };
    const update = await system.update(
      round,
      member,
      member === accused
        ? { log, a, shareManifest: shareManifestHash(digests) }
        : { log: own.log, a: [simulator.commitment(own.a)] },
    );
    logs.push(member === accused ? { log, a: shareLogs[0]! } : own);
    updates.push((await system.submit(round, member, update)).update);
  }

  const update = updates[members.indexOf(accused)]!;
  const detail = detailOf(update);
  const { share, cipher } = sealed[0]!;
  const chunks = chunkWords(cipher.words);
  const header = { e: cipher.e, proof: cipher.proof, chunkHashes: chunkHashes(cipher.words) };
  const own = system.as(node.signer).disputes;
  await system.fund(node.signer, units(100));
  await meter.send("claimMissing", own.claimMissing(round, accused.address, detail, 0, GAS));
  for (const [k, words] of chunks.entries())
    await meter.send(
      "answerCiphertext",
      contracts.disputes.answerCiphertext(round, update.key, 0, header, digests, k, words, GAS),
    );
  await meter.send("claimBad", own.claimBad(round, accused.address, detail, 0, header, digests, GAS));
  const ctxShare = shareContextHash(ctx, c, 1, cipher.e);
  const reveal = revealKey(curve, node.keys, ctxShare, cipher.e, random);
  await meter.send("revealKey", own.revealKey(round, update.key, 0, reveal.k, reveal.proof, GAS));
  for (const [k, words] of chunks.entries())
    await meter.send("evaluateChunk", contracts.disputes.evaluateChunk(round, update.key, 0, k, words, GAS));
  const z = shareEvaluationPoint(ctxShare, digests[0]!, reveal.k);
  const shareLog = Fr.add(log, shareLogs[0]!);
  const w = simulator.opening(shareLog, z, evaluate(share.words, z));
  await meter.send("defend", contracts.disputes.defend(round, accused.address, detail, 0, w, GAS));

  await system.acknowledge(round, members);
  await system.pass(terms.windows.complaint + 1n);
  await system.done(
    contracts.rounds.freeze(
      round,
      updates.map((one) => one.institution),
      updates.map((one) => one.c),
      GAS,
    ),
  );
  const { setHash } = await contracts.rounds.frozenOf(round);
  await system.mine(2);
  const words = randomFrVector(LARGE + 4, random);
  const parts = chunkWords(words);
  await meter.send("postSum", system.as(node.signer).sums.postSum(round, setHash, chunkHashes(words), GAS));
  await meter.send("demandSum", system.as(system.sponsor).sums.demandSum(round, 0, GAS));
  for (const [k, part] of parts.entries())
    await meter.send("answerSum", contracts.sums.answerSum(round, 0, k, part, GAS));
  await system.done(
    contracts.sums.gatherSharePoints(
      round,
      updates.map((one) => one.institution),
      updates.map(detailOf),
      GAS,
    ),
  );
  const sumLog = logs.reduce((sum, one) => Fr.add(sum, Fr.add(one.log, one.a)), 0n);
  const at = sumEvaluationPoint(await contracts.sums.sumDigestOf(round, 0));
  await meter.send(
    "proveSum",
    contracts.sums.proveSum(round, 0, simulator.opening(sumLog, at, evaluate(words, at)), GAS),
  );
  return meter.spent;
}
