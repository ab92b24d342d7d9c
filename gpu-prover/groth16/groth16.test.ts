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
import { corruptions } from "../test/corruptions.ts";
import { onDevice, SEED, seeded } from "../test/device.ts";
import { prove } from "./prove.ts";
import { freeResident, makeResident } from "./resident.ts";
import { readWtns } from "./wtns.ts";
import { readZkey } from "./zkey.ts";

describe(`Groth16 on a device (seed ${SEED})`, () => {
  let curve: Curve;
  before(async () => {
    curve = await Curve.load();
  });
  after(async () => (await snarkjs.curves.getCurveFromName("bn128")).terminate());

  onDevice("update(128): two proofs of one key verify, and leave nothing on the device", async (device) => {
    const keys = await loadKeys("update", 128);
    const generator = await WebAssembly.compile(keys.wasm);
    const before = device.allocated;
    const resident = await makeResident(device, readZkey(keys.zkey));
    const held = device.allocated;
    for (let k = 0; k < 2; k++) {
      const witness = randomUpdate(128, SEED + k);
      const inputs = circuitInputs("update", 128, witness);
      const assignment = new Uint8Array(await calculateWitness(generator, inputs));
      const { proof, publicInputs } = await prove(device, curve, resident, assignment);
      expect(device.allocated).to.equal(held);
      expect(await verifyProof(curve, keys.verifyingKey, publicInputs, proof)).to.equal(true);
    }
    freeResident(device, resident);
    expect(device.allocated).to.equal(before);
  });

  onDevice(
    "[attack 125] 20 corruptions of results, memory, key and witness: no bad proof leaves, each meets a typed error",
    (device) => corruptions(device, curve, seeded(SEED), 20),
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
