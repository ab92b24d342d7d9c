import { expect } from "chai";
import { FR_MODULUS } from "@mednexus/sdk";
import { evaluate, type Program } from "../curve/program.ts";
import { fromMontgomery, pack, type PrimeField, toMontgomery } from "../field/prime.ts";
import { checkCoset, cpuSummer, put, read, space } from "../test/cpu.ts";
import { SEED, seeded, values } from "../test/device.ts";
import { shorts, Sums } from "../test/sums.ts";
import { ELEMENT } from "./field.ts";
import { FQ64, FR64 } from "./kernel.ts";
import { windowBits } from "./msm.ts";
import { GROUPS } from "./space.ts";

describe(`the CPU's kernels (seed ${SEED})`, function () {
  this.timeout(120_000);
  const next = seeded(SEED);

  describe("fields", () => {
    const { space: own, places } = space((layout) => ({
      in: layout.take(ELEMENT * 64),
      out: layout.take(ELEMENT * 64),
    }));
    const call = (name: string, ...given: number[]): void =>
      (own.kernel as unknown as Record<string, (...given: number[]) => void>)[name]!(...given);

    for (const field of [FQ64, FR64]) {
      const { name, modulus: p } = field;
      /** any representative below `most`·p */
      const lifted = (value: bigint, most: number): bigint => value + p * BigInt(next() % most);

      it(`${name}: products of representatives below 16 p, in place too`, () => {
        for (const a of values(next, p, 300)) {
          const b = values(next, p, 1)[0]!;
          own.write(places.in, field, lifted(a, 12));
          own.write(places.in + ELEMENT, field, lifted(b, 12));
          call(`${name}_mul`, places.out, places.in, places.in + ELEMENT);
          expect(own.read(places.out, field)).to.equal(fromMontgomery(field, a * b));
          call(`${name}_mul`, places.in, places.in, places.in + ELEMENT);
          expect(own.read(places.in, field)).to.equal(fromMontgomery(field, a * b));
        }
      });

      it(`${name}: the residue below p of anything that limbs hold below 160 p`, () => {
        const limbs = (): Uint32Array => own.words.slice(places.out / 4, places.out / 4 + 9);
        for (const a of values(next, p, 300)) {
          own.write(places.in, field, lifted(a, 160));
          call(`${name}_canonical`, places.out, places.in);
          const got = limbs();
          own.write(places.out, field, a);
          expect(got).to.deep.equal(limbs());
        }
      });

      it(`${name}: words in`, () => {
        const list = values(next, p, 50);
        own.words.set(pack(list), places.in / 4);
        own.write(places.out + 60 * ELEMENT, field, toMontgomery(field, field.radix % p)); // R², to Montgomery form
        call(`${name}_import`, places.in, 50, places.out + 60 * ELEMENT, places.out);
        expect(read(own, field, places.out, 50)).to.deep.equal(list);
      });
    }

    it("inverses, in both coordinate fields", () => {
      for (const { name, degree, affine } of Object.values(GROUPS)) {
        const list = values(next, FQ64.modulus, degree).map((value) => value || 5n);
        put(own, FQ64, places.in, list);
        call(`${name}_invert`, places.out, places.in, own.lane.scratch);
        const inverse = read(own, FQ64, places.out, degree);
        expect(evaluate(FQ64, affine.product, [...list, ...inverse])).to.deep.equal(degree === 1 ? [1n] : [1n, 0n]);
      }
    });

    it("every program of both groups equals the reference", () => {
      const check = (field: PrimeField, program: Program, groups: readonly number[]): void => {
        for (let round = 0; round < 20; round++) {
          const list = values(next, field.modulus, program.inputs);
          put(own, field, places.in, list);
          let at = places.in;
          const given = groups.map((count) => (at += ELEMENT * count) - ELEMENT * count);
          call(program.name, places.out, own.lane.scratch, ...given);
          const want = evaluate(field, program, list);
          expect(read(own, field, places.out, want.length), program.name).to.deep.equal(want);
          // over one of its own operands
          call(program.name, given.at(-1)!, own.lane.scratch, ...given);
          expect(read(own, field, given.at(-1)!, want.length), program.name).to.deep.equal(want);
        }
      };
      for (const { degree: d, add, addMixed, affine } of Object.values(GROUPS)) {
        check(FQ64, add, [3 * d, 3 * d]);
        check(FQ64, addMixed, [3 * d, 2 * d]);
        check(FQ64, affine.chordDenominator, [d, d]);
        check(FQ64, affine.chord, [2 * d, 2 * d, d]);
        check(FQ64, affine.tangentDenominator, [d]);
        check(FQ64, affine.tangent, [2 * d, d]);
        check(FQ64, affine.product, [d, d]);
        check(FQ64, affine.negate, [d]);
      }
    });
  });

  describe("sums", () => {
    const summer = cpuSummer(3_000);

    it("500 random small sums: repeated points, inverses and the identity among them", async () =>
      (await Sums.by(summer, next)).random(500));

    it("all zero, all one, all equal, all p − 1, powers of two and their neighbours, a single point", async () =>
      (await Sums.by(summer, next)).awkwardScalars());

    it("one point only, G − G + G − …, infinity only, infinity among others", async () =>
      (await Sums.by(summer, next)).awkwardPoints());

    it("3,000 points, most scalars one, some large, in windows of every width", async () => {
      const sums = await Sums.by(summer, next);
      const points = Array.from({ length: 3_000 }, () => sums.pool[next() % sums.pool.length]!);
      const scalars = points.map((_, k) => (k % 10 === 0 ? values(next, FR_MODULUS, 1)[0]! : BigInt(k % 2)));
      for (const bits of [4, 7, 8, 11, 13, 16]) await sums.check(points, scalars, bits);
    });

    it("20,000 points, more than a thread takes at a time", async () => {
      const sums = await Sums.by(cpuSummer(20_000), next);
      const points = Array.from({ length: 20_000 }, () => sums.pool[next() % sums.pool.length]!);
      await sums.check(points, values(next, FR_MODULUS, points.length), 11);
    });

    it("sixteen-bit signed values", async () => {
      const sums = await Sums.by(summer, next);
      await sums.checkShort(sums.pool, shorts(next, 400));
      await sums.checkShort(sums.pool, shorts(next, 400), 16);
    });

    it("wider windows for more points", () => {
      const bits = [16, 256, 4_096, 65_536, 1_048_576].map((count) => windowBits(count, 254));
      expect(bits).to.deep.equal(bits.toSorted((a, b) => a - b));
      expect(bits.at(-1)).to.be.greaterThan(bits[0]!);
    });
  });

  it("random and awkward transforms to the coset, of every size up to 2^9, whole and in pieces", () => {
    const p = FR64.modulus;
    for (let bits = 1; bits <= 9; bits++) {
      const size = 2 ** bits;
      const of = (value: (k: number) => bigint): bigint[] => Array.from({ length: size }, (_, k) => value(k) % p);
      checkCoset(
        bits,
        [
          of(() => 0n),
          of(() => 1n),
          of(() => p - 1n),
          of((k) => (k === 0 ? 1n : 0n)),
          of((k) => (k === size - 1 ? p - 1n : 0n)),
          ...[-1n, 0n, 1n].map((offset) => of((k) => (1n << BigInt(k % 254)) + offset + p)),
          of((k) => (k % 2 === 0 ? 1n : p - 1n)),
          ...Array.from({ length: 12 }, () => values(next, p, size)),
        ],
        values(next, p, size),
      );
    }
  });
});
