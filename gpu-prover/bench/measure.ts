export interface Contender<T = unknown> {
  readonly engine: string;
  run(): Promise<T>;
  check(result: T): Promise<boolean>;
}

/** Seconds over `runs` runs. */
export interface Measured {
  readonly engine: string;
  readonly median: number;
  /** median of the processor time of this process; a software adapter's work is in it */
  readonly host: number;
  readonly least: number;
  readonly most: number;
  /** runs whose result passed its check */
  readonly verified: number;
  readonly runs: number;
}

/** Runs of all contenders interleaved, every other round from the last to the first, after one of each to warm up: keys resident, code compiled. */
export async function measure<T>(contenders: readonly Contender<T>[], runs: number): Promise<Measured[]> {
  const times = contenders.map(() => [] as number[]);
  const hosts = contenders.map(() => [] as number[]);
  const verified = contenders.map(() => 0);
  for (const { run } of contenders) await run();
  for (let round = 0; round < runs; round++) {
    const order = [...contenders.entries()];
    for (const [at, { run, check }] of round % 2 === 0 ? order : order.reverse()) {
      const [from, before] = [performance.now(), process.cpuUsage()];
      const made = await run();
      const { user, system } = process.cpuUsage(before);
      times[at]!.push((performance.now() - from) / 1000);
      hosts[at]!.push((user + system) / 1e6);
      if (await check(made)) verified[at]!++;
    }
  }
  return contenders.map(({ engine }, at) => {
    const sorted = times[at]!.sort((a, b) => a - b);
    return {
      engine,
      median: median(sorted),
      host: median(hosts[at]!),
      least: sorted[0]!,
      most: sorted.at(-1)!,
      verified: verified[at]!,
      runs,
    };
  });
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.slice(Math.floor((sorted.length - 1) / 2), Math.floor(sorted.length / 2) + 1);
  return middle.reduce((sum, number) => sum + number, 0) / middle.length;
}
