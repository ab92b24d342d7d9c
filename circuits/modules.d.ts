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
  }
  namespace groth16 {
    function prove(zkey: MemoryFile, wtns: MemoryFile): Promise<{ proof: Groth16Proof; publicSignals: string[] }>;
  }
  namespace wtns {
    function calculate(inputs: Record<string, bigint | readonly bigint[]>, wasm: MemoryFile, wtns: MemoryFile): Promise<void>;
  }
  namespace curves {
    function getCurveFromName(name: "bn128"): Promise<FfCurve>;
  }
}
