import { expect } from "chai";
import { readBinFile } from "./binfile.ts";
import { MedNexusError } from "./errors.ts";

describe("iden3's binary files", () => {
  const u32 = (value: number): number[] => [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24];
  const section = (type: number, bytes: readonly number[], length = bytes.length, high = 0): number[] => [
    ...u32(type),
    ...u32(length),
    ...u32(high),
    ...bytes,
  ];
  const file = (...sections: readonly number[][]): Uint8Array =>
    Uint8Array.from([...new TextEncoder().encode("test"), ...u32(1), ...u32(sections.length), ...sections.flat()]);
  const read = (bytes: Uint8Array) => readBinFile(bytes, "test", 1, (why) => new MedNexusError("BAD", why));
  const refused = (work: () => unknown): string => {
    try {
      work();
    } catch (error) {
      expect(error).to.be.instanceOf(MedNexusError);
      return (error as Error).message;
    }
    return "read";
  };

  it("gives sections by type, in any order, wherever the file lies in its buffer", () => {
    const bytes = file(section(7, [1, 2, 3, 4, 5]), section(2, [...u32(0x80000001), ...Array(31).fill(0), 1]));
    const moved = new Uint8Array(bytes.length + 3);
    moved.set(bytes, 3);
    const sections = read(moved.subarray(3));
    expect(sections(2).u32()).to.equal(0x80000001);
    expect(sections(2).word()).to.equal(1n << 248n);
    expect(sections(2).left).to.equal(0);
    expect([...sections(7).take(2), ...sections(7).take(3)]).to.deep.equal([1, 2, 3, 4, 5]);
  });

  it("refuses every cut of a file, and lengths beyond its end, with the caller's error", () => {
    const bytes = file(section(1, u32(9)), section(2, [1, 2]));
    for (let length = 0; length < bytes.length; length++)
      expect(
        refused(() => read(bytes.subarray(0, length))),
        `${length} bytes`,
      ).to.match(/cut short|magic/);
    for (const [low, high] of [
      [3, 0],
      [0xffffffff, 0],
      [2, 1],
      [0xffffffff, 0xffffffff],
    ] as const)
      expect(refused(() => read(file(section(1, [1, 2], low, high))))).to.equal("cut short");
    const sections = read(bytes);
    expect(refused(() => sections(2).u32())).to.equal("cut short");
    expect(refused(() => sections(2).word())).to.equal("cut short");
    expect(refused(() => sections(2).take(3))).to.equal("cut short");
    expect([...sections(2).take(2)]).to.deep.equal([1, 2]);
  });

  it("refuses another magic or version, a section given twice, and a missing one", () => {
    const bytes = file(section(1, [1]));
    expect(refused(() => read(Uint8Array.from(bytes.with(0, 65))))).to.equal("wrong magic bytes");
    expect(refused(() => read(Uint8Array.from(bytes.with(4, 2))))).to.equal("version 2 is not supported");
    expect(refused(() => read(file(section(1, [1]), section(1, [1]))))).to.equal("section 1 is given twice");
    expect(refused(() => read(bytes)(2))).to.equal("section 2 is missing");
  });
});
