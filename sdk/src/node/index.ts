/** For services that run under Node; everything else in the SDK runs in a browser too. */
export * from "./config.ts";
export * from "./store.ts";
export * from "./metrics.ts";
export * from "./pause.ts";
export * from "./storage/archive.ts";
export * from "./storage/erase.ts";
export * from "./storage/localStore.ts";
export * from "./storage/keyFiles.ts";
export * from "./storage/zeroGStore.ts";
