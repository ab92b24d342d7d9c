import { expect } from "chai";
import { Domain, Fr } from "@mednexus/sdk";
import { FQ, FR, fromMontgomery, pack, toMontgomery, unpack } from "../field/prime.ts";
import { onDevice, result, SEED, seeded, values } from "../test/device.ts";
import { awkwardTransforms, randomTransforms } from "../test/transforms.ts";
import { convert } from "./convert/convert.ts";
import { convertCpu } from "./convert/convert.cpu.ts";
import { countDigits, scatterDigits } from "./digits/digits.ts";
import { digitsCpu } from "./digits/digits.cpu.ts";
import { forwardTransform, inverseTransform } from "./ntt/ntt.ts";
import { difCpu, ditCpu, reverseBits } from "./ntt/ntt.cpu.ts";
import { multiply, quotient } from "./pointwise/pointwise.ts";
import { powers } from "./powers/powers.ts";
import { powersCpu } from "./powers/powers.cpu.ts";
import { scan } from "./scan/scan.ts";
import { scanCpu } from "./scan/scan.cpu.ts";
import { SCALARS } from "./segments/monoid.ts";
import { rowsKernel, scratchSize, segmentedSum } from "./segments/segments.ts";
import { segmentsCpu } from "./segments/segments.cpu.ts";

