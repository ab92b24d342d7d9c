import { cp, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { equalG1 } from "@mednexus/sdk";
import { expect } from "chai";
import { type Circuit, CircuitError, loadKeys, publishedKey, trapdoor } from "../index.ts";
import { published } from "../manifest.ts";
import { inScratch } from "./lab.ts";

describe("development keys and their cache", () => {
  /** Loads and reports the stages it took. */
  async function load(cache: string, circuit: Circuit = "update", n = 16) {
    const stages: string[] = [];
    const keys = await loadKeys(circuit, n, { cache, onProgress: (stage) => stages.push(stage) });
    return { keys, stages };
  }

  it("builds once, byte for byte the same in two builds at once, loads from the cache, mends damage; [attack 23] planted keys are not used", () =>
    inScratch(async (cache) => {
      const [one, two] = await Promise.all([load(cache), load(cache)]);
      expect(one.stages).deep.equal(["compile", "setup"]);
      expect(Buffer.compare(one.keys.zkey, two.keys.zkey)).equal(0);
      expect(one.keys.keyHash).equal(two.keys.keyHash);
      const folders = await readdir(cache);
      expect(folders).length(1);
      expect((await load(cache)).stages).deep.equal(["cached"]);

      const file = join(cache, folders[0]!, "circuit.zkey");
      const zkey = await readFile(file);
      zkey[zkey.length - 100]! ^= 1;
      await writeFile(file, zkey);
      const mended = await load(cache);
      expect(mended.stages).deep.equal(["compile", "setup"]);
      expect(Buffer.compare(mended.keys.zkey, one.keys.zkey)).equal(0);
      expect(await readdir(cache)).deep.equal(folders);

      // [attack 23] other keys, consistent in themselves, planted where a published size is looked for
      const planted = join(cache, folders[0]!.replace("update-16", "update-128"));
      await cp(join(cache, folders[0]!), planted, { recursive: true });
      const { keys, stages } = await load(cache, "update", 128);
      expect(stages).deep.equal(["compile", "setup"]);
      expect(keys.keyHash).equal(publishedKey("update", 128).keyHash).not.equal(one.keys.keyHash);
    }));

  it("refuses sizes and circuits that it does not know", async () => {
    for (const [circuit, n] of [
      ["update", 100],
      ["update", 8192],
      ["update", 8],
      ["update", 128.5],
      ["rekey", 128],
      ["inference", 1],
      ["constructor", 128],
    ] as [Circuit, number][]) {
      const error = await loadKeys(circuit, n).then(
        () => expect.fail("loaded"),
        (e: unknown) => e,
      );
      expect(error).instanceOf(CircuitError).property("code", "SIZE_UNKNOWN");
    }
  });

  it("[attack 24] no published key has gamma = delta, and every input has its point", () => {
    for (const { circuit, n } of published) {
      const key = publishedKey(circuit, n);
      expect(key.gamma).not.deep.equal(key.delta);
      expect(key.ic, circuit).length(1 + { update: 4, aggregate: 3, inference: 4, rekey: 13 }[circuit]);
      expect(key.ic.some((p) => equalG1(p, { x: 0n, y: 0n }))).equal(false);
    }
    expect(new Set(published.map(({ circuit, n }) => publishedKey(circuit, n).keyHash)).size).equal(published.length);
    expect(trapdoor.gamma).not.equal(trapdoor.delta);
  });
});
