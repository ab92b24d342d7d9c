import { SEED } from "../../gpu-prover/test/device.ts";
import { describeProofs } from "../fixtures/gpuProofs.ts";

// Not beside the prover: whatever runs in one process after a Hardhat network has Hardhat's matchers in its chai, and their closeTo takes no fractions.
describe(`proofs made on a device hold everywhere (seed ${SEED})`, () => {
  const update = { circuit: "update", n: 128 } as const;
  describeProofs([update, update, update]);
});
