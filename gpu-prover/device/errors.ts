import { MedNexusError } from "@mednexus/sdk";

/**
 * What a device can refuse. Codes: NO_ADAPTER (no GPU, or none that Dawn accepts), NO_WEBGPU (the npm package has no binary for this platform),
 * OUT_OF_MEMORY, DEVICE_LOST, KERNEL_INVALID, LIMIT_EXCEEDED.
 */
export class DeviceError extends MedNexusError {}