describe(`kernels and their CPU twins (seed ${SEED})`, () => {
  const next = seeded(SEED);

  for (const field of [FR, FQ]) {
    onDevice(`convert in ${field.name}: 0, 1, p − 1 and powers of two among the values`, async (device) => {
      const input = values(next, field.modulus, 700);
      for (const factor of [1n, (field.radix * field.radix) % field.modulus, field.modulus - 1n]) {
        const [from, to] = [device.upload(pack(input)), device.buffer(32 * input.length)];
        const got = await result(device, [convert(field, input.length, factor, from, to)], to, [from]);
        expect(unpack(got)).to.deep.equal(convertCpu(field, factor, input));
      }
    });
  }

  onDevice("powers, in order and reversed", async (device) => {
    for (const reversed of [false, true]) {
      const out = device.buffer(32 * 2 ** 7);
      const got = await result(device, [powers(FR, 7, 12345n, 678n, reversed, out)], out);
      expect(unpack(got)).to.deep.equal(powersCpu(FR, 7, 12345n, 678n, reversed));
    }
  });

  onDevice("prefix sums over one block, and over blocks of blocks", async (device) => {
    for (const count of [1, 5, 1024, 1025, 70_000]) {
      const input = Array.from({ length: count }, () => next() % 5);
      const buffer = device.upload(Uint32Array.from(input));
      const { launches, scratch } = scan(device, buffer, count);
      expect([...(await result(device, launches, buffer, scratch))]).to.deep.equal(scanCpu(input));
    }
  });

  onDevice("transforms of every size up to 2^12: inverse, scaled, and back", async (device) => {
    for (let bits = 1; bits <= 12; bits++) {
      const size = 2 ** bits;
      const root = Domain.of(size).omega;
      const back = Fr.inverse(root);
      const input = values(next, FR.modulus, size);
      const tables = [device.buffer(16 * size), device.buffer(16 * size), device.buffer(32 * size)] as const;
      await device.submit([
        powers(FR, bits - 1, root, 1n, false, tables[0]),
        powers(FR, bits - 1, back, 1n, false, tables[1]),
        powers(FR, bits, 5n, 7n, true, tables[2]),
      ]);
      const data = device.upload(pack(input));
      await device.submit(inverseTransform(bits, data, tables[1], tables[2]));
      const scale = powersCpu(FR, bits, 5n, 7n, true).map((value) => fromMontgomery(FR, value));
      const want = difCpu(FR.modulus, input, back).map((value, k) => (value * scale[k]!) % FR.modulus);
      expect(unpack(await device.download(data))).to.deep.equal(want);
      const got = await result(device, forwardTransform(bits, data, tables[0]), data, tables);
      expect(unpack(got)).to.deep.equal(ditCpu(FR.modulus, want, root));
    }
  });

  onDevice("500 random small transforms", (device) => randomTransforms(device, next, 500));

  onDevice(
    "transforms of all zero, all one, all equal, all p − 1, one value, powers of two and their neighbours",
    (device) => awkwardTransforms(device, next),
  );

  it("the twins' transforms are the discrete Fourier transform", () => {
    const root = Domain.of(16).omega;
    const input = values(next, FR.modulus, 16);
    const direct = input.map((_, k) =>
      input.reduce((sum, value, j) => (sum + value * pow(root, (j * k) % 16)) % FR.modulus, 0n),
    );
    const reversed = difCpu(FR.modulus, input, root);
    expect(direct.map((_, k) => reversed[reverseBits(k, 4)])).to.deep.equal(direct);
    expect(
      ditCpu(
        FR.modulus,
        input.map((_, k) => input[reverseBits(k, 4)]!),
        root,
      ),
    ).to.deep.equal(direct);
  });

  onDevice("pointwise product and quotient", async (device) => {
    const [a, b, c] = [0, 1, 2].map(() => values(next, FR.modulus, 300)) as [bigint[], bigint[], bigint[]];
    const upload = (list: bigint[]): GPUBuffer => device.upload(pack(list.map((value) => toMontgomery(FR, value))));
    const [x, y, z] = [upload(a), upload(b), upload(c)];
    await device.submit([quotient(a.length, x, y, z)]);
    expect(unpack(await device.download(z))).to.deep.equal(
      a.map((v, k) => (v * b[k]! + FR.modulus - c[k]!) % FR.modulus),
    );
    const product = unpack(await result(device, [multiply(a.length, x, y, z)], z, [x, y]));
    expect(product.map((value) => fromMontgomery(FR, value))).to.deep.equal(a.map((v, k) => (v * b[k]!) % FR.modulus));
  });

  it("digits of the twin add up to the scalar", () => {
    for (const bits of [4, 7, 16]) {
      for (const scalar of values(next, FR.modulus, 50)) {
        const digits = digitsCpu(scalar, bits, Math.ceil(255 / bits));
        expect(digits.reduceRight((sum, digit) => sum * 2n ** BigInt(bits) + BigInt(digit), 0n)).to.equal(scalar);
        expect(digits.every((digit) => digit > -(2 ** (bits - 1)) && digit <= 2 ** (bits - 1))).to.equal(true);
      }
    }
  });

  onDevice("digits are counted and scattered into their buckets, long scalars and short ones", async (device) => {
    const long = values(next, FR.modulus, 90);
    const short = Int32Array.from([
      0,
      1,
      -1,
      32767,
      -32768,
      32768,
      ...Array.from({ length: 40 }, () => (next() % 65536) - 32768),
    ]);
    for (const [words, bits, first, windows] of [
      [8, 7, 0, 37],
      [8, 7, 3, 5],
      [1, 6, 0, 3],
    ] as const) {
      const scalars = words === 8 ? long : [...short].map(BigInt);
      const data = words === 8 ? pack(long) : new Uint32Array(short.buffer);
      const range = { count: scalars.length, from: 0, words, bits, first, windows };
      const half = 2 ** (bits - 1);
      const buckets = windows * half;
      const want = Array.from({ length: buckets }, () => [] as number[]);
      scalars.forEach((scalar, k) => {
        digitsCpu(scalar, bits, first + windows).forEach((digit, w) => {
          if (digit === 0 || w < first) return;
          want[(w - first) * half + Math.abs(digit) - 1]!.push(digit < 0 ? (k | 0x80000000) >>> 0 : k);
        });
      });
      const total = want.flat().length;
      const input = device.upload(data);
      const [positions, entries, keys] = [
        device.buffer(4 * (buckets + 1)),
        device.buffer(4 * scalars.length * windows),
        device.buffer(4 * scalars.length * windows),
      ];
      const { launches, scratch } = scan(device, positions, buckets + 1);
      await device.submit([
        countDigits(range, input, positions),
        ...launches,
        scatterDigits(range, input, positions, entries, keys),
      ]);
      const ends = await device.download(positions);
      const [e, k] = [await device.download(entries), await device.download(keys)];
      device.free(input, positions, entries, keys, ...scratch);
      expect(ends[buckets]).to.equal(total);
      let start = 0;
      want.forEach((list, bucket) => {
        const end = ends[bucket]!;
        expect(Array.from(e.slice(start, end)).sort()).to.deep.equal([...list].sort());
        expect(k.slice(start, end).every((key) => key === bucket)).to.equal(true);
        start = end;
      });
    }
  });

  onDevice("segmented sums: one row of everything, single entries, skew, gaps", async (device) => {
    const vector = values(next, FR.modulus, 64);
    for (const shape of ["one", "each", "skewed", "single"] as const) {
      const entries = shape === "single" ? 1 : 700;
      const rows = Array.from({ length: entries }, (_, k) =>
        shape === "one" ? 3 : shape === "each" ? k : next() % 2 === 0 ? 5 : next() % 900,
      ).sort((a, b) => a - b);
      const columns = rows.map(() => next() % 64);
      const coefficients = values(next, FR.modulus, entries);
      const size = 1000;
      for (const chunk of [4, 16]) {
        const keys = new Uint32Array(entries + scratchSize(entries, chunk));
        keys.set(rows);
        const held = [
          device.upload(Uint32Array.of(entries)),
          device.upload(keys),
          device.upload(Uint32Array.from(columns)),
          device.upload(pack(coefficients.map((value) => toMontgomery(FR, value)))),
          device.upload(pack(vector)),
        ] as const;
        const sums = device.buffer(32 * (size + scratchSize(entries, chunk)));
        const launches = segmentedSum(
          SCALARS,
          { kernel: rowsKernel, buffers: [held[2], held[3], held[4]], param: 0 },
          {
            counts: held[0],
            count: 0,
            most: entries,
            chunk,
            keys: held[1],
            sums,
            keyBase: 0,
            keyScratch: entries,
            out: 0,
            scratch: size,
          },
        );
        const got = unpack(await result(device, launches, sums, held)).slice(0, size);
        const want = segmentsCpu(
          rows,
          rows.map((_, k) => coefficients[k]! * vector[columns[k]!]!),
          (a: bigint | undefined, b) => ((a ?? 0n) + b) % FR.modulus,
        );
        expect(got).to.deep.equal(got.map((_, row) => want.get(row) ?? 0n));
      }
    }
  });
});

function pow(base: bigint, exponent: number): bigint {
  let out = 1n;
  for (let k = 0; k < exponent; k++) out = (out * base) % FR.modulus;
  return out;
}
