/** What proving a round brings and costs, in the token's smallest unit. `tokenPerEther`: what 10^18 wei are worth; 0: gas is free. */
export function profit(fee: bigint, gas: bigint, gasPrice: bigint, tokenPerEther: bigint): bigint {
  const ether = 10n ** 18n;
  return fee - (gas * gasPrice * tokenPerEther + ether - 1n) / ether;
}
