import type { Values } from "./arguments.ts";
import { EXIT } from "./exit.ts";
import { logLine } from "./service.ts";

/** Says what a command found or did: with --json in one line of JSON, else a line a field, and a line an element of a list. */
export function answer(values: Values, found: object): number {
  if (values["json"] === true) logLine(found);
  else
    for (const [name, value] of Object.entries(found)) {
      const rows = Array.isArray(value) ? (value as unknown[]) : [value];
      for (const row of rows.length > 0 ? rows : ["none"]) console.log(`${name.padEnd(12)}${text(row)}`);
    }
  return EXIT.ok;
}

const text = (value: unknown): string =>
  typeof value === "object" && value !== null
    ? Object.entries(value)
        .map(([name, part]) => `${name} ${Array.isArray(part) ? `[${part.map(text).join("; ")}]` : text(part)}`)
        .join(", ")
    : String(value);
