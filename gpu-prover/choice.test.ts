import { expect } from "chai";
import { MedNexusError } from "@mednexus/sdk";
import { Chosen } from "./choice.ts";
import { DeviceError } from "./device/errors.ts";
import { ProverError } from "./groth16/errors.ts";

/** A prover that does as it is told: a name to give, or an error to throw. */
interface Fake {
  readonly name: string;
  prove(): Promise<string>;
  close(): Promise<void>;
}

describe("choice between the GPU, the CPU and snarkjs", () => {
  let log: string[];
  let closed: string[];
  let tasks: Record<string, () => string>;
  const fake = (name: string): Fake => ({
    name,
    prove: async () => tasks[name]!(),
    close: async () => void closed.push(name),
  });
  const fail = (error: Error) => (): never => {
    throw error;
  };
  const chosen = (choice: "auto" | "gpu" | "cpu", gpu: () => Fake = () => fake("gpu")): Chosen<Fake> =>
    new Chosen<Fake>(
      choice,
      { gpu: async () => gpu(), cpu: async () => fake("cpu"), last: async () => fake("snarkjs") },
      (line) => log.push(line),
    );
  const prove = (from: Chosen<Fake>): Promise<string> => from.use((prover) => prover.prove());
  const codeOf = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => "none",
      (error: unknown) => (error as MedNexusError).code,
    );

  beforeEach(() => {
    log = [];
    closed = [];
    tasks = { gpu: () => "by gpu", cpu: () => "by cpu", snarkjs: () => "by snarkjs" };
  });

  it("auto looks for a device at its first use and says why it took none; gpu fails there; cpu never looks", async () => {
    const none = fail(new DeviceError("NO_ADAPTER", "no GPU on this machine"));
    const auto = chosen("auto", none);
    expect(log).to.deep.equal([]);
    expect([await prove(auto), await prove(auto)]).to.deep.equal(["by cpu", "by cpu"]);
    expect(log).to.deep.equal(["own kernels on the CPU: no GPU on this machine"]);
    expect(await codeOf(prove(chosen("gpu", none)))).to.equal("NO_ADAPTER");
    expect(await prove(chosen("cpu", fail(new Error("looked"))))).to.equal("by cpu");
    await auto.close();
    expect(closed).to.deep.equal(["cpu"]);
    expect(await codeOf(prove(auto))).to.equal("BACKEND_CLOSED");
  });

  it("a lost device is named in the log and closed once; its proof and all after it are the CPU's", async () => {
    const auto = chosen("auto");
    expect(await prove(auto)).to.equal("by gpu");
    tasks.gpu = fail(new DeviceError("DEVICE_LOST", "the GPU device was lost: unplugged"));
    expect(await Promise.all([prove(auto), prove(auto)])).to.deep.equal(["by cpu", "by cpu"]);
    tasks.gpu = () => "by gpu";
    expect(await prove(auto)).to.equal("by cpu");
    expect(log.filter((line) => line.startsWith("own kernels on the CPU from now on"))).to.deep.equal([
      "own kernels on the CPU from now on: the GPU device was lost: unplugged",
    ]);
    await auto.close();
    expect(closed.sort()).to.deep.equal(["cpu", "gpu"]);
  });

  it("a proof too large for the device is the CPU's; the device keeps the others", async () => {
    const auto = chosen("auto");
    for (const code of ["OUT_OF_MEMORY", "LIMIT_EXCEEDED"]) {
      tasks.gpu = fail(new DeviceError(code, code));
      expect(await prove(auto)).to.equal("by cpu");
      expect(log.splice(0)).to.deep.equal([`own kernels on the CPU, this once: ${code}`]);
      tasks.gpu = () => "by gpu";
      expect(await prove(auto)).to.equal("by gpu");
    }
  });

  it("a rejected proof is the device's fault only if the CPU makes it: wrong witnesses do not take the device away", async () => {
    const rejected = new ProverError("PROOF_REJECTED", "rejected");
    const auto = chosen("auto");
    tasks = { gpu: fail(rejected), cpu: fail(rejected), snarkjs: fail(rejected) };
    expect(await codeOf(prove(auto))).to.equal("PROOF_REJECTED");
    tasks = { gpu: () => "by gpu", cpu: () => "by cpu", snarkjs: () => "by snarkjs" };
    expect(await prove(auto)).to.equal("by gpu");
    tasks.gpu = fail(rejected);
    expect(await prove(auto)).to.equal("by cpu");
    tasks.gpu = () => "by gpu";
    expect(await prove(auto)).to.equal("by cpu");
    expect(closed).to.deep.equal(["gpu"]);
  });

  it("the CPU stands on snarkjs: for a key too large this once, for threads that fail or proofs that are wrong from then on", async () => {
    const cpu = chosen("cpu");
    tasks.cpu = fail(new ProverError("KEY_TOO_LARGE", "5 GiB"));
    expect(await prove(cpu)).to.equal("by snarkjs");
    tasks.cpu = () => "by cpu";
    expect(await prove(cpu)).to.equal("by cpu");
    tasks.cpu = fail(new ProverError("THREAD_FAILED", "a proving thread failed"));
    expect(await prove(cpu)).to.equal("by snarkjs");
    tasks.cpu = () => "by cpu";
    expect(await prove(cpu)).to.equal("by snarkjs");
    expect(log).to.deep.equal([
      "snarkjs on the CPU, this once: 5 GiB",
      "snarkjs on the CPU, this once: a proving thread failed",
      "snarkjs on the CPU from now on: a proving thread failed",
    ]);
    expect(closed).to.deep.equal(["cpu"]);

    const auto = chosen("auto");
    tasks.gpu = fail(new ProverError("PROOF_REJECTED", "rejected"));
    tasks.cpu = fail(new ProverError("PROOF_REJECTED", "rejected"));
    expect(await prove(auto)).to.equal("by snarkjs");
    tasks.gpu = tasks.cpu = () => "not by snarkjs";
    expect(await prove(auto)).to.equal("by snarkjs");
  });

  it("other errors, and any of a device that was asked for by name, are the caller's", async () => {
    const malformed = fail(new ProverError("WITNESS_MALFORMED", "wtns file: cut short"));
    tasks.gpu = malformed;
    expect(await codeOf(prove(chosen("auto")))).to.equal("WITNESS_MALFORMED");
    tasks.gpu = fail(new DeviceError("DEVICE_LOST", "lost"));
    expect(await codeOf(prove(chosen("gpu")))).to.equal("DEVICE_LOST");
    expect(log).to.deep.equal([]);
  });
});
