import {
  calculateWitness,
  type Circuit,
  circuitInputs,
  type Keys,
  loadKeys,
  publicInputsOf,
  SnarkjsBackend,
} from "@mednexus/circuits";
import type { Curve, Proved, ProverBackend, Witnesses } from "@mednexus/sdk";
import { DeviceError } from "./device/errors.ts";
import { ProverError } from "./groth16/errors.ts";
import { GpuProver, type ProverOptions } from "./prover.ts";

export type ProverChoice = "auto" | "gpu" | "cpu";

export interface BackendOptions {
  /** where keys come from; default the INSECURE development keys */
  loadKeys?(circuit: Circuit, n: number): Promise<Keys>;
  readonly log?: (line: string) => void;
  readonly device?: ProverOptions;
}

/** Groth16 on the GPU behind the SDK's interface: the witness is computed here, in this process, and goes to the device and nowhere else. */
export class GpuBackend implements ProverBackend {
  readonly #prover: GpuProver;
  readonly #load: (circuit: Circuit, n: number) => Promise<Keys>;
  readonly #keys = new Map<string, Promise<{ keys: Keys; generator: WebAssembly.Module }>>();

  constructor(prover: GpuProver, options: Pick<BackendOptions, "loadKeys"> = {}) {
    this.#prover = prover;
    this.#load = options.loadKeys ?? ((circuit, n) => loadKeys(circuit, n));
  }

  /** @throws CircuitError WITNESS_INVALID; ProverError; DeviceError */
  async prove<C extends Circuit>(circuit: C, n: number, witness: Witnesses[C]): Promise<Proved> {
    const inputs = circuitInputs(circuit, n, witness);
    const { keys, generator } = await this.#loaded(circuit, n);
    const assignment = new Uint8Array(await calculateWitness(generator, inputs));
    const proved = await this.#prover.prove(keys.zkey, assignment);
    const expected = publicInputsOf(circuit, witness);
    if (proved.publicInputs.length !== expected.length || proved.publicInputs.some((v, k) => v !== expected[k]))
      throw new ProverError("PROOF_REJECTED", `a proof of ${circuit}(${n}) is of another statement`);
    return proved;
  }

  close(): Promise<void> {
    return this.#prover.close();
  }

  #loaded(circuit: Circuit, n: number): Promise<{ keys: Keys; generator: WebAssembly.Module }> {
    const name = `${circuit}-${n}`;
    let loaded = this.#keys.get(name);
    if (loaded === undefined) {
      loaded = this.#load(circuit, n).then(async (keys) => ({ keys, generator: await WebAssembly.compile(keys.wasm) }));
      this.#keys.set(name, loaded);
      loaded.catch(() => this.#keys.delete(name));
    }
    return loaded;
  }
}

/**
 * The backend a service asked for. `gpu` is opened at once and fails where there is none; `cpu` is snarkjs; `auto` looks at its first proof, takes hardware
 * where Dawn finds it, else snarkjs, and says which and why. With `auto`, a device that is lost or runs out of memory later is named in the log, and that
 * proof and those after it are made by snarkjs.
 */
export async function openBackend(
  choice: ProverChoice,
  curve: Curve,
  options: BackendOptions = {},
): Promise<ProverBackend> {
  const log = options.log ?? (() => {});
  const load = options.loadKeys === undefined ? {} : { loadKeys: options.loadKeys };
  const cpu = (): ProverBackend => new SnarkjsBackend(curve, load);
  const gpu = async (): Promise<ProverBackend> => {
    const prover = await GpuProver.open({ ...options.device, log });
    await prover.warm();
    return new GpuBackend(prover, load);
  };
  if (choice === "cpu") return cpu();
  if (choice === "gpu") return gpu();
  return new FirstUse(() =>
    gpu().then(
      (backend) => new FallingBack(backend, cpu, log),
      (error: unknown) => {
        if (!(error instanceof DeviceError)) throw error;
        log(`proofs on the CPU by snarkjs: ${error.message}`);
        return cpu();
      },
    ),
  );
}

/** Opens its backend at the first proof: commands that never prove look for no device. */
class FirstUse implements ProverBackend {
  readonly #open: () => Promise<ProverBackend>;
  #backend: Promise<ProverBackend> | undefined;

  constructor(open: () => Promise<ProverBackend>) {
    this.#open = open;
  }

  async prove<C extends Circuit>(circuit: C, n: number, witness: Witnesses[C]): Promise<Proved> {
    this.#backend ??= this.#open();
    return (await this.#backend).prove(circuit, n, witness);
  }

  async close(): Promise<void> {
    await (await this.#backend)?.close();
  }
}

class FallingBack implements ProverBackend {
  #backend: ProverBackend;
  #fallback: (() => ProverBackend) | undefined;
  readonly #log: (line: string) => void;

  constructor(first: ProverBackend, fallback: () => ProverBackend, log: (line: string) => void) {
    this.#backend = first;
    this.#fallback = fallback;
    this.#log = log;
  }

  async prove<C extends Circuit>(circuit: C, n: number, witness: Witnesses[C]): Promise<Proved> {
    const backend = this.#backend;
    try {
      return await backend.prove(circuit, n, witness);
    } catch (error) {
      const broken = error instanceof DeviceError || (error instanceof ProverError && error.code === "PROOF_REJECTED");
      if (!broken || (this.#fallback === undefined && this.#backend === backend)) throw error;
      if (this.#fallback !== undefined) {
        this.#log(`from now on proofs on the CPU by snarkjs: ${(error as Error).message}`);
        this.#backend = this.#fallback();
        this.#fallback = undefined;
        await backend.close().catch(() => {});
      }
      return this.#backend.prove(circuit, n, witness);
    }
  }

  close(): Promise<void> {
    this.#fallback = undefined;
    return this.#backend.close();
  }
}
