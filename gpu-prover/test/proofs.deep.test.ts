import { loadKeys, published } from "@mednexus/circuits";
import { Curve, type ProverBackend } from "@mednexus/sdk";
import { randomStatement } from "../../circuits/test/statements.ts";
import { openBackend } from "../backend.ts";
import { onDevice, SEED } from "./device.ts";
import { Judges } from "./judges.ts";

/** Every published circuit at every size: a random statement through the backend that hospitals and provers use, on the device and nowhere else. */
describe(`proofs made on a device hold everywhere (seed ${SEED})`, function () {
  this.timeout(3_600_000);
  let judges: Judges;
  let backend: ProverBackend | undefined;
  before(async () => {
    judges = await Judges.open();
  });
  after(async () => {
    await backend?.close();
    await judges.close();
  });

  for (const { circuit, n } of published) {
    onDevice(`${circuit}(${n}) verifies in snarkjs and in the contract`, async () => {
      backend ??= await openBackend("gpu", await Curve.load(), { device: { software: true, keys: 1 } });
      const witness = randomStatement[circuit](n, SEED);
      const { zkey } = await loadKeys(circuit, n);
      const started = performance.now();
      const proved = await backend.prove(circuit, n, witness);
      console.log(`      ${circuit}(${n}): key and proof ${((performance.now() - started) / 1000).toFixed(1)} s`);
      await judges.accept(circuit, n, witness, zkey, proved);
    });
  }
});
