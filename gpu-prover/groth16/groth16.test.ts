import { expect } from "chai";
import { calculateWitness, circuitInputs, loadKeys, verifyProof } from "@mednexus/circuits";
import { Curve, MedNexusError } from "@mednexus/sdk";
import * as snarkjs from "snarkjs";
import { randomUpdate } from "../../circuits/test/statements.ts";
import { join, littleEndian } from "../../circuits/setup/binary.ts";
import { groth16Keys } from "../../circuits/setup/groth16.ts";
import { trapdoor } from "../../circuits/setup/trapdoor.ts";
import { FR } from "../field/prime.ts";
import { chain, wtns } from "../test/chain.ts";
import { onDevice, seeded } from "../test/device.ts";
import { prove } from "./prove.ts";
import { freeResident, makeResident } from "./resident.ts";
import { readWtns } from "./wtns.ts";
import { readZkey } from "./zkey.ts";

const SEED = Number(process.env.SEED ?? 20261120);
const CORRUPTIONS = Number(process.env.CORRUPTIONS ?? 20);

describe(`Groth16 on a device (seed ${SEED})`, () => {
  let curve: Curve;
  before(async () => {
    curve = await Curve.load();
  });
  after(async () => (await snarkjs.curves.getCurveFromName("bn128")).terminate());

  onDevice(
    "update(128): three proofs of one key verify here and in snarkjs, and leave nothing on the device",
    async (device) => {
      const keys = await loadKeys("update", 128);
      const generator = await WebAssembly.compile(keys.wasm);
      const before = device.allocated;
      const resident = await makeResident(device, readZkey(keys.zkey));
      const held = device.allocated;
      for (let k = 0; k < 3; k++) {
        const assignment = new Uint8Array(
          await calculateWitness(generator, circuitInputs("update", 128, randomUpdate(128, SEED + k))),
        );
        const { proof, publicInputs } = await prove(device, curve, resident, assignment);
        expect(device.allocated).to.equal(held);
        expect(await verifyProof(curve, keys.verifyingKey, publicInputs, proof)).to.equal(true);
        const theirs = await snarkjs.zKey.exportVerificationKey({ type: "mem", data: keys.zkey });
        const { a, b, c } = proof;
        const point = (x: bigint, y: bigint): string[] => [`${x}`, `${y}`, "1"];
        const accepted = await snarkjs.groth16.verify(theirs, publicInputs.map(String), {
          pi_a: point(a.x, a.y),
          pi_b: [
            [`${b.xRe}`, `${b.xIm}`],
            [`${b.yRe}`, `${b.yIm}`],
            ["1", "0"],
          ],
          pi_c: point(c.x, c.y),
        });
        expect(accepted).to.equal(true);
      }
      freeResident(device, resident);
      expect(device.allocated).to.equal(before);
    },
  );

  onDevice(
    `[attack 125] ${CORRUPTIONS} corruptions: bits flipped in results, key and witness; no bad proof leaves`,
    async (device) => {
      const next = seeded(SEED);
      const { r1cs, assignment } = chain(123456789n);
      const { zkey } = await groth16Keys(r1cs, trapdoor);
      const honest = await makeResident(device, readZkey(zkey));
      await prove(device, curve, honest, assignment);
      let refused = 0;
      for (let k = 0; k < CORRUPTIONS; k++) {
        const kind = ["result", "key", "witness", "truncated"][k % 4]!;
        const download = device.download;
        let failure: unknown;
        try {
          if (kind === "result") {
            const victim = next() % 3;
            let call = 0;
            device.download = async (buffer, bytes) => {
              const words = await download.call(device, buffer, bytes);
              // a bit of the coordinates that are read, in one of the five sums
              if (call++ === victim) words[next() % Math.min(words.length, 24)]! ^= 1 << (next() % 32);
              return words;
            };
            await prove(device, curve, honest, assignment);
          } else if (kind === "key") {
            const bent = zkey.slice();
            const key = readZkey(bent);
            // a point of A, B2 or H that takes part in this proof
            const part = [key.a, key.b2, key.h][next() % 3]!;
            const at = part.length - 64 + (next() % 30);
            part[at]! ^= 1 << (next() % 8);
            const resident = await makeResident(device, key);
            await prove(device, curve, resident, assignment).finally(() => freeResident(device, resident));
          } else {
            const bent = wtns(assignment);
            if (kind === "truncated") readWtns(bent.subarray(0, bent.length - 1 - (next() % 64)));
            bent[bent.length - 32 * (1 + (next() % 6)) + (next() % 31)]! ^= 1 << (next() % 8);
            await prove(device, curve, honest, readWtns(bent).slice());
          }
        } catch (error) {
          failure = error;
        } finally {
          device.download = download;
        }
        if (failure === undefined) throw new Error(`corruption ${k} (${kind}, seed ${SEED}) gave a proof`);
        expect(failure).to.be.instanceOf(MedNexusError);
        expect((failure as MedNexusError).code).to.be.oneOf(["PROOF_REJECTED", "WITNESS_MALFORMED", "KEY_MALFORMED"]);
        refused++;
      }
      expect(refused).to.equal(CORRUPTIONS);
      await prove(device, curve, honest, assignment); // the device itself is fine
      freeResident(device, honest);
    },
  );

  it("a malformed key or witness gets one typed error that names no value", async () => {
    const { r1cs, assignment } = chain(5n);
    const { zkey } = await groth16Keys(r1cs, trapdoor);
    const refuse = (code: string, work: () => unknown): void => {
      let error: unknown;
      try {
        work();
      } catch (caught) {
        error = caught;
      }
      expect(error).to.be.instanceOf(MedNexusError);
      expect((error as MedNexusError).code).to.equal(code);
    };
    for (const length of [0, 3, 11, 40, 200, zkey.length - 1])
      refuse("KEY_MALFORMED", () => readZkey(zkey.subarray(0, length)));
    const file = wtns(assignment);
    for (const length of [0, 5, 50, file.length - 1])
      refuse("WITNESS_MALFORMED", () => readWtns(file.subarray(0, length)));
    refuse("KEY_MALFORMED", () => readZkey(file));
    refuse("WITNESS_MALFORMED", () => readWtns(zkey));
    const large = wtns(new Uint8Array(join([littleEndian(1n), littleEndian(FR.modulus)])));
    refuse("WITNESS_MALFORMED", () => readWtns(large));
    refuse("WITNESS_MALFORMED", () => readWtns(wtns(new Uint8Array(join([littleEndian(2n)])))));
    readWtns(file);
    readZkey(zkey);
  });
});
