import { readFileSync } from "node:fs";
import type { G1, G2, VerifyingKey } from "@mednexus/sdk";
import generated from "./generated/index.json" with { type: "json" };
import { type Circuit, CircuitError } from "./manifest.ts";
import { type BuildRecord, decodeG1, decodeG2, decodeVerifyingKey } from "./setup/record.ts";

/**
 * The committed verifying key of a published circuit: no build needed.
 * @throws CircuitError SIZE_UNKNOWN
 */
export function publishedKey(circuit: Circuit, n: number): VerifyingKey & { readonly keyHash: string } {
  const record = publishedRecord(circuit, n);
  if (!record) throw new CircuitError("SIZE_UNKNOWN", `no published key for ${circuit} of size ${n}`);
  const json = readFileSync(new URL(`./generated/${circuit}-${n}.vkey.json`, import.meta.url), "utf8");
  return { ...decodeVerifyingKey(json), keyHash: record.keyHash };
}

/** The committed record of a published size. */
export function publishedRecord(circuit: Circuit, n: number): BuildRecord | undefined {
  return (generated.keys as Record<string, BuildRecord>)[`${circuit}-${n}`];
}

/** INSECURE development reference string: what its registration on a devnet chain needs. Points for committing: sdk's `insecureSrs`. */
export const devSrs: { readonly tauG1: G1; readonly tauG2: G2; readonly hash: string } = {
  tauG1: decodeG1(generated.srs.tauG1),
  tauG2: decodeG2(generated.srs.tauG2),
  hash: generated.srs.hash,
};
