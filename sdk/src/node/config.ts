/** Configuration and key files of services: fields that mean the same in each of them, and how the files are read. */
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { z } from "zod";
import { type Deployment, deploymentSchema } from "../deployment.ts";
import { MedNexusError } from "../errors.ts";

/** What schemas for `readJson` are written with: another copy of zod would not fit. */
export { z };

const count = z.number().int().nonnegative();

/** Values as configuration files write them. */
export const field = {
  count,
  /** A number on chain that is not 0; in quotes where it exceeds 2^53. */
  id: z.union([z.number().int().positive(), z.string().regex(/^[1-9]\d*$/)]).transform(BigInt),
  /** Smallest units of a coin or token; in quotes where it exceeds 2^53. */
  amount: z.union([count, z.string().regex(/^\d+$/)]).transform(BigInt),
  url: z.url({ protocol: /^https?$/ }),
  /** 32 secret bytes. */
  secret: z.string().regex(/^0x[0-9a-f]{64}$/, "0x and 64 lower-case hex digits"),
} as const;

/** What every service beside a deployment is told. */
export const serviceFields = {
  rpcUrl: field.url,
  deployment: z.string().describe("deployment file written by `mednexus deploy`"),
  pollMs: z.number().int().min(20).max(60_000).default(2_000),
  /** What makes proofs: a GPU where there is one, a GPU or nothing, the CPU. */
  proofs: z.enum(["auto", "gpu", "cpu"]).default("auto"),
} as const;

/** Reads and checks a JSON file. Errors: `code`, one line naming the file and the field. */
export function readJson<T>(path: string, schema: z.ZodType<T>, code = "BAD_CONFIG"): T {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new MedNexusError(code, `${path} cannot be read as JSON`, { cause });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new MedNexusError(code, `${path}: ${issue?.path.join(".") || "root"}: ${issue?.message}`);
}

/** Errors: `BAD_DEPLOYMENT`, naming the file and the field. */
export const readDeployment = (path: string): Deployment => readJson(path, deploymentSchema, "BAD_DEPLOYMENT");

/** `config` as read from `file`, with these of its paths made absolute: in a file they are relative to it. Absent ones stay so. */
export function pathsBeside<N extends string, T extends { readonly [K in N]?: string | undefined }>(
  file: string,
  config: T,
  names: readonly N[],
): T {
  const absolute = names.flatMap((name) => {
    const path = config[name];
    return path === undefined ? [] : [[name, resolve(dirname(file), path)]];
  });
  return { ...config, ...(Object.fromEntries(absolute) as Partial<T>) };
}

/** Writes a new file with secrets, readable by its owner only. Errors: `KEY_EXISTS`: a key is never overwritten. */
export function writeKeyFile(path: string, content: object): void {
  if (existsSync(path))
    throw new MedNexusError("KEY_EXISTS", `${path} exists: move it away first, it may be the only copy`);
  writeFileSync(path, JSON.stringify(content), { mode: 0o600, flag: "wx" });
}

/**
 * Reads a file with secrets; `remedy` says where one comes from. Errors: `BAD_KEY_FILE` when it is not there, readable by others or
 * not of this schema; never with a cause: a parser's message may quote what it read.
 */
export function readKeyFile<T>(path: string, schema: z.ZodType<T>, remedy: string): T {
  const bad = (what: string): MedNexusError => new MedNexusError("BAD_KEY_FILE", `${path} ${what}`);
  if (!existsSync(path)) throw bad(`is not there: ${remedy}`);
  if (process.platform !== "win32" && (statSync(path).mode & 0o077) !== 0)
    throw bad("can be read by others: chmod 600 it");
  try {
    return schema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    throw bad(`is not a key file: ${remedy}`);
  }
}
