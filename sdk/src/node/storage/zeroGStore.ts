/**
 * 0G Storage through its official SDK, behind a local directory that serves as staging area and cache. The SDK is no
 * dependency of this package: who configures 0G installs it. Written against version 1.2.8's types; not run against a
 * live 0G network by this repository's tests.
 */
import { open, rm } from "node:fs/promises";
import { JsonRpcProvider, type Signer, Wallet } from "ethers";
import { z } from "zod";
import { StorageError } from "../../errors.ts";
import { storageRoot } from "../../storage/root.ts";
import { blobRoot, type BlobReader } from "../../storage/store.ts";
import type { Hash } from "../../transcript.ts";
import { type FileBlobStore, fileReader, type LocalStore } from "./localStore.ts";

export const ZERO_G_PACKAGE = "@0gfoundation/0g-ts-sdk";

export const zeroGConfigSchema = z.strictObject({
  /** URL of a 0G storage indexer. */
  indexer: z.url(),
  /** URL of the 0G chain's JSON-RPC, where uploads are paid. */
  rpc: z.url(),
  /** Environment variable that holds the paying account's private key. */
  keyVariable: z.string().regex(/^[A-Z][A-Z0-9_]*$/),
});

export type ZeroGConfig = z.infer<typeof zeroGConfigSchema>;

/** The part of the SDK that is used. */
export interface ZeroGSdk {
  readonly Indexer: new (url: string) => {
    upload(file: unknown, rpc: string, signer: Signer): Promise<[{ readonly rootHash?: string }, Error | null]>;
    download(root: string, path: string, proof: boolean): Promise<Error | null>;
  };
  readonly ZgFile: { fromFilePath(path: string): Promise<{ close(): Promise<void> }> };
}

/** Errors: StorageError ZERO_G_MISSING. */
export async function loadZeroGSdk(name: string = ZERO_G_PACKAGE): Promise<ZeroGSdk> {
  try {
    return (await import(name)) as ZeroGSdk;
  } catch (cause) {
    throw new StorageError(
      "ZERO_G_MISSING",
      `0G Storage is configured and its SDK is not installed: npm install ${ZERO_G_PACKAGE}, or use a local directory`,
      { cause },
    );
  }
}

export class ZeroGStore implements FileBlobStore {
  readonly beyondReach = "0G Storage keeps what was uploaded: no command deletes it there";
  readonly #local: LocalStore;
  readonly #sdk: ZeroGSdk;
  readonly #config: ZeroGConfig;
  readonly #signer: Signer;

  constructor(local: LocalStore, sdk: ZeroGSdk, config: ZeroGConfig, signer: Signer) {
    this.#local = local;
    this.#sdk = sdk;
    this.#config = config;
    this.#signer = signer;
  }

  /** Errors: StorageError ZERO_G_MISSING, ZERO_G_KEY. */
  static async create(
    local: LocalStore,
    config: ZeroGConfig,
    environment: Readonly<Record<string, string | undefined>>,
  ): Promise<ZeroGStore> {
    const secret = environment[config.keyVariable];
    if (secret === undefined || !/^(0x)?[0-9a-fA-F]{64}$/.test(secret))
      throw new StorageError("ZERO_G_KEY", `set ${config.keyVariable} to the key of the account that pays for uploads`);
    const sdk = await loadZeroGSdk();
    return new ZeroGStore(local, sdk, config, new Wallet(secret, new JsonRpcProvider(config.rpc)));
  }

  get folder(): string {
    return this.#local.folder;
  }

  async put(content: Uint8Array): Promise<Hash> {
    const root = await storageRoot(content);
    if (await this.has(root)) return root;
    await this.#local.put(content);
    await this.#uploadOrForget(root);
    return root;
  }

  stage(name: string): string {
    return this.#local.stage(name);
  }

  /** The file is uploaded before it counts as stored: an interrupted upload is found staged and done again. */
  async adopt(path: string, root: Hash): Promise<void> {
    await this.#upload(path, root);
    await this.#local.adopt(path, root);
  }

  async open(root: Hash): Promise<BlobReader> {
    if (!(await this.#local.has(root))) await this.#download(root);
    return this.#local.open(root);
  }

  has(root: Hash): Promise<boolean> {
    return this.#local.has(root);
  }

  remove(root: Hash): Promise<boolean> {
    return this.#local.remove(root);
  }

  async #uploadOrForget(root: Hash): Promise<void> {
    try {
      await this.#upload(this.#local.pathOf(root), root);
    } catch (error) {
      await this.#local.remove(root);
      throw error;
    }
  }

  async #upload(path: string, root: Hash): Promise<void> {
    const file = await this.#sdk.ZgFile.fromFilePath(path);
    try {
      const [sent, error] = await new this.#sdk.Indexer(this.#config.indexer).upload(
        file,
        this.#config.rpc,
        this.#signer,
      );
      if (error !== null)
        throw new StorageError("ZERO_G_FAILED", `0G Storage did not take ${root}`, { cause: error, retryable: true });
      if (sent.rootHash !== root)
        throw new StorageError("ZERO_G_ROOT", `0G Storage took ${root} under another root, ${String(sent.rootHash)}`);
    } finally {
      await file.close();
    }
  }

  async #download(root: Hash): Promise<void> {
    const path = this.stage(`get-${root.slice(2)}`);
    await rm(path, { force: true });
    try {
      const error = await new this.#sdk.Indexer(this.#config.indexer).download(root, path, true);
      if (error !== null) throw new StorageError("NOT_STORED", `0G Storage did not give ${root}`, { cause: error });
      const blob = await fileReader(await open(path));
      if ((await blobRoot(blob).finally(() => blob.close())) !== root)
        throw new StorageError("BAD_CONTENT", `0G Storage gave other content than ${root}`);
      await this.#local.adopt(path, root);
    } finally {
      await rm(path, { force: true });
    }
  }
}
