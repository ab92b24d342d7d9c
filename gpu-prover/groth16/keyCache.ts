import { createHash } from "node:crypto";

/** Proving keys kept ready, by the hash of their file; the least recently used leaves first. A file is hashed once, then known by its identity: it must not change. */
export class KeyCache<T> {
  readonly #most: number;
  readonly #drop: (key: T) => void;
  readonly #keys = new Map<string, T>(); // most recent last
  readonly #hashes = new WeakMap<Uint8Array, string>();

  constructor(most: number, drop: (key: T) => void) {
    [this.#most, this.#drop] = [most, drop];
  }

  hash(zkey: Uint8Array): string {
    let hash = this.#hashes.get(zkey);
    if (hash === undefined) {
      hash = createHash("sha256").update(zkey).digest("hex");
      this.#hashes.set(zkey, hash);
    }
    return hash;
  }

  get(hash: string): T | undefined {
    const key = this.#keys.get(hash);
    return key === undefined ? undefined : this.set(hash, key);
  }

  /** Returns `key`. */
  set(hash: string, key: T): T {
    this.#keys.delete(hash);
    this.#keys.set(hash, key);
    return key;
  }

  /** Room for one more. */
  makeRoom(): void {
    while (this.#keys.size >= this.#most) this.evict();
  }

  /** False if there is none to drop. */
  evict(): boolean {
    for (const [hash, key] of this.#keys) {
      this.#keys.delete(hash);
      this.#drop(key);
      return true;
    }
    return false;
  }

  /** Forgets all without dropping them: for when what holds them goes. */
  clear(): void {
    this.#keys.clear();
  }
}
