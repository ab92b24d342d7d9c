import { expect } from "chai";
import { decodeShareMessage, encodePosted, postedDigest } from "./message.ts";

const text = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const digest = `0x${"ab".repeat(32)}`;
const good = {
  e: ["1", "2"],
  proof: ["1", "2", "3"],
  words: `0x${"00".repeat(64)}`,
  digests: [digest, digest, digest],
};

describe("share messages", () => {
  it("come back as they were sent, whatever the bytes are", () => {
    const posted = {
      e: { x: 1n, y: 2n },
      proof: { r: { x: 3n, y: 4n }, z: 2n ** 256n - 1n },
      bytes: new Uint8Array(97).fill(255),
      digests: [digest],
    };
    const back = decodeShareMessage(encodePosted(posted));
    expect(back).to.deep.equal(posted);
    expect(postedDigest(1, back)).to.equal(postedDigest(1, posted));
    expect(postedDigest(2, back)).to.not.equal(postedDigest(1, posted));
  });

  it("garbage is one clear error that quotes nothing", () => {
    const bad: [string, Uint8Array][] = [
      ["no JSON", new TextEncoder().encode("secret-looking text")],
      ["null", text(null)],
      ["missing field", text({ ...good, e: undefined })],
      ["three coordinates", text({ ...good, e: ["1", "2", "3"] })],
      ["a number", text({ ...good, e: [1, 2] })],
      ["negative", text({ ...good, e: ["-1", "2"] })],
      ["hex", text({ ...good, e: ["0x1", "2"] })],
      ["2^256", text({ ...good, proof: ["1", "2", (2n ** 256n).toString()] })],
      ["a million digits", text({ ...good, proof: ["1", "2", "9".repeat(1_000_000)] })],
      ["digest", text({ ...good, digests: ["0x12"] })],
      ["digests", text({ ...good, digests: { length: 3 } })],
      ["odd hex", text({ ...good, words: "0x123" })],
      ["no hex", text({ ...good, words: 7 })],
      ["not UTF-8", new Uint8Array([0xff, 0xfe, 0x00])],
    ];
    for (const [what, body] of bad) {
      let error: unknown;
      try {
        decodeShareMessage(body);
      } catch (cause) {
        error = cause;
      }
      expect((error as { code?: string } | undefined)?.code, what).to.equal("BAD_SHARE_MESSAGE");
      expect((error as Error).cause, what).to.equal(undefined);
    }
    expect(decodeShareMessage(text(good)).bytes.length).to.equal(64);
  });
});
