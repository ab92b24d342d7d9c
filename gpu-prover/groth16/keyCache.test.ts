import { expect } from "chai";
import { KeyCache } from "./keyCache.ts";

describe("keys kept ready", () => {
  const file = (...bytes: number[]): Uint8Array => Uint8Array.of(...bytes);

  it("are known by their bytes, and leave when others are used more", () => {
    const dropped: string[] = [];
    const cache = new KeyCache<string>(2, (key) => dropped.push(key));
    const [a, b, c] = [file(1), file(2), file(3)].map((zkey) => cache.hash(zkey)) as [string, string, string];
    expect(cache.hash(file(1)))
      .to.equal(a)
      .and.not.to.equal(b);
    cache.set(a, "a");
    cache.set(b, "b");
    expect(cache.get(a)).to.equal("a"); // b is now the one used longest ago
    cache.makeRoom();
    expect(cache.set(c, "c")).to.equal("c");
    expect(dropped).to.deep.equal(["b"]);
    expect([a, b, c].map((hash) => cache.get(hash))).to.deep.equal(["a", undefined, "c"]);
  });

  it("can be dropped until there is none", () => {
    const dropped: string[] = [];
    const cache = new KeyCache<string>(2, (key) => dropped.push(key));
    cache.set("a", "a");
    cache.set("b", "b");
    expect([cache.evict(), cache.evict(), cache.evict()]).to.deep.equal([true, true, false]);
    expect(dropped).to.deep.equal(["a", "b"]);
  });
});
