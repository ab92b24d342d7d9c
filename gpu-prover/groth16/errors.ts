import { MedNexusError } from "@mednexus/sdk";

/**
 * Codes: KEY_MALFORMED, WITNESS_MALFORMED (not the file format, or cut short), WITNESS_MISMATCH (of another circuit), PROOF_REJECTED (a proof that was made
 * does not verify: a wrong witness or a fault of the machine). Messages name positions and lengths, never a value.
 */
export class ProverError extends MedNexusError {}
