import { createCipheriv, createHash, hkdfSync } from "node:crypto";
import { expect } from "chai";
import { hexlify, toUtf8Bytes } from "ethers";
import { codeOf } from "../../../test/utils/codeOf.ts";
import {
  acceptedMutations,
  bufferBlob,
  headerFor,
  hexOf,
  readAll,
  type Sealed,
  sealInMemory,
  SMALL_CHUNK,
} from "../../../test/utils/mutate.ts";
import { seededInt, seededRandom, testSeed } from "../../../test/vectors/seeded.ts";
import { ChunkDecryptor, ChunkEncryptor, ChunkLayout } from "./cipher.ts";
import { keyShareCommitment, recoverKey, splitKey } from "./custody.ts";
import { decodeEnvelope, encodeEnvelope, openKey, openShare, wrapKey, wrapShare } from "./envelope.ts";
import { generateReaderKeys, readerKeysOf } from "./hpke.ts";
import {
  canonicalJson,
  checkAgainstChain,
  decodeManifest,
  encodeManifest,
  type Manifest,
  manifestHash,
  type RegisteredVersion,
} from "./manifest.ts";
import { storageRoot } from "./root.ts";
import { readDataset } from "./store.ts";

const seed = testSeed();
const random = seededRandom(seed);
const pick = (below: number): number => Number(seededInt(random, 0n, BigInt(below) - 1n));

