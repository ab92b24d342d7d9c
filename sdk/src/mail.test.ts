import { expect } from "chai";
import { Curve, generateKeyPair, type KeyPair, sealMail, openMail, mailBytes, wordBytes } from "./index.ts";
import { codeOf } from "../../test/utils/codeOf.ts";
import { seededRandom, testSeed } from "../../test/vectors/seeded.ts";

describe("sealed mail", () => {
  const seed = testSeed();
  const random = seededRandom(seed);
  const from = `0x${"ab".repeat(20)}`;
  const route = { topic: "round/1/share/2", from };
  let curve: Curve;
  let sender: KeyPair, node: KeyPair, other: KeyPair;

  before(async () => {
    console.log(`      seed ${seed}`);
    curve = await Curve.load();
    [sender, node, other] = [
      generateKeyPair(curve, random),
      generateKeyPair(curve, random),
      generateKeyPair(curve, random),
    ];
  });

  const seal = (body: Uint8Array, to = node, where = route): Promise<Uint8Array> =>
    sealMail(curve, sender, to.publicKey, where, body);
  const refused = async (mail: Uint8Array, keys = node, where = route): Promise<void> => {
    const error = await openMail(curve, keys, where, mail).then(
      () => undefined,
      (cause: unknown) => cause as { code: string; cause?: unknown },
    );
    expect(error?.code).to.equal("BAD_MAIL");
    expect(error?.cause).to.equal(undefined);
  };

  it("opens to the same bytes, from none to many, and shows a size class only", async () => {
    const sizes = [0, 1, 4_091, 4_092, 4_093, 10_000, 300_000];
    for (const size of sizes) {
      const body = random(size);
      const mail = await seal(body);
      expect(mail.length).to.equal(mailBytes(size));
      expect(Math.log2(mail.length - 64 - 16) % 1).to.equal(0);
      expect(Buffer.from(await openMail(curve, node, route, mail)).equals(body), `${size} bytes`).to.equal(true);
    }
    expect(mailBytes(1)).to.equal(mailBytes(4_092)).and.below(mailBytes(4_093));
  });

  it("sealed again, the same message is the same bytes, any other has another key", async () => {
    const body = random(100);
    const mail = await seal(body);
    expect(await seal(body)).to.deep.equal(mail);
    const others = [
      await seal(random(100)),
      await seal(body, other),
      await seal(body, node, { ...route, topic: "round/2/share/2" }),
      await seal(body, node, { ...route, from: `0x${"cd".repeat(20)}` }),
    ];
    const heads = [mail, ...others].map((one) => Buffer.from(one.subarray(0, 64)).toString("hex"));
    expect(new Set(heads).size).to.equal(heads.length);
  });

  it("tampered, cut, lengthened: refused, whichever byte", async () => {
    const mail = await seal(random(50));
    const places = [0, 31, 32, 63, 64, 67, 68, 117, 118, 4_000, mail.length - 17, mail.length - 16, mail.length - 1];
    for (const at of places) await refused(mail.map((byte, i) => (i === at ? byte ^ 1 : byte)));
    for (const length of [0, 63, 64, 80, mail.length - 1]) await refused(mail.slice(0, length));
    await refused(Buffer.concat([mail, new Uint8Array(1)]));
  });

  it("replayed under another topic, passed on as another sender's, delivered to another node: refused", async () => {
    const mail = await seal(random(50));
    await refused(mail, node, { ...route, topic: "round/1/share/3" });
    await refused(mail, node, { ...route, from: `0x${"cd".repeat(20)}` });
    await refused(mail, other);
    // Its own key under another's public one: a node that mixes up its keys reads nothing.
    await refused(mail, { secret: node.secret, publicKey: other.publicKey });
  });

  it("an ephemeral key at infinity, off the curve or not canonical: refused; nothing is sealed to such a key", async () => {
    const mail = await seal(random(50));
    const headed = (x: bigint, y: bigint): Uint8Array => Buffer.concat([wordBytes(x), wordBytes(y), mail.slice(64)]);
    const q = 21888242871839275222246405745257275088696311157297823662689037894645226208583n;
    for (const [x, y] of [
      [0n, 0n],
      [1n, 1n],
      [1n + q, 2n],
    ] as const) {
      await refused(headed(x, y));
      const receiver = { x, y };
      expect(await codeOf(sealMail(curve, sender, receiver, route, random(1)))).to.be.oneOf([
        "POINT_AT_INFINITY",
        "NOT_ON_CURVE",
      ]);
    }
  });
});
