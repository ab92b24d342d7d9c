/** Composition root: from a configuration to a keeper that runs. */
import { readFileSync } from "node:fs";
import { commitKeys, Curve } from "@mednexus/sdk";
import type { KeeperConfig } from "./config.ts";
import type { Log } from "./events.ts";
import { Keeper } from "./keeper.ts";
import { AggregateProver } from "./prover.ts";
import { composeService, type Overrides, type Parts, readAccount, type Service } from "./service.ts";
import { Watch } from "./watch.ts";

/** Errors: `BAD_KEY_FILE`, `BAD_DEPLOYMENT`, `BAD_CONFIG`, those of `composeService`. */
export async function composeKeeper(config: KeeperConfig, log: Log, overrides: Overrides = {}): Promise<Service> {
  const account = readAccount(config);
  const role = { name: "keeper", contract: "rounds" } as const;
  return composeService(role, config, account, log, overrides, async (parts) => {
    const { endpoint, contracts, outbox, metrics } = parts;
    const { campaigns, roles, openFrom, confirmations } = config;
    const prover = roles.prover ? await proverOf(parts, account.wallet.address, config.srsFile) : undefined;
    return new Keeper({
      watch: new Watch({ ...endpoint, ...(campaigns === undefined ? {} : { campaigns }) }),
      outbox,
      contracts,
      ...(prover === undefined ? {} : { prover }),
      roles,
      openFrom,
      confirmations,
      economics: config.prover,
      metrics,
      log: parts.log,
    });
  });
}

async function proverOf(parts: Parts, payee: string, srsFile?: string): Promise<AggregateProver> {
  const { endpoint, contracts, store, log, opened } = parts;
  const { deployment, provider, monotonic } = endpoint;
  const transport = parts.transport();
  const backend = await parts.backend();
  const srs = srsFile === undefined ? undefined : () => readFileSync(srsFile);
  const commitKey = commitKeys(await Curve.load(), deployment, contracts, srs);
  const reader = { deployment, contracts, provider, transport, commitKey, store, log };
  return opened.adopt(new AggregateProver(reader, backend, payee, monotonic), (own) => own.close());
}
