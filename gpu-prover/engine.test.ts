import { expect } from "chai";
import { verifyProof } from "@mednexus/circuits";
import { Curve } from "@mednexus/sdk";
import { groth16Keys } from "../circuits/setup/groth16.ts";
import { trapdoor } from "../circuits/setup/trapdoor.ts";
import { openEngine } from "./engine.ts";
import { chain, wtns } from "./test/chain.ts";
import { onDevice } from "./test/device.ts";

describe("engine", () => {
  onDevice(
    "a device lost in the middle of a proof is named, and the CPU makes that one and those after it",
    async () => {
      const curve = await Curve.load();
      const { zkey, verifyingKey } = await groth16Keys(chain(1n).r1cs, trapdoor);
      const log: string[] = [];
      let held: GPUDevice | undefined;
      const { requestDevice } = GPUAdapter.prototype;
      GPUAdapter.prototype.requestDevice = async function (this: GPUAdapter, descriptor) {
        return (held = await requestDevice.call(this, descriptor));
      };
      const engine = await openEngine("auto", curve, {
        device: { software: true },
        log: (line) => log.push(line),
      }).finally(() => (GPUAdapter.prototype.requestDevice = requestDevice));
      try {
        const prove = async (x: bigint): Promise<void> => {
          const { proof, publicInputs } = await engine.prove(zkey, wtns(chain(x).assignment));
          expect(publicInputs).to.deep.equal([x ** 64n]);
          expect(await verifyProof(curve, verifyingKey, publicInputs, proof)).to.equal(true);
        };
        await prove(3n);
        expect(engine.name).to.match(/^gpu: /);
        const proving = Promise.all([prove(2n), prove(5n)]);
        await new Promise((turn) => setImmediate(turn));
        held!.destroy();
        await proving;
        expect(engine.name).to.equal("cpu: own kernels");
        expect(log.filter((line) => line.startsWith("own kernels on the CPU from now on"))).to.deep.equal([
          "own kernels on the CPU from now on: the GPU device was lost: device was destroyed",
        ]);
      } finally {
        await engine.close();
      }
    },
  );
});
