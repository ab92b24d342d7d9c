import { randomBytes } from "node:crypto";
import { constants, mkdirSync } from "node:fs";
import { type FileHandle, open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { StorageError } from "../../errors.ts";
import { storageRoot } from "../../storage/root.ts";
import { assertRoot, type BlobReader, type BlobStore, type Progress } from "../../storage/store.ts";
import type { Hash } from "../../transcript.ts";

/** A store that takes whole files, too large for memory. */
export interface FileBlobStore extends BlobStore {
  /** Where this store keeps files on this machine. */
  readonly folder: string;
  /** Copies that outlive `remove`, in words; undefined where there are none. */
  readonly beyondReach?: string;
  /** Path for a file in the making; the name is [a-z0-9-]+. What lies there survives a crash. */
  stage(name: string): string;
  /** Takes over a flushed file made at a `stage` path, under the root that it has. */
  adopt(path: string, root: Hash, onProgress?: Progress): Promise<void>;
  has(root: Hash): Promise<boolean>;
  /** Whether there was something to remove. */
  remove(root: Hash): Promise<boolean>;
}

/** Content in a directory, one file a root. Files appear whole or not at all, and links in their place are not followed. */
export class LocalStore implements FileBlobStore {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = resolve(folder);
    mkdirSync(join(this.folder, "partial"), { recursive: true, mode: 0o700 });
  }

  async put(content: Uint8Array): Promise<Hash> {
    const root = await storageRoot(content);
    const staged = this.stage(`put-${randomBytes(8).toString("hex")}`);
    try {
      const file = await open(staged, "wx", 0o600);
      try {
        await file.writeFile(content);
        await file.sync();
      } finally {
        await file.close();
      }
      await this.adopt(staged, root);
    } catch (cause) {
      await rm(staged, { force: true });
      throw writeError(this.folder, cause);
    }
    return root;
  }

  async open(root: Hash): Promise<BlobReader> {
    const path = this.pathOf(root);
    let file: FileHandle;
    try {
      file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    } catch (cause) {
      throw new StorageError("NOT_STORED", `the store has nothing under ${root}`, { cause });
    }
    return fileReader(file);
  }

  stage(name: string): string {
    if (!/^[a-z0-9-]+$/.test(name)) throw new StorageError("BAD_NAME", `not a name for a staged file: ${name}`);
    return join(this.folder, "partial", name);
  }

  async adopt(path: string, root: Hash): Promise<void> {
    const target = this.pathOf(root);
    try {
      mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
      await rename(path, target);
      for (const folder of [dirname(target), this.folder]) {
        const handle = await open(folder, "r");
        await handle.sync().finally(() => handle.close());
      }
    } catch (cause) {
      throw writeError(this.folder, cause);
    }
  }

  async has(root: Hash): Promise<boolean> {
    const found = await stat(this.pathOf(root)).catch(() => undefined);
    return found?.isFile() === true;
  }

  async remove(root: Hash): Promise<boolean> {
    const found = await this.has(root);
    await rm(this.pathOf(root), { force: true });
    return found;
  }

  /** Every root that lies here. */
  async roots(): Promise<Hash[]> {
    const files = await readdir(this.folder, { recursive: true });
    return files.map((file) => `0x${file.slice(3)}`).filter((root) => /^0x[0-9a-f]{64}$/.test(root));
  }

  /** The file of a root. Errors: StorageError BAD_ROOT. */
  pathOf(root: Hash): string {
    assertRoot(root);
    return join(this.folder, root.slice(2, 4), root.slice(2));
  }
}

const writeError = (folder: string, cause: unknown): StorageError =>
  cause instanceof StorageError
    ? cause
    : new StorageError("STORE_WRITE", `${folder} could not be written: is the disk full?`, { cause, retryable: true });

/** Reads a file in pieces; `close` closes it. */
export async function fileReader(file: FileHandle): Promise<BlobReader> {
  const { size } = await file.stat();
  return {
    size,
    async read(offset, length) {
      const out = new Uint8Array(Math.max(0, Math.min(length, size - offset)));
      for (let at = 0; at < out.length;) {
        const { bytesRead } = await file.read(out, at, out.length - at, offset + at);
        if (bytesRead === 0) return out.subarray(0, at); // shortened meanwhile: the caller's length check sees it
        at += bytesRead;
      }
      return out;
    },
    close: () => file.close(),
  };
}
