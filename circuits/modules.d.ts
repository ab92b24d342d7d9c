/** What this package uses of modules that ship no types. */
declare module "ffjavascript" {
  interface FfCurve {
    /** its WebAssembly module, and where that keeps the generators (Jacobian) */
    readonly tm: { readonly code: Uint8Array<ArrayBuffer>; readonly pG1gen: number; readonly pG2gen: number };
  }
}

declare module "snarkjs" {
  import type { FfCurve } from "ffjavascript";
  interface MemoryFile {
    readonly type: "mem";
    data?: Uint8Array;
  }
  interface Groth16Proof {
    readonly pi_a: readonly string[];
    readonly pi_b: readonly (readonly string[])[];
    readonly pi_c: readonly string[];
    readonly protocol?: "groth16";
    readonly curve?: "bn128";
  }
  namespace groth16 {
    function prove(zkey: MemoryFile, wtns: MemoryFile): Promise<{ proof: Groth16Proof; publicSignals: string[] }>;
  }
  interface VerificationKey {
    readonly vk_alpha_1: readonly string[];
    readonly vk_beta_2: readonly (readonly string[])[];
    readonly vk_gamma_2: readonly (readonly string[])[];
    readonly vk_delta_2: readonly (readonly string[])[];
    readonly IC: readonly (readonly string[])[];
  }
  /** a path, or bytes in memory */
  type File = string | MemoryFile;
  namespace zKey {
    /** -1 if the powers-of-tau file does not fit the circuit */
    function newZKey(r1cs: File, ptau: File, zkey: File): Promise<Uint8Array | -1>;
    function contribute(before: File, after: File, name: string, entropy: string): Promise<Uint8Array>;
    /** false for a malformed beacon */
    function beacon(
      before: File,
      after: File,
      name: string,
      beacon: string,
      iterationsExponent: number,
    ): Promise<Uint8Array | false>;
    function verifyFromR1cs(r1cs: File, ptau: File, zkey: File): Promise<boolean>;
    function exportVerificationKey(zkey: File): Promise<VerificationKey>;
  }
  namespace curves {
    function getCurveFromName(name: "bn128"): Promise<FfCurve>;
  }
}
