/** Numbers for operators: Prometheus text on /metrics, a verdict on /health. Loopback only. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Metrics as Numbers, METRICS_TYPE } from "@mednexus/sdk/node";
import type { KeeperEvent } from "./events.ts";

export interface Health {
  readonly healthy: boolean;
  readonly reason: string;
}

export class Metrics extends Numbers {
  health: Health = { healthy: false, reason: "starting" };

  constructor() {
    super("mednexus_keeper");
  }

  /** Counts an event by its name. */
  count({ event }: KeeperEvent): void {
    this.add("events_total", 1, { event });
  }
}

export interface MetricsServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Port 0 picks a free one. */
export async function serveMetrics(metrics: Metrics, port: number): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    if (request.url === "/metrics") response.writeHead(200, { "content-type": METRICS_TYPE }).end(metrics.text());
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
