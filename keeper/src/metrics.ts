/** Numbers for operators: Prometheus text on /metrics, a verdict on /health. Loopback only. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { KeeperEvent } from "./events.ts";

export interface Health {
  readonly healthy: boolean;
  readonly reason: string;
}

export class Metrics {
  readonly #events = new Map<string, number>();
  readonly #gauges = new Map<string, number>();
  #health: Health = { healthy: false, reason: "starting" };

  /** Counts an event by its name. */
  count({ event }: KeeperEvent): void {
    this.#events.set(event, (this.#events.get(event) ?? 0) + 1);
  }

  /** `name`: lower-case words joined by "_". */
  gauge(name: string, value: number): void {
    this.#gauges.set(name, value);
  }

  set health(health: Health) {
    this.#health = health;
  }

  get health(): Health {
    return this.#health;
  }

  /** Prometheus text exposition format 0.0.4. */
  text(): string {
    const lines = ["# TYPE mednexus_keeper_events_total counter"];
    for (const [event, value] of [...this.#events].sort())
      lines.push(`mednexus_keeper_events_total{event="${event}"} ${value}`);
    for (const [name, value] of [...this.#gauges].sort())
      lines.push(`# TYPE mednexus_keeper_${name} gauge`, `mednexus_keeper_${name} ${value}`);
    return `${lines.join("\n")}\n`;
  }
}

export interface MetricsServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Port 0 picks a free one. */
export async function serveMetrics(metrics: Metrics, port: number): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    if (request.url === "/metrics")
      response.writeHead(200, { "content-type": "text/plain; version=0.0.4" }).end(metrics.text());
    else if (request.url === "/health") {
      const { healthy, reason } = metrics.health;
      response
        .writeHead(healthy ? 200 : 503, { "content-type": "application/json" })
        .end(JSON.stringify({ healthy, reason }));
    } else response.writeHead(404).end();
  });
  await new Promise<void>((done, fail) => server.once("error", fail).listen(port, "127.0.0.1", done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}
