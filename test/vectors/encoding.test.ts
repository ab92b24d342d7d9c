import { readFileSync } from "node:fs";
import { assertValues, decodeWords, Fr, isG1 } from "@mednexus/sdk";
import { expect } from "chai";
import { getBytes } from "ethers";
import { buildVectors } from "./build.ts";

describe("encoding vectors", () => {
  const file = JSON.parse(readFileSync(new URL("./encoding.json", import.meta.url), "utf8"));

  it("the SDK reproduces the file bit for bit", async () => {
    expect(await buildVectors()).to.deep.equal(file);
  });

  it("the SDK refuses every rejected input", () => {
    for (const scalar of file.rejected.scalars) {
      expect(Fr.isCanonical(BigInt(scalar))).to.equal(false);
      expect(() => decodeWords(getBytes(scalar))).to.throw("not a canonical element");
    }
    for (const value of file.rejected.values)
      expect(() => assertValues([BigInt(value)])).to.throw("outside [-2^15, 2^15)");
    for (const { x, y, why } of file.rejected.points) expect(isG1({ x: BigInt(x), y: BigInt(y) }), why).to.equal(false);
  });
});
