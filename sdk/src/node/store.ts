import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { MedNexusError } from "../errors.ts";

/**
 * A service's memory between restarts: one JSON file a key, written whole, flushed, then renamed into place, readable by
 * its owner only. Secrets (blinders, share coefficients) are here before anything made from them leaves the process.
 * One process at a time: two would each make secrets for one round, and one of them would lose its own.
 */
export class FileStore {
  readonly folder: string;
  #locked = false;

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.folder = folder;
  }

  /** Takes the folder for this process; a lock whose process is gone is taken over. Errors: `STATE_IN_USE`. */
  lock(): void {
    const path = join(this.folder, "lock");
    for (let attempt = 0; ; attempt++) {
      try {
        writeFileSync(path, String(process.pid), { flag: "wx", mode: 0o600 });
        held.add(path);
        this.#locked = true;
        return;
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== "EEXIST")
          throw new MedNexusError("STATE_WRITE", `${this.folder} cannot be written`, { cause });
      }
      const holder = Number(readFileSync(path, "utf8"));
      if (attempt > 0 || held.has(path) || (holder !== process.pid && isAlive(holder)))
        throw new MedNexusError("STATE_IN_USE", `${this.folder} is in use by process ${holder}: stop that node first`);
      rmSync(path, { force: true });
    }
  }

  unlock(): void {
    if (!this.#locked) return;
    const path = join(this.folder, "lock");
    rmSync(path, { force: true });
    held.delete(path);
    this.#locked = false;
  }

  /** Errors: `STATE_CORRUPT`, naming the file, when it is not what `write` left. */
  read<T>(key: string): T | undefined {
    const path = this.#path(key);
    if (!existsSync(path)) return undefined;
    try {
      return JSON.parse(readFileSync(path, "utf8"), revive) as T;
    } catch {
      // No cause: a JSON error quotes the text, and the text is secret.
      throw new MedNexusError("STATE_CORRUPT", `${path} is damaged: restore it from a backup or move it away`);
    }
  }

  /** Durable when it returns. Errors: `STATE_WRITE` (disk full, permissions); what was there before stays. */
  write(key: string, value: unknown): void {
    const path = this.#path(key);
    const next = `${path}.next`;
    try {
      rmSync(next, { force: true });
      const file = openSync(next, "wx", 0o600);
      try {
        writeFileSync(file, JSON.stringify(value, replace));
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(next, path);
      const folder = openSync(this.folder, "r");
      try {
        fsyncSync(folder);
      } finally {
        closeSync(folder);
      }
    } catch (cause) {
      throw new MedNexusError("STATE_WRITE", `${path} could not be written: is the disk full?`, {
        cause,
        retryable: true,
      });
    }
  }

  remove(key: string): void {
    rmSync(this.#path(key), { force: true });
  }

  /** Every key that has a value. */
  keys(): string[] {
    return readdirSync(this.folder).flatMap((file) => /^([a-z0-9-]+)\.json$/.exec(file)?.[1] ?? []);
  }

  #path(key: string): string {
    if (!/^[a-z0-9-]+$/.test(key)) throw new MedNexusError("STATE_KEY", `not a store key: ${key}`);
    return join(this.folder, `${key}.json`);
  }
}

/** Locks of this process: after a restart in a container a lock may carry the same process id and yet be stale. */
const held = new Set<string>();

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** JSON has no bigint: they travel as { "$n": "123" }. */
const replace = (_key: string, value: unknown): unknown =>
  typeof value === "bigint" ? { $n: value.toString() } : value;
const revive = (_key: string, value: unknown): unknown =>
  value !== null && typeof value === "object" && "$n" in value ? BigInt((value as { $n: string }).$n) : value;
