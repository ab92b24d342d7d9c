/** One turn of the job prover: look, decide, act. Everything it works with is given to it. */
import { type Contracts, MedNexusError } from "@mednexus/sdk";
import type { Log } from "../events.ts";
import type { Health, Metrics } from "../metrics.ts";
import type { Outbox } from "../outbox.ts";
import { takeTurn } from "../turn.ts";
import { callOf } from "./act.ts";
import { decide, type Decision, type Knowledge, type Policy, type Work } from "./decide.ts";
import type { JobSnapshot } from "./snapshot.ts";
import type { JobWatch } from "./watch.ts";
import type { Worker } from "./work.ts";

export interface JobProverParts {
  readonly watch: JobWatch;
  readonly worker: Worker;
  readonly outbox: Outbox;
  readonly contracts: Contracts;
  readonly token: string;
  readonly policy: Policy;
  readonly metrics: Metrics;
  readonly log: Log;
}

export class JobProver {
  readonly #p: JobProverParts;
  #last: JobSnapshot | undefined;
  /** Keys asked for since the last block: asking again before the next one can change nothing. */
  #asked = new Set<string>();
  /** What was last said of each job, so that it is said once. */
  readonly #said = new Map<bigint, string>();

  constructor(parts: JobProverParts) {
    this.#p = parts;
  }

  /**
   * See takeTurn. Errors: `WRONG_CHAIN`; `KEY_IN_USE`: somebody else sends with this key; `BREAKER_OPEN` where the configuration says so.
   */
  tick(): Promise<number> {
    return takeTurn(
      this.#p,
      () => this.#turn(),
      () => (this.#last = undefined),
    );
  }

  async #turn(): Promise<Health> {
    const { watch, outbox, worker, metrics, policy, log } = this.#p;
    const head = await watch.head();
    metrics.gauge("head", head.number);
    await outbox.settle(head);
    if (outbox.keyTaken)
      throw new MedNexusError("KEY_IN_USE", "another process sends transactions with this key: give each its own");
    if (this.#last?.head.hash !== head.hash) {
      const before = this.#last;
      this.#last = await watch.snapshot(head);
      this.#asked = new Set();
      for (const { id } of before?.jobs ?? []) if (!this.#last.jobs.some((job) => job.id === id)) this.#forget(id);
    }
    const snapshot = this.#last;
    const decision = decide(snapshot, this.#knowledge(snapshot), policy);
    this.#report(decision, snapshot);
    await this.#act(decision, snapshot, worker);
    if (decision.breakerUntil === undefined && !outbox.isOpen(head)) {
      this.#once(0n, "breaker closed", () => {});
      return { healthy: true, reason: "" };
    }
    const until = decision.breakerUntil ?? 0;
    this.#once(0n, `breaker ${until}`, () => log({ event: "breaker-open", until, losses: snapshot.losses.length }));
    if (policy.limits.exitOnBreaker)
      throw new MedNexusError("BREAKER_OPEN", `too many losses: nothing is locked until block ${until}`);
    return { healthy: false, reason: "BREAKER_OPEN" };
  }

  #knowledge(snapshot: JobSnapshot): Knowledge {
    const { worker, outbox, policy } = this.#p;
    const work = new Map<bigint, Work>();
    for (const job of snapshot.jobs) {
      const found = worker.of(job);
      if (found !== undefined) work.set(job.id, found);
    }
    return {
      work,
      onTheirWay: outbox.onTheirWay,
      quarantined: new Set(outbox.quarantined),
      provingSeconds: (n) => worker.provingSeconds(n, policy.timing.provingSeconds),
    };
  }

  /** Says why each open job is taken or left, when that changes. */
  #report({ verdicts }: Decision, { self }: JobSnapshot): void {
    const { metrics, log } = this.#p;
    metrics.gauge("free_stake", Number(self.free));
    metrics.gauge("credit", Number(self.credit));
    for (const { job, take, reasons, estimate } of verdicts) {
      const { fee, collected, gas, risk, profit, seconds } = estimate;
      // Numbers move with every block; the reasons' kinds do not.
      const said = take ? "take" : reasons.map((reason) => reason.replaceAll(/\d+/g, "#")).join("; ");
      this.#once(job, said, () =>
        log({
          event: take ? "take" : "leave",
          job,
          ...(take ? {} : { reason: reasons.join("; ") }),
          fee,
          collected,
          gas,
          risk,
          profit,
          seconds,
        }),
      );
    }
  }

  async #act({ actions }: Decision, snapshot: JobSnapshot, worker: Worker): Promise<void> {
    const { contracts, outbox, token, log } = this.#p;
    const jobs = new Map(snapshot.jobs.map((job) => [job.id, job]));
    const material = {
      terms: (id: bigint) => jobs.get(id)!.terms,
      item: (id: bigint) => worker.item(jobs.get(id)!)!,
      token,
      payee: snapshot.self.address,
    };
    const wanted = actions.flatMap((action) => {
      if (!("key" in action)) {
        worker[action.kind](jobs.get(action.job)!);
        return [];
      }
      if (this.#asked.has(action.key)) return [];
      this.#asked.add(action.key);
      return [callOf(contracts, action, material)];
    });
    for (const [key, outcome] of await outbox.submit(wanted, snapshot.head))
      if (outcome.kind === "refused") log({ event: "refused", job: key.slice(0, 80), reason: outcome.error.code });
  }

  #once(job: bigint, text: string, say: () => void): void {
    if (this.#said.get(job) === text) return;
    this.#said.set(job, text);
    say();
  }

  #forget(job: bigint): void {
    this.#said.delete(job);
    this.#p.worker.forget(job);
    this.#p.outbox.forget(`j${job}/`);
  }
}
