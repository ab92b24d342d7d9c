import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { Wallet } from "ethers";
import { codeOf } from "../../../../test/utils/codeOf.ts";
import { storageRoot } from "../../storage/root.ts";
import { LocalStore } from "./localStore.ts";
import { loadZeroGSdk, type ZeroGSdk, ZeroGStore } from "./zeroGStore.ts";

/** What is ours: the order of steps and the checks of what the network answers. The network itself is a folder here. */
describe("0G store", () => {
  let folder: string;
  let answer: { error: Error | null; root: string | undefined };
  const config = { indexer: "http://127.0.0.1:1", rpc: "http://127.0.0.1:1", keyVariable: "PAYER" };
  const signer = new Wallet(`0x${"11".repeat(32)}`);
  const content = Uint8Array.from({ length: 700 }, (_, i) => i & 255);

  const sdk = (): ZeroGSdk => ({
    ZgFile: { fromFilePath: async (path) => ({ path, close: async () => {} }) },
    Indexer: class {
      async upload(file: unknown): Promise<[{ rootHash?: string }, Error | null]> {
        const { path } = file as { path: string };
        const rootHash = answer.root ?? (await storageRoot(readFileSync(path)));
        if (answer.error === null) copyFileSync(path, join(folder, `remote-${rootHash}`));
        return [{ rootHash }, answer.error];
      }
      async download(root: string, path: string, proof: boolean): Promise<Error | null> {
        expect(proof, "with proofs").to.equal(true);
        if (answer.error === null) copyFileSync(join(folder, `remote-${root}`), path);
        return answer.error;
      }
    },
  });
  const store = (name: string): ZeroGStore => new ZeroGStore(new LocalStore(join(folder, name)), sdk(), config, signer);
  const readFrom = async (from: ZeroGStore, root: string): Promise<Uint8Array> => {
    const blob = await from.open(root);
    return blob.read(0, blob.size).finally(() => blob.close());
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "mednexus-zero-g-"));
    answer = { error: null, root: undefined };
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("says what to install or set where it is configured and cannot run", async () => {
    expect(await codeOf(loadZeroGSdk("@mednexus/no-such-package"))).to.equal("ZERO_G_MISSING");
    const local = new LocalStore(join(folder, "a"));
    for (const value of [undefined, "", "0x12", "word"])
      expect(await codeOf(ZeroGStore.create(local, config, { PAYER: value }))).to.equal("ZERO_G_KEY");
  });

  it("what one machine puts another gets, checked by its root", async () => {
    const root = await store("a").put(content);
    expect(await readFrom(store("b"), root)).to.deep.equal(content);
    writeFileSync(join(folder, `remote-${root}`), content.slice(1));
    expect(await codeOf(readFrom(store("c"), root))).to.equal("BAD_CONTENT");
    expect(await codeOf(readFrom(store("c"), root)), "and is not kept").to.equal("BAD_CONTENT");
  });

  it("nothing counts as stored that the network did not take under its root", async () => {
    const root = await storageRoot(content);
    const one = store("a");
    answer = { error: new Error("no nodes"), root: undefined };
    expect(await codeOf(one.put(content))).to.equal("ZERO_G_FAILED");
    expect(await one.has(root)).to.equal(false);
    const staged = one.stage("file");
    writeFileSync(staged, content);
    expect(await codeOf(one.adopt(staged, root))).to.equal("ZERO_G_FAILED");
    expect([readFileSync(staged).length, await one.has(root)], "it is still there to try again").to.deep.equal([
      700,
      false,
    ]);
    answer = { error: null, root: `0x${"12".repeat(32)}` };
    expect(await codeOf(one.adopt(staged, root))).to.equal("ZERO_G_ROOT");
    answer = { error: null, root: undefined };
    await one.adopt(staged, root);
    expect(await readFrom(store("b"), root)).to.deep.equal(content);
  });

  it("[attack 138] takes roots only, and says that the network's copies outlive an erasure", async () => {
    expect(await codeOf(store("a").open("../x"))).to.equal("BAD_ROOT");
    expect(store("a").beyondReach).to.include("no command deletes it");
  });
});
