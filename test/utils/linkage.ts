/**
 * What an observer of the chain can learn about a subject whose record lies in the datasets of two institutions: which
 * words the two have in common, and which of many guessed national numbers explain a word. The same observer looks at a
 * careless variant (keys and salts made from the number), where it has to succeed: a search that finds nothing there
 * would prove nothing.
 */
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { AbiCoder, getAddress, getBytes, hexlify, keccak256, toUtf8Bytes, Wallet, ZeroHash } from "ethers";
import { createKeccak } from "hash-wasm";
import { publishGrants, registerDataset, revocationKit, schemaHash, setDataTerms } from "@mednexus/hospital";
import {
  type Address,
  eventArgs,
  execute,
  grantLeaf,
  type Hash,
  merkleProof,
  merkleRoot,
  type RandomBytes,
  REVOCATION,
  storageRoot,
  tag,
  typedDataDomain,
} from "@mednexus/sdk";
import { type Hospital, schema, type Town } from "../fixtures/hospitals.ts";
import { seededInt } from "../vectors/seeded.ts";

/** A table whose only secret is one national number: the observer knows every other byte. */
const tableOf = (number: string): Uint8Array => toUtf8Bytes(`id,f0,label\n${number},1,yes\n`);

/** What somebody careless would derive from a national number. */
const carelessKey = (number: string): Hash => keccak256(toUtf8Bytes(number));

/** Ten times as fast as keccak in JavaScript: a million guesses are tens of millions of hashes. */
const wasm = await createKeccak(256);
const keccak = (bytes: Uint8Array): Hash => `0x${wasm.init().update(bytes).digest("hex")}`;

// The guesser's keys are nobody's secret: a large table and variable time do.
secp256k1.Point.BASE.precompute(13, false);
const addressOf = (secret: Hash): Address =>
  `0x${keccak(secp256k1.Point.BASE.multiplyUnsafe(BigInt(secret)).toBytes(false).subarray(1)).slice(26)}`;

/** An unsalted manifest: public but for the table's digest. */
const carelessManifest = (content: Hash, institution: Address): Uint8Array =>
  toUtf8Bytes(`{"content":"${content}","institution":"${institution}","records":1,"schema":"${SCHEMA}"}`);

const SCHEMA = schemaHash(schema);

export interface Trail {
  readonly dataset: bigint;
  readonly institution: Address;
  /** Every 32-byte word that reached the chain: calldata, topics, event data. */
  readonly words: ReadonlySet<Hash>;
}

/** Runs `act` and collects what it put on chain. */
async function trail(town: Town, { address }: Hospital, act: () => Promise<bigint>): Promise<Trail> {
  const { provider } = town.system.connection.ethers;
  const from = (await provider.getBlockNumber()) + 1;
  const dataset = await act();
  const words = new Set<Hash>();
  const take = (data: string, skip: number): void => {
    for (let at = 2 + 2 * skip; at < data.length; at += 64) words.add(`0x${data.slice(at, at + 64).padEnd(64, "0")}`);
  };
  for (let number = from; number <= (await provider.getBlockNumber()); number++) {
    const block = await provider.getBlock(number, true);
    for (const transaction of block?.prefetchedTransactions ?? []) {
      take(transaction.data, 4);
      for (const log of (await provider.getTransactionReceipt(transaction.hash))!.logs) {
        log.topics.forEach((topic) => take(topic, 0));
        take(log.data, 0);
      }
    }
  }
  return { dataset, institution: address, words };
}

/** A dataset with this subject among others, who then revokes: everything that a subject ever puts on chain. */
export const carefulTrail = (town: Town, hospital: Hospital, number: string): Promise<Trail> =>
  trail(town, hospital, async () => {
    const { context } = hospital;
    const dataset = await registerDataset(context, { bytes: tableOf(number), records: 1, schema: schemaHash(schema) });
    await setDataTerms(context, dataset, { permission: 42, modifiers: [] });
    const key = new Wallet(hexlify(town.system.random(32)));
    const others = Array.from({ length: 5 }, () => getAddress(hexlify(town.system.random(20))));
    await publishGrants(context, dataset, [key.address, ...others]);
    const { salt, proof } = revocationKit(context, dataset, 1, key.address);
    await revoke(town, dataset, key, salt, proof);
    return dataset;
  });

