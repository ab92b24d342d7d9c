export { configSchema, type KeeperConfig, readKeeperConfig } from "./config.ts";
export { type KeeperEvent, type Log } from "./events.ts";
export { type ComposedKeeper, composeKeeper, type Overrides } from "./main.ts";
export { Metrics } from "./metrics.ts";
