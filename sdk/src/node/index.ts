/** For services that run under Node; everything else in the SDK runs in a browser too. */
export * from "./store.ts";
export * from "./json.ts";
