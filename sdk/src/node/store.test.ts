import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { codeThrown } from "../../../test/utils/codeOf.ts";
import { FileStore } from "./store.ts";

describe("file store", () => {
  let parent: string;
  let folder: string;
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), "mednexus-store-"));
    folder = join(parent, "state");
  });
  afterEach(() => rmSync(parent, { recursive: true, force: true }));

  it("gives back what was written, bigints of any size included, to another process too", () => {
    const value = { a: [1n, -(2n ** 300n)], b: "x", c: [true, null, 1.5], d: { e: [] } };
    new FileStore(folder).write("key-1", value);
    expect(new FileStore(folder).read("key-1")).to.deep.equal(value);
    expect(new FileStore(folder).read("key-2")).to.equal(undefined);
  });

  it("is readable by its owner only, also where a looser file lay in the way", () => {
    const store = new FileStore(folder);
    writeFileSync(join(folder, "key.json.next"), "old", { mode: 0o644 });
    store.write("key", 1n);
    expect(statSync(folder).mode & 0o077).to.equal(0);
    expect(statSync(join(folder, "key.json")).mode & 0o077).to.equal(0);
    expect(readdirSync(folder)).to.deep.equal(["key.json"]);
  });

  it("[attack 112] [attack 122] a write that fails or is cut off leaves what was there", () => {
    const store = new FileStore(folder);
    store.write("key", "first");
    writeFileSync(join(folder, "key.json.next"), '{"half');
    expect(new FileStore(folder).read("key")).to.equal("first");
    rmSync(join(folder, "key.json.next"));
    mkdirSync(join(folder, "key.json.next")); // as a full or broken disk: the new file cannot be made
    expect(codeThrown(() => store.write("key", "second"))).to.equal("STATE_WRITE");
    expect(store.read("key")).to.equal("first");
  });

  it("[attack 126] a damaged file is named, not quoted", () => {
    const store = new FileStore(folder);
    writeFileSync(join(folder, "key.json"), '{"blinders": [12345678, oops');
    let error: unknown;
    try {
      store.read("key");
    } catch (cause) {
      error = cause;
    }
    expect((error as { code?: string }).code).to.equal("STATE_CORRUPT");
    expect(String(error)).to.not.include("12345678");
    expect((error as Error).cause).to.equal(undefined);
  });

  it("[attack 138] keys are names, not paths", () => {
    const store = new FileStore(folder);
    for (const key of ["../x", "a/b", "", "A", "a.b", "a\0"])
      expect(
        codeThrown(() => store.write(key, 1)),
        key,
      ).to.equal("STATE_KEY");
  });

  it("belongs to one process: a second is refused, a dead one's lock is taken over", () => {
    const store = new FileStore(folder);
    store.lock();
    expect(codeThrown(() => new FileStore(folder).lock())).to.equal("STATE_IN_USE");
    store.unlock();
    store.lock();
    store.unlock();
    writeFileSync(join(folder, "lock"), "1"); // process 1 lives
    expect(codeThrown(() => new FileStore(folder).lock())).to.equal("STATE_IN_USE");
    for (const dead of ["4194305", "", "junk", String(process.pid)]) {
      writeFileSync(join(folder, "lock"), dead);
      const next = new FileStore(folder);
      next.lock();
      expect(readFileSync(join(folder, "lock"), "utf8")).to.equal(String(process.pid));
      next.unlock();
    }
    chmodSync(folder, 0o700);
  });
});
