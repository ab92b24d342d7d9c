/** Composition root of the job prover: from a configuration to a service that runs. */
import { dirname, join } from "node:path";
import { computeHmac, getBytes, toUtf8Bytes } from "ethers";
import { type Deployment, publishProverKey, type ReaderKeys, readerKeysOf } from "@mednexus/sdk";
import { FileStore } from "@mednexus/sdk/node";
import { readHead } from "../chain.ts";
import { type Log, redacting } from "../events.ts";
import { composeService, type Overrides, readAccount, type Service } from "../service.ts";
import type { ProverConfig } from "./config.ts";
import { JobProver } from "./prover.ts";
import { JobWatch } from "./watch.ts";
import { Worker } from "./work.ts";

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

/** Errors: `BAD_KEY_FILE`, `BAD_DEPLOYMENT`, those of `composeService` and of the relay. */
export async function composeProver(config: ProverConfig, log: Log, overrides: Overrides = {}): Promise<Service> {
  const account = readAccount(config);
  const { deployment, wallet } = account;
  const keys = proverKeys(account.key, deployment);
  const role = { name: "prover", contract: "compute" } as const;
  return composeService(role, config, account, redacting(log, [keys.secret]), overrides, async (parts) => {
    const { endpoint, contracts, outbox, store, metrics, opened } = parts;
    const { provider, monotonic } = endpoint;
    opened.adopt(lockKey(config.keyFile, deployment, wallet.address), (lock) => lock.unlock());
    const transport = parts.transport();
    const worker = new Worker({
      deployment,
      contracts,
      transport,
      backend: await parts.backend(),
      store,
      self: wallet.address,
      keys,
      ...(config.modelsDir === undefined ? {} : { modelsDir: config.modelsDir }),
      attempts: config.limits.attempts,
      monotonic,
      head: () => readHead(provider, deployment.chainId),
      log: parts.log,
    });
    opened.defer(() => worker.close());
    // Before the first lock: a sponsor seals to it.
    await publishProverKey(transport, deployment, keys);
    return new JobProver({
      watch: new JobWatch({ ...endpoint, self: wallet.address }),
      worker,
      outbox,
      contracts,
      token: deployment.token,
      policy: config,
      metrics,
      log: parts.log,
    });
  });
}
