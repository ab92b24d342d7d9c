/** What long-running commands share: stop on Ctrl-C or when the parent is gone, JSON lines as log. */
import { EXIT } from "./exit.ts";

/** An event as one JSON line on stdout; bigints as decimal strings. */
export function logLine(event: object): void {
  console.log(JSON.stringify(event, (_key, value: unknown) => (typeof value === "bigint" ? value.toString() : value)));
}

/** Aborts on SIGINT, SIGTERM, or when the process that started this one has died. */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  // Also the second time: an impatient Ctrl-C must not leave half a clean-up behind.
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  const parent = Number(process.env["MEDNEXUS_PARENT"] ?? 0);
  if (parent > 0) {
    setInterval(() => {
      if (process.ppid !== parent) stop();
    }, 1000).unref();
  }
  return controller.signal;
}

interface Service {
  run(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** Starts a service, runs it until it is told to stop, and closes it. */
export async function runUntilStopped(start: () => Promise<Service>): Promise<number> {
  const signal = stopSignal();
  const service = await start();
  try {
    await service.run(signal);
  } finally {
    await service.close();
  }
  return EXIT.ok;
}
