/** Beside what circuits declares of it. */
declare module "snarkjs" {
  namespace groth16 {
    function verify(key: VerificationKey, publicSignals: readonly string[], proof: Groth16Proof): Promise<boolean>;
  }
}
