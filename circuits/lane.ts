/** Does work one piece after another, in the order of its coming; a piece that fails stops none behind it. */
export class Lane {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }

  /** Resolves when everything that came so far is over. */
  async idle(): Promise<void> {
    await this.#last;
  }
}
