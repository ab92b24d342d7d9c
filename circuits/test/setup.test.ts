import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { Curve, Domain, Fr, FQ_MODULUS, G1_GENERATOR, G2_GENERATOR, insecureSrs, keyHash } from "@mednexus/sdk";
import { expect } from "chai";
import * as snarkjs from "snarkjs";
import { CircuitError, compile, devSrs, trapdoor } from "../index.ts";
import { binaryFile, join, littleEndian, u32 } from "../setup/binary.ts";
import { fixedBase } from "../setup/fixedBase.ts";
import { groth16Keys } from "../setup/groth16.ts";
import { contribute, finish, start } from "../setup/production.ts";
import { readR1cs } from "../setup/r1cs.ts";
import { decodeVerifyingKey } from "../setup/record.ts";
import { inScratch } from "./lab.ts";
import { seeded } from "./statements.ts";

describe("set-up from the known trapdoor", () => {
  const seed = 7;
  /** small, and with a public output besides a public input */
  const ENTRY = { source: "src/lib/evaluate.circom", template: "Evaluate", publicInputs: ["r"], sizes: [] };

  after(async () => (await snarkjs.curves.getCurveFromName("bn128")).terminate());

  it("fixed-base products are the curve's own", async () => {
    const curve = await Curve.load();
    const next = seeded(seed);
    const scalars = [0n, 1n, 255n, 256n, Fr.modulus - 1n, next(Fr.modulus), next(Fr.modulus)];
    const base = await fixedBase();
    const points = await curve.unpack(base.g1(scalars));
    expect(points, `seed ${seed}`).deep.equal(scalars.map((s) => curve.mul(G1_GENERATOR, s)));
    const g2 = base.g2(scalars);
    scalars.forEach((s, k) =>
      expect(curve.unpackG2(g2.slice(128 * k, 128 * k + 128))).deep.equal(curve.mulG2(G2_GENERATOR, s)),
    );
  });

  it("with delta = 1 it makes what snarkjs's own set-up makes of a powers-of-tau file, byte for byte", async () => {
    const { r1cs } = await inScratch((scratch) => compile(ENTRY, 16, scratch));
    const ours = await groth16Keys(readR1cs(r1cs), { ...trapdoor, delta: 1n });
    const theirs: snarkjs.MemoryFile = { type: "mem" };
    const circuitHash = await snarkjs.zKey.newZKey(
      { type: "mem", data: r1cs },
      { type: "mem", data: await powersOfTau(7) },
      theirs,
    );
    expect(circuitHash).not.equal(-1);
    for (let section = 1; section <= 9; section++) {
      expect(
        Buffer.compare(sectionOf(ours.zkey, section), sectionOf(theirs.data!, section)),
        `section ${section}`,
      ).equal(0);
    }
  });

  it("the production ceremony runs to a key that verifies, and stops for an unknown file or too few contributors", () =>
    inScratch(async (scratch) => {
      const ptau = path.join(scratch, "test.ptau");
      const folder = path.join(scratch, "ceremony");
      const file = await powersOfTau(7);
      await writeFile(ptau, file);
      const pin = createHash("blake2b512").update(file).digest("hex");
      const beacon = "0b".repeat(32);

      await refused(start("evaluate", ENTRY, 16, ptau, folder), "PTAU_UNKNOWN");
      await start("evaluate", ENTRY, 16, ptau, folder, pin);
      await contribute(folder, "first");
      await refused(finish(folder, ptau, beacon, pin), "SETUP_FAILED");
      await contribute(folder, "second");
      const transcript = await finish(folder, ptau, beacon, pin);

      expect(transcript.contributions.map(({ name }) => name)).deep.equal(["first", "second"]);
      const key = decodeVerifyingKey(await readFile(path.join(folder, "vkey.json"), "utf8"));
      expect(transcript.verifyingKey!.keyHash).equal(keyHash("evaluate", 16, key));
      expect(key.gamma).deep.equal(G2_GENERATOR).not.deep.equal(key.delta);
      await refused(contribute(folder, "late"), "SETUP_FAILED");
    }));

  async function refused(promise: Promise<unknown>, code: string): Promise<void> {
    const error = await promise.then(
      () => expect.fail("accepted"),
      (e: unknown) => e,
    );
    expect(error).instanceOf(CircuitError).property("code", code);
  }

  it("the committed reference string is the sdk's development one", async () => {
    const srs = await insecureSrs(await Curve.load(), 16);
    expect(devSrs.tauG1).deep.equal(srs.powers[1]);
    expect(devSrs.tauG2).deep.equal(srs.tauG2);
  });

  /** A prepared powers-of-tau file for 2^power rows, of our trapdoor: the sections that snarkjs's set-up reads. */
  async function powersOfTau(power: number): Promise<Uint8Array> {
    const { tau, alpha, beta } = trapdoor;
    const base = await fixedBase();
    const powers = [1n];
    while (powers.length < 2 ** (power + 1) - 1) powers.push(Fr.mul(powers.at(-1)!, tau));
    /** Lagrange bases of domains 1, 2, 4, … one after another */
    const lagrange = (highest: number): bigint[] => [
      1n,
      ...Array.from({ length: highest }, (_, k) => Domain.of(2 ** (k + 1)).lagrangeAt(tau)).flat(),
    ];
    const times = (by: bigint, values: bigint[]): bigint[] => values.map((v) => Fr.mul(by, v));
    return binaryFile("ptau", 1, [
      [1, join([u32(32), littleEndian(FQ_MODULUS), u32(power), u32(power)])],
      [2, base.g1(powers)],
      [4, base.g1([alpha])],
      [5, base.g1([beta])],
      [6, base.g2([beta])],
      [12, base.g1(lagrange(power + 1))],
      [13, base.g2(lagrange(power))],
      [14, base.g1(times(alpha, lagrange(power)))],
      [15, base.g1(times(beta, lagrange(power)))],
    ]);
  }

  function sectionOf(file: Uint8Array, wanted: number): Uint8Array {
    const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
    for (let at = 12; at < file.length;) {
      const length = Number(view.getBigUint64(at + 4, true));
      if (view.getUint32(at, true) === wanted) return file.subarray(at + 12, at + 12 + length);
      at += 12 + length;
    }
    throw new Error(`no section ${wanted}`);
  }
});
