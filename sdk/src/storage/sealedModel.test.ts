import { expect } from "chai";
import { codeOf } from "../../../test/utils/codeOf.ts";
import { contentKey, FR_MODULUS, randomModelKey, readSealedModel, storeSealedModel } from "../index.ts";
import { StorageError } from "../errors.ts";
import { storageRoot } from "./root.ts";
import type { BlobStore } from "./store.ts";

describe("a sealed model's weights in a store", () => {
  const blobs = new Map<string, Uint8Array>();
  const store: BlobStore = {
    put: async (content) => {
      const root = await storageRoot(content);
      blobs.set(root, Uint8Array.from(content));
      return root;
    },
    open: async (root) => {
      const content = blobs.get(root);
      if (content === undefined) throw new StorageError("NOT_STORED", root);
      return {
        size: content.length,
        read: async (offset, length) => content.slice(offset, offset + length),
        close: async () => {},
      };
    },
  };
  const facts = {
    chainId: 31337,
    registry: `0x${"a1".repeat(20)}`,
    owner: `0x${"b2".repeat(20)}`,
    schema: `0x${"11".repeat(32)}`,
  };
  const vector = [5n, FR_MODULUS - 7n, 0n, 1n << 60n];

  it("come back under k and under nothing else; two sealings of the same weights share nothing", async () => {
    const key = randomModelKey();
    const [one, two] = [
      await storeSealedModel(store, key, vector, facts),
      await storeSealedModel(store, key, vector, facts),
    ];
    expect(one).to.not.equal(two);
    expect(await readSealedModel(store, one, contentKey(key))).to.deep.equal(vector);
    expect(await codeOf(readSealedModel(store, one, contentKey(randomModelKey())))).to.equal("WRONG_KEY");
  });

  it("[attack 133] a flipped byte anywhere in the ciphertext is refused", async () => {
    const key = randomModelKey();
    const before = new Set(blobs.keys());
    const dataHash = await storeSealedModel(store, key, vector, facts);
    const [root] = [...blobs.keys()].filter((each) => !before.has(each) && each !== dataHash);
    const ciphertext = blobs.get(root!)!;
    for (let at = 0; at < ciphertext.length; at++) {
      ciphertext[at]! ^= 1;
      expect(await codeOf(readSealedModel(store, dataHash, contentKey(key))), `byte ${at}`).to.be.oneOf([
        "BAD_CHUNK",
        "BAD_CONTENT",
      ]);
      ciphertext[at]! ^= 1;
    }
    expect(await readSealedModel(store, dataHash, contentKey(key))).to.deep.equal(vector);
  });
});
