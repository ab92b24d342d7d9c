import { expect } from "chai";
import { Curve } from "@mednexus/sdk";
import { groth16Keys } from "../circuits/setup/groth16.ts";
import { trapdoor } from "../circuits/setup/trapdoor.ts";
import { IN_FLIGHT, Pipeline } from "./pipeline.ts";
import { GpuProver } from "./prover.ts";
import { chain } from "./test/chain.ts";
import { onDevice } from "./test/device.ts";

/** Everything that can go on without what the test holds back has gone on. */
const settled = (): Promise<void> => new Promise((done) => setImmediate(() => setImmediate(done)));

describe("proofs one behind another", () => {
  it("the next is prepared while the device has one, the last is finished then too, and no more than two are in memory", async () => {
    const pipeline = new Pipeline();
    const log: string[] = [];
    const gates = new Map<string, () => void>();
    const step = (name: string, held: boolean) => async (): Promise<void> => {
      log.push(name);
      if (held) await new Promise<void>((open) => gates.set(name, open));
      log.push(`${name}.`);
    };
    const since = async (): Promise<string[]> => {
      await settled();
      return log.splice(0);
    };
    const proofs = [1, 2, 3, 4].map((k) =>
      pipeline.run({ prepare: step(`p${k}`, false), device: step(`d${k}`, true), finish: step(`f${k}`, true) }),
    );
    expect(IN_FLIGHT).to.equal(2);
    // 2 is prepared while the device has 1; 3 is not yet
    expect(await since()).to.have.members(["p1", "p1.", "d1", "p2", "p2."]);
    gates.get("d1")!();
    // the device has 2 at once: 1 is finished and 3 prepared beside it
    expect(await since()).to.have.members(["d1.", "f1", "d2", "p3", "p3."]);
    gates.get("d2")!();
    expect(await since()).to.have.members(["d2.", "f2", "d3", "p4", "p4."]);
    gates.get("d3")!();
    expect(await since()).to.have.members(["d3.", "f3", "d4"]);
    gates.get("d4")!();
    await settled();
    let idle = false;
    const over = pipeline.idle().then(() => (idle = true));
    await settled();
    expect(idle).to.equal(false);
    for (const k of [1, 2, 3, 4]) gates.get(`f${k}`)!();
    await Promise.all([...proofs, over]);
  });

  it("a proof that fails at any step leaves the next ones their place", async () => {
    const pipeline = new Pipeline();
    const done: string[] = [];
    const fail = (name: string) => async (): Promise<void> => {
      throw new Error(name);
    };
    const fine = async (): Promise<void> => {};
    const failing = [
      { prepare: fail("prepare"), device: fine, finish: fine },
      { prepare: fine, device: fail("device"), finish: fine },
      { prepare: fine, device: fine, finish: fail("finish") },
    ];
    for (let round = 0; round < 3; round++)
      await Promise.all(failing.map((steps) => pipeline.run(steps).catch(({ message }) => done.push(message))));
    expect(done.sort()).to.deep.equal(["device", "finish", "prepare"].flatMap((name) => [name, name, name]));
    await pipeline.run({ prepare: fine, device: fine, finish: fine });
    await pipeline.idle();
  });

  onDevice("the second witness is computed while the device proves the first, and both proofs hold", async (device) => {
    const { r1cs } = chain(1n);
    const { zkey } = await groth16Keys(r1cs, trapdoor);
    const prover = new GpuProver(device, await Curve.load());
    const order: string[] = [];
    const download = device.download;
    device.download = async (buffer, bytes) => {
      // the first result waits until the process has done all it can without it
      if (!order.includes("result")) {
        for (let turn = 0; turn < 100 && !order.includes("witness 3"); turn++) await settled();
        order.push("result");
      }
      return download.call(device, buffer, bytes);
    };
    try {
      const proofs = await Promise.all(
        [3n, 2n].map((x) =>
          prover.prove(zkey, async () => {
            order.push(`witness ${x}`);
            return chain(x).assignment;
          }),
        ),
      );
      expect(order).to.deep.equal(["witness 3", "witness 2", "result"]);
      expect(proofs.map(({ publicInputs }) => publicInputs)).to.deep.equal([[3n ** 64n], [2n ** 64n]]);
    } finally {
      device.download = download;
    }
  });
});
