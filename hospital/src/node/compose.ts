/** Composition root of a hospital's node: from a configuration file to everything its duties need. */
import { readFileSync } from "node:fs";
import { FetchRequest, JsonRpcProvider, keccak256, toUtf8Bytes, Wallet } from "ethers";
import { openBackend } from "@mednexus/gpu-prover";
import { commitKeys, connect, Curve, type Deployment, HttpTransport, MedNexusError, systemRandom } from "@mednexus/sdk";
import { FileStore, readDeployment, readJson } from "@mednexus/sdk/node";
import { readCsv } from "../data/csv.ts";
import type { Rows } from "../data/split.ts";
import { externalTrainer } from "../training/external.ts";
import { createModel } from "../training/models.ts";
import { localTrainer, requireFit, type Trainer } from "../training/trainer.ts";
import type { Config, TableSchema } from "./config.ts";
import { tableSchema } from "./config.ts";
import type { NodeContext, NodeEvent } from "./context.ts";
import { readKeys, shareKeyPair } from "./keys.ts";

/** How long one call to an endpoint may take. */
const RPC_TIMEOUT_MS = 20_000;

/** Canonical text of a schema: its keccak256 is what datasets and campaigns carry on chain. */
export const schemaHash = (schema: TableSchema): string =>
  keccak256(
    toUtf8Bytes(
      JSON.stringify({
        classes: schema.classes,
        features: schema.features.map(({ max, min, name, typical }) => ({ max, min, name, typical })),
      }),
    ),
  );

export interface Composed {
  readonly context: NodeContext;
  close(): Promise<void>;
}

/**
 * Builds a node's context; what was opened for it is closed, last first, also when something is wrong. Errors: `BAD_CONFIG`, `BAD_DEPLOYMENT`,
 * `BAD_KEY_FILE`, `BAD_INPUT`, `WRONG_CHAIN`, `RPC_FAILED`, `SRS_MISMATCH`, `INSECURE_SRS`, `STATE_IN_USE`, `WRONG_STATE`.
 */
export async function compose(config: Config, log: (event: NodeEvent) => void): Promise<Composed> {
  const deployment = readDeployment(config.deployment);
  const keys = readKeys(config.keyFile);
  const opened = new AsyncDisposableStack();
  try {
    const store = new FileStore(config.dataDir);
    store.lock();
    opened.defer(() => store.unlock());
    const open = async (url: string, name: string): Promise<JsonRpcProvider> => {
      const provider = opened.adopt(connectRpc(url, deployment.chainId, config.pollMs), (own) => own.destroy());
      await requireChain(provider, deployment.chainId, name);
      return provider;
    };
    const provider = await open(config.rpcUrl, "rpcUrl");
    const witnesses = await Promise.all(
      config.witnessRpcUrls.map(async (url, i) => connect(deployment, await open(url, `witnessRpcUrls.${i}`))),
    );
    const signer = new Wallet(keys.account, provider);
    const curve = await Curve.load();
    bindStore(store, deployment, signer.address);
    const contracts = connect(deployment, signer);
    const prover = opened.adopt(
      await openBackend(config.proofs, curve, { log: (message) => log({ event: "proving", message }) }),
      (own) => own.close(),
    );
    const { srsFile } = config;
    const context: NodeContext = {
      deployment,
      contracts,
      provider,
      signer,
      address: signer.address,
      shareKeys: shareKeyPair(curve, keys),
      transport: new HttpTransport(config.relayUrl, signer),
      prover,
      commitKey: commitKeys(
        curve,
        deployment,
        contracts,
        srsFile === undefined ? undefined : () => readFileSync(srsFile),
      ),
      store,
      witnesses,
      policy: config.policy,
      random: systemRandom,
      head: async () => {
        const block = await provider.getBlock("latest");
        if (block?.hash == null)
          throw new MedNexusError("RPC_FAILED", "the chain has no latest block", { retryable: true });
        return { number: block.number, hash: block.hash, timestamp: block.timestamp };
      },
      log,
      ...(config.data === undefined ? {} : { data: loadData(config.data) }),
    };
    return { context, close: () => opened.disposeAsync() };
  } catch (error) {
    // Why it failed says more than what then would not close.
    await opened.disposeAsync().catch(() => {});
    throw error;
  }
}

/** An endpoint with short time limits: a silent one must not hold up every duty. */
export function connectRpc(url: string, chainId: number, pollMs = 1000): JsonRpcProvider {
  const request = new FetchRequest(url);
  request.timeout = RPC_TIMEOUT_MS;
  return new JsonRpcProvider(request, chainId, {
    staticNetwork: true,
    pollingInterval: Math.min(pollMs, 1000),
    cacheTimeout: -1,
    // Duties ask one thing after another: each would wait ethers's 10 ms for company.
    batchStallTime: 1,
  });
}

/** Errors: `RPC_FAILED` (retryable), `WRONG_CHAIN`; `name` is the configuration field. */
export async function requireChain(provider: JsonRpcProvider, chainId: number, name: string): Promise<void> {
  let answered: number;
  try {
    answered = Number(await provider.send("eth_chainId", []));
  } catch (cause) {
    throw new MedNexusError("RPC_FAILED", `no chain answers at ${name}`, { cause, retryable: true });
  }
  if (answered !== chainId)
    throw new MedNexusError("WRONG_CHAIN", `${name} serves chain ${answered}, the deployment is on ${chainId}`);
}

/** A store belongs to one account on one deployment: another one's models and memory would be taken for this one's. */
function bindStore(store: FileStore, deployment: Deployment, account: string): void {
  const owner = `${deployment.chainId} ${deployment.addresses.rounds} ${account}`.toLowerCase();
  const bound = store.read<string>("owner");
  if (bound === undefined) store.write("owner", owner);
  else if (bound !== owner)
    throw new MedNexusError(
      "WRONG_STATE",
      "dataDir holds the state of another account or deployment: give this node its own",
    );
}

/** A node's table, schema and trainer as configured. Errors: `BAD_CONFIG`, `BAD_INPUT`. */
export function loadData(data: NonNullable<Config["data"]>): NonNullable<NodeContext["data"]> {
  const schema = readJson(data.schema, tableSchema);
  const shape = { features: schema.features.map(({ name }) => name), classes: schema.classes };
  const rows = (): Rows => {
    const { X, y } = readCsv(data.csv, { label: data.label, shape });
    return { X, y };
  };
  rows(); // a bad table is said at the start, not in the first round
  return {
    dataset: data.dataset,
    schemaHash: schemaHash(schema),
    shape,
    ranges: schema.features,
    rows,
    standardization: data.standardization,
    trainer: (n) => trainerOf(data.trainer, shape.features.length, n),
    modelSeed: data.modelSeed,
  };
}

/** The trainer a configuration names, for tables of `features` columns and circuits of n parameters. */
export function trainerOf(trainer: NonNullable<Config["data"]>["trainer"], features: number, n: number): Trainer {
  if (trainer.kind !== "external") return localTrainer(createModel(trainer.kind, features, n));
  requireFit(trainer.parameters, n);
  return externalTrainer({
    command: trainer.command,
    parameterCount: trainer.parameters,
    timeoutMs: trainer.timeoutSeconds * 1000,
  });
}
