import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { MedNexusError } from "../errors.ts";

/**
 * A service's memory between restarts: one JSON file a key, written whole, flushed, then renamed into place, readable by
 * its owner only. Secrets (blinders, share coefficients) are here before anything made from them leaves the process.
 */
export class FileStore {
  readonly #folder: string;

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#folder = folder;
  }

  /** Errors: `STATE_CORRUPT`, naming the file, when it is not what `write` left. */
  read<T>(key: string): T | undefined {
    const path = this.#path(key);
    if (!existsSync(path)) return undefined;
    try {
      return JSON.parse(readFileSync(path, "utf8"), revive) as T;
    } catch (cause) {
      throw new MedNexusError("STATE_CORRUPT", `${path} is damaged: restore it from a backup or move it away`, {
        cause,
      });
    }
  }

  /** Durable when it returns. Errors: `STATE_WRITE` (disk full, permissions). */
  write(key: string, value: unknown): void {
    const path = this.#path(key);
    const next = `${path}.next`;
    try {
      const file = openSync(next, "w", 0o600);
      try {
        writeSync(file, JSON.stringify(value, replace));
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(next, path);
      const folder = openSync(this.#folder, "r");
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

  #path(key: string): string {
    if (!/^[a-z0-9-]+$/.test(key)) throw new MedNexusError("STATE_KEY", `not a store key: ${key}`);
    return join(this.#folder, `${key}.json`);
  }
}

/** JSON has no bigint: they travel as { "$n": "123" }. */
const replace = (_key: string, value: unknown): unknown =>
  typeof value === "bigint" ? { $n: value.toString() } : value;
const revive = (_key: string, value: unknown): unknown =>
  value !== null && typeof value === "object" && "$n" in value ? BigInt((value as { $n: string }).$n) : value;
