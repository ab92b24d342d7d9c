/**
 * What every service on the chain is composed of, whatever it does there: account, endpoint, transactions, metrics, the loop.
 * Whatever was opened is closed again, the last first, also when composing breaks off half way.
 */
import { type Provider, Wallet } from "ethers";
import { openBackend } from "@mednexus/gpu-prover";
import {
  connect,
  type ContractName,
  type Contracts,
  Curve,
  type Deployment,
  HttpTransport,
  MedNexusError,
  type ProverBackend,
  type Transport,
} from "@mednexus/sdk";
import { FileStore, pause, readDeployment } from "@mednexus/sdk/node";
import { chainOf, type JsonRpcLike, readHead, RpcProvider, walletSigner } from "./chain.ts";
import { readKeeperKey, type ServiceConfig } from "./config.ts";
import { type Log, redacting, secretsOfUrl } from "./events.ts";
import { Metrics, serveMetrics } from "./metrics.ts";
import { Outbox } from "./outbox.ts";
import type { Endpoint } from "./tail.ts";

/** A keeper or a job prover, ready to run. */
export interface Service {
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

/** What a test or an embedding program may supply in place of the configured; it closes them itself. */
export interface Overrides {
  readonly provider?: Provider & JsonRpcLike;
  readonly transport?: Transport;
  readonly backend?: ProverBackend;
}

/** Who acts, on which deployment. */
export interface Account {
  readonly deployment: Deployment;
  /** The wallet's private key, 0x and 64 lower-case hex digits. */
  readonly key: string;
  readonly wallet: Wallet;
}

/** Errors: `BAD_KEY_FILE`, `BAD_DEPLOYMENT`. */
export function readAccount(config: Pick<ServiceConfig, "deployment" | "keyFile">): Account {
  const deployment = readDeployment(config.deployment);
  const key = readKeeperKey(config.keyFile);
  return { deployment, key, wallet: new Wallet(key) };
}

/** What a role is built from. */
export interface Parts {
  readonly endpoint: Endpoint;
  readonly contracts: Contracts;
  readonly outbox: Outbox;
  /** The service's memory, locked for this process. */
  readonly store: FileStore;
  readonly metrics: Metrics;
  readonly log: Log;
  /** Closed with the service, before everything above. */
  readonly opened: AsyncDisposableStack;
  /** Errors: `BAD_CONFIG` where no relay is configured. */
  transport(): Transport;
  backend(): Promise<ProverBackend>;
}

/**
 * `name` is said when it has started; `contract`'s address binds the outbox to this deployment.
 * Errors: `WRONG_CHAIN`, `RPC_FAILED`, `STATE_OTHER`, `STATE_IN_USE`, `STATE_CORRUPT`, `EADDRINUSE` for the metrics' port; `build`'s.
 */
export async function composeService(
  { name, contract }: { readonly name: "keeper" | "prover"; readonly contract: ContractName },
  config: ServiceConfig,
  { deployment, key, wallet }: Account,
  log: Log,
  overrides: Overrides,
  build: (parts: Parts) => Promise<{ tick(): Promise<number> }>,
): Promise<Service> {
  const { rpcUrl, relayUrl = rpcUrl, confirmations, fees, limits, staleAfterMs, pollMs, metricsPort } = config;
  const { address } = wallet;
  const metrics = new Metrics();
  const said = redacting(log, [key, ...secretsOfUrl(rpcUrl), ...secretsOfUrl(relayUrl)]);
  const logged: Log = (event) => {
    metrics.count(event);
    said(event);
  };
  const opened = new AsyncDisposableStack();
  try {
    const provider =
      overrides.provider ?? opened.adopt(new RpcProvider(rpcUrl, deployment.chainId), (own) => own.destroy());
    await readHead(provider, deployment.chainId);
    const store = new FileStore(config.dataDir);
    store.lock();
    opened.defer(() => store.unlock());
    const outbox = new Outbox({
      chain: chainOf(provider, address),
      signer: walletSigner(wallet, deployment.chainId),
      store,
      policy: { confirmations, maxFeePerGas: fees.max, bumpAfter: fees.bumpAfter, ...limits },
      log: logged,
      owner: `${deployment.chainId}/${deployment.addresses[contract]}/${address}`.toLowerCase(),
    });
    const loop = await build({
      endpoint: { deployment, provider, depth: confirmations, staleAfterMs, monotonic: () => performance.now() },
      contracts: connect(deployment, provider),
      outbox,
      store,
      metrics,
      log: logged,
      opened,
      transport: () => {
        if (overrides.transport !== undefined) return overrides.transport;
        if (config.relayUrl === undefined)
          throw new MedNexusError("BAD_CONFIG", "relayUrl: a prover reaches others through a relay");
        return new HttpTransport(config.relayUrl, wallet);
      },
      backend: async () =>
        overrides.backend ??
        opened.adopt(
          await openBackend(config.proofs, await Curve.load(), {
            log: (message) => logged({ event: "proving", message }),
          }),
          (own) => own.close(),
        ),
    });
    const server =
      metricsPort === undefined
        ? undefined
        : opened.adopt(await serveMetrics(metrics, metricsPort), (own) => own.close());
    logged({ event: `${name}-started`, address, pending: outbox.pending });
    return {
      address,
      metrics,
      ...(server === undefined ? {} : { metricsUrl: server.url }),
      tick: () => loop.tick(),
      run: async (signal) => {
        while (!signal.aborted) {
          await loop.tick();
          await pause(pollMs, signal);
        }
      },
      close: () => opened.disposeAsync(),
    };
  } catch (error) {
    // Why it did not start says more than what then would not close.
    await opened.disposeAsync().catch(() => {});
    throw error;
  }
}
