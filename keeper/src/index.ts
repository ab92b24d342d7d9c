export { configSchema, type KeeperConfig, readKeeperConfig } from "./config.ts";
export { type KeeperEvent, type Log } from "./events.ts";
export { composeKeeper } from "./main.ts";
export { Metrics } from "./metrics.ts";
export { type Account, type Overrides, readAccount, type Service } from "./service.ts";
export { proverConfigSchema, type ProverConfig, readProverConfig } from "./jobs/config.ts";
export { composeProver, lockKey, proverKeys } from "./jobs/main.ts";
export type { ProverView } from "./jobs/snapshot.ts";
export { readProver } from "./jobs/watch.ts";
