/**
 * Licences to use models and datasets. The seller: offerLicense, collectLicense. The buyer: buyLicense with an EIP-2612 permit (one transaction),
 * useLicense, closeLicense. Amounts in the smallest unit of the stake token.
 */
import { ZeroAddress, ZeroHash } from "ethers";
import type { Address, Purpose } from "../transcript.ts";
import { type Contracts, eventArgs, execute, type Executed } from "./client.ts";
import { NO_PERMIT, type Permit } from "./token.ts";

/** ILicenseMarket.Asset. */
export const ASSET = { model: 0, dataset: 1 } as const;
/** ILicenseMarket.Pricing. */
export const PRICING = { perUse: 0, timed: 1 } as const;

type Market = Pick<Contracts, "licenses">;

export interface Offer {
  readonly asset: keyof typeof ASSET;
  readonly assetId: bigint;
  /** of the dataset; models are licensed in all versions */
  readonly version?: number;
  readonly pricing: keyof typeof PRICING;
  /** of one unit: a use, or a period */
  readonly price: bigint;
  /** seconds of one unit of `timed` */
  readonly period?: number;
  /** what a buyer that leaves early does not get back */
  readonly minUnits?: number;
  readonly maxUnits: number;
  /** the seller's contract (ILicenseHook) */
  readonly hook?: Address;
}

/** What a model's licence carries: it has no purpose. */
export const NO_PURPOSE: Purpose = {
  permission: 0,
  modifiers: 0n,
  disease: ZeroHash,
  region: ZeroHash,
  project: ZeroHash,
  user: ZeroAddress,
};

/** The signer owns the asset. Reverts NotAssetOwner, BadOffer. */
export async function offerLicense(contracts: Market, seller: Address, offer: Offer): Promise<bigint> {
  const terms = {
    seller,
    asset: ASSET[offer.asset],
    assetId: offer.assetId,
    version: offer.version ?? 0,
    pricing: PRICING[offer.pricing],
    price: offer.price,
    period: offer.period ?? 0,
    minUnits: offer.minUnits ?? 0,
    maxUnits: offer.maxUnits,
    hook: offer.hook ?? ZeroAddress,
  };
  return eventArgs(await execute(contracts.licenses.offer, [terms]), "OfferPublished").offer as bigint;
}

/** Buys for the signer and pays price · units. Reverts OfferIsWithdrawn, SellerMoved, BadUnits, and by the consent registry's names. */
export async function buyLicense(
  contracts: Market,
  request: { offer: bigint; units: number; purpose?: Purpose; permit?: Permit },
): Promise<{ license: bigint; paid: bigint }> {
  const { offer, units, purpose = NO_PURPOSE, permit = NO_PERMIT } = request;
  const { license, paid } = eventArgs(
    await execute(contracts.licenses.buy, [offer, units, purpose, permit]),
    "LicenseBought",
  );
  return { license: license as bigint, paid: paid as bigint };
}

/** Licensee or delegate: takes uses, or checks a timed licence. Reverts LicenseExhausted, LicenseExpired, or as consent refuses. */
export const useLicense = (contracts: Market, license: bigint, uses = 1): Promise<Executed> =>
  execute(contracts.licenses.use, [license, uses]);

/** Anybody: credits the payees with what is earned; how much that was. */
export async function collectLicense(contracts: Market, license: bigint): Promise<bigint> {
  const { events } = await execute(contracts.licenses.collect, [license]);
  return (events.find(({ name }) => name === "LicenseCollected")?.args.earned as bigint | undefined) ?? 0n;
}

/** The licensee, or anybody once consent refuses: ends it; what the licensee gets back. Reverts NotYetClosable, LicenseIsClosed. */
export const closeLicense = async (contracts: Market, license: bigint): Promise<bigint> =>
  eventArgs(await execute(contracts.licenses.close, [license]), "LicenseClosed").refund as bigint;
