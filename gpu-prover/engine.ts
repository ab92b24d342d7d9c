import { verifyProof } from "@mednexus/circuits";
import type { Curve, Proof, Proved } from "@mednexus/sdk";
import * as snarkjs from "snarkjs";
import type { ProverChoice } from "./backend.ts";
import { DeviceError } from "./device/errors.ts";
import { ProverError } from "./groth16/errors.ts";
import { readWtns } from "./groth16/wtns.ts";
import { readZkey } from "./groth16/zkey.ts";
import { GpuProver, type ProverOptions } from "./prover.ts";

/** Proves snarkjs files: what commands and the service run. Every proof it gives was verified. */
export interface Engine {
  /** e.g. "gpu: NVIDIA H200" */
  readonly name: string;
  /** @throws ProverError, DeviceError */
  prove(zkey: Uint8Array, wtns: Uint8Array): Promise<Proved>;
  close(): Promise<void>;
}

/** snarkjs on the CPU, with the same checks of its input and of its proof. */
export function cpuEngine(curve: Curve): Engine {
  let queue: Promise<unknown> = Promise.resolve();
  const one = async (zkey: Uint8Array, wtns: Uint8Array): Promise<Proved> => {
    const key = readZkey(zkey);
    const { length } = readWtns(wtns);
    if (length !== 32 * key.wires)
      throw new ProverError("WITNESS_MISMATCH", `a witness of ${length / 32} wires for a key of ${key.wires}`);
    const made = await snarkjs.groth16.prove({ type: "mem", data: zkey }, { type: "mem", data: wtns });
    const publicInputs = made.publicSignals.map(BigInt);
    const proof = fromSnarkjs(made.proof);
    if (!(await verifyProof(curve, key.verifyingKey, publicInputs, proof)))
      throw new ProverError(
        "PROOF_REJECTED",
        "the proof made fails its own verification: the witness does not satisfy the circuit",
      );
    return { proof, publicInputs };
  };
  return {
    name: "cpu: snarkjs",
    prove: (zkey, wtns) => {
      const proved = queue.then(() => one(zkey, wtns));
      queue = proved.catch(() => {});
      return proved;
    },
    close: async () => {
      await queue;
      await (await snarkjs.curves.getCurveFromName("bn128")).terminate();
    },
  };
}

/** The engine asked for; `auto` says in the log what it took and why. @throws DeviceError with `gpu` where there is none */
export async function openEngine(
  choice: ProverChoice,
  curve: Curve,
  options: { readonly device?: ProverOptions; readonly log?: (line: string) => void } = {},
): Promise<Engine> {
  const log = options.log ?? (() => {});
  if (choice === "cpu") return cpuEngine(curve);
  try {
    const prover = await GpuProver.open({ ...options.device, log });
    await prover.warm();
    return {
      name: `gpu: ${prover.device.name}`,
      prove: (zkey, wtns) => prover.proveFiles(zkey, wtns),
      close: () => prover.close(),
    };
  } catch (error) {
    if (choice === "gpu" || !(error instanceof DeviceError)) throw error;
    log(`proofs on the CPU by snarkjs: ${error.message}`);
    return cpuEngine(curve);
  }
}

/** Decimal strings, real part first: snarkjs's proof.json. */
export function toSnarkjs({ a, b, c }: Proof): snarkjs.Groth16Proof {
  return {
    pi_a: [`${a.x}`, `${a.y}`, "1"],
    pi_b: [
      [`${b.xRe}`, `${b.xIm}`],
      [`${b.yRe}`, `${b.yIm}`],
      ["1", "0"],
    ],
    pi_c: [`${c.x}`, `${c.y}`, "1"],
    protocol: "groth16",
    curve: "bn128",
  };
}

export function fromSnarkjs({ pi_a, pi_b, pi_c }: snarkjs.Groth16Proof): Proof {
  const [[xRe, xIm], [yRe, yIm]] = pi_b as [[string, string], [string, string], unknown];
  return {
    a: { x: BigInt(pi_a[0]!), y: BigInt(pi_a[1]!) },
    b: { xRe: BigInt(xRe), xIm: BigInt(xIm), yRe: BigInt(yRe), yIm: BigInt(yIm) },
    c: { x: BigInt(pi_c[0]!), y: BigInt(pi_c[1]!) },
  };
}
