/** The chain's newest block, checked, and a deployment's events up to it: what every watcher begins with. */
import type { LogDescription, Provider, TransactionRequest } from "ethers";
import {
  type Address,
  connect,
  type Contracts,
  decodeLogs,
  type Deployment,
  MedNexusError,
  scanLogs,
} from "@mednexus/sdk";
import { type JsonRpcLike, readHead } from "./chain.ts";
import type { Head } from "./snapshot.ts";

export interface Found {
  readonly block: number;
  readonly event: LogDescription;
}

/** Where a deployment is looked at, and how far what is shown there is believed. */
export interface Endpoint {
  readonly deployment: Deployment;
  readonly provider: Provider & JsonRpcLike;
  /** Blocks that a reorganisation may undo without a full rescan. */
  readonly depth: number;
  /** Milliseconds without a new block after which the endpoint counts as stale; 0: never (chains that mine on demand). */
  readonly staleAfterMs: number;
  /** Milliseconds from any start, never going back. */
  readonly monotonic: () => number;
}

export interface TailOptions extends Endpoint {
  /** Whose events. */
  readonly addresses: readonly Address[];
  /** Events that are still wanted; asked again whenever logs are read or pruned. */
  readonly keep: (event: LogDescription) => boolean;
}

/** How long a lower block than before is taken for a lagging replica. */
const LAG_PATIENCE_MS = 10_000;

export class Tail {
  /** Reads of these happen at the block followed last. */
  readonly contracts: Contracts;
  readonly #o: TailOptions;
  #logs: Found[] = [];
  /** Up to which block `#logs` is complete, and that block's predecessor by `depth` as it was then. */
  #scanned: number;
  #anchor: { number: number; hash: string } | undefined;
  #at = 0;
  #head: Head | undefined;
  #headSince = 0;

  constructor(options: TailOptions) {
    this.#o = options;
    const { deployment, provider } = options;
    this.#scanned = deployment.startBlock - 1;
    this.contracts = connect(deployment, {
      provider,
      call: (tx: TransactionRequest) => provider.call({ ...tx, blockTag: this.#at }),
    });
  }

  /** In the chain's order. */
  get logs(): readonly Found[] {
    return this.#logs;
  }

  /** Forgets what `keep` does not want any more. */
  prune(): void {
    this.#logs = this.#logs.filter(({ event }) => this.#o.keep(event));
  }

  /**
   * The newest block, checked. Errors: `WRONG_CHAIN`; `STALE_HEAD` (retryable) when the endpoint shows an older block than
   * before (a lagging replica; believed to be a reorganisation if it lasts), or nothing new for too long; `RPC_FAILED`.
   */
  async head(): Promise<Head> {
    const { deployment, staleAfterMs, monotonic } = this.#o;
    const head = await readHead(this.#o.provider, deployment.chainId);
    const before = this.#head;
    const age = monotonic() - this.#headSince;
    const stale = (why: string) => new MedNexusError("STALE_HEAD", `stale endpoint: ${why}`, { retryable: true });
    if (before !== undefined && head.number < before.number && age < LAG_PATIENCE_MS)
      throw stale(`block ${head.number} after ${before.number}`);
    if (before?.hash !== head.hash) {
      this.#head = head;
      this.#headSince = monotonic();
    } else if (staleAfterMs > 0 && age > staleAfterMs) throw stale(`no block after ${head.number}`);
    return head;
  }

  /** Brings the logs up to `head`. The last `depth` blocks are read again each time; a deeper reorganisation starts over. */
  async follow(head: Head): Promise<void> {
    const { deployment, depth, provider, addresses } = this.#o;
    if (this.#anchor !== undefined) {
      const now = await provider.getBlock(this.#anchor.number);
      if (now?.hash !== this.#anchor.hash) {
        this.#logs = [];
        this.#scanned = deployment.startBlock - 1;
      }
    }
    const from = Math.max(deployment.startBlock, Math.min(this.#scanned, head.number) - depth + 1);
    const logs = await scanLogs(
      (fromBlock, toBlock) => provider.getLogs({ address: [...addresses], fromBlock, toBlock }),
      from,
      head.number,
    );
    const found = logs.flatMap((log) =>
      decodeLogs({ logs: [log] }).map((event) => ({ block: log.blockNumber, event })),
    );
    this.#logs = [...this.#logs.filter(({ block }) => block < from), ...found];
    this.prune();
    this.#scanned = head.number;
    this.#at = head.number;
    const anchor = head.number - depth;
    const block = anchor > deployment.startBlock ? await provider.getBlock(anchor) : null;
    this.#anchor = block?.hash == null ? undefined : { number: anchor, hash: block.hash };
  }
}
