import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("./main.ts", import.meta.url));

/** A `mednexus …` process of its own that reports by one JSON object a line. */
export interface Service {
  readonly name: string;
  readonly process: ChildProcess;
  /** Resolves with the exit code, or the signal's name. */
  readonly ended: Promise<number | string>;
}

/** Starts `mednexus ARGS`; every JSON line it prints goes to `onEvent`, everything else and stderr to `onNoise`. */
export function startService(
  name: string,
  args: readonly string[],
  onEvent: (event: Record<string, unknown>) => void,
  onNoise: (line: string) => void,
): Service {
  const child = spawn(process.execPath, [main, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, MEDNEXUS_PARENT: String(process.pid) },
  });
  createInterface({ input: child.stdout }).on("line", (line) => {
    try {
      onEvent(JSON.parse(line) as Record<string, unknown>);
    } catch {
      onNoise(line);
    }
  });
  createInterface({ input: child.stderr }).on("line", onNoise);
  const ended = new Promise<number | string>((done) => child.on("exit", (code, signal) => done(code ?? signal ?? 1)));
  return { name, process: child, ended };
}

/** Asks services to end, then makes them. */
export async function stopServices(services: readonly Service[], graceMs = 3000): Promise<void> {
  const alive = services.filter(({ process: child }) => child.exitCode === null && child.signalCode === null);
  for (const { process: child } of alive) child.kill("SIGTERM");
  const timer = setTimeout(() => {
    for (const { process: child } of alive) child.kill("SIGKILL");
  }, graceMs);
  await Promise.all(alive.map(({ ended }) => ended));
  clearTimeout(timer);
}
