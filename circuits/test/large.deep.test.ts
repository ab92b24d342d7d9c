import { Curve, type Proved } from "@mednexus/sdk";
import { expect } from "chai";
import { type Circuit, loadKeys, publishedKey, publishedRecord, SnarkjsBackend, verifyProof } from "../index.ts";
import { published } from "../manifest.ts";
import { inScratch } from "./lab.ts";
import { randomStatement } from "./statements.ts";

/** Every published size from nothing: compiled, set up and equal to what is committed, proved, verified. */
describe("published circuits", function () {
  this.timeout(3_600_000);
  const seed = 97;
  const proveRandom = <C extends Circuit>(backend: SnarkjsBackend, circuit: C, n: number): Promise<Proved> =>
    backend.prove(circuit, n, randomStatement[circuit](n, seed));

  for (const { circuit, n } of published) {
    it(`${circuit}(${n}) rebuilds to the committed key, proves and verifies (seed ${seed})`, () =>
      inScratch(async (cache) => {
        const curve = await Curve.load();
        const backend = new SnarkjsBackend(curve, { loadKeys: (c, size) => loadKeys(c, size, { cache }) });
        const started = performance.now();
        const { constraints, keyHash } = await backend.keys(circuit, n);
        const ready = performance.now();
        expect(constraints).equal(publishedRecord(circuit, n)!.constraints);
        expect(keyHash).equal(publishedKey(circuit, n).keyHash);
        const { proof, publicInputs } = await proveRandom(backend, circuit, n);
        const proved = performance.now();
        expect(await verifyProof(curve, publishedKey(circuit, n), publicInputs, proof)).equal(true);
        await backend.close();
        const seconds = (ms: number): string => (ms / 1000).toFixed(1);
        const memory = Math.round(process.resourceUsage().maxRSS / 1024);
        console.log(`      keys ${seconds(ready - started)} s, proof ${seconds(proved - ready)} s, peak ${memory} MB`);
      }));
  }
});
