/** One turn of the loop: look, decide, act. Everything it works with is given to it. */
import type { Contracts, Hash } from "@mednexus/sdk";
import { jobOf } from "./act.ts";
import { type Action, decide, isOver, type Knowledge, type Roles } from "./decide.ts";
import type { Log } from "./events.ts";
import type { Health, Metrics } from "./metrics.ts";
import type { Outbox } from "./outbox.ts";
import type { AggregateProver } from "./prover.ts";
import type { Head, RoundSnapshot, Snapshot } from "./snapshot.ts";
import { profit } from "./profit.ts";
import { takeTurn } from "./turn.ts";
import type { Watch } from "./watch.ts";

export interface KeeperParts {
  readonly watch: Watch;
  readonly outbox: Outbox;
  readonly contracts: Contracts;
  /** Present with the prover role. */
  readonly prover?: AggregateProver;
  readonly roles: Roles;
  readonly openFrom: number;
  /** Blocks after which a round's end counts as final. */
  readonly confirmations: number;
  readonly economics: { readonly minProfit: bigint; readonly tokenPerEther: bigint; readonly finalizeGas: bigint };
  readonly metrics: Metrics;
  readonly log: Log;
}

export class Keeper {
  readonly #parts: KeeperParts;
  #last: Snapshot | undefined;
  /** Keys asked for since the last block: asking again before the next one can change nothing. */
  #asked = new Set<string>();
  /** Block at which a round was first seen over. */
  readonly #over = new Map<bigint, number>();
  #rejected: ReadonlySet<Hash>[] = [];

  constructor(parts: KeeperParts) {
    this.#parts = parts;
  }

  /** See takeTurn. Errors: `WRONG_CHAIN`. */
  tick(): Promise<number> {
    return takeTurn(
      this.#parts,
      () => this.#turn(),
      () => (this.#last = undefined),
    );
  }

  async #turn(): Promise<Health> {
    const { watch, outbox, roles, metrics } = this.#parts;
    const head = await watch.head();
    metrics.gauge("head", head.number);
    await outbox.settle(head);
    if (this.#last?.head.hash !== head.hash) {
      this.#last = await watch.snapshot(head);
      this.#asked = new Set();
    }
    const snapshot = this.#last;
    const known = this.#knowledge(snapshot);
    const actions = decide(snapshot, roles, known).filter(({ key }) => !this.#asked.has(key));
    this.#startProofs(actions, snapshot);
    await this.#submit(actions, snapshot, head);
    this.#retire(snapshot, known);
    return { healthy: true, reason: "" };
  }

  #knowledge(snapshot: Snapshot): Knowledge {
    const { prover, outbox, openFrom } = this.#parts;
    const proofs = new Map<bigint, { setHash: Hash; pays: boolean }>();
    for (const round of snapshot.rounds) {
      const setHash = round.frozen?.setHash;
      if (setHash === undefined || prover?.proved(round.view.id, setHash) === undefined) continue;
      proofs.set(round.view.id, { setHash, pays: this.#pays(round, snapshot.head) });
    }
    return { done: outbox.done, rejected: this.#rejected, proofs, openFrom };
  }

  #pays(round: RoundSnapshot, head: Head): boolean {
    const { minProfit, tokenPerEther, finalizeGas } = this.#parts.economics;
    const estimate = profit(round.proverFee + round.tip, finalizeGas, head.baseFee, tokenPerEther);
    this.#parts.metrics.gauge("profit_estimate", Number(estimate));
    return estimate >= minProfit;
  }

  #startProofs(actions: readonly Action[], snapshot: Snapshot): void {
    for (const action of actions) {
      if (action.kind !== "prove") continue;
      const round = roundOf(snapshot, action.round);
      if (round?.frozen !== undefined) this.#parts.prover?.start(round.view, round.frozen);
    }
  }

  async #submit(actions: readonly Action[], snapshot: Snapshot, head: Head): Promise<void> {
    const { contracts, outbox, prover, log } = this.#parts;
    const batches = new Map<string, readonly Hash[]>();
    const jobs = actions.flatMap((action) => {
      if (action.kind === "prove") return [];
      this.#asked.add(action.key);
      const round = "round" in action ? roundOf(snapshot, action.round) : undefined;
      if (action.kind === "verifyBatch") batches.set(action.key, action.members);
      const proved = action.kind === "finalize" ? prover?.proved(action.round, round!.frozen!.setHash) : undefined;
      return [
        jobOf(contracts, action, { ...(round && { round }), ...(proved && { finalization: proved.finalization }) }),
      ];
    });
    for (const [key, outcome] of await outbox.submit(jobs, head)) {
      if (outcome.kind !== "refused") continue;
      log({ event: "refused", job: key.slice(0, 80), reason: outcome.error.code });
      const members = batches.get(key);
      if (members !== undefined) this.#rejected.push(new Set(members));
    }
  }

  #retire(snapshot: Snapshot, known: Knowledge): void {
    const { watch, outbox, prover, roles, confirmations } = this.#parts;
    const now = { ...known, done: outbox.done };
    for (const round of snapshot.rounds) {
      const { id } = round.view;
      if (!isOver(round, roles, now)) {
        this.#over.delete(id);
        continue;
      }
      const since = this.#over.get(id) ?? snapshot.head.number;
      this.#over.set(id, since);
      // Its end may yet be undone.
      if (snapshot.head.number - since + 1 < confirmations) continue;
      this.#over.delete(id);
      watch.retire(id);
      outbox.forget(`r${id}/`);
      prover?.forget(id);
      const gone = new Set(round.updates.map(({ memberKey }) => memberKey));
      this.#rejected = this.#rejected.filter((set) => [...set].every((key) => !gone.has(key)));
    }
  }
}

const roundOf = (snapshot: Snapshot, id: bigint): RoundSnapshot | undefined =>
  snapshot.rounds.find(({ view }) => view.id === id);
