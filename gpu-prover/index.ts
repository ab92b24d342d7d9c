export { type BackendOptions, GpuBackend, openBackend, type ProverChoice } from "./backend.ts";
export { Device, type OpenOptions } from "./device/device.ts";
export { DeviceError } from "./device/errors.ts";
export { cpuEngine, type Engine, fromSnarkjs, openEngine, toSnarkjs } from "./engine.ts";
export { ProverError } from "./groth16/errors.ts";
export { type Bases, GpuProver, type ProverOptions } from "./prover.ts";
export { type ClientOptions, ServiceEngine } from "./service/client.ts";
export { type Job, type JobState, ServiceError } from "./service/jobs.ts";
export { ProvingService, type ServiceOptions } from "./service/server.ts";
