import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { codeOf } from "../../../../test/utils/codeOf.ts";
import { seededRandom, testSeed } from "../../../../test/vectors/seeded.ts";
import { recoverKey } from "../../storage/custody.ts";
import { openKey, openShare, wrapShare } from "../../storage/envelope.ts";
import { generateReaderKeys } from "../../storage/hpke.ts";
import { storageRoot } from "../../storage/root.ts";
import { readEnvelope, readManifest } from "../../storage/store.ts";
import { FileStore } from "../store.ts";
import {
  Archive,
  type ArchiveOptions,
  bytesSource,
  decryptTo,
  type Facts,
  fileSource,
  type Journal,
} from "./archive.ts";
import { eraseDataset } from "./erase.ts";
import { LocalStore } from "./localStore.ts";

const seed = testSeed();
const random = seededRandom(seed);
const CHUNK = 1000;
const facts: Facts = {
  chainId: 31337,
  registry: `0x${"Aa".repeat(20)}`,
  institution: `0x${"bB".repeat(20)}`,
  schema: `0x${"11".repeat(32)}`,
  records: 3,
};

describe(`archive (seed ${seed})`, () => {
  let folder: string;
  let state: FileStore;
  let store: LocalStore;
  const open = (options: Partial<ArchiveOptions> = {}): Archive =>
    new Archive({ state, store, random, chunkBytes: CHUNK, ...options });
  const file = (name: string, bytes: Uint8Array): string => {
    writeFileSync(join(folder, name), bytes);
    return join(folder, name);
  };
  const journals = (): Journal[] =>
    state.keys().flatMap((key) => (key.startsWith("encrypting-") ? [state.read<Journal>(key)!] : []));
  const read = async (manifestHash: string, key: Uint8Array, name = "out"): Promise<Buffer> => {
    rmSync(join(folder, name), { force: true });
    await decryptTo(join(folder, name), await readManifest(store, manifestHash), key, store, { chunkBytes: CHUNK });
    return readFileSync(join(folder, name));
  };
  const keyOf = (hex: string | null): Uint8Array => Buffer.from(hex!.slice(2), "hex");

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "mednexus-archive-"));
    state = new FileStore(join(folder, "state"));
    store = new LocalStore(join(folder, "store"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("a file added comes back whole to the institution and to a named reader; a stranger gets nothing", async () => {
    const [reader, stranger] = [generateReaderKeys(random), generateReaderKeys(random)];
    for (const size of [0, 1, CHUNK, 3 * CHUNK + 1]) {
      const plaintext = random(size);
      const added = await open().add(await fileSource(file("data", plaintext)), facts, { readers: [reader.publicKey] });
      const manifest = await readManifest(store, added.manifest);
      expect(manifest).to.include({ size, version: 1, records: 3, previous: null, dataset: added.dataset });
      expect(await read(added.manifest, keyOf(added.key))).to.deep.equal(Buffer.from(plaintext));
      const envelope = await readEnvelope(store, added.envelopes[0]!.root);
      const key = await openKey(reader, manifest, envelope);
      expect(await read(added.manifest, key)).to.deep.equal(Buffer.from(plaintext));
      expect(await codeOf(openKey(stranger, manifest, envelope))).to.equal("CANNOT_OPEN");
      expect(journals()).to.deep.equal([]);
      expect(readdirSync(join(store.folder, "partial"))).to.deep.equal([]);
      expect(statSync(store.pathOf(added.root)).mode & 0o077).to.equal(0);
    }
  });

  it("equal files have nothing in common once encrypted", async () => {
    const plaintext = random(2 * CHUNK);
    const [a, b] = [
      await open().add(bytesSource(plaintext, "a"), facts),
      await open().add(bytesSource(plaintext, "b"), facts),
    ];
    expect(new Set([a.dataset, a.manifest, a.root, a.key, b.dataset, b.manifest, b.root, b.key]).size).to.equal(8);
  });

  it("[attack 134] interrupted anywhere it is continued by the same call, and never under a nonce it had used", async () => {
    const plaintext = random(10 * CHUNK + 5);
    const path = file("data", plaintext);
    for (const stopAt of [1, 4, 10, 11]) {
      const stop = new AbortController();
      const onProgress = (done: number): void => {
        if (done >= Math.min(plaintext.length, stopAt * CHUNK)) stop.abort();
      };
      const stopped = await codeOf(open({ signal: stop.signal, onProgress }).add(await fileSource(path), facts));
      if (stopAt < 11) expect(stopped, `stopped after chunk ${stopAt}`).to.equal("INTERRUPTED");
      else continue;
      const [journal] = journals();
      const staged = join(store.folder, "partial", readdirSync(join(store.folder, "partial"))[0]!);
      expect(statSync(staged).size).to.equal(stopAt * (CHUNK + 20));
      truncateSync(staged, stopAt * (CHUNK + 20) - 7); // the last chunk is torn, as by a crash
      const before = readFileSync(staged);
      const added = await open().add(await fileSource(path), facts);
      expect(added.key).to.equal(journal!.key);
      const ciphertext = readFileSync(store.pathOf(added.root));
      // What was whole is kept; the torn chunk's run number, and with it its nonce, is another.
      const whole = (stopAt - 1) * (CHUNK + 20);
      expect(ciphertext.subarray(0, whole).equals(before.subarray(0, whole))).to.equal(true);
      const runs = Array.from({ length: 11 }, (_, i) => ciphertext.readUInt32BE(i * (CHUNK + 20)));
      expect(runs).to.deep.equal(runs.map((_, i) => (i < stopAt - 1 ? 0 : 1)));
      expect(await read(added.manifest, keyOf(added.key))).to.deep.equal(Buffer.from(plaintext));
    }
  });

  it("[attack 134] a source that changed between two runs is refused, not mixed", async () => {
    const plaintext = random(5 * CHUNK);
    const path = file("data", plaintext);
    const stop = new AbortController();
    const onProgress = (done: number): void => void (done >= 3 * CHUNK && stop.abort());
    await codeOf(open({ signal: stop.signal, onProgress }).add(await fileSource(path), facts));
    plaintext[CHUNK + 1]! ^= 1;
    writeFileSync(path, plaintext);
    expect(await codeOf(open().add(await fileSource(path), facts))).to.equal("SOURCE_CHANGED");
    appendFileSync(path, "x");
    expect(await codeOf(open().add(await fileSource(path), facts))).to.equal("SOURCE_CHANGED");
    expect(readdirSync(store.folder), "nothing was stored").to.deep.equal(["partial"]);
    // Erasing the unfinished one frees the way.
    const { removed, found } = await eraseDataset(journals()[0]!.dataset, { state, store });
    expect(removed).to.include("an unfinished version");
    expect(found).to.deep.equal([]);
    await open().add(await fileSource(path), facts);
  });

  it("a crash after the ciphertext, after the record or between documents loses and doubles nothing", async () => {
    const plaintext = random(3 * CHUNK);
    const readers = [generateReaderKeys(random).publicKey];
    for (let failing = 0; ; failing++) {
      let calls = 0;
      const crash = (): void => {
        if (calls++ === failing) throw new Error("power cut");
      };
      const failingState = new FileStore(join(folder, "state"));
      const failingStore = new LocalStore(join(folder, "store"));
      for (const [target, methods] of [
        [failingState, ["write", "remove"]],
        [failingStore, ["adopt", "put"]],
      ] as const)
        for (const method of methods) {
          const original = (target as never as Record<string, (...args: unknown[]) => unknown>)[method]!.bind(target);
          Object.assign(target, { [method]: (...args: unknown[]) => (crash(), original(...args)) });
        }
      const source = bytesSource(plaintext, `source ${failing}`);
      const broken = new Archive({ state: failingState, store: failingStore, random, chunkBytes: CHUNK });
      const first = await codeOf(broken.add(source, facts, { readers }));
      const before = new Set(await store.roots());
      const added = first === undefined ? undefined : await open().add(source, facts, { readers });
      if (added === undefined) {
        expect(failing).to.be.greaterThan(5);
        break;
      }
      expect(await read(added.manifest, keyOf(added.key))).to.deep.equal(Buffer.from(plaintext));
      expect(open().record(added.dataset).versions.length).to.equal(1);
      expect(journals()).to.deep.equal([]);
      // Nothing lies in the store that the record does not know: it could never be erased.
      const known = new Set([added.root, added.manifest, ...added.envelopes.map(({ root }) => root)]);
      const { removed } = await eraseDataset(added.dataset, { state, store });
      expect(removed.length).to.equal(4);
      for (const root of await store.roots()) expect(known.has(root) || !before.has(root)).to.equal(false);
    }
    expect(await store.roots()).to.have.length(3);
  });

  it("a share added later opens the version; a rotation makes a new one that the old readers cannot open", async () => {
    const [staying, leaving] = [generateReaderKeys(random), generateReaderKeys(random)];
    const plaintext = random(2 * CHUNK + 9);
    const archive = open();
    const first = await archive.add(bytesSource(plaintext, "a"), facts, { readers: [leaving.publicKey] });
    const late = await archive.share(first.dataset, staying.publicKey);
    const manifest = await readManifest(store, first.manifest);
    expect(await openKey(staying, manifest, await readEnvelope(store, late))).to.deep.equal(
      Uint8Array.from(keyOf(first.key)),
    );

    const second = await archive.rotate(first.dataset, { readers: [staying.publicKey] });
    const rotated = await readManifest(store, second.manifest);
    expect(rotated).to.include({ version: 2, previous: first.manifest, dataset: first.dataset });
    expect([second.key, second.root]).to.not.include.oneOf([first.key, first.root]);
    expect(await read(second.manifest, keyOf(second.key))).to.deep.equal(Buffer.from(plaintext));
    const envelope = await readEnvelope(store, second.envelopes[0]!.root);
    expect(await codeOf(openKey(leaving, rotated, envelope))).to.equal("CANNOT_OPEN");
    const old = await openKey(leaving, manifest, await readEnvelope(store, first.envelopes[0]!.root));
    expect(await codeOf(read(second.manifest, old))).to.equal("BAD_CHUNK");
    // What nobody can take back: the old version, as long as somebody has its ciphertext.
    expect(await read(first.manifest, old)).to.deep.equal(Buffer.from(plaintext));
    expect(archive.record(first.dataset).versions.map(({ version }) => version)).to.deep.equal([1, 2]);
  });

  it("in custody no key is kept here; two of three custodians open it, and rotation asks for them", async () => {
    const custodians = [0, 1, 2].map(() => generateReaderKeys(random));
    const plaintext = random(CHUNK);
    const access = { threshold: 2, custodians: custodians.map(({ publicKey }) => publicKey) };
    const added = await open().add(bytesSource(plaintext, "a"), facts, access);
    expect(added.key).to.equal(null);
    expect(journals()).to.deep.equal([]);
    const manifest = await readManifest(store, added.manifest);
    const reader = generateReaderKeys(random);
    const released = await Promise.all(
      [2, 0].map(async (i) => {
        const envelope = await readEnvelope(store, added.envelopes[i]!.root);
        return wrapShare(manifest, reader.publicKey, await openShare(custodians[i]!, manifest, envelope));
      }),
    );
    const shares = await Promise.all(released.map((envelope) => openShare(reader, manifest, envelope)));
    expect(await read(added.manifest, recoverKey(manifest, shares))).to.deep.equal(Buffer.from(plaintext));
    expect(await codeOf(open().share(added.dataset, reader.publicKey))).to.equal("IN_CUSTODY");
    expect(await codeOf(open().rotate(added.dataset, { readers: [] }))).to.equal("IN_CUSTODY");
    expect(await codeOf(open().rotate(added.dataset, { readers: [] }, random(32)))).to.equal("WRONG_KEY");
    const rotated = await open().rotate(added.dataset, access, recoverKey(manifest, shares));
    expect([rotated.version, rotated.key]).to.deep.equal([2, null]);
  });

  it("erased: keys, salts, ciphertexts and envelopes are gone from both folders; a copy left behind is found", async () => {
    const reader = generateReaderKeys(random).publicKey;
    const archive = open();
    const kept = await archive.add(bytesSource(random(CHUNK), "kept"), facts);
    const first = await archive.add(bytesSource(random(4 * CHUNK), "gone"), facts, { readers: [reader] });
    const second = await archive.rotate(first.dataset, { readers: [reader] });
    archive.registered(first.dataset, 9n);
    state.write("grants-9-1", [{ subject: facts.institution, salt: `0x${"77".repeat(32)}` }]);
    state.write("grants-90-1", []);
    const ciphertext = readFileSync(store.pathOf(second.root));
    // Copies that nobody told the archive of: a key in a note, a piece of the ciphertext under another name.
    const elsewhere = join(folder, "elsewhere");
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, "note"), `remember ${second.key!.slice(2).toUpperCase()}!`);
    writeFileSync(join(state.folder, "copy"), ciphertext.subarray(CHUNK));
    const { removed, found, notProved, searched } = await eraseDataset(first.dataset, {
      state,
      store,
      alsoSearch: [elsewhere],
    });
    expect(removed.length).to.equal(8);
    expect(found.map((each) => [each.file, each.what])).to.deep.equal([
      [join(state.folder, "copy"), "ciphertext of version 2"],
      [join(elsewhere, "note"), "content key of version 2"],
    ]);
    expect(searched.files).to.be.greaterThan(3);
    expect(notProved.join()).to.include("1 reader").and.include("backups").and.include("SSD");
    for (const root of [first, second].flatMap((each) => [
      each.root,
      each.manifest,
      ...each.envelopes.map((e) => e.root),
    ]))
      expect(await codeOf(store.open(root))).to.equal("NOT_STORED");
    expect(await codeOf(() => archive.record(first.dataset))).to.equal("NO_DATASET");
    expect(state.keys().filter((key) => key.startsWith("grants"))).to.deep.equal(["grants-90-1"]);
    expect(await codeOf(eraseDataset(first.dataset, { state, store }))).to.equal("NO_DATASET");
    await read(kept.manifest, keyOf(kept.key));
  });

  it("[attack 138] roots and names are no paths: nothing outside the store is read, written or removed", async () => {
    const secret = file("secret", random(10));
    const bad = [
      "../secret",
      "/etc/passwd",
      `0x${"..".repeat(32)}`,
      `0x${"AB".repeat(32)}`,
      "0x12",
      "",
      `0x${"ab".repeat(32)}/../x`,
      `0x${"ab".repeat(32)}\0`,
    ];
    for (const root of bad) {
      expect(await codeOf(store.open(root)), root).to.equal("BAD_ROOT");
      expect(await codeOf(store.remove(root)), root).to.equal("BAD_ROOT");
      expect(await codeOf(store.has(root)), root).to.equal("BAD_ROOT");
      expect(await codeOf(store.adopt(secret, root)), root).to.be.oneOf(["BAD_ROOT", "STORE_WRITE"]);
    }
    for (const name of ["../x", "a/b", "", "A", "a.b", "a\0"])
      expect(await codeOf(() => store.stage(name))).to.equal("BAD_NAME");
    expect(existsSync(secret)).to.equal(true);
    // A link planted where a blob belongs is not followed.
    const root = await storageRoot(readFileSync(secret));
    mkdirSync(join(store.folder, root.slice(2, 4)), { recursive: true });
    symlinkSync(secret, store.pathOf(root));
    expect(await codeOf(store.open(root))).to.equal("NOT_STORED");
    // Nor one planted where a file is being made.
    const victim = file("victim", random(5));
    const plain = random(3 * CHUNK);
    const stop = new AbortController();
    stop.abort();
    await codeOf(open({ signal: stop.signal }).add(bytesSource(plain, "x"), facts));
    const [staged] = readdirSync(join(store.folder, "partial"));
    rmSync(join(store.folder, "partial", staged!));
    symlinkSync(victim, join(store.folder, "partial", staged!));
    expect(await codeOf(open().add(bytesSource(plain, "x"), facts))).to.not.equal(undefined);
    expect(statSync(victim).size).to.equal(5);
  });

  it("what is decrypted appears whole or not at all, and never over another file", async () => {
    const added = await open().add(bytesSource(random(3 * CHUNK), "a"), facts);
    const blob = store.pathOf(added.root);
    const bytes = readFileSync(blob);
    bytes[2 * CHUNK + 100]! ^= 1;
    writeFileSync(blob, bytes);
    expect(await codeOf(read(added.manifest, keyOf(added.key), "result"))).to.equal("BAD_CHUNK");
    expect(readdirSync(folder).filter((name) => name.startsWith("result"))).to.deep.equal([]);
    const manifest = await readManifest(store, added.manifest);
    file("taken", random(1));
    expect(await codeOf(decryptTo(join(folder, "taken"), manifest, keyOf(added.key), store))).to.equal("FILE_EXISTS");
  });

  it("a document that was tampered with in the store is refused", async () => {
    const added = await open().add(bytesSource(random(10), "a"), facts, {
      readers: [generateReaderKeys(random).publicKey],
    });
    for (const [root, reader, code] of [
      [added.manifest, () => readManifest(store, added.manifest), "MANIFEST_MISMATCH"],
      [added.envelopes[0]!.root, () => readEnvelope(store, added.envelopes[0]!.root), "BAD_DOCUMENT"],
    ] as const) {
      const path = store.pathOf(root);
      const bytes = readFileSync(path);
      bytes[20]! ^= 1;
      writeFileSync(path, bytes);
      expect(await codeOf(reader())).to.equal(code);
      writeFileSync(path, Buffer.alloc(65 * 1024, 32));
      expect(await codeOf(reader())).to.equal("BAD_DOCUMENT");
    }
  });

  it("names what is wrong with readers, custodians and sources before anything is encrypted", async () => {
    const source = bytesSource(random(10), "a");
    const { publicKey } = generateReaderKeys(random);
    expect(await codeOf(open().add(source, facts, { readers: ["0x12"] }))).to.equal("BAD_READER_KEY");
    expect(await codeOf(open().add(source, facts, { readers: [publicKey, publicKey] }))).to.equal("BAD_READER_KEY");
    expect(await codeOf(open().add(source, facts, { threshold: 1, custodians: [publicKey] }))).to.equal(
      "BAD_THRESHOLD",
    );
    expect(await codeOf(fileSource(join(folder, "absent")))).to.equal("NO_SOURCE");
    expect(await codeOf(fileSource(folder))).to.equal("NO_SOURCE");
    expect(await codeOf(open().add({ ...source, size: 9 }, facts))).to.equal("SOURCE_CHANGED");
  });
});
