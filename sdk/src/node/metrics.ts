/** What /metrics answers: Prometheus's text exposition format. */
export const METRICS_TYPE = "text/plain; version=0.0.4";

/** Numbers of one service for its operators. Names are lower-case words joined by "_" behind the service's prefix; a counter's ends in "total". */
export class Metrics {
  readonly #prefix: string;
  readonly #counters = new Map<string, Map<string, number>>();
  readonly #gauges = new Map<string, number>();

  /** `prefix`, e.g. "mednexus_keeper". */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** Adds to a counter, of the one `label` if it is given; a label's value is a word of ours, never input. Adding 0 makes it show. */
  add(counter: string, by: number, label?: Readonly<Record<string, string>>): void {
    const [[name, value] = []] = Object.entries(label ?? {});
    const series = name === undefined ? "" : `{${name}="${value}"}`;
    const all = this.#counters.get(counter) ?? new Map<string, number>();
    this.#counters.set(counter, all.set(series, (all.get(series) ?? 0) + by));
  }

  gauge(name: string, value: number): void {
    this.#gauges.set(name, value);
  }

  text(): string {
    const lines: string[] = [];
    for (const [name, all] of [...this.#counters].sort()) {
      lines.push(`# TYPE ${this.#prefix}_${name} counter`);
      for (const [series, value] of [...all].sort()) lines.push(`${this.#prefix}_${name}${series} ${value}`);
    }
    for (const [name, value] of [...this.#gauges].sort())
      lines.push(`# TYPE ${this.#prefix}_${name} gauge`, `${this.#prefix}_${name} ${value}`);
    return `${lines.join("\n")}\n`;
  }
}
