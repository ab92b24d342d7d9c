/** Made-up snapshots and a chain in memory that misbehaves on demand; for this package's tests. */
import { keccak256, toBeHex, toUtf8Bytes } from "ethers";
import { MedNexusError, RevertError, type RoundStateName } from "@mednexus/sdk";
import type { Call, Chain, OutboxPolicy, Receipt, StateStore, TxRequest, TxSigner } from "./outbox.ts";
import type { CampaignView, Head, RoundSnapshot } from "./snapshot.ts";

const POINT = { x: 1n, y: 2n };
const HASH = `0x${"11".repeat(32)}`;
export const keyOf = (index: number): string => toBeHex(index + 1, 32);

/** Windows of 100 s each; the round opened at 1,000 and every later instant is 1,000 after the one before. */
export const WINDOWS = {
  draw: 100,
  commit: 100,
  complaint: 100,
  ciphertext: 100,
  reveal: 100,
  opening: 100,
  sums: 100,
  challenge: 100,
  answer: 100,
  ramp: 100,
  close: 1000,
};

export const headAt = (timestamp: number, number = 100, baseFee = 7n): Head => ({
  number,
  hash: toBeHex(number, 32),
  timestamp,
  baseFee,
});

export const campaignOf = (change: Partial<CampaignView> = {}): CampaignView => ({
  id: 3n,
  live: true,
  liveRound: 0n,
  roundsLeft: 2,
  kind: "training",
  members: 3,
  minParticipants: 3,
  pool: 3,
  nodes: 3,
  pairAgreed: true,
  verifiersLive: true,
  entriesPausedUntil: 0,
  ...change,
});

export interface RoundChange extends Partial<Omit<RoundSnapshot, "view" | "updates">> {
  readonly view?: Partial<RoundSnapshot["view"]>;
  readonly updates?: readonly Partial<RoundSnapshot["updates"][number]>[];
}

/** A training round of three members and three nodes in `state`, everything verified, nothing overdue. */
export function roundIn(state: RoundStateName, change: RoundChange = {}): RoundSnapshot {
  const updates = (change.updates ?? [{}, {}, {}]).map((update, index) => ({
    institution: toBeHex(index + 1, 20),
    memberKey: keyOf(index),
    index,
    dataset: 1n,
    datasetVersion: 1,
    consentEpoch: 0n,
    records: 10n,
    normBound2: 100n,
    detail: {
      c: POINT,
      a: [POINT],
      shareManifest: HASH,
      h: 1n,
      y: 1n,
      w: POINT,
      proof: { a: POINT, b: { xIm: 1n, xRe: 1n, yIm: 1n, yRe: 1n }, c: POINT },
    },
    verified: true,
    excluded: false,
    ...update,
  }));
  const early = ["Open", "Commit", "Share"].includes(state);
  return {
    windows: WINDOWS,
    drawDelay: 2,
    members: 3,
    deadReason: "",
    complaints: [],
    demands: [],
    openDemands: 0,
    ...(early
      ? {}
      : {
          frozen: {
            setHash: HASH,
            cAgg: POINT,
            consentSetHash: HASH,
            included: 7n,
            count: 3,
            totalRecords: 30n,
            lambda: 1n,
            blockNumber: 90,
          },
        }),
    sums: { standing: early ? 0 : 2, summedAt: early ? 0 : 5_000, final: false },
    aggregateLive: true,
    proverFee: 10n,
    tip: 1n,
    claimed: { members: [false, false, false], nodes: [false, false, false], fees: false },
    ...change,
    updates,
    view: {
      id: 7n,
      campaign: 3n,
      model: 1n,
      kind: "training",
      state,
      nodes: 3,
      threshold: 1,
      eager: true,
      n: 128,
      baseVersion: 0,
      submitted: updates.length,
      verified: updates.filter(({ verified }) => verified).length,
      acks: 0,
      openComplaints: 0,
      openedAt: 1_000,
      commitUntil: 2_000,
      shareFrom: 3_000,
      frozenAt: 4_000,
      drawBlock: 100,
      updateVerifier: 1,
      aggregateVerifier: 2,
      srs: 1,
      updateKeyHash: HASH,
      aggregateKeyHash: HASH,
      srsHash: HASH,
      base: POINT,
      ...change.view,
    },
  };
}

export const POLICY: OutboxPolicy = {
  confirmations: 3,
  maxFeePerGas: 1_000n,
  bumpAfter: 4,
  maxFailures: 3,
  breakerLosses: 3,
  breakerBlocks: 20,
};

interface Sent {
  readonly raw: string;
  readonly hash: string;
  readonly request: TxRequest;
}

/** Signs by writing the request down: the same request gives the same bytes. */
export const fakeSigner: TxSigner = {
  address: `0x${"aa".repeat(20)}`,
  sign: async (request) => {
    const raw = JSON.stringify(request, (_, value: unknown) => (typeof value === "bigint" ? `${value}n` : value));
    return { raw, hash: keccak256(toUtf8Bytes(raw)) };
  },
};

const parse = (raw: string): TxRequest =>
  JSON.parse(raw, (_, value: unknown) =>
    typeof value === "string" && /^\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value,
  ) as TxRequest;

/**
 * A chain with blocks, a mempool and one account, that mines when told to. Its effects are keyed by call data: doing one
 * twice reverts with `WrongState`, as the contracts do. `fault` is asked before each method and may throw.
 */
