import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { ProverError } from "../groth16/errors.ts";
import { kernelCode } from "./kernel.ts";
import type { Lane } from "./space.ts";
import type { Domain, Task } from "./tasks.ts";
import type { Message, Reply } from "./worker.ts";

/** Threads beyond these would wait for each other more than they add. */
const MOST_THREADS = 32;

interface Waiting {
  readonly id: number;
  readonly task: Task;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

interface Thread {
  readonly worker: Worker;
  busy: Waiting | undefined;
}

/** Worker threads that perform tasks on memories they share with this one. A thread that ends by itself fails what was asked for. */
export class Pool {
  readonly module: WebAssembly.Module;
  readonly #threads: Thread[];
  readonly #queue: Waiting[] = [];
  #next = 0;
  #failed: Error | undefined;

  constructor(threads = Math.min(availableParallelism(), MOST_THREADS)) {
    this.module = new WebAssembly.Module(kernelCode());
    this.#threads = Array.from({ length: threads }, () => this.#start());
  }

  get threads(): number {
    return this.#threads.length;
  }

  /** Makes a memory known to every thread; `lanes`: one a thread. */
  attach(memory: WebAssembly.Memory, lanes: readonly Lane[], domain?: Domain): number {
    const id = this.#next++;
    this.#threads.forEach(({ worker }, k) => {
      const message: Message = { kind: "attach", id, memory, lane: lanes[k]!, domain };
      worker.postMessage(message);
    });
    return id;
  }

  /** Every thread lets go of the memory; the caller, too, and then collects. */
  detach(id: number): void {
    for (const { worker } of this.#threads) worker.postMessage({ kind: "detach", id } satisfies Message);
  }

  /** All of them, in any order, `first`: before those that wait already. @throws ProverError THREAD_FAILED */
  async run(id: number, tasks: readonly Task[], first = false): Promise<void> {
    if (this.#failed !== undefined) throw this.#failed;
    const done = tasks.map(
      (task) =>
        new Promise<void>((resolve, reject) => {
          const waiting = { id, task, resolve, reject };
          if (first) this.#queue.unshift(waiting);
          else this.#queue.push(waiting);
        }),
    );
    this.#dispatch();
    await Promise.all(done);
  }

  async close(): Promise<void> {
    this.#failed ??= new ProverError("BACKEND_CLOSED", "the prover was closed");
    await Promise.all(this.#threads.map(({ worker }) => worker.terminate()));
  }

  #start(): Thread {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { workerData: { module: this.module } });
    const thread: Thread = { worker, busy: undefined };
    worker.on("message", (reply: Reply) => {
      worker.unref();
      // a task that failed may have left anything behind: the pool is of no use any more
      if (reply !== undefined) this.#fail(failure(reply));
      thread.busy?.resolve();
      thread.busy = undefined;
      this.#dispatch();
    });
    worker.on("error", (error) => this.#fail(failure(error.message)));
    worker.on("exit", () => this.#fail(failure("it ended")));
    worker.unref(); // an idle pool keeps no process alive
    return thread;
  }

  #dispatch(): void {
    for (const thread of this.#threads) {
      if (thread.busy !== undefined) continue;
      const waiting = this.#queue.shift();
      if (waiting === undefined) return;
      thread.busy = waiting;
      thread.worker.ref();
      thread.worker.postMessage({ kind: "task", id: waiting.id, task: waiting.task } satisfies Message);
    }
  }

  #fail(error: Error): void {
    this.#failed ??= error;
    for (const { reject } of this.#queue.splice(0)) reject(this.#failed);
    for (const thread of this.#threads) {
      thread.busy?.reject(this.#failed);
      thread.busy = undefined;
    }
  }
}

const failure = (why: string): ProverError =>
  new ProverError("THREAD_FAILED", `a proving thread failed: ${why}`, { retryable: true });
