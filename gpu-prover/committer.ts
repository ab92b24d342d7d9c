import { type Curve, Fr, type G1, type PackedPoints } from "@mednexus/sdk";
import { CpuProver } from "./cpu/prover.ts";
import { Chosen, type ProverChoice } from "./choice.ts";
import { GpuProver, type ProverOptions } from "./prover.ts";

/** Sums safe integers over bases: KZG commitments when these are [L_j(τ)]_1. */
export interface Committer {
  /** Σ values[j]·bases[j]; as many values as bases. */
  commit(bases: PackedPoints, values: readonly number[]): Promise<G1>;
  close(): Promise<void>;
}

/** The committer asked for; `auto` looks for a device at its first use. @throws DeviceError with `gpu` where there is none */
export function openCommitter(
  choice: ProverChoice,
  curve: Curve,
  options: { readonly device?: ProverOptions; readonly log?: (line: string) => void } = {},
): Committer {
  const { log, device } = options;
  /** Bases are put in place for one sum. */
  const by = <B>(prover: {
    bases(affine: Uint8Array<ArrayBuffer>): B | Promise<B>;
    commit(bases: B, values: Int32Array<ArrayBuffer> | readonly bigint[]): Promise<G1>;
    free(bases: B): void;
    close(): Promise<void>;
  }): Committer => ({
    commit: async ({ bytes }, values) => {
      const bases = await prover.bases(new Uint8Array(bytes));
      const short = values.every((value) => Math.abs(value) <= 2 ** 16);
      return prover.commit(bases, short ? Int32Array.from(values) : inField(values)).finally(() => prover.free(bases));
    },
    close: () => prover.close(),
  });
  const inField = (values: readonly number[]): bigint[] => values.map((value) => Fr.from(BigInt(value)));
  const chosen = new Chosen<Committer>(
    choice,
    {
      gpu: async () => by(await GpuProver.open({ ...device, ...(log ? { log } : {}) })),
      cpu: async () => by(new CpuProver(curve)),
      last: async () => ({ commit: (bases, values) => curve.msm(bases, inField(values)), close: async () => {} }),
    },
    log,
  );
  return {
    commit: (bases, values) => chosen.use((committer) => committer.commit(bases, values)),
    close: () => chosen.close(),
  };
}
