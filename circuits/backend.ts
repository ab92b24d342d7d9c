import type { Curve, Proved, ProverBackend, Witnesses } from "@mednexus/sdk";
import { type Keys, loadKeys } from "./keys.ts";
import { type Circuit, CircuitError } from "./manifest.ts";
import { Snarkjs, wtnsFile } from "./snarkjs.ts";
import { circuitInputs, publicInputsOf } from "./statement.ts";
import { calculateWitness } from "./witness.ts";

/** Keys with their witness generator compiled. */
type Loaded = Keys & { readonly generator: WebAssembly.Module };

/** What makes proofs of assignments: snarkjs, or a device. Every proof it gives was verified against `keys`. */
export interface ProofMaker {
  /** `assignment` computes every wire, 32 bytes little-endian; called when its turn has come */
  prove(keys: Keys, assignment: () => Promise<Uint8Array<ArrayBuffer>>): Promise<Proved>;
  close(): Promise<void>;
}

export interface BackendOptions {
  /** where keys come from; default `loadKeys` (INSECURE development keys) */
  loadKeys?(circuit: Circuit, n: number): Promise<Keys>;
}

/**
 * The SDK's backend over a maker of proofs: the keys of each size are loaded once and stay in memory, the witness is computed in this process, and what was
 * proved is compared with what was asked.
 */
export class CircuitBackend implements ProverBackend {
  readonly #maker: ProofMaker;
  readonly #load: (circuit: Circuit, n: number) => Promise<Keys>;
  readonly #keys = new Map<string, Promise<Loaded>>();
  #closed = false;

  constructor(maker: ProofMaker, options: BackendOptions = {}) {
    this.#maker = maker;
    this.#load = options.loadKeys ?? loadKeys;
  }

  /**
   * @throws CircuitError WITNESS_INVALID if the values satisfy no proof, PROOF_REJECTED if the proof made does not
   * verify (a fault of the machine), BACKEND_CLOSED; errors of `loadKeys` and of the maker
   */
  async prove<C extends Circuit>(circuit: C, n: number, witness: Witnesses[C]): Promise<Proved> {
    if (this.#closed) throw new CircuitError("BACKEND_CLOSED", "the prover was closed");
    const inputs = circuitInputs(circuit, n, witness);
    const keys = await this.keys(circuit, n);
    const proved = await this.#maker.prove(keys, () => calculateWitness(keys.generator, inputs));
    const expected = publicInputsOf(circuit, witness);
    if (proved.publicInputs.length !== expected.length || proved.publicInputs.some((v, k) => v !== expected[k]))
      throw new CircuitError("PROOF_REJECTED", `a proof of ${circuit}(${n}) is of another statement`);
    return proved;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#maker.close();
    this.#keys.clear();
  }

  /** Loads (and keeps) the keys of a size, e.g. before a deadline. */
  keys(circuit: Circuit, n: number): Promise<Loaded> {
    const name = `${circuit}-${n}`;
    let keys = this.#keys.get(name);
    if (!keys) {
      keys = this.#load(circuit, n).then(async (loaded) => ({
        ...loaded,
        generator: await WebAssembly.compile(loaded.wasm),
      }));
      this.#keys.set(name, keys);
      keys.catch(() => this.#keys.delete(name));
    }
    return keys;
  }
}

/** Groth16 on the CPU by snarkjs. */
export class SnarkjsBackend extends CircuitBackend {
  /** `curve` checks the proofs. */
  constructor(curve: Curve, options?: BackendOptions) {
    const snarkjs = new Snarkjs(curve);
    super(
      {
        prove: (keys, assignment) => snarkjs.prove(keys, async () => wtnsFile(await assignment())),
        close: () => snarkjs.close(),
      },
      options,
    );
  }
}
