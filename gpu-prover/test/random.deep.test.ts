import { Curve, FR_MODULUS } from "@mednexus/sdk";
import { corruptions } from "./corruptions.ts";
import { cpuCorruptions, cpuSummer } from "./cpu.ts";
import { onDevice, SEED, seeded } from "./device.ts";
import { Sums } from "./sums.ts";
import { randomTransforms } from "./transforms.ts";

describe(`the CPU's kernels at length (seed ${SEED})`, function () {
  this.timeout(3_600_000);
  const next = seeded(SEED + 2);

  it("10,000 random small sums", async () => (await Sums.by(cpuSummer(400), next)).random(10_000));

  it("[attack 125] 500 corruptions: no bad proof leaves, each meets a typed error", async () =>
    cpuCorruptions(await Curve.load(), next, 500));
});

/** What `npm test` does a few hundred times, in earnest. */
describe(`kernels at length (seed ${SEED})`, function () {
  this.timeout(3_600_000);
  const next = seeded(SEED + 1);

  onDevice("10,000 random small sums", async (device) => (await Sums.over(device, next)).random(10_000));

  onDevice("10,000 random small transforms", (device) => randomTransforms(device, next, 10_000));

  onDevice("a full scalar in windows of sixteen bits", async (device) => {
    const sums = await Sums.over(device, next, 10);
    await sums.check([sums.pool[9]!], [FR_MODULUS - 1n], 16);
  });

  onDevice("[attack 125] 500 corruptions: no bad proof leaves, each meets a typed error", async (device) =>
    corruptions(device, await Curve.load(), next, 500),
  );
});
