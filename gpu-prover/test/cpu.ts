/** The CPU's kernels in the tests' own thread. */
import { expect } from "chai";
import { type Curve, Fr, type Proved, rootOfUnity } from "@mednexus/sdk";
import { ELEMENT } from "../cpu/field.ts";
import { joinWindows } from "../cpu/join.ts";
import { FQ64, FR64, kernelCode, sizesOf } from "../cpu/kernel.ts";
import { Pool } from "../cpu/pool.ts";
import { makeResident, type ResidentKey } from "../cpu/resident.ts";
import { sumsOf } from "../cpu/sums.ts";
import { bias, mostWindows, SCALAR_WORDS, windowsOf, windowSums } from "../cpu/msm.ts";
import { GROUPS, Layout, Space } from "../cpu/space.ts";
import { type Domain, perform } from "../cpu/tasks.ts";
import { type PrimeField, fromMontgomery, pack, toMontgomery } from "../field/prime.ts";
import { finish, type Sums } from "../groth16/prove.ts";
import { readWtns } from "../groth16/wtns.ts";
import { readZkey } from "../groth16/zkey.ts";
import { difCpu, ditCpu } from "../stages/ntt/ntt.cpu.ts";
import { corrupt } from "./corruptions.ts";
import type { Summer } from "./sums.ts";

let module: WebAssembly.Module | undefined;

/** One thread's space with what `place` takes of the layout. */
export function space<T>(place: (layout: Layout) => T): { space: Space; places: T } {
  module ??= new WebAssembly.Module(kernelCode());
  const layout = new Layout();
  const lane = layout.lane();
  const places = place(layout);
  const pages = layout.pages!;
  return {
    space: new Space(module, new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }), lane),
    places,
  };
}

/** Elements in Montgomery form, as many as there are values. */
export function put(to: Space, field: PrimeField, address: number, values: readonly bigint[]): void {
  values.forEach((value, k) => to.write(address + ELEMENT * k, field, toMontgomery(field, value)));
}

export const read = (from: Space, field: PrimeField, address: number, count: number): bigint[] =>
  Array.from({ length: count }, (_, k) => fromMontgomery(field, from.read(address + ELEMENT * k, field)));

/** Sums of up to `most` points by one thread, a few windows at a time. */
export function cpuSummer(most: number): Summer {
  const { affine, projective } = sizesOf(GROUPS.g2);
  const { space: own, places } = space((layout) => ({
    points: layout.take(affine * most),
    present: layout.take(most),
    words: layout.take(32 * most),
    scalars: layout.take(4 * SCALAR_WORDS * most),
    sums: layout.take(64 * projective),
  }));
  return {
    async sum({ name, degree }, flat, given, bits) {
      const short = given instanceof Int32Array;
      const [width, scalarBits] = short ? ([1, 17] as const) : ([8, 254] as const);
      const count = given.length;
      put(own, FQ64, places.points, flat);
      for (let k = 0; k < count; k++)
        own.bytes[places.present + k] = flat.slice(2 * degree * k, 2 * degree * (k + 1)).some((c) => c !== 0n) ? 1 : 0;
      own.words.set(short ? new Uint32Array(given.buffer) : pack(given), places.words / 4);
      const windows = windowsOf(bits, scalarBits);
      bias(own, places.words, width, places.scalars, count, bits, windows);
      const each = Math.min(mostWindows(bits), 7);
      for (let first = 0; first < windows; first += each)
        windowSums(own, {
          group: name,
          bases: places.points,
          present: places.present,
          scalars: places.scalars,
          count,
          bits,
          first,
          windows: Math.min(each, windows - first),
          sums: places.sums + sizesOf(GROUPS[name]).projective * first,
        });
      return joinWindows(own, name, bits, windows, places.sums);
    },
    end: () => {},
  };
}

