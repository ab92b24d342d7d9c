export { configSchema, type KeeperConfig, readKeeperConfig } from "./config.ts";
export { type KeeperEvent, type Log } from "./events.ts";
export { type ComposedKeeper, composeKeeper, type Overrides, readKeeperKey } from "./main.ts";
export { Metrics } from "./metrics.ts";
export { proverConfigSchema, type ProverConfig, readProverConfig } from "./jobs/config.ts";
export { composeProver, type ComposedProver, lockKey, proverKeys, type ProverOverrides } from "./jobs/main.ts";
export type { ProverView } from "./jobs/snapshot.ts";
export { readProver } from "./jobs/watch.ts";
