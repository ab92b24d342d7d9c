import { published } from "@mednexus/circuits";
import { SEED } from "../../gpu-prover/test/device.ts";
import { describeProofs } from "../fixtures/gpuProofs.ts";

describe(`proofs made on a device hold everywhere: every circuit at every size (seed ${SEED})`, function () {
  this.timeout(3_600_000);
  describeProofs(published);
});
