import { readFileSync } from "node:fs";
import { devSrs, publishedKey, trapdoor } from "@mednexus/circuits";
import { expect } from "chai";
import { toBeHex } from "ethers";
import { seededRandom } from "../vectors/seeded.ts";
import { Simulator, syntheticKey } from "./simulate.ts";

describe("Proof simulators", () => {
  it("share one trapdoor: circuits', TypeScript's and ProofSimulator.sol's", async () => {
    const source = readFileSync(new URL("./ProofSimulator.sol", import.meta.url), "utf8");
    const constant = (name: string) =>
      source.match(new RegExp(`uint256 internal constant ${name} = (0x[0-9a-f]{64});`))?.[1];
    for (const name of ["tau", "alpha", "beta", "delta"] as const) {
      expect(constant(name.toUpperCase()), name).to.equal(toBeHex(trapdoor[name], 32));
    }
    const point = (name: string) =>
      source.match(new RegExp(`function ${name}\\(\\)[^;]*`))?.[0].match(/0x[0-9a-f]{64}/g);
    const { curve } = await Simulator.load(seededRandom(0n));
    const key = publishedKey("update", 128);
    for (const [name, { xIm, xRe, yIm, yRe }] of [
      ["tauG2", devSrs.tauG2],
      ["betaG2", key.beta],
      ["deltaG2", key.delta],
    ] as const) {
      expect(point(name), name).to.deep.equal([xIm, xRe, yIm, yRe].map((word) => toBeHex(word, 32)));
    }
    const synthetic = syntheticKey(curve, [1n]);
    for (const name of ["alpha", "beta", "gamma", "delta"] as const)
      expect(synthetic[name], name).to.deep.equal(key[name]);
  });
});
