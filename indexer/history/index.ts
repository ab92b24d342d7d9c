export * from "./apply.ts";
export * from "./contracts.ts";
export * from "./entities.ts";
export * from "./language.ts";
export * from "./rules.ts";
