/** Composition root of a hospital's node: from a configuration file to everything its duties need. */
import { readFileSync } from "node:fs";
import { JsonRpcProvider, keccak256, toUtf8Bytes, Wallet } from "ethers";
import { SnarkjsBackend } from "@mednexus/circuits";
import { commitKeys, connect, Curve, HttpTransport, MedNexusError, parseDeployment, systemRandom } from "@mednexus/sdk";
import { FileStore } from "@mednexus/sdk/node";
import { readCsv } from "../data/csv.ts";
import { externalTrainer } from "../training/external.ts";
import { createModel } from "../training/models.ts";
import { localTrainer, requireFit, type Trainer } from "../training/trainer.ts";
import type { Config, TableSchema } from "./config.ts";
import { readJson, tableSchema } from "./config.ts";
import type { NodeContext, NodeEvent } from "./context.ts";
import { readKeys, shareKeyPair } from "./keys.ts";

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

/** Builds a node's context. Errors: `BAD_CONFIG`, `BAD_KEY_FILE`, `BAD_INPUT`, `WRONG_CHAIN`, `SRS_MISMATCH`, `INSECURE_SRS`. */
export async function compose(config: Config, log: (event: NodeEvent) => void): Promise<Composed> {
  const deployment = parseDeployment(readFileSync(config.deployment, "utf8"));
  const keys = readKeys(config.keyFile);
  const provider = new JsonRpcProvider(config.rpcUrl, deployment.chainId, {
    staticNetwork: true,
    pollingInterval: Math.min(config.pollMs, 1000),
    cacheTimeout: -1,
  });
  const answered = Number(
    await provider.send("eth_chainId", []).catch((cause: unknown) => {
      throw new MedNexusError("RPC_FAILED", `no chain answers at the configured rpcUrl`, { cause, retryable: true });
    }),
  );
  if (answered !== deployment.chainId)
    throw new MedNexusError(
      "WRONG_CHAIN",
      `the RPC serves chain ${answered}, the deployment is on ${deployment.chainId}`,
    );
  const signer = new Wallet(keys.account, provider);
  const curve = await Curve.load();
  const contracts = connect(deployment, signer);
  const prover = new SnarkjsBackend(curve);
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
    store: new FileStore(config.dataDir),
    policy: config.policy,
    random: systemRandom,
    chainTime: async () => {
      const block = await provider.getBlock("latest");
      if (block === null) throw new MedNexusError("RPC_FAILED", "the chain has no latest block", { retryable: true });
      return block.timestamp;
    },
    log,
    ...(config.data === undefined ? {} : { data: loadData(config.data) }),
  };
  return {
    context,
    close: async () => {
      await prover.close();
      provider.destroy();
    },
  };
}

function loadData(data: NonNullable<Config["data"]>): NonNullable<NodeContext["data"]> {
  const schema = readJson(data.schema, tableSchema);
  const shape = { features: schema.features.map(({ name }) => name), classes: schema.classes };
  const { X, y } = readCsv(data.csv, { label: data.label, shape });
  return {
    dataset: data.dataset,
    schemaHash: schemaHash(schema),
    shape,
    ranges: schema.features,
    rows: { X, y },
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