/** Vectors of 2^bits values: down, times `scale`, and up again, as a proof does it, in pieces of every size; against the twins. */
export function checkCoset(bits: number, vectors: readonly (readonly bigint[])[], scale: readonly bigint[]): void {
  const size = 2 ** bits;
  const { space: own, places } = space((layout) => {
    const elements = (count: number): number => layout.take(ELEMENT * count);
    return { values: elements(size), roots: elements(size), inverseRoots: elements(size), coset: elements(size) };
  });
  const root = rootOfUnity(bits);
  const powers = (base: bigint): bigint[] => {
    const list = [1n];
    while (list.length < size) list.push(Fr.mul(list.at(-1)!, base));
    return list;
  };
  put(own, FR64, places.roots, powers(root).slice(0, size / 2 + 1));
  put(own, FR64, places.inverseRoots, powers(Fr.inverse(root)).slice(0, size / 2 + 1));
  put(own, FR64, places.coset, scale);
  const domain = { ...places, power: bits } as unknown as Domain;
  vectors.forEach((vector, k) => {
    const layers = k % (bits + 1);
    put(own, FR64, places.values, vector);
    const upper = (kind: "dif" | "dit", layer: number): void => {
      const half = 2 ** (bits - 1 - layer);
      for (let block = 0; block < 2 ** layer; block++)
        for (const [from, to] of [
          [0, half >> 1],
          [half >> 1, half],
        ] as const)
          perform(own, domain, { kind, values: places.values, layer, block, from, to });
    };
    for (let layer = 0; layer < layers; layer++) upper("dif", layer);
    for (let block = 0; block < 2 ** layers; block++)
      perform(own, domain, { kind: "coset", values: places.values, layer: layers, block });
    for (let layer = layers - 1; layer >= 0; layer--) upper("dit", layer);
    const down = difCpu(FR64.modulus, vector, Fr.inverse(root)).map((value, j) => Fr.mul(value, scale[j]!));
    expect(read(own, FR64, places.values, size), `vector ${k} of 2^${bits}`).to.deep.equal(
      ditCpu(FR64.modulus, down, root),
    );
  });
}

/** [attack 125] A pool of two threads on which bits flip: in its memory between any two steps, and in the sums that it gives. */
export async function cpuCorruptions(curve: Curve, next: () => number, count: number): Promise<void> {
  const pool = new Pool(2);
  const run = pool.run.bind(pool);
  let [calls, honest] = [0, 0];
  let strike: ((resident: ResidentKey) => void) | undefined;
  let bend = (sums: Sums): Sums => sums;
  const make = async (key: Uint8Array, witness: Uint8Array): Promise<Proved> => {
    const assignment = readWtns(witness);
    const resident = makeResident(pool, readZkey(key));
    calls = 0;
    pool.run = async (...given) => {
      await run(...given);
      if (calls++ === victim) strike?.(resident);
    };
    const sums = await sumsOf(pool, resident, assignment).finally(() => pool.detach(resident.id));
    honest ||= calls;
    return finish(curve, resident.key, bend(sums));
  };
  let victim = 0;
  await corrupt(
    {
      make,
      bendResult: async (work) => {
        bend = (sums) => {
          const name = (["a", "b1", "b2", "c", "h"] as const)[next() % 5]!;
          const point = sums[name]!.slice();
          point[next() % point.length]! ^= 1n << BigInt(next() % 254);
          return { ...sums, [name]: point };
        };
        return work().finally(() => (bend = (sums) => sums));
      },
      bendMemory: async (work) => {
        victim = next() % honest;
        strike = ({ domain, sums, a, space: { bytes } }) => {
          const places = [domain.wires, domain.values[next() % 3]!, domain.quotient, sums[next() % 5]!, a.points];
          bytes[places[next() % places.length]! + (next() % 300)]! ^= 1 << (next() % 8);
        };
        return work().finally(() => (strike = undefined));
      },
    },
    next,
    count,
  );
  await pool.close();
}
