export interface Contender<T = unknown> {
  readonly engine: string;
  run(): Promise<T>;
  check(result: T): Promise<boolean>;
}

/** Seconds over `runs` runs. */
export interface Measured {
  readonly engine: string;
  readonly median: number;
  readonly least: number;
  readonly most: number;
  /** runs whose result passed its check */
  readonly verified: number;
  readonly runs: number;
}

/** Runs of all contenders interleaved, every other round from the last to the first, after one of each to warm up: keys resident, code compiled. */
export async function measure<T>(contenders: readonly Contender<T>[], runs: number): Promise<Measured[]> {
  const times = contenders.map(() => [] as number[]);
  const verified = contenders.map(() => 0);
  for (const { run } of contenders) await run();
  for (let round = 0; round < runs; round++) {
    const order = [...contenders.entries()];
    for (const [at, { run, check }] of round % 2 === 0 ? order : order.reverse()) {
      const from = performance.now();
      const made = await run();
      times[at]!.push((performance.now() - from) / 1000);
      if (await check(made)) verified[at]!++;
    }
  }
  return contenders.map(({ engine }, at) => {
    const sorted = times[at]!.sort((a, b) => a - b);
    const middle = sorted.slice(Math.floor((runs - 1) / 2), Math.floor(runs / 2) + 1);
    return {
      engine,
      median: middle.reduce((sum, time) => sum + time, 0) / middle.length,
      least: sorted[0]!,
      most: sorted.at(-1)!,
      verified: verified[at]!,
      runs,
    };
  });
}
