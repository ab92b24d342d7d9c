/** Beside what circuits declares of it. */
declare module "snarkjs" {
  interface Groth16Proof {
    readonly protocol?: "groth16";
    readonly curve?: "bn128";
  }
  namespace groth16 {
    function verify(key: VerificationKey, publicSignals: readonly string[], proof: Groth16Proof): Promise<boolean>;
  }
}
