import { expect } from "chai";
import { Curve, Fr, insecureSrs } from "@mednexus/sdk";
import { GpuProver } from "./prover.ts";
import { onDevice } from "./test/device.ts";

describe("commitments on a device", () => {
  onDevice("sums of few terms never reach the device, others do, and all are the curve's own", async (device) => {
    const size = 512;
    const curve = await Curve.load();
    const bases = await curve.pack((await insecureSrs(curve, size)).lagrange);
    const prover = new GpuProver(device, curve);
    const resident = await prover.bases(new Uint8Array(bases.bytes));
    const submit = device.submit;
    let submits = 0;
    device.submit = (...given) => {
      submits++;
      return submit.apply(device, given);
    };
    try {
      for (const [terms, onDevice] of [
        [0, false],
        [1, false],
        [128, false],
        [129, true],
        [size, true],
      ] as const) {
        submits = 0;
        // the non-zero ones last, negatives among them
        const short = Int32Array.from({ length: size }, (_, k) => (k < size - terms ? 0 : (k % 2 ? -1 : 1) * (k + 1)));
        const full = Array.from(short, (value) => Fr.from(BigInt(value) * 2n ** 200n));
        const wanted = await curve.msm(bases, full);
        expect(await prover.commit(resident, full), `${terms} full terms`).to.deep.equal(wanted);
        const small = await curve.msm(
          bases,
          Array.from(short, (value) => Fr.from(BigInt(value))),
        );
        expect(await prover.commit(resident, short), `${terms} short terms`).to.deep.equal(small);
        expect(submits > 0, `${terms} terms on the device`).to.equal(onDevice);
      }
    } finally {
      device.submit = submit;
      prover.free(resident);
    }
  });
});
