import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { keyHash, type VerifyingKey } from "@mednexus/sdk";
import * as snarkjs from "snarkjs";
import { type Circuit, CircuitError, type CircuitEntry, manifest } from "../manifest.ts";
import { compile } from "./compile.ts";
import { parseG1, parseG2 } from "./points.ts";
import { encodeVerifyingKey } from "./record.ts";

/**
 * blake2b-512 of powersOfTau28_hez_final_18.ptau (Perpetual Powers of Tau, 54 contributions and a beacon; 2^18 rows,
 * enough for every published size). Source: the table in snarkjs 0.7.6's README.
 */
export const PERPETUAL_POWERS_OF_TAU_18 =
  "7e6a9c2e5f05179ddfc923f38f917c9e6831d16922a902b0b4758b8e79c2ab8a81bb5f29952e16ee6c5067ed044d7857b5de120a90704c1d3b637fd94b95b13e";

/** One honest contributor is enough; fewer than two leaves nobody to be honest besides the coordinator. */
const CONTRIBUTORS = 2;
const BEACON_ITERATIONS_EXPONENT = 10;

/** Everything an auditor needs to repeat the ceremony's checks; hashes in hex. */
export interface CeremonyTranscript {
  readonly circuit: string;
  readonly n: number;
  readonly ptau: { readonly blake2b: string };
  readonly r1cs: { readonly blake2b: string };
  /** snarkjs's hash of the circuit's initial key */
  readonly circuitHash: string;
  readonly contributions: readonly { readonly name: string; readonly hash: string; readonly zkey: string }[];
  readonly beacon?: { readonly value: string; readonly iterationsExponent: number; readonly hash: string };
  readonly zkey?: { readonly blake2b: string };
  readonly verifyingKey?: { readonly blake2b: string; readonly keyHash: string };
}

/**
 * Phase 2 of a production set-up, in a folder with transcript.json, circuit.r1cs and one zkey a step.
 * Step 1: the initial key from a powers-of-tau file of known hash. It has no contribution: whoever held it could
 * forge (gamma = delta).
 * @throws CircuitError PTAU_UNKNOWN, SETUP_FAILED
 */
export async function start(
  circuit: string,
  entry: CircuitEntry,
  n: number,
  ptau: string,
  folder: string,
  pin = PERPETUAL_POWERS_OF_TAU_18,
): Promise<CeremonyTranscript> {
  const hash = await blake2b(ptau);
  if (hash !== pin) throw new CircuitError("PTAU_UNKNOWN", `${ptau} has blake2b ${hash}, not the pinned ${pin}`);
  await mkdir(folder, { recursive: true });
  const { r1cs } = await compile(entry, n, join(folder, "compile"));
  await writeFile(join(folder, "circuit.r1cs"), r1cs);
  const circuitHash = await snarkjs.zKey.newZKey(join(folder, "circuit.r1cs"), ptau, zkeyFile(folder, 0));
  if (circuitHash === -1) throw new CircuitError("SETUP_FAILED", `snarkjs refused ${circuit}(${n})`);
  return save(folder, {
    circuit,
    n,
    ptau: { blake2b: hash },
    r1cs: { blake2b: await blake2b(join(folder, "circuit.r1cs")) },
    circuitHash: hex(circuitHash),
    contributions: [],
  });
}

/** Step 2, by each contributor in turn on a machine of their own: entropy is this machine's and is kept nowhere. */
export async function contribute(folder: string, name: string): Promise<CeremonyTranscript> {
  const transcript = await load(folder);
  if (transcript.beacon) throw new CircuitError("SETUP_FAILED", "the ceremony is over");
  const k = transcript.contributions.length;
  const entropy = hex(crypto.getRandomValues(new Uint8Array(64)));
  const hash = await snarkjs.zKey.contribute(zkeyFile(folder, k), zkeyFile(folder, k + 1), name, entropy);
  const zkey = await blake2b(zkeyFile(folder, k + 1));
  return save(folder, { ...transcript, contributions: [...transcript.contributions, { name, hash: hex(hash), zkey }] });
}

