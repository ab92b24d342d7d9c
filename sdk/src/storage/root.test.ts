import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { concat, keccak256 } from "ethers";
import { RootHasher, storageRoot } from "./root.ts";

const { roots } = JSON.parse(readFileSync(join(import.meta.dirname, "vectors", "zerog.json"), "utf8")) as {
  roots: Record<string, string>;
};
const pattern = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 31 + 7) & 255);

/** The rule written down level by level, all nodes in memory. */
function plainRoot(bytes: Uint8Array): string {
  const sectors = Math.ceil(bytes.length / 256);
  let next = 1;
  while (next < sectors) next *= 2;
  const unit = next >= 16 ? next / 16 : 1;
  const padded = new Uint8Array(256 * unit * Math.ceil(sectors / unit));
  padded.set(bytes);
  let level = Array.from({ length: padded.length / 256 }, (_, i) => keccak256(padded.subarray(256 * i, 256 * i + 256)));
  while (level.length > 1) {
    level = Array.from({ length: Math.ceil(level.length / 2) }, (_, i) =>
      2 * i + 1 < level.length ? keccak256(concat([level[2 * i]!, level[2 * i + 1]!])) : level[2 * i]!,
    );
  }
  return level[0]!;
}

describe("storage root", () => {
  it("[must show 6] equals what 0G's SDK computes, golden vectors included", async () => {
    expect(await storageRoot(pattern(256))).to.match(/^0xedf1c569.*4cdafee8c$/);
    expect(await storageRoot(pattern(1000))).to.match(/^0xf7ab1cc5.*9da4bf0f$/);
    expect(Object.keys(roots).length).to.equal(21);
    for (const [length, root] of Object.entries(roots))
      expect(await storageRoot(pattern(Number(length))), length).to.equal(root);
  });

  it("is the same for every number of sectors up to 140, and in whatever pieces the bytes come", async () => {
    for (let sectors = 1; sectors <= 140; sectors++) {
      const bytes = pattern(256 * sectors - (sectors % 3));
      expect(await storageRoot(bytes), `${sectors} sectors`).to.equal(plainRoot(bytes));
    }
    const bytes = pattern(70_001);
    for (const step of [1, 255, 256, 257, 4096]) {
      const hasher = await RootHasher.create();
      for (let at = 0; at < bytes.length; at += step) hasher.update(bytes.subarray(at, at + step));
      expect(hasher.digest()).to.equal(await storageRoot(bytes));
    }
  });

  it("has no root for nothing, and takes no more bytes once read", async () => {
    const nothing = await RootHasher.create();
    expect(() => nothing.digest())
      .to.throw()
      .with.property("code", "EMPTY_BLOB");
    const hasher = (await RootHasher.create()).update(pattern(3));
    hasher.digest();
    expect(() => hasher.update(pattern(3)))
      .to.throw()
      .with.property("code", "ROOT_DONE");
  });
});
