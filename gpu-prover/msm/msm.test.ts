import { expect } from "chai";
import { Curve, FR_MODULUS, G2_GENERATOR } from "@mednexus/sdk";
import { G2 as GROUP2 } from "../curve/formulas.ts";
import { FQ, pack, toMontgomery } from "../field/prime.ts";
import { onDevice, SEED, seeded, values } from "../test/device.ts";
import { shorts, Sums } from "../test/sums.ts";
import { joinWindows, plan, SortedDigits, windowSums } from "./msm.ts";

describe(`multi-scalar multiplication (seed ${SEED})`, () => {
  const next = seeded(SEED);
  let curve: Curve;
  before(async () => {
    curve = await Curve.load();
  });

  onDevice("500 random small sums: repeated points, inverses and the identity among them", async (device) =>
    (await Sums.over(device, next)).random(500),
  );

  onDevice(
    "all zero, all one, all equal, all p − 1, powers of two and their neighbours, a single point",
    async (device) => (await Sums.over(device, next)).awkwardScalars(),
  );

  onDevice("one point only, G − G + G − …, infinity only, infinity among others", async (device) =>
    (await Sums.over(device, next)).awkwardPoints(),
  );

  onDevice("a skewed vector of 3,000: most scalars one, some large", async (device) => {
    const sums = await Sums.over(device, next);
    const points = Array.from({ length: 3000 }, () => sums.pool[next() % sums.pool.length]!);
    await sums.check(
      points,
      points.map((_, k) => (k % 10 === 0 ? values(next, FR_MODULUS, 1)[0]! : BigInt(k % 2))),
    );
  });

  onDevice("sixteen-bit signed values take their short path", async (device) => {
    const sums = await Sums.over(device, next);
    expect(plan(400, 17).windows).to.be.below(5);
    await sums.checkShort(sums.pool, shorts(next, 400));
    await sums.checkShort(sums.pool, shorts(next, 400), 16); // the widest windows there are
  });

  onDevice("windows a few at a time and in G2, from digits sorted once", async (device) => {
    const scalars = values(next, FR_MODULUS, 40);
    const multiples = values(next, FR_MODULUS, 40).map((value, k) => (k === 7 ? 0n : value));
    const points = multiples.map((k) => (k === 0n ? undefined : curve.mulG2(G2_GENERATOR, k)));
    const bases = device.upload(
      pack(
        points.flatMap((p) =>
          (p === undefined ? [0n, 0n, 0n, 0n] : [p.xRe, p.xIm, p.yRe, p.yIm]).map((value) => toMontgomery(FQ, value)),
        ),
      ),
    );
    const input = device.upload(pack(scalars));
    const bits = 6;
    const windows = Math.ceil(255 / bits);
    const sums: bigint[][] = [];
    for (let first = 0; first < windows; first += 20) {
      const range = { count: 40, from: 0, words: 8 as const, first, windows: Math.min(20, windows - first) };
      const sorted = await SortedDigits.sort(device, { bits, windows }, range, input);
      sums.push(...(await windowSums(device, GROUP2, sorted, bases)));
      sorted.free(device);
    }
    device.free(bases, input);
    const exponent = scalars.reduce((sum, scalar, k) => (sum + scalar * multiples[k]!) % FR_MODULUS, 0n);
    const want = curve.mulG2(G2_GENERATOR, exponent);
    expect(joinWindows(GROUP2, bits, sums)).to.deep.equal([want.xRe, want.xIm, want.yRe, want.yIm]);
    expect(device.allocated).to.equal(0);
  });
});