describe(`encrypted datasets (seed ${seed})`, () => {
  let sealed: Sealed;
  before(async () => {
    sealed = await sealInMemory(random, random(300));
  });

  it("open to what was encrypted: nothing, one byte, whole chunks, one byte more", async () => {
    for (const size of [0, 1, SMALL_CHUNK - 1, SMALL_CHUNK, SMALL_CHUNK + 1, 5 * SMALL_CHUNK]) {
      const { manifest, key, ciphertext, plaintext } = await sealInMemory(random, random(size));
      expect(await readAll(manifest, key, ciphertext), `${size} bytes`).to.deep.equal(plaintext);
      expect(ciphertext.length).to.equal(new ChunkLayout(size, SMALL_CHUNK).sealedSize);
    }
  });

  it("[attack 135] are what the format says, made again with another implementation: key, nonce, associated data", async () => {
    const { manifest, key, ciphertext, plaintext } = sealed;
    const { format, chainId, registry, institution, dataset, version, size } = manifest;
    // RFC 8785 by hand: sorted names, no spaces.
    const header = JSON.stringify({ chainId, dataset, format, institution, registry, size, version });
    const headerHash = createHash("sha256").update(header).digest();
    const info = Buffer.concat([Buffer.from("mednexus-dataset-1/chunks/"), headerHash]);
    const chunkKey = Buffer.from(hkdfSync("sha256", key, new Uint8Array(0), info, 32));
    const chunks: Buffer[] = [];
    for (let i = 0; i * SMALL_CHUNK < size; i++) {
      const index = Buffer.alloc(8);
      index.writeBigUInt64BE(BigInt(i));
      const run = Buffer.alloc(4);
      const cipher = createCipheriv("aes-256-gcm", chunkKey, Buffer.concat([run, index]));
      cipher.setAAD(Buffer.concat([headerHash, index]));
      const piece = plaintext.subarray(i * SMALL_CHUNK, (i + 1) * SMALL_CHUNK);
      chunks.push(run, cipher.update(piece), cipher.final(), cipher.getAuthTag());
    }
    expect(Buffer.concat(chunks).equals(ciphertext)).to.equal(true);
  });

  it("[must show 4] 2,000 changed ciphertexts, associated data, chunks and documents: none accepted", async () => {
    expect(await acceptedMutations(random, 2000)).to.equal(0);
  });

  it("[attack 133] flipped, cut, swapped, repeated, dropped chunks and zeros behind the end do not open", async () => {
    const { manifest, key, ciphertext } = sealed;
    const layout = new ChunkLayout(manifest.size, SMALL_CHUNK);
    const chunks = Array.from({ length: layout.count }, (_, i) =>
      ciphertext.slice(layout.sealedOffset(i), layout.sealedOffset(i) + layout.sealedLength(i)),
    );
    const joined = (parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));
    const flipped = ciphertext.slice();
    flipped[pick(flipped.length)]! ^= 1;
    expect(await codeOf(readAll(manifest, key, flipped))).to.equal("BAD_CHUNK");
    expect(await codeOf(readAll(manifest, key, joined([chunks[1]!, chunks[0]!, ...chunks.slice(2)])))).to.equal(
      "BAD_CHUNK",
    );
    expect(await codeOf(readAll(manifest, key, joined([chunks[0]!, chunks[0]!, ...chunks.slice(2)])))).to.equal(
      "BAD_CHUNK",
    );
    expect(await codeOf(readAll(manifest, key, joined(chunks.slice(0, -1))))).to.equal("BAD_SIZE");
    const zeros = joined([ciphertext, new Uint8Array(20)]);
    expect(await storageRoot(zeros)).to.equal(manifest.root); // 0G's root does not see them
    expect(await codeOf(readAll(manifest, key, zeros))).to.equal("BAD_SIZE");
    // A manifest that says a shorter size describes other chunks.
    const shorter = { ...manifest, size: SMALL_CHUNK * 4 };
    expect(await codeOf(readAll(shorter, key, joined(chunks.slice(0, 4))))).to.equal("BAD_CHUNK");
  });

  it("[attack 133] a reader who holds the key and makes chunks that open is found out by the root", async () => {
    const { manifest, key, ciphertext } = sealed;
    const forger = await ChunkEncryptor.create(key, manifest, 1, SMALL_CHUNK);
    const forged = ciphertext.slice();
    forged.set(await forger.encrypt(0, new Uint8Array(SMALL_CHUNK)), 0);
    expect(await codeOf(readAll(manifest, key, forged))).to.equal("BAD_CONTENT");
  });

  it("[attack 134] no nonce is used twice under a key: an index never again in a run, another nonce in the next", async () => {
    const header = headerFor(random, 3 * SMALL_CHUNK);
    const key = random(32);
    const first = await ChunkEncryptor.create(key, header, 0, SMALL_CHUNK);
    const plaintext = random(SMALL_CHUNK);
    await first.encrypt(0, plaintext);
    await first.encrypt(1, plaintext);
    for (const index of [0, 1]) expect(await codeOf(first.encrypt(index, plaintext))).to.equal("NONCE_REUSED");
    expect(await codeOf(first.encrypt(3, plaintext))).to.equal("NONCE_REUSED");
    expect(await codeOf(first.encrypt(0.5, plaintext))).to.equal("NONCE_REUSED");
    const seen = new Set<string>();
    for (let run = 0; run < 50; run++) {
      const encryptor = await ChunkEncryptor.create(key, header, run, SMALL_CHUNK);
      // Equal plaintexts: a repeated nonce would repeat a ciphertext.
      for (let index = 0; index < 3; index++)
        seen.add(hexlify((await encryptor.encrypt(index, plaintext)).subarray(4)));
    }
    expect(seen.size).to.equal(150);
    for (const run of [-1, 2 ** 32, 0.5])
      expect(await codeOf(ChunkEncryptor.create(key, header, run))).to.equal("TOO_MANY_RUNS");
  });

  it("[attack 135] a chunk does not open as any other dataset, institution, registry, chain, version or size", async () => {
    const { manifest, key, ciphertext } = sealed;
    const chunk = ciphertext.slice(0, SMALL_CHUNK + 20);
    await (await ChunkDecryptor.create(key, manifest, SMALL_CHUNK)).decrypt(0, chunk);
    const others: Partial<Manifest>[] = [
      { dataset: hexOf(random) },
      { version: 2 },
      { chainId: 1 },
      { size: manifest.size + 1 },
      { registry: `0x${"33".repeat(20)}` },
      { institution: `0x${"33".repeat(20)}` },
    ];
    for (const other of others) {
      const decryptor = await ChunkDecryptor.create(key, { ...manifest, ...other }, SMALL_CHUNK);
      expect(await codeOf(decryptor.decrypt(0, chunk)), JSON.stringify(other)).to.equal("BAD_CHUNK");
    }
  });

  it("[attack 136] only this format is read: nothing negotiates an algorithm, downwards or at all", async () => {
    const { manifest, key } = sealed;
    const read = async (value: unknown): Promise<string | undefined> => {
      const bytes = toUtf8Bytes(canonicalJson(value));
      return codeOf(decodeManifest(bytes, await storageRoot(bytes)));
    };
    expect(await read(manifest)).to.equal(undefined);
    for (const format of ["mednexus-dataset-0", "mednexus-dataset-2", "AES-128-GCM", "none", "", null, 1])
      expect(await read({ ...manifest, format })).to.equal("UNKNOWN_FORMAT");
    for (const extra of [{ cipher: "none" }, { aead: 1 }, { chunkBytes: 16 }, { tagLength: 32 }])
      expect(await read({ ...manifest, ...extra })).to.equal("BAD_DOCUMENT");
    expect(await read({ ...manifest, keyCommitment: undefined })).to.equal("BAD_DOCUMENT");
    expect(await read([])).to.equal("BAD_DOCUMENT");
    const envelope = await wrapKey(manifest, generateReaderKeys(random).publicKey, key);
    for (const changed of [
      { ...envelope, format: "mednexus-envelope-0" },
      { ...envelope, kem: 16 },
    ])
      expect(await codeOf(() => decodeEnvelope(toUtf8Bytes(canonicalJson(changed))))).to.equal("BAD_DOCUMENT");
    // The same manifest in other bytes is another document.
    for (const text of [
      JSON.stringify(manifest, null, 1),
      canonicalJson(manifest) + " ",
      canonicalJson(manifest) + "\0",
      canonicalJson(manifest).replace('"records":7', '"records":7.0'),
      canonicalJson(manifest).replace('"records":7', '"records":7,"records":7'),
    ]) {
      const bytes = toUtf8Bytes(text);
      expect(await codeOf(decodeManifest(bytes, await storageRoot(bytes))), text.slice(-20)).to.equal("BAD_DOCUMENT");
    }
  });

  it("[attack 137] an older version is refused where the chain is ahead, and every field is the chain's", async () => {
    const { manifest } = sealed;
    const chain: RegisteredVersion = {
      chainId: manifest.chainId,
      registry: manifest.registry,
      institution: manifest.institution,
      version: 1,
      currentVersion: 1,
      manifestHash: await manifestHash(manifest),
      storageRoot: manifest.root,
      schemaHash: manifest.schema,
      recordCount: BigInt(manifest.records),
    };
    await checkAgainstChain(manifest, chain);
    expect(await codeOf(checkAgainstChain(manifest, { ...chain, currentVersion: 2 }))).to.equal("ROLLED_BACK");
    await checkAgainstChain(manifest, { ...chain, currentVersion: 2 }, { allowOld: true });
    const wrong: Partial<RegisteredVersion>[] = [
      { version: 2, currentVersion: 2 },
      { manifestHash: hexOf(random) },
      { storageRoot: hexOf(random) },
      { schemaHash: hexOf(random) },
      { recordCount: 8n },
      { chainId: 1 },
      { registry: `0x${"33".repeat(20)}` },
      { institution: `0x${"33".repeat(20)}` },
    ];
    for (const field of wrong)
      expect(
        await codeOf(checkAgainstChain(manifest, { ...chain, ...field }, { allowOld: true })),
        Object.keys(field)[0],
      ).to.equal("CHAIN_MISMATCH");
  });

  it("[attack 139] a corrupt key share is named; any k good ones give the key, fewer or wrongly dealt ones do not", async () => {
    for (const [k, n] of [
      [2, 2],
      [2, 3],
      [3, 5],
      [5, 9],
      [2, 255],
    ] as const) {
      const { manifest: single, key } = sealed;
      const shares = splitKey(key, k, n, random);
      const manifest = {
        ...single,
        custody: { threshold: k, shares: shares.map((share) => keyShareCommitment(share, single)) },
      };
      const chosen = [...shares].sort(() => pick(3) - 1).slice(0, k);
      expect(recoverKey(manifest, chosen)).to.deep.equal(key);
      expect(await codeOf(() => recoverKey(manifest, chosen.slice(1)))).to.equal("TOO_FEW_SHARES");
      expect(await codeOf(() => recoverKey(manifest, [...chosen.slice(1), chosen.at(-1)!]))).to.equal("TOO_FEW_SHARES");
      const corrupt = { ...chosen[0]!, value: Uint8Array.from(chosen[0]!.value) };
      corrupt.value[pick(32)]! ^= 1 << pick(8);
      const error = await Promise.resolve()
        .then(() => recoverKey(manifest, [...chosen.slice(1), corrupt]))
        .catch((cause: Error & { code?: string }) => cause);
      expect(error).to.have.property("code", "CORRUPT_SHARE");
      expect((error as Error).message).to.include(`share ${corrupt.index} `);
      const posing = { index: (chosen[0]!.index % n) + 1, value: chosen[0]!.value };
      expect(await codeOf(() => recoverKey(manifest, [posing, ...chosen.slice(1)]))).to.equal("CORRUPT_SHARE");
      const foreign = splitKey(random(32), k, n, random);
      const dealt = {
        ...single,
        custody: { threshold: k, shares: foreign.map((share) => keyShareCommitment(share, single)) },
      };
      expect(await codeOf(() => recoverKey(dealt, foreign.slice(0, k)))).to.equal("DEALT_WRONGLY");
    }
    for (const [k, n] of [
      [1, 2],
      [3, 2],
      [2, 256],
      [0, 0],
      [2.5, 3],
    ] as const)
      expect(await codeOf(() => splitKey(random(32), k, n))).to.equal("BAD_THRESHOLD");
    expect(await codeOf(() => recoverKey(sealed.manifest, []))).to.equal("TOO_FEW_SHARES");
  });

  it("[attack 139] k - 1 shares fit every key equally well", () => {
    // Exact over one byte: with k = 2, the one share of any key takes every value once as the coefficient does.
    for (const secret of [0, 1, 77, 255]) {
      const values = new Set<number>();
      for (let coefficient = 0; coefficient < 256; coefficient++)
        values.add(
          splitKey(new Uint8Array(32).fill(secret), 2, 3, (length) => new Uint8Array(length).fill(coefficient))[1]!
            .value[0]!,
        );
      expect(values.size).to.equal(256);
    }
  });

  it("shares travel to custodians and from them to a reader, each sealed to one", async () => {
    const custodians = [0, 1, 2].map(() => generateReaderKeys(random));
    const reader = generateReaderKeys(random);
    const shares = splitKey(sealed.key, 2, 3, random);
    const manifest = {
      ...sealed.manifest,
      custody: { threshold: 2, shares: shares.map((share) => keyShareCommitment(share, sealed.manifest)) },
    };
    const dealt = await Promise.all(
      custodians.map((custodian, i) => wrapShare(manifest, custodian.publicKey, shares[i]!)),
    );
    expect(await codeOf(openShare(custodians[1]!, manifest, dealt[0]!))).to.equal("CANNOT_OPEN");
    expect(await codeOf(openShare(custodians[0]!, manifest, { ...dealt[0]!, share: 2 }))).to.equal("CANNOT_OPEN");
    expect(await codeOf(openKey(custodians[0]!, manifest, dealt[0]!))).to.equal("IS_SHARE");
    const released = await Promise.all(
      [0, 2].map(async (i) =>
        wrapShare(manifest, reader.publicKey, await openShare(custodians[i]!, manifest, dealt[i]!)),
      ),
    );
    const collected = await Promise.all(released.map((envelope) => openShare(reader, manifest, envelope)));
    expect(recoverKey(manifest, collected)).to.deep.equal(sealed.key);
  });

  it("[must show 4] all that one reader ever saw opens that dataset version and nothing else", async () => {
    const { manifest, key } = sealed;
    const [leaky, honest] = [generateReaderKeys(random), generateReaderKeys(random)];
    const later = await sealInMemory(
      random,
      sealed.plaintext,
      headerFor(random, sealed.plaintext.length, 2, manifest.dataset),
    );
    const others = [later, await sealInMemory(random, sealed.plaintext), await sealInMemory(random, random(10))];
    const seen = await wrapKey(manifest, leaky.publicKey, key);
    // The leak: the reader's secret, its envelope, the content key, the chunk key's origin, every public document.
    const leaked = [await openKey(leaky, manifest, seen), getBytesOf(leaky.secret), getBytesOf(manifest.salt)];
    expect(await readAll(manifest, leaked[0]!, sealed.ciphertext)).to.deep.equal(sealed.plaintext);
    for (const other of others) {
      const envelope = await wrapKey(other.manifest, honest.publicKey, other.key);
      expect(await codeOf(openKey(leaky, other.manifest, envelope))).to.equal("CANNOT_OPEN");
      expect(await codeOf(openKey(leaky, other.manifest, { ...seen, manifest: envelope.manifest }))).to.equal(
        "CANNOT_OPEN",
      );
      expect(await codeOf(openKey(leaky, other.manifest, seen))).to.equal("OTHER_VERSION");
      for (const candidate of leaked) {
        expect(await codeOf(readAll(other.manifest, candidate, other.ciphertext))).to.equal("BAD_CHUNK");
        expect(await codeOf(wrapKey(other.manifest, leaky.publicKey, candidate))).to.equal("WRONG_KEY");
      }
    }
    // Nor does it open another reader's envelope of the same version.
    const theirs = await wrapKey(manifest, honest.publicKey, key);
    expect(await codeOf(openKey(leaky, manifest, theirs))).to.equal("CANNOT_OPEN");
  });

  it("envelopes name nobody and are never alike", async () => {
    const { publicKey } = readerKeysOf(random(32));
    const texts = await Promise.all(
      [0, 1].map(async () =>
        new TextDecoder().decode(encodeEnvelope(await wrapKey(sealed.manifest, publicKey, sealed.key))),
      ),
    );
    expect(texts[0]).to.not.equal(texts[1]);
    for (const text of texts) expect(text).to.not.include(publicKey.slice(2));
  });

  it("manifests have one form of bytes and one hash", async () => {
    const bytes = encodeManifest(sealed.manifest);
    expect(await decodeManifest(bytes, await manifestHash(sealed.manifest))).to.deep.equal(sealed.manifest);
    const reversed = Object.fromEntries(Object.entries(sealed.manifest).reverse()) as Manifest;
    expect(encodeManifest(reversed)).to.deep.equal(bytes);
    expect(await codeOf(decodeManifest(bytes, hexOf(random)))).to.equal("MANIFEST_MISMATCH");
  });

  it("canonical JSON is RFC 8785's: its number, string and sorting examples", () => {
    const example = {
      numbers: JSON.parse("[333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001]") as number[],
      string: "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"/",
      literals: [null, true, false],
    };
    expect(canonicalJson(example)).to.equal(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
    const sorting = {
      "\u20ac": "Euro Sign",
      "\r": "Carriage Return",
      "\ufb33": "Hebrew Letter Dalet With Dagesh",
      "1": "One",
      "\ud83d\ude00": "Emoji: Grinning Face",
      "\u0080": "Control",
      "\u00f6": "Latin Small Letter O With Diaeresis",
    };
    expect(Object.values(JSON.parse(canonicalJson(sorting)) as object)).to.have.members(Object.values(sorting));
    const names = ["One", "Control", "Latin Small", "Euro Sign", "Emoji", "Hebrew"];
    const text = canonicalJson(sorting);
    expect(text.indexOf("Carriage")).to.be.below(text.indexOf("One"));
    for (let i = 1; i < names.length; i++) expect(text.indexOf(names[i - 1]!)).to.be.below(text.indexOf(names[i]!));
  });

  it("a store that gives less than it says is refused", async () => {
    const { manifest, key, ciphertext } = sealed;
    const short = { ...bufferBlob(ciphertext), read: async (offset: number) => ciphertext.slice(offset, offset + 5) };
    const drain = async (): Promise<void> => {
      for await (const _ of readDataset(manifest, key, short, { chunkBytes: SMALL_CHUNK })) break;
    };
    expect(await codeOf(drain())).to.equal("BAD_CHUNK");
  });
});

const getBytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.slice(2), "hex"));
