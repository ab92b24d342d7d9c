/** Composition root of the job prover: from a configuration to a service that runs. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { computeHmac, getBytes, type Provider, toUtf8Bytes, Wallet } from "ethers";
import { openBackend } from "@mednexus/gpu-prover";
import {
  connect,
  Curve,
  type Deployment,
  HttpTransport,
  parseDeployment,
  type ProverBackend,
  publishProverKey,
  type ReaderKeys,
  readerKeysOf,
  type Transport,
} from "@mednexus/sdk";
import { FileStore } from "@mednexus/sdk/node";
import { chainOf, type JsonRpcLike, readHead, RpcProvider, walletSigner } from "../chain.ts";
import { type Log, redacting, secretsOfUrl } from "../events.ts";
import { readKeeperKey } from "../main.ts";
import { Metrics, serveMetrics } from "../metrics.ts";
import { Outbox } from "../outbox.ts";
import { pause } from "../pause.ts";
import type { ProverConfig } from "./config.ts";
import { JobProver } from "./prover.ts";
import { JobWatch } from "./watch.ts";
import { Worker } from "./work.ts";

export interface ComposedProver {
  readonly address: string;
  readonly metrics: Metrics;
  readonly metricsUrl?: string;
  tick(): Promise<number>;
  /** Ticks every `pollMs` until aborted. */
  run(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** What a test or an embedding program may supply in place of the configured. */
export interface ProverOverrides {
  readonly provider?: Provider & JsonRpcLike;
  readonly transport?: Transport;
  readonly backend?: ProverBackend;
}

/**
 * Takes the key for this process, on this machine: two would send two transactions under one nonce, and lock twice what the stake
 * bears. Whoever keeps copies of a key on several machines is stopped by KEY_IN_USE, later. Errors: `STATE_IN_USE`.
 */
export function lockKey(keyFile: string, deployment: Deployment, address: string): FileStore {
  const lock = new FileStore(
    join(dirname(keyFile), `.prover-${deployment.chainId}-${address.slice(2, 10).toLowerCase()}`),
  );
  lock.lock();
  return lock;
}

/** The key that private inputs are sealed to follows from the account's: nothing more to keep, nothing to lose. */
export const proverKeys = (account: string, { chainId, addresses }: Deployment): ReaderKeys =>
  readerKeysOf(
    getBytes(computeHmac("sha256", account, toUtf8Bytes(`mednexus.prover.v1/${chainId}/${addresses.compute}`))),
  );

/** Errors: `BAD_KEY_FILE`, `BAD_DEPLOYMENT`, `WRONG_CHAIN`, `STATE_OTHER`, `STATE_IN_USE`, `STATE_CORRUPT`, `RPC_FAILED`. */
export async function composeProver(
  config: ProverConfig,
  log: Log,
  overrides: ProverOverrides = {},
): Promise<ComposedProver> {
  const deployment = parseDeployment(readFileSync(config.deployment, "utf8"));
  const key = readKeeperKey(config.keyFile);
  const wallet = new Wallet(key);
  const metrics = new Metrics();
  const keys = proverKeys(key, deployment);
  const secrets = [key, keys.secret, ...secretsOfUrl(config.rpcUrl), ...secretsOfUrl(config.relayUrl)];
  const said = redacting(log, secrets);
  const noticed: { taken?: () => void } = {};
  const logged: Log = (event) => {
    metrics.count(event);
    said(event);
    if (event.event === "nonce-taken") noticed.taken?.();
  };
  const keyLock = lockKey(config.keyFile, deployment, wallet.address);
  const own = overrides.provider === undefined ? new RpcProvider(config.rpcUrl, deployment.chainId) : undefined;
  const opened: (() => void | Promise<void>)[] = [() => keyLock.unlock(), () => own?.destroy()];
  const close = async (): Promise<void> => {
    for (const one of opened.splice(0).toReversed()) await one();
  };
  try {
    const provider = overrides.provider ?? own!;
    await readHead(provider, deployment.chainId);
    const contracts = connect(deployment, provider);
    const store = new FileStore(config.dataDir);
    store.lock();
    opened.push(() => store.unlock());
    const monotonic = (): number => performance.now();
    const { confirmations, fees, limits, staleAfterMs } = config;
    const outbox = new Outbox({
      chain: chainOf(provider, wallet.address),
      signer: walletSigner(wallet, deployment.chainId),
      store,
      policy: { confirmations, maxFeePerGas: fees.max, bumpAfter: fees.bumpAfter, ...limits },
      log: logged,
      owner: `${deployment.chainId}/${deployment.addresses.compute}/${wallet.address}`.toLowerCase(),
    });
    const watch = new JobWatch({
      deployment,
      provider,
      self: wallet.address,
      depth: confirmations,
      staleAfterMs,
      monotonic,
    });
    const backend =
      overrides.backend ??
      (await openBackend(config.proofs, await Curve.load(), {
        log: (message) => logged({ event: "proving", message }),
      }));
    if (overrides.backend === undefined) opened.push(() => backend.close());
    const transport = overrides.transport ?? new HttpTransport(config.relayUrl, wallet);
    const worker = new Worker({
      deployment,
      contracts,
      transport,
      backend,
      store,
      self: wallet.address,
      keys,
      ...(config.modelsDir === undefined ? {} : { modelsDir: config.modelsDir }),
      attempts: limits.attempts,
      monotonic,
      head: () => readHead(provider, deployment.chainId),
      log: logged,
    });
    opened.push(() => worker.close());
    const { token } = deployment;
    const prover = new JobProver({ watch, worker, outbox, contracts, token, policy: config, metrics, log: logged });
    noticed.taken = () => prover.keyTaken();
    // Before the first lock: a sponsor seals to it.
    await publishProverKey(transport, deployment, keys);
    const server = config.metricsPort === undefined ? undefined : await serveMetrics(metrics, config.metricsPort);
    if (server !== undefined) opened.push(() => server.close());
    logged({ event: "prover-started", address: wallet.address, pending: outbox.pending });
    return {
      address: wallet.address,
      metrics,
      ...(server === undefined ? {} : { metricsUrl: server.url }),
      tick: () => prover.tick(),
      run: async (signal) => {
        while (!signal.aborted) {
          await prover.tick();
          await pause(config.pollMs, signal);
        }
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
