import { readFileSync } from "node:fs";
import { z } from "zod";
import { MedNexusError } from "../errors.ts";

/** What schemas for `readJson` are written with: another copy of zod would not fit. */
export { z };

/** Reads and checks a JSON file. Errors: `BAD_CONFIG`, one line naming the file and the field. */
export function readJson<T>(path: string, schema: z.ZodType<T>): T {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new MedNexusError("BAD_CONFIG", `${path} cannot be read as JSON`, { cause });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new MedNexusError("BAD_CONFIG", `${path}: ${issue?.path.join(".") || "root"}: ${issue?.message}`);
}
