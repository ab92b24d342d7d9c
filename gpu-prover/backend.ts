import { type BackendOptions as CircuitOptions, CircuitBackend, SnarkjsBackend } from "@mednexus/circuits";
import type { Curve, ProverBackend } from "@mednexus/sdk";
import { Chosen, type ProverChoice } from "./choice.ts";
import { type CpuOptions, CpuProver } from "./cpu/prover.ts";
import { GpuProver, type ProverOptions } from "./prover.ts";

export interface BackendOptions extends CircuitOptions {
  readonly log?: (line: string) => void;
  readonly device?: ProverOptions;
  readonly cpu?: CpuOptions;
}

/** Groth16 on the GPU behind the SDK's interface: the witness is computed here, in this process, and goes to the device and nowhere else. */
export class GpuBackend extends CircuitBackend {
  /** Errors besides CircuitBackend's: ProverError, DeviceError. */
  constructor(prover: GpuProver, options?: CircuitOptions) {
    super({ prove: ({ zkey }, assignment) => prover.prove(zkey, assignment), close: () => prover.close() }, options);
  }
}

/** The same on the CPU, by this package's own kernels. */
export class CpuBackend extends CircuitBackend {
  /** Errors besides CircuitBackend's: ProverError. */
  constructor(prover: CpuProver, options?: CircuitOptions) {
    super({ prove: ({ zkey }, assignment) => prover.prove(zkey, assignment), close: () => prover.close() }, options);
  }
}

/** The backend a service asked for: `gpu` is opened at once and fails where there is none, `auto` looks for a device at its first proof. */
export async function openBackend(
  choice: ProverChoice,
  curve: Curve,
  options: BackendOptions = {},
): Promise<ProverBackend> {
  const { log, device } = options;
  const chosen = new Chosen<ProverBackend>(
    choice,
    {
      gpu: async () => new GpuBackend(await GpuProver.ready({ ...device, ...(log ? { log } : {}) }), options),
      cpu: async () => new CpuBackend(new CpuProver(curve, options.cpu), options),
      last: async () => new SnarkjsBackend(curve, options),
    },
    log,
  );
  if (choice === "gpu") await chosen.now();
  return {
    prove: (circuit, n, witness) => chosen.use((backend) => backend.prove(circuit, n, witness)),
    close: () => chosen.close(),
  };
}
