import { Snarkjs } from "@mednexus/circuits";
import type { Curve, Proved } from "@mednexus/sdk";
import { CpuProver } from "./cpu/prover.ts";
import { Chosen, type ProverChoice } from "./choice.ts";
import { ProverError } from "./groth16/errors.ts";
import { readWtns } from "./groth16/wtns.ts";
import { readZkey } from "./groth16/zkey.ts";
import { IN_FLIGHT } from "./pipeline.ts";
import { GpuProver, type ProverOptions } from "./prover.ts";

/** Proves snarkjs files: what commands and the service run. Every proof it gives was verified. */
export interface Engine {
  /** e.g. "gpu: NVIDIA H200" */
  readonly name: string;
  /** proofs that it works on at once: more in flight only wait; default 1 */
  readonly inFlight?: number;
  /** @throws ProverError, CircuitError PROOF_REJECTED, DeviceError */
  prove(zkey: Uint8Array, wtns: Uint8Array): Promise<Proved>;
  close(): Promise<void>;
}

/** This package's own kernels on the CPU. */
export function cpuEngine(curve: Curve, prover = new CpuProver(curve)): Engine {
  return {
    name: "cpu: own kernels",
    prove: (zkey, wtns) => prover.proveFiles(zkey, wtns),
    close: () => prover.close(),
  };
}

/** snarkjs on the CPU, with the same checks of its input. */
export function snarkjsEngine(curve: Curve): Engine {
  const snarkjs = new Snarkjs(curve);
  return {
    name: "cpu: snarkjs",
    prove: async (zkey, wtns) => {
      const { wires, verifyingKey } = readZkey(zkey);
      const { length } = readWtns(wtns);
      if (length !== 32 * wires)
        throw new ProverError("WITNESS_MISMATCH", `a witness of ${length / 32} wires for a key of ${wires}`);
      return snarkjs.prove({ zkey, verifyingKey }, async () => wtns);
    },
    close: () => snarkjs.close(),
  };
}

/** The engine asked for, open. @throws DeviceError with `gpu` where there is none */
export async function openEngine(
  choice: ProverChoice,
  curve: Curve,
  options: { readonly device?: ProverOptions; readonly log?: (line: string) => void } = {},
): Promise<Engine> {
  const { log, device } = options;
  const chosen = new Chosen<Engine>(
    choice,
    {
      gpu: async () => {
        const prover = await GpuProver.ready({ ...device, ...(log ? { log } : {}) });
        return {
          name: `gpu: ${prover.device.name}`,
          inFlight: IN_FLIGHT + 1, // and the one that is finished
          prove: (zkey, wtns) => prover.proveFiles(zkey, wtns),
          close: () => prover.close(),
        };
      },
      cpu: async () => cpuEngine(curve),
      last: async () => snarkjsEngine(curve),
    },
    log,
  );
  let now = await chosen.now();
  return {
    get name() {
      return now.name;
    },
    get inFlight() {
      return now.inFlight ?? 1;
    },
    prove: (zkey, wtns) => chosen.use((engine) => (now = engine).prove(zkey, wtns)),
    close: () => chosen.close(),
  };
}
