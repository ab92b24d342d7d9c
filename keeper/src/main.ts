/** Composition root: from a configuration to a keeper that runs. */
import { readFileSync, statSync } from "node:fs";
import { type Provider, Wallet } from "ethers";
import { z } from "zod";
import { openBackend } from "@mednexus/gpu-prover";
import {
  commitKeys,
  connect,
  Curve,
  HttpTransport,
  MedNexusError,
  parseDeployment,
  type ProverBackend,
  type Transport,
} from "@mednexus/sdk";
import { FileStore } from "@mednexus/sdk/node";
import { chainOf, type JsonRpcLike, readHead, RpcProvider, walletSigner } from "./chain.ts";
import type { KeeperConfig } from "./config.ts";
import { type Log, redacting, secretsOfUrl } from "./events.ts";
import { Keeper } from "./keeper.ts";
import { Metrics, type MetricsServer, serveMetrics } from "./metrics.ts";
import { Outbox } from "./outbox.ts";
import { pause } from "./pause.ts";
import { AggregateProver } from "./prover.ts";
import { Watch } from "./watch.ts";

export interface ComposedKeeper {
  readonly address: string;
  readonly metrics: Metrics;
  /** Where metrics are served, if anywhere. */
  readonly metricsUrl?: string;
  /** One look and what follows from it; returns how many transactions are on their way. */
  tick(): Promise<number>;
  /** Ticks every `pollMs` until aborted. */
  run(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** What a test or an embedding program may supply in place of the configured. */
export interface Overrides {
  readonly provider?: Provider & JsonRpcLike;
  readonly transport?: Transport;
  readonly backend?: ProverBackend;
}

const keyFileSchema = z.object({ account: z.string().regex(/^0x[0-9a-f]{64}$/, "0x and 64 lower-case hex digits") });

/** Errors: `BAD_KEY_FILE` when it is missing, malformed, or readable by others. */
export function readKeeperKey(path: string): string {
  try {
    if (process.platform !== "win32" && (statSync(path).mode & 0o077) !== 0)
      throw new MedNexusError("BAD_KEY_FILE", `${path} can be read by others: chmod 600 it`);
    return keyFileSchema.parse(JSON.parse(readFileSync(path, "utf8"))).account;
  } catch (error) {
    if (error instanceof MedNexusError) throw error;
    // Without the cause: a parser's message may quote what it read.
    throw new MedNexusError("BAD_KEY_FILE", `${path} is not a key file: { "account": "0x…" }`);
  }
}

/** Errors: `BAD_KEY_FILE`, `BAD_DEPLOYMENT`, `WRONG_CHAIN`, `STATE_OTHER`, `STATE_CORRUPT`, `RPC_FAILED`. */
export async function composeKeeper(
  config: KeeperConfig,
  log: Log,
  overrides: Overrides = {},
): Promise<ComposedKeeper> {
  const deployment = parseDeployment(readFileSync(config.deployment, "utf8"));
  const key = readKeeperKey(config.keyFile);
  const metrics = new Metrics();
  const said = redacting(log, [key, ...secretsOfUrl(config.rpcUrl), ...secretsOfUrl(config.relayUrl ?? config.rpcUrl)]);
  const logged: Log = (event) => {
    metrics.count(event);
    said(event);
  };
  const own = overrides.provider === undefined ? new RpcProvider(config.rpcUrl, deployment.chainId) : undefined;
  const provider = overrides.provider ?? own!;
  const wallet = new Wallet(key);
  await readHead(provider, deployment.chainId);
  const contracts = connect(deployment, provider);
  const store = new FileStore(config.dataDir);
  const monotonic = (): number => performance.now();
  const { confirmations, fees, limits } = config;

  const outbox = new Outbox({
    chain: chainOf(provider, wallet.address),
    signer: walletSigner(wallet, deployment.chainId),
    store,
    policy: { confirmations, maxFeePerGas: fees.max, bumpAfter: fees.bumpAfter, ...limits },
    log: logged,
    owner: `${deployment.chainId}/${deployment.addresses.rounds}/${wallet.address}`.toLowerCase(),
  });
  const watch = new Watch({
    deployment,
    provider,
    ...(config.campaigns === undefined ? {} : { campaigns: config.campaigns }),
    depth: confirmations,
    staleAfterMs: config.staleAfterMs,
    monotonic,
  });

  let backend: ProverBackend | undefined;
  let prover: AggregateProver | undefined;
  if (config.roles.prover) {
    const transport = overrides.transport ?? relayOf(config, wallet);
    const curve = await Curve.load();
    backend =
      overrides.backend ??
      (await openBackend(config.proofs, curve, { log: (message) => logged({ event: "proving", message }) }));
    const { srsFile } = config;
    const commitKey = commitKeys(
      curve,
      deployment,
      contracts,
      srsFile === undefined ? undefined : () => readFileSync(srsFile),
    );
    const reader = { deployment, contracts, provider, transport, commitKey, store, log: logged };
    prover = new AggregateProver(reader, backend, wallet.address, monotonic);
  }

  const keeper = new Keeper({
    watch,
    outbox,
    contracts,
    ...(prover === undefined ? {} : { prover }),
    roles: config.roles,
    openFrom: config.openFrom,
    confirmations,
    economics: config.prover,
    metrics,
    log: logged,
  });
  let server: MetricsServer | undefined;
  if (config.metricsPort !== undefined) server = await serveMetrics(metrics, config.metricsPort);
  logged({ event: "keeper-started", address: wallet.address, pending: outbox.pending });

  return {
    address: wallet.address,
    metrics,
    ...(server === undefined ? {} : { metricsUrl: server.url }),
    tick: () => keeper.tick(),
    run: async (signal) => {
      while (!signal.aborted) {
        await keeper.tick();
        await pause(config.pollMs, signal);
      }
    },
    close: async () => {
      await prover?.close();
      if (overrides.backend === undefined) await backend?.close();
      await server?.close();
      own?.destroy();
    },
  };
}

function relayOf(config: KeeperConfig, wallet: Wallet): Transport {
  if (config.relayUrl === undefined)
    throw new MedNexusError("BAD_CONFIG", "relayUrl: a prover fetches sums from a relay");
  return new HttpTransport(config.relayUrl, wallet);
}
