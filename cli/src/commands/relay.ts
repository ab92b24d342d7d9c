import { startRelay } from "@mednexus/hospital";
import { pause } from "@mednexus/sdk/node";
import { type Command, integerOption } from "../arguments.ts";
import { EXIT } from "../exit.ts";
import { logLine, stopSignal } from "../service.ts";

export const relayRun: Command = {
  summary: "keep signed messages and content-addressed blobs for nodes, until Ctrl-C",
  options: {
    port: { type: "string", value: "PORT", help: "where to listen", default: "8600" },
    host: {
      type: "string",
      value: "HOST",
      help: "address to listen on; put TLS in front of anything but loopback",
      default: "127.0.0.1",
    },
  },
  async run(values) {
    const signal = stopSignal();
    const relay = await startRelay({
      port: integerOption("port", String(values["port"] ?? "8600"), 0, 65_535),
      host: String(values["host"] ?? "127.0.0.1"),
    });
    logLine({ event: "relay-up", url: relay.url });
    while (!signal.aborted) await pause(60_000, signal);
    await relay.close();
    return EXIT.ok;
  },
};
