/** A subject's way out: what it is handed with the consent form, what it signs offline, what anybody may send for it. */
import { decodeBytes32String, type Signer } from "ethers";
import { z } from "zod";
import { type Contracts, decodeFailure, type Executed, execute, RevertError } from "../actions/client.ts";
import { MedNexusError } from "../errors.ts";
import { grantLeaf, type Hash, type Purpose, REVOCATION, typedDataDomain } from "../transcript.ts";

const hash = z.string().regex(/^0x[0-9a-f]{64}$/, "32 hex bytes");
const account = z.string().regex(/^0x[0-9a-fA-F]{40}$/, "20 hex bytes");
const decimal = z.string().regex(/^[1-9]\d{0,19}$/, "a positive decimal number");

/** Opens one grant. Secret until used: whoever holds it knows that this key consented; without the key it revokes nothing. */
export const revocationKitSchema = z.strictObject({
  version: z.literal(1),
  chainId: z.int().positive(),
  /** The ConsentRegistry. */
  registry: account,
  dataset: decimal,
  datasetVersion: z
    .int()
    .positive()
    .max(2 ** 32 - 1),
  subject: account,
  salt: hash,
  proof: z.array(hash).max(64),
});
export type RevocationKit = z.infer<typeof revocationKitSchema>;

export const signedRevocationSchema = revocationKitSchema.extend({
  signature: z.string().regex(/^0x[0-9a-f]{130}$/, "65 hex bytes"),
});
export type SignedRevocation = z.infer<typeof signedRevocationSchema>;

/** Parses a kit, or a signed one. Throws `BAD_KIT` naming the field. */
export function parseKit<T extends typeof revocationKitSchema | typeof signedRevocationSchema>(
  schema: T,
  text: string,
): z.infer<T> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new MedNexusError("BAD_KIT", "not JSON", { cause });
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data as z.infer<T>;
  const [issue] = result.error.issues;
  throw new MedNexusError("BAD_KIT", `${issue?.path.join(".") || "root"}: ${issue?.message}`);
}

/** Signs offline; no chain, no gas, no institution. Throws `WRONG_KEY` unless the signer is the kit's subject. */
export async function signRevocation(kit: RevocationKit, signer: Signer): Promise<SignedRevocation> {
  if ((await signer.getAddress()).toLowerCase() !== kit.subject.toLowerCase())
    throw new MedNexusError("WRONG_KEY", `this key is not ${kit.subject}, who consented`);
  const dataset = BigInt(kit.dataset);
  const leaf = grantLeaf(dataset, kit.datasetVersion, kit.subject, kit.salt);
  const domain = typedDataDomain(BigInt(kit.chainId), kit.registry);
  return { ...kit, signature: await signer.signTypedData(domain, REVOCATION, { dataset, leaf }) };
}

/** Sends a signed revocation; `contracts` are the relayer's. Throws `WRONG_CHAIN` where the kit is another deployment's, RevertError where the registry refuses. */
export async function relayRevocation(
  contracts: Contracts,
  deployment: { readonly chainId: number; readonly addresses: { readonly consent: string } },
  { registry, chainId, dataset, datasetVersion, subject, salt, proof, signature }: SignedRevocation,
): Promise<Executed> {
  if (chainId !== deployment.chainId || registry.toLowerCase() !== deployment.addresses.consent.toLowerCase())
    throw new MedNexusError("WRONG_CHAIN", `signed for registry ${registry} on chain ${chainId}`);
  return execute(contracts.consent.revoke, [BigInt(dataset), datasetVersion, subject, salt, proof, signature]);
}

export interface ConsentStatus {
  readonly dataset: bigint;
  readonly version: number;
  readonly epoch: bigint;
  readonly termsHash: Hash;
  readonly grantRoot: Hash;
  readonly roundedCount: number;
  readonly custodial: boolean;
  /** Unix seconds from which the root counts. */
  readonly effectiveAt: number;
  /** For the purpose asked about: "" allowed, else why not, in the registry's word. */
  readonly refusal?: string;
}

/** What the chain says of a version's consent; of the current version where none is given. */
export async function readConsentStatus(
  contracts: Pick<Contracts, "consent" | "datasets">,
  dataset: bigint,
  options: { readonly version?: number; readonly purpose?: Purpose } = {},
): Promise<ConsentStatus> {
  const { consent, datasets } = contracts;
  const version = options.version ?? Number(await datasets.currentVersion(dataset));
  const [epoch, termsHash, grants] = await Promise.all([
    consent.epochOf(dataset),
    consent.termsHashOf(dataset, version),
    consent.grantRootOf(dataset, version),
  ]);
  return {
    dataset,
    version,
    epoch,
    termsHash,
    grantRoot: grants.root,
    roundedCount: Number(grants.roundedCount),
    custodial: grants.custodial,
    effectiveAt: Number(grants.effectiveAt),
    ...(options.purpose === undefined ? {} : { refusal: await refusalOf(consent, dataset, version, options.purpose) }),
  };
}

async function refusalOf(
  consent: Contracts["consent"],
  dataset: bigint,
  version: number,
  purpose: Purpose,
): Promise<string> {
  try {
    await consent.requireAllowed(dataset, version, purpose);
    return "";
  } catch (cause) {
    const failure = decodeFailure(cause);
    if (!(failure instanceof RevertError)) throw failure;
    const { reason } = failure.args;
    return typeof reason === "string" ? `PurposeRefused: ${decodeBytes32String(reason)}` : failure.errorName;
  }
}
