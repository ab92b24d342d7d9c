/** Property P2 as a machine: whole rounds with real commitments, shares, sums, reconstruction and aggregation. */
import {
  accumulate,
  accumulateCommitment,
  assertUpdate,
  checkShare,
  CommitKey,
  commitCoefficients,
  Curve,
  equalG1,
  type G1,
  insecureSrs,
  lower,
  memberNormBound2,
  modelValues,
  quantize,
  randomFr,
  randomFrVector,
  type RandomBytes,
  reconstruct,
  roundWeight,
  type Share,
  shareCoefficients,
  shareFor,
  sumShares,
  sumValues,
  updateVector,
} from "@mednexus/sdk";
import { expect } from "chai";
import { seededInt } from "./seeded.ts";

const SIZES = [16, 32, 64, 128];
const UPDATE_BITS = 12;
/** B²: every member may use its full 16 bits in every coordinate, so that extremes occur. */
const NORM_BOUND2 = 1n << 40n;

async function keys(): Promise<Map<number, CommitKey>> {
  const curve = await Curve.load();
  const out = new Map<number, CommitKey>();
  for (const n of SIZES) out.set(n, await CommitKey.create(curve, await insecureSrs(curve, n)));
  return out;
}

/** A vector of quantizable reals, sometimes at the ends of the range. */
function localUpdate(random: RandomBytes, n: number): number[] {
  const extreme = seededInt(random, 0n, 9n) === 0n;
  return Array.from({ length: n }, () => {
    if (extreme) return seededInt(random, 0n, 1n) === 0n ? -8 : 32767 / 4096;
    return Number(seededInt(random, -32768n, 32767n)) / 4096;
  });
}

/**
 * One random round: K members, S nodes, threshold t, counts and size drawn at random. Expects, to the bit, that every
 * share passes its node's check, that any t + 1 sums give the exact U, and that C_M opens to M̃ + λ_t·U.
 */
async function randomRound(random: RandomBytes, allKeys: Map<number, CommitKey>): Promise<void> {
  const pick = (low: number, high: number): number => Number(seededInt(random, BigInt(low), BigInt(high)));
  // small sizes more often: a run of a thousand is minutes otherwise
  const n = SIZES[Math.min(pick(0, 5), pick(0, 3))]!;
  const key = allKeys.get(n)!;
  const { curve } = key;
  const members = pick(1, 5);
  const nodes = pick(2, 5);
  const threshold = pick(1, Math.min(2, nodes - 1));
  const cap = seededInt(random, 1n, 1000n);
  const what = `n ${n}, K ${members}, S ${nodes}, t ${threshold}`;

  const updates: bigint[][] = [];
  const commitments: G1[] = [];
  const shareCommitments: G1[][] = [];
  const received: Share[][] = Array.from({ length: nodes }, () => []);
  let totalRecords = 0n;
  for (let i = 0; i < members; i++) {
    const records = seededInt(random, 1n, cap);
    totalRecords += records;
    const u = quantize(localUpdate(random, n), { n, updateBits: UPDATE_BITS, records, cap });
    assertUpdate(u, memberNormBound2(NORM_BOUND2, cap, cap));
    const vector = updateVector(u, randomFrVector(4, random));
    const coefficients = shareCoefficients(n + 4, threshold, random);
    const c = await key.commit(vector);
    const a = await commitCoefficients(key, coefficients);
    for (let s = 1; s <= nodes; s++) {
      const share = shareFor(vector, coefficients, s);
      expect(await checkShare(key, share, c, a), `share check, ${what}`).to.equal(true);
      received[s - 1]!.push(share);
    }
    updates.push(u);
    commitments.push(c);
    shareCommitments.push(a);
  }

  const sums = received.map(sumShares);
  const answering = sums.toSorted(() => (pick(0, 1) === 0 ? 1 : -1)).slice(0, pick(threshold + 1, nodes));
  const total = reconstruct(answering, threshold);
  const expected = updates[0]!.map((_, j) => updates.reduce((sum, u) => sum + u[j]!, 0n));
  expect(sumValues(total, members), `P2: U, ${what}`).to.deep.equal(expected);
  const cSum = curve.sum(commitments);
  const aSum = shareCommitments[0]!.map((_, k) => curve.sum(shareCommitments.map((a) => a[k]!)));
  expect(await checkShare(key, sums[nodes - 1]!, cSum, aSum), `sum check, ${what}`).to.equal(true);

  const baseValues = Array.from({ length: n }, () => seededInt(random, -(1n << 40n), 1n << 40n));
  const base = [...lower(baseValues), ...randomFrVector(4, random)];
  const weight = roundWeight(seededInt(random, 1n, 15n), cap, totalRecords);
  const model = accumulate(base, weight, total);
  const cModel = accumulateCommitment(curve, await key.commit(base), weight, commitments);
  expect(equalG1(await key.commit(model), cModel), `P2: C_M, ${what}`).to.equal(true);
  const exact = expected.map((u, j) => baseValues[j]! + weight * u);
  expect(modelValues(model), `P2: M̃, ${what}`).to.deep.equal(exact);
  const z = randomFr(random);
  const opening = await key.open(model, z);
  expect(await key.verifyOpening(cModel, z, opening), `opening of C_M, ${what}`).to.equal(true);
}

/** Runs `count` rounds from one stream of randomness. */
export async function randomRounds(random: RandomBytes, count: number): Promise<void> {
  const allKeys = await keys();
  for (let i = 0; i < count; i++) await randomRound(random, allKeys);
}