export class FakeChain implements Chain {
  blocks: Sent[][] = [];
  mempool = new Map<number, Sent>();
  /** Effects that failed: data → error name at simulation. */
  refusals = new Map<string, string>();
  tipNow = 1n;
  baseFee = 7n;
  fault: (method: string) => void = () => {};
  /** Methods called, with their first argument. */
  calls: [string, unknown][] = [];
  /** Transactions that the pool forgets at once although it said yes. */
  forgetful = false;
  /** Fault after acceptance: thrown once `send` has taken effect. */
  afterSend: () => void = () => {};

  head(): Head {
    return headAt(1_000 + this.blocks.length, this.blocks.length, this.baseFee);
  }

  #mined(): { sent: Sent; block: number; fresh: boolean }[] {
    const effects = new Set<string>();
    return this.blocks.flatMap((block, i) =>
      block.map((sent) => {
        const fresh = !effects.has(sent.request.data);
        effects.add(sent.request.data);
        return { sent, block: i + 1, fresh };
      }),
    );
  }

  /** How often an effect took place: at most once, and how many transactions were burnt trying. */
  mined(data: string): { done: number; reverted: number } {
    const all = this.#mined().filter(({ sent }) => sent.request.data === data);
    return { done: all.filter(({ fresh }) => fresh).length, reverted: all.filter(({ fresh }) => !fresh).length };
  }

  #count(): number {
    return this.blocks.flat().filter(({ request }) => request.nonce >= 0).length;
  }

  /** A block in which somebody else brings an effect about. */
  byOthers(data: string): void {
    this.blocks.push([{ raw: "", hash: "", request: { nonce: -1, data } as TxRequest }]);
  }

  /** Mines what is executable and pays the base fee. */
  mine(blocks = 1): Head {
    for (let i = 0; i < blocks; i++) {
      const block: Sent[] = [];
      for (let nonce = this.#count(); ; nonce++) {
        const sent = this.mempool.get(nonce);
        if (sent === undefined || sent.request.maxFeePerGas < this.baseFee) break;
        this.mempool.delete(nonce);
        block.push(sent);
      }
      this.blocks.push(block);
    }
    return this.head();
  }

  /** Undoes blocks. Their transactions come back to the pool unless `lost`. */
  reorg(depth: number, lost = false): void {
    const gone = this.blocks.splice(-depth).flat();
    if (!lost) for (const sent of gone) if (sent.request.nonce >= 0) this.mempool.set(sent.request.nonce, sent);
  }

  #ask(method: string, argument?: unknown): void {
    this.calls.push([method, argument]);
    this.fault(method);
  }

  async nonce(tag: "latest" | "pending"): Promise<number> {
    this.#ask("nonce", tag);
    let nonce = this.#count();
    if (tag === "pending") while (this.mempool.has(nonce)) nonce++;
    return nonce;
  }

  async estimate({ data }: Call): Promise<bigint> {
    this.#ask("estimate", data);
    const refusal = this.refusals.get(data) ?? (this.mined(data).done > 0 ? "WrongState" : undefined);
    if (refusal !== undefined) throw new RevertError(refusal, {}, undefined);
    return 100_000n;
  }

  async tip(): Promise<bigint> {
    this.#ask("tip");
    return this.tipNow;
  }

  async send(raw: string): Promise<void> {
    this.#ask("send", raw);
    const request = parse(raw);
    if (request.nonce < this.#count()) throw new MedNexusError("RPC_FAILED", "nonce too low", { retryable: true });
    const before = this.mempool.get(request.nonce);
    if (before !== undefined && before.raw !== raw) {
      const enough = (now: bigint, then: bigint): boolean => now * 8n >= then * 9n;
      if (
        !enough(request.maxFeePerGas, before.request.maxFeePerGas) ||
        !enough(request.maxPriorityFeePerGas, before.request.maxPriorityFeePerGas)
      )
        throw new MedNexusError("RPC_FAILED", "replacement transaction underpriced", { retryable: true });
    }
    if (!this.forgetful) this.mempool.set(request.nonce, { raw, hash: keccak256(toUtf8Bytes(raw)), request });
    this.afterSend();
  }

  async receipt(hash: string): Promise<Receipt | undefined> {
    this.#ask("receipt", hash);
    const found = this.#mined().find(({ sent }) => sent.hash === hash);
    return found && { blockNumber: found.block, succeeded: found.fresh, gasUsed: 50_000n };
  }

  async knows(hash: string): Promise<boolean> {
    this.#ask("knows", hash);
    return [...this.mempool.values(), ...this.blocks.flat()].some((sent) => sent.hash === hash);
  }
}

/** A store in memory that survives the process that used it; values are copied as a file would. */
export class MemoryStore implements StateStore {
  readonly #texts = new Map<string, string>();
  /** Asked before a write takes effect, and after. */
  before: () => void = () => {};
  after: () => void = () => {};
  writes = 0;

  read<T>(key: string): T | undefined {
    const text = this.#texts.get(key);
    return text === undefined
      ? undefined
      : (JSON.parse(text, (_, value: unknown) =>
          value !== null && typeof value === "object" && "$n" in value ? BigInt((value as { $n: string }).$n) : value,
        ) as T);
  }

  write(key: string, value: unknown): void {
    this.before();
    this.writes++;
    this.#texts.set(
      key,
      JSON.stringify(value, (_, one: unknown) => (typeof one === "bigint" ? { $n: String(one) } : one)),
    );
    this.after();
  }
}
