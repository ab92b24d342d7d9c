/**
 * How what a job is computed from reaches whoever has locked it. A public input is a blob named by the job's URI; a private one is sealed (HPKE) to the key that the
 * locker's account has published, so that nobody reads it before a lock, and nobody but the locker after one.
 */
import { AbiCoder, getBytes, hexlify, isHexString, toUtf8Bytes } from "ethers";
import type { Contracts } from "./actions/client.ts";
import type { Deployment } from "./deployment.ts";
import { assertLength, aggregateHash, BLINDERS, decodeWords, encodeWords, inputHash, lift, lower } from "./encoding.ts";
import { MedNexusError } from "./errors.ts";
import { assertReaderKey, openSealed, type ReaderKeys, sealTo } from "./storage/hpke.ts";
import { type Address, type Hash, tag } from "./transcript.ts";
import type { Transport } from "./transport.ts";

/** What a job is computed from. */
export interface JobInput {
  /** n integers in [-2^15, 2^15) */
  readonly input: readonly bigint[];
  readonly salt: bigint;
}

/** Input, then salt: n + 1 words of 32 bytes. */
export const encodeJobInput = ({ input, salt }: JobInput): Uint8Array => encodeWords([...lower(input), salt]);

/** Checked against the job's commitment. Throws `WRONG_INPUT` for anything that is not what was committed to. */
export function decodeJobInput(content: Uint8Array, n: number, commitment: bigint): JobInput {
  try {
    const words = decodeWords(content);
    assertLength(words, n + 1, "input");
    const [input, salt] = [lift(words.slice(0, n)), words[n]!];
    if (inputHash(input, salt) === commitment) return { input, salt };
  } catch {
    // Not even an input; it may be private, so nothing of it is repeated.
  }
  throw new MedNexusError("WRONG_INPUT", "what came as input is not what the job commits to");
}

/** M̃ ‖ P̃ of a job's model. Throws `WRONG_WEIGHTS` unless it has the root that the terms name. */
export function decodeJobWeights(content: Uint8Array, n: number, modelRoot: bigint): bigint[] {
  try {
    const vector = decodeWords(content);
    assertLength(vector, n + BLINDERS, "model");
    if (aggregateHash(vector) === modelRoot) return vector;
  } catch {
    // As above: sealed weights are secret.
  }
  throw new MedNexusError("WRONG_WEIGHTS", "what came as weights is not the model that the job names");
}

/** Where a blob of the transport is, as a job's inputUri. */
export const blobUri = (hash: Hash): string => `blob:${hash}`;

/** The blob that an inputUri names; undefined for every other URI. */
export function blobOf(uri: string): Hash | undefined {
  const hash = uri.startsWith("blob:") ? uri.slice("blob:".length) : "";
  return isHexString(hash, 32) ? hash.toLowerCase() : undefined;
}

/** What passes between a sponsor (or, for weights, the model's owner) and a locker. */
export type JobParcel = "input" | "weights";

/** Topics of one market. Each message carries its sender's signature (Transport). */
export const jobTopics = ({ chainId, addresses }: Pick<Deployment, "chainId" | "addresses">) => {
  const scope = `${chainId}/${addresses.compute.toLowerCase()}`;
  return {
    /** A prover's X25519 public key, 32 bytes, from its account. */
    key: `${scope}/prover/key`,
    parcel: (job: bigint, kind: JobParcel, prover: Address) => `${scope}/job/${job}/${kind}/${prover.toLowerCase()}`,
  };
};

/** IComputeMarket.State.Locked. */
const LOCKED = 2;

type Where = Pick<Deployment, "chainId" | "addresses">;

/** A parcel opens for one locker of one job of one market only, and as one kind. */
const parcelInfo = ({ chainId, addresses }: Where, job: bigint, kind: JobParcel, prover: Address): Uint8Array =>
  getBytes(
    AbiCoder.defaultAbiCoder().encode(
      ["bytes32", "uint256", "address", "uint64", "string", "address"],
      [tag("parcel"), chainId, addresses.compute, job, kind, prover],
    ),
  );

/** The prover: says to which key parcels for it are sealed. Idempotent; a second key of one account is refused by the transport. */
export const publishProverKey = (transport: Transport, where: Where, { publicKey }: ReaderKeys): Promise<void> =>
  transport.send(jobTopics(where).key, getBytes(publicKey));

/**
 * The sponsor (input) or the model's owner (weights): seals `content` to whoever holds the standing lock and leaves it for it. Sent
 * once: repeating it changes nothing.
 * @returns the locker that can open it
 * @throws `NOT_LOCKED` when nobody holds the job: nothing is ever sealed to somebody who has no lock; retryable: `NO_PROVER_KEY`
 */
export async function sendParcel(
  chain: { readonly deployment: Where; readonly contracts: Contracts; readonly transport: Transport },
  from: Address,
  job: bigint,
  kind: JobParcel,
  content: Uint8Array,
): Promise<Address> {
  const { deployment, contracts, transport } = chain;
  const { prover, state } = await contracts.compute.jobOf(job);
  if (Number(state) !== LOCKED) throw new MedNexusError("NOT_LOCKED", `nobody has job ${job} locked`);
  const topics = jobTopics(deployment);
  const topic = topics.parcel(job, kind, prover);
  if ((await transport.receive(topic, from)) !== undefined) return prover;
  const key = await transport.receive(topics.key, prover);
  if (key === undefined)
    throw new MedNexusError("NO_PROVER_KEY", `${prover} has published no key yet`, { retryable: true });
  const publicKey = hexlify(key);
  assertReaderKey(publicKey);
  const sealed = await sealTo(publicKey, parcelInfo(deployment, job, kind, prover), content);
  await transport.send(topic, toUtf8Bytes(hexlify(sealed)));
  return prover;
}

/**
 * The locker: what `from` left for it; undefined while nothing is there. Contents are to be checked (decodeJobInput, decodeJobWeights).
 * @throws `BAD_PARCEL` for what this locker cannot open
 */
export async function receiveParcel(
  { deployment, transport }: { readonly deployment: Where; readonly transport: Transport },
  keys: ReaderKeys,
  prover: Address,
  from: Address,
  job: bigint,
  kind: JobParcel,
): Promise<Uint8Array | undefined> {
  const body = await transport.receive(jobTopics(deployment).parcel(job, kind, prover), from);
  if (body === undefined) return undefined;
  try {
    const sealed = getBytes(new TextDecoder().decode(body));
    return await openSealed(keys, parcelInfo(deployment, job, kind, prover), sealed);
  } catch (cause) {
    throw new MedNexusError("BAD_PARCEL", `${from} left something for job ${job} that does not open`, { cause });
  }
}
