export * from "./compare.ts";
export * from "./rows.ts";
export * from "./start.ts";
