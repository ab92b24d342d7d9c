import { type Curve, FR_MODULUS, type Proved, type VerifyingKey } from "@mednexus/sdk";
import type * as Library from "snarkjs";
import { Lane } from "./lane.ts";
import { CircuitError } from "./manifest.ts";
import { binaryFile, join, littleEndian, u32 } from "./setup/binary.ts";
import { fromSnarkjs } from "./setup/points.ts";
import { verifyProof } from "./verify.ts";

/** A proving key in snarkjs's format, and what its proofs are verified against. */
export interface SnarkjsKey {
  readonly zkey: Uint8Array;
  readonly verifyingKey: VerifyingKey;
}

/**
 * Groth16 on the CPU by snarkjs, in this process: the witness leaves it nowhere. Curve arithmetic runs on one worker thread a core; proofs run one after
 * another, and each is verified before it is returned.
 */
export class Snarkjs {
  readonly #curve: Curve;
  readonly #lane = new Lane();
  #closed = false;
  /** snarkjs keeps one set of worker threads a process: the last to close ends them. */
  static #open = 0;
  static #started = false;

  /** `curve` checks the proofs. */
  constructor(curve: Curve) {
    this.#curve = curve;
    Snarkjs.#open++;
  }

  /**
   * `wtns`: gives a witness in snarkjs's format; called when its turn has come, so that the witnesses of those that wait are not in memory.
   * @throws CircuitError PROOF_REJECTED if the proof made does not verify (a wrong witness, or a fault of the machine), BACKEND_CLOSED; errors of `wtns`
   */
  prove(key: SnarkjsKey, wtns: () => Promise<Uint8Array>): Promise<Proved> {
    return this.#lane.run(async () => {
      if (this.#closed) throw new CircuitError("BACKEND_CLOSED", "the prover was closed");
      Snarkjs.#started = true;
      const { groth16 } = await library();
      const made = await groth16.prove(file(key.zkey), file(await wtns()));
      const proved = { proof: fromSnarkjs(made.proof), publicInputs: made.publicSignals.map(BigInt) };
      if (!(await verifyProof(this.#curve, key.verifyingKey, proved.publicInputs, proved.proof)))
        throw new CircuitError(
          "PROOF_REJECTED",
          "the proof made fails its own verification: a wrong witness, or a fault of the machine",
          { retryable: true },
        );
      return proved;
    });
  }

  /** Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#lane.idle();
    if (--Snarkjs.#open > 0 || !Snarkjs.#started) return;
    Snarkjs.#started = false;
    const { curves } = await library();
    await (await curves.getCurveFromName("bn128")).terminate();
  }
}

/** Loaded by who proves with it: most that import this package do not. */
const library = (): Promise<typeof Library> => import("snarkjs");

function file(data: Uint8Array): Library.MemoryFile {
  return { type: "mem", data };
}

/** An assignment in snarkjs's wtns format, version 2. */
export function wtnsFile(assignment: Uint8Array): Uint8Array {
  const header = join([u32(32), littleEndian(FR_MODULUS), u32(assignment.length / 32)]);
  return binaryFile("wtns", 2, [
    [1, header],
    [2, assignment],
  ]);
}
