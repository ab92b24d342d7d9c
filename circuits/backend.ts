import {
  type Curve,
  FR_MODULUS,
  type G1,
  type Proof,
  type Proved,
  type ProverBackend,
  type Witnesses,
} from "@mednexus/sdk";
import * as snarkjs from "snarkjs";
import { type Keys, loadKeys } from "./keys.ts";
import { type Circuit, CircuitError } from "./manifest.ts";
import { binaryFile, join, littleEndian, u32 } from "./setup/binary.ts";
import { circuitInputs, publicInputsOf } from "./statement.ts";
import { verifyProof } from "./verify.ts";
import { calculateWitness } from "./witness.ts";

/** Keys with their witness generator compiled. */
type Loaded = Keys & { readonly generator: WebAssembly.Module };

export interface SnarkjsOptions {
  /** where keys come from; default `loadKeys` (INSECURE development keys) */
  loadKeys?(circuit: Circuit, n: number): Promise<Keys>;
}

/**
 * Groth16 on the CPU by snarkjs, in this process: the witness leaves it nowhere. Keys stay in memory after the first
 * use of a size. Curve arithmetic runs on one worker thread a core; proofs run one after another.
 */
export class SnarkjsBackend implements ProverBackend {
  readonly #curve: Curve;
  readonly #load: (circuit: Circuit, n: number) => Promise<Keys>;
  readonly #keys = new Map<string, Promise<Loaded>>();
  #queue: Promise<unknown> = Promise.resolve();
  #closed = false;
  /** snarkjs keeps one set of worker threads a process: the last backend to close ends them. */
  static #open = 0;

  /** `curve` checks the proofs. */
  constructor(curve: Curve, options: SnarkjsOptions = {}) {
    this.#curve = curve;
    this.#load = options.loadKeys ?? loadKeys;
    SnarkjsBackend.#open++;
  }

  /**
   * @throws CircuitError WITNESS_INVALID if the values satisfy no proof, PROOF_REJECTED if the proof made does not
   * verify (a fault of the machine), BACKEND_CLOSED; errors of `loadKeys`
   */
  prove<C extends Circuit>(circuit: C, n: number, witness: Witnesses[C]): Promise<Proved> {
    const proved = this.#queue.then(() => this.#prove(circuit, n, witness));
    this.#queue = proved.catch(() => {});
    return proved;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#queue;
    this.#keys.clear();
    if (--SnarkjsBackend.#open === 0) await (await snarkjs.curves.getCurveFromName("bn128")).terminate();
  }

  async #prove<C extends Circuit>(circuit: C, n: number, witness: Witnesses[C]): Promise<Proved> {
    if (this.#closed) throw new CircuitError("BACKEND_CLOSED", "the prover was closed");
    const inputs = circuitInputs(circuit, n, witness);
    const keys = await this.keys(circuit, n);

    const assignment = await calculateWitness(keys.generator, inputs);
    const { proof, publicSignals } = await snarkjs.groth16.prove(file(keys.zkey), file(wtnsFile(assignment)));
    const proved = { proof: fromSnarkjs(proof), publicInputs: publicSignals.map(BigInt) };
    const expected = publicInputsOf(circuit, witness);
    const same =
      expected.length === proved.publicInputs.length && expected.every((v, k) => v === proved.publicInputs[k]);
    if (!same || !(await verifyProof(this.#curve, keys.verifyingKey, proved.publicInputs, proved.proof))) {
      throw new CircuitError("PROOF_REJECTED", `a proof of ${circuit}(${n}) failed its own verification`, {
        retryable: true,
      });
    }
    return proved;
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

function file(data: Uint8Array): snarkjs.MemoryFile {
  return { type: "mem", data };
}

/** An assignment in snarkjs's wtns format, version 2. */
function wtnsFile(assignment: Uint8Array): Uint8Array {
  const header = join([u32(32), littleEndian(FR_MODULUS), u32(assignment.length / 32)]);
  return binaryFile("wtns", 2, [
    [1, header],
    [2, assignment],
  ]);
}

/** snarkjs writes projective decimal strings, real part first. */
function fromSnarkjs({ pi_a, pi_b, pi_c }: snarkjs.Groth16Proof): Proof {
  const [[xRe, xIm], [yRe, yIm]] = pi_b as unknown as [[string, string], [string, string]];
  return {
    a: point(pi_a),
    b: { xIm: BigInt(xIm), xRe: BigInt(xRe), yIm: BigInt(yIm), yRe: BigInt(yRe) },
    c: point(pi_c),
  };
}

function point([x, y]: readonly string[]): G1 {
  return { x: BigInt(x!), y: BigInt(y!) };
}