/**
 * Step 3: a public random value fixed in advance (a block hash or drand round after the last contribution), then all
 * checks, then the verifying key.
 * @throws CircuitError SETUP_FAILED
 */
export async function finish(
  folder: string,
  ptau: string,
  beacon: string,
  pin = PERPETUAL_POWERS_OF_TAU_18,
): Promise<CeremonyTranscript> {
  const transcript = await load(folder);
  const k = transcript.contributions.length;
  if (k < CONTRIBUTORS)
    throw new CircuitError("SETUP_FAILED", `${k} contributions, at least ${CONTRIBUTORS} are needed`);
  if (!/^[0-9a-f]{64}$/.test(beacon))
    throw new CircuitError("SETUP_FAILED", "the beacon is 32 bytes of lower-case hex");
  if ((await blake2b(ptau)) !== pin) throw new CircuitError("PTAU_UNKNOWN", `${ptau} is not the pinned file`);
  const final = join(folder, "circuit.zkey");
  const hash = await snarkjs.zKey.beacon(zkeyFile(folder, k), final, "beacon", beacon, BEACON_ITERATIONS_EXPONENT);
  if (hash === false || !(await snarkjs.zKey.verifyFromR1cs(join(folder, "circuit.r1cs"), ptau, final))) {
    throw new CircuitError("SETUP_FAILED", "the final key does not follow from the r1cs and the powers of tau");
  }
  const key = fromSnarkjsKey(await snarkjs.zKey.exportVerificationKey(final));
  // snarkjs's own check calls a key without contributions valid
  if (key.gamma.xRe === key.delta.xRe && key.gamma.xIm === key.delta.xIm)
    throw new CircuitError("SETUP_FAILED", "gamma = delta: such a key lets anybody forge");
  const vkey = join(folder, "vkey.json");
  await writeFile(vkey, encodeVerifyingKey(transcript.circuit, transcript.n, key));
  return save(folder, {
    ...transcript,
    beacon: { value: beacon, iterationsExponent: BEACON_ITERATIONS_EXPONENT, hash: hex(hash) },
    zkey: { blake2b: await blake2b(final) },
    verifyingKey: { blake2b: await blake2b(vkey), keyHash: keyHash(transcript.circuit, transcript.n, key) },
  });
}

function fromSnarkjsKey(key: snarkjs.VerificationKey): VerifyingKey {
  return {
    alpha: parseG1(key.vk_alpha_1),
    beta: parseG2(key.vk_beta_2),
    gamma: parseG2(key.vk_gamma_2),
    delta: parseG2(key.vk_delta_2),
    ic: key.IC.map(parseG1),
  };
}

function zkeyFile(folder: string, step: number): string {
  return join(folder, `circuit_${String(step).padStart(4, "0")}.zkey`);
}

async function load(folder: string): Promise<CeremonyTranscript> {
  return JSON.parse(await readFile(join(folder, "transcript.json"), "utf8"));
}

async function save(folder: string, transcript: CeremonyTranscript): Promise<CeremonyTranscript> {
  await writeFile(join(folder, "transcript.json"), `${JSON.stringify(transcript, null, 2)}\n`);
  return transcript;
}

async function blake2b(path: string): Promise<string> {
  const hash = createHash("blake2b512");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

if (import.meta.main) {
  const [verb, ...args] = process.argv.slice(2) as [string, ...string[]];
  const [first, second, third, fourth] = args as [string, string, string, string];
  if (verb === "start" && args.length === 4)
    await start(first, manifest[first as Circuit], Number(second), third, fourth);
  else if (verb === "contribute" && args.length === 2) await contribute(first, second);
  else if (verb === "finish" && args.length === 3) await finish(first, second, third);
  else
    throw new Error(
      "usage: production.ts start CIRCUIT N PTAU FOLDER | contribute FOLDER NAME | finish FOLDER PTAU BEACON",
    );
  await (await snarkjs.curves.getCurveFromName("bn128")).terminate();
}
