/** Fees of a transaction and how it is replaced (EIP-1559; replacement rule of the common nodes). */

export interface Fees {
  /** Wei a gas. */
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
}

/** What the chain asks for now. */
export interface Market {
  readonly baseFee: bigint;
  readonly tip: bigint;
}

const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/** Fees that six full blocks in a row do not price out (1.125^6 > 2), under the cap; undefined while even the next block costs more than the cap. */
export function initialFees({ baseFee, tip }: Market, cap: bigint): Fees | undefined {
  if (baseFee + tip > cap) return undefined;
  return { maxFeePerGas: smaller(2n * baseFee + tip, cap), maxPriorityFeePerGas: tip };
}

/**
 * Fees for a replacement: both at least an eighth above those before, or nodes refuse it as underpriced, and what the
 * market asks now. Undefined when that would pass the cap.
 */
export function bumpedFees(before: Fees, market: Market, cap: bigint): Fees | undefined {
  const eighthMore = (fee: bigint): bigint => fee + (fee + 7n) / 8n;
  const maxPriorityFeePerGas = larger(eighthMore(before.maxPriorityFeePerGas), market.tip);
  const least = larger(eighthMore(before.maxFeePerGas), maxPriorityFeePerGas);
  if (least > cap) return undefined;
  return {
    maxFeePerGas: larger(least, smaller(2n * market.baseFee + maxPriorityFeePerGas, cap)),
    maxPriorityFeePerGas,
  };
}

/** A tenth on top of the estimate, for state that moves before inclusion. */
export const gasLimit = (estimate: bigint): bigint => estimate + estimate / 10n;
