export { SnarkjsBackend, type SnarkjsOptions } from "./backend.ts";
export { areKeysCached, loadKeys, type Keys, type KeyStage, type LoadOptions } from "./keys.ts";
export { type Circuit, CircuitError, type CircuitEntry, manifest, published } from "./manifest.ts";
export { devSrs, publishedKey, publishedRecord } from "./published.ts";
export { compile, type Compiled, type CompileOptions } from "./setup/compile.ts";
export type { BuildRecord } from "./setup/record.ts";
export { trapdoor } from "./setup/trapdoor.ts";
export { circuitInputs, publicInputsOf } from "./statement.ts";
export { simulateProof, verifyProof } from "./verify.ts";
