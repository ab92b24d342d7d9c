import { readdirSync } from "node:fs";
import { join } from "node:path";

/** Paths of all Solidity files below `folder`, sorted. */
export const solidityFiles = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".sol"))
    .map((file) => join(folder, file))
    .sort();
