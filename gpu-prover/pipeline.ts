import { Lane } from "@mednexus/circuits";

/** A proof in three steps; the device has one proof at a time, the steps around it are the CPU's. */
export interface Steps<P, D, R> {
  prepare(): Promise<P>;
  device(prepared: P): Promise<D>;
  finish(made: D): Promise<R>;
}

/** Witnesses in memory at a time: the one on the device, and the next. */
export const IN_FLIGHT = 2;

/**
 * Proofs one behind another: while the device has one, the CPU prepares the next and finishes the last. However many are asked for, no more than IN_FLIGHT
 * are prepared or on the device; the rest wait unprepared, in the order of their coming.
 */
export class Pipeline {
  readonly #preparing = new Lane();
  readonly #device = new Lane();
  readonly #all = new Set<Promise<unknown>>();
  readonly #waiting: (() => void)[] = [];
  #free = IN_FLIGHT;

  run<P, D, R>(steps: Steps<P, D, R>): Promise<R> {
    const proof = this.#run(steps).finally(() => this.#all.delete(proof));
    this.#all.add(proof);
    return proof;
  }

  /** Other work of the device, in its turn. */
  onDevice<T>(work: () => Promise<T>): Promise<T> {
    return this.#device.run(work);
  }

  /** Resolves when everything that came so far is over. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#all);
    await this.#device.idle();
  }

  async #run<P, D, R>({ prepare, device, finish }: Steps<P, D, R>): Promise<R> {
    if (this.#free === 0) await new Promise<void>((turn) => this.#waiting.push(turn));
    else this.#free--;
    let made: D;
    try {
      const prepared = await this.#preparing.run(prepare);
      made = await this.#device.run(() => device(prepared));
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
    return finish(made);
  }
}
