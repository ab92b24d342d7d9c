/** Vectors of what only holders and sponsors see: an inference, and a model key sealed and sealed anew. */
import {
  contentKey,
  generateSealKeys,
  infer,
  type InferenceWitness,
  inferenceWitness,
  modelKeyHash,
  randomModelKey,
  rekey,
  sealBinding,
  sealModelKey,
  type SealPlace,
} from "@mednexus/sdk";
import { hexlify } from "ethers";
import { seededRandom } from "./seeded.ts";

const hex = (value: bigint): string => `0x${value.toString(16).padStart(64, "0")}`;

/** `vector`: n + 4 words of a model. Two inputs: the ends of the range, and its opposite, which the model scores below 0. */
export function inferenceVectors(vector: readonly bigint[]): object[] {
  const n = vector.length - 4;
  const ends = [32767n, -32768n, 0n, -1n, 5n, -5n];
  const input = Array.from({ length: n }, (_, j) => ends[j] ?? BigInt((j * 7919) % 65536) - 32768n);
  const opposite = input.map((x) => (x === -32768n ? 32767n : -x));
  return [input, opposite].map((values, i) => {
    const witness: InferenceWitness = inferenceWitness(vector, values, BigInt(99 + i));
    return {
      input: values.map(String),
      salt: hex(witness.salt),
      modelRoot: hex(witness.modelRoot),
      inputCommitment: hex(witness.inputCommitment),
      decision: Number(witness.decision),
      score: String(infer(vector, values).score),
    };
  });
}

export function sealVectors(chainId: bigint, registry: string, model: bigint): object {
  const random = seededRandom(77n);
  const [holder, receiver] = [generateSealKeys(random), generateSealKeys(random)];
  const place = (of: string, sequence: bigint): SealPlace => ({ chainId, registry, model, holder: of, sequence });
  const [from, to] = [place(`0x${"b1".repeat(20)}`, 3n), place(`0x${"b2".repeat(20)}`, 4n)];
  const key = randomModelKey(random);
  const current = sealModelKey(key, holder.publicKey, sealBinding(from), random);
  const witness = rekey(
    {
      secret: holder.secret,
      current,
      currentBinding: sealBinding(from),
      keyHash: modelKeyHash(key),
      receiver: receiver.publicKey,
      nextBinding: sealBinding(to),
    },
    random,
  );
  const json = {
    key,
    contentKey: hexlify(contentKey(key)),
    currentPlace: from,
    nextPlace: to,
    receiverSecret: receiver.secret,
    ...witness,
    inputs: [
      current.ex,
      current.ey,
      current.c,
      holder.publicKey.x,
      holder.publicKey.y,
      witness.currentBinding,
      witness.next.ex,
      witness.next.ey,
      witness.next.c,
      receiver.publicKey.x,
      receiver.publicKey.y,
      witness.nextBinding,
      witness.keyHash,
    ],
  };
  return JSON.parse(
    JSON.stringify(json, (name, value) =>
      typeof value !== "bigint" ? value : ["chainId", "model", "sequence"].includes(name) ? String(value) : hex(value),
    ),
  );
}
