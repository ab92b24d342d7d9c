import { expect } from "chai";
import { createRandom } from "../data/random.ts";
import { readSafetensors, TensorFileError, writeSafetensors } from "./safetensors.ts";

/** A file with this header text and data. */
function file(header: string, data: Uint8Array = new Uint8Array()): Uint8Array {
  const json = Buffer.from(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, data]);
}
const f64 = (...values: number[]): Uint8Array => new Uint8Array(Float64Array.from(values).buffer);
const one = (entry: object): string =>
  JSON.stringify({ a: { dtype: "F64", shape: [1], data_offsets: [0, 8], ...entry } });

describe("safetensors", () => {
  it("reads what it writes", () => {
    const tensors = {
      parameters: { shape: [3], data: Float64Array.of(1.5, -0, 1e-300) },
      X: { shape: [2, 2], data: Float64Array.of(1, 2, 3, 4) },
      empty: { shape: [0, 5], data: new Float64Array() },
    };
    expect(Object.fromEntries(readSafetensors(writeSafetensors(tensors)))).to.deep.equal(tensors);
  });

  it("reads F32, metadata, any order, unaligned data, and a view into a larger buffer", () => {
    const data = new Uint8Array(12);
    new DataView(data.buffer).setFloat32(0, 0.5, true);
    data.set(f64(7), 4);
    const header =
      '{"__metadata__":{"by":"me"},"b":{"dtype":"F64","shape":[1],"data_offsets":[4,12]},"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}';
    const bytes = file(header, data);
    const inside = new Uint8Array(bytes.length + 3);
    inside.set(bytes, 3);
    const tensors = readSafetensors(inside.subarray(3));
    expect(tensors.get("a")).to.deep.equal({ shape: [], data: Float64Array.of(0.5) });
    expect(tensors.get("b")).to.deep.equal({ shape: [1], data: Float64Array.of(7) });
  });

  const refused: [string, Uint8Array][] = [
    ["empty file", new Uint8Array()],
    ["seven bytes", new Uint8Array(7)],
    ["header longer than the file", Buffer.from([9, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d])],
    ["header length 2^64 - 1", Buffer.alloc(16, 0xff)],
    ["header that is not JSON", file("{")],
    ["header that is not UTF-8", Buffer.concat([Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]), Buffer.from([0xff])])],
    ["header that is an array", file("[]")],
    ["header that is null", file("null")],
    ["tensor that is null", file('{"a":null}')],
    ["integers", file(one({ dtype: "I64" }), f64(1))],
    ["a type from the prototype", file(one({ dtype: "toString" }), f64(1))],
    ["negative shape", file(one({ shape: [-1] }), f64(1))],
    ["fractional shape", file(one({ shape: [0.5] }), f64(1))],
    ["shape whose product overflows", file(one({ shape: [2 ** 52, 2 ** 52] }), f64(1))],
    ["shape of a million dimensions", file(one({ shape: Array(9).fill(1) }), f64(1))],
    ["shape larger than the data", file(one({ shape: [2] }), f64(1))],
    ["offsets beyond the end", file(one({ shape: [2], data_offsets: [0, 16] }), f64(1))],
    ["offsets reversed", file(one({ data_offsets: [8, 0] }), f64(1))],
    ["offsets with a hole", file(one({ data_offsets: [8, 16] }), f64(1, 1))],
    ["three offsets", file(one({ data_offsets: [0, 8, 8] }), f64(1))],
    [
      "overlapping tensors",
      file(
        `{"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},"b":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}`,
        f64(1),
      ),
    ],
    ["bytes after the last tensor", file(one({}), f64(1, 2))],
    ["NaN", file(one({}), f64(Number.NaN))],
    ["Infinity", file(one({}), f64(-Infinity))],
  ];
  for (const [name, bytes] of refused)
    it(`refuses ${name}`, () => {
      expect(() => readSafetensors(bytes)).to.throw(TensorFileError);
    });

  it("fuzz: 20,000 damaged files are read as finite tensors of their own size or refused (seed 11)", () => {
    const random = createRandom(11, "fuzz");
    const good = writeSafetensors({
      a: { shape: [2, 2], data: Float64Array.of(1, 2, 3, 4) },
      b: { shape: [1], data: Float64Array.of(5) },
    });
    let refusedCount = 0;
    for (let i = 0; i < 20_000; i++) {
      let bytes = Uint8Array.from(good);
      for (let edits = 1 + random.below(4); edits > 0; edits--) bytes[random.below(bytes.length)] = random.below(256);
      if (random.below(4) === 0) bytes = bytes.subarray(0, random.below(bytes.length + 1));
      try {
        for (const { shape, data } of readSafetensors(bytes).values()) {
          expect(data.length).to.equal(shape.reduce((product, length) => product * length, 1));
          expect(data.every(Number.isFinite)).to.equal(true);
        }
      } catch (error) {
        expect(error).to.be.instanceOf(TensorFileError);
        refusedCount++;
      }
    }
    expect(refusedCount).to.be.above(5_000);
  });
});
