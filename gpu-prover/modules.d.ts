/** Beside what circuits declares of it. */
declare module "snarkjs" {
  namespace groth16 {
    function verify(key: VerificationKey, publicSignals: readonly string[], proof: Groth16Proof): Promise<boolean>;
  }
}

/** Beside what the SDK declares of it. */
declare module "ffjavascript" {
  interface FfCurve {
    readonly Fr: { fft(values: Uint8Array): Promise<Uint8Array> };
  }
}
