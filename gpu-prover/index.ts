export { Device, type OpenOptions } from "./device/device.ts";
export { DeviceError } from "./device/errors.ts";
export { ProverError } from "./groth16/errors.ts";
export { type Bases, GpuProver, type ProverOptions } from "./prover.ts";
export { type BackendOptions, GpuBackend, openBackend, type ProverChoice } from "./backend.ts";