/** The same without salts and with a key made from the number. */
export const carelessTrail = (town: Town, hospital: Hospital, number: string): Promise<Trail> =>
  trail(town, hospital, async () => {
    const { context } = hospital;
    const { contracts } = context;
    const sent = await execute(contracts.datasets.register, [
      keccak(carelessManifest(keccak256(tableOf(number)), hospital.address)),
      await storageRoot(tableOf(number)),
      schemaHash(schema),
      1,
    ]);
    const dataset = eventArgs(sent, "DatasetRegistered").dataset as bigint;
    await setDataTerms(context, dataset, { permission: 42, modifiers: [] });
    const key = new Wallet(carelessKey(number));
    const leaves = [key.address, ...Array.from({ length: 5 }, () => hexlify(town.system.random(20)))].map((subject) =>
      grantLeaf(dataset, 1, subject, ZeroHash),
    );
    await execute(contracts.consent.setGrants, [dataset, merkleRoot(leaves), 5, false]);
    await revoke(town, dataset, key, ZeroHash, merkleProof(leaves, 0));
    return dataset;
  });

/** As a relayer sends it, who is neither the subject nor an institution. */
async function revoke(town: Town, dataset: bigint, subject: Wallet, salt: Hash, proof: readonly Hash[]): Promise<void> {
  const { system } = town;
  const leaf = grantLeaf(dataset, 1, subject.address, salt);
  const domain = typedDataDomain(31337n, system.deployment.addresses.consent);
  const signature = await subject.signTypedData(domain, REVOCATION, { dataset, leaf });
  await system.done(system.contracts.consent.revoke(dataset, 1, subject.address, salt, [...proof], signature));
}

/** The last word of a 65-byte signature holds its v alone, which is a coin toss: that two of three fell alike links nobody. */
const TOSSES: ReadonlySet<Hash> = new Set(["1b", "1c"].map((v) => `0x${v.padEnd(64, "0")}` as Hash));

/** Words that both trails have and no trail of somebody else has: what links the two. */
export const sharedWords = (a: Trail, b: Trail, others: Trail): Hash[] =>
  [...a.words].filter((word) => b.words.has(word) && !others.words.has(word) && !TOSSES.has(word));

/** `count` national numbers of ten digits, the true one among them. */
export function guesses(random: RandomBytes, truth: string, count: number): Iterable<string> {
  const first = BigInt(truth) - seededInt(random, 0n, BigInt(count) - 1n);
  return {
    *[Symbol.iterator]() {
      for (let i = 0n; i < BigInt(count); i++) yield (first + i).toString().padStart(10, "0");
    },
  };
}

/** Guesses that explain a word of one of the trails, by any derivation that the observer thinks of. */
export async function explained(trails: readonly Trail[], numbers: Iterable<string>): Promise<string[]> {
  const words = new Set(trails.flatMap((each) => [...each.words]));
  const leaves = trails.map(({ dataset }) => leafTemplate(dataset));
  const manifests = trails.map(
    ({ institution }) =>
      (content: Hash) =>
        carelessManifest(content, institution),
  );
  const found: string[] = [];
  for (const number of numbers) {
    const text = toUtf8Bytes(number);
    const secret = keccak(text);
    const subject = addressOf(secret);
    const table = tableOf(number);
    const content = keccak(table);
    const candidates = [
      secret,
      hexlify(sha256(text)),
      `0x${BigInt(number).toString(16).padStart(64, "0")}`,
      `0x${subject.slice(2).padStart(64, "0")}`,
      `0x${secret.slice(26).padStart(64, "0")}`,
      content,
      hexlify(sha256(table)),
      await storageRoot(table),
      ...manifests.map((manifestOf) => keccak(manifestOf(content))),
      ...leaves.flatMap((leafOf) => [leafOf(subject), keccak(getBytes(leafOf(subject)))]),
    ];
    if (candidates.some((word) => words.has(word))) found.push(number);
  }
  return found;
}

/** grantLeaf without a salt, for many subjects of one dataset: the subject is the fourth word of what is hashed. */
function leafTemplate(dataset: bigint): (subject: Address) => Hash {
  const preimage = getBytes(
    AbiCoder.defaultAbiCoder().encode(
      ["bytes32", "uint64", "uint32", "address", "bytes32"],
      [tag("grant"), dataset, 1, `0x${"00".repeat(20)}`, ZeroHash],
    ),
  );
  const leafOf = (subject: Address): Hash => {
    preimage.set(getBytes(subject), 3 * 32 + 12);
    return keccak(preimage);
  };
  const example = `0x${"5a".repeat(20)}`;
  if (leafOf(example) !== grantLeaf(dataset, 1, example, ZeroHash)) throw new Error("grantLeaf has another form now");
  return leafOf;
}
